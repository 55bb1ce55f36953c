import ast
import importlib.util
import shutil
from pathlib import Path

import nbformat
import pytest
import yaml
from IPython.core.inputtransformer2 import TransformerManager

from recall_learn.book import notebooks

BOOK = Path(__file__).parents[2] / "book"
LESSONS = notebooks.lessons(BOOK)


@pytest.fixture
def book(tmp_path):
    """A book of one lesson; ``book(url)`` sets the repository's address."""

    def make(url):
        config = {"repository": {"url": url, "branch": "main", "path_to_book": "book"}}
        (tmp_path / "jupyter_book.yml").write_text(yaml.safe_dump(config))
        folder = tmp_path / "book"
        folder.mkdir(exist_ok=True)
        shutil.copy(LESSONS[0], folder / "01_one.md")
        shutil.copy(BOOK / "references.bib", folder)
        return folder

    return make


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_the_sibling_is_what_make_notebooks_writes(lesson):
    sibling = lesson.with_suffix(".ipynb")
    assert sibling.is_file(), f"{sibling.name} is missing: run make notebooks"
    assert sibling.read_text(encoding="utf8") == notebooks.notebook(lesson), "out of date: run make notebooks"


def test_no_sibling_without_a_lesson():
    assert {path.stem for path in BOOK.glob("*.ipynb")} == {lesson.stem for lesson in LESSONS}


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_a_notebook_is_valid_and_holds_no_outputs(lesson):
    made = nbformat.reads(notebooks.notebook(lesson), as_version=4)
    nbformat.validate(made)
    code = [cell for cell in made.cells if cell.cell_type == "code"]
    assert len(code) >= 2  # the install cell and the lesson's own
    assert not any(cell.outputs or cell.execution_count for cell in code)
    assert len({cell.id for cell in made.cells}) == len(made.cells)
    assert "jupytext" not in made.metadata  # or saving it would write over the lesson


def test_a_notebook_of_somebody_s_own_stays(book):
    folder = book("")
    mine, stray = folder / "mine.ipynb", folder / "gone.ipynb"
    mine.write_text(nbformat.writes(nbformat.v4.new_notebook()))
    shutil.copy(LESSONS[0].with_suffix(".ipynb"), stray)
    notebooks.main(folder)
    assert mine.exists()
    assert not stray.exists()
    with pytest.raises(ValueError, match="holds no lesson"):
        notebooks.main(folder / "..")


def test_a_new_cell_leaves_the_other_ids_as_they_are(book):
    folder = book("")
    lesson = folder / "01_one.md"
    before = nbformat.reads(notebooks.notebook(lesson), as_version=4)
    lesson.write_text(lesson.read_text() + "\n```{code-cell} ipython3\n1 + 1\n```\n")
    after = nbformat.reads(notebooks.notebook(lesson), as_version=4)
    assert [cell.id for cell in after.cells[:-1]] == [cell.id for cell in before.cells]


def test_without_an_address_nothing_is_linked_and_no_remark_is_made_to_maintainers(book):
    text = notebooks.notebook(book("") / "01_one.md")
    assert "Colab" not in text
    assert "repository.url" not in text
    ast.parse(notebooks.install_code({"url": "", "branch": "main"}))


@pytest.mark.parametrize(
    "url", ["https://github.com/some/where", "https://github.com/some/where.git", "https://github.com/some/where/"]
)
def test_the_address_gives_the_link_and_the_install_cell(book, url):
    made = nbformat.reads(notebooks.notebook(book(url) / "01_one.md"), as_version=4)
    link = "https://colab.research.google.com/github/some/where/blob/main/book/01_one.ipynb"
    assert made.cells[0].source.startswith(f"[Open in Colab]({link})")
    assert (
        "git clone --quiet --depth 1 --branch main https://github.com/some/where recall-learn" in made.cells[1].source
    )
    assert "--no-deps" in made.cells[1].source  # torch, numpy and plotly stay as they are


class Shell:
    """What a kernel does for an install cell: ``git clone`` makes the folders, and every line is written down."""

    def __init__(self):
        self.lines = []

    def system(self, line):
        self.lines.append(line)
        Path("recall-learn/book").mkdir(parents=True)

    def run_line_magic(self, name, line):
        self.lines.append(f"{name} {line}")


