"""The folds of the lesson on the neighbours: its questions and their answers, by the method's title."""

import re
from pathlib import Path

LESSON = (Path(__file__).parents[1] / "book" / "11_neighbours.md").read_text(encoding="utf-8")
FOLDS = re.findall(
    r"^``````\{admonition\} (Work it out: .+)\n:class: dropdown\n\n((?:.*\n)*?)``````$", LESSON, re.MULTILINE
)
PAIR = re.compile(
    r"^\*\*(.+)\.\*\* ((?:.+\n)+)\n`````\{admonition\} Answer: (.+)\n:class: dropdown\n\n((?:.+\n)+)`````$",
    re.MULTILINE,
)
FOUND = [pair for _, inside in FOLDS for pair in PAIR.findall(inside)]
QUESTIONS = {name: " ".join(question.split()) for name, question, _, _ in FOUND}
ANSWERS = {name: " ".join(answer.split()) for name, _, _, answer in FOUND}


def says(name, *texts, where=ANSWERS):
    """The fold of that name says all of these."""
    for text in texts:
        assert text in where[name], (name, text)
