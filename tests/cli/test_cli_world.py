"""recall-learn world: text, tasks and models by command; one closing line, one sentence for what is wrong."""

import re

import pytest
from small import short_text

from recall_learn.cli import main
from recall_learn.models import backbones
from recall_learn.runs import record as runs
from recall_learn.runs.pretrain import Pretraining
from recall_learn.tasks import loading
from recall_learn.tasks import world as world_files


@pytest.fixture(scope="module")
def world(short_world):
    return short_world


@pytest.fixture
def command(capsys, world):
    """Runs recall-learn world ...: its status, what it printed, and the last line that it complained in."""

    def run(*arguments):
        with short_text():
            status = main(["world", *map(str, arguments)])
        output = capsys.readouterr()
        return status, output.out.splitlines(), output.err.strip().splitlines()

    return run


def test_the_text_is_written_one_passage_a_line(command, world, tmp_path):
    status, lines, _ = command("text", "--split", "held-out", "--out", tmp_path / "text.txt")
    assert status == 0
    assert lines == [f"world 0: 80 passages of held-out text -> {tmp_path / 'text.txt'}"]
    written = (tmp_path / "text.txt").read_text(encoding="utf-8").splitlines()
    assert written == [" ".join(passage) for passage in world.text("held-out")]
    assert command("text", "--seed", 1, "--out", tmp_path / "text.txt")[0] == 0
    assert len((tmp_path / "text.txt").read_text(encoding="utf-8").splitlines()) == 5000


@pytest.mark.parametrize("task", ["rte", "world/rte"])
def test_a_task_is_written_for_glue(command, tmp_path, task):
    status, lines, _ = command("task", "--task", task, "--size", 40, "--seed", 2, "--out", tmp_path)
    assert status == 0
    assert lines == [f"world/rte: 40 training examples -> {tmp_path / 'world' / 'rte'}"]
    assert len(loading.load("world/rte", tmp_path)["train"]) == 40
    assert world_files.seed_of("world/rte", tmp_path) == 2


def test_pretraining_closes_with_its_figures(command, tmp_path):
    status, lines, _ = command("pretrain", "--steps", 1, "--seed", 1, "--out", tmp_path / "model")
    assert status == 0
    assert len(lines) == 1
    assert re.fullmatch(
        r"world 1: 1 steps in \d+ s, held-out loss 6\.\d{3}, accuracy \d+\.\d%, facts known \d+\.\d% of \d+ -> .*model",
        lines[0],
    )
    assert backbones.load(str(tmp_path / "model"), num_labels=2).world["seed"] == 1


def test_ctrl_c_has_its_own_status(command, tmp_path, monkeypatch):
    def stop(training):
        raise KeyboardInterrupt

    monkeypatch.setattr(Pretraining, "train_step", stop)
    status, lines, errors = command("pretrain", "--steps", 1, "--out", tmp_path / "model")
    assert (status, lines) == (130, [])
    assert "stopped" in errors[-1]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["pretrain", "--seed", "-1"], ["seed is -1"]),
        (["pretrain", "--steps", "0"], ["steps is 0"]),
        (["pretrain", "--seed", str(2**64), "--steps", "1"], ["seed"]),
        (["task", "--task", "cola", "--seed", "-1"], ["seed is -1"]),
        (["task", "--task", "cola", "--size", "3"], ["size is 3", "10 to"]),
        (["task", "--task", "qnli"], ["'qnli'", "cola"]),
        (["text", "--seed", "-2"], ["seed is -2"]),
        (["text", "--split", "test"], ["split is 'test'", "'held-out'"]),
    ],
)
def test_a_bad_input_gives_one_sentence_and_a_status(command, tmp_path, arguments, words):
    status, lines, errors = command(*arguments, "--out", tmp_path / "out")
    assert (status, lines) == (2, [])
    assert errors[-1].startswith("recall-learn: error: ")
    for word in words:
        assert word in errors[-1]
    assert not (tmp_path / "out").is_file()


@pytest.mark.parametrize("arguments", [["pretrain", "--steps", "1"], ["task", "--task", "cola"]])
def test_a_file_in_place_of_the_folder_is_refused(command, tmp_path, arguments):
    (tmp_path / "out").write_text("mine")
    status, lines, errors = command(*arguments, "--out", tmp_path / "out")
    assert (status, lines) == (2, [])
    assert "out" in errors[-1]
    assert (tmp_path / "out").read_text() == "mine"


@pytest.mark.parametrize(
    ("arguments", "place", "words"),
    [
        (["text"], "folder", ["folder'", "which is a folder"]),
        (["text"], "file/text.txt", ["file'", "is a file"]),
        (["text"], "closed/text.txt", ["closed'", "cannot be written to"]),
        (["task", "--task", "cola"], "file", ["file'", "is a file"]),
        (["task", "--task", "cola"], "closed", ["closed'", "cannot be written to"]),
        (["task", "--task", "cola"], "folder", ["folder/world'", "is a file"]),
        (["pretrain", "--steps", "1"], "closed", ["closed'", "cannot be written to"]),
    ],
)
def test_an_impossible_place_is_named_in_one_sentence(command, tmp_path, monkeypatch, arguments, place, words):
    (tmp_path / "closed").mkdir()
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "world").write_text("mine")
    (tmp_path / "file").write_text("mine")
    # root may write everywhere, whatever the mode says
    monkeypatch.setattr(runs.os, "access", lambda path, mode: path != tmp_path / "closed")
    status, lines, errors = command(*arguments, "--out", tmp_path / place)
    assert (status, lines) == (2, [])
    assert len(errors) == 1
    assert errors[0].startswith("recall-learn: error: out is ")
    assert "Errno" not in errors[0]
    for word in words:
        assert word in errors[0]
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["closed", "file", "folder", "world"]
