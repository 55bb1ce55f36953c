"""Sweeps of sequences: what a grid of them stands for, what a swept one holds, its file, and what is refused."""

import itertools
import json
import math
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import sequences
from sequenced import world
from small import refused

import recall_learn
from recall_learn import SequenceRun, save_fisher, sequence
from recall_learn.cli import main
from recall_learn.models.fisher_files import load_fisher
from recall_learn.runs import grids, lines, recordings, sequence_recordings, workers
from recall_learn.runs.sequence_recipe import SequenceRecipe
from recall_learn.runs.sequence_recordings import SequenceRecords
from recall_learn.runs.sweep import sweep

__all__ = ["world"]
BOOK = Path(__file__).parents[2] / "book"
SHORT = {"max_length": 24, "steps": 2, "batch_size": 4, "lr": 1e-2, "limit_train": 12, "probe": "none"}
ORDERS = [["cola", "mrpc"], ["mrpc", "cola"]]


def block(world, **changes):
    return {"backbone": str(world / "bert"), "tasks": ["cola", "mrpc"], **SHORT, **changes}


def take(world, asked, out, **more):
    here = {"data_folder": world / "glue", "workers": 1, "device": "cpu", "progress": False}
    return sweep(asked, out, **(here | more))


def by_itself(world, asked, **more):
    how = {"home": asked.home, "together": asked.together, "data_folder": world / "glue", "device": "cpu"}
    return sequence(asked.recipe, asked.tasks, **how, progress=False, **more)


def same(one, other):
    """All but when it was taken, how long that took, and on how many threads."""
    for run in (one, other):
        assert run.environment["date"] < "3"
        assert isinstance(run.environment["seconds"], float)
    apart = ("date", "seconds", "threads")
    made = [{key: value for key, value in run.environment.items() if key not in apart} for run in (one, other)]
    assert made[0] == made[1]
    assert (one.asked, one.rows, one.final, one.stopped) == (other.asked, other.rows, other.final, other.stopped)


# --- what a grid stands for ---


def test_a_grid_of_sequences_is_every_combination_once_and_low_seeds_first(world):
    axes = {"tasks": ORDERS, "home": ["last", "pretrained"], "method": ["vanilla", "lwf"], "seed": [1, 0]}
    asked = grids.expand([block(world, **axes), block(world, tasks=ORDERS[0])])
    found = [(each.tasks, each.home, each.names, each.seed) for each in asked]
    assert set(found) == set(itertools.product(map(tuple, ORDERS), axes["home"], axes["method"], (0, 1)))
    assert len(found) == 16
    assert [each.seed for each in asked] == [0] * 8 + [1] * 8
    assert {type(each) for each in asked} == {SequenceRecipe}
    assert [each.recipe.task for each in asked] == [each.tasks[0] for each in asked]


def test_one_list_of_names_is_one_sequence_and_its_tasks_are_scored_at_their_ends(world):
    (asked,) = grids.expand([block(world, steps=7)])
    assert asked.tasks == ("cola", "mrpc")
    assert (asked.home, asked.together, asked.recipe.evaluate_every) == ("last", False, 7)
    (asked,) = grids.expand([block(world, steps=7, evaluate_every=2)])
    assert asked.recipe.evaluate_every == 2


def test_at_once_there_is_no_home_to_tell_two_apart(world):
    asked = grids.expand([block(world, home=["last", "pretrained"], together=[False, True])])
    assert [(each.home, each.together) for each in asked] == [("last", False), ("last", True), ("pretrained", False)]


def test_settings_of_methods_are_axes_here_too(world):
    asked = grids.expand([block(world, method=["vanilla", "recadam"], k=[0.1, "inf"], t0=1)])
    assert [(each.names, each.recipe.k) for each in asked] == [
        ("vanilla", None),
        ("recadam", 0.1),
        ("recadam", math.inf),
    ]
    refused(lambda: grids.expand([block(world, p=0.5)]), ValueError, "block 1 of the grid has p, which is no setting")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"tasks": ["cola", "cola"]}, "tasks has cola twice"),
        ({"tasks": ["cola", "world/rte"]}, "tasks joins cola and world/rte"),
        ({"tasks": []}, "has no value for tasks"),
        ({"tasks": [[]]}, "tasks is empty"),
        ({"tasks": [["cola"], "mrpc"]}, "tasks is 'mrpc'; it has to be a list of names"),
        ({"tasks": [["cola", 3]]}, "task is 3"),
        ({"tasks": "cola"}, "tasks is 'cola'; it has to be a list of names"),
        ({"tasks": ["cola", "colla"]}, "task 'colla' is unknown"),
        ({"task": "cola"}, "task and tasks are both there"),
        ({"tasks": ["cola"], "together": True}, "tasks is cola alone; name two or more"),
        ({"home": ["last", "away"]}, "home is 'away'; it has to be one of last, pretrained"),
        ({"home": "away", "together": True}, "home is 'away'"),
        ({"home": []}, "has no value for home"),
        ({"together": 1}, "together is 1; it has to be true or false"),
        ({"together": True, "method": "lora"}, "lora keeps tasks apart"),
        ({"method": ["vanilla", "mas"]}, "mas cannot go on after a task"),
        ({"tusk": 1}, "unknown key 'tusk'"),
    ],
)
def test_a_block_that_is_no_sequence_is_refused_by_its_number(world, change, says):
    said = refused(lambda: grids.expand([block(world), block(world, **change)]), ValueError, says)
    assert said.startswith("block 2 of the grid")
    assert ". " not in said


