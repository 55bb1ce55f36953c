"""``recall-learn exercises``, and the learner's files."""

import json
import os
import subprocess
import sys
import threading

import pytest
import torch
from learner import EACH, NAME, run

from recall_learn.practice import answers, exercise, process, progress
from recall_learn.practice.plain import plain
from recall_learn.practice.report import Report


@pytest.fixture
def answer(own_progress):
    """Write an answer: what stands in place of the stub's line that raises."""

    def write(body):
        path = own_progress / "answers" / f"{NAME}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(EACH.file.replace(exercise.NOT_WRITTEN, body))
        return path

    return write


def test_the_list_says_what_is_passed(capsys):
    assert run("list", "--lesson", "3") == 0
    assert f" 3  {NAME}" in capsys.readouterr().out
    progress.record(Report(NAME, "passed", ""))
    run("list")
    assert f"✓  3  {NAME}" in capsys.readouterr().out
    assert run("list", "--lesson", "99") == 2
    assert "the lessons with exercises are 1, 2" in capsys.readouterr().err


def test_run_begins_an_answer_looks_at_it_and_never_writes_over_it(answer, capsys, own_progress):
    assert run("run", NAME) == 1
    path = own_progress / "answers" / f"{NAME}.py"
    assert path.read_text() == EACH.file
    assert "not written yet" in capsys.readouterr().out
    assert progress.load() == {}  # a stub is no try
    answer("return x")
    assert run("run", NAME) == 1
    assert "has shape [16, 3]; it has to be [2, 3]" in capsys.readouterr().out
    path.write_text(EACH.code)
    assert run("run") == 0
    assert path.read_text() == EACH.code
    entry = progress.load()[NAME]
    assert entry["tries"] == 2
    assert entry["passed"] >= entry["first"]


def test_a_process_that_hangs_is_killed(answer, monkeypatch):
    monkeypatch.setattr(process, "PATIENCE", 0.1)
    assert "was killed" in answers.look(EACH, answer("return x")).says


def test_a_report_for_a_teacher(answer, own_progress, capsys):
    answer("pass").write_text(EACH.code)
    assert run("run", "--report", str(own_progress / "r.json"), "--require", "1") == 0
    data = json.loads((own_progress / "r.json").read_text())
    assert data["points"] == EACH.points
    assert data["of"] == sum(each.points for each in exercise.everything())
    assert data["exercises"][0] | {"says": ""} == {
        "name": NAME,
        "lesson": 3,
        "points": EACH.points,
        "status": "passed",
        "says": "",
        "uses": [],
    }
    assert run("run", "--require", "1000") == 1


def test_a_place_that_cannot_be_written_to_is_refused_before_any_look(answer, own_progress, capsys):
    answer("pass").write_text(EACH.code)
    assert run("run", "--report", str(own_progress)) == 2
    told = capsys.readouterr()
    assert "which is a folder; name a file in it" in told.err
    assert NAME not in told.out
    assert progress.load() == {}


def test_points_count_once(answer, own_progress, capsys):
    answer("pass").write_text(EACH.code)
    assert run("run", NAME, NAME, f"answers/{NAME}.py", "--require", str(EACH.points + 1)) == 1
    assert f"1 of 1 pass now: {EACH.points} of" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "--require", "-1"], "require is -1"),
        (["run", "--report", ""], "report is ''"),
        (["run", ""], "names is ''"),
        (["progress", "--json", ""], "json is ''"),
        (["--answers", "", "run"], "answers is ''"),
        (["progress", "--json", "/dev/full"], "is a device or a pipe"),
        (["run", "--report", "/dev/null"], "is a device or a pipe"),
        (["list", "--lesson", "-1"], "lesson is -1"),
    ],
)
def test_an_option_that_says_nothing_is_refused(arguments, words, capsys):
    assert run(*arguments) == 2
    told = capsys.readouterr()
    assert words in told.err
    assert len(told.err.splitlines()) == 1


def test_hints_come_one_by_one(capsys):
    for number in (1, 2, 3, 3):
        assert run("hint", NAME) == 0
        out = capsys.readouterr().out
        assert f"Hint {number} of 3: {plain(EACH.hints[number - 1])}" in out
        assert ("That was the last." in out) == (number == 3)
    assert progress.load()[NAME]["hints"] == 3


@pytest.mark.parametrize("arguments", [("--answers", "mine", "reset", NAME), ("reset", NAME, "--answers", "mine")])
def test_the_folder_may_be_named_before_and_behind_the_command(arguments, own_progress, monkeypatch):
    monkeypatch.chdir(own_progress)
    assert run(*arguments) == 0
    assert (own_progress / "mine" / f"{NAME}.py").read_text() == EACH.file
    assert not (own_progress / "answers").exists()


def test_the_solution_is_shown_and_noted(capsys):
    assert run("solution", NAME) == 0
    out = capsys.readouterr().out
    assert EACH.code.strip() in out
    assert plain(EACH.explanation.strip()) in out
    assert "solution" in progress.load()[NAME]


