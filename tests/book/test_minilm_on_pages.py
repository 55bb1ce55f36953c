"""What lessons 11, 13, 14 and 16 say of MiniLM, with no run of it, and with some."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from cells import cells, run
from IPython.display import Markdown

from recall_learn.figures import tables
from recall_learn.measures import resampled
from recall_learn.runs import grids
from recall_learn.runs.recordings import Record, Records

BOOK = Path(__file__).parents[2] / "book"


def said(lesson, marks, names=()):
    """The text that some cells of a lesson show; a cell is named by a text that it holds."""
    shown, names = [], dict(names)
    names["display"] = lambda each: shown.append(getattr(each, "data", each))
    for cell in cells(BOOK / lesson):
        if any(mark in cell for mark in marks):
            run(cell, BOOK / lesson, names)
    return [each for each in shown if isinstance(each, str)]


@pytest.fixture
def book(tmp_path, monkeypatch):
    for name in ("grid-neighbours.jsonl", "grid-methods.jsonl"):
        (tmp_path / "runs" / "world").mkdir(parents=True, exist_ok=True)
        shutil.copy(BOOK / "runs" / name, tmp_path / "runs" / name)
    shutil.copytree(BOOK / "grids", tmp_path / "grids")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def record(book, similarity):
    """MRPC's plain rates of seed 0, and EWC; STS-B lacks a rate."""
    runs = []
    for recipe in grids.read_grid("grids/neighbours-minilm.json"):
        if recipe.seed == 0 and recipe.task in ("mrpc", "stsb") and recipe.names in ("vanilla", "ewc"):
            kept = similarity if recipe.methods else 0.5 + 1e-5 / recipe.lr
            columns = {"step": [0, 200], "score": [0.4, 0.8], "loss": [None, 0.5], "source_loss": [6.4, 7.0]}
            if not (recipe.task == "stsb" and recipe.lr == 1e-4):
                runs.append(Record(recipe, {**columns, "similarity": [0.867, kept]}))
    environment = {"device": "CPU", "versions": {"torch": "2.13.0"}}
    Records([environment], runs).save(book / "runs" / "grid-neighbours-minilm.jsonl")


LESSON_11 = ("import inspect", "grid-neighbours-minilm.jsonl", "def title(", "asked_minilm =", "def needs_source(")


def test_the_neighbours_without_and_with_runs_of_minilm(book):
    texts = said("11_neighbours.md", LESSON_11)
    (counted,) = (text for text in texts if "**MiniLM**" in text)
    assert "Recorded: 0 of 507 runs, 0 of 30 methods" in counted
    assert "--out book/runs/grid-neighbours-minilm.jsonl --data GLUE --source-text BOOKS --fisher FISHER`." in counted
    assert texts[-1].endswith("For MiniLM nothing is recorded yet.")
    for similarity, words in (
        (0.95, "“a pull by importance” (EWC, gamma 50: similarity 0.950, the learning rate alone 0.900; 1 method rec"),
        (0.6, "“the learning rate alone” (plain fine-tuning, lr 2.5e-05: similarity 0.900, the learning rate alone"),
    ):
        record(book, similarity)
        texts = said("11_neighbours.md", LESSON_11)
        (counted,) = (text for text in texts if "**MiniLM**" in text)
        assert "Recorded: 11 of 507 runs, 2 of 30 methods" in counted
        assert words in texts[-1]
        assert "on mrpc" in texts[-1]
        assert "on stsb" not in texts[-1]  # a rate is missing


def row(task, lr, back, seed=0):
    """Layer 2 at home undoes this share of the rise; the score is 0.8, and 0.7 with a part at home."""
    parts = ["bert.embeddings", "bert.encoder.layer.0", "bert.encoder.layer.1", "bert.pooler"]
    alone = {part: {"score": 0.7, "source_loss": 7.4} for part in parts}
    alone[parts[2]]["source_loss"] = 7.4 - back
    put_back = {"parts": parts, "alone": alone}
    put_back |= {"tuned": {"score": 0.8, "source_loss": 7.4}, "pretrained": {"score": 0.3, "source_loss": 6.4}}
    kept = {"score": 0.8, "source_loss": 7.4, "similarity": 0.6, "alike": [[1, 1, 0.9], [1, 1, 0.8], [1, 1, 0.4]]}
    asked = {
        "probes": {"tense": [[0.8, 0, 0.5, 0.3, 0]] * 2 + [[0.7, 0, 0.5, 0.2, 0]]},
        "grammar": {"syntax": [0.5, 0, 4]},
    }
    return {"task": task, "seed": seed, "lr": lr, "method": "vanilla", "put_back": put_back, **kept, **asked}


