"""EWC with Kronecker factors at work: its laws, and what it takes its factors of. See tests/theory/test_kronecker."""

import pytest
import torch
from small import refused, save_backbone, save_glue
from transformers import BertForMaskedLM
from ways import NEW, arguments, bert, farthest, rows, same, source_of, weights
from with_source import BATCH, begun, gone_on, trained

from recall_learn import RecallTrainer, Recipe, finetune
from recall_learn.methods import METHODS
from recall_learn.methods.expression import parse


def penalty(composed):
    return composed.terms(BATCH, None)["penalty"]


def moved(model, size=0.05, seed=1):
    with torch.no_grad():
        g = torch.Generator().manual_seed(seed)
        for p in model.bert.parameters():
            p.add_(size * torch.randn(p.shape, generator=g))


@pytest.mark.parametrize("eigenvalues", ["measured", "products"])
def test_at_home_the_penalty_and_its_gradient_are_0_and_gamma_scales_it(eigenvalues):
    model, composed = begun(f"ewc-kfac(eigenvalues={eigenvalues}, examples=16, gamma=10)")
    added = penalty(composed)
    added.backward()
    assert added.item() == 0
    assert all((p.grad == 0).all() for p in model.bert.parameters() if p.grad is not None)
    moved(model)
    ten = penalty(composed).item()
    composed.set(gamma=30)
    assert penalty(composed).item() == pytest.approx(3 * ten, rel=1e-5)


def test_it_holds_every_pretrained_weight_that_the_source_uses():
    _, composed = begun("ewc-kfac(examples=16)")
    fisher = composed._acting[0].fisher
    inside = [name for layer in fisher.layers for name in (layer.weight, layer.bias)]
    assert all(name.startswith("bert.encoder") and "LayerNorm" not in name for name in inside)
    assert len(inside) == 2 * 2 * 6  # two layers of six
    assert "bert.embeddings.word_embeddings.weight" in fisher.rest  # tied to the head
    held = {*inside, *(name for name, f in fisher.rest.items() if f.abs().max() > 0)}
    pooler = {"bert.pooler.dense.weight", "bert.pooler.dense.bias"}  # the source knows nothing of it
    types = {"bert.embeddings.token_type_embeddings.weight"}
    assert held | types == {name for name in weights(bert()) if not name.startswith("classifier")} - pooler
    assert fisher.examples == 16


def test_the_penalty_is_about_the_rise_of_the_source_s_divergence():
    """For small steps half the Fisher's quadratic form is the KL from the old answers, a mean over the examples."""
    model = bert()
    source = source_of(model)
    _, composed = begun("ewc-kfac(examples=240, gamma=1)", model.eval(), source=source)
    model.eval()
    with torch.no_grad():
        old = [source.masked_lm(**source.batches(n)[0]).log_softmax(-1) for n in range(1, 61)]
    ratios = []
    for seed in range(4):
        start = weights(model)
        moved(model, 0.01, seed)
        with torch.no_grad():
            new = [source.masked_lm(**source.batches(n)[0]).log_softmax(-1) for n in range(1, 61)]
        kl = sum((p.exp() * (p - q)).sum(-1).mean().item() for p, q in zip(old, new, strict=True)) / 60
        ratios.append(penalty(composed).item() / kl)
        model.load_state_dict(start, strict=False)
    assert 0.6 < sum(ratios) / 4 < 1.6, ratios


def test_gamma_0_is_plain_fine_tuning_to_the_bit_and_a_large_one_holds():
    plain = trained(*begun("vanilla"))
    assert same(trained(*begun("ewc-kfac(gamma=0, examples=8)")), plain)
    home = {name: p for name, p in weights(bert()).items() if "encoder" in name}
    held = trained(*begun("ewc-kfac(gamma=1e5, examples=64)"), 8)
    assert farthest(held, home) < farthest(trained(*begun("vanilla"), 8), home)


def test_factors_are_of_theta_star_wherever_the_model_is_and_leave_the_global_generator_alone():
    home = {name: p for name, p in weights(bert()).items() if not name.startswith("classifier")}
    _, right = begun("ewc-kfac(examples=8)")
    model = bert()
    moved(model, 1.0)
    start, state = weights(model), torch.get_rng_state()
    _, composed = begun("ewc-kfac(examples=8)", model, anchors=home, new=None)
    assert torch.equal(torch.get_rng_state(), state)
    assert same(weights(model), start)
    assert model.training
    assert all(
        torch.equal(a.values, b.values)
        for a, b in zip(composed._acting[0].fisher.layers, right._acting[0].fisher.layers, strict=True)
    )


def test_a_resumed_run_goes_on_to_the_bit():
    expression = "ewc-kfac(examples=8) + child-f"
    model, composed = begun(expression)
    want = trained(model, composed, 4)
    assert same(gone_on(expression, 2, 2), want)


def test_refused():
    for expression, says in (
        ("ewc-kfac + ewc", "pull"),
        ("ewc-kfac(eigenvalues=all)", "eigenvalues is 'all'; it has to be one of measured, products"),
        ("ewc-kfac(examples=0)", "examples is 0.0; it has to be a whole number of at least 1"),
    ):
        refused(lambda text=expression: parse(text, METHODS), ValueError, says)


def test_trainer_and_a_run_on_a_text_of_several_hidden_words_a_row(tmp_path):
    save_backbone(tmp_path / "bert", model_class=BertForMaskedLM)
    save_glue(tmp_path / "glue", "mrpc")
    (tmp_path / "text.txt").write_text("abc def gh ab " * 200, encoding="utf-8")
    recipe = Recipe(str(tmp_path / "bert"), "mrpc", "ewc-kfac(examples=6)", 3, 4, lr=1e-3, max_length=32)
    given = {"data_folder": tmp_path / "glue", "device": "cpu", "progress": False}
    run = finetune(recipe, source_text=tmp_path / "text.txt", **given)
    assert run.history[0]["penalty"] == 0
    assert run.history[-1]["penalty"] > 0
    model = bert()
    logging = {"logging_strategy": "steps", "logging_steps": 3}
    settings = arguments(tmp_path / "out", max_steps=3, **logging)
    given = {"method": "ewc-kfac(examples=8)", "new": NEW, "source": source_of(model)}
    trainer = RecallTrainer(model, settings, train_dataset=rows(), **given)
    trainer.train()
    assert trainer.state.log_history[0]["penalty"] > 0
