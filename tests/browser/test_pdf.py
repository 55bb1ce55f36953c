"""The book on paper: its list of contents names the sheets on which the pages begin."""

import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files

import pytest
from pypdf import PdfReader

from recall_learn.book.pdf import print_whole

TITLES = {"index": "A small book", "one": "One & more", "two": "Two", "three": "Three"}
LINES = {"index": 1, "one": 150, "two": 300, "three": 1}
OPF = """<?xml version="1.0"?><package xmlns="http://www.idpf.org/2007/opf">
<manifest>{items}<item id="nav" href="nav.xhtml"/></manifest><spine><itemref idref="nav"/>{refs}</spine></package>"""


@pytest.fixture(scope="module")
def sheets(tmp_path_factory):
    """The text of each sheet."""
    epub = tmp_path_factory.mktemp("epub")
    items = "".join(f'<item id="id-{name}" href="{name}.xhtml"/>' for name in TITLES)
    refs = "".join(f'<itemref idref="id-{name}"/>' for name in TITLES)
    (epub / "content.opf").write_text(OPF.format(items=items, refs=refs))
    for name, title in TITLES.items():
        lines = "".join(f"<p>{name} {i}</p>" for i in range(LINES[name]))
        head = f'<h1 id="top">{title.replace("&", "&amp;")}</h1>'
        (epub / f"{name}.xhtml").write_text(f'<html><head/><body>{head}<a href="two.xhtml">on</a>{lines}</body></html>')
    (epub / "_static").mkdir()
    shutil.copy(files("recall_learn.book") / "static" / "epub.css", epub / "_static")
    pdf = epub.parent / "whole.pdf"
    with ThreadPoolExecutor(1) as alone:  # the tests' own browser holds this thread's loop
        alone.submit(print_whole, epub, pdf).result()
    assert not (epub / "all-pages.xhtml").exists()
    assert list(epub.parent.glob("*whole*")) == [pdf]
    return [page.extract_text() for page in PdfReader(pdf).pages]


def test_the_contents_name_the_sheets_on_which_the_pages_begin(sheets):
    (contents,) = (text for text in sheets if "Contents" in text)
    for name, title in TITLES.items():
        (begins,) = (at for at, text in enumerate(sheets, start=1) if re.search(rf"\b{name} 0\b", text))
        number = re.search(rf"{re.escape(title)}\s*(\d+)\s", contents)
        assert number, contents
        assert int(number[1]) == begins


def test_a_page_begins_on_a_sheet_of_its_own(sheets):
    begins = [at for at, text in enumerate(sheets) if re.search(r"^\w+ 0$", text, re.MULTILINE)]
    assert len(set(begins)) == len(TITLES)
    assert begins[2] - begins[1] > 1  # the longer ones take several
