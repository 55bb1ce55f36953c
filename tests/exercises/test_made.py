"""What is made from the solutions is what lies there, and an answer can be tried where it is read."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from recall_learn.book import exercises
from recall_learn.practice.exercise import NOT_WRITTEN, everything

ROOT = Path(__file__).parents[2]
MADE = exercises.made(ROOT)
ALL = everything()


@pytest.mark.parametrize("path", MADE, ids=lambda path: str(path.relative_to(ROOT)))
def test_it_is_what_make_notebooks_writes(path):
    assert path.is_file(), f"{path} is missing: run make notebooks"
    assert path.read_text(encoding="utf-8") == MADE[path], "out of date: run make notebooks"


def test_no_stub_without_an_exercise():
    assert {path.parent for path in MADE if path.name == "exercise.py"} == set(
        (ROOT / "exercises").glob("[0-9][0-9]_*")
    )


def test_every_exercise_has_its_three_files():
    for folder in ("checks", "mutants"):
        assert {path.stem for path in (ROOT / "exercises" / folder).glob("*.py")} == {each.name for each in ALL}


def test_a_lesson_shows_those_for_its_page_and_names_the_others():
    mine = [each for each in ALL if each.lesson == 11]
    text = exercises.block(mine)
    assert {each.page for each in mine} == {True, False}
    for each in mine:
        assert (f"#### {each.title}\n" in text) is each.page
        assert (f'check("{each.name}", ' in text) is each.page
        assert (f"\n- `{each.name}`: {each.goal} {each.minutes} minutes" in text) is not each.page


@pytest.mark.parametrize("each", ALL, ids=lambda each: each.name)
def test_a_stub_holds_nothing_of_the_solution(each):
    assert NOT_WRITTEN in each.stub
    assert "# solution" not in each.stub
    hidden = re.findall(r"# solution\n(.*?)# end", each.text, re.DOTALL)
    for line in "".join(hidden).splitlines():
        if len(line.strip()) > 20:
            assert line.strip() not in each.stub
            assert line.strip() not in each.statement


def test_no_lesson_s_own_names_are_written_over():
    """A cell of the lesson that is run once more must not meet the stub."""
    from recall_learn.book.notebooks import lessons

    for page in lessons(ROOT / "book"):
        text = exercises.BLOCK.sub("", page.read_text(encoding="utf-8"))
        code = re.findall(r"^```\{code-cell\}.*?\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
        used = set()
        for cell in code:
            cell = re.sub(r"^:.*\n", "", cell, flags=re.MULTILINE)
            used |= {node.id for node in ast.walk(ast.parse(cell)) if isinstance(node, ast.Name)}
        entries = {each.entry for each in ALL if page.name.startswith(f"{each.lesson:02}_")}
        assert not entries & used, page.name


def test_pytest_looks_at_answers_and_takes_nothing_else_from_where_it_is_run(own_progress):
    right, stub = ALL[:2]
    (own_progress / "answers").mkdir()
    for each, text in ((right, right.code), (stub, stub.file)):
        (own_progress / "answers" / f"{each.name}.py").write_text(text)
    for place in (own_progress, own_progress / "answers"):
        for name in ("conftest", "torch", "copy"):
            (place / f"{name}.py").write_text("raise SystemExit('forged')\n")
        (place / "pytest.ini").write_text("[pytest]\naddopts = -p forged\n")
    command = [sys.executable, "-P", "-m", "pytest", "-p", "no:cacheprovider", str(ROOT / "exercises")]
    done = subprocess.run(
        [*command, "--answers=answers"],
        cwd=own_progress,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert "1 failed, 1 passed" in done.stdout, done.stdout + done.stderr
    assert f"○ {stub.name}: not written yet" in done.stdout
    assert done.returncode == 1
