"""A notebook as nbconvert, GitHub and the book show it: what draws a figure draws it, and the others tell it."""

import json
import subprocess
import sys
from xml.etree import ElementTree

import nbformat
import pytest
from nbclient import NotebookClient
from nbconvert import HTMLExporter, LatexExporter, MarkdownExporter

from recall_learn.figures.still import PLOTLY_JSON, SVG

CLAIM, ALT = "it rises & <b>stays</b>", "A line from 0 to 1."
CELLS = [
    f"from recall_learn.figures.plots import over_time\nover_time({{'a': ([0, 1], [0, 1])}}, 'y', {CLAIM!r}, {ALT!r})",
    """
from recall_learn.runs.recordings import Record, Records
from recall_learn.lab.explorer import explore
from recall_learn.runs.recipe import Recipe
columns = {"step": [0, 300], "score": [0.0, 0.9], "loss": [None, 0.2], "distance": [0.0, 2.0]}
explore(Records([], [Record(Recipe(backbone="tiny", task="world/cola", steps=300), columns)]))
""",
    """
from recall_learn.lab.live import Lab
Lab(Recipe(backbone="tiny", task="world/cola", steps=300), device="cpu")
""",
]


@pytest.fixture(scope="module")
def notebook():
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    made.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return NotebookClient(made, timeout=300).execute()


def test_an_output_has_its_own_form_and_words(notebook):
    (figure,), (explorer,), (still, lab) = (cell.outputs for cell in notebook.cells)
    assert set(figure.data) == {PLOTLY_JSON, SVG, "text/plain"}
    assert set(explorer.data) == {"text/html", "text/plain"}
    assert set(still.data) == {"text/plain"}
    assert set(lab.data) == {"application/vnd.jupyter.widget-view+json", "text/plain"}
    assert still.data["text/plain"] == lab.data["text/plain"]


@pytest.mark.parametrize("scripts", [True, False])
def test_nbconverts_page_shows_or_tells_everything(browser, notebook, tmp_path, scripts):
    html, _ = HTMLExporter(template_name="basic").from_notebook_node(notebook)
    (tmp_path / "page.html").write_text(f"<!doctype html><meta charset=utf-8>{html}", encoding="utf-8")
    context = browser.new_context(java_script_enabled=scripts, offline=True)
    tab = context.new_page()
    tab.goto((tmp_path / "page.html").as_uri())
    told = tab.locator("body").inner_text()
    picture = tab.locator("img[src^='data:image/svg']")
    assert picture.evaluate("picture => [picture.naturalWidth > 400, picture.naturalHeight > 300]") == [True, True]
    assert "ready · tiny on world/cola · step 0 of 300" in told
    if scripts:
        assert tab.locator(".recall-explorer svg").count() == 5
        assert "Shown: the one recorded run with task world/cola, method vanilla, seed 0." in told
    else:
        assert "An explorer of 1 recorded runs" in told
    context.close()


def test_a_picture_that_jupyterlab_has_taken_of_a_figure_comes_before_the_words(notebook):
    taken = nbformat.from_dict(json.loads(json.dumps(notebook)))
    taken.cells[0].outputs[0].data["image/png"] = "iVBORw0KGgo="
    del taken.cells[0].outputs[0].data[SVG]
    html, _ = HTMLExporter(template_name="basic").from_notebook_node(taken)
    assert "data:image/png;base64,iVBORw0KGgo=" in html
    assert ALT not in html.split("</pre>", 1)[1]  # after the cell's source


def test_the_picture_says_claim_and_words_itself(notebook):
    picture = ElementTree.fromstring(notebook.cells[0].outputs[0].data[SVG])
    told = {each.tag.rpartition("}")[2]: each.text for each in picture}
    assert (told["title"], told["desc"]) == (CLAIM, ALT)


def test_markdown_has_the_picture_as_a_file(notebook):
    text, resources = MarkdownExporter().from_notebook_node(notebook)
    (picture,) = (name for name, file in resources["outputs"].items() if ALT.encode() in file)
    assert f"({picture})" in text
    assert "ready · tiny on world/cola" in text


def test_latex_tells_a_figure_whose_picture_is_taken_out(notebook):
    """With it nbconvert asks for Inkscape, as it does for the SVG of any notebook."""
    told = nbformat.from_dict(json.loads(json.dumps(notebook)))
    del told.cells[0].outputs[0].data[SVG]
    text, _ = LatexExporter().from_notebook_node(told)
    assert ALT in text


def test_the_book_draws_what_it_can(browser, notebook, tmp_path):
    nbformat.write(notebook, tmp_path / "index.ipynb")
    (tmp_path / "conf.py").write_text(
        'extensions = ["myst_nb", "recall_learn.book"]\nnb_execution_mode = "off"\nhtml_theme = "basic"\n'
        'project = "x"\nsuppress_warnings = ["mystnb.unknown_mime_type", "toc"]\n'
    )
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", str(tmp_path), str(tmp_path / "html")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    tab = browser.new_page()
    tab.goto((tmp_path / "html" / "index.html").as_uri())
    tab.wait_for_selector(".recall-figure[data-drawn]")
    assert tab.locator(".recall-plot .trace").count() == 1
    assert tab.locator("figcaption").first.inner_text() == CLAIM
    assert "The figure itself is drawn in" not in tab.locator("body").inner_text()  # not told beside it
    assert tab.locator(".recall-explorer svg").count() == 5
    tab.close()
