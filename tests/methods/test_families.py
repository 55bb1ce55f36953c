"""Where each method acts and what it asks of the machine, in words that the book's chart knows."""

import pytest

from recall_learn.methods import METHODS
from recall_learn.methods.method import COSTS, FAMILIES, Method


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_a_method_has_a_family_and_costs_that_there_are(method):
    assert method.family in FAMILIES
    assert method.costs <= set(COSTS)


def test_who_trains_no_pretrained_weight_pays_for_no_gradients_of_all():
    assert [name for name, each in METHODS.items() if each.freezes and "all gradients" in each.costs] == []
    assert Method.costs == {"all gradients"}
