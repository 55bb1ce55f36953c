"""A small book as an EPUB, and as one page for paper."""

import re
import subprocess
import sys
import zipfile
from pathlib import PurePosixPath
from urllib.parse import unquote
from xml.etree import ElementTree

import nbformat
import pytest

from recall_learn.book.mathml import mathml
from recall_learn.book.offline import offline
from recall_learn.book.pdf import joined
from recall_learn.figures.plots import over_time

XHTML, MATH, SVG = (
    "{http://www.w3.org/1999/xhtml}",
    "{http://www.w3.org/1998/Math/MathML}",
    "http://www.w3.org/2000/svg",
)
CLAIM, ALT = "it rises & stays", 'A line from 0 to 1, "straight".'
CONF = """
extensions = ["myst_nb", "sphinx_togglebutton", "recall_learn.book"]
myst_enable_extensions = ["dollarmath"]
nb_execution_mode = "off"
nb_render_markdown_format = "gfm"
project = "Small"
author = copyright = "Nobody"
epub_identifier = epub_uid = epub_basename = "small"
epub_show_urls = "no"
epub_tocscope = "includehidden"
epub_use_index = False
exclude_patterns = ["**.md~"]
suppress_warnings = ["mystnb.unknown_mime_type", "toc", "epub"]
"""
INDEX = r"""# Small

```{toctree}
:hidden:
01_page
```

Half is $\frac12$, and

$$
a &= b < c \\
&= \textbf{d}
$$

```{admonition} Think
:class: dropdown
An answer, in [the page](01_page.ipynb), [far away](https://example.org), [nowhere](file:///x).
```

```{recall-lab} recadam(k=0.05, t0=150)
:steps: 300
:size: small
```
"""
EXPLORER = (
    '<div class="recall-explore" id="explore"><p>An explorer of 2 runs. It needs JavaScript, here.</p>'
    '<script type="application/json">{}</script></div><br>'
    '<a href="index.html#small">Small</a>, <a href="index.html#explore&amp;task=a">one run</a>'
    '<a href="https://example.org/far#a&amp;b">far</a>'
)
MARKDOWN = r"It is $\tfrac12 \big(x\big)$ at `$5` for [the first](index.md#small), in [the explorer](#explore&task=a)."


@pytest.fixture(scope="module")
def epub(tmp_path_factory):
    folder = tmp_path_factory.mktemp("small")
    data = [
        {"application/vnd.plotly.v1+json": over_time({"a": ([0, 1], [0, 1])}, "y", CLAIM, ALT).to_plotly_json()},
        {"text/html": EXPLORER, "text/plain": "An explorer"},
        {"text/markdown": MARKDOWN, "text/plain": "It is"},
    ]
    outputs = [nbformat.v4.new_output("display_data", each) for each in data]
    code = nbformat.v4.new_code_cell("print(1 < 2)", outputs=outputs, metadata={"tags": ["hide-input"]})
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# Page of `a`"), code])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, folder / "01_page.ipynb")
    (folder / "conf.py").write_text(CONF)
    (folder / "index.md").write_text(INDEX)
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "epub", folder, folder / "epub"]
    (folder / "epub").mkdir()
    (folder / "epub" / "old.xhtml").write_text("of a build before")
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder / "epub"


@pytest.fixture(scope="module")
def files(epub):
    with zipfile.ZipFile(epub / "small.epub") as packed:
        names = packed.namelist()
        assert names[0] == "mimetype"
        return {name: packed.read(name) for name in names}


@pytest.fixture(scope="module")
def pages(files):
    return {name: ElementTree.fromstring(data) for name, data in files.items() if name.endswith(".xhtml")}


def words(element):
    return " ".join("".join(element.itertext()).split())


def test_every_page_is_xml_and_in_the_table_of_contents(files, pages):
    assert set(pages) == {"index.xhtml", "01_page.xhtml", "nav.xhtml"}
    for name in ("content.opf", "toc.ncx", "META-INF/container.xml"):
        ElementTree.fromstring(files[name])
    assert "01_page.xhtml" in {link.get("href") for link in pages["nav.xhtml"].iter(f"{XHTML}a")}