def test_reset_keeps_the_answer(answer, own_progress):
    path = answer("return 1")
    mine = path.read_text()
    assert run("reset", NAME) == 0
    assert path.read_text() == EACH.file
    assert path.with_suffix(".py.1").read_text() == mine
    answer("return 2")
    run("reset", NAME)
    assert path.with_suffix(".py.1").read_text() == mine
    assert "return 2" in path.with_suffix(".py.2").read_text()
    run("reset", NAME)
    assert len(list(path.parent.iterdir())) == 3


def test_reset_keeps_an_answer_that_is_no_text(answer):
    path = answer("return 1")
    path.write_bytes(mine := b"# coding: latin-1\nx = '\xe4'\n")
    assert run("reset", NAME) == 0
    assert path.read_text() == EACH.file
    assert path.with_suffix(".py.1").read_bytes() == mine


@pytest.mark.parametrize("kind", ["bytes", "folder", "pipe", "link"])
def test_reset_puts_anything_aside(answer, capsys, kind):
    path = answer("return 1")
    path.unlink()
    if kind == "bytes":
        path.write_bytes(b"\xff")
    elif kind == "link":
        path.symlink_to("nowhere")
    else:
        os.mkfifo(path) if kind == "pipe" else path.mkdir()
    if kind in ("pipe", "folder"):
        assert run("run", NAME) == 2
        assert "is no file; `recall-learn exercises reset" in capsys.readouterr().err
    assert run("reset", NAME) == 0
    assert path.read_text() == EACH.file
    assert os.path.lexists(path.with_suffix(".py.1"))


def test_watch_looks_when_the_file_is_saved(answer, capsys, monkeypatch):
    monkeypatch.setattr("recall_learn.practice.command.POLL", 0.01)
    looks = iter(["failed", "passed"])

    def look(each, path):
        status = next(looks)
        if status == "failed":
            threading.Timer(0.2, lambda: path.write_text(EACH.code)).start()
        return Report(each.name, status, status)

    monkeypatch.setattr(answers, "look", look)
    answer("return 1")
    assert run("watch", NAME) == 0
    assert f"✓ {NAME}" in capsys.readouterr().out


def test_the_checks_are_loaded_before_any_answer_is_run(adding, own_progress, monkeypatch):
    check = own_progress / "checks" / "adds.py"
    for folder in ("solutions", "checks"):
        text = (own_progress / folder / "adds.py").read_text()
        (own_progress / folder / "sums.py").write_text(text.replace("def adds", "def sums"))
    (own_progress / "answers").mkdir()
    for name in ("adds", "sums"):
        (own_progress / "answers" / f"{name}.py").write_text("")
    seen = []

    def look(each, path):
        seen.append(each.check.reference(torch.ones(1), torch.ones(1)).item())
        for one in check.parent.glob("*.py"):
            one.write_text("def reference(a, b):\n    return a * 0\n")
        return Report(each.name, "passed", "")

    monkeypatch.setenv("RECALL_LEARN_EXERCISES", str(own_progress))
    monkeypatch.setattr(answers, "look", look)
    assert run("run") == 0
    assert seen == [2.0, 2.0]


def test_watch_waits_while_an_editor_has_the_file_away(answer, capsys, monkeypatch):
    path = answer("return 1")
    states = iter([None, (1, 1, 1), (1, 1, 1), None, (1, 2, 1)])
    monkeypatch.setattr("recall_learn.practice.command._saved", lambda _: next(states))
    monkeypatch.setattr("recall_learn.practice.command.POLL", 0.0)
    looks, said = [], iter(["failed", "passed"])
    monkeypatch.setattr(answers, "look", lambda each, at: looks.append(at) or Report(each.name, next(said), ""))
    assert run("watch", NAME) == 0
    assert looks == [path, path]


def test_bad_inputs_are_said_in_a_sentence(own_progress, capsys, monkeypatch):
    assert run("run", "fisher_empircal") == 2
    assert "did you mean fisher_empirical" in capsys.readouterr().err
    assert run("hint", f"answers/{NAME}.py") == 0
    assert run("run") == 2
    assert "holds no answers" in capsys.readouterr().err
    monkeypatch.setenv("RECALL_LEARN_EXERCISES", str(own_progress))
    assert run("list") == 2
    assert "RECALL_LEARN_EXERCISES is" in capsys.readouterr().err


def test_a_notebook_shows_colour_and_the_text_cannot_leave_its_place():
    html = Report(NAME, "failed", "a < b & c", "x = <script>")._repr_html_()
    assert "a &lt; b &amp; c" in html
    assert "<script>" not in html


def test_what_an_answer_prints_is_shown_and_cut_and_what_it_asks_for_is_not_given(answer, capsys):
    answer("print('\\n'.join(map(str, range(100)))); return input()")
    run("run", NAME)
    out = capsys.readouterr().out
    assert "\n  | 39\n" in out
    assert "| 40\n" not in out
    assert "more lines that your answer prints" in out
    assert "Take what you need from the arguments" in out


def test_a_name_may_be_a_path_or_a_folder():
    for name in (f"answers/{NAME}.py", f"03_{NAME}", f"exercises/03_{NAME}"):
        assert exercise.named(name) == EACH


def test_a_pipe_that_closes_is_no_error():
    command = f"{sys.executable} -m recall_learn.cli exercises list | head -1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert "distance_home" in done.stdout
    assert done.stderr == ""
