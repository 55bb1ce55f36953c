"""Gradual unfreezing: a layer is still, to the bit, until its turn comes, whoever steps and whatever pulls."""

import pytest
import torch
from mixed import assert_same
from small import config_of
from torch import nn
from transformers import AutoModelForSequenceClassification
from ways import NEW, batched, bert, rows

from recall_learn import compose
from recall_learn.methods import METHODS
from recall_learn.methods.expression import parse
from recall_learn.runs.finetune import finetune
from recall_learn.runs.recipe import Recipe


def weights(model):
    return {name: p.detach().clone() for name, p in model.named_parameters()}


def turn(name):
    """Of a BERT with two layers."""
    for n, part in enumerate(("layer.1.", "layer.0.", "embeddings"), 1):
        if part in name:
            return n
    return 0


def step(model, made, clip=None):
    batch = batched(rows(8))
    made.loss(model(**batch), batch).backward()
    if clip is not None:
        nn.utils.clip_grad_norm_(model.parameters(), clip)
    made.optimizer.step()


def begun(method, lr=1e-3, **more):
    model = bert()
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.01)  # from zeros, which decay would leave
    fisher = {name: torch.rand_like(p) for name, p in model.named_parameters()}
    anchors = {name: p.detach() + 0.5 for name, p in model.named_parameters() if not name.startswith("classifier")}
    return model, compose(method, model, lr=lr, weight_decay=0.1, anchors=anchors, fisher=fisher, **more)


BESIDE = [
    "", " + recadam(gamma=50, k=0, t0=1)", " + ewc", " + l2sp", " + mixout(p=0.5)", " + child-f", " + child-d",
    " + bertadam", " + layer-rates", " + ema(decay=0.5)",
]  # fmt: skip


@pytest.mark.parametrize("beside", BESIDE)
def test_each_layer_is_still_until_its_turn_and_then_moves(beside):
    model, made = begun(f"thaw(every=2){beside}")
    before = weights(model)
    for taken in range(8):
        step(model, made)
        now = weights(model)
        for name in now:
            if taken < 2 * turn(name):
                assert torch.equal(now[name], before[name]), (taken, name)
            assert model.get_parameter(name).grad is None or taken >= 2 * turn(name)
        for n in range(4):
            moved = any(not torch.equal(now[name], before[name]) for name in now if turn(name) == n)
            assert moved is (taken >= 2 * n), (taken, n)
        made.optimizer.zero_grad()


def test_moments_begin_with_the_first_step_of_a_weight():
    model, made = begun("thaw(every=3)")
    for _ in range(5):
        step(model, made)
        made.optimizer.zero_grad()
    for group in made.optimizer.param_groups:
        for name, p in zip(group["param_names"], group["params"], strict=True):
            count = made.optimizer.state[p].get("step")
            assert (None if count is None else int(count)) == {0: 5, 1: 2}.get(turn(name)), name


def test_what_waits_has_no_part_in_the_norm():
    """Else a large gradient below shrinks the head's step."""
    model, made = begun("thaw(every=5)")
    batch = batched(rows(8))
    made.loss(model(**batch), batch).backward()
    norm = nn.utils.clip_grad_norm_(model.parameters(), 1e9)
    head = torch.stack([p.grad.square().sum() for name, p in model.named_parameters() if not turn(name)]).sum().sqrt()
    torch.testing.assert_close(norm, head)


def test_accumulated_batches_leave_nothing_behind():
    model, made = begun("thaw(every=1)")
    batch = batched(rows(8))
    for _ in range(3):
        made.loss(model(**batch), batch).backward()
    assert {name for name, p in model.named_parameters() if p.grad is not None} == {
        name for name in weights(model) if not turn(name)
    }


def test_gradients_that_something_puts_back_are_dropped_before_the_step():
    """As processes that average their gradients do."""
    model, made = begun("thaw(every=5)")
    before = weights(model)
    for p in model.parameters():
        p.grad = torch.ones_like(p)
    made.optimizer.step()
    assert {name for name, p in model.named_parameters() if not torch.equal(p, before[name])} == {
        name for name in before if not turn(name)
    }


