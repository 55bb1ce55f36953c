"""How long a lesson takes to read, by a rule: counted on the built page, so with what its cells print.

====================== ==============================================================
a word                 1/200 of a minute: in the text, in captions, tables and quotes
a line of shown code   1/30: it has some seven words
a displayed equation   1/4
a figure               1/2: to read it once, and move it once
a prediction           1/3: to make it before reading on
====================== ==============================================================

What is folded is not counted, nor what comes after the heading "Exercises", whose own minutes stand with each, but for
the three sentences "To remember". A lab that trains is left out: how long one plays is one's own affair.

``python -m recall_learn.book.minutes [folder of built pages]`` prints what each lesson takes.
"""

import re
import sys
from dataclasses import dataclass
from pathlib import Path

from bs4 import BeautifulSoup, Tag

WORDS, LINES, EQUATION, FIGURE, PREDICTION = 200, 30, 1 / 4, 1 / 2, 1 / 3
FOLDED = ("details", ".toggle", ".dropdown", ".toggle-hidden", ".tag_hide-input .cell_input", ".tag_hide-cell")
"""What waits for a click."""
LEFT_OUT = ("script", "noscript", "style", "annotation", ".headerlink", ".recall-run", ".recall-lab", ".recall-figure")
EXERCISES = "Exercises"


@dataclass(frozen=True)
class Reading:
    """What is to be read of a page.

    Attributes:
        words: that can be seen without a click.
        lines: of code, likewise.
        equations: displayed ones.
        figures: that can be moved.
        predictions: that are asked for.
    """

    words: int
    lines: int
    equations: int
    figures: int
    predictions: int

    @property
    def minutes(self) -> float:
        """By the rule."""
        marks = self.equations * EQUATION + self.figures * FIGURE + self.predictions * PREDICTION
        return self.words / WORDS + self.lines / LINES + marks


def read(html: str) -> Reading:
    """Count a built page.

    Raises:
        ValueError: it is no page of the book.
    """
    article = BeautifulSoup(html, "html.parser").select_one("article.bd-article")
    if article is None:
        raise ValueError("there is no article.bd-article; it has to be a page of the built book")
    _leave_out_exercises(article)
    for folded in article.select(", ".join(FOLDED)):
        folded.decompose()
    figures = len(article.select(".recall-figure"))
    predictions = sum(1 for title in article.select(".admonition-title") if title.text.startswith("Predict"))
    predictions += sum(1 for bold in article.select("p > strong") if bold.text.startswith("Predict"))
    for other in article.select(", ".join(LEFT_OUT)):
        other.decompose()
    lines = sum(len(code.text.strip().splitlines()) for code in _taken(article, "pre"))
    equations = len(_taken(article, "div.math"))
    words = len(re.findall(r"\S*\w\S*", article.get_text(" ")))
    return Reading(words, lines, equations, figures, predictions)


def _leave_out_exercises(article: Tag) -> None:
    for section in article.find_all("section"):
        heading = section.find(["h1", "h2"], recursive=False)
        if heading is not None and heading.get_text().strip("# \n").startswith(EXERCISES):
            section.decompose()


def _taken(article: Tag, selector: str) -> list[Tag]:
    return [found.extract() for found in article.select(selector)]


def main(folder: Path) -> None:
    """Print what each lesson takes."""
    for page in sorted(folder.glob("[0-9][0-9]_*.html")):
        found = read(page.read_text(encoding="utf-8"))
        print(f"{page.stem:30} {found.minutes:5.1f} minutes  {found}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "book/_build/html"))
