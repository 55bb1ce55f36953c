"""Replay of the source against its formula by numpy, and its laws."""

import numpy as np
import pytest
import torch
from small import refused
from ways import NEW, arguments, bert, rows, same, source_of
from with_source import BATCH, begun, gone_on, trained

from recall_learn import RecallTrainer, Recipe, Source, compose, finetune
from recall_learn.methods import METHODS
from recall_learn.methods.expression import parse


def term(composed):
    return composed.terms(BATCH, None)["replay"].item()


def by_hand(model, source, n):
    """The mean of -log p(word) over the n-th batch: one hidden word at a time, in float64, in the whole model."""
    inputs, words = source.batches(n)
    whole = source.masked_lm.model
    losses = []
    for ids, word in zip(inputs["input_ids"], words, strict=True):
        z = whole(input_ids=ids[None]).logits[0, int((ids == 0).nonzero())].detach().double().numpy()
        losses.append(np.log(np.exp(z - z.max()).sum()) + z.max() - z[int(word)])
    return np.mean(losses)


def test_the_term_is_the_weight_times_the_source_s_loss_on_the_step_s_batch():
    model = bert()
    source = source_of(model)
    _, composed = begun("source-replay(weight=0.7)", model, source=source)
    for step in (1, 2, 3):
        assert term(composed) == pytest.approx(0.7 * by_hand(model, source, step), rel=1e-5)
        assert term(composed) == pytest.approx(0.7 * by_hand(model, source, step), rel=1e-5)  # of an accumulated batch
        trained(model, composed, 1)
    composed.set(weight=2.0)
    assert term(composed) == pytest.approx(2 * by_hand(model, source, 4), rel=1e-5)


def test_every_third_step_has_the_next_batch():
    model = bert()
    source = source_of(model)
    _, composed = begun("source-replay(every=3)", model, source=source)
    for step in range(7):
        batch = {0: 1, 3: 2, 6: 3}.get(step)
        assert term(composed) == (pytest.approx(by_hand(model, source, batch), rel=1e-5) if batch else 0)
        trained(model, composed, 1)


def test_weight_0_is_plain_fine_tuning_to_the_bit():
    assert same(trained(*begun("source-replay(weight=0)")), trained(*begun("vanilla")))


def test_the_head_does_not_train_and_the_source_is_forgotten_less():
    ends = {}
    for expression in ("source-replay(weight=3)", "vanilla"):
        model, composed = begun(expression)
        source = source_of(model)
        before = {name: p.clone() for name, p in source.masked_lm.model.cls.predictions.transform.named_parameters()}
        trained(model, composed, 12)
        assert same(before, dict(source.masked_lm.model.cls.predictions.transform.named_parameters()))
        ends[expression] = np.mean([by_hand(model, source, n) for n in range(1, 6)])
    assert ends["source-replay(weight=3)"] < ends["vanilla"]


def test_a_resumed_run_goes_on_to_the_bit_and_the_global_generator_is_left_alone():
    expression = "source-replay(every=2) + recadam(t0=3)"
    model, composed = begun(expression)
    state = torch.get_rng_state()
    want = trained(model, composed, 6)
    assert torch.equal(torch.get_rng_state(), state)
    assert same(gone_on(expression, 3, 3), want)


def test_refused():
    for expression, says in (
        ("source-replay(weight=-1)", "weight is -1.0; it has to be a number of at least 0"),
        ("source-replay(every=0)", "every is 0.0; it has to be a whole number of at least 1"),
    ):
        refused(lambda text=expression: parse(text, METHODS), ValueError, says)
    model = bert()
    source = source_of(model)
    texts = Source(source.masked_lm, None, 0)
    refused(lambda: begun("source-replay", model, source=texts), ValueError, "source-replay needs the source's texts")
    refused(lambda: begun("source-replay", bert(1), source=source), ValueError, "has no weight of the model")
    refused(
        lambda: compose("source-replay", bert(), lr=1e-3, new=NEW),
        ValueError,
        "text_source(checkpoint, model,",
    )
    _, composed = begun("source-replay")
    wrong = {"source-replay": {"n": 1}}
    refused(lambda: composed.load_state_dict(wrong), ValueError, "state of source-replay has n; it has to have steps")
    composed.close()
    assert not composed.optimizer._optimizer_step_post_hooks


def test_trainer_logs_what_was_replayed_and_pieces_are_refused(tmp_path, monkeypatch):
    model = bert()
    source = source_of(model)
    right = by_hand(model, source, 1)
    logging = {"logging_strategy": "steps", "logging_steps": 1}
    settings = arguments(tmp_path, batch=2, accumulation=2, max_steps=1, **logging)
    given = {"method": "source-replay", "new": NEW, "source": source}
    trainer = RecallTrainer(model, settings, train_dataset=rows(), **given)
    trainer.train()
    assert trainer.state.log_history[0]["replay"] == pytest.approx(right, rel=1e-5)
    monkeypatch.setattr("recall_learn.theory.sharded.is_sharded", lambda p: True)
    refused(
        lambda: begun("source-replay"), ValueError, "source-replay runs the encoder without its model", "take Distr"
    )


def test_a_run_of_tiny_replays_the_small_world(short_world, tmp_path, monkeypatch):
    from recall_learn.models import backbones
    from recall_learn.models.masked_lm import attach
    from recall_learn.runs import given_source
    from recall_learn.world.batches import Batches

    monkeypatch.setattr("recall_learn.measures.probes.world_of", lambda backbone: short_world)
    recipe = Recipe("tiny", "world/cola", "source-replay", 4, 8, probe="none", limit_train=32)
    run = finetune(recipe, device="cpu", progress=False)
    backbone = backbones.load("tiny", num_labels=2)
    inputs, words = Batches(short_world, backbone.tokenizer, 8)(1)
    with torch.no_grad():
        right = torch.nn.functional.cross_entropy(attach(backbone)(**inputs), words).item()
    assert run.history[0]["replay"] == pytest.approx(right, rel=1e-5)
    given = {"device": "cpu", "progress": False, "source_text": tmp_path / "text.txt"}
    (tmp_path / "text.txt").write_text("some text", encoding="utf-8")
    refused(
        lambda: finetune(recipe, **given), ValueError, "source text", "is not needed: tiny has its own; leave it out"
    )
    assert 5 in given_source.find(backbone, None, 8)().special  # [OTHER] is no word
