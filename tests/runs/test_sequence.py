"""Sequences of tasks: what one task is, what a row holds, where they go on, and what they refuse."""

import json
import shutil

import pytest
import torch
from alike import assert_same_run
from safetensors.torch import load_file
from sequenced import TASKS, Crash, alone, crashing, go, recipe, world
from small import refused, save_glue, save_world_backbone, short_text

from recall_learn import Recipe, sequence
from recall_learn.cli import main
from recall_learn.measures import sequences
from recall_learn.methods import METHODS
from recall_learn.runs import record as runs
from recall_learn.runs import sequence as running
from recall_learn.runs import sequence_record
from recall_learn.runs.course import Course, Given
from recall_learn.support.lock import owning_folder

__all__ = ["world"]
FOLDERS = [f"{n}-{task}" for n, task in enumerate(TASKS, 1)]
ISOLATING = [name for name, method in METHODS.items() if method.isolates]


@pytest.mark.parametrize(
    "method", ["vanilla", "recadam(t0=2)", "online-ewc + task-replay(buffer=1000) + lwf", "packnet", "lora", "adapters"]
)
def test_a_sequence_of_one_task_is_the_run_to_the_bit(world, tmp_path, method):
    alone(world, method, "cola", tmp_path / "run")
    done = go(world, method, ["cola"], tmp_path / "sequence")
    assert_same_run(tmp_path / "run", tmp_path / "sequence" / "1-cola")
    run = runs.load(tmp_path / "run" / "run.json")
    assert done.rows[1]["metrics"] == [run.final["metrics"]]
    assert done.rows[0]["metrics"] == [run.evaluations[0]["metrics"]]
    assert done.final == {"average": run.final["metrics"]["matthews_correlation"]}


def test_every_task_is_scored_after_each_by_its_own_head(world, tmp_path):
    done = go(world, out=tmp_path)
    assert done.scores.shape == (4, 3)
    assert done.environment["primary"] == ["pearson", "matthews_correlation", "accuracy"]
    for n, (folder, metric) in enumerate(zip(FOLDERS, done.environment["primary"], strict=True)):
        run = runs.load(tmp_path / folder / "run.json")
        assert done.scores[n + 1, n] == run.final["metrics"][metric]  # R_jj is what the run ended with
        assert done.scores[n, n] == run.evaluations[0]["metrics"][metric]  # and began with
        assert done.rows[n + 1]["distance"] == run.final["distance"]
    assert done.column("distance")[0] == 0
    assert len(set(done.scores[:, 0])) == 4  # the encoder moved on
    assert done.final == sequences.means(done.scores)
    assert sequence_record.load(tmp_path / "sequence.json") == done


def test_the_encoder_goes_on_and_the_heads_stay(world, tmp_path):
    """Task 1's score after task 2 is that of task 2's encoder under task 1's head, put together by hand."""
    done = go(world, tasks=["stsb", "cola"], out=tmp_path)
    one, two = (load_file(tmp_path / folder / "model" / "model.safetensors") for folder in FOLDERS[:2])
    course = _course(world, ["stsb", "cola"])
    session = course.sessions[0]
    pretrained = session.backbone.anchors
    session.backbone.model.load_state_dict({name: (two if name in pretrained else one)[name] for name in one})
    assert session.metrics()["pearson"] == done.scores[2, 0]
    new = set(one) - set(pretrained)
    assert {name.rpartition(".")[0] for name in new} == {"bert.pooler.dense", "classifier"}


def _course(world, tasks, method="vanilla"):
    asked = running.asked(recipe(world, method), tasks)
    return Course(asked, None, Given(world / "glue", None, None, torch.device("cpu"), False))


@pytest.mark.parametrize("method", ISOLATING)
def test_isolated_tasks_score_to_the_bit_what_they_did(world, method):
    done = go(world, method)
    # a correlation of real numbers: nothing may have moved
    assert done.scores[1, 0] == done.scores[2, 0] == done.scores[3, 0] != done.scores[0, 0]
    assert done.scores[2, 1] == done.scores[3, 1]
    assert done.final["forgetting"] == done.final["backward_transfer"] == 0


def test_which_methods_isolate():
    assert set(ISOLATING) == {"packnet", "lora", "adapters", "side-tuning", "k-adapter", "parallel-columns"}
    assert all(METHODS[name].isolates for name in METHODS if METHODS[name].freezes)


CRASHES = [
    ("recadam(t0=2)", 7),
    ("ewc + task-replay(buffer=20)", 12),
    ("online-ewc(decay=0.5) + lwf", 12),
    ("packnet", 9),
    ("lora", 9),
    ("adapters", 12),
]


