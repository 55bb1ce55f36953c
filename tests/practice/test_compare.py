"""What is the same, and in which words a difference is told."""

import numpy as np
import pytest
import torch
from torch import nn

from recall_learn.practice import compare


def test_changes_of_a_model_are_named():
    def model():
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(2, 2), nn.Dropout())

    def changed(what):
        after = model()
        what(after)
        return compare.changed(model(), after)

    assert changed(lambda m: None) == ""
    assert changed(lambda m: nn.init.zeros_(m[0].weight)) == "its weights"
    assert "mode" in changed(lambda m: m[1].eval())
    assert "requires_grad" in changed(lambda m: m[0].weight.requires_grad_(False))


@pytest.mark.parametrize(
    ("got", "want", "message"),
    [
        ({"a": 1.0}, {"a": 1.0, "b": 2.0}, "lacks 'b'"),
        ({"a": 1.0, "c": 1}, {"a": 1.0}, "has 'c' too many"),
        ({"a": torch.ones(2)}, {"a": torch.ones(3)}, "your result['a'] has shape [2]"),
        ([0.5], [0.5, 1.0], "your result is 0.5, of length 1; it has to be [0.5, 1], of length 2"),
        ((1.0,), (1.0, "x"), "it has to be 2 values"),
        (1.0, "home", "has to be a string"),
        (torch.ones(4), 0.5, "your result has shape [4]; it has to be one number"),
        ([0.5, 1.0], 0.5, "your result is a list of 2; it has to be one number"),
        (0.5, torch.ones(3), "your result is one number; it has to be an array of shape [3]"),
        (None, True, "is there a `return`?"),
        (2.0, True, "True or False"),
    ],
)
def test_another_kind_of_value_is_told(got, want, message):
    assert message in compare.unlike(got, want)
    assert not compare.same(got, want)


@pytest.mark.parametrize(
    ("got", "want"),
    [
        (torch.tensor([3.0]), 3.0),
        (np.float32(0.1), 0.1),
        ([1, 2], torch.tensor([1.0, 2.0])),
        ({"b": 1, "a": 2}, {"a": 2.0, "b": 1.0}),
        (np.bool_(True), True),
        (torch.tensor([True, False]), torch.tensor([1.0, 0.0])),
        (["a", "b"], ("a", "b")),
        (torch.tensor([np.inf, 1.0]), torch.tensor([np.inf, 1.0])),
    ],
)
def test_the_same_value_may_come_in_another_kind(got, want):
    assert compare.same(got, want)


def test_changes_of_plain_numbers_are_named():
    numbers = [3.0, 1.0, float("nan")]
    assert compare.changed(numbers, list(numbers)) == ""
    assert compare.changed(numbers, [1.0, 3.0, float("nan")]) == "its entry 0"
    assert compare.changed({"k": "a"}, {"k": "b"}) == "its entry 'k'"
    assert compare.changed({"k": 1.0}, {"k": torch.ones(2)}) == "its entry 'k'"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (torch.ones(2), "gone"),
        (torch.ones(2), torch.ones(2, device="meta")),
        (torch.ones(2), torch.ones(2) * 1j),
        (np.ones(2), torch.ones(2)),
        ({"a": torch.ones(2)}, {"a": None}),
        ([1.0], [[1.0]]),
        (1.0, True),
    ],
)
def test_whatever_stands_in_a_place_now_is_a_change(before, after):
    assert compare.changed(before, after)


def test_a_gradient_that_was_left_is_a_change():
    before, after = (torch.ones(2, requires_grad=True) for _ in range(2))
    assert compare.changed(before, after) == ""
    after.sum().backward()
    assert compare.changed(before, after) == "its gradient, `.grad`"
    assert compare.changed(torch.ones(2), torch.ones(2).requires_grad_()) == "its requires_grad"


def test_a_transposed_matrix_is_recognised():
    matrix = torch.arange(6.0).reshape(2, 3)
    assert compare.transposed(matrix.T, matrix)
    assert not compare.transposed(matrix, matrix)


def test_parts_in_another_order_are_told():
    want = (torch.ones(3), torch.zeros(3), torch.full((3,), 2.0))
    assert compare.permuted(want[::-1], want, 1e-4)
    assert not compare.permuted((want[0], want[0], want[2]), want, 1e-4)
    assert compare.permuted((200, float("inf")), (float("inf"), 200), 1e-4)


def test_a_part_that_differs_is_named_and_shown_with_digits_enough():
    want = (torch.ones(3), torch.tensor([0.5, 1.0, 2.0]))
    text = compare.difference((torch.ones(3), torch.tensor([0.5, 1.0, 2.0004])), want)
    assert text.startswith("your result[1][2] is 2.0004")
    assert (
        compare.unlike(torch.ones(3), want)
        == "your result is an array of shape [3]; it has to be 2 values, in a tuple or a list"
    )
    assert compare.same(torch.stack(want), want)
    lost = np.full(6, np.nan)
    assert "your result[4] is nan" in compare.difference(lost, np.array([np.nan] * 4 + [1.0, 2.0]))
    far = np.array([-np.inf, *range(2000)])
    assert "your result[7] is 5; it has to be 6" in compare.difference(np.where(far == 6, 5, far), far)


def test_a_word_that_is_only_spelled_otherwise_is_told():
    assert "is spelled 'pull to zero'" in compare.misspelt("Pull to  zero", "pull to zero")
    assert compare.misspelt("fine", "pull to zero") == ""
