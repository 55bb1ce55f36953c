"""Dead references in the prose: ``python -m recall_learn.book.references [repository]``, a part of ``make lint``.

Looked at are README.md and the pages of the book. A reference is dead when

- a link names a file that is not there, or a heading that its page does not have;
- ``{cite}`` names a source that the bibliography does not have;
- code in the text names a file of the project, or ``recall_learn.something``, that is not there.

A page that Sphinx makes (``genindex``) may be linked. Addresses of other hosts are not asked.
"""

import importlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from pybtex.database import parse_file

from recall_learn.book.home import home

FENCE = re.compile(r"^(`{3,}|~{3,}).*?^\1\s*$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
CITE = re.compile(r"\{cite(?::\w)?\}`([^`]+)`")
CODE = re.compile(r"`([^`\n]+)`")
FILE = re.compile(r"^(?:recall_learn|book|tests|benchmarks|exercises)/[\w./-]+$")
NAME = re.compile(r"^recall_learn(?:\.\w+)+$")
MADE = ("genindex", "search", "book/_build")


def dead(page: Path, bibliography: Path, root: Path) -> Iterator[str]:
    """What a page refers to in vain, each as a sentence.

    Args:
        page: a Markdown file.
        bibliography: the BibTeX file of the book.
        root: the folder of the repository.
    """
    whole = page.read_text(encoding="utf-8")
    prose = FENCE.sub("", whole)
    for target in LINK.findall(prose):
        path, _, heading = target.partition("#")
        if re.match(r"\w+:", target) or path.removesuffix(".html") in MADE:
            continue
        file = page if not path else page.parent / path
        if not file.exists():
            yield f"{page.name} links {path}, which is not there"
        elif heading and file.suffix == ".md" and heading not in headings(file):
            yield f"{page.name} links #{heading}, which {file.name} does not have"
    known = parse_file(bibliography).entries
    for keys in CITE.findall(whole):
        for key in keys.split(","):
            if key.strip() not in known:
                yield f"{page.name} cites {key.strip()!r}, which {bibliography.name} does not have"
    for code in CODE.findall(prose):
        if FILE.match(code) and not code.startswith(MADE) and not any(root.glob(code.rstrip("/"))):
            yield f"{page.name} names {code}, which is not there"
        if NAME.match(code) and not found(code):
            yield f"{page.name} names {code}, which the library does not have"


def headings(page: Path) -> set[str]:
    """The anchors of a page's headings, as the book makes them."""
    titles = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w-]", "", title.lower().replace(" ", "-")) for title in titles}


def found(name: str) -> bool:
    """Whether a dotted name leads to a module, or to something in one."""
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        try:
            thing = importlib.import_module(".".join(parts[:end]))
        except ImportError:
            continue
        for part in parts[end:]:
            fields = getattr(thing, "__dataclass_fields__", {})
            if not hasattr(thing, part) and part not in fields:
                return False
            thing = getattr(thing, part, None)
        return True
    return False


def main(root: Path) -> int:
    """Print every dead reference; the exit status is 1 where there is one."""
    pages = [root / "README.md", *sorted((root / "book").glob("*.md"))]
    lines = [line for page in pages for line in dead(page, root / "book" / "references.bib", root)]
    print("\n".join(lines) if lines else f"{len(pages)} pages, no dead reference")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main(home(sys.argv[1:])))
