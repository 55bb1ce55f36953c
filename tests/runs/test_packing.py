"""State as JSON beside tensors: what comes back is what was packed, and nothing else is taken."""

import json
import math

import pytest
import torch

from recall_learn.runs.packing import check_alike, pack, unpack


def round_trip(value):
    tensors = {}
    text = json.dumps(pack(value, "x", tensors), allow_nan=False)
    return unpack(json.loads(text), tensors)


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        -(10**40),
        0.1 + 0.2,
        5e-324,
        math.inf,
        -math.inf,
        "text",
        (1, (2.5, None), []),
        {"state": {0: {"step": 1.0}, 7: {}}, "betas": (0.9, 0.999)},
        {"tensor": 1, "dict": {"float": "x"}},  # the words that mark what is not plain
        {(1): "a", "1": "b"},
    ],
)
def test_what_was_packed_comes_back(value):
    back = round_trip(value)
    assert back == value
    assert repr(back) == repr(value)


def test_tensors_go_beside_and_come_back_to_the_bit():
    moments = {
        0: {"step": torch.tensor(3.0), "exp_avg": torch.randn(3, 4).t()},
        1: {"t": [torch.ones(2, dtype=torch.uint8)]},
    }
    tensors = {}
    packed = pack(moments, "state", tensors)
    assert set(tensors) == {"state.0.step", "state.0.exp_avg", "state.1.t.0"}
    back = unpack(json.loads(json.dumps(packed)), tensors)
    assert torch.equal(back[0]["exp_avg"], moments[0]["exp_avg"])
    assert back[1]["t"][0].dtype == torch.uint8


def test_what_cannot_be_packed_is_named():
    with pytest.raises(TypeError, match=r"groups.0.anneal is a function, which a checkpoint cannot hold"):
        pack([{"anneal": lambda t: 1.0}], "groups", {})


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (
            {"m": torch.zeros(2, 3), "lr": 1},
            r"state.m is a tensor of shape \[2, 3\] and float32; .* \[3, 2\] and float32",
        ),
        ({"m": torch.zeros(3, 2).double(), "lr": 1}, r"state.m is .* float64; it has to be .* float32"),
        ({"m": [1.0], "lr": 1}, "state.m is a list of 1; it has to be a tensor"),
        ({"m": torch.zeros(3, 2)}, "state has the keys m; it has to have the keys m, lr"),
        ({"m": torch.zeros(3, 2), "lr": "fast"}, "state.lr is of type str; it has to be of type float"),
        ({"m": torch.zeros(3, 2), "lr": True}, "state.lr is of type bool"),
        ([], r"state has no keys \(a list of 0\)"),
    ],
)
def test_what_is_built_otherwise_is_named(value, words):
    like = {"m": torch.zeros(3, 2), "lr": 0.5}
    check_alike({"m": torch.ones(3, 2), "lr": 1}, like, "state")
    with pytest.raises(ValueError, match=words):
        check_alike(value, like, "state")
