"""LoRA: the product of two matrices beside layers that rest; merged, a model as any other."""

import numpy as np
import pytest
import torch
import transformers
from ways import NEW, batched, bert, rows, same, weights

from recall_learn import compose
from recall_learn.methods import METHODS
from recall_learn.theory.anchors import trainable

X = batched(rows(8))


def begun(model, expression="lora(r=2)", **more):
    return compose(expression, model, lr=1e-2, **{"new": NEW, "seed": 3, **more})


def trained(model, made, steps=3):
    model.train()
    for _ in range(steps):
        made.optimizer.zero_grad()
        made.loss(model(**X)).backward()
        made.optimizer.step()
    return model.eval()


def query(model):
    return model.bert.encoder.layer[1].attention.self.query


@pytest.mark.parametrize(("settings", "scale"), [("r=2, alpha=6", 3.0), ("r=4, alpha=6, rank_stabilised=yes", 3.0)])
def test_the_formula(settings, scale):
    model = bert()
    trained(model, begun(model, f"lora({settings})"))
    layer = query(model)
    inputs = torch.randn(5, 8, generator=torch.Generator().manual_seed(0))
    a, b, w, bias, x = (
        each.detach().double().numpy()
        for each in (
            layer.lora_A["default"].weight,
            layer.lora_B["default"].weight,
            layer.base_layer.weight,
            layer.base_layer.bias,
            inputs,
        )
    )
    want = np.array([[w[i] @ row + bias[i] + scale * b[i] @ (a @ row) for i in range(8)] for row in x])
    np.testing.assert_allclose(layer(inputs).detach().numpy(), want, atol=1e-6)
    assert np.abs(b).max() > 0.01


def test_what_trains_and_what_moves_in_the_first_step():
    model = bert()
    home = weights(model)
    made = begun(model)
    names = [f"bert.encoder.layer.{n}.attention.self.{which}" for n in (0, 1) for which in ("query", "value")]
    added = {f"{name}.lora_{matrix}.default.weight" for name in names for matrix in "AB"}
    assert set(trainable(model)) == {*added, "classifier.weight", "classifier.bias"}
    drawn = weights(model)
    trained(model, made, steps=1)
    moved = {name for name, p in weights(model).items() if not torch.equal(p, drawn[name])}
    assert moved == {name for name in added if "lora_B" in name} | {"classifier.weight", "classifier.bias"}
    trained(model, made)
    rests = {name.replace(".base_layer", ""): p for name, p in weights(model).items() if name not in trainable(model)}
    assert same(rests, {name: p for name, p in home.items() if not name.startswith("classifier")})


def test_a_new_pooler_trains_too():
    model = bert()
    begun(model, new=[*NEW, "bert.pooler"])
    assert {"bert.pooler.dense.weight", "bert.pooler.dense.bias"} < set(trainable(model))


def test_merged_it_is_the_same_function_under_its_own_names_and_undone_to_the_bit(tmp_path):
    model = bert()
    home = weights(model)
    made = begun(model)
    before = model.eval()(**X).logits
    trained(model, made)
    now, logits = weights(model), model(**X).logits
    with made.plain():
        assert list(weights(model)) == list(home)
        torch.testing.assert_close(model(**X).logits, logits)
        model.save_pretrained(tmp_path)
        layer = model.bert.encoder.layer[1].attention.self.query
    again = transformers.AutoModelForSequenceClassification.from_pretrained(tmp_path)
    torch.testing.assert_close(again(**X).logits, logits)
    assert same(weights(model), now)
    assert torch.equal(model(**X).logits, logits)
    assert not torch.allclose(logits, before)
    change = layer.weight - home["bert.encoder.layer.1.attention.self.query.weight"]
    assert change.abs().max() == 0  # the weight itself was never written to
    made.settle()
    assert list(weights(model)) == list(home)
    change = model.bert.encoder.layer[1].attention.self.query.weight - home[f"{QUERY}.weight"]
    assert torch.linalg.matrix_rank(change, rtol=1e-4) == 2
    assert not vars(model).get("peft_config")


QUERY = "bert.encoder.layer.1.attention.self.query"


def test_linear_is_every_linear_layer_of_the_encoder():
    model = bert()
    begun(model, "lora(r=2, targets=linear)", new=[*NEW, "bert.pooler"])
    found = {name for name, module in model.named_modules() if hasattr(module, "lora_A")}
    inside = {"attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"}
    inside |= {"intermediate.dense", "output.dense"}
    assert found == {f"bert.encoder.layer.{n}.{name}" for n in (0, 1) for name in inside}  # and no new pooler


@pytest.mark.parametrize("targets", ["attention", "linear"])
@pytest.mark.parametrize("kind", ["distilbert", "gpt2", "albert", "roberta"])
def test_other_architectures(kind, targets):
    from small import config_of

    torch.manual_seed(1)
    model = transformers.AutoModelForSequenceClassification.from_config(config_of(kind))
    model.config.pad_token_id = 0
    head = {name.split(".")[0] for name, _ in model.named_parameters()} - {model.base_model_prefix}
    x = {"input_ids": torch.tensor([[2, 7, 9, 3]]), "labels": torch.tensor([1])}
    before = model.eval()(**x).logits
    made = begun(model, f"lora(r=2, targets={targets})", new=sorted(head))
    assert torch.equal(model(**x).logits, before)
    for _ in range(2):
        made.optimizer.zero_grad()
        model(**x).loss.backward()
        made.optimizer.step()
    after = model(**x).logits
    assert not torch.allclose(after, before)
    with made.plain():
        torch.testing.assert_close(model(**x).logits, after)


def test_the_matrices_come_from_the_seed():
    drawn = []
    for seed in (3, 3, 4):
        model = bert()
        torch.manual_seed(len(drawn))
        state = torch.get_rng_state()
        begun(model, seed=seed)
        assert torch.equal(torch.get_rng_state(), state)
        drawn.append(query(model).lora_A["default"].weight.detach())
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])
    assert drawn[0].abs().max() <= 1 / 8**0.5  # kaiming's of a linear layer with 8 inputs


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("lora(r=0)", "r is 0.0; it has to be a whole number of at least 1"),
        ("lora(alpha=0)", "alpha is 0.0; it has to be a number above 0"),
        ("lora(dropout=1)", r"dropout is 1.0; it has to be a number in \[0, 1\)"),
        ("lora(targets=all)", "targets is 'all'; it has to be one of attention, linear"),
        ("lora + recadam", "method joins lora, which freezes what was pretrained, and recadam"),
    ],
)
def test_what_is_refused(expression, says):
    with pytest.raises(ValueError, match=f"^{says}"):
        begun(bert(), expression)


def test_models_that_it_cannot_act_on():
    model = bert()
    begun(model)
    with pytest.raises(ValueError, match=r"^Bert\w+ has lora's matrices already; begin with a new"):
        METHODS["lora"]().prepare(model, 0)
    plain = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.Tanh(), torch.nn.Linear(2, 2))
    with pytest.raises(ValueError, match=r"^lora finds no query and value in the encoder of Seq.* take targets=linear"):
        begun(plain, new=["2"])
    begun(plain, "lora(targets=linear)", new=["2"])
    assert set(trainable(plain)) == {*(f"0.lora_{matrix}.default.weight" for matrix in "AB"), "2.weight", "2.bias"}
    with pytest.raises(ValueError, match=r"^lora finds no linear layer in the encoder of Sequential"):
        begun(torch.nn.Sequential(torch.nn.LayerNorm(3), torch.nn.Linear(3, 2)), "lora(targets=linear)", new=["1"])