@pytest.mark.parametrize(("method", "step"), CRASHES)
def test_a_crash_in_a_later_task_changes_nothing(world, tmp_path, monkeypatch, method, step):
    whole = go(world, method, out=tmp_path / "whole")
    with monkeypatch.context() as patch:
        crashing(patch, step)
        with pytest.raises(Crash):
            go(world, method, out=tmp_path / "stopped")
    stopped = sequence_record.load(tmp_path / "stopped" / "sequence.json")
    assert (len(stopped.rows), stopped.stopped["task"]) == (step // 5 + 1, TASKS[step // 5])
    again = go(world, method, out=tmp_path / "stopped", resume=True)
    assert (again.rows, again.final, again.stopped) == (whole.rows, whole.final, None)
    for folder in FOLDERS:
        assert_same_run(tmp_path / "whole" / folder, tmp_path / "stopped" / folder)


def test_a_crash_between_a_task_and_its_row_changes_nothing(world, tmp_path, monkeypatch):
    whole = go(world, out=tmp_path / "whole")
    scored = Course.scored

    def dying(course, learned):
        if learned == 2:
            raise Crash
        return scored(course, learned)

    with monkeypatch.context() as patch:
        patch.setattr(Course, "scored", dying)
        with pytest.raises(Crash):
            go(world, out=tmp_path / "stopped")
    assert go(world, out=tmp_path / "stopped", resume=True).rows == whole.rows
    shutil.rmtree(tmp_path / "stopped" / FOLDERS[0] / "model")
    asked_again = go(world, out=tmp_path / "stopped", resume=True)  # and of one that ended nothing is taken again
    assert asked_again.rows == whole.rows


def test_a_task_whose_model_is_gone_is_told(world, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        crashing(patch, 7)
        with pytest.raises(Crash):
            go(world, out=tmp_path)
    shutil.rmtree(tmp_path / FOLDERS[0] / "model")
    refused(lambda: go(world, out=tmp_path, resume=True), FileNotFoundError, "1-stsb/model holds no *.safetensors")


def test_a_folder_that_holds_something_else_is_left_alone(world, tmp_path):
    alone(world, "vanilla", "cola", tmp_path / "run")
    refused(lambda: go(world, out=tmp_path / "run"), ValueError, "holds run.json, which no sequence has")
    go(world, tasks=["cola"], out=tmp_path / "done")
    there = {"out": tmp_path / "done"}
    refused(lambda: go(world, tasks=["cola"], **there), ValueError, "up to row 2; add --resume")
    other = "holds another sequence: "
    refused(lambda: go(world, tasks=["mrpc"], resume=True, **there), ValueError, f"{other}tasks is cola there and mrpc")
    at_once = lambda: go(world, tasks=["cola", "mrpc"], together=True, **there)  # noqa: E731
    refused(at_once, ValueError, f"{other}tasks is cola there and cola,mrpc here")
    refused(lambda: go(world, tasks=["cola"], home="pretrained", **there), ValueError, f"{other}home is last there")
    refused(lambda: go(world, tasks=["cola"], steps=3, **there), ValueError, f"{other}steps is 5 there and 3 here")
    refused(lambda: go(world, resume=True), ValueError, "resume needs the folder of the sequence to go on with")
    with owning_folder(tmp_path / "done", ""), pytest.raises(ValueError, match="is being written by"):
        go(world, tasks=["cola"], resume=True, **there)


@pytest.mark.parametrize(
    ("tasks", "method", "says"),
    [
        ([], "vanilla", "tasks is empty; it has to be a list of names"),
        ("cola", "vanilla", "tasks is 'cola'; it has to be a list of names, as ['world/cola', 'world/rte']"),
        (["cola", "mrpc", "cola"], "vanilla", "tasks has cola twice; take each task once"),
        (
            ["cola", "world/rte"],
            "vanilla",
            "tasks joins cola and world/rte, and only one of them is of the small world",
        ),
        (["cola", "colla"], "vanilla", "task 'colla' is unknown"),
        (TASKS, "mas", "mas cannot go on after a task: what it would carry over is not settled"),
        (TASKS, "reinit", "reinit cannot go on after a task"),
        (TASKS, "ewc-kfac", "ewc-kfac cannot go on after a task"),
        (TASKS, "task-replay(buffer=49)", "buffer is 49; the tasks before the last have 48 training examples"),
    ],
)
def test_what_does_not_go_together_is_refused_in_a_sentence(world, tasks, method, says):
    refused(lambda: go(world, method, tasks), ValueError, says)


def test_other_arguments_are_refused_as_those_of_a_run(world):
    refused(lambda: go(world, home="theta"), ValueError, "home is 'theta'; it has to be one of last, pretrained")
    refused(lambda: sequence("tiny", TASKS), ValueError, "recipe is 'tiny'; it has to be a Recipe")
    refused(lambda: sequence(recipe(world, "ewc"), TASKS), ValueError, "method ewc needs a Fisher of the source")


def test_every_method_says_whether_it_goes_on():
    unable = {name for name, method in METHODS.items() if not method.carries}
    assert unable == {"mas", "ewc-kfac", "reinit"}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            lambda data: data["rows"][1].update(after=3),
            "rows stand after [0, 3] tasks; they have to stand after [0, 1]",
        ),
        (lambda data: data["rows"][1]["scores"].pop(), "its row after 1 has 0 scores for 1 tasks"),
        (lambda data: data["rows"].pop(), "its final stands after 1 rows; it has to have 2"),
        (lambda data: data.update(home="away"), "home is 'away'"),
        (lambda data: data["rows"][0].update(distance="far"), "rows[0].distance is 'far'"),
        (lambda data: data["recipe"].update(steps=-1), "steps is -1"),
    ],
)
def test_a_damaged_record_is_told_by_its_field(world, tmp_path, change, says):
    go(world, tasks=["cola"], out=tmp_path, steps=1)
    data = json.loads((tmp_path / "sequence.json").read_text())
    change(data)
    (tmp_path / "sequence.json").write_text(json.dumps(data))
    refused(lambda: sequence_record.load(tmp_path / "sequence.json"), ValueError, "is damaged", says)


