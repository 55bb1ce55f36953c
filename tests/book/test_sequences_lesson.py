"""What lesson 15 says with no recording, with the first rows of one, and with all of them."""

import re
from pathlib import Path
from types import SimpleNamespace

import builds
import numpy as np
import parts
import pytest
import sequences
from cells import cells, run

from recall_learn.runs.pretrain import BUILDS

LESSON = Path(__file__).parents[2] / "book" / "15_sequences.md"
LIVE = "plain = sequence(recipe, three, progress=False)\n"
GUESS = {"cola": 0.0, "stsb": 0.0, "rte": 0.5, "mrpc": 0.5, "sst2": 0.5, "facts": 0.5, "questions": 0.5}


def lived():
    """A sequence that nobody has to train."""
    scores = np.array([[0.0, 0.4, 0.5], [0.8, 0.5, 0.5], [0.6, 0.9, 0.5], [0.3, 0.8, 1.0]])
    columns = {"facts": [1.0, 0.9, 0.8, 0.5], "source_loss": [0.67, 0.8, 0.9, 1.4]}
    tasks = ("world/cola", "world/rte", "world/sst2")
    return SimpleNamespace(tasks=tasks, scores=scores, column=columns.get)


def said():
    """The texts that the page shows, and the claims of its figures."""
    texts, claims = [], []

    def display(each):
        if hasattr(each, "layout"):
            claims.append(each.layout.meta["claim"])
        elif hasattr(each, "data"):
            texts.append(each.data)

    names = {"display": display}
    live, *others = cells(LESSON)
    assert live.endswith(LIVE)
    names["plain"] = lived()
    exec(live.partition("three = ")[0], names)
    for cell in others:
        run(cell, LESSON, names)
    return texts, claims


def gone_through(key, forget=0.25, facts=0.1, start=1.0):
    """Each task is learned to 0.4 over a guess, each later one takes a part of that; the facts fall by steps."""
    tasks = key["tasks"]
    left = dict.fromkeys(tasks, 0.0)
    scores, known = [[GUESS[task] for task in tasks]], [start]
    for new in tasks:
        left = {task: 1.0 if task == new else share * (1 - forget) for task, share in left.items()}
        scores.append([GUESS[task] + 0.4 * left[task] for task in tasks])
        known.append(round(max(0.0, known[-1] - facts), 4))
    if key.get("together"):
        scores, known = [scores[0], [GUESS[task] + 0.4 for task in tasks]], [known[0], known[-1]]
    return {**key, "scores": scores, "facts": known, "source_loss": [0.7 + 4 * (1 - each) for each in known]}


def ordered(count=None, **how):
    """Rows of the orders; another way forgets half of what plain fine-tuning does, each seed and order a bit more."""
    rows = []
    for n, (key, _) in enumerate(list(sequences.run_orders())[:count]):
        weak = {name: value * (1 if key["method"] == "vanilla" else 0.5) for name, value in how.items()}
        rows.append(gone_through(key, **{name: value * (1 + n / 1000) for name, value in weak.items()}))
    return rows


def answered(count=None):
    """Rows of facts, questions and rte: each later task takes a quarter of those before, of EWC nothing."""
    rows = []
    for key, _ in list(sequences.run_answers())[:count]:
        rows.append(gone_through(key, forget=0.0 if key["method"] == "ewc(gamma=100)" else 0.25, facts=0.1))
    return rows


def test_without_recordings_it_says_which_commands_make_them(world):
    texts, claims = said()
    small = ("tools/sequences.py orders", "tools/sequences.py answers", "tools/parts.py", "tools/builds.py")
    for command in (*small, "tools/sequences.py minilm --data FOLDER"):
        assert sum(f"No run of `python {command}` is recorded yet" in text for text in texts) == 1
    assert texts[-1] == "There are no runs yet from which to settle them."
    assert claims == [
        "From its own row to the last, cola goes from 0.80 to 0.30, and the facts known go from 100% to 50%"
    ]


@pytest.mark.parametrize(("facts", "more"), [(0.1, "task"), (0.2, "pretraining")])
def test_with_one_row_it_says_what_is_in_it(world, facts, more):
    (row,) = ordered(1, forget=0.25, facts=facts)
    world("sequences-orders", [row])
    texts, claims = said()
    assert any("1 of 126 runs are recorded" in text and "**What follows rests on" in text for text in texts)
    assert claims[1] == (
        f"After the second task plain fine-tuning has a share of 0.75 of its first task left, and {1 - 2 * facts:.0%} "
        "of the facts"
    )
    (told,) = (text for text in texts if "The second task takes" in text)
    assert told.startswith(
        f"The second task takes 0.25 of the first task's share. By then {2 * facts:.0%} of the facts"
    )
    assert f"more of the {more}, in 1 of 1 run." in texts[-1]
    assert any(text.startswith("So far fewer than two orders are recorded") for text in texts)


