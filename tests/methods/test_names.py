"""Whoever works with methods knows none of them by name: what differs between them is in their own files."""

import ast
import re
from pathlib import Path

import pytest

import recall_learn
from recall_learn.methods import METHODS, expression

PACKAGE = Path(recall_learn.__file__).parent
NAMED = re.compile(rf"(?<![\w.-])({'|'.join(map(re.escape, [expression.PLAIN, *METHODS]))})(?![\w-])")
MAY = ("methods/", "lab/browser/methods.js", "lab/browser/model.js", "lab/presets.py", "__init__.py")
"""The methods' own room, and their place in the page; what tells stories of some; the names imported from the top."""
FILES = [path for kind in ("*.py", "*.js") for path in sorted(PACKAGE.rglob(kind))]
OTHERS = [path for path in FILES if not str(path.relative_to(PACKAGE)).startswith(MAY)]


def texts(code):
    """The texts of Python code, but for those that explain it."""
    tree = ast.parse(code)
    explain = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in explain
    ]


def test_texts_are_found_and_what_explains_them_is_not():
    (name, *_) = METHODS
    code = f'"""Of {name}."""\nX = "{name}"\n"""And {name}."""\nY = f"of {name}: {{X}}"\n'
    assert [text for text in texts(code) if NAMED.search(text)] == [name, f"of {name}: "]


@pytest.mark.parametrize("path", OTHERS, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_other_room_names_a_method(path):
    code = path.read_text(encoding="utf-8")
    found = [text for text in (texts(code) if path.suffix == ".py" else [code]) if NAMED.search(text)]
    assert found == []
