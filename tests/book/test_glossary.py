"""The glossary's row of letters leads to the first term of each."""

import re
from itertools import pairwise
from pathlib import Path

GLOSSARY = (Path(__file__).parents[2] / "book" / "glossary.md").read_text(encoding="utf-8")


def test_each_letter_leads_to_its_first_term():
    block = GLOSSARY.split("```{glossary}\n:sorted:\n")[1].split("\n```")[0]
    lines, first = ["", *block.splitlines()], {}
    terms = [line for before, line in pairwise(lines) if line and line[0] != " " and not before]
    for term in sorted(terms, key=str.lower):  # of two names for one thing the first counts
        first.setdefault(term[0].upper(), "term-" + re.sub("[^A-Za-z0-9]+", "-", term))  # as Sphinx names it
    assert len(first) > 10
    assert re.findall(r'<a href="#([^"]+)">(.)</a>', GLOSSARY) == [(term, letter) for letter, term in first.items()]
