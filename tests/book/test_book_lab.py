"""A lab on a page of the book: the directive, the script where a lab is and nowhere else, the files beside it."""

import io
import json

import pytest
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace

from recall_learn.lab.browser import page
from recall_learn.runs.recipe import Recipe

LAB = """# With

```{{recall-lab}} recadam(k=0.05, t0=150)
:task: world/rte
:steps: 300
:batch_size: 16
:size: small
{more}
```
"""


def build(root, more=""):
    source, out = root / "source", root / "html"
    source.mkdir()
    (source / "conf.py").write_text(
        "import recall_learn.book.lab\nextensions = ['myst_parser']\nsetup = recall_learn.book.lab.setup\n"
    )
    (source / "index.md").write_text("# Without\n\n```{toctree}\nwith\n```\n")
    (source / "with.md").write_text(LAB.format(more=more))
    said = io.StringIO()
    with docutils_namespace():
        Sphinx(source, source, out, root / "doctrees", "html", status=None, warning=said).build()
    return out, said.getvalue()


def test_a_page_with_a_lab_has_its_script_and_its_files(tmp_path):
    out, said = build(tmp_path)
    assert not said
    shown = (out / "with.html").read_text()
    recipe = Recipe(backbone="tiny", task="world/rte", method="recadam(k=0.05, t0=150)", steps=300, batch_size=16)
    assert page.page(recipe, "small") in shown
    assert f'src="_static/{page.SCRIPT}' in shown
    other = (out / "index.html").read_text()
    assert page.SCRIPT not in other
    there = {file.name for file in (out / "_static").glob("lab*")}
    assert there == {page.SCRIPT, page.DATA, page.FISHER}
    data = (out / "_static" / page.DATA).read_text()
    assert json.loads(data.split(" = ", 1)[1].rstrip(";\n"))["tasks"].keys() >= {"world/rte"}


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (":seed: -1", "seed is -1; it has to be a whole number of at least 0"),
        (":beside: me", "beside is 'me'"),
        (":colour: red", "'colour'"),
    ],
)
def test_a_lab_that_cannot_be_is_an_error_of_the_build(tmp_path, monkeypatch, more, says):
    monkeypatch.setattr(page, "write", lambda folder: None)
    _, said = build(tmp_path, more)
    assert says in said
