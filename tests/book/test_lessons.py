"""What every lesson has."""

import re
from pathlib import Path

import pytest

LESSONS = sorted((Path(__file__).parents[2] / "book").glob("[01][0-9]_*.md"))


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.stem)
def test_every_question_has_its_answer(lesson):
    text = lesson.read_text(encoding="utf-8")
    part = text.partition("### Work it out\n")[2].partition("### Write it\n")[0]
    questions = re.findall(r"^(\d+)\. \*\*\(\d+ minutes\)\*\* ", part, flags=re.MULTILINE)
    answers = re.findall(r"^`````\{admonition\} Answer (\d+)\n:class: dropdown\n\n\S", part, flags=re.MULTILINE)
    assert len(questions) >= 3
    assert answers == questions == [str(number) for number in range(1, len(questions) + 1)]


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.stem)
def test_the_table_of_lessons_says_its_minutes(lesson):
    """README's; the cards of the first page read them from the lesson, see test_front."""
    minutes = re.search(r"^\*About (\d+) minutes", lesson.read_text(encoding="utf-8"), flags=re.MULTILINE)[1]
    lines = (lesson.parents[1] / "README.md").read_text(encoding="utf-8").splitlines()
    row = next(line for line in lines if line.startswith("| ") and f"{lesson.name})" in line)
    assert row.endswith(f"| {minutes} |")


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.stem)
def test_no_cell_stands_in_a_fold(lesson):
    """It would be shown there, and never run."""
    text = lesson.read_text(encoding="utf-8")
    folds = [found[0] for found in re.finditer(r"^(`{4,})\{.*?^\1$", text, flags=re.MULTILINE | re.DOTALL)]
    assert folds
    assert not [each for each in folds if "{code-cell}" in each]
