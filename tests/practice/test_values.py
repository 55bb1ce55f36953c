"""What counts as a number, an array, a truth value, a word or nothing; and how it gets to another process and back."""

import collections
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
import torch
from torch import nn

from recall_learn.practice import compare, wire
from recall_learn.practice.values import Odd, like, plain

VECTOR = [0.5, -1.0, 2.0]


@pytest.mark.parametrize(
    "value",
    [
        VECTOR,
        tuple(VECTOR),
        [np.float32(each) for each in VECTOR],
        [torch.tensor(each) for each in VECTOR],
        [Fraction(1, 2), Decimal(-1), 2],
        np.array(VECTOR),
        np.array(VECTOR, dtype=np.float16),
        np.array(VECTOR, dtype=np.longdouble),
        np.array(VECTOR)[::-1][::-1],
        np.ma.masked_array(VECTOR, mask=False),
        np.asfortranarray(np.array(VECTOR)),
        *(torch.tensor(VECTOR, dtype=kind) for kind in (torch.float64, torch.float32, torch.float16, torch.bfloat16)),
        torch.tensor(VECTOR, requires_grad=True),
        torch.tensor(VECTOR, requires_grad=True) * 1,
        nn.Parameter(torch.tensor(VECTOR)),
        torch.tensor(VECTOR).to_sparse(),
        torch.tensor(VECTOR).flip(0).flip(0),
        torch.inference_mode()(lambda: torch.tensor(VECTOR))(),
        torch._neg_view(-torch.tensor(VECTOR)),
    ],
    ids=lambda value: f"{type(value).__name__}-{getattr(value, 'dtype', '')}",
)
def test_three_numbers_are_the_same_in_every_kind(value):
    for want in (VECTOR, np.array(VECTOR), torch.tensor(VECTOR)):
        assert compare.same(value, want), compare.unlike(value, want) or compare.difference(value, want)
    assert compare.same(value, tuple(VECTOR))
    assert not compare.same(value, [0.5, -1.0, 2.001])


@pytest.mark.parametrize(
    "value",
    [
        3,
        3.0,
        np.int8(3),
        np.float32(3),
        np.array(3),
        np.array([[3.0]]),
        torch.tensor(3),
        torch.tensor([3.0]),
        Fraction(3),
    ],
)
def test_a_number_may_come_in_an_array_of_one(value):
    assert compare.same(value, 3)
    assert compare.same(value, 3.0)
    assert not compare.same(value, 3.01)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("3", "a string"),
        (["0.5", "-1", "2"], "your result[0] is a string; it has to be a number"),
        (np.array(["0.5", "-1", "2"]), "your result[0] is a string"),
        (b"3", "a bytes"),
        (3 + 0j, "a complex number; it has to be an array of shape [3]. The root of a negative number"),
        (np.complex64(3), "a complex number"),
        ((-2.0) ** 0.5, "a complex number"),
        (np.array(VECTOR) + 0j, "an array of complex numbers of shape [3]"),
        (torch.tensor(VECTOR) + 5j, "an array of complex numbers of shape [3]; it has to be an array of shape [3]"),
        (np.array(VECTOR, dtype=object), "an array of objects of shape [3]"),
        (np.array([1, 2, 3], dtype="datetime64[s]"), "an array of datetime64"),
        (np.ma.masked_array(VECTOR, mask=[0, 1, 0]), "masked entries"),
        (torch.zeros(3, device="meta"), "a tensor of shape [3] without numbers"),
        (10**400, "a whole number of more than 308 digits"),
        ([0.5, 10**400, 2], "your result[1] is a whole number of more than 308 digits"),
        ([0.5, None, 2], "your result[1] is None"),
        ([[0.5], [-1.0, 2.0]], "parts of different shapes"),
        ((each for each in VECTOR), "a generator; it has to be an array of shape [3]. Put `list(...)` around it."),
        (dict.fromkeys("abc", 1.0).values(), "a dict_values"),
        (map(float, VECTOR), "a map"),
        (torch.float32, "a dtype"),
        (nn.Linear(1, 1), "a Linear"),
        (float, "a class"),
        (lambda: 1, "a function"),
        ({"a": 1}, "a dictionary"),
        (None, "is there a `return`?"),
    ],
    ids=lambda value: str(value)[:20] if isinstance(value, str) else type(value).__name__,
)
def test_what_is_no_array_of_numbers_is_said(value, kind):
    assert kind in compare.unlike(value, torch.tensor(VECTOR))
    assert not compare.same(value, torch.tensor(VECTOR))
    assert not compare.same(value, VECTOR)
    assert not compare.same(value, 3.0)


