"""A page of the book for a reader that runs no script: figures as pictures, words for what moves, folds open.

It takes the HTML that the web pages have, and gives well-formed XHTML.
"""

import hashlib
import json
import re
from collections.abc import Callable

from bs4 import BeautifulSoup, Tag

from recall_learn.book import small
from recall_learn.figures.picture import picture
from recall_learn.lab import chart, explorer

MOVES = "It works in the web book."
CODE = "The code behind this page's figures"
SOURCE = re.compile(r"^(\w+)\.(?:md|html)(?=#|$)")
"""A lesson as a cell's Markdown names it, or a cell's HTML."""
STATE = re.compile(r"^[^:]*#\w+&")
"""A place, and what a script there is to show."""

Keep = Callable[[str, str], str]
"""A function that keeps a file, its name and its text, and returns its address from the page."""


def offline(page: str, keep: Keep) -> str:
    """The page without anything that needs a script.

    Args:
        page: its XHTML as Sphinx writes it for an EPUB.
        keep: as `Keep`, for pictures.
    """
    soup = BeautifulSoup(page, "html.parser")
    for figure in soup.find_all("figure", class_="recall-figure"):
        _figure(soup, figure, keep)
    for drawn in soup.find_all("svg", class_="recall-small"):
        _small(soup, drawn, keep)
    for kind in (explorer.Page.kind, chart.Page.kind, "recall-lab"):
        for place in soup.find_all("div", class_=kind):
            _words(soup, place)
    for each in soup.find_all(["script", "style", "button", "noscript"]):
        each.decompose()
    _code_to_the_end(soup)
    for fold in soup.find_all("details"):
        fold["open"] = "open"
    _links(soup)
    _as_epub_asks(soup)
    return soup.decode(formatter="minimal")


def _figure(soup: BeautifulSoup, figure: Tag, keep: Keep) -> None:
    """Its picture under its number and claim; its text alternative where it cannot be drawn."""
    spec = json.loads(figure.find("script").string)
    meta = spec.get("layout", {}).get("meta") or {}
    alt = meta.get("alt", "")
    try:
        svg = picture(spec, claimed=False)
    except ValueError:
        shown = soup.new_tag("p")
        shown.string = f"{alt} (The figure itself is drawn in the web book.)"
    else:
        name = f"figure-{hashlib.sha256(svg.encode()).hexdigest()[:12]}.svg"
        shown = soup.new_tag("img", src=keep(name, svg), alt=alt)
    kept = [each.extract() for each in figure.find_all(["a", "figcaption"], recursive=False)]
    figure.clear()
    figure.extend([*kept, shown])


def _small(soup: BeautifulSoup, drawn: Tag, keep: Keep) -> None:
    """A picture of the first page, as a file."""
    svg = small.alone(str(drawn))
    name = f"small-{hashlib.sha256(svg.encode()).hexdigest()[:12]}.svg"
    drawn.replace_with(soup.new_tag("img", src=keep(name, svg), alt=drawn["aria-label"]))


def _words(soup: BeautifulSoup, place: Tag) -> None:
    """What is said in the place of what a script draws, without the sentence that says that it needs one."""
    said = place.find("p").get_text()
    words = soup.new_tag("p")
    words.string = re.sub(r" It needs JavaScript.*", f" {MOVES}", said, flags=re.DOTALL)
    words["class"] = "recall-moves"
    place.replace_with(words)


def _code_to_the_end(soup: BeautifulSoup) -> None:
    """The folded source of a cell, in the way of who reads on, goes to the page's end; a link leads there."""
    folds = [fold for fold in soup.find_all("details") if "hide" in fold.get("class", ())]
    main = soup.find(class_="body") or soup.body
    if not folds or main is None:
        return
    end = soup.new_tag("section", id="recall-code")
    head = soup.new_tag("h2")
    head.string = CODE
    end.append(head)
    for i, fold in enumerate(folds, 1):
        there, back = soup.new_tag("p", id=f"recall-from-{i}"), soup.new_tag("p", id=f"recall-code-{i}")
        there["class"] = back["class"] = "recall-code"
        for place, words, to in ((there, f"Code {i}", f"#recall-code-{i}"), (back, f"Code {i}", f"#recall-from-{i}")):
            link = soup.new_tag("a", href=to)
            link.string = words
            place.append(link)
        fold.replace_with(there)
        fold.summary.decompose()
        fold.name = "div"
        fold.attrs = {}
        end.append(back)
        end.append(fold)
    (main.find("section") or main).append(end)


def _links(soup: BeautifulSoup) -> None:
    """Those to a lesson lead to its page; those that lead nowhere, as to what a script draws, are words."""
    there = {each["id"] for each in soup.find_all(id=True)}
    for link in soup.find_all("a", href=True):
        link["href"] = SOURCE.sub(r"\1.xhtml", link["href"])
        scheme, inside = re.match(r"(\w+):", link["href"]), re.fullmatch(r"#(.*)", link["href"])
        nowhere = STATE.match(link["href"]) or (inside and inside[1] not in there)
        if nowhere or (scheme and scheme[1] not in ("http", "https", "mailto")):
            link.unwrap()


def _as_epub_asks(soup: BeautifulSoup) -> None:
    """What HTML of today takes, and EPUB 3 does not."""
    for listed in soup.find_all("dl"):
        if listed.find_parent("dt"):  # the parameters of a function, a line each
            for line in listed.find_all("dd", recursive=False):
                line.name, line["class"] = "span", "sig-line"
            listed.name = "span"
    for each in soup.find_all(role="doc-biblioentry"):
        del each["role"]
