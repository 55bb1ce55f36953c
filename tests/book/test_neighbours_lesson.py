"""The lesson on the neighbours leaves out no family."""

import re
from pathlib import Path

from recall_learn.methods.method import FAMILIES

LESSON = Path(__file__).parents[2] / "book" / "11_neighbours.md"


def test_every_family_has_its_figure():
    drawn = re.findall(r'^family\("(.+)"\)$', LESSON.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(drawn) == sorted(FAMILIES)