def test_a_list_without_an_end_and_one_that_is_too_long_end():
    endless = []
    endless.append(endless)
    assert "without an end" in str(plain(endless))
    assert "more than 1,000,000 entries" in str(plain([0.0] * 1_000_001)[-1])


def test_somebody_s_own_number_is_asked_for_nothing_but_its_number():
    class Liar(torch.Tensor):
        @classmethod
        def __torch_function__(cls, function, types, args=(), kwargs=None):
            return True

    class Equal(float):
        def __eq__(self, other):
            return True

        __hash__ = float.__hash__

    assert not compare.same(torch.ones(3).as_subclass(Liar), torch.zeros(3))
    assert not compare.same(Equal(1.0), 2.0)
    assert type(plain(Equal(1.0))) is float


MASK = torch.tensor([True, False, True])


def test_truth_values_are_asked_for_and_given():
    for right in (MASK, MASK.numpy(), MASK.tolist(), tuple(MASK.tolist()), [np.bool_(each) for each in MASK.tolist()]):
        assert compare.same(right, MASK)
        assert compare.same({"m": right}, {"m": MASK})
    for wrong in (MASK.float(), MASK.long(), MASK.numpy().astype(int), [1, 0, 1], [1.0, 0.0, 1.0]):
        assert compare.unlike(wrong, MASK) == "your result is an array of numbers; it has to be one of True and False"
    for right in (True, np.bool_(True), torch.tensor(True), torch.tensor([True])):
        assert compare.same(right, True)
        assert not compare.same(right, False)
    for wrong in (1, 1.0, torch.tensor(1), "True", None):
        assert not compare.same(wrong, True)
    assert compare.same(MASK, torch.tensor([1.0, 0.0, 1.0]))  # where numbers are asked for, True is 1


def test_whole_numbers_have_to_be_the_same_ones():
    assert not compare.same(10_001, 10_000)
    assert not compare.same([9_999, 3], [10_000, 3])
    assert not compare.same(10_000_000.5, 10_000_000)
    assert compare.same(np.float32(0.1) * 30, 3)
    assert compare.same(10_000.5, 10_000.0)  # a number that is no count is the same but for rounding
    assert not compare.same(2**53 + 2.0, 2**53)


def test_the_parts_of_a_tuple_have_each_their_own_size():
    assert not compare.same((0.02, 500), (0.01, 500))
    assert not compare.same({"k": 0.02, "t0": 500.0}, {"k": 0.01, "t0": 500.0})
    assert not compare.same(np.array([0.02, 500.0]), (0.01, 500.0))


@pytest.mark.parametrize(
    ("got", "want", "equal"),
    [
        (None, None, True),
        (0.0, None, False),
        (None, [], False),
        ([], [], True),
        ((), [], True),
        (np.array([]), [], True),
        (torch.tensor([]), [], True),
        ([], torch.zeros(0), True),
        ([[]], [], False),
        ({}, [], False),
        ("", [], False),
        ([1.0], [], False),
        ({}, {}, True),
        (float("inf"), np.inf, True),
        (-np.inf, np.inf, False),
        (1e308, np.inf, False),
        (10**400, np.inf, False),
        ([np.inf, 1.0], [np.inf, 1.0], True),
        ([np.inf, 1.1], [np.inf, 1.0], False),
        (np.nan, 1.0, False),
        (np.nan, np.nan, True),
        (1e-12, 0.0, True),
        (1e-6, 0.0, False),
        ({1, 2}, {2, 1}, True),
        ([2, 1], {1, 2}, True),
        ({1}, {1, 2}, False),
        (("a", 1), ["a", 1.0], True),
        (np.str_("a"), "a", True),
        (np.array(["a", "b"]), ["a", "b"], True),
        (collections.OrderedDict(a=1), {"a": 1.0}, True),
        (collections.namedtuple("Pair", "a b")(1, 2.0), (1, 2.0), True),
    ],
)
def test_nothing_empty_and_infinite_values_are_compared_right(got, want, equal):
    assert compare.same(got, want) is equal


def test_a_number_in_brackets_is_told():
    assert compare.unlike((3.0,), 3.0) == "your result is a tuple of 1; it has to be one number"


