"""Every exercise: its stub is open, its solution and other right answers pass, each mistake gets its own message."""

import functools
import inspect

import pytest
import torch

from recall_learn.practice.exercise import everything
from recall_learn.practice.trying import edited, look, made, mutants

ALL = everything()
SEEDS = range(3)


def narrow(value):
    """A value with every float64 in it, in a tensor, as float32."""
    if isinstance(value, torch.Tensor) and value.dtype == torch.float64:
        return value.float()
    if isinstance(value, torch.nn.Module):
        return value.float()
    if isinstance(value, dict):
        return {key: narrow(each) for key, each in value.items()}
    return type(value)(map(narrow, value)) if type(value) in (list, tuple) else value


def in_float32(function):
    """The same function, which computes in float32."""

    @functools.wraps(function)
    def narrowed(*arguments):
        return function(*map(narrow, arguments))

    return narrowed


MISTAKES = [
    pytest.param(each, *mutant, id=f"{each.name}-{mutant[0].replace(' ', '-')}")
    for each in ALL
    for mutant in mutants(each).MUTANTS
]
OTHERS = [
    pytest.param(each, other, id=f"{each.name}-{other.__name__}") for each in ALL for other in mutants(each).OTHERS
]
each_exercise = pytest.mark.parametrize("exercise", ALL, ids=lambda each: each.name)


@each_exercise
def test_a_stub_is_not_written_yet(exercise):
    report = look(exercise, made(exercise, exercise.stub), 0)
    assert report.status == "open", report
    assert "not written yet" in str(report)


@each_exercise
def test_the_solution_passes(exercise):
    for seed in SEEDS:
        assert look(exercise, made(exercise, exercise.code), seed), (seed, exercise.name)


@pytest.mark.parametrize(("exercise", "mistake", "edits", "says"), MISTAKES)
def test_a_mistake_gets_its_own_message(exercise, mistake, edits, says):
    answer = edits if callable(edits) else edited(exercise, edits)
    other = [each[2] for each in mutants(exercise).MUTANTS if each[2] != says]
    for seed in SEEDS:
        report = look(exercise, answer, seed)
        assert report.status == "failed", report
        assert says in report.says, (seed, report)
        assert not [each for each in other if each in report.says], report


@pytest.mark.parametrize(("exercise", "other"), OTHERS)
def test_another_right_answer_passes(exercise, other):
    for seed in SEEDS:
        report = look(exercise, other, seed)
        assert report, (seed, str(report))


@each_exercise
def test_the_solution_passes_in_float32(exercise):
    """In the precision that most models are trained in. One that needs more says so: FLOAT32 = False in its mutants."""
    answer = made(exercise, exercise.code)
    if inspect.isclass(answer) or not getattr(mutants(exercise), "FLOAT32", True):
        return
    for seed in SEEDS:
        report = look(exercise, in_float32(answer), seed)
        assert report, (seed, str(report))


@each_exercise
def test_there_are_mistakes_hints_and_other_answers(exercise):
    assert len(mutants(exercise).MUTANTS) >= 2
    assert mutants(exercise).OTHERS
    assert 2 <= len(exercise.hints) <= 3
    assert exercise.statement
    assert exercise.goal.endswith(".")
    assert len(exercise.explanation.split()) > 20
    assert 5 <= exercise.minutes <= 60
    assert exercise.difficulty in (1, 2, 3)
