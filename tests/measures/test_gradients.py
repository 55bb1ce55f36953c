"""Norms of gradients by layer, against a loop over all numbers, and their sum against torch's own."""

import math

import pytest
import torch

from recall_learn.measures.gradients import gradient_norms
from recall_learn.models import backbones


@pytest.fixture
def model():
    backbone = backbones.load("tiny", num_labels=2)
    batch = backbone.tokenizer(["the cat sleeps .", "a dog ."], padding=True, return_tensors="pt")
    backbone.model(**batch, labels=torch.tensor([0, 1])).loss.backward()
    return backbone.model


def test_they_are_the_norms_of_all_numbers_of_a_part(model):
    found = gradient_norms(model)
    assert list(found) == [
        "bert.embeddings",
        *(f"bert.encoder.layer.{n}" for n in range(3)),
        "bert.pooler",
        "classifier",
    ]
    for part in ("bert.encoder.layer.1", "classifier"):
        slow = sum(
            number**2
            for name, p in model.named_parameters()
            if name == part or name.startswith(f"{part}.")
            for number in p.grad.flatten().tolist()
        )
        assert found[part] == pytest.approx(math.sqrt(slow), rel=1e-6)


def test_their_squares_are_those_of_the_whole(model):
    whole = torch.nn.utils.clip_grad_norm_(model.parameters(), math.inf)
    assert sum(norm**2 for norm in gradient_norms(model).values()) == pytest.approx(float(whole) ** 2, rel=1e-5)


def test_what_is_frozen_is_left_out_and_what_got_nothing_is_0(model):
    model.bert.pooler.requires_grad_(False)
    for p in model.classifier.parameters():
        p.grad = None
    found = gradient_norms(model)
    assert "bert.pooler" not in found
    assert found["classifier"] == 0


def test_without_a_gradient_it_says_what_to_call(model):
    model.zero_grad()
    with pytest.raises(ValueError, match="no parameter of BertForSequenceClassification holds a gradient; call"):
        gradient_norms(model)