def test_with_all_rows_nothing_is_missing(world):
    world("sequences-orders", ordered(forget=0.2, facts=0.15))
    rng = np.random.default_rng(0)
    rows = []
    for key, _ in parts.jobs():
        gain = {"A, then B": 0.0, "A and B, as many steps in all": 0.1}.get(key["way"], 0.05)
        rows.append({**key, "scores": dict.fromkeys(("as A", "elsewhere"), 0.7 + gain + float(rng.uniform(0, 0.01)))})
    world("parts", rows)
    models = []
    for seed in builds.SEEDS:
        for build in BUILDS:
            models.append({"build": build, "seed": seed, "facts_known": 0.8})
            forget = {"lstm": 0.5}.get(build, 0.2)
            for order in builds.ORDERS:
                for hold in builds.HOLD:
                    key = {"build": build, "seed": seed, "tasks": list(order), **hold}
                    models.append(gone_through(key, forget, facts=0.1, start=0.8))
    world("builds", models)
    world("sequences-answers", answered())
    world("sequences-minilm", real())
    texts, claims = said()
    assert not any("What follows rests on" in text or "No run of" in text or "ewer than two" in text for text in texts)
    assert len(claims) == 6
    closes = next(text for text in texts if text.startswith("Of the gap"))
    shares = [int(share) for share in re.findall(r"closes (\d+)% of it", closes)]
    assert len(shares) == 4  # two tasks, two kinds of B
    assert all(40 < share < 65 for share in shares)
    assert any("leaves least of the earlier tasks in the LSTM" in text for text in texts)
    assert "beginning anew in 6." in texts[-1]
    table = next(text for text in texts if "earlier tasks, at the end" in text)
    assert all(
        len([line for line in table.splitlines() if line.startswith(f"| {name} |")]) == 1 for name in ("plain", "LwF")
    )
    assert table.splitlines()[-1].startswith("| all at once | everything: the ceiling | 1.00 | 1.00")


@pytest.mark.parametrize(("weaker", "words"), [(0, "in 9 of 9 runs"), (2, "in 7 of 9 runs")])
def test_the_second_bet_counts_the_runs_in_which_the_best_is_ahead(world, weaker, words):
    rows = ordered(forget=0.2, facts=0.15)
    replay = [row for row in rows if row["method"] == "task-replay(buffer=50)"]
    for row in replay[weaker:]:
        row["scores"][-1] = [0.01 + score for score in row["scores"][-1]]
    for row in replay[:weaker]:
        row["scores"][-1] = [score - 0.05 for score in row["scores"][-1]]
    world("sequences-orders", rows)
    (bets,) = (text for text in said()[0] if "**Second bet.**" in text)
    assert "(EWC in its online form), replay 50 keeps most of the earlier tasks" in bets
    assert words in bets


def test_a_way_that_is_recorded_in_one_order_alone_is_not_compared_across_orders(world):
    rows = ordered(15, forget=0.2, facts=0.15)  # the first order is whole, of the second there is plain fine-tuning
    world("sequences-orders", rows)
    texts, _ = said()
    assert any("15 of 126 runs are recorded" in text for text in texts)
    assert any(text.startswith("So far fewer than two orders are recorded") for text in texts)
    assert any(text.startswith(("One run each", "Medians of 1 to 2 runs each")) for text in texts)


# --- facts, questions, entailment ---


def of_answers(rows, world):
    """What the page says of them, with nothing else recorded: the table, and the sentence under it."""
    world("sequences-answers", rows)
    texts, _ = said()
    (state,) = (text for text in texts if "nine ways, three seeds" in text)
    parts = ("when just learned | at the end | facts known", "best of the four")
    return state, *(next((text for text in texts if part in text), "") for part in parts)


def test_one_row_of_answers_is_shown_and_nothing_is_compared(world):
    state, table, sentence = of_answers(answered(1), world)
    assert state.startswith("1 of 54 runs are recorded")
    assert "**One seed is a hint" in state
    assert table.splitlines()[2:] == ["| plain | 0.90 | 0.81 | 70% |"]
    assert not sentence


def test_a_penalty_that_keeps_the_tasks_but_learns_no_better_is_said_to(world):
    state, table, sentence = of_answers(answered(9), world)
    assert state.startswith("9 of 54 runs are recorded")
    assert [line.split(" | ")[0].strip("| ") for line in table.splitlines()[2:]][::8] == ["separate EWC", "all at once"]
    assert "The best of the four penalties at the end is separate EWC." in sentence
    assert "on tasks just learned in 0 of 1 run. " in sentence
    assert "Against a quarter of the rate separate EWC is ahead in 0 of 1, by +0.000 in the mean." in sentence
    assert "hardly at all" not in sentence
    assert sentence.endswith(
        "quarter rate 0.90 and 0.81, with 70% of the facts; replay 500 0.90 and 0.81, with 70% of the facts."
    )


