"""Side-tuning: a mixture of the encoder, which rests, and of a copy of its lowest layers."""

import math

import pytest
import torch
from ways import NEW, arguments, batched, bert, rows, weights

from recall_learn import RecallTrainer, compose
from recall_learn.methods import METHODS
from recall_learn.methods.added import Side

X = {**batched(rows(8)), "attention_mask": torch.tensor([[1, 1, 1, 1, 0, 0]] * 8)}


def begun(model, expression="side-tuning", **more):
    return compose(expression, model, lr=1e-2, **{"new": NEW, "seed": 3, **more})


def hidden(model):
    return model.bert(X["input_ids"], attention_mask=X["attention_mask"]).last_hidden_state


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("alpha", [0.5, 0.2])
def test_the_formula(count, alpha):
    """S is the encoder cut off behind its lowest layers, moved away by hand."""
    model, short = bert().double().eval(), bert().double().eval()
    pretrained = hidden(model)
    begun(model, f"side-tuning(layers={count}, alpha={alpha})")
    del short.bert.encoder.layer[count:]
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        pairs = zip(model.bert.beside.layers.parameters(), short.bert.encoder.layer.parameters(), strict=True)
        for mine, his in pairs:
            assert torch.equal(mine, his)  # a copy
            moved = mine + torch.randn(mine.shape, generator=generator, dtype=mine.dtype) / 10
            mine.copy_(moved)
            his.copy_(moved)
    torch.testing.assert_close(hidden(model), alpha * pretrained + (1 - alpha) * hidden(short))


def test_at_a_share_of_one_it_is_the_pretrained_model_and_stays_so():
    model = bert().eval()
    before = hidden(model)
    made = begun(model, "side-tuning(alpha=1)", weight_decay=0.1)
    assert torch.equal(hidden(model), before)
    model.train()
    made.loss(model(**X)).backward()
    made.optimizer.step()
    assert torch.equal(hidden(model), before)
    assert torch.equal(model.bert.beside.mix, torch.tensor([math.inf]))


def test_the_encoder_is_in_eval_mode_while_the_copy_and_the_head_train():
    model = bert(hidden_dropout_prob=0.5)
    before = hidden(model.eval())
    begun(model)
    whole, side = [], []
    model.bert.encoder.layer[1].register_forward_hook(lambda module, args, out: whole.append(out))
    model.bert.beside.layers[0].register_forward_hook(lambda module, args, out: side.append(out))
    model.train()
    for _ in range(2):
        model(**X)
    torch.testing.assert_close(whole[0], before)
    assert torch.equal(whole[0], whole[1])
    assert not torch.allclose(side[0], side[1])
    assert model.dropout.training
    assert model.bert.beside.training
    model.eval()(**X)
    model(**X)
    assert torch.equal(side[2], side[3])


def test_the_share_trains_and_is_not_decayed(tmp_path):
    model = bert()
    made = begun(model, weight_decay=0.5)
    share = model.bert.beside.mix
    assert [group["weight_decay"] for group in made.optimizer.param_groups if share in set(group["params"])] == [0.0]
    trainer = RecallTrainer(
        bert(), arguments(tmp_path, weight_decay=0.5), train_dataset=rows(), method="side-tuning", new=NEW
    )
    trainer.train()
    share = trainer.model.bert.beside.mix
    groups = trainer.composed.optimizer.param_groups
    assert [group["weight_decay"] for group in groups if share in set(group["params"])] == [0.0]
    assert share != 0
    assert sum(len(group["params"]) for group in groups) == sum(p.requires_grad for p in trainer.model.parameters())


def test_the_copy_learns_and_what_it_copies_does_not():
    model = bert()
    home = weights(model)
    made = begun(model)
    start = weights(model)
    for _ in range(3):
        made.optimizer.zero_grad()
        made.loss(model(**X)).backward()
        made.optimizer.step()
    name = "layers.0.attention.self.value.weight"
    now = weights(model)
    assert not torch.equal(now[f"bert.beside.{name}"], start[f"bert.beside.{name}"])
    assert torch.equal(
        now["bert.encoder.layer.0.attention.self.value.weight"],
        home["bert.encoder.layer.0.attention.self.value.weight"],
    )


def test_recomputed_activations_give_the_same_gradients():
    found = []
    for recompute in (False, True):
        model = bert()
        begun(model, "side-tuning(layers=2)")
        if recompute:
            getattr(model, "activation_checkpointing_enable", model.gradient_checkpointing_enable)()  # 5.23, 5.15
        model.train()(**X).loss.backward()
        found.append({name: p.grad for name, p in model.named_parameters() if p.grad is not None})
    assert found[0].keys() == found[1].keys()
    for name, gradient in found[0].items():
        torch.testing.assert_close(found[1][name], gradient, msg=name)


@pytest.mark.parametrize("kind", ["gpt2", "roberta", "distilbert"])
def test_other_architectures(kind):
    from small import config_of
    from transformers import AutoModelForSequenceClassification

    torch.manual_seed(1)
    model = AutoModelForSequenceClassification.from_config(config_of(kind)).eval()
    x = {"input_ids": torch.tensor([[2, 7, 9, 3]]), "labels": torch.tensor([1])}
    before = model(**x).logits
    head = {name.split(".")[0] for name, _ in model.named_parameters()} - {model.base_model_prefix}
    begun(model, "side-tuning(alpha=1)", new=sorted(head))
    assert torch.equal(model(**x).logits, before)
    with torch.no_grad():
        next(module for module in model.modules() if isinstance(module, Side)).mix.zero_()
    assert not torch.allclose(model(**x).logits, before)
    model(**x).loss.backward()
    assert all(p.grad is not None for name, p in model.named_parameters() if ".beside." in name)


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("side-tuning(layers=0)", "layers is 0.0; it has to be a whole number of at least 1"),
        ("side-tuning(layers=3)", "layers is 3; BertForSequenceClassification has 2, and it has to be at most that"),
        ("side-tuning(alpha=0)", r"alpha is 0.0; it has to be a number in \(0, 1\]"),
        (
            "side-tuning + k-adapter",
            "method joins side-tuning and k-adapter, which are each a branch beside the layers",
        ),
    ],
)
def test_what_is_refused(expression, says):
    with pytest.raises(ValueError, match=f"^{says}"):
        begun(bert(), expression)
    assert METHODS["side-tuning"].slot == METHODS["k-adapter"].slot
