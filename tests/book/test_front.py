"""The first page: its lessons are all lessons, in their own words; its pictures show what was recorded."""

import io
import json
import re
import shutil
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace

from recall_learn.book import front
from recall_learn.runs import record
from recall_learn.world import World

BOOK = Path(__file__).parents[2] / "book"
INDEX = (BOOK / "index.md").read_text(encoding="utf-8")
LESSONS = sorted(page.stem for page in BOOK.glob("[0-9][0-9]_*.md"))
STORY = re.findall(r"^(\w+): (\d\d_\w+): \S", INDEX, re.MULTILINE)


def cards():
    return INDEX.partition("```{recall-lessons}\n")[2].partition("```")[0].splitlines()


def test_the_first_page_has_a_card_for_every_lesson_in_order_and_so_has_the_table_of_contents():
    contents = (BOOK / "_toc.yml").read_text(encoding="utf-8")
    assert [line.split(":")[0] for line in cards()] == LESSONS
    assert re.findall(r"- file: (\d\d_\w+)", contents) == LESSONS


def test_a_lesson_says_its_number_its_title_and_its_minutes(tmp_path):
    (tmp_path / "07_seven.md").write_text("---\na: b\n---\n\n# Seven: of them\n\n*About 12 minutes. You need: six.*\n")
    assert front.lesson(tmp_path, "07_seven") == front.Lesson("07_seven", "Seven: of them", 12)
    assert front.lesson(tmp_path, "07_seven").number == 7
    (tmp_path / "08_eight.md").write_text("# Eight\n")
    with pytest.raises(ValueError, match="About N minutes"):
        front.lesson(tmp_path, "08_eight")
    with pytest.raises(ValueError, match=r"is no lesson; .* has 07_seven, 08_eight"):
        front.lesson(tmp_path, "09_nine")


def test_the_minutes_of_several_lessons_add_up(tmp_path):
    for number, minutes in ((1, 10), (2, 5), (3, 20)):
        (tmp_path / f"{number:02}_a.md").write_text(f"# A\n\n*About {minutes} minutes.*\n")
    assert [front.minutes(tmp_path, which) for which in ("1 to 3", "2 to 3", "2")] == [35, 25, 5]
    for wrong in ("3 to 4", "all"):
        with pytest.raises(ValueError, match="minutes is"):
            front.minutes(tmp_path, wrong)


def build(root, index):
    """A book of two lessons and two pictures, with this first page."""
    source = root / "book"
    source.mkdir()
    (source / "conf.py").write_text(
        "import recall_learn.book.front\nextensions = ['myst_parser']\nsetup = recall_learn.book.front.setup\n"
    )
    (source / "01_one.md").write_text("# One & only\n\n*About 11 minutes.*\n")
    (source / "02_two.md").write_text("# Two\n\n*About 7 minutes.*\n")
    (source / "pictures").mkdir()
    (source / "pictures" / "__init__.py").write_text(
        "from recall_learn.book.small import Picture\n"
        "def told(runs):\n    return Picture(f'in {runs.name}'), 'So it is.'\n"
        "STORY = {'told': told, 'missing': lambda runs: None}\n"
        "LESSONS = {'01_one': lambda runs: Picture('a line')}\n"
    )
    (source / "index.md").write_text(index)
    said = io.StringIO()
    with docutils_namespace():
        Sphinx(source, source, root / "html", root / "trees", "html", status=None, warning=said).build()
    return BeautifulSoup((root / "html" / "index.html").read_text(encoding="utf-8"), "html.parser"), said.getvalue()


PAGE = """# First

```{recall-story}
told: 02_two: Is it so?
missing: 01_one: And then: what?
```

```{recall-lessons}
01_one: what is it?
02_two: what: else?
```

All of it takes {minutes}`1 to 2` minutes.

```{toctree}
:hidden:
01_one
02_two
```
"""


def test_a_story_has_pictures_questions_sentences_and_lessons(tmp_path):
    page, said = build(tmp_path, PAGE)
    assert not said
    told, missing = page.select(".recall-story > li")
    assert told.svg["aria-label"] == "in runs"
    assert [part.get_text() for part in told.find_all("p")] == ["Is it so?", "So it is.", "Lesson 2: Two"]
    assert told.a["href"] == "02_two.html"
    assert missing.svg is None
    assert [part.get_text() for part in missing.find_all("p")] == ["And then: what?", "Lesson 1: One & only"]
    assert "All of it takes 18 minutes." in page.get_text()


