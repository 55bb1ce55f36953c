"""Every exercise: its stub is open, its solution and other right answers pass, each mistake gets its own message."""

import functools
import inspect

import numpy as np
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
    pytest.param(each, *mutant, SEEDS[number % len(SEEDS)], id=f"{each.name}-{mutant[0].replace(' ', '-')}")
    for each in ALL
    for number, mutant in enumerate(mutants(each).MUTANTS)
]
OTHERS = [
    pytest.param(each, other, SEEDS[number % len(SEEDS)], id=f"{each.name}-{other.__name__}")
    for each in ALL
    for number, other in enumerate(mutants(each).OTHERS)
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


@pytest.mark.parametrize(("exercise", "mistake", "edits", "says", "seed"), MISTAKES)
def test_a_mistake_gets_its_own_message(exercise, mistake, edits, says, seed):
    """In one look; ``recall-learn exercises try NAME`` takes three."""
    answer = edits if callable(edits) else edited(exercise, edits)
    other = [each[2] for each in mutants(exercise).MUTANTS if each[2] != says]
    report = look(exercise, answer, seed)
    assert report.status == "failed", report
    assert says in report.says, (seed, report)
    assert not [each for each in other if each in report.says], report


@pytest.mark.parametrize(("exercise", "other", "seed"), OTHERS)
def test_another_right_answer_passes(exercise, other, seed):
    """In one look, as above: the solution takes all three, and so does ``recall-learn exercises try NAME``."""
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


def numbers(value):
    """An array of what is a number, or an array or a list of them; None of what is not, and of truth values."""
    if isinstance(value, str | bool | np.bool_ | dict | tuple) or value is None:
        return None
    if isinstance(value, list) and not all(isinstance(each, int | float) for each in value):
        return None
    found = value.detach().numpy() if isinstance(value, torch.Tensor) else np.asarray(value)
    return None if found.dtype == bool else found


def turned(value, change):
    """A result with every array and number in it changed."""
    if isinstance(value, dict):
        return {key: turned(each, change) for key, each in value.items()}
    found = numbers(value)
    if found is None and isinstance(value, list | tuple):
        return type(value)(turned(each, change) for each in value)
    return value if found is None else change(found)


RIGHT_KINDS = {
    "NumPy, in its longest precision": lambda x: x.astype(np.longdouble),
    "torch, of one entry at least, with a gradient": lambda x: torch.as_tensor(
        np.atleast_1d(x), dtype=torch.float64
    ).requires_grad_(),
    "lists and plain numbers": lambda x: x.tolist(),
}
WRONG_KINDS = {
    "strings": lambda x: x.astype(str).tolist(),
    "an array of strings": lambda x: x.astype(str),
    "an array of objects": lambda x: x.astype(object),
    "complex numbers": lambda x: x + 5j,
    "complex numbers in torch": lambda x: torch.as_tensor(x + 0j),
    "one more": lambda x: x + 1.0,
}
OWN_KIND = {
    **{name: set(RIGHT_KINDS) for name in ("ewc_penalty", "distil", "smoothness_kl")},  # a gradient is asked for
    "keep_anchors": {"torch, of one entry at least, with a gradient"},  # which an anchor may not have
    "model_groups": set(RIGHT_KINDS),  # it holds the model's own parameters
}


def looked_at_in(exercise, change):
    """The report on the solution with its result in another kind, and whether there is anything in it to change."""
    solution, changed = made(exercise, exercise.code), []

    @functools.wraps(solution)
    def answer(*arguments):
        return turned(solution(*arguments), lambda x: changed.append(x.size) or change(x))

    return look(exercise, answer, 0), any(changed)


@each_exercise
def test_the_kind_of_a_right_result_does_not_matter_and_what_is_no_number_is_none(exercise):
    if inspect.isclass(made(exercise, exercise.code)):
        return
    for kind, change in RIGHT_KINDS.items():
        if kind not in OWN_KIND.get(exercise.name, ()):
            report, _ = looked_at_in(exercise, change)
            assert report, (kind, str(report))
    for kind, change in WRONG_KINDS.items():
        report, changed = looked_at_in(exercise, change)
        assert report.status == "failed" or not changed, kind


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
