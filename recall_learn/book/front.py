"""The first page: the story in pictures, and the lessons as cards.

::

    ```{recall-story}
    lost: 01_forgetting: What is forgotten?
    ```

    ```{recall-lessons}
    01_forgetting: what does a fine-tuned model lose?
    ```

    Lessons {minutes}`2 to 7` take so many minutes.

A line of the story names a picture, the lesson that shows it at length, and a question. A line of the lessons names a
lesson and what one asks in it; its number, its title and its minutes are the lesson's own. The pictures are functions
of ``pictures``, a folder beside the page.
"""

import importlib.util
import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.util.docutils import SphinxDirective

from recall_learn.book.pages import web
from recall_learn.book.small import Picture
from recall_learn.support.process_wide import one_thread

STYLE = Path(__file__).parent / "static" / "front.css"
PICTURES, RUNS = "pictures", "runs"
MARKS = 'class="recall-story', 'class="recall-lessons'
Drawn = tuple[Picture | None, str]


@dataclass(frozen=True)
class Lesson:
    """What a lesson says of itself.

    Attributes:
        page: its file, without the ending.
        title: the heading of its page.
        minutes: that it takes.
    """

    page: str
    title: str
    minutes: int

    @property
    def number(self) -> int:
        """Its place in the book."""
        return int(self.page[:2])


def lesson(book: Path, page: str) -> Lesson:
    """Read a lesson's own words.

    Raises:
        ValueError: there is no such lesson, or it does not say its title or its minutes.
    """
    file = book / f"{page}.md"
    if not re.match(r"\d\d_", page) or not file.is_file():
        raise ValueError(f"{page!r} is no lesson; {book.name} has {', '.join(lessons(book))}")
    text = file.read_text(encoding="utf-8")
    title = re.search(r"^# (.+)$", text, re.MULTILINE)
    minutes = re.search(r"^\*About (\d+) minutes", text, re.MULTILINE)
    if title is None or minutes is None:
        raise ValueError(f'{file.name} has no line "{"*About N minutes" if title else "# Title"}"')
    return Lesson(page, title[1], int(minutes[1]))


def lessons(book: Path) -> list[str]:
    """The pages of all lessons, in their order."""
    return sorted(file.stem for file in book.glob("[0-9][0-9]_*.md"))


def minutes(book: Path, which: str) -> int:
    """The minutes that some lessons take together.

    Args:
        book: the folder of the lessons.
        which: "2 to 7", or "8".

    Raises:
        ValueError: it is neither, or the book has no such lessons.
    """
    found = re.fullmatch(r"(\d+)(?: to (\d+))?", which)
    if found is None:
        raise ValueError(f'minutes is {which!r}; it has to be like "2 to 7", or "8"')
    first, last = int(found[1]), int(found[2] or found[1])
    there = [each for each in (lesson(book, page) for page in lessons(book)) if first <= each.number <= last]
    if len(there) != last - first + 1:
        raise ValueError(f"minutes is {which!r}; the book has of these the lessons {[each.number for each in there]}")
    return sum(each.minutes for each in there)


def parted(line: str, count: int) -> list[str]:
    """A line's parts, between colons; the last one may hold colons.

    Raises:
        ValueError: there are fewer.
    """
    parts = [part.strip() for part in line.split(":", count - 1)]
    if len(parts) < count or not all(parts):
        raise ValueError(f"{line!r} has to be {count} parts with colons between them")
    return parts


class _Front(SphinxDirective):
    """Entries of a list that are links, each with a picture; ``entry`` makes one from a line."""

    has_content = True
    kind = ""

    def run(self) -> list[nodes.Node]:
        """The list; a line that cannot be is an error of the build."""
        book = Path(self.env.srcdir)
        for file in (*book.glob(f"{PICTURES}/*.py"), *book.glob("[0-9][0-9]_*.md")):
            self.env.note_dependency(str(file))
        try:
            entries = [nodes.list_item("", *self.entry(book, line)) for line in self.content if line.strip()]
        except ValueError as error:
            raise self.error(str(error)) from None
        return [nodes.bullet_list("", *entries, classes=[f"recall-{self.kind}"])]

    def entry(self, book: Path, line: str) -> Iterable[nodes.Node]:
        """What a line becomes."""
        raise NotImplementedError

    def link(self, page: str, *words: nodes.Node) -> nodes.Node:
        """A paragraph with a link to a page of the book."""
        to = pending_xref(
            "", nodes.inline("", "", *words), refdomain="std", reftype="doc", reftarget=page, refexplicit=True,
            refdoc=self.env.docname, refwarn=True,
        )  # fmt: skip
        return nodes.paragraph("", "", to)