def test_a_card_has_the_lessons_own_words_and_a_number_where_it_has_no_picture(tmp_path):
    page, _ = build(tmp_path, PAGE)
    one, two = page.select(".recall-lessons > li")
    assert one.svg["aria-label"] == "a line"
    assert [part.get_text() for part in one.find_all("p")] == ["1 One & only", "what is it?", "11 minutes"]
    assert one.a["href"] == "01_one.html"
    assert two.svg is None
    assert two.select_one(".recall-picture").get_text() == "2"
    assert [part.get_text() for part in two.find_all("p")] == ["2 Two", "what: else?", "7 minutes"]


def test_the_style_is_where_it_is_used(tmp_path):
    page, _ = build(tmp_path, PAGE)
    other = BeautifulSoup((tmp_path / "html" / "01_one.html").read_text(encoding="utf-8"), "html.parser")
    assert [len(each.select("link[href*='front.css']")) for each in (page, other)] == [1, 0]
    assert (tmp_path / "html" / "_static" / "front.css").is_file()


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("```{recall-story}\nold: 01_one: why?\n```", "'old' is no picture of the story; it has told, missing"),
        ("```{recall-lessons}\n03_three: why?\n```", "'03_three' is no lesson; book has 01_one, 02_two"),
        ("```{recall-lessons}\n01_one\n```", "'01_one' has to be 2 parts with colons between them"),
        ("{minutes}`2 to 3`", "minutes is '2 to 3'; the book has of these the lessons [2]"),
    ],
)
def test_what_cannot_be_is_an_error_of_the_build(tmp_path, line, says):
    _, said = build(tmp_path, f"# First\n\n{line}\n")
    assert says in said


# The pictures themselves


@pytest.mark.parametrize("name", [name for name, _ in STORY])
def test_a_picture_of_the_story_is_small_and_told_and_its_sentence_has_its_numbers(name):
    picture, sentence = front.draw(BOOK, "STORY", name)
    svg = picture.svg()
    assert 500 < len(svg) < 8_000
    assert len(picture.alt) > 60
    assert set(re.findall(r"\d+\.\d\d|\d{2,}", sentence)) <= set(re.findall(r"\d+\.\d\d|\d+", picture.alt))
    assert sentence.endswith(".")


@pytest.mark.parametrize("lesson", front._pictures(BOOK / front.PICTURES)["LESSONS"])
def test_a_lessons_picture_is_small_and_has_no_words(lesson):
    assert lesson in LESSONS
    picture, _ = front.draw(BOOK, "LESSONS", lesson)
    if picture is None and lesson == "17_bigger":
        pytest.skip("fewer than two widths are recorded yet")
    svg = picture.svg()
    assert 400 < len(svg) < 8_000
    assert "<text" not in svg
    assert len(picture.alt) > 40


def test_the_lights_that_are_out_are_the_facts_that_the_record_lost():
    picture, sentence = front.draw(BOOK, "STORY", "lost")
    plain = record.load(BOOK / "runs" / "world-cola-vanilla-0.json").final["facts"]["lost"]
    held = record.load(BOOK / "runs" / "world-cola-recadam-0.json").final["facts"]["lost"]
    out = [path.count("z") for path in re.findall(r'class="fsoft" d="([^"]*)"', picture.svg())]
    assert out == [len(each) for each in (plain, held) if each]
    assert f"{len(World().facts)} facts" in sentence
    assert f"lost {len(plain)}." in sentence


def test_without_records_a_picture_is_left_out(tmp_path):
    shutil.copytree(BOOK / "pictures", tmp_path / "pictures")
    (tmp_path / "runs").mkdir()
    for name in ("lost", "released", "kept", "worth"):
        assert front.draw(tmp_path, "STORY", name) == (None, "")
    for name in (
        "01_forgetting",
        "08_lab",
        "09_start_and_finish",
        "11_neighbours",
        "12_all_together",
        "13_where",
        "14_generalise",
        "15_sequences",
        "16_is_it_forgetting",
        "17_bigger",
    ):
        assert front.draw(tmp_path, "LESSONS", name) == (None, "")


def test_a_changed_record_changes_the_picture(tmp_path):
    shutil.copytree(BOOK / "pictures", tmp_path / "pictures")
    (tmp_path / "runs" / "world").mkdir(parents=True)
    rows = json.loads((BOOK / "runs" / "world" / "general-wordings.json").read_text())
    for row in rows["rows"]:
        if "task" in row:
            row["elsewhere"] = -row["source_loss"]  # who forgot less does better, everywhere
    (tmp_path / "runs" / "world" / "general-wordings.json").write_text(json.dumps(rows))
    _, sentence = front.draw(tmp_path, "STORY", "worth")
    count = len({row["task"] for row in rows["rows"] if "task" in row})
    assert f"In {count} of {count} tasks" in sentence