@pytest.mark.parametrize("kind", ["roberta", "gpt2", "distilbert", "xlnet"])
def test_other_models_thaw_from_the_head_down(kind):
    torch.manual_seed(1)
    model = AutoModelForSequenceClassification.from_config(config_of(kind))
    outside = [name for name, _ in model.named_parameters() if name.split(".")[0] != model.base_model_prefix]
    made = compose("thaw(every=1)", model, lr=1e-3, new=outside)
    words = model.get_input_embeddings().weight
    ids, labels = torch.tensor([[2, 7, 9, 3]]), torch.tensor([1])
    for taken in range(4):
        model(input_ids=ids, labels=labels).loss.backward()
        assert (words.grad is None) is (taken < 3)
        assert all(model.get_parameter(name).grad is not None for name in outside)
        made.optimizer.step()
        made.optimizer.zero_grad()


def test_once_all_is_thawed_nothing_is_dropped_and_the_record_counts():
    model, made = begun("thaw(every=1)")
    counted = []
    for _ in range(5):
        counted.append(made.record()["thawed"])
        step(model, made)
        made.optimizer.zero_grad()
    assert counted == [1, 2, 3, 4, 4]


def test_a_resumed_run_goes_on_to_the_bit():
    (whole, made), (first, stopped), (second, resumed) = (begun("thaw(every=2) + recadam(t0=3)") for _ in range(3))
    for _ in range(6):
        step(whole, made)
        made.optimizer.zero_grad()
    for _ in range(3):
        step(first, stopped)
        stopped.optimizer.zero_grad()
    second.load_state_dict(first.state_dict())
    resumed.load_state_dict(stopped.state_dict())
    resumed.optimizer.load_state_dict(stopped.optimizer.state_dict())
    for _ in range(3):
        step(second, resumed)
        resumed.optimizer.zero_grad()
    assert_same(weights(second), weights(whole))


def test_with_top_k_the_frozen_stay_frozen():
    model = bert()
    made = compose("thaw(every=1) + top-k(layers=1)", model, lr=1e-3, new=NEW)
    for _ in range(5):
        step(model, made)
        made.optimizer.zero_grad()
    assert made.record()["thawed"] == 2  # head, and one layer
    assert not model.bert.embeddings.word_embeddings.weight.requires_grad


def test_close_takes_it_away():
    model, made = begun("thaw(every=9)")
    made.close()
    step(model, made)
    assert all(p.grad is not None for p in model.parameters())
    assert not any(p._post_accumulate_grad_hooks for p in model.parameters())


def test_a_run_leaves_what_has_not_come_as_it_was(world):
    recipe = Recipe(str(world / "bert"), "mrpc", "thaw(every=2)", steps=4, batch_size=4, lr=1e-3, max_length=40)
    run = finetune(recipe, data_folder=world / "glue", device="cpu", progress=False)
    away = run.final["layers"]
    assert away["bert.embeddings"] == away["bert.encoder.layer.0"] == 0
    assert away["bert.encoder.layer.1"] > 0
    assert run.column("thawed") == [1, 1, 2, 2]


@pytest.mark.parametrize("every", [0, 1.5, -2])
def test_refused_settings(every):
    with pytest.raises(ValueError, match=r"^every is .*; it has to be a whole number of at least 1$"):
        METHODS["thaw"](every=every)


def test_a_state_of_something_else_is_refused():
    _, made = begun("thaw")
    with pytest.raises(ValueError, match=r"^state of thaw has passes; it has to have steps$"):
        made.load_state_dict({"thaw": {"passes": 1}})


def test_layers_that_cannot_be_told_are_refused():
    with pytest.raises(ValueError, match=r"^Linear has no nn.ModuleList of layers; thaw needs one stack of them"):
        compose(parse("thaw", METHODS), nn.Linear(2, 2), lr=1e-3, new=["bias"])