def test_runs_and_sequences_are_not_mixed(world, tmp_path):
    single = {"backbone": str(world / "bert"), "task": "cola", **SHORT}
    kinds = "block 3 of the grid is of sequences, and block 1 of single runs; make a grid of each"
    refused(lambda: grids.expand([single, single, block(world)]), ValueError, kinds)
    refused(lambda: grids.expand([{**single, "home": "last"}]), ValueError, "block 1 of the grid: home is of sequences")
    both = [*grids.expand([single]), *grids.expand([block(world)])]
    refused(lambda: take(world, both, tmp_path / "out"), ValueError, "recipes has runs and sequences")
    assert not (tmp_path / "out").exists()


def test_what_is_asked_for_goes_through_a_file(world):
    for asked in grids.expand([block(world, method=["vanilla", "recadam"], k="inf", together=[True, False])]):
        text = json.dumps(asked.to_dict())
        assert SequenceRecipe.from_dict(json.loads(text)) == asked
        assert SequenceRecipe.recorded(json.loads(text)) == asked


def test_the_books_grid_is_what_was_recorded_by_hand():
    asked = grids.read_grid(BOOK / "grids" / "sequences.json")
    made = []
    for key, _ in sequences.run_orders():
        given = {
            "steps": sequences.STEPS,
            "backbone": "tiny",
            **key,
            "tasks": [f"world/{each}" for each in key["tasks"]],
        }
        made.append(SequenceRecipe.from_dict(given))
    assert len(asked) == len(set(asked)) == 126
    assert set(asked) == set(made)


# --- what is taken ---


def test_a_swept_sequence_is_the_sequence(world, tmp_path):
    """In processes of their own and in this one, one by one and at once, from the last home and the pretrained."""
    asked = grids.expand(
        [
            block(world, tasks=ORDERS[0], method="recadam(t0=1)", home="pretrained"),
            block(world, tasks=[ORDERS[1]], together=True, seed=1),
        ]
    )
    expected = [by_itself(world, each) for each in asked]
    for count in (1, 2):
        out = tmp_path / f"{count}.jsonl"
        records = take(world, asked, out, workers=count)
        loaded = sequence_recordings.load(out)
        assert loaded == records
        assert all(isinstance(run, SequenceRun) for run in loaded.runs)
        for one, other in zip(sorted(loaded.runs, key=lambda run: run.recipe.seed), expected, strict=True):
            same(one, other)
            assert (one.scores == other.scores).all()


