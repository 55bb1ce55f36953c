"""Each lesson as a notebook: ``book/name.ipynb``, made from ``book/name.md`` and never edited.

The siblings hold no outputs and nothing that changes from one run to the next: a cell's id comes from its text. Their
first cell says where the lesson comes from and installs the library where it is missing. They carry no jupytext
metadata, so that saving a notebook with your experiments does not write them into the lesson.

Run as ``python -m recall_learn.book.notebooks [folder of the repository]``.
"""

import hashlib
import re
import sys
from collections import Counter
from pathlib import Path

import jupytext
import nbformat
import yaml
from docutils import nodes
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from pybtex.database import parse_file

from recall_learn.book.home import home

ADMONITION = re.compile(
    r"^(?P<fence>`{3,}|:{3,})\{(?P<kind>admonition|note|tip|hint|warning|important)\}[ ]?(?P<title>.*)\n"
    r"(?P<options>(?::.*\n)*)(?P<body>(?:.*\n)*?)(?P=fence)$",
    re.MULTILINE,
)
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


def repository(book: Path) -> dict:
    """``repository`` of the book's configuration: ``url``, empty while it is not set, and ``branch``."""
    config = yaml.safe_load((book.parent / "jupyter_book.yml").read_text(encoding="utf8"))["repository"]
    return {"url": (config.get("url") or "").rstrip("/").removesuffix(".git"), "branch": config["branch"]}


def colab_link(repo: dict, name: str) -> str:
    """Where Colab opens the lesson's notebook, or the empty string: Colab reads from GitHub only."""
    host = "https://github.com/"
    if not repo["url"].startswith(host):
        return ""
    return (
        f"https://colab.research.google.com/github/{repo['url'][len(host) :]}/blob/{repo['branch']}/book/{name}.ipynb"
    )


def introduction(repo: dict, name: str) -> str:
    """The notebook's first cell, as Markdown."""
    text, link = f"*Made from `book/{name}.md`: change it there.*", colab_link(repo, name)
    return f"[Open in Colab]({link})\n\n{text}" if link else text


def install_code(repo: dict) -> str:
    """The cell that makes the library importable. ``--no-deps``: Colab's torch, numpy and plotly stay as they are.

    It goes to the recorded runs whether or not it has just fetched them: Colab starts a new session of the same machine
    in the home folder, with the library installed.
    """
    head = 'import importlib.util\n{also}\nif importlib.util.find_spec("recall_learn") is None:\n'
    if not repo["url"]:
        return head.format(also="") + (
            "    raise ModuleNotFoundError(\n"
            '        "recall_learn is not installed: run `pip install -e .` in a copy of the repository."\n'
            "    )"
        )
    return head.format(also="import os\n") + (
        f"    !git clone --quiet --depth 1 --branch {repo['branch']} {repo['url']} recall-learn\n"
        "    %pip install --quiet --no-deps ./recall-learn\n"
        'if os.path.isdir("recall-learn/book"):\n'
        '    os.chdir("recall-learn/book")  # the recorded runs lie here'
    )


def citations(text: str, bibliography: Path) -> str:
    """``text`` with its ``{cite}`` roles written out, which a notebook would show as they stand."""
    entries = parse_file(bibliography).entries

    def written_out(match):
        cited = []
        for key in match["keys"].split(","):
            entry = entries[key.strip()]
            authors = [" ".join(person.last_names).strip("{}") for person in entry.persons["author"]]
            names = f"{authors[0]} et al." if len(authors) > 2 else " and ".join(authors)
            cited.append((names, entry.fields["year"]))
        if match["role"] == "t":
            return ", ".join(f"{names} ({year})" for names, year in cited)
        return f"({'; '.join(f'{names}, {year}' for names, year in cited)})"

    return re.sub(r"\{cite(:(?P<role>[tp]))?\}`(?P<keys>[^`]+)`", written_out, text)