def test_a_penalty_that_learns_more_is_said_to_with_the_questions(world):
    rows = answered()
    for row in rows:
        if row["method"] == "ewc(gamma=100)":
            row["scores"][2][1] += 0.05
    state, table, sentence = of_answers(rows, world)
    assert state.startswith("54 of 54 runs are recorded")
    assert "Recorded by" in state
    assert len(table.splitlines()) == 2 + 9
    assert "of 6 runs a way. " in sentence
    assert "on tasks just learned in 6 of 6 runs." in sentence
    assert "to 0.90 (0.90 to 0.90) by plain fine-tuning, to 0.95 (0.95 to 0.95) with separate EWC." in sentence
    assert "Against a quarter of the rate separate EWC is ahead in 6 of 6, by +0.017 in the mean." in sentence


def test_plain_runs_that_learn_a_task_hardly_at_all_are_counted(world):
    rows = answered()
    fallen = [row for row in rows if row["method"] == "vanilla" and row["lr"] == 0.001 and not row["together"]][:2]
    for row in fallen:
        row["scores"][2][1] = 0.5
    assert "in 2 of 6 plain runs a task is learned to less than 0.55, so hardly" in of_answers(rows, world)[2]


def test_answers_of_an_order_that_is_half_recorded_wait(world):
    assert of_answers(answered(12), world)[1:] == of_answers(answered(9), world)[1:]


# --- a real encoder ---

NOTHING = {"mrpc": 0.68, "rte": 0.53, "cola": 0.0, "sentences/mr": 0.5, "sentences/subj": 0.5, "sentences/trec": 0.2}


def real(count=None, unable=()):
    """Each task is learned to 0.2 over a guess, and each later one takes a quarter of it; in a way with less rate an
    eighth. The similarity falls by 0.2 with the first task, and by 0.02 with each later one."""
    height = {task: 0.04 if task in unable else 0.2 for task in NOTHING}
    rows = []
    for key, _ in list(sequences.run_minilm(Path()))[:count]:
        tasks, share = key["tasks"], 0.75 if key["lr"] >= 2e-4 else 0.875
        scores, similarity = [[NOTHING[task] for task in tasks]], [0.86]
        for i in range(len(tasks)):
            left = [height[task] * share ** (i - j) if i >= j else 0.0 for j, task in enumerate(tasks)]
            scores.append([NOTHING[task] + more for task, more in zip(tasks, left, strict=True)])
            similarity.append(0.66 - 0.02 * i)
        if key["together"]:
            scores, similarity = [scores[0], [NOTHING[task] + height[task] for task in tasks]], [0.86, 0.7]
        rows.append({**key, "guess": [NOTHING[task] for task in tasks], "scores": scores, "similarity": similarity})
    return rows


def of_minilm(rows, world):
    """What the page says of them: how many there are, the task's table, the ways' table, and the sentence under it."""
    world("sequences-minilm", rows)
    texts, _ = said()
    parts = ("six tasks, two orders", "a guess", "| similarity |", "Plain fine-tuning has a similarity")
    return [next((text for text in texts if part in text), "") for part in parts]


def test_minilm_goes_through_real_tasks(world):
    state, tasks, kept, _ = of_minilm(real(), world)
    assert state.startswith("24 of 24 runs are recorded")
    assert "| mr | 0.50 | 0.70 (0.70 to 0.70) | 0.60 (0.58 to 0.61) |" in tasks  # the fourth, or the third
    lines = kept.splitlines()[2:]
    left = sum(0.75**i for i in range(1, 6)) / 5
    assert [line.split(" | ")[0].strip("| ") for line in lines][:: len(lines) - 1] == ["quarter rate", "all at once"]
    assert f"| plain | {left:.2f} ({left:.2f} to {left:.2f}) | 0.56 (0.56 to 0.56) |" in lines


def test_with_one_run_of_minilm_nothing_is_compared_that_is_not_there(world):
    state, tasks, kept, sentence = of_minilm(real(1), world)
    assert "similarity at the end is kept by plain" in sentence
    assert state.startswith("1 of 24 runs are recorded")
    assert "**One seed is a hint" in state
    assert len(tasks.splitlines()) == 2 + 6
    assert len(kept.splitlines()) == 2 + 1


def test_tasks_that_minilm_hardly_learns_count_in_no_share(world):
    *_, sentence = of_minilm(real(), world)
    assert sentence.count("left out") == 0
    *_, kept, sentence = of_minilm(real(unable=("cola", "rte")), world)
    assert "In 100 steps rte and cola are learned hardly, if at all" in sentence
    assert "0.86 before, 0.66 after the first task, 0.56 at the end: the first task takes 67% of the loss." in sentence
    assert "kept by all at once, most of the earlier tasks by quarter rate." in sentence
    order = list(NOTHING)
    one = [0.75 ** (6 - order.index(task) - 1) for task in order[:-1] if task not in ("cola", "rte")]
    assert f"{sum(one) / len(one):.2f}" in kept.split("| plain | ")[1].split("|")[0]
