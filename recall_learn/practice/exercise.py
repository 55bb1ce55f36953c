'''Where the exercises are, and what one is: a solution that somebody wrote, from which the learner's stub is made.

``exercises/solutions/NAME.py`` holds the whole of it. A head of comments says what it is, in YAML between two lines
``# ---``. The docstring is the statement, its first line the title. What the learner has to write stands between
``# solution`` and ``# end``; in the stub a line that says so takes its place. With ``page: false`` in the head the
lesson only names the exercise::

    # ---
    # lesson: 3
    # order: 1
    # goal: Take the squares for each example, and the mean after that.
    # minutes: 15
    # difficulty: 2
    # hints: ["Which sum comes first?", "..."]
    # explanation: Why the solution is as it is.
    # ---
    """Square, then average

    The statement, as Markdown.
    """

    def fisher_empirical(gradients):
        """Mean of the squares, ``[weights]``."""
        # solution
        return (gradients**2).mean(0)
        # end
'''

import ast
import importlib.util
import os
import re
import sys
import textwrap
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import ModuleType

import yaml

FOLDER = "RECALL_LEARN_EXERCISES"
NOT_WRITTEN = 'raise NotImplementedError("not written yet")'
HEAD = re.compile(r"\A# ---\n(?P<yaml>(?:#.*\n)+?)# ---\n")
BODY = re.compile(r"^(?P<indent> *)# solution\n.*?^ *# end\n", re.MULTILINE | re.DOTALL)
SETTINGS = {"lesson", "order", "goal", "minutes", "difficulty", "hints", "explanation"}
MORE = {"page"}
MINUTES_A_POINT = 5


@dataclass(frozen=True)
class Exercise:
    """One exercise, read from its solution.

    Attributes:
        name: of the file, and of the function that the learner writes (``entry``).
        path: of the solution.
        lesson: the number of the lesson at whose end it stands.
        order: its place there, from 1.
        goal: what one can do after it, a sentence.
        minutes: how long it takes.
        difficulty: 1, 2 or 3.
        hints: from the first push to nearly the answer.
        explanation: why the solution is as it is, as Markdown.
        page: whether the lesson's page shows it; else it is named there, and is in the catalogue alone.
    """

    name: str
    path: Path
    lesson: int
    order: int
    goal: str
    minutes: int
    difficulty: int
    hints: tuple[str, ...]
    explanation: str
    text: str = field(repr=False)
    page: bool = True

    @cached_property
    def docstring(self) -> str:
        """The statement with its title, as it stands in the file."""
        return ast.get_docstring(ast.parse(self.text)) or ""

    @property
    def title(self) -> str:
        """The first line of the docstring."""
        return self.docstring.splitlines()[0].rstrip(".")

    @property
    def statement(self) -> str:
        """What is asked, as Markdown."""
        return "\n".join(self.docstring.splitlines()[1:]).strip()

    @property
    def points(self) -> int:
        """What it is worth in a course: one for each five minutes."""
        return max(1, round(self.minutes / MINUTES_A_POINT))

    @property
    def level(self) -> str:
        """The difficulty as dots."""
        return "●" * self.difficulty + "○" * (3 - self.difficulty)

    @property
    def code(self) -> str:
        """The solution without its head, its docstring and its markers."""
        return re.sub(r"^ *# (solution|end)\n", "", self._below(self.text), flags=re.MULTILINE)

    @property
    def stub(self) -> str:
        """The code that the learner starts from."""
        return BODY.sub(lambda found: f"{found['indent']}{NOT_WRITTEN}\n", self._below(self.text))

    @property
    def file(self) -> str:
        """The stub as a file, under its statement."""
        quotes = "'''" if '"""' in self.docstring else '"""'
        mark = "r" if "\\" in self.docstring else ""
        return f"{mark}{quotes}{self.docstring.splitlines()[0]}\n\n{self.statement}\n{quotes}\n\n{self.stub}"

    @cached_property
    def entry(self) -> str:
        """What the learner writes: the function of the exercise's name, or the class of it in CamelCase."""
        return self._definition.name

    @cached_property
    def arguments(self) -> tuple[str, ...]:
        """The names of the function's arguments; of a class, those of its ``__init__``."""
        node = self._definition
        if isinstance(node, ast.ClassDef):
            node = next(item for item in node.body if getattr(item, "name", None) == "__init__")
            return tuple(each.arg for each in node.args.args[1:])
        return tuple(each.arg for each in node.args.args)

    @property
    def _definition(self) -> ast.FunctionDef | ast.ClassDef:
        plain = self.name.replace("_", "")
        return next(
            node
            for node in ast.parse(self.text).body
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name.replace("_", "").lower() == plain
        )

    @cached_property
    def check(self) -> ModuleType:
        """``exercises/checks/NAME.py``: cases, reference, mistakes and laws."""
        return load_file(self.path.parents[1] / "checks" / self.path.name, f"recall_learn_checks_{self.name}")

    def _below(self, text: str) -> str:
        text = HEAD.sub("", text)
        first = ast.parse(text).body[0]
        lines = text.splitlines(keepends=True)
        return "".join(lines[first.end_lineno :]).lstrip("\n")


