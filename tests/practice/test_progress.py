"""The learner's progress: nothing of it is lost, and where it cannot be kept, that is said."""

import json
import os
import re
import subprocess
import sys

import pytest
from learner import EACH, NAME, run

from recall_learn.practice import check, progress
from recall_learn.practice.report import Report


def test_where_nothing_can_be_noted_all_hints_are_shown(own_progress, monkeypatch, capsys):
    (own_progress / "file").write_text("")
    monkeypatch.setenv("RECALL_LEARN_PROGRESS", str(own_progress / "file" / "progress.json"))
    with pytest.warns(UserWarning, match="progress is not kept"):
        assert run("hint", NAME) == 0
    out = capsys.readouterr().out
    assert re.findall("^Hint .*?:", out, re.MULTILINE) == ["Hint 1 of 3:", "Hint 2 of 3:", "Hint 3 of 3:"]


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
