"""Learning without forgetting against sums written out, and its laws."""

import copy

import numpy as np
import pytest
import torch
from classify import BATCHES, DROPPING, begun, gradients, model_of, resumed, term, trained
from small import refused
from ways import source_of

from recall_learn import Source, compose
from recall_learn.methods import METHODS
from recall_learn.methods.expression import parse
from recall_learn.methods.lwf import distillation

BATCH = BATCHES[0]
G = torch.Generator().manual_seed(0)
Z, W = (3 * torch.randn(5, 7, generator=G, dtype=torch.float64) for _ in range(2))


def away(model, size=0.3):
    with torch.no_grad():
        for p in model.parameters():
            p.add_(size * torch.randn(p.shape, generator=torch.Generator().manual_seed(3)))


def powered(logits, temperature):
    """p^(1/T), normalised, by numpy."""
    p = np.exp(logits.numpy())
    p = (p / p.sum(1, keepdims=True)) ** (1 / temperature)
    return p / p.sum(1, keepdims=True)


@pytest.mark.parametrize("temperature", [0.5, 1, 2, 7])
def test_the_divergence_is_that_of_the_powers(temperature):
    p, q = powered(Z, temperature), powered(W, temperature)
    right = (p * np.log(p / q)).sum() / 5
    student = W.clone().requires_grad_()
    found = distillation(student, Z, temperature)
    assert found.item() == pytest.approx(right, rel=1e-5)
    found.backward()
    np.testing.assert_allclose(student.grad, (q - p) / temperature / 5, atol=1e-6)  # of the cross-entropy, too


def test_hot_it_is_the_difference_of_the_logits_over_the_number_of_classes():
    student = W.clone().requires_grad_()
    distillation(student, Z, 1e4).backward()
    away = (W - W.mean(1, keepdim=True)) - (Z - Z.mean(1, keepdim=True))
    torch.testing.assert_close(1e8 * student.grad, away / 7 / 5, rtol=0.01, atol=0.002)


def test_the_term_is_the_divergence_at_the_hidden_words_of_the_task():
    """Each hidden word asked alone of a copy from before and of the model, in float64."""
    model = model_of(**DROPPING).double()
    made = begun(model, "lwf(weight=3, temperature=2, hidden=0.4)")
    old = copy.deepcopy(made._acting[0].source.masked_lm.model).eval()
    away(model)
    added, _ = term(model, made)
    (acting,) = made._acting
    inputs, words = acting.source.hide(BATCH, 0.4, acting.drawn())
    assert len(words) > 5
    assert "labels" not in inputs
    new = copy.deepcopy(acting.source.masked_lm.model).eval()
    parts = []
    for row, ids in enumerate(inputs["input_ids"]):
        for place in (ids == 0).nonzero()[:, 0]:
            z, w = (each(input_ids=ids[None]).logits[0, place].detach()[None] for each in (old, new))
            p, q = powered(z, 2), powered(w, 2)
            parts.append((p * np.log(p / q)).sum())
            assert BATCH["input_ids"][row, place] != 0
    assert len(parts) == len(words)
    assert added.item() == pytest.approx(3 * np.mean(parts), rel=1e-4)


@pytest.mark.parametrize("config", [{}, DROPPING], ids=["quiet", "dropout"])
def test_at_home_it_is_0_with_its_gradient_and_then_it_pulls_the_encoder_alone(config):
    model = model_of(**config)
    made = begun(model, "lwf")
    added, _ = term(model, made)
    assert added == 0
    assert all(g is None or (g == 0).all() for g in gradients(added, model).values())
    away(model)
    found = gradients(term(model, made)[0], model)
    assert found["classifier.weight"] is None
    assert found["bert.encoder.layer.0.output.dense.weight"].abs().max() > 0
    assert all(each.training for each in model.modules())


