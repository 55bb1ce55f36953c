"""``recall-learn exercises``, and the learner's files."""

import json
import os
import re
import subprocess
import sys
import threading

import pytest
import torch

from recall_learn.cli import main
from recall_learn.practice import answers, check, exercise, process, progress
from recall_learn.practice.plain import plain
from recall_learn.practice.report import Report

NAME = "fisher_empirical"
MUTANTS = """
MUTANTS = [
    ("subtracts", {"a + b": "a - b"}, "you subtract"),
]

def turned(a, b):
    return b + a

OTHERS = [turned]
"""
EACH = exercise.named(NAME)


@pytest.fixture
def answer(own_progress):
    """Write an answer: what stands in place of the stub's line that raises."""

    def write(body):
        path = own_progress / "answers" / f"{NAME}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(EACH.file.replace(exercise.NOT_WRITTEN, body))
        return path

    return write


def run(*arguments):
    return main(["exercises", *arguments])


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


def test_where_nothing_can_be_noted_all_hints_are_shown(own_progress, monkeypatch, capsys):
    (own_progress / "file").write_text("")
    monkeypatch.setenv("RECALL_LEARN_PROGRESS", str(own_progress / "file" / "progress.json"))
    with pytest.warns(UserWarning, match="progress is not kept"):
        assert run("hint", NAME) == 0
    out = capsys.readouterr().out
    assert re.findall("^Hint .*?:", out, re.MULTILINE) == ["Hint 1 of 3:", "Hint 2 of 3:", "Hint 3 of 3:"]


@pytest.mark.parametrize("arguments", [("--answers", "mine", "reset", NAME), ("reset", NAME, "--answers", "mine")])
def test_the_folder_may_be_named_before_and_behind_the_command(arguments, own_progress, monkeypatch):
    monkeypatch.chdir(own_progress)
    assert run(*arguments) == 0
    assert (own_progress / "mine" / f"{NAME}.py").read_text() == EACH.file
    assert not (own_progress / "answers").exists()


def test_try_shows_what_a_set_of_answers_gets(adding, own_progress, monkeypatch, capsys):
    (own_progress / "mutants").mkdir()
    known = own_progress / "mutants" / "adds.py"
    known.write_text(MUTANTS)
    (own_progress / "tried").mkdir()
    for name, body in (
        ("half", "(a + b) / 2"),
        ("other", "b + a"),
        ("sometimes", "a + b * bool(seen or seen.append(1))"),
    ):
        (own_progress / "tried" / f"{name}.py").write_text(f"def adds(a, b, seen=[]):\n    return {body}\n")
    (own_progress / "none.py").write_text("x = (")
    monkeypatch.setenv("RECALL_LEARN_EXERCISES", str(own_progress))
    assert run("try", "adds", str(own_progress / "tried"), str(own_progress / "none.py")) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0].strip() for line in lines] == [
        *("solution", "right", "wrong", "half.py", "other.py", "sometimes.py", "none.py")
    ]
    assert lines[2].startswith("   wrong: subtracts: ✗ you subtract")
    assert "✗ your result is 0.5 times the right one, in every case" in lines[3]
    assert "✓ right" in lines[4]
    assert "passes 2 of 3 looks" in lines[5]
    assert "none.py, line 1, is not Python" in lines[6]


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('"you subtract"', '"you divide"', "!! wrong: subtracts: it is not told 'you divide'"),
        ("a - b", "a + b", "!! wrong: subtracts: it passes"),
        ("b + a", "b - a", "!! right: turned: it is refused"),
        (
            "]",
            '    ("subtracts again", lambda a, b: b - a, "subtract"),\n]',
            "it is told 'subtract', which is another one's",
        ),
    ],
)
def test_try_says_what_is_wrong_with_a_check(adding, own_progress, monkeypatch, capsys, old, new, fault):
    (own_progress / "mutants").mkdir()
    (own_progress / "mutants" / "adds.py").write_text(MUTANTS.replace(old, new, 1))
    monkeypatch.setenv("RECALL_LEARN_EXERCISES", str(own_progress))
    assert run("try", "adds") == 1
    assert fault in capsys.readouterr().out


def test_try_needs_files_that_are_there(capsys):
    assert run("try", NAME, "no/such.py") == 2
    assert "no/such.py is not there; name files" in capsys.readouterr().err


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


def test_progress_for_oneself_and_for_a_teacher(own_progress, capsys):
    progress.record(Report(NAME, "failed", ""))
    progress.record(Report(NAME, "passed", ""))
    assert run("progress") == 0
    out = capsys.readouterr().out
    assert f"✓ {NAME}" in out
    assert f"{EACH.points} of " in out
    assert run("progress", "--json", str(own_progress / "me.json"), "--learner", "Ada") == 0
    data = json.loads((own_progress / "me.json").read_text())
    assert data["learner"] == "Ada"
    assert data["points"] == EACH.points
    (row,) = [row for row in data["exercises"] if row["name"] == NAME]
    assert row["tries"] == 2


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


