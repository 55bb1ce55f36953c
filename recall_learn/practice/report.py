"""What a look at an answer found, for a terminal and for a notebook."""

import re
from dataclasses import dataclass

from recall_learn.support.markup import html

MARKS = {"passed": "✓", "failed": "✗", "open": "○"}
COLORS = {"passed": "#1a7f37", "failed": "#b42318", "open": "#57606a"}
LONGEST = 4000
"""Characters of a message that comes from an answer's own process."""


class Complaint(Exception):
    """What is wrong with a learner's answer, in their terms."""


class NotWritten(Exception):
    """The stub is still there."""


def printable(text: str) -> str:
    """A text from an answer, without what a terminal, or the log of a workflow, would take for a command."""
    text = "".join(each for each in text[:LONGEST] if each in "\n\t" or each.isprintable())
    return re.sub(r"^(\s*):(?=:)|##(?=\[)", r"\1 ", text, flags=re.MULTILINE)


@dataclass(frozen=True)
class Report:
    """What a look at an answer found.

    Attributes:
        name: of the exercise.
        status: "passed", "failed", or "open" where the stub is still there.
        says: one or a few sentences for the learner.
        detail: the case that showed it, or "".
        uses: what stands in the answer and no answer needs, such as "ctypes".
    """

    name: str
    status: str
    says: str
    detail: str = ""
    uses: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self.status == "passed"

    def __str__(self) -> str:
        lines = [f"{MARKS[self.status]} {self.name}: {self.says}", *([self.detail] if self.detail else [])]
        lines += [f"It uses {', '.join(self.uses)}, which no answer needs."] if self.uses else []
        return "\n".join(lines).replace("\n", "\n  ")

    def _repr_html_(self) -> str:
        color, mark = COLORS[self.status], MARKS[self.status]
        head = f'<b style="color:{color}">{mark} {html(self.name)}</b>: {html(self.says)}'.replace("\n", "<br>")
        detail = f'<pre style="margin:.3em 0 0 1.2em">{html(self.detail)}</pre>' if self.detail else ""
        return f'<div style="border-left:3px solid {color};padding:.2em .8em">{head}{detail}</div>'
