"""The method cards: all of it from the methods themselves, one that nobody has measured too."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import pytest

from recall_learn.book import cards
from recall_learn.methods import METHODS
from recall_learn.methods.method import Acting, Method, setting

BOOK = Path(__file__).parents[2] / "book"


class _Acting(Acting):
    def wrap(self, model):
        pass


@dataclass(frozen=True)
class Odd(Method):
    r"""It does something odd.

    .. math::
        x \leftarrow |x|
    """

    name: ClassVar[str] = "odd"
    title: ClassVar[str] = "Odd"
    paper: ClassVar[str] = "Nobody, 1999"
    slot: ClassVar[str] = "pull"
    needs: ClassVar[frozenset[str]] = frozenset({"task fisher"})
    acting: ClassVar[type[Acting]] = _Acting

    depth: int = setting(3, "how deep | how odd", low=1, high=9, whole=True, live=True)
    strength: float | None = setting(None, "how strong", low=0)

    def resolved(self, lr):
        return Odd(self.depth, lr * 10)


def card(text, title):
    """One card's lines."""
    return re.split(r"^\(card-|^## Where", text.split(f"## {title}\n")[1], flags=re.MULTILINE)[0]


def test_a_new_method_has_a_card_at_once(tmp_path):
    text = cards.cards({"ewc": METHODS["ewc"], "odd": Odd}, lessons_alone(tmp_path))
    own = card(text, "Odd")
    assert "```{eval-rst}\nIt does something odd.\n\n.. math::\n    x \\leftarrow |x|\n```" in own
    assert "- **Paper**: Nobody, 1999" in own
    assert "- **Written**: `odd(depth=3, strength=0.0002)`" in own
    assert "- **Needs**: the Fisher information of the task" in own
    assert "- **Acts in**: `wrap`" in own
    assert "- **Excludes**: EWC (each is a pull)" in own
    assert "| `depth` | 3 | how deep \\| how odd. *A whole number in [1, 9]; live.* |" in own
    assert "| `strength` | 0.0002 at lr = 2e-05 | how strong. *A number of at least 0.* |" in own
    assert "- **In a sequence**: it cannot go on after a task" in own
    assert "not measured" in own
    assert "**Lesson**" not in own
    assert "- **Excludes**: Odd (each is a pull)" in card(text, "EWC")
    assert "- **Needs**: the Fisher information of the source; packaged for `tiny`, a file for" in card(text, "EWC")
    assert "| `wrap` | Put what acts in the forward pass onto the model." in text
    assert "Nothing has been measured yet" in text


def lessons_alone(tmp_path):
    """The lessons, and nothing recorded."""
    for page in BOOK.glob("[0-9][0-9]_*.md"):
        (tmp_path / page.name).write_text(page.read_text(encoding="utf-8"), encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("name", METHODS)
def test_a_card_says_all_that_its_method_knows(name):
    method, text = METHODS[name], cards.cards(METHODS, BOOK)
    own = card(text, method.title)
    assert ".. math::" in own
    assert method.paper in own
    assert (f"({method.lesson}.md)" in own) == bool(method.lesson)
    assert all(f"| `{key}` |" in own and about.help in own for key, about in method.settings().items())
    assert all(f"`{hook}`" in own for hook in method.hooks())
    assert method.hooks()
    assert (f"the next task has of it {method.carries}" in own) == bool(method.carries)
    assert ("keeps its own weights" in own) == method.isolates


def test_what_was_recorded_is_of_methods_that_there_are_and_is_shown():
    record = json.loads((BOOK / cards.COSTS).read_text())
    text = cards.cards(METHODS, BOOK)
    assert set(record["methods"]) <= set(METHODS)
    for name, found in record["methods"].items():
        own = card(text, METHODS[name].title)
        for each in (found["bert"], found["tiny"]):
            assert 0 < each["low"] <= each["time"] <= each["high"]
            assert f"×\u00a0{each['time']:.2f} ({each['low']:.2f} to {each['high']:.2f})" in own
        assert f"memory ×\u00a0{found['memory']:.2f}" in own
    assert record["environment"]["device"] in text
    assert record["environment"]["date"][:10] in text


def test_they_are_put_into_their_page_alone_and_anew_when_a_lesson_changes():
    noted = []
    app = SimpleNamespace(srcdir=BOOK, env=SimpleNamespace(note_dependency=noted.append))
    page, other = [(BOOK / "cards.md").read_text()], [cards.MARK]
    cards._fill(app, "cards", page)
    cards._fill(app, "api", other)
    assert page[0].count("\n## ") == len(METHODS) + 1
    assert cards.MARK not in page[0]
    assert other == [cards.MARK]
    titled = {str(BOOK / f"{method.lesson}.md") for method in METHODS.values() if method.lesson}
    assert set(noted) == titled
    assert all(Path(file).is_file() for file in titled)
