"""SMART's penalty against its ascent written out, and its laws."""

import pytest
import torch
from classify import BATCHES, DROPPING, begun, gradients, model_of, term
from ways import batched, rows

from recall_learn.methods import METHODS
from recall_learn.methods.expression import parse
from recall_learn.methods.smart import to_radius

BATCH = BATCHES[0]


def test_a_way_is_as_long_as_the_radius_and_none_stays_none():
    ways = torch.tensor([[[3.0, -6.0], [0.0, 0.0]], [[1e-9, 0.0], [-2.0, 2.0]]])
    assert to_radius(ways, 0.5).tolist() == [[[0.25, -0.5], [0.0, 0.0]], [[0.5, 0.0], [-0.5, 0.5]]]


@pytest.mark.parametrize(("step", "labels"), [("inf", 3), ("0.5", 3), ("inf", 1), ("0.5", 1)])
def test_the_penalty_and_its_gradient_are_the_formula_s(step, labels):
    model = model_of(labels=labels).double()
    batch = BATCH if labels > 1 else {**BATCH, "labels": BATCH["labels"].double()}
    made = begun(model, f"smart(weight=2, radius=0.05, step={step}, noise=0.01)")
    added, _ = term(model, made, batch)
    (acting,) = made._acting
    acting.passes -= 1
    words = model.bert.embeddings.word_embeddings(batch["input_ids"])
    start = 0.01 * torch.randn(words.shape, generator=acting.generator("cpu")).double()

    def distance(one, other):
        if labels == 1:
            return (one - other).square().sum()
        p, q = one.softmax(1), other.softmax(1)
        return (p * (p / q).log()).sum() + (q * (q / p).log()).sum()

    clean, start = model(inputs_embeds=words).logits, start.requires_grad_()
    (slope,) = torch.autograd.grad(distance(clean.detach(), model(inputs_embeds=words + start).logits), start)
    way = slope if step == "inf" else start.detach() + 0.5 * slope
    way = 0.05 * way / way.abs().max(-1, keepdim=True)[0]
    right = 2 * distance(clean, model(inputs_embeds=words + way).logits) / 6
    assert added.item() == pytest.approx(right.item(), rel=1e-4)
    want, found = gradients(right, model), gradients(added, model)
    for name, g in want.items():
        torch.testing.assert_close(found[name], g, rtol=1e-3, atol=1e-6, msg=name)


def test_the_ascent_leaves_gradients_alone_and_finds_more_than_chance():
    model = model_of()
    for p in model.parameters():
        p.grad = torch.full_like(p, 0.25)
    worst = term(model, begun(model, "smart(radius=0.02)"))[0].item()
    chance = term(model, begun(model, "smart(radius=0.02, step=0)"))[0].item()
    assert all((p.grad == 0.25).all() for p in model.parameters())
    assert worst > 5 * chance > 0


def test_a_radius_of_0_is_no_penalty_as_the_same_drops_out_in_all_passes():
    for model in (model_of(), model_of(**DROPPING)):
        for _ in range(2):
            assert term(model, begun(model, "smart(radius=0)"))[0] == 0


def test_padding_is_not_moved_and_changes_nothing():
    """A token that no answer depends on has no gradient: 0 / 0 is 0 here, and no nan comes of it."""
    model = model_of()
    ids = batched(rows(2))["input_ids"]
    mask = torch.ones_like(ids)
    mask[:, 4:] = 0
    found = []
    for width in (4, 6):
        inputs = {"input_ids": ids[:, :width], "attention_mask": mask[:, :width]}
        made = begun(model, "smart(radius=0.02)")
        found.append(made.terms(inputs, model(**inputs))["disagreement"].item())
    assert found[1] == pytest.approx(found[0], rel=0.05)  # of another random start
    assert found[0] > 0


def test_one_neighbour_is_enough():
    with pytest.raises(ValueError, match=r"^method joins r3f and smart, which are each a penalty on neighbours"):
        parse("r3f + smart", METHODS)


def test_settings():
    model = model_of()
    made = begun(model, "smart")
    made.set(weight=0)
    assert term(model, made)[0] == 0
    for text, says in (
        ("smart(weight=-1)", "^weight is -1.0; it has to be a number of at least 0$"),
        ("smart(noise=0)", "^noise is 0.0; it has to be a number above 0$"),
        ("smart(step=-1)", "^step is -1.0; it has to be a number of at least 0, or inf$"),
        ("smart(radius=-1)", "^radius is -1.0; it has to be a number of at least 0$"),
    ):
        with pytest.raises(ValueError, match=says):
            parse(text, METHODS)