def test_a_sweep_that_was_stopped_goes_on_with_what_is_missing(world, tmp_path, monkeypatch):
    out, begun, once = tmp_path / "out.jsonl", [], workers.take
    asked = grids.expand([block(world, tasks=ORDERS, seed=[0, 1])])

    def stopped_at_the_third(each, **more):
        begun.append(each)
        if len(begun) == 3:
            raise KeyboardInterrupt
        return once(each, **more)

    monkeypatch.setattr(workers, "take", stopped_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        take(world, asked, out)
    assert begun == asked[:3]
    before = out.read_bytes()
    former = sequence_recordings.load(out)
    assert former.missing(asked) == asked[2:]
    out.write_bytes(before + before[-200:-1])  # a kill in the middle of a line
    records = take(world, asked, out)
    assert begun == asked[:3] + asked[2:]
    assert [run.asked for run in records.runs] == asked
    assert records.runs[:2] == former.runs
    assert sequence_recordings.load(out) == records
    assert take(world, asked, out) == records
    assert len(begun) == 5


KILLED = """
import os, signal, sys
from recall_learn.runs import course
before = course.Course.scored

def scored(self, learned):
    if self.record.recipe.seed == 1 and learned == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return before(self, learned)

course.Course.scored = scored
from recall_learn.cli import main
main(sys.argv[1:])
"""


def test_a_process_that_is_killed_in_a_sequence_loses_that_one_and_the_command_goes_on(world, tmp_path, capsys):
    out = tmp_path / "out.jsonl"
    (tmp_path / "grid.json").write_text(json.dumps([block(world, seed=[0, 1])]))
    words = [
        "sweep",
        tmp_path / "grid.json",
        "--out",
        out,
        "--data",
        world / "glue",
        "--device",
        "cpu",
        "--workers",
        "1",
    ]
    path = os.pathsep.join([str(Path(recall_learn.__file__).parents[1]), *filter(None, sys.path)])
    ended = subprocess.run([sys.executable, "-c", KILLED, *map(str, words)], env={**os.environ, "PYTHONPATH": path})
    assert ended.returncode == -signal.SIGKILL
    assert [run.recipe.seed for run in sequence_recordings.load(out).runs] == [0]
    assert main([str(each) for each in words]) == 0
    assert capsys.readouterr().out == f"2 sequences in the grid, 1 taken now, 0 of 2 stopped -> {out}\n"
    assert [run.recipe.seed for run in sequence_recordings.load(out).runs] == [0, 1]


@pytest.mark.parametrize("together", [False, True])
def test_a_sequence_that_diverges_is_a_result(world, tmp_path, together):
    asked = grids.expand([block(world, lr=1e30, steps=6, clip=0, together=together)])
    (run,) = take(world, asked, tmp_path / "out.jsonl").runs
    assert run.final is None
    assert run.stopped["task"] == "cola"
    assert 0 < run.stopped["step"] < 6
    assert "at step" in run.stopped["why"]
    assert len(run.rows) == 0
    assert sequence_recordings.load(tmp_path / "out.jsonl").runs == [run]
    assert take(world, asked, tmp_path / "out.jsonl").missing(asked) == []


def test_a_model_that_gives_no_number_for_another_task_has_diverged(world, tmp_path, monkeypatch):
    from recall_learn.runs.session import Session

    scores = Session.metrics

    def metrics(session):
        found = scores(session)
        if session.recipe.task == "mrpc" and not hasattr(session, "composed") and asked_before.pop():
            raise ValueError("logits are nan")
        return found

    asked_before = [True, False]  # before any training it is well
    monkeypatch.setattr(Session, "metrics", metrics)
    (run,) = take(world, grids.expand([block(world)]), tmp_path / "out.jsonl").runs
    assert run.stopped == {"task": "cola", "step": 2, "why": "mrpc: logits are nan"}
    assert len(run.rows) == 1


def test_all_are_checked_before_the_first_is_run(world, tmp_path, monkeypatch):
    monkeypatch.setattr(workers, "take", lambda asked, **more: pytest.fail("a sequence was begun"))
    out = tmp_path / "out.jsonl"
    for change, error, says in (
        ({"method": "task-replay(buffer=13)"}, ValueError, "buffer is 13; the tasks before the last have 12"),
        ({"method": "task-replay(buffer=25)", "limit_train": None}, ValueError, "the tasks before the last have 24"),
        ({"method": "ewc"}, ValueError, "ewc is in the grid and needs a Fisher"),
        ({"tasks": ["cola", "rte"]}, FileNotFoundError, "has no task rte"),
        ({"limit_train": 25}, ValueError, "1 to 24 for"),
        ({"backbone": "tiny"}, ValueError, "tiny reads the small world only, not cola"),
        ({"max_length": 2}, ValueError, "max_length"),
    ):
        asked = grids.expand([block(world), block(world, seed=9, **change)])
        refused(lambda asked=asked: take(world, asked, out), error, says)
        assert not out.exists()
    monkeypatch.setattr(workers, "take", lambda asked, **more: (_ for _ in ()).throw(KeyboardInterrupt))
    at_once = grids.expand([block(world, together=True, method="task-replay(buffer=13)")])  # which fills no buffer
    with pytest.raises(KeyboardInterrupt):
        take(world, at_once, out)


def test_a_fisher_is_for_those_that_need_it_and_another_is_not_mixed(world, tmp_path):
    out, fisher = tmp_path / "out.jsonl", world / "fisher.safetensors"
    asked = grids.expand([block(world, method=["vanilla", "ewc(gamma=0.1)"], seed=[0, 1])])
    records = take(world, asked[:2], out, fisher=fisher)
    plain, held = records.runs
    same(held, by_itself(world, asked[1], fisher=fisher))
    assert "fisher" not in plain.environment
    found, about = load_fisher(fisher)
    more = {key: about[key] for key in ("labels", "examples", "backbone", "anchors", "task") if key in about}
    save_fisher(tmp_path / "other", {name: 2 * each for name, each in found.items()}, **more)
    said = "another Fisher than when these sequences were recorded"
    refused(lambda: take(world, asked, out, fisher=tmp_path / "other"), ValueError, "ewc", said)


def test_a_file_of_another_kind_is_refused_and_left_alone(world, tmp_path):
    of_runs, of_sequences, foreign = (tmp_path / name for name in ("runs", "sequences", "notes"))
    lines.begin(of_runs, recordings.Records())
    lines.begin(of_sequences, SequenceRecords())
    foreign.write_text("mine")
    sequences_asked = grids.expand([block(world)])
    runs_asked = grids.expand([{"backbone": str(world / "bert"), "task": "cola", **SHORT}])
    for asked, file, says in (
        (sequences_asked, of_runs, "holds no sequences of a grid: line 1: it is of runs, and sequences are asked for"),
        (runs_asked, of_sequences, "holds no runs of a grid: line 1: it is of sequences, and runs are asked for"),
        (sequences_asked, foreign, "holds no sequences of a grid: line 1: it is not JSON"),
    ):
        before = file.read_bytes()
        refused(lambda asked=asked, file=file: take(world, asked, file), ValueError, str(file), says)
        assert file.read_bytes() == before
    refused(lambda: sequence_recordings.load(tmp_path / "none"), FileNotFoundError, "recall-learn sweep writes it")