class Story(_Front):
    """The story: a picture, a question, a sentence and the lesson, each."""

    kind = "story"

    def entry(self, book: Path, line: str) -> Iterable[nodes.Node]:
        """A picture with its words; a picture without its records has the words alone."""
        name, page, question = parted(line, 3)
        about = lesson(book, page)
        picture, sentence = draw(book, "STORY", name)
        yield _shown(picture.svg() if picture else "")
        yield nodes.paragraph("", "", nodes.strong("", question))
        if sentence:
            yield nodes.paragraph("", sentence)
        yield self.link(page, nodes.Text(f"Lesson {about.number}: {about.title}"))


class Cards(_Front):
    """The lessons: a card each."""

    kind = "lessons"

    def entry(self, book: Path, line: str) -> Iterable[nodes.Node]:
        """Picture, number, title, question, minutes; without a picture the number stands large in its place."""
        page, question = parted(line, 2)
        about = lesson(book, page)
        picture, _ = draw(book, "LESSONS", page)
        yield _shown(picture.svg() if picture else f"<span>{about.number}</span>")
        number = nodes.inline("", str(about.number), classes=["recall-number"])
        yield self.link(page, number, nodes.Text(" "), nodes.Text(about.title))
        yield nodes.paragraph("", question)
        yield nodes.paragraph("", f"{about.minutes} minutes", classes=["recall-minutes"])


def _shown(html: str) -> nodes.Node:
    return nodes.raw("", f'<div class="recall-picture">{html}</div>', format="html")


def draw(book: Path, shelf: str, name: str) -> Drawn:
    """A picture and its sentence; none where there is none, or its records are not there.

    Args:
        book: the folder of the page, with ``pictures`` and the recorded runs.
        shelf: "STORY" or "LESSONS", where the pictures lie.
        name: of the picture.

    Raises:
        ValueError: the story has no picture of that name.
    """
    pictures = _pictures(book / PICTURES).get(shelf, {})
    if name not in pictures and shelf == "STORY":
        raise ValueError(f"{name!r} is no picture of the story; it has {', '.join(pictures)}")
    with one_thread():  # what is drawn is small: with more threads each step waits for all of them
        made = pictures[name](book / RUNS) if name in pictures else None
    return made if isinstance(made, tuple) else (made, "")


@cache
def _pictures(folder: Path) -> dict[str, dict[str, Callable[[Path], object]]]:
    """The shelves of a folder of pictures; none where there is none."""
    if not folder.is_dir():
        return {}
    name = f"pictures_of_{abs(hash(folder))}"  # beside those of another book
    spec = importlib.util.spec_from_file_location(
        name, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    sys.modules[name] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return vars(module)


def _minutes(name, rawtext, text, lineno, inliner, options=None, content=None):
    """The role ``{minutes}``."""
    try:
        return [nodes.Text(str(minutes(Path(inliner.document.settings.env.srcdir), text)))], []
    except ValueError as error:
        said = inliner.reporter.error(str(error), line=lineno)
        return [inliner.problematic(rawtext, rawtext, said)], [said]


def _copy_style(app) -> None:
    if web(app):
        target = Path(app.outdir) / "_static"
        target.mkdir(parents=True, exist_ok=True)
        (target / STYLE.name).write_bytes(STYLE.read_bytes())


def _add_to_page(app, _page, _template, context, _doctree) -> None:
    if any(mark in context.get("body", "") for mark in MARKS):
        app.add_css_file(STYLE.name)


def setup(app) -> None:
    """Add the directives and the role, and their style to the pages that use them."""
    app.add_directive("recall-story", Story)
    app.add_directive("recall-lessons", Cards)
    app.add_role("minutes", _minutes)
    app.connect("builder-inited", _copy_style)
    app.connect("html-page-context", _add_to_page)