def test_where_minilm_forgets_without_and_with_rows(book):
    marks = ("def recorded(", 'recorded("where-minilm")')
    names = {"json": json, "Path": Path, "np": np, "tables": tables, "Markdown": Markdown}
    assert "No run of MiniLM is recorded for this page yet" in said("13_where.md", marks, names)[-1]
    home = {"method": "theta*", "probes": {"tense": [[0.8, 0, 0.5, 0.3, 0]] * 3}, "grammar": {"syntax": [0.75, 0, 4]}}
    slower = row("mrpc", 4e-5, 0.9) | {"score": 0.9, "similarity": 0.7}
    home |= {"similarity": 0.867, "source_loss": 6.4}
    rows = [home, row("sst2", 2e-4, 0.2), row("mrpc", 2e-4, 0.4), slower]
    second = [row("mrpc", 2e-4, 0.4, seed=1) | {"score": 0.6}, slower | {"seed": 1, "score": 0.8}]
    (book / "runs" / "world" / "where-minilm.json").write_text(json.dumps({"environment": {}, "rows": rows}))
    *_, counted, by_part, summed, compared, by_method = said("13_where.md", marks, names)
    assert "Recorded: 3 runs of MiniLM, 2 settings, 1 seed." in counted
    assert "in the mean of 2 runs on sst2, mrpc" in counted
    assert "| layer 2 | 30% | 0.100 | 0.400 |" in by_part
    assert "| pooler | 0% | 0.100 | not asked |" in by_part
    assert "Layer 2 at home undoes most of the rise, 30%." in summed
    assert "its selectivity went from 0.30 by -0.10" in summed
    assert "The source loss is 6.40 nats before, 7.40 after" in summed
    assert "50% are right, 75% before; the similarity of sentences is 0.60, 0.87 before" in summed
    assert "Each of the 2 settings that are recorded has 1 run in common with the others: mrpc (seed 0)." in compared
    assert "| `vanilla` | 0.0002 | 0.800 | 7.400 | 0.600 | 0.400 |" in by_method
    assert "| `vanilla` | 4e-05 | 0.900 | 7.400 | 0.700 | 0.400 |" in by_method
    second.append({"tried": "rte", "score": 0.552, "guess": 0.527})
    (book / "runs" / "world" / "where-minilm.json").write_text(json.dumps({"environment": {}, "rows": rows + second}))
    *_, counted, _, _, compared, by_method = said("13_where.md", marks, names)
    assert counted.endswith("learned in 300 steps: rte with a score of 0.55 (a guess: 0.53).")
    assert "has 2 runs in common with the others: mrpc (seeds 0, 1)." in compared  # not sst2, which one of them lacks
    assert "| `vanilla` | 0.0002 | 0.700 | 7.400" in by_method
    assert "| `vanilla` | 4e-05 | 0.850 | 7.400" in by_method
    rows[3]["task"] = "rte"
    (book / "runs" / "world" / "where-minilm.json").write_text(json.dumps({"environment": {}, "rows": rows}))
    assert "share no task and seed yet, so they are not compared" in said("13_where.md", marks, names)[-1]


OTHERS = ("nli/mnli", "sick", "nli/scitail", "rte")


def entailed(score, elsewhere, seed=0, **setting):
    """A run on SNLI that is as often right on each of the other sets; always one class would be right in 0.45."""
    told = {"task": "nli/snli", "seed": seed, "lr": 1e-4, "method": "vanilla", "score": score}
    return {**told, "elsewhere": dict.fromkeys(OTHERS, elsewhere), "majority": dict.fromkeys(OTHERS, 0.45), **setting}


