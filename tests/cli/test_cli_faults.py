"""The command line where something fails that nobody foresaw, and options that say what nobody means."""

import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
import safetensors
import torch
from small import save_backbone, save_glue

import recall_learn
from recall_learn.cli import main
from recall_learn.runs.finetune import DivergedError
from recall_learn.world import World


class PanicException(BaseException):
    """What libraries in Rust raise is no Exception."""


FAULTS = [
    (MemoryError(), 1, "MemoryError"),
    (RecursionError("maximum recursion depth exceeded"), 1, "RecursionError: maximum recursion depth exceeded"),
    (safetensors.SafetensorError("disk full"), 1, "SafetensorError: disk full"),
    (torch.OutOfMemoryError("CUDA out of memory.\n Tried to allocate 2 GiB"), 1, "memory. Tried to allocate 2 GiB"),
    (KeyError("lr"), 1, "KeyError: 'lr'"),
    (AssertionError(), 1, "AssertionError"),
    (PanicException("called unwrap"), 1, "PanicException: called unwrap"),
    (RuntimeError("x" * 5000), 1, "RuntimeError: xxx"),
    (ZeroDivisionError("division by zero"), 1, "ZeroDivisionError: division by zero"),
    (DivergedError("the loss is nan"), 1, "error: the loss is nan"),
    (ValueError("a is 3;\n it has to be 4"), 2, "error: a is 3; it has to be 4"),
    (OSError(28, "No space left on device"), 2, "No space left on device"),
]


@pytest.mark.parametrize("where", ["before", "behind", "nowhere"])
@pytest.mark.parametrize(("fault", "status", "says"), FAULTS, ids=lambda each: type(each).__name__)
def test_any_fault_is_one_sentence_and_its_trace_is_a_flag_away(
    monkeypatch, tmp_path, capsys, fault, status, says, where
):
    def fails(*arguments):
        raise fault

    monkeypatch.setattr(World, "text", fails)
    words = ["world", "text", "--out", str(tmp_path / "text")]
    words = {"before": ["--debug", *words], "behind": [*words, "--debug"], "nowhere": words}[where]
    assert main(words) == status
    *trace, last = capsys.readouterr().err.splitlines()
    assert last.startswith("recall-learn: error: ")
    assert says in last
    assert len(last) < 700
    foreseen = isinstance(fault, ValueError | OSError | DivergedError)
    assert last.endswith(" (--debug shows where)") == (where == "nowhere" and not foreseen)
    assert any("in fails" in line for line in trace) == (where != "nowhere")
    assert where != "nowhere" or not trace
    assert list(tmp_path.iterdir()) == []


def run(*words, **more):
    env = {**os.environ, "PYTHONPATH": str(Path(recall_learn.__file__).parents[1])}
    command = [sys.executable, "-m", "recall_learn.cli", *map(str, words)]
    return subprocess.run(command, env=env, stderr=subprocess.PIPE, text=True, **more)


def test_a_full_disk_behind_what_is_printed_is_said_once():
    with open("/dev/full", "w") as full:
        done = run("exercises", "list", stdout=full)
    assert done.returncode == 2
    assert done.stderr.splitlines() == ["recall-learn: error: [Errno 28] No space left on device"]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    root = tmp_path_factory.mktemp("faults")
    save_backbone(root / "bert")
    save_glue(root / "glue", "mrpc", "cola")
    (root / "notes.txt").write_text("mine\n")
    (root / "grid.json").write_text('[{"backbone": "tiny", "task": "world/rte", "steps": 1}]')
    (root / "loop").symlink_to(root / "loop")
    (root / "dangling").symlink_to(root / "notes.txt" / "nothing")
    os.mkfifo(root / "pipe")
    return root


