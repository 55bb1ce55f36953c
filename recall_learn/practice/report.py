"""What a look at an answer found, for a terminal and for a notebook."""

from dataclasses import dataclass

from recall_learn import markup

MARKS = {"passed": "✓", "failed": "✗", "open": "○"}
COLORS = {"passed": "#1a7f37", "failed": "#b42318", "open": "#57606a"}


@dataclass(frozen=True)
class Report:
    """What a look at an answer found.

    Attributes:
        name: of the exercise.
        status: "passed", "failed", or "open" where the stub is still there.
        says: one or a few sentences for the learner.
        detail: the case that showed it, or "".
    """

    name: str
    status: str
    says: str
    detail: str = ""

    def __bool__(self) -> bool:
        return self.status == "passed"

    def __str__(self) -> str:
        lines = [f"{MARKS[self.status]} {self.name}: {self.says}", *([self.detail] if self.detail else [])]
        return "\n".join(lines).replace("\n", "\n  ")

    def _repr_html_(self) -> str:
        color, mark = COLORS[self.status], MARKS[self.status]
        head = f'<b style="color:{color}">{mark} {markup.html(self.name)}</b>: {markup.html(self.says)}'.replace(
            "\n", "<br>"
        )
        detail = f'<pre style="margin:.3em 0 0 1.2em">{markup.html(self.detail)}</pre>' if self.detail else ""
        return f'<div style="border-left:3px solid {color};padding:.2em .8em">{head}{detail}</div>'