def test_what_a_page_uses_is_there_and_nothing_else(files, pages):
    used = set()
    for page in pages.values():
        ids = {each.get("id") for each in page.iter()}
        for each in page.iter():
            for address in filter(None, (each.get("src"), each.get("href"))):
                if address.startswith("https://example.org"):
                    continue
                file, _, place = unquote(address).partition("#")
                assert not re.match(r"\w+:", file), address
                assert file in files or not file, address
                assert file or place in ids, address
                used.add(file)
    fixed = {"mimetype", "content.opf", "toc.ncx", "META-INF/container.xml", "nav.xhtml", "index.xhtml"}
    assert set(files) - fixed - used == set()
    assert not any(PurePosixPath(name).suffix == ".js" for name in files)
    assert b"<script" not in b"".join(files[name] for name in pages)


def test_a_figure_is_a_picture_under_its_claim(files, pages):
    (figure,) = pages["01_page.xhtml"].iter(f"{XHTML}figure")
    assert words(figure.find(f"{XHTML}a")) == "Figure 1.1"
    assert words(figure.find(f"{XHTML}figcaption")) == CLAIM
    picture = figure.find(f"{XHTML}img")
    assert picture.get("alt") == ALT
    assert ElementTree.fromstring(files[picture.get("src")]).tag == f"{{{SVG}}}svg"


def test_mathematics_is_mathml_wherever_it_stands(files, pages):
    first, second = ([words(each) for each in pages[name].iter(f"{MATH}math")] for name in pages if name != "nav.xhtml")
    assert sorted(map(len, (first, second))) == [1, 2]
    told = words(pages["01_page.xhtml"])
    assert "\\" not in told.replace("$5", "")
    assert "$5" in told  # code stays as it is
    opf = files["content.opf"].decode()
    assert opf.count('properties="mathml"') == 2


def test_what_moves_is_told_and_folds_are_open(pages):
    index, page = words(pages["index.xhtml"]), words(pages["01_page.xhtml"])
    assert "An answer" in index
    assert "The live lab: RecAdam" in index
    assert "It works in the web book." in index
    assert "An explorer of 2 runs. It works in the web book." in page
    assert "JavaScript" not in index + page
    assert page.index("An explorer") < page.index("print(1 < 2)")  # a figure's code comes after all
    links = {link.get("href") for link in pages["01_page.xhtml"].iter(f"{XHTML}a")}
    assert "index.xhtml#small" in links
    assert not any("explore" in link or ".html" in link for link in links)
    assert "https://example.org/far#a&b" in links  # of another place nothing is known
    assert "Small, one run" in page


def test_the_pages_join_to_one_whose_links_stay_within(epub):
    page = ElementTree.fromstring(joined(epub))
    ids = [each.get("id") for each in page.iter() if each.get("id")]
    assert len(ids) == len(set(ids))
    links = {link.get("href") for link in page.iter(f"{XHTML}a")}
    links = {link for link in links if not link.startswith("https://example.org")}
    assert links
    assert all(link[0] == "#" and link[1:] in ids for link in links)
    titles = [words(each) for each in page.iter(f"{XHTML}h1")]
    assert [title.rstrip("¶") for title in titles] == ["Small", "Contents", "Page of a"]
    (contents,) = (each for each in page.iter(f"{XHTML}ul") if each.get("class") == "contents")
    assert [(words(link), link.get("href")) for link in contents.iter(f"{XHTML}a")] == [
        ("Small", "#index"),
        ("Page of a", "#01_page"),
    ]


@pytest.mark.parametrize(
    ("latex", "told"),
    [
        (r"a < b", "a<b"),
        (r"a &= b \\[4pt] c &= d", "a=bc=d"),
        (r"\begin{aligned} a &= \textbf{b} \end{aligned}", "a=b"),
        (r"-\log p", "−log\u2061p"),
    ],
)
def test_formulas_of_the_book_are_xml(latex, told):
    made = ElementTree.fromstring(mathml(latex, display=True))
    assert "".join("".join(made.itertext()).split()) == told
    for each in made.iter():  # as EPUB's MathML 3 has it
        assert each.tag.endswith("mstyle") or not {"displaystyle", "scriptlevel"} & set(each.attrib)


def test_what_is_no_formula_is_named():
    with pytest.raises(ValueError, match="nosuch"):
        mathml(r"\nosuch{x}")


def test_a_figure_that_cannot_be_drawn_leaves_its_words():
    spec = '{"data": [{"type": "pie"}], "layout": {"meta": {"claim": "c", "alt": "two halves"}}}'
    page = f'<figure class="recall-figure"><figcaption>c</figcaption><script>{spec}</script></figure>'
    shown = offline(page, lambda name, text: pytest.fail(name))
    assert "<p>two halves (The figure itself is drawn in the web book.)</p>" in shown
