"""Memory-aware synapses at work: the penalty, its laws. Their importance is in tests/theory/test_sensitivity."""

import numpy as np
import pytest
import torch
from small import refused, save_backbone, save_glue
from transformers import BertForMaskedLM
from ways import NEW, arguments, bert, farthest, rows, same, source_of, weights
from with_source import BATCH, begun, gone_on, trained

from recall_learn import RecallTrainer, Recipe, finetune
from recall_learn.methods import METHODS
from recall_learn.methods.expression import parse


def moved(model, size=0.05):
    with torch.no_grad():
        g = torch.Generator().manual_seed(1)
        for p in model.parameters():
            p.add_(size * torch.randn(p.shape, generator=g))


def importance(model, examples):
    """Of each weight, by the source's model and rows, each row alone, all of its weights at once."""
    source = source_of(model)
    found, done = {}, 0
    for n in range(1, examples // 4 + 1):
        ids = source.batches(n)[0]["input_ids"]
        for row in ids:
            model.zero_grad()
            z = source.masked_lm.model(input_ids=row[None]).logits[0, int((row == 0).nonzero())]
            (z**2).sum().backward()
            done += 1
            for name, p in model.named_parameters():
                if p.grad is not None:
                    found[name] = found.get(name, 0) + p.grad.abs().double().numpy()
    model.zero_grad()
    return {name: each / done for name, each in found.items()}


def test_the_penalty_is_the_formula_and_0_at_home():
    model = bert()
    right, home = importance(model, 12), weights(model)
    _, composed = begun("mas(gamma=0.3, examples=12)", model)
    at_home = composed.terms(BATCH, None)["penalty"]
    at_home.backward()
    assert at_home.item() == 0
    assert all((p.grad == 0).all() for p in model.parameters() if p.grad is not None)
    moved(model)
    now = weights(model)
    total = sum((right[name] * (now[name] - home[name]).double().numpy() ** 2).sum() for name in right)
    assert composed.terms(BATCH, None)["penalty"].item() == pytest.approx(0.3 * total, rel=1e-4)
    composed.set(gamma=0.6)
    assert composed.terms(BATCH, None)["penalty"].item() == pytest.approx(0.6 * total, rel=1e-4)
    assert not np.isclose(right["bert.encoder.layer.0.output.dense.weight"], 0).all()


def test_gamma_0_is_plain_fine_tuning_to_the_bit_and_a_large_one_holds():
    plain = trained(*begun("vanilla"), 6)
    assert same(trained(*begun("mas(gamma=0, examples=4)"), 6), plain)
    home = {name: p for name, p in weights(bert()).items() if "encoder" in name}
    assert farthest(trained(*begun("mas(gamma=100, examples=12)"), 6), home) < farthest(plain, home)


def test_importance_is_of_theta_star_wherever_the_model_is():
    home = {name: p for name, p in weights(bert()).items() if not name.startswith("classifier")}
    _, right = begun("mas(examples=4)")
    model = bert()
    moved(model, 1.0)
    start, state = weights(model), torch.get_rng_state()
    _, composed = begun("mas(examples=4)", model, anchors=home, new=None)
    assert torch.equal(torch.get_rng_state(), state)
    assert same(weights(model), start)
    assert same(composed._acting[0].importance, right._acting[0].importance)


def test_importance_is_the_same_to_the_bit_wherever_the_weights_lie_in_memory():
    """A product of matrices is rounded by that, and those of a file lie elsewhere: one that goes on sees the same."""
    found = []
    for shift in (0, 1, 2, 3):
        model = bert()
        for p in model.parameters():
            p.data = torch.empty(p.numel() + shift)[shift:].view(p.shape).copy_(p.data)
        found.append(begun("mas(examples=8)", model)[1]._acting[0].importance)
    assert all(same(each, found[0]) for each in found)


def test_a_resumed_run_goes_on_to_the_bit():
    expression = "mas(examples=4) + child-f"
    model, composed = begun(expression)
    want = trained(model, composed, 4)
    assert same(gone_on(expression, 2, 2), want)


def test_refused():
    for expression, says in (
        ("mas + recadam", "pull"),
        ("mas(gamma=-1)", "gamma is -1.0; it has to be a number of at least 0"),
        ("mas(examples=0)", "examples is 0.0; it has to be a whole number of at least 1"),
    ):
        refused(lambda text=expression: parse(text, METHODS), ValueError, says)


def test_trainer_and_a_run_on_a_text(tmp_path):
    save_backbone(tmp_path / "bert", model_class=BertForMaskedLM)
    save_glue(tmp_path / "glue", "mrpc")
    (tmp_path / "text.txt").write_text("abc def gh ab " * 200, encoding="utf-8")
    recipe = Recipe(str(tmp_path / "bert"), "mrpc", "mas(examples=4)", 3, 4, lr=1e-3, max_length=32)
    given = {"data_folder": tmp_path / "glue", "device": "cpu", "progress": False}
    run = finetune(recipe, source_text=tmp_path / "text.txt", **given)
    assert run.history[0]["penalty"] == 0 < run.history[-1]["penalty"]
    model = bert()
    settings = arguments(tmp_path / "out", max_steps=3, logging_strategy="steps", logging_steps=3)
    given = {"method": "mas(examples=4)", "new": NEW, "source": source_of(model)}
    trainer = RecallTrainer(model, settings, train_dataset=rows(), **given)
    trainer.train()
    assert trainer.state.log_history[0]["penalty"] > 0
