"""The whole book as a PDF: the EPUB's pages, one after another, printed by a Chromium.

``make pdf`` builds the EPUB and calls this. It prints twice: where a page begins is known from the first time, and its
list of contents says so in the second.
"""

import shutil
import sys
from collections.abc import Mapping
from html import escape
from pathlib import Path
from xml.dom import minidom

from bs4 import BeautifulSoup, Tag

from recall_learn.book.home import home
from recall_learn.support.files import writing

NAMES = ("chromium", "chromium-browser", "google-chrome")
FOOT = '<div style="width:100%;text-align:center;font-size:9px"><span class="pageNumber"></span></div>'
PATIENCE = 600_000
"""Milliseconds that printing may take."""
HEAD = (
    '<?xml version="1.0" encoding="utf-8"?>\n<html xmlns="http://www.w3.org/1999/xhtml" lang="en"><head>'
    '<meta charset="utf-8"/><title>Recall &amp; Learn</title>'
    '<link rel="stylesheet" href="_static/pygments.css"/><link rel="stylesheet" href="_static/epub.css"/></head><body>'
)


def joined(epub: Path, numbers: Mapping[str, int] | None = None) -> str:
    """The pages of an unpacked EPUB as one, in their order, a list of them after the first; links lead within it.

    Args:
        epub: its folder.
        numbers: on which sheet a page begins, by its name; without them the list leaves room for them.
    """
    listed = minidom.parse(str(epub / "content.opf"))
    names = {item.getAttribute("id"): item.getAttribute("href") for item in listed.getElementsByTagName("item")}
    spine = [names[item.getAttribute("idref")] for item in listed.getElementsByTagName("itemref")]
    pages = [name for name in spine if name != "nav.xhtml"]
    soups = [BeautifulSoup((epub / name).read_text(encoding="utf-8"), "html.parser") for name in pages]
    titles = [(Path(name).stem, _said(soup.h1 or soup.title)) for name, soup in zip(pages, soups, strict=True)]
    first, *others = (_body(soup, Path(name).stem, set(pages)) for name, soup in zip(pages, soups, strict=True))
    return f"{HEAD}{first}{_contents(titles, numbers or {})}{''.join(others)}</body></html>"


def _said(title: Tag) -> str:
    """The words of a heading, without the sign that links it."""
    return "".join(each for each in title.strings if "headerlink" not in (each.parent.get("class") or ())).strip()


def _contents(titles: list[tuple[str, str]], numbers: Mapping[str, int]) -> str:
    """A page that lists the others, ``(name, title)`` each, with the sheets they begin on."""
    lines = (
        f'<li><a href="#{name}">{escape(title)}</a><span class="dots"></span><span>{numbers.get(name, "")}</span></li>'
        for name, title in titles
    )
    return f'<section id="contents"><h1>Contents</h1><ul class="contents">{"".join(lines)}</ul></section>'


def _body(soup: BeautifulSoup, name: str, pages: set[str]) -> str:
    """What a page shows, its ids and its links made those of the whole."""
    for each in soup.find_all(id=True):
        each["id"] = f"{name}--{each['id']}"
    for link in soup.find_all("a", href=True):
        file, _, place = link["href"].partition("#")
        if not file:
            link["href"] = f"#{name}--{place}"
        elif file in pages:
            link["href"] = f"#{Path(file).stem}--{place}" if place else f"#{Path(file).stem}"
    inner = "".join(each.decode(formatter="minimal") for each in soup.body.children if hasattr(each, "decode"))
    return f'<section id="{name}">{inner}</section>'


def chromium() -> str:
    """Where it is.

    Raises:
        SystemExit: nowhere on the PATH; the message says what to do.
    """
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        raise SystemExit(
            f"A PDF is printed by Chromium, and there is none of {', '.join(NAMES)} on the PATH. Install one, or print "
            f"the EPUB from an e-reader."
        )
    return found


def printed(page: Path, pdf: Path) -> None:
    """Print a page that lies on the disk, with no script and no network."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox", "--disable-gpu"])
        tab = browser.new_context(java_script_enabled=False, offline=True).new_page()
        tab.set_default_timeout(PATIENCE)
        tab.goto(page.as_uri())
        margin = dict.fromkeys(("top", "bottom", "left", "right"), "18mm")
        options = {"format": "A4", "margin": margin, "outline": True, "tagged": True, "path": pdf}
        tab.pdf(display_header_footer=True, header_template="<span></span>", footer_template=FOOT, **options)
        browser.close()


def numbers_of(pdf: Path) -> dict[str, int]:
    """The sheet, counted from 1, on which each place begins that a link of a printed page leads to."""
    from pypdf import PdfReader

    reader = PdfReader(pdf)
    places = {name.removeprefix("/"): place for name, place in reader.named_destinations.items()}
    return {name: reader.get_destination_page_number(place) + 1 for name, place in places.items()}


def print_whole(epub: Path, pdf: Path) -> None:
    """Print the pages of an unpacked EPUB, their list with numbers."""
    page = epub / "all-pages.xhtml"
    try:
        with writing(pdf) as temporary:
            page.write_text(joined(epub), encoding="utf-8")
            printed(page, temporary)
            page.write_text(joined(epub, numbers_of(temporary)), encoding="utf-8")
            printed(page, temporary)
    finally:
        page.unlink(missing_ok=True)


def main(root: Path) -> None:
    """Print the EPUB that ``make epub`` left in ``book/_build``, and say where."""
    chromium()
    built = root / "book" / "_build"
    pdf = built / "pdf" / "recall-and-learn.pdf"
    pdf.parent.mkdir(exist_ok=True)
    print_whole(built / "epub", pdf)
    print(f"The book: {pdf}, {pdf.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main(home(sys.argv[1:]))