BERT = ["--backbone", "bert", "--task", "mrpc", "--data", "glue", "--device", "cpu", "--max-length", "24"]
FISHER = ["fisher", *BERT, "--out", "f.safetensors"]
SWEEP = ["sweep", "grid.json", "--device", "cpu", "--workers", "1", "--out", "runs.jsonl"]
HEAD = ["minilm-head", "--text", "notes.txt", "--held-out", "notes.txt", "--out", "head.safetensors"]
PRETRAIN = ["world", "pretrain", "--steps", "1", "--out", "model"]
TASK = ["world", "task", "--task", "cola", "--size", "20", "--out", "made"]
TEXT = ["world", "text", "--split", "held-out", "--out", "text.txt"]
NO_PLACE = ["loop", "dangling", "/dev/full", "pipe"]
REFUSED = [
    (FISHER, "--limit-train", ["0", "-1", "25", "9" * 30], "limit_train"),
    (FISHER, "--batch-size", ["0", "-3", "9" * 30], "batch_size is"),
    (FISHER, "--max-length", ["0", "2", "100000"], "max_length"),
    (FISHER, "--seed", ["-1", str(2**32)], "seed is"),
    (FISHER, "--labels", ["all"], "labels is 'all'"),
    (FISHER, "--device", ["tpu"], "device is 'tpu'"),
    (FISHER, "--backbone", ["tiny"], "reads the small world only"),
    ([*FISHER, "--backbone", "tiny", "--task", "source"], "--limit-train", ["0", "-4", "33"], "limit_train is"),
    (SWEEP, "--workers", ["0", "-1"], "workers is"),
    (SWEEP, "--gpu-share", ["0", "-1", "nan", "inf", "2"], "gpu_share is"),
    (SWEEP, "--fisher", ["notes.txt"], "no recipe of the grid takes one"),
    (SWEEP, "--source-text", ["nowhere", "pipe"], "the source text"),
    (HEAD, "--blocks", ["0", "-1"], "blocks is"),
    (HEAD, "--seed", ["-1"], "seed is"),
    (HEAD, "--text", ["nowhere", "pipe", "/dev/zero"], "is not a file"),
    (PRETRAIN, "--steps", ["0", "-1"], "steps is"),
    (PRETRAIN, "--seed", ["-1", str(2**32)], "seed is"),
    (TASK, "--size", ["0", "-5", "9" * 20], "size is"),
    (TASK, "--task", ["qnli", "../cola"], "task"),
    (TEXT, "--split", ["test"], "split is 'test'"),
    *((command, "--out", [*NO_PLACE, "notes.txt/x", "."], "out is") for command in (FISHER, HEAD, TEXT)),
    *((command, "--out", [*NO_PLACE, "notes.txt"], "out") for command in (PRETRAIN, TASK)),
    (SWEEP, "--out", [*NO_PLACE, "notes.txt", ".", "grid.json", "notes.txt/x"], ""),
]


@pytest.mark.parametrize(
    ("words", "option", "value", "says"),
    [(words, option, value, says) for words, option, values, says in REFUSED for value in values],
)
def test_an_option_that_cannot_be_meant_is_refused_before_anything_is_made(
    place, monkeypatch, capsys, words, option, value, says
):
    monkeypatch.chdir(place)
    before = sorted(os.listdir(place)), (place / "notes.txt").read_text(), (place / "grid.json").read_text()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert main([*words, option, value]) == 2
    (error,) = capsys.readouterr().err.splitlines()
    assert error.startswith("recall-learn: error: ")
    assert says in error
    assert len(error) < 500
    assert before == (sorted(os.listdir(place)), (place / "notes.txt").read_text(), (place / "grid.json").read_text())


@pytest.mark.parametrize("command", [FISHER, SWEEP, HEAD, PRETRAIN, TASK, TEXT], ids=lambda words: words[1])
def test_an_empty_text_names_nothing(place, monkeypatch, capsys, command):
    """As of a variable that a script did not set."""
    monkeypatch.chdir(place)
    for option in [word for word in command if word.startswith("--")]:
        if option in ("--workers", "--size", "--steps", "--max-length"):
            continue
        assert main([*command, option, ""]) == 2
        assert f"{option[2:].replace('-', '_')} is ''" in capsys.readouterr().err


def test_a_link_to_a_file_that_is_not_there_yet_is_followed(place, monkeypatch, tmp_path):
    monkeypatch.chdir(place)
    (tmp_path / "link").symlink_to(tmp_path / "file.safetensors")
    assert main([*FISHER, "--out", str(tmp_path / "link")]) == 0
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file.safetensors").stat().st_size > 1000


def test_a_negative_number_in_any_writing_is_the_options_value(capsys, tmp_path):
    for value in ("-5", "-1e-3", "-inf", "-.5E+2"):
        assert main(["finetune", "--lr", value, "--out", str(tmp_path / "run")]) == 2
        assert f"error: lr is {float(value)!r}; it has to be a number above 0" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_tilde_that_the_shell_has_left_is_home(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert main(["world", "text", "--split", "held-out", "--out=~/texts/held-out"]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["texts"]
    assert (tmp_path / "texts" / "held-out").is_file()


@pytest.mark.parametrize("closed", [">&-", "<&-", "2>&-", "<&- >&- 2>&-"])
def test_a_stream_that_is_closed_is_no_fault(tmp_path, closed):
    command = f"{sys.executable} -m recall_learn.cli world text --split held-out --out {tmp_path / 'text'} {closed}"
    env = {**os.environ, "PYTHONPATH": str(Path(recall_learn.__file__).parents[1])}
    ended = subprocess.run(["bash", "-c", command], capture_output=True, text=True, env=env)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert (tmp_path / "text").read_text().count("\n") == 1000
    assert [path.name for path in tmp_path.iterdir()] == ["text"]


def test_a_terminal_that_knows_ascii_alone_is_shown_what_it_knows():
    command = [sys.executable, "-m", "recall_learn.cli", "exercises", "list"]
    env = {**os.environ, "PYTHONPATH": str(Path(recall_learn.__file__).parents[1]), "PYTHONIOENCODING": "ascii"}
    ended = subprocess.run(command, capture_output=True, text=True, env=env)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "distance_home" in ended.stdout
