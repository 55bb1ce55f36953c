"""Adapters: two in each layer, where the paper has them."""

import math

import numpy as np
import pytest
import torch
import transformers
from ways import NEW, batched, bert, rows, same, weights

from recall_learn import compose
from recall_learn.methods import METHODS
from recall_learn.methods.added import Bottleneck
from recall_learn.theory.anchors import trainable

X = batched(rows(8))


def begun(model, expression="adapters(width=3)", **more):
    return compose(expression, model, lr=1e-2, **{"new": NEW, "seed": 3, **more})


def test_the_formula():
    torch.manual_seed(0)
    module = Bottleneck(5, 3, 0.5).double()
    for p in module.parameters():
        torch.nn.init.normal_(p)
    h = torch.randn(4, 5, dtype=torch.float64)
    w1, b1, w2, b2 = (
        p.detach().numpy() for p in (module.down.weight, module.down.bias, module.up.weight, module.up.bias)
    )
    want = []
    for row in h.numpy():
        inner = w1 @ row + b1
        inner = np.array([x * 0.5 * (1 + math.erf(x / math.sqrt(2))) for x in inner])
        want.append(row + w2 @ inner + b2)
    np.testing.assert_allclose(module(h).detach().numpy(), want, rtol=1e-12)


def test_where_they_are_and_what_trains():
    model = bert()
    begun(model)
    places = [
        f"bert.encoder.layer.{n}.{part}.dropout.adapter" for n in (0, 1) for part in ("attention.output", "output")
    ]
    assert [name for name, module in model.named_modules() if isinstance(module, Bottleneck)] == places
    added = {f"{place}.{end}.{kind}" for place in places for end in ("down", "up") for kind in ("weight", "bias")}
    norms = {name for name in weights(bert()) if "LayerNorm" in name}
    assert set(trainable(model)) == {*added, *norms, "classifier.weight", "classifier.bias"}


def test_they_act_before_the_residual_and_the_norm():
    """The second half of a layer, by hand."""
    model = bert().double().eval()
    begun(model, "adapters(width=3, sd=0.3)")
    part = model.bert.encoder.layer[1].output
    inner, residual = torch.randn(2, 4, 12).double(), torch.randn(2, 4, 8).double()
    with torch.no_grad():
        h = part.dropout.adapter(inner @ part.dense.weight.T + part.dense.bias) + residual
        h = (h - h.mean(-1, keepdim=True)) / (h.var(-1, unbiased=False, keepdim=True) + part.LayerNorm.eps).sqrt()
        torch.testing.assert_close(part(inner, residual), h * part.LayerNorm.weight + part.LayerNorm.bias)


def test_with_nothing_in_the_second_matrix_the_output_is_the_pretrained_one():
    model = bert().eval()
    before = model(**X).logits
    begun(model)
    begins = model(**X).logits
    assert (begins - before).abs().max() < 1e-4  # near it from the start
    assert not torch.equal(begins, before)
    for module in model.modules():
        if isinstance(module, Bottleneck):
            torch.nn.init.zeros_(module.up.weight)
    assert torch.equal(model(**X).logits, before)


def test_how_they_are_drawn():
    model = bert(hidden_size=64)
    begun(model, "adapters(width=64)")
    found = torch.cat([m.down.weight.flatten() for m in model.modules() if isinstance(m, Bottleneck)])
    assert found.std().item() == pytest.approx(1e-3, rel=0.05)
    assert all(not m.up.bias.any() and not m.down.bias.any() for m in model.modules() if isinstance(m, Bottleneck))


def test_without_adapters_and_with_the_old_norms_it_is_the_pretrained_model():
    model, home = bert(), weights(bert())
    made = begun(model)
    for _ in range(3):
        made.optimizer.zero_grad()
        made.loss(model(**X)).backward()
        made.optimizer.step()
    with torch.no_grad():
        for name, p in made._acting[0].start.anchors.items():
            model.get_parameter(name).copy_(p)
    kept = {name: p for name, p in weights(model).items() if ".adapter." not in name and name.startswith("bert")}
    assert same(kept, {name: p for name, p in home.items() if name.startswith("bert")})


@pytest.mark.parametrize("kind", ["roberta", "electra"])
def test_other_architectures(kind):
    from small import config_of

    torch.manual_seed(1)
    model = transformers.AutoModelForSequenceClassification.from_config(config_of(kind))
    begun(model, new=["classifier"])
    assert sum(isinstance(module, Bottleneck) for module in model.modules()) == 4


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("adapters(width=0)", "width is 0.0; it has to be a whole number of at least 1"),
        ("adapters(sd=0)", "sd is 0.0; it has to be a number above 0"),
    ],
)
def test_bad_settings(expression, says):
    with pytest.raises(ValueError, match=f"^{says}"):
        begun(bert(), expression)


def test_a_model_of_another_build_is_refused():
    with pytest.raises(ValueError, match=r"^adapters finds no place in Linear; take a model of BERT's build"):
        METHODS["adapters"]().prepare(torch.nn.Linear(2, 2), 0)
