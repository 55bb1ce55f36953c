"""Pseudo-rehearsal against its formula by numpy, and its laws."""

import numpy as np
import pytest
import torch
from small import refused, save_backbone, save_glue
from transformers import BertForMaskedLM
from ways import NEW, arguments, bert, rows, same, source_of, weights
from with_source import BATCH, begun, gone_on, trained

from recall_learn import RecallTrainer, Recipe, finetune
from recall_learn.methods import METHODS
from recall_learn.methods.expression import parse
from recall_learn.methods.pseudo_rehearsal import distillation


def at_work(composed):
    return composed._acting[0]


def term(composed):
    return composed.terms(BATCH, None)["rehearsal"]


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_distillation_is_the_formula(temperature):
    z, old = torch.randn(2, 5, 7, generator=torch.Generator().manual_seed(0), dtype=torch.float64).numpy()
    total = 0.0
    for row in range(5):
        p, q = (np.exp(each[row] / temperature) / np.exp(each[row] / temperature).sum() for each in (old, z))
        total += sum(p[j] * np.log(p[j] / q[j]) for j in range(7))
    found = distillation(torch.tensor(z), torch.tensor(old), temperature)
    assert found.item() == pytest.approx(temperature**2 * total / 5, rel=1e-5)


def test_at_a_large_temperature_its_gradient_is_the_difference_of_centred_logits():
    """Without the square it would vanish, and a weight would mean something else at every temperature."""
    z, old = torch.randn(2, 5, 7, generator=torch.Generator().manual_seed(0))
    z.requires_grad_()
    distillation(z, old, 1000.0).backward()
    right = ((z - z.mean(1, keepdim=True)) - (old - old.mean(1, keepdim=True))).detach() / 7 / 5
    torch.testing.assert_close(z.grad, right, rtol=0.02, atol=2e-4)


@pytest.mark.parametrize("rounds", [0, 3])
def test_the_term_is_the_distillation_at_hidden_words_of_a_text_that_the_old_model_made(rounds):
    model, composed = begun(f"pseudo-rehearsal(weight=0.6, temperature=1.5, rounds={rounds})")
    acting, asked = at_work(composed), []
    with torch.no_grad():
        for p in model.bert.parameters():
            p.add_(0.1 * torch.randn(p.shape, generator=torch.Generator().manual_seed(4)))
    acting.before.register_forward_pre_hook(lambda module, args, inputs: asked.append(inputs), with_kwargs=True)
    found = term(composed).item()
    ids = asked[-1]["input_ids"]
    assert len(asked) == rounds + 1
    assert ids.shape == BATCH["input_ids"].shape
    assert 1 <= (ids == 0).sum() < ids.numel()
    before = source_of(bert()).masked_lm  # as it all started
    new, old = (each(input_ids=ids).detach().double() for each in (acting.source.masked_lm, before))
    assert found == pytest.approx(0.6 * distillation(new, old, 1.5).item(), rel=1e-4)
    if rounds:
        assert (asked[0]["input_ids"] == 0).all()  # nothing of the task's text is left
        hidden = [int((each["input_ids"] == 0).sum()) for each in asked[:-1]]
        assert hidden == sorted(hidden, reverse=True)


def test_words_that_are_filled_in_are_drawn_from_the_old_model():
    """Of one word between two that stand: how often each is said, against the probabilities."""
    _, composed = begun("pseudo-rehearsal")
    acting = at_work(composed)
    asked = {"input_ids": torch.tensor([[3, 0, 7]]).expand(20000, 3)}
    said = acting._said(asked, torch.Generator().manual_seed(1))
    p = acting.before(input_ids=torch.tensor([[3, 0, 7]])).softmax(-1)[0, 1:]
    p = p / p.sum()  # the mask is no word
    got = torch.bincount(said, minlength=30)[1:] / 20000
    assert ((got - p).abs() < 5 * (p * (1 - p) / 20000).sqrt()).all()


