"""The minutes that a lesson says are those of the rule, counted on its built page; and none takes an evening."""

import re
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

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


def test_the_cards_and_the_paths_of_the_first_page_say_these_minutes(html):
    page = BeautifulSoup((html / "index.html").read_text(encoding="utf-8"), "html.parser")
    cards = {
        card.a["href"].removesuffix(".html"): card.select_one(".recall-minutes").text
        for card in page.select(".recall-lessons > li")
    }
    assert cards == {lesson: f"{stated(lesson)} minutes" for lesson in LESSONS}
    paths = [[cell.text.strip() for cell in row.find_all("td")][1:] for row in page.select("table tbody tr")]
    several = [(re.fullmatch(r"(\d+) to (\d+)", lessons), minutes) for lessons, minutes in paths]
    for which, minutes in ((which, minutes) for which, minutes in several if which):
        first, last = map(int, which.groups())
        assert int(minutes) == sum(stated(lesson) for lesson in LESSONS if first <= int(lesson[:2]) <= last)
    assert sum(bool(which) for which, _ in several) == 2


def test_the_side_bar_numbers_the_lessons_and_no_other_page(html):
    page = BeautifulSoup((html / "index.html").read_text(encoding="utf-8"), "html.parser")
    links = {link["href"].removesuffix(".html"): link.text.strip() for link in page.select("nav.bd-links a.reference")}
    assert len(links) > len(LESSONS)
    for page, text in links.items():
        number = re.match(r"(\d+)\. ", text)
        assert (number and int(number[1])) == (int(page[:2]) if page in LESSONS else None), text