def home() -> Path:
    """The folder ``exercises``: what RECALL_LEARN_EXERCISES names, or above the current folder, or beside the library.

    Raises:
        ValueError: it is nowhere.
    """
    named = os.environ.get(FOLDER)
    above = [folder / "exercises" for folder in (Path.cwd(), *Path.cwd().parents)]
    places = [Path(named)] if named else [*above, Path(__file__).parents[2] / "exercises"]
    for place in places:
        if (place / "solutions").is_dir() and (place / "checks").is_dir():
            return place
    if named:
        raise ValueError(f"{FOLDER} is {named!r}; it has to name the folder exercises of a copy of the repository")
    raise ValueError(
        "the exercises are not here: they come with a copy of the repository, not with the installed library. Go to a "
        f"folder in it, or let {FOLDER} name its folder exercises"
    )


def everything(folder: Path | None = None) -> list[Exercise]:
    """All exercises, in the order of the lessons."""
    found = [read(path) for path in sorted(((folder or home()) / "solutions").glob("*.py"))]
    return sorted(found, key=lambda each: (each.lesson, each.order, each.name))


def named(name: str, folder: Path | None = None) -> Exercise:
    """The exercise of that name.

    Raises:
        ValueError: there is none; says which come nearest.
    """
    name = re.sub(r"^\d\d_", "", Path(name).name.removesuffix(".py"))
    path = (folder or home()) / "solutions" / f"{name}.py"
    if name.isidentifier() and len(name) <= 100 and path.is_file():
        return read(path)
    import difflib

    names = sorted(each.stem for each in path.parent.glob("*.py"))
    near = difflib.get_close_matches(name, names, n=2, cutoff=0.6)
    meant = f"did you mean {' or '.join(near)}?" if near else f"`recall-learn exercises list` names all {len(names)}"
    raise ValueError(f"no exercise is called {name!r}; {meant}")


def read(path: Path) -> Exercise:
    """Read a solution.

    Raises:
        ValueError: its head is missing, or lacks a setting, or has one too many; there is nothing to write in it.
    """
    text = path.read_text(encoding="utf-8")
    head = HEAD.match(text)
    if head is None:
        raise ValueError(f"{path} has no head: it has to begin with YAML in comments, between two lines `# ---`")
    try:
        settings = yaml.safe_load(textwrap.dedent(re.sub(r"^#", "", head["yaml"], flags=re.MULTILINE)))
    except yaml.YAMLError as error:
        raise ValueError(f"{path} has a head that is no YAML: {' '.join(str(error).split())}") from None
    if set(settings) - MORE != SETTINGS:
        raise ValueError(f"{path} sets {sorted(settings)} in its head; it has to set {sorted(SETTINGS)}")
    if not isinstance(settings.get("page", True), bool):
        raise ValueError(f"{path} has page {settings['page']!r} in its head; it has to be true or false")
    if not BODY.search(text):
        raise ValueError(f"{path} leaves nothing to write: it needs `# solution` and `# end`")
    settings["hints"] = tuple(hint.strip() for hint in settings["hints"])
    return Exercise(name=path.stem, path=path, text=text, **settings)


def load_file(path: Path, name: str) -> ModuleType:
    """A Python file as a module of that name, which no other import sees."""
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        spec.loader.exec_module(module)
    finally:
        sys.dont_write_bytecode = before
    return module