def command(world, out, tasks, *more):
    basic = ["sequence", "--backbone", world / "bert", "--tasks", tasks, "--data", world / "glue", "--device", "cpu"]
    return [str(each) for each in [*basic, "--steps", 2, "--batch-size", 4, "--max-length", 40, "--out", out, *more]]


def test_the_command_prints_one_line_of_figures(world, tmp_path, capsys):
    assert main(command(world, tmp_path, "cola, mrpc", "--method", "recadam", "--t0", "1", "--home", "pretrained")) == 0
    line = capsys.readouterr().out.splitlines()[-1]
    assert line.startswith("cola,mrpc recadam: average ")
    assert all(words in line for words in ("forgetting ", "backward transfer ", "forward transfer ", "distance 0."))
    assert line.endswith(str(tmp_path / "sequence.json"))
    done = sequence_record.load(tmp_path / "sequence.json")
    assert (done.home, done.recipe.evaluate_every, done.recipe.t0) == ("pretrained", 2, 1)
    assert main(command(world, tmp_path, "cola,mrpc")) == 2
    assert "holds another sequence: home is pretrained there and last here" in capsys.readouterr().err


def test_one_task_is_no_sequence_for_the_command(world, tmp_path, capsys):
    assert main(command(world, tmp_path, "cola")) == 2
    said = capsys.readouterr().err
    assert "tasks is cola alone, which is no sequence; name two or more, or take finetune --task" in said
    assert not list(tmp_path.iterdir())


def test_the_small_worlds_model_is_asked_its_facts_after_each_task(tmp_path):
    """On little of its text; what a row holds of the probes is what the task's run ended with."""
    with short_text():
        save_world_backbone(tmp_path / "tiny")
        asked = Recipe(backbone=str(tmp_path / "tiny"), lr=1e-3, steps=2, limit_train=8, batch_size=4)
        done = sequence(asked, ["world/sst2", "world/cola"], out=tmp_path / "out", device="cpu")
        save_glue(tmp_path / "glue", "mrpc")
        other = {"data_folder": tmp_path / "glue", "device": "cpu"}
        refused(lambda: sequence(asked, ["mrpc"], **other), ValueError, "reads the small world only, not mrpc")
    ended = [runs.load(path).final for path in sorted((tmp_path / "out").glob("*/run.json"))]
    assert done.column("facts")[1:] == [final["facts"]["known"] for final in ended]
    assert done.column("source_loss")[1:] == [final["source_loss"] for final in ended]
    assert len({*done.column("source_loss")}) == 3


@pytest.mark.parametrize(
    ("tasks", "more", "said"),
    [
        ("world/cola,rte", [], "joins world/cola and rte"),
        ("world/cola,world/cola", [], "world/cola twice"),
        ("world/cola,world/rte", ["--home", "nowhere"], "home is 'nowhere'"),
    ],
)
def test_the_command_says_what_does_not_go_together_before_it_looks_for_data(tmp_path, capsys, tasks, more, said):
    words = ["sequence", "--backbone", "tiny", "--tasks", tasks, "--out", str(tmp_path / "s"), *more]
    assert main([*words, "--data", str(tmp_path / "nowhere")]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "s").exists()
