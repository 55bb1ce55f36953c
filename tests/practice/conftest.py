"""An exercise made for the tests of the engine, and progress that no learner has."""

import pytest

from recall_learn.practice import examine
from recall_learn.practice.exercise import read

SOLUTION = '''# ---
# lesson: 1
# order: 1
# goal: Add.
# minutes: 10
# difficulty: 1
# hints: [Add., "Add a to b."]
# explanation: A sum.
# ---
"""Add.

Add them.
"""


def adds(a, b):
    """The sum."""
    # solution
    return a + b
    # end
'''
CHECK = """
import torch
from recall_learn.practice import Mistake, case, wrong

SECONDS = 0.5

def cases(rng):
    return [case(torch.tensor(rng.normal(size=n)), torch.tensor(rng.normal(size=n)), size=n) for n in (3, 5)]

def reference(a, b):
    return torch.tensor([x + y for x, y in zip(a.tolist(), b.tolist())], dtype=torch.float64)

MISTAKES = [Mistake("you subtract, which is {ratio} of it; there are {size} numbers", lambda a, b: a - b)]

def commutes(answer, rng):
    a, b = torch.tensor(rng.normal(size=3)), torch.tensor(rng.normal(size=3))
    if not torch.allclose(torch.as_tensor(answer(a, b)), torch.as_tensor(answer(b, a))):
        wrong("a + b has to be b + a")

LAWS = [commutes]
"""


@pytest.fixture(autouse=True)
def own_progress(own_progress):
    """Every test of this room has it."""
    return own_progress


@pytest.fixture
def adding(tmp_path):
    """An exercise to add two vectors, with a known mistake and a law."""
    for folder, text in (("solutions", SOLUTION), ("checks", CHECK)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "adds.py").write_text(text)
    return read(tmp_path / "solutions" / "adds.py")


@pytest.fixture
def says():
    """``says(exercise, answer)``: what a learner with this wrong answer is told."""

    def told(exercise, answer):
        report = examine(exercise, answer, seed=1)
        assert report.status == "failed", report
        return str(report)

    return told
