"""The minutes that a lesson says are those of the rule, counted on its built page; and none takes an evening."""

import re
from pathlib import Path

import pytest

from recall_learn.book.minutes import read

BOOK = Path(__file__).parents[2] / "book"
LESSONS = sorted(page.stem for page in BOOK.glob("[01][0-9]_*.md"))


def stated(lesson):
    text = (BOOK / f"{lesson}.md").read_text(encoding="utf-8")
    return int(re.search(r"^\*About (\d+) minutes", text, flags=re.MULTILINE)[1])


@pytest.mark.parametrize("lesson", LESSONS)
def test_a_lesson_takes_the_minutes_that_it_says_and_no_more_than_twenty(html, lesson):
    found = read((html / f"{lesson}.html").read_text(encoding="utf-8"))
    assert abs(found.minutes - stated(lesson)) <= 1, found
    assert found.minutes < 20.5, found
    assert 1000 < found.words <= 2800, found


def test_the_paths_of_the_first_page_add_up():
    text = (BOOK / "index.md").read_text(encoding="utf-8")
    for first, last in re.findall(r"\| (\d+) to (\d+) \|", text):
        minutes = sum(stated(lesson) for lesson in LESSONS if int(first) <= int(lesson[:2]) <= int(last))
        assert f"| {first} to {last} | {minutes} |" in text
    assert len(re.findall(r"\| \d+ to \d+ \|", text)) == 2