def test_what_is_special_stays_and_words_are_drawn_evenly():
    model = bert()
    source = source_of(model)
    source = type(source)(source.masked_lm, None, 0, frozenset({1, 2}))
    _, composed = begun("pseudo-rehearsal(rounds=0)", model, source=source)
    ids = torch.tensor([[1, 5, 6, 2, 9]]).expand(6000, 5)
    made = at_work(composed)._text({"input_ids": ids}, torch.Generator().manual_seed(0))["input_ids"]
    assert torch.equal(made[:, [0, 3]], ids[:, [0, 3]])
    share = torch.bincount(made[:, [1, 2, 4]].flatten(), minlength=30) / 18000
    assert (share[:3] == 0).all()
    assert ((share[3:] - 1 / 27).abs() < 5 * (1 / 27 / 18000) ** 0.5).all()


def test_at_home_the_term_and_its_gradient_are_0():
    model, composed = begun("pseudo-rehearsal")
    added = term(composed)
    added.backward()
    assert abs(added.item()) < 1e-6
    assert max(p.grad.abs().max().item() for p in model.bert.parameters() if p.grad is not None) < 1e-6


def test_the_old_model_never_changes_and_weight_0_is_plain_fine_tuning_to_the_bit():
    model, composed = begun("pseudo-rehearsal(weight=5)")
    before = weights(at_work(composed).before)
    moved = trained(model, composed)
    assert same(weights(at_work(composed).before), before)
    assert same(trained(*begun("pseudo-rehearsal(weight=0)")), trained(*begun("vanilla")))
    assert not same(moved, trained(*begun("vanilla")))


def test_the_old_model_is_at_theta_star_wherever_the_model_is():
    model = bert()
    home = {name: p for name, p in weights(model).items() if not name.startswith("classifier")}
    with torch.no_grad():
        for p in model.bert.parameters():
            p.add_(1)
    _, composed = begun("pseudo-rehearsal", model, anchors=home, new=None)
    held = weights(at_work(composed).before)
    assert all(torch.equal(held[f"model.{name}"], home[name]) for name in home if f"model.{name}" in held)


def test_a_resumed_run_goes_on_to_the_bit_and_the_global_generator_is_left_alone():
    expression = "pseudo-rehearsal + recadam(t0=3)"
    model, composed = begun(expression)
    state = torch.get_rng_state()
    want = trained(model, composed, 5)
    assert torch.equal(torch.get_rng_state(), state)
    assert same(gone_on(expression, 2, 3), want)
    assert not same(want, trained(*begun(expression, seed=1), 5))


def test_refused():
    for expression, says in (
        ("pseudo-rehearsal(temperature=0)", "temperature is 0.0; it has to be a number above 0"),
        ("pseudo-rehearsal(rounds=1.5)", "rounds is 1.5; it has to be a whole number of at least 0"),
    ):
        refused(lambda text=expression: parse(text, METHODS), ValueError, says)
    model, composed = begun("pseudo-rehearsal")
    refused(lambda: composed.loss(model(**BATCH).loss), ValueError, "pseudo-rehearsal reads the batch's input_ids")
    part = dict(list(weights(bert()).items())[5:20])
    refused(
        lambda: begun("pseudo-rehearsal", anchors=part, new=None),
        ValueError,
        "pseudo-rehearsal asks the model from before, and bert.embeddings.word_embeddings.weight is new in this one",
    )


def test_trainer_and_a_run_of_an_encoder_without_any_text(tmp_path):
    save_backbone(tmp_path / "bert", model_class=BertForMaskedLM)
    save_glue(tmp_path / "glue", "mrpc")
    recipe = Recipe(str(tmp_path / "bert"), "mrpc", "pseudo-rehearsal", 4, 4, lr=1e-3, max_length=32)
    run = finetune(recipe, data_folder=tmp_path / "glue", device="cpu", progress=False)
    assert all(0 <= record["rehearsal"] < 1 for record in run.history)
    assert run.history[-1]["rehearsal"] > 1e-6
    model = bert()
    logging = {"logging_strategy": "steps", "logging_steps": 3}
    settings = arguments(tmp_path / "out", max_steps=3, **logging)
    given = {"method": "pseudo-rehearsal", "new": NEW, "source": source_of(model)}
    trainer = RecallTrainer(model, settings, train_dataset=rows(), **given)
    trainer.train()
    assert trainer.state.log_history[0]["rehearsal"] > 1e-6