def test_the_teacher_never_changes_and_the_old_head_does_not_train():
    model = model_of()
    made = begun(model, "lwf(weight=5)")
    (acting,) = made._acting
    teacher = {name: p.clone() for name, p in acting.teacher.state_dict().items()}
    head = {name: p.clone() for name, p in acting.source.masked_lm.model.cls.predictions.transform.named_parameters()}
    for batch in BATCHES:
        made.optimizer.zero_grad()
        made.loss(model(**batch), batch).backward()
        made.optimizer.step()
    assert all(torch.equal(p, teacher[name]) for name, p in acting.teacher.state_dict().items())
    assert not any(p.requires_grad for p in acting.teacher.parameters())
    now = dict(acting.source.masked_lm.model.cls.predictions.transform.named_parameters())
    assert all(torch.equal(p, head[name]) for name, p in now.items())


def test_a_teacher_of_anchors_is_theta_star_wherever_the_model_is():
    model = model_of()
    home = {name: p.detach().clone() for name, p in model.named_parameters() if "classifier" not in name}
    want = begun(model, "lwf")._acting[0].teacher.state_dict()
    away(model)
    found = compose("lwf", model, lr=1e-2, anchors=home, source=source_of(model))._acting[0].teacher.state_dict()
    assert all(torch.equal(found[name], p) for name, p in want.items())


def test_it_keeps_the_old_answers():
    ends = []
    for weight in (0, 30):
        model = model_of()
        made = begun(model, f"lwf(weight={weight})")
        for batch in BATCHES * 3:
            made.optimizer.zero_grad()
            made.loss(model(**batch), batch).backward()
            made.optimizer.step()
        (acting,) = made._acting
        inputs, _ = acting.source.hide(BATCH, 0.5, torch.Generator().manual_seed(2))
        with torch.no_grad():
            ends.append(distillation(acting.source.masked_lm(**inputs), acting.teacher(**inputs), 1).item())
    assert ends[1] < 0.5 * ends[0]


def test_weight_0_is_plain_fine_tuning_to_the_bit():
    losses, ends = trained(model_of(**DROPPING), "lwf(weight=0)")
    plain, plain_ends = trained(model_of(**DROPPING), "vanilla")
    assert losses == plain
    assert all(torch.equal(ends[key], plain_ends[key]) for key in plain_ends)


def test_a_resumed_run_goes_on_to_the_bit_and_the_global_generator_is_left_alone():
    whole, parts = resumed("lwf(weight=3) + recadam(k=0.5, t0=2)", **DROPPING)
    assert all(torch.equal(whole[key], parts[key]) for key in whole)
    model = model_of()
    made = begun(model, "lwf")
    state = torch.get_rng_state()
    term(model, made)
    assert torch.equal(torch.get_rng_state(), state)


def test_each_step_hides_other_words_and_the_seed_decides():
    def first_two(seed):
        model = model_of()
        made = begun(model, "lwf", seed=seed)
        away(model)
        found = [term(model, made)[0].item()]
        made._acting[0].steps += 1
        return [*found, term(model, made)[0].item()]

    assert first_two(0) == first_two(0)
    assert first_two(0)[0] != first_two(1)[0]
    assert first_two(0)[0] != first_two(0)[1]


def test_refused():
    for text, says in (
        ("lwf(weight=-1)", "weight is -1.0; it has to be a number of at least 0"),
        ("lwf(temperature=0)", "temperature is 0.0; it has to be a number above 0"),
        ("lwf(hidden=0)", "hidden is 0.0; it has to be a number in (0, 1]"),
    ):
        refused(lambda text=text: parse(text, METHODS), ValueError, says)
    model = model_of()
    refused(
        lambda: compose("lwf", model, lr=1e-2, new=["classifier"]),
        ValueError,
        "text_source(checkpoint, model,",
    )
    compose("lwf", model, lr=1e-2, new=["classifier"], source=Source(source_of(model).masked_lm, None, 0))  # no texts
    fresh = {"new": ["classifier", "bert.encoder.layer.1"], "source": source_of(model)}
    refused(lambda: compose("lwf", model, lr=1e-2, **fresh), ValueError, "lwf asks the model from before", "is new")
