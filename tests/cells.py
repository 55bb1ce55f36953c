"""A lesson's cells, run without a notebook."""

import ast
import re

CELL = re.compile(r"^```\{code-cell\} ipython3\n(?::.*\n)*\n?((?:.*\n)*?)```$", re.MULTILINE)


def cells(lesson):
    """The code of each cell above the exercises."""
    return CELL.findall(lesson.read_text(encoding="utf-8").partition("## Exercises")[0])


def run(cell, lesson, names):
    """Run a cell; what stands in its last line is shown by ``names["display"]``, as a notebook shows it."""
    tree = ast.parse(cell)
    if isinstance(tree.body[-1], ast.Expr) and not ast.unparse(tree.body[-1]).startswith(("display(", "print(")):
        tree.body[-1].value = ast.Call(ast.Name("display", ast.Load()), [tree.body[-1].value], [])
    exec(compile(ast.fix_missing_locations(tree), lesson.name, "exec"), names)