@pytest.mark.parametrize(
    ("installed", "cloned", "lines", "ends_in"),
    [
        (False, False, 2, "recall-learn/book"),
        (True, True, 0, "recall-learn/book"),  # a new session of the machine that has it
        (True, False, 0, "."),  # beside the lessons
    ],
)
def test_the_install_cell_ends_where_the_recorded_runs_lie(tmp_path, monkeypatch, installed, cloned, lines, ends_in):
    monkeypatch.chdir(tmp_path)
    if cloned:
        (tmp_path / "recall-learn/book").mkdir(parents=True)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: "there" if installed else None)
    code = notebooks.install_code({"url": "https://github.com/some/where", "branch": "main"})
    shell = Shell()
    exec(TransformerManager().transform_cell(code), {"get_ipython": lambda: shell})
    assert Path.cwd() == tmp_path / ends_in
    assert len(shell.lines) == lines
    assert not any(word in line for line in shell.lines for word in ("torch", "numpy", "plotly", "upgrade", "-U"))


def test_colab_reads_from_github_only(book):
    made = nbformat.reads(notebooks.notebook(book("https://example.org/a/b") / "01_one.md"), as_version=4)
    assert "colab" not in made.cells[0].source
    assert "https://example.org/a/b" in made.cells[1].source


@pytest.mark.parametrize(
    ("role", "text"),
    [
        ("{cite}`chen2020`", "(Chen et al., 2020)"),
        ("{cite:p}`chen2020,li2018`", "(Chen et al., 2020; Li et al., 2018)"),
        ("{cite:t}`xu2021`", "Xu et al. (2021)"),
    ],
)
def test_citations_are_written_out(role, text):
    assert notebooks.citations(f"as in {role}.", BOOK / "references.bib") == f"as in {text}."


def test_admonitions_become_quotations_and_folds():
    text = "Before.\n\n```{admonition} Predict\n:class: tip\nUp,\nor down?\n```\n\n:::{note}\nBoth.\n:::\n\nAfter."
    want = "Before.\n\n> **Predict**\n>\n> Up,\n> or down?\n\n> **Note**\n>\n> Both.\n\nAfter."
    assert notebooks.admonitions(text) == want
    folded = notebooks.admonitions("```{admonition} Answer\n:class: dropdown\n42\n```")
    assert folded == "<details><summary><b>Answer</b></summary>\n\n42\n\n</details>"
    answer = "```{admonition} Answer\n:class: dropdown\n42\n```"
    inside = notebooks.admonitions(f"````{{admonition}} Questions\n:class: dropdown\nHow many?\n\n{answer}\n````")
    assert inside == f"<details><summary><b>Questions</b></summary>\n\nHow many?\n\n{folded}\n\n</details>"


def test_links_lead_from_notebook_to_notebook():
    text = "[7](07_recadam.md), [words](glossary.md), [there](https://example.org/07_recadam.md)"
    want = "[7](07_recadam.ipynb), [words](glossary.md), [there](https://example.org/07_recadam.md)"
    assert notebooks.links(text, {"07_recadam"}) == want
    for lesson in LESSONS:
        cells = nbformat.reads(notebooks.notebook(lesson), as_version=4).cells
        text = "\n".join(cell.source for cell in cells)
        assert not [other.name for other in LESSONS if f"{other.name})" in text or f"{other.name}#" in text]


def test_what_a_cell_prints_leads_from_notebook_to_notebook(book):
    folder = book("")
    with (folder / "01_one.md").open("a") as lesson:
        lesson.write('\n```{code-cell} ipython3\nMarkdown("[one](01_one.md), [words](glossary.md)")\n```\n')
    cell = nbformat.reads(notebooks.notebook(folder / "01_one.md"), as_version=4).cells[-1]
    assert cell.source == 'Markdown("[one](01_one.ipynb), [words](glossary.md)")'


def test_a_plain_code_block_stays_as_it_is():
    text = "```python\nx = {'note': 1}\n```"
    assert notebooks.admonitions(text) == text


def test_a_citation_of_an_unknown_paper_is_refused():
    with pytest.raises(KeyError, match="nobody1999"):
        notebooks.citations("{cite}`nobody1999`", BOOK / "references.bib")


def test_main_writes_all_and_removes_strays(book):
    folder = book("")
    shutil.copy(LESSONS[0].with_suffix(".ipynb"), folder / "02_gone.ipynb")
    notebooks.main(folder)
    assert sorted(path.name for path in folder.iterdir()) == ["01_one.ipynb", "01_one.md", "references.bib"]
