"""Parallel columns: a new column beside the pretrained one, with and without what it reads from it."""

import pytest
import torch
from ways import NEW, batched, bert, rows, weights

from recall_learn import compose

X = {**batched(rows(8)), "attention_mask": torch.tensor([[1, 1, 1, 1, 0, 0]] * 8)}


def begun(model, expression="parallel-columns", **more):
    return compose(expression, model, lr=1e-2, **{"new": NEW, "seed": 3, **more})


def hidden(model, **more):
    return model.bert(X["input_ids"], attention_mask=X["attention_mask"], **more)


@pytest.mark.parametrize("lateral", ["yes", "no"])
def test_the_formula(lateral):
    model, plain = bert().double().eval(), bert().double().eval()
    begun(model, f"parallel-columns(lateral={lateral})")
    branch = model.bert.beside
    with torch.no_grad():
        torch.nn.init.eye_(branch.out.weight)
        branch.out.bias.fill_(0.3)
    seen = hidden(plain, output_hidden_states=True).hidden_states
    mask = X["attention_mask"][:, None, None, :].bool()
    own = branch.layers[0](seen[0], mask)
    own = branch.layers[1](own + (branch.lateral[0](seen[1]) if lateral == "yes" else 0), mask)
    torch.testing.assert_close(hidden(model).last_hidden_state, seen[2] + own + 0.3)
    assert len(branch.lateral) == (lateral == "yes")


def test_it_begins_at_the_pretrained_output_and_first_the_last_matrix_moves():
    model = bert(hidden_dropout_prob=0.5)
    before = hidden(model.eval()).last_hidden_state
    made = begun(model)
    assert torch.equal(hidden(model.train()).last_hidden_state, before)  # the encoder is in eval mode
    start = weights(model)

    def moved():
        made.optimizer.zero_grad()
        made.loss(model(**X)).backward()
        made.optimizer.step()
        return {name for name, p in weights(model).items() if not torch.equal(p, start[name])}

    head = {"classifier.weight", "classifier.bias"}
    assert moved() == head | {"bert.beside.out.weight", "bert.beside.out.bias"}
    assert {"bert.beside.lateral.0.weight", "bert.beside.layers.0.output.dense.weight"} <= moved()
    assert {name for name in moved() if name not in head} <= {name for name in start if ".beside." in name}


def test_the_column_is_new():
    model = bert()
    begun(model)
    own, old = model.bert.beside.layers[0], model.bert.encoder.layer[0]
    assert not torch.allclose(own.output.dense.weight, old.output.dense.weight, atol=1e-3)
    assert own.intermediate.dense.weight.std().item() == pytest.approx(model.config.initializer_range, rel=0.3)
    assert torch.equal(own.output.LayerNorm.weight, torch.ones(8))
    assert not own.output.dense.bias.any()
    drawn = model.bert.beside.layers[1].output.dense.weight
    assert not torch.equal(own.output.dense.weight, drawn)


def test_bad_settings():
    with pytest.raises(ValueError, match=r"^lateral is 'perhaps'; it has to be one of yes, no"):
        begun(bert(), "parallel-columns(lateral=perhaps)")
