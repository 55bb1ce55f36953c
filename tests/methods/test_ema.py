"""EMA: the recurrence by numpy, both ends, what is swapped in and back, and steps that were none."""

import numpy as np
import pytest
import torch
from mixed import Model, X, Y, assert_same, away, begun, trained
from torch import nn

from recall_learn.methods import METHODS
from recall_learn.methods.composed import Composed
from recall_learn.methods.expression import parse
from recall_learn.methods.method import Start
from recall_learn.theory.anchors import trainable


def weights(model):
    return {name: p.detach().clone() for name, p in model.named_parameters()}


def seen(model, made):
    with made.plain():
        return weights(model)


@pytest.mark.parametrize("decay", [0.0, 0.3, 0.9, 0.999])
def test_the_recurrence_from_the_start_by_numpy(decay):
    model = Model()
    made = begun(model, f"ema(decay={decay})", lr=0.1)
    right = {name: p.double().numpy() for name, p in weights(model).items()}
    for _ in range(5):
        now = trained(model, made, 1)
        right = {name: decay * m + (1 - decay) * now[name].double().numpy() for name, m in right.items()}
    for name, average in seen(model, made).items():
        np.testing.assert_allclose(average.numpy(), right[name], rtol=1e-5, atol=1e-7, err_msg=name)
    assert_same(weights(model), now)


def test_what_a_long_memory_keeps_of_the_start():
    """At constant weights after a jump the start's share is d^T: 0.999^200 is 0.819."""
    model = Model()
    made = begun(model, "ema(decay=0.999)", lr=0.0)
    start = weights(model)
    with torch.no_grad():
        for p in model.parameters():
            p += 1
    trained(model, made, 200)
    assert float((seen(model, made)["first.weight"] - start["first.weight"]).mean()) == pytest.approx(0.181, abs=2e-3)


@pytest.mark.parametrize("decay", [0, 1])
def test_the_ends_are_exact(decay):
    model = Model()
    made = begun(model, f"ema(decay={decay})", lr=0.1)
    now = trained(model, made, 3)
    assert_same(seen(model, made), now if decay == 0 else weights(Model()))


def test_the_training_is_plain_whenever_it_is_looked_at():
    plain, model = Model(), Model()
    made = begun(model, "ema", lr=0.1)
    for _ in range(4):
        trained(model, made, 1)
        seen(model, made)
        made.state_dict()
    assert_same(weights(model), trained(plain, begun(plain, "vanilla", lr=0.1), 4))


def test_a_step_that_was_none_is_not_averaged():
    """As a GradScaler does, who does not call the optimizer."""
    model = Model()
    made = begun(model, "ema(decay=0.5)", lr=0.1)
    trained(model, made, 2)
    before = seen(model, made)
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0)
    for inf in (True, False):
        made.optimizer.zero_grad()
        scaler.scale(nn.functional.cross_entropy(model(X.float()), Y)).backward()
        if inf:
            model.head.weight.grad[0, 0] = float("inf")
        scaler.step(made.optimizer)
        scaler.update()
        assert all(torch.equal(seen(model, made)[name], before[name]) is inf for name in before)


def test_weights_outside_of_a_child_stay_home_in_the_average_too():
    """A mask that puts weights back after the step is met, not what it undoes: decay has moved them by then."""
    from test_top_k import IDS, Classifier

    torch.manual_seed(0)
    model = Classifier()
    methods = parse("ema(decay=0) + child-d(p=0.3)", METHODS)
    fisher = {name: torch.rand_like(p) for name, p in trainable(model).items()}
    groups = [{"params": list(model.named_parameters()), "weight_decay": 0.5}]
    made = Composed(methods, Start(model, {}, lr=1e-2, fisher=lambda kind: fisher), groups)
    for _ in range(3):
        made.optimizer.zero_grad()
        nn.functional.cross_entropy(model(IDS), torch.tensor([0, 1, 2, 2, 1, 0])).backward()
        made.optimizer.step()
    assert_same(seen(model, made), weights(model))


def test_half_precision_loses_no_small_steps():
    """A share of 1e-3 of a step of 1e-2 is nothing in bf16."""
    model = Model().bfloat16()
    with torch.no_grad():
        for p in model.parameters():
            p.fill_(1.0)
    made = begun(model, "ema(decay=0.999)", {}, lr=0.0)
    with torch.no_grad():
        for p in model.parameters():
            p.fill_(1.015625)
    trained(model, made, 40)
    average = made.state_dict()["ema"]["averages"]["first.weight"]
    assert average.dtype == torch.float32
    torch.testing.assert_close(average, torch.full_like(average, 1 + 0.015625 * (1 - 0.999**40)), rtol=1e-5, atol=0)
    assert seen(model, made)["first.weight"].dtype == torch.bfloat16


def test_a_resumed_run_goes_on_to_the_bit():
    whole, first, second = Model(), Model(), Model()
    made = begun(whole, "ema(decay=0.6)", away(whole))
    trained(whole, made, 7)
    stopped = begun(first, "ema(decay=0.6)", away(first))
    trained(first, stopped, 4)
    resumed = begun(second, "ema(decay=0.6)", away(second))
    second.load_state_dict(first.state_dict())
    resumed.load_state_dict(stopped.state_dict())
    resumed.optimizer.load_state_dict(stopped.optimizer.state_dict())
    trained(second, resumed, 3)
    assert_same(seen(second, resumed), seen(whole, made))


def test_a_state_of_something_else_is_refused():
    made = begun(Model(), "ema")
    with pytest.raises(ValueError, match=r"^state of ema has passes; it has to have averages$"):
        made.load_state_dict({"ema": {"passes": 1}})
    with pytest.raises(ValueError, match=r"averages in the state of ema lacks 'first.bias'"):
        made.load_state_dict({"ema": {"averages": {"first.weight": torch.zeros(4, 5)}}})


def test_with_wise_ft_it_is_the_average_that_is_taken_back():
    model = Model()
    home = {name: p for name, p in weights(model).items() if not name.startswith("head")}
    made = begun(model, "wise-ft(alpha=0.5) + ema(decay=0.5)", home, lr=0.1)
    trained(model, made, 3)
    alone = Model()
    average = begun(alone, "ema(decay=0.5)", home, lr=0.1)
    trained(alone, average, 3)
    mean, now = seen(alone, average), seen(model, made)
    for name in home:
        torch.testing.assert_close(now[name], (home[name] + mean[name]) / 2)
    assert torch.equal(now["head.weight"], mean["head.weight"])


def test_what_is_averaged_is_what_trains():
    model = Model()
    model.first.weight.requires_grad_(False)
    made = begun(model, "ema")
    assert "first.weight" not in made.state_dict()["ema"]["averages"]
    assert {"first.bias", "head.weight"} <= set(made.state_dict()["ema"]["averages"])


def test_close_takes_it_away():
    model = Model()
    made = begun(model, "ema(decay=0.5)", lr=0.1)
    before = seen(model, made)
    made.close()
    trained(model, made, 2)
    assert_same(seen(model, made), before)


@pytest.mark.parametrize("decay", [-0.1, 1.01, float("nan")])
def test_refused_settings(decay):
    with pytest.raises(ValueError, match=r"^decay is .*; it has to be a number in \[0, 1\]$"):
        METHODS["ema"](decay=decay)