def test_where_minilm_generalises_without_and_with_rows(book):
    marks = ("def recorded(", 'recorded("general-minilm")', "for task, rows_of in tables_of.items()")
    names = {"json": json, "Path": Path, "np": np, "tables": tables, "Markdown": Markdown, "ORDER": ()}
    texts = said("14_generalise.md", marks, names)
    assert texts[-1] == "No run of `python tools/general.py minilm --data FOLDER` is recorded yet."
    recadam = {"method": "recadam(k=0.1, t0=50, gamma=1000)"}
    rows = [entailed(0.8, 0.5), entailed(0.6, 0.4, lr=2e-5), entailed(0.65, 0.44, **recadam)]
    rows[0]["elsewhere"]["rte"] = rows[2]["elsewhere"]["rte"] = 0.36  # 0.04 behind the slow rate, elsewhere ahead
    path = book / "runs" / "world" / "general-minilm.json"
    path.write_text(json.dumps({"environment": {}, "rows": rows}))
    *_, counted, summed, compared, tuned_on, listed = said("14_generalise.md", marks, names)
    assert "3 of 36 runs" in counted
    assert "so far on nli/snli, with at most 1 seed" in counted
    assert "Tuned on SNLI (plain, 0.0001), MiniLM is right in 80% of the pairs there." in summed
    assert "MNLI 50%, SICK 50%, SciTail 50%, RTE 36%. " in summed
    assert "That is no better than always to say the most frequent class on RTE." in summed
    assert "ahead on another set in 3 of 4 comparisons, by +0.020 in the mean." in compared  # 0.65 is nearer to 0.6
    assert tuned_on == "Tuned on SNLI:"
    assert "| RecAdam | 0.650 | 0.440 | 0.440 | 0.440 | 0.360 |" in listed
    assert "| most frequent class |  | 0.450 | 0.450 | 0.450 | 0.450 |" in listed
    rows.append(entailed(0.7, 0.6, seed=1))
    path.write_text(json.dumps({"environment": {}, "rows": rows}))
    *_, counted, summed, compared, _, listed = said("14_generalise.md", marks, names)
    assert "at most 2 seeds" in counted
    assert "right in 75% of the pairs there. Elsewhere: MNLI 55%, SICK 55%, SciTail 55%, RTE 48%. " in summed
    assert "always to say" not in summed
    assert "in 3 of 4 comparisons, by +0.020" in compared  # on the seed that both have
    assert "| plain, 0.0001 | 0.750 (0.700 to 0.800) | 0.550 (0.500 to 0.600) |" in listed


def tuned(score, seed=0, source=7.0, **setting):
    """A run of RTE; after another task there is no source loss."""
    row = {"method": "vanilla", "lr": 2e-4, "warmup": 0.0, "after": None, **setting, "seed": seed, "score": score}
    return {**row, "loss": 0.6, "similarity": 0.7, **({"source_loss": source} if row["after"] is None else {})}


LESSON_16 = "16_is_it_forgetting.md"


def test_rte_by_minilm_without_and_with_rows(book):
    cell = next(each for each in cells(BOOK / LESSON_16) if 'recorded("instability-minilm")' in each)
    helpers = {"resampled": resampled, "middle": lambda rows, what: float(np.median([row[what] for row in rows]))}
    helpers |= {"told": lambda *what: "", "several": lambda count, one: f"{count} {one}{'s' * (count != 1)}"}
    names = {"json": json, "Path": Path, "np": np, "tables": tables, "Markdown": Markdown, **helpers}
    path = book / "runs" / "world" / "instability-minilm.json"
    names["recorded"] = lambda name: json.loads(path.read_text())["rows"] if path.exists() else []

    def shown():
        texts = []
        run(cell, BOOK / LESSON_16, names | {"display": lambda each: texts.append(each.data)})
        return texts

    assert len(shown()) == 1
    rows = [tuned(0.56), tuned(0.54, seed=1), tuned(0.6, method="bertadam"), tuned(0.66, after="nli/mnli")]
    path.write_text(json.dumps({"environment": {}, "rows": rows}))
    _, table, sentence = shown()
    assert "| plain | 2 | 1 | 0.550 (0.540 to 0.560) | 7.00 | 0.70 |" in table
    assert "| after 5,000 of MNLI | 1 | 0 | 0.660 (0.660 to 0.660) | not asked | 0.70 |" in table
    assert "RTE's score is higher in 1 of 1 run, by +0.100 in the mean." in sentence
    rows[-1:] = [tuned(0.5, after="nli/mnli"), tuned(0.6, seed=1, after="nli/mnli")]
    path.write_text(json.dumps({"environment": {}, "rows": rows}))
    assert "higher in 1 of 2 runs, by +0.000 in the mean." in shown()[-1]
    path.write_text(json.dumps({"environment": {}, "rows": rows[:3]}))
    assert len(shown()) == 2  # nothing to compare
