"""K-Adapter: a chain beside the layers, which attends to words and to no padding, and begins without a change."""

import math

import numpy as np
import pytest
import torch
from ways import NEW, batched, bert, rows, weights

from recall_learn import compose
from recall_learn.methods.added import Aside, Knowledge, Layer

X = {**batched(rows(8)), "attention_mask": torch.tensor([[1, 1, 1, 1, 0, 0]] * 8)}


def begun(model, expression="k-adapter(width=8)", **more):
    return compose(expression, model, lr=1e-2, **{"new": NEW, "seed": 3, **more})


def shaken(module, size=0.3):
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for p in module.parameters():
            p.add_(size * torch.randn(p.shape, generator=generator, dtype=p.dtype))
    return module


def hidden(model, ids=X["input_ids"], mask=X["attention_mask"]):
    return model.bert(ids, attention_mask=mask).last_hidden_state


def normed(x, norm):
    x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + norm.eps)
    return x * norm.weight.detach().numpy() + norm.bias.detach().numpy()


def linear(x, layer):
    return x @ layer.weight.detach().numpy().T + layer.bias.detach().numpy()


def by_hand(layer, x, there):
    """One row [length, width]: attention word by word and head by head, over the words that are there."""
    length, width = x.shape
    query, key, value = np.split(linear(x, layer.inputs), 3, axis=-1)
    part, mixed = width // layer.heads, np.zeros_like(x)
    for head in range(layer.heads):
        own = slice(head * part, (head + 1) * part)
        for word in range(length):
            scores = [
                math.exp(query[word, own] @ key[other, own] / math.sqrt(part)) * there[other] for other in range(length)
            ]
            mixed[word, own] = sum(score * value[other, own] for other, score in enumerate(scores)) / sum(scores)
    x = normed(x + linear(mixed, layer.outputs), layer.first)
    inner = np.vectorize(lambda z: z * 0.5 * (1 + math.erf(z / math.sqrt(2))))(linear(x, layer.wide))
    return normed(x + linear(inner, layer.narrow), layer.second)


@pytest.mark.parametrize("width", [8, 3])
def test_a_layer_by_hand(width):
    torch.manual_seed(0)
    layer = shaken(Layer(width).double())
    assert layer.heads == (4 if width == 8 else 1)
    x, there = torch.randn(2, 5, width).double(), torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])
    want = np.stack([by_hand(layer, x[n].numpy(), there[n].numpy()) for n in (0, 1)])
    np.testing.assert_allclose(layer(x, there == 0).detach().numpy(), want, rtol=1e-10)


def test_the_chain_and_what_reads_it():
    model, plain = bert().double().eval(), bert().double().eval()
    begun(model)
    branch = shaken(model.bert.beside)
    assert branch.places == [0, 1]
    seen = plain.bert(X["input_ids"], attention_mask=X["attention_mask"], output_hidden_states=True).hidden_states
    chain = torch.zeros_like(seen[0])
    for adapter, place in zip(branch.adapters, branch.places, strict=True):
        given = seen[place] + chain
        inner = adapter.down(given)
        for layer in adapter.layers:
            inner = layer(inner, X["attention_mask"] == 0)
        chain = given + adapter.up(inner)
    dense = branch.dense
    want = seen[-1] @ dense.weight[:, :8].T + chain @ dense.weight[:, 8:].T + dense.bias
    torch.testing.assert_close(hidden(model), want)


def test_it_begins_at_the_pretrained_output_and_first_the_dense_layer_moves():
    model = bert().eval()
    before = hidden(model)
    made = begun(model)
    assert torch.equal(hidden(model), before)
    start = weights(model)

    def moved():
        made.optimizer.zero_grad()
        made.loss(model(**X)).backward()
        made.optimizer.step()
        return {name for name, p in weights(model).items() if not torch.equal(p, start[name])}

    head = {"classifier.weight", "classifier.bias"}
    assert moved() == head | {"bert.beside.dense.weight", "bert.beside.dense.bias"}
    assert "bert.beside.adapters.1.up.weight" in moved()
    assert "bert.beside.adapters.0.down.weight" in moved()
    assert {name for name in moved() if name not in head} <= {name for name in start if ".beside." in name}


def test_padding_is_attended_to_by_nobody():
    """What stands in the padding, and how much of it there is, changes nothing that is read."""
    model = bert().double().eval()
    begun(model)
    shaken(model.bert.beside)
    words = hidden(model)[:, :4]
    other = X["input_ids"].clone()
    other[:, 4:] = 7
    torch.testing.assert_close(hidden(model, other)[:, :4], words)
    torch.testing.assert_close(hidden(model, X["input_ids"][:, :4], X["attention_mask"][:, :4]), words)
    torch.testing.assert_close(model.bert(X["input_ids"][:, :4]).last_hidden_state, words)  # no mask: all are words
    longer = hidden(model, X["input_ids"], torch.ones_like(X["attention_mask"]))[:, :4]
    assert (longer - words).abs().max() > 1e-3


def test_the_encoder_is_in_eval_mode():
    model = bert(hidden_dropout_prob=0.5)
    before = hidden(model.eval())
    begun(model)
    model.train()
    assert torch.equal(hidden(model), before)


@pytest.mark.parametrize(("count", "layers", "places"), [(3, 24, [0, 11, 23]), (1, 4, [0]), (9, 3, [0, 1, 2])])
def test_where_they_stand(count, layers, places):
    model = bert(num_hidden_layers=layers)
    begun(model, f"k-adapter(count={count}, width=2)")
    assert model.bert.beside.places == places
    assert isinstance(model.bert.beside, Knowledge)
    assert len([module for module in model.modules() if isinstance(module, Aside)]) == len(places)
    model(**X)


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("k-adapter(count=0)", "count is 0.0; it has to be a whole number of at least 1"),
        ("k-adapter(width=0)", "width is 0.0; it has to be a whole number of at least 1"),
    ],
)
def test_bad_settings(expression, says):
    with pytest.raises(ValueError, match=f"^{says}"):
        begun(bert(), expression)
