"""Dead references in the prose are found, and the living are let be."""

from pathlib import Path

import pytest

from recall_learn.book.references import dead, found

ROOT = Path(__file__).parents[2]
ALIVE = """# A page

See [here](#a-page), [there](other.md#far-away), [out](https://example.org/x.html) and the [index](genindex.html).
`recall_learn.theory.annealing.Sigmoid`, `recall_learn.runs.recipe.Recipe.warmup` and
`recall_learn/theory/annealing.py` {cite:p}`one`.

```python
# [not a link](nowhere.md)
`recall_learn.nothing`
```
"""


@pytest.fixture
def pages(tmp_path):
    (tmp_path / "references.bib").write_text("@misc{one, title={T}, author={A, B}, year={2020}}")
    (tmp_path / "other.md").write_text("# Other\n\n## Far away\n")

    def check(text):
        (tmp_path / "page.md").write_text(text)
        return list(dead(tmp_path / "page.md", tmp_path / "references.bib", ROOT))

    return check


def test_what_is_there_is_let_be(pages):
    assert pages(ALIVE) == []


@pytest.mark.parametrize(
    ("old", "new", "part"),
    [
        ("other.md#far-away", "another.md", "links another.md"),
        ("#far-away", "#far-off", "links #far-off"),
        ("(#a-page)", "(#the-page)", "links #the-page"),
        ("`one`", "`one, two`", "cites 'two'"),
        ("annealing.Sigmoid", "annealing.Sigmund", "names recall_learn.theory.annealing.Sigmund"),
        ("Recipe.warmup", "Recipe.warmap", "names recall_learn.runs.recipe.Recipe.warmap"),
        ("recall_learn/theory/annealing.py", "recall_learn/anneal.py", "names recall_learn/anneal.py"),
    ],
)
def test_what_is_not_there_is_named(pages, old, new, part):
    assert old in ALIVE
    (line,) = pages(ALIVE.replace(old, new))
    assert part in line


def test_names_lead_to_modules_functions_and_fields():
    assert found("recall_learn.world.tasks.make")
    assert found("recall_learn.runs.record")
    assert not found("recall_learn.no_such")
