"""What the source itself has to keep: short modules, typed signatures, process-wide changes in one place."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "recall_learn"
ROOMS = sorted(folder.parent.name for folder in PACKAGE.glob("*/__init__.py"))
CHANGES = {
    *("disable_progress_bar", "enable_progress_bar", "disable_progress_bars", "enable_progress_bars"),
    *("set_verbosity", "set_verbosity_error", "formatwarning", "basicConfig", "set_num_threads", "_shared_state"),
    *("omp_pause_resource_all", "sched_setaffinity", "putenv"),
}
"""What changes something for the whole process."""
LONGEST = 400
"""Lines of a module; what is longer holds two ideas."""
THERE = {
    "support/process_wide.py",
    "practice/state.py",  # the settings under which an answer is looked at, all put back
}


def sources(*rooms: str) -> dict[str, ast.Module]:
    return {
        path.relative_to(PACKAGE).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
        for room in rooms or [""]
        for path in sorted((PACKAGE / room).rglob("*.py"))
    }


def annotations(node: ast.AST, within: str = "") -> Iterator[tuple[str, ast.expr]]:
    """The annotations of public functions and of the fields of public classes, with the name that each belongs to."""
    for each in ast.iter_child_nodes(node):
        if isinstance(each, ast.ClassDef) and not each.name.startswith("_"):
            yield from annotations(each, f"{each.name}.")
        elif isinstance(each, ast.AnnAssign) and within and not getattr(each.target, "id", "_").startswith("_"):
            yield f"{within}{each.target.id}", each.annotation
        elif isinstance(each, ast.FunctionDef) and (not each.name.startswith("_") or each.name == "__init__"):
            given = each.args
            for argument in (*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg):
                if argument is not None and argument.annotation is not None:
                    yield f"{within}{each.name}({argument.arg})", argument.annotation
            if each.returns is not None:
                yield f"{within}{each.name}()", each.returns


def test_annotations_are_found():
    code = (
        "class A:\n x: Any\n def f(self, *a: Any, b: int) -> Any: ...\n def _g(self) -> Any: ...\ndef h() -> Any: ..."
    )
    assert [name for name, _ in annotations(ast.parse(code))] == ["A.x", "A.f(b)", "A.f(a)", "A.f()", "h()"]


@pytest.mark.parametrize("room", ROOMS)
def test_no_public_signature_says_any(room):
    vague = [
        f"{file}: {name}"
        for file, tree in sources(room).items()
        for name, annotation in annotations(tree)
        if any(getattr(part, "id", None) == "Any" for part in ast.walk(annotation))
    ]
    assert vague == []


def test_what_changes_the_process_stands_in_one_place():
    found = {
        f"{file}:{part.lineno} {name}"
        for file, tree in sources().items()
        if file not in THERE
        for part in ast.walk(tree)
        if (name := getattr(part, "attr", None) or getattr(part, "id", None)) in CHANGES
    }
    assert found == set()


def test_the_environment_is_changed_in_one_place():
    there = THERE | {"book/figures.py"}  # Sphinx's own process, which the extension belongs to
    found = {
        f"{file}:{part.lineno}"
        for file, tree in sources().items()
        if file not in there
        for part in ast.walk(tree)
        if (isinstance(part, ast.Subscript) and isinstance(part.ctx, ast.Store | ast.Del) and _environ(part.value))
        or (
            isinstance(part, ast.Call)
            and getattr(part.func, "attr", "") in ("setdefault", "update", "pop")
            and _environ(part.func.value)
        )
    }
    assert found == set()


def _environ(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "environ"


@pytest.mark.parametrize("place", ["recall_learn", "tests", "tools", "benchmarks"])
def test_no_module_is_too_long(place):
    modules = [path for path in (PACKAGE.parent / place).rglob("*") if path.suffix in (".py", ".js", ".css")]
    assert modules
    lines = {str(path): path.read_text(encoding="utf-8").count("\n") for path in modules}
    assert {path: count for path, count in lines.items() if count > LONGEST} == {}