def admonitions(text: str) -> str:
    """``text`` with its admonitions as quotations, and those that drop down folded: a notebook shows neither.

    An admonition in another one has the shorter fence.
    """

    def written_out(match):
        title, body = match["title"] or match["kind"].capitalize(), admonitions(match["body"]).strip()
        if "dropdown" in match["options"]:
            return f"<details><summary><b>{title}</b></summary>\n\n{body}\n\n</details>"
        return "\n".join(f"> {line}".rstrip() for line in (f"**{title}**", "", *body.splitlines()))

    return ADMONITION.sub(written_out, text)


def links(text: str, names: set[str]) -> str:
    """``text`` with its links to other lessons leading to their notebooks, which JupyterLab opens beside this one."""
    return re.sub(r"\]\((\w+)\.md\)", lambda found: f"]({found[1]}.ipynb)" if found[1] in names else found[0], text)


def _with_ids(cells: list) -> list:
    seen = Counter()
    for cell in cells:
        digest = hashlib.sha256(f"{cell.cell_type}\n{cell.source}".encode()).hexdigest()[:12]
        seen[digest] += 1
        cell.id = digest if seen[digest] == 1 else f"{digest}-{seen[digest]}"
    return cells


def notebook(lesson: Path) -> str:
    """The text of the sibling of ``lesson``, a MyST file in the book's folder."""
    repo, names = repository(lesson.parent), {other.stem for other in lessons(lesson.parent)}
    cells = [new_markdown_cell(introduction(repo, lesson.stem)), new_code_cell(install_code(repo))]
    for cell in jupytext.read(lesson, fmt="md:myst").cells:
        kept = {key: cell.metadata[key] for key in ("tags",) if key in cell.metadata}
        if cell.cell_type == "code":
            cells.append(new_code_cell(links(cell.source, names), metadata=kept))  # a cell may print links
        else:
            text = citations(links(admonitions(cell.source), names), lesson.parent / "references.bib")
            cells.append(new_markdown_cell(text, metadata=kept))
    made = new_notebook(cells=_with_ids(cells), metadata={"kernelspec": KERNEL, "language_info": {"name": "python"}})
    return nbformat.writes(made) + "\n"


def lessons(book: Path) -> list[Path]:
    """The lessons, in order: the pages of the book that hold code; those with a number come first."""
    return [page for page in sorted(book.glob("*.md")) if page.read_text(encoding="utf8").startswith("---\njupytext:")]


def main(book: Path) -> None:
    """Write every lesson's sibling, and remove those whose lesson is gone; a notebook of somebody's own stays.

    Raises:
        ValueError: the folder holds no lesson.
    """
    made = {lesson.with_suffix(".ipynb"): notebook(lesson) for lesson in lessons(book)}
    if not made:
        raise ValueError(f"{book} holds no lesson; name the folder of the book")
    for stray in set(book.glob("*.ipynb")) - set(made):
        if "*Made from `book/" in stray.read_text(encoding="utf8"):
            stray.unlink()
    for path, text in made.items():
        path.write_text(text, encoding="utf8")
        print(path)


def _say_how_to_run(app, doctree) -> None:
    lesson = Path(app.srcdir) / f"{app.env.docname}.md"
    if lesson not in lessons(Path(app.srcdir)):
        return
    repo = repository(lesson.parent)
    line = nodes.paragraph(classes=["recall-run"])
    line += nodes.Text("Run this lesson: ")
    line += nodes.literal(text="make lab")
    line += nodes.Text(f" opens it as {lesson.stem}.ipynb. ")
    link = colab_link(repo, lesson.stem)
    if link:
        line += nodes.reference("", "Open in Colab", refuri=link)
    title = next(doctree.findall(nodes.title))
    title.parent.insert(title.parent.index(title) + 1, line)


def setup(app) -> None:
    """Put a line under each lesson's title that says how to run it."""
    app.connect("doctree-read", _say_how_to_run)


if __name__ == "__main__":
    main(home(sys.argv[1:]) / "book")