@pytest.mark.parametrize(
    ("value", "pattern", "expected"),
    [
        (torch.tensor([1.0, 2.0]), [0.5], [1.0, 2.0]),
        (torch.tensor([]), [0.5], []),
        (torch.tensor([1.0, 2.0]), (0.5, 3), (1.0, 2.0)),
        ([1.0, 2.0], (0.5, 3), (1.0, 2.0)),
        (torch.tensor([2.5]), 0.5, 2.5),
        ({"a": torch.tensor([1.0])}, {"a": 2.0}, {"a": 1.0}),
        ({"b": torch.tensor([1.0])}, {"a": 2.0}, {"b": 1.0}),
        ("x", 0.5, "x"),
        (None, [0.5], None),
    ],
)
def test_a_law_gets_a_value_in_the_kind_of_the_reference(value, pattern, expected):
    found = like(plain(value), pattern)
    assert found == expected
    assert type(found) is type(expected)


def test_a_law_gets_arrays_of_the_reference_s_kind():
    assert torch.equal(like([[1.0, 2.0]], torch.zeros(3)), torch.tensor([[1.0, 2.0]], dtype=torch.float64))
    assert isinstance(like(plain(torch.ones(2)), np.zeros(2)), np.ndarray)
    assert torch.equal(like([1.0], [torch.zeros(1)])[0], torch.tensor([1.0], dtype=torch.float64))


ARGUMENTS = (
    None, True, 3, 2.5, float("inf"), "a word", [1, [2.0]], (1, "b"), {"a": 1, 2: None, (0.1, 5): "k"}, {1, 2},
    np.arange(6).reshape(2, 3), np.float32(0.5), np.array(True), np.zeros((0, 3)),
    torch.arange(6.0).reshape(2, 3).T, torch.tensor(2, dtype=torch.int8), torch.ones(2, dtype=torch.bfloat16),
    torch.tensor([True, False]), torch.zeros(0, 4),
)  # fmt: skip


@pytest.mark.parametrize("value", ARGUMENTS, ids=repr)
def test_what_is_sent_arrives(value):
    found = wire.unpack(wire.pack(value))
    assert type(found) is type(value)
    if isinstance(value, torch.Tensor | np.ndarray | np.generic):
        assert found.dtype == value.dtype
        assert found.shape == value.shape
        assert compare.same(found, value)
    else:
        assert found == value


def test_weights_and_generators_are_sent_with_their_state():
    generator = torch.Generator().manual_seed(1)
    torch.rand(3, generator=generator)
    weights, twin = wire.unpack(wire.pack((torch.ones(2, requires_grad=True), generator)), module=wire)
    assert weights.requires_grad
    assert weights.is_leaf
    assert torch.equal(torch.rand(4, generator=twin), torch.rand(4, generator=generator))


def test_what_is_built_is_made_by_the_check_and_by_nobody_else():
    packed = wire.pack([wire.built(Fraction, 1, 2)])
    assert wire.unpack(packed, module=__import__("fractions")) == [Fraction(1, 2)]
    with pytest.raises(ValueError, match="built"):
        wire.unpack(packed)
    with pytest.raises(wire.NotPlain, match="a Fraction is no plain value"):
        wire.pack([Fraction(1, 2)])
    with pytest.raises(wire.NotPlain, match="an array of object"):
        wire.pack(np.array([None]))


FORGED = [
    b"",
    b"\0" * 8,
    b"\xff" * 16,
    wire.pack([1, 2])[:-1],
    *(
        len(head).to_bytes(8, "big") + head
        for head in (
            b'["tensor", "float64", [1000000000], false, 8]',
            b'["tensor", "float64", [-1], false, 0]',
            b'["tensor", "load", [1], false, 8]',
            b'["array", "O", [1], 8]',
            b'["array", "<f8", [1], -8]',
            b'["_bytes", 3]',
            b'["built", "system", "true"]',
            b'["generator", 0]',
            b'["dict", [1]]',
            b'["set", ["list"]]',
            b'{"a": 1}',
            b"[]",
            b"[" * 100_000,
            b"1" * 10_000,
            b"\xff\xfe",
        )
    ),
]


@pytest.mark.parametrize("data", FORGED, ids=range(len(FORGED)))
def test_whatever_else_is_sent_is_refused(data):
    with pytest.raises(ValueError, match="unreadable"):
        wire.unpack(data)


def test_an_odd_value_arrives_as_one():
    assert wire.unpack(wire.pack({"a": Odd("a generator", "Put")})) == {"a": Odd("a generator", "Put")}