def test_what_a_later_version_wrote_stays(own_progress):
    path = own_progress / "progress.json"
    path.write_text(json.dumps({"format": 9, "new": [1], "exercises": {"gone": {"passed": "then", "stars": 3}}}))
    progress.record(Report(NAME, "passed", ""))
    data = json.loads(path.read_text())
    assert data["new"] == [1]
    assert data["exercises"]["gone"] == {"passed": "then", "stars": 3}
    assert data["exercises"][NAME]["tries"] == 1


DAMAGED = {
    "{": "not JSON",
    "[]": "it is []",
    "[" * 10_000: "nested too deeply",
    '{"exercises": [1]}': "exercises is [1]",
    '{"exercises": {"a": 1}}': "exercises.a is 1",
    '{"exercises": {"a": {"hints": "two"}}}': "exercises.a.hints is 'two'",
    '{"exercises": {"a": {"tries": -1}}}': "exercises.a.tries is -1",
    '{"exercises": {"a": {"tries": true}}}': "exercises.a.tries is True",
    '{"exercises": {"a": {"passed": 5}}}': "exercises.a.passed is 5",
    '{"exercises": {"a": {"tries": ' + "1" * 5000 + "}}}": "thousands of digits",
}


@pytest.mark.parametrize("text", DAMAGED)
def test_a_damaged_file_is_put_aside_and_not_lost(own_progress, text):
    path = own_progress / "progress.json"
    path.write_text(text)
    with pytest.warns(UserWarning, match=re.escape(DAMAGED[text])):
        assert progress.load() == {}
    assert path.read_text() == text  # who only looks moves nothing
    with pytest.warns(UserWarning, match="could not be read"):
        progress.record(Report(NAME, "passed", ""))
    assert progress.load()[NAME]["tries"] == 1
    (aside,) = own_progress.glob("progress.json.damaged-*")
    assert aside.read_text() == text


def test_two_damaged_files_of_one_second_are_both_kept(own_progress):
    for text in ("{", "[", "}"):
        (own_progress / "progress.json").write_text(text)
        with pytest.warns(UserWarning, match="could not be read"):
            progress.record(Report(NAME, "passed", ""))
    assert sorted(each.read_text() for each in own_progress.glob("*.damaged-*")) == ["[", "{", "}"]


@pytest.mark.parametrize("kind", ["pipe", "folder", "device"])
def test_what_is_no_file_stays_where_it_is(own_progress, monkeypatch, capsys, kind):
    path = own_progress / "place"
    os.mkfifo(path) if kind == "pipe" else path.mkdir()
    place = "/dev/null" if kind == "device" else str(path)
    before = os.stat(place)
    monkeypatch.setenv("RECALL_LEARN_PROGRESS", place)
    with pytest.warns(UserWarning, match="progress is not kept"):
        progress.record(Report(NAME, "passed", ""))
    assert run("list") == 2
    assert f"{place} is no file" in capsys.readouterr().err
    assert os.stat(place).st_ino == before.st_ino


def test_a_home_that_is_nobodys_is_said(monkeypatch, capsys):
    monkeypatch.setenv("RECALL_LEARN_PROGRESS", "~no-such-user/progress.json")
    assert run("list") == 2
    assert "'~no-such-user/progress.json'" in capsys.readouterr().err
    with pytest.warns(UserWarning, match="progress is not kept"):
        progress.record(Report(NAME, "passed", ""))


def test_what_the_file_says_moves_no_points(own_progress):
    entry = {"passed": "then", "points": 1000, "lesson": 99, "name": "other"}
    (own_progress / "progress.json").write_text(json.dumps({"exercises": {NAME: entry}}))
    assert progress.export([EACH])["points"] == EACH.points
    assert progress.export([EACH])["exercises"][0]["name"] == NAME


def test_where_nothing_can_be_written_the_look_is_shown_all_the_same(own_progress, monkeypatch, capsys):
    (own_progress / "file").write_text("")
    monkeypatch.setenv("RECALL_LEARN_PROGRESS", str(own_progress / "file" / "progress.json"))
    with pytest.warns(UserWarning, match="progress is not kept"):
        check(NAME, lambda weights, x, y: None)
    assert "is there a `return`?" in capsys.readouterr().out


NOTES = f"""
from recall_learn.practice import progress
from recall_learn.practice.report import Report
for _ in range(10):
    progress.record(Report({NAME!r}, "failed", ""))
"""


def test_processes_at_once_lose_nothing(own_progress):
    link = own_progress / "link.json"
    link.symlink_to(own_progress / "progress.json")  # two names of one file are one file
    places = [str(own_progress / "progress.json"), str(link)] * 2
    children = [
        subprocess.Popen([sys.executable, "-c", NOTES], env={**os.environ, "RECALL_LEARN_PROGRESS": place})
        for place in places
    ]
    assert [child.wait(120) for child in children] == [0] * 4
    assert progress.load()[NAME]["tries"] == 40
    assert link.is_symlink()


def test_check_shows_and_notes(capsys):
    check(NAME, lambda weights, x, y: x)
    assert f"✗ {NAME}: your result has shape" in capsys.readouterr().out
    assert progress.load()[NAME] == {"tries": 1, "first": progress.load()[NAME]["first"]}
    assert os.environ["RECALL_LEARN_PROGRESS"] == str(progress.where())


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
