"""RecAdam keeps the contract of torch's optimizers: closures, state dicts, copies, groups, scalers, hooks."""

import copy
import io
import pickle
import re

import pytest
import torch
from torch import nn

from recall_learn.methods.recadam import anchors as recadam_anchors
from recall_learn.methods.recadam.optimizer import RecAdam
from recall_learn.theory.annealing import Constant, Cosine, Linear, Sigmoid

PATHS = {"plain": {"foreach": False}, "foreach": {"foreach": True}, "fused": {}}
ALGORITHMS = ["paper", "released", "coupled"]
every_path = pytest.mark.parametrize("path", PATHS)
every_algorithm = pytest.mark.parametrize("algorithm", ALGORITHMS)


def network(seed=0, dtype=torch.float32):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Linear(8, 2)).to(dtype)


def groups_of(model, named=True):
    encoder, head = ([*layer.named_parameters(name)] for name, layer in (("0", model[0]), ("2", model[2])))
    if not named:
        encoder, head = ([p for _, p in pairs] for pairs in (encoder, head))
    return [{"params": encoder}, {"params": head, "recall": False, "weight_decay": 0.1, "lr": 0.02}]


def make(model, named=True, **settings):
    return RecAdam(groups_of(model, named), 0.01, **({"anneal": Sigmoid(0.5, 10), "gamma": 40} | settings))


def train(model, optimizer, first, last):
    """Steps first + 1 to last, each on a batch that its number decides."""
    dtype = next(model.parameters()).dtype
    for step in range(first + 1, last + 1):
        torch.manual_seed(step)
        optimizer.zero_grad()
        model(torch.randn(6, 5, dtype=dtype)).square().mean().backward()
        optimizer.step()


def same(left, right):
    return all(torch.equal(a, b) for a, b in zip(left.parameters(), right.parameters(), strict=True))


def through_a_file(state):
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


@every_path
@every_algorithm
@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_a_saved_run_continues_to_the_bit(algorithm, path, named, dtype):
    settings = {"named": named, "algorithm": algorithm, **PATHS[path]}
    whole = network(dtype=dtype)
    train(whole, make(whole, **settings), 0, 12)

    model = network(dtype=dtype)
    optimizer = make(model, **settings)
    train(model, optimizer, 0, 7)
    state, weights = through_a_file(optimizer.state_dict()), through_a_file(model.state_dict())

    again = network(dtype=dtype)
    resumed = make(again, **(settings | {"anneal": Linear(3), "gamma": 1.0}))  # settings come from the state
    again.load_state_dict(weights)
    resumed.load_state_dict(state)
    assert all(group["anneal"] == Sigmoid(0.5, 10) and group["t"] == 7 for group in resumed.param_groups)
    for saved in resumed.state.values():
        wide = torch.float32 if dtype == torch.bfloat16 else dtype
        assert saved["exp_avg"].dtype == saved["exp_avg_sq"].dtype == wide
    train(again, resumed, 7, 12)
    assert same(again, whole)


@pytest.mark.parametrize("anneal", [Sigmoid(float("inf"), 3), Linear(4), Cosine(5), Constant(0.25)])
def test_every_schedule_is_saved(anneal):
    state = through_a_file(make(network(), anneal=anneal).state_dict())
    optimizer = make(network())
    optimizer.load_state_dict(state)
    assert optimizer.param_groups[0]["anneal"] == anneal


def test_a_callable_of_ones_own_is_not_saved_and_stays():
    state = through_a_file(make(network(), anneal=lambda t: 0.25).state_dict())
    mine = make(network(), anneal=(anneal := lambda t: 0.75))
    mine.load_state_dict(state)
    assert mine.param_groups[0]["anneal"] is anneal


def test_the_state_holds_no_anchors_but_their_fingerprint():
    model = network()
    optimizer = make(model)
    train(model, optimizer, 0, 2)
    state = optimizer.state_dict()
    assert all(set(saved) == {"step", "exp_avg", "exp_avg_sq"} for saved in state["state"].values())
    assert not any(isinstance(value, torch.Tensor) for group in state["param_groups"] for value in group.values())
    assert all(re.fullmatch("[0-9a-f]{64}", group["anchors"]) for group in state["param_groups"])
    assert optimizer.param_groups[0]["anchors"] is None


def test_numbers_of_numpy_and_torch_are_saved_as_plain_ones():
    state = make(network(), gamma=torch.tensor(40.0)).state_dict()
    assert type(through_a_file(state)["param_groups"][0]["gamma"]) is float


def untouched(optimizer, state, text):
    before = copy.deepcopy(optimizer.state_dict())
    with pytest.raises(ValueError, match=text):
        optimizer.load_state_dict(state)
    after = optimizer.state_dict()
    assert before["param_groups"] == after["param_groups"]
    assert before["state"].keys() == after["state"].keys()


def test_a_state_that_belongs_elsewhere_is_refused():
    model = network()
    optimizer = make(model)
    train(model, optimizer, 0, 3)
    other = network()
    with torch.no_grad():
        other[0].bias[0] += 1e-7  # one bit
    untouched(optimizer, make(other).state_dict(), "other anchors")
    with torch.no_grad():
        other = network()
        other[2].bias[0] += 1  # the head has no anchors
    optimizer.load_state_dict(make(other).state_dict())
    untouched(optimizer, torch.optim.AdamW(groups_of(network())).state_dict(), "not a RecAdam's")
    untouched(optimizer, {}, "not a RecAdam's")
    untouched(optimizer, RecAdam(groups_of(network())[:1]).state_dict(), "1 param_groups, this optimizer 2")
    swapped = [group | {"recall": i == 0} for i, group in enumerate(reversed(groups_of(network())))]
    untouched(optimizer, RecAdam(swapped, gamma=0.0).state_dict(), "other anchors")


def test_a_state_with_another_gamma_by_name_is_refused():
    def gamma(value):
        return {"0.weight": torch.full((8, 5), value), "0.bias": torch.ones(8), "elsewhere": torch.full((1,), value)}

    optimizer = make(network(), gamma=gamma(3.0))
    untouched(optimizer, make(network(), gamma=gamma(4.0)).state_dict(), "another gamma")
    untouched(optimizer, make(network(), gamma=3.0).state_dict(), "another gamma")
    untouched(make(network(), gamma=3.0), make(network(), gamma=gamma(3.0)).state_dict(), "another gamma")
    optimizer.load_state_dict(through_a_file(make(network(), gamma=gamma(3.0)).state_dict()))
    assert optimizer.param_groups[0]["gamma"].keys() == gamma(0.0).keys()


def test_the_fingerprint_is_of_the_anchors_and_is_taken_once(monkeypatch):
    calls = []
    real = recadam_anchors.fingerprint
    monkeypatch.setattr(recadam_anchors, "fingerprint", lambda tensors: calls.append(len(tensors)) or real(tensors))
    model = network()
    optimizer = make(model)
    first = optimizer.state_dict()["param_groups"][0]["anchors"]
    train(model, optimizer, 0, 3)
    assert optimizer.state_dict()["param_groups"][0]["anchors"] == first
    optimizer.load_state_dict(optimizer.state_dict())
    assert calls == [2, 0]
    given = make(model, anchors={f"0.{name}": p for name, p in network()[0].named_parameters()})
    assert given.state_dict()["param_groups"][0]["anchors"] == first
    assert make(model).state_dict()["param_groups"][0]["anchors"] != first


def test_a_closure_is_called_once_with_gradients_on():
    losses = []

    def closure():
        assert torch.is_grad_enabled()
        optimizer.zero_grad()
        loss = model(torch.ones(1, 5)).square().sum()
        loss.backward()
        losses.append(loss)
        return loss

    model = network()
    optimizer = make(model)
    start = copy.deepcopy(model)
    assert optimizer.step(closure) is losses[0]
    assert len(losses) == 1
    assert not same(model, start)
    assert optimizer.step() is None


@every_path
def test_a_copy_is_another_optimizer(path):
    model = network()
    optimizer = make(model, gamma={"0.weight": torch.rand(8, 5) * 40, "0.bias": torch.rand(8)}, **PATHS[path])
    train(model, optimizer, 0, 3)
    twins = [copy.deepcopy((model, optimizer)), pickle.loads(pickle.dumps((model, optimizer)))]
    train(model, optimizer, 3, 9)
    for twin, its in twins:
        assert its.param_groups[0]["t"] == 3
        assert its.param_groups[0]["params"][0] is twin[0].weight
        assert not same(twin, model)
        train(twin, its, 3, 9)
        assert same(twin, model)
        assert its.state_dict()["param_groups"] == optimizer.state_dict()["param_groups"]


def test_a_group_added_later_counts_with_the_others():
    model = network()
    encoder, head = groups_of(model)
    optimizer = RecAdam([head], 0.01, anneal=Constant(0.5), gamma=40)
    train(model, optimizer, 0, 3)
    home = {name: torch.zeros_like(p) for name, p in encoder["params"]}
    given = encoder | {"anchors": home, "gamma": 100.0, "anneal": Constant(0)}
    optimizer.add_param_group(given)
    assert "anchors" in given
    assert [group["t"] for group in optimizer.param_groups] == [3, 3]
    train(model, optimizer, 3, 4)
    assert all(not p.any() for p in model[0].parameters())  # lr * gamma = 1
    extra = nn.Parameter(torch.full((2,), 5.0))
    optimizer.add_param_group({"params": [("extra", extra)], "anneal": Constant(0)})
    extra.grad = torch.ones(2)
    train(model, optimizer, 4, 5)
    assert torch.equal(extra.detach(), torch.full((2,), 5.0))
    assert optimizer.state_dict()["param_groups"][2]["t"] == 5


@every_path
def test_gradient_accumulation_is_the_larger_batch(path):
    batches = torch.randn(10, 2, 3, 5, dtype=torch.float64)
    ends = []
    for parts in (1, 2):
        model = network(dtype=torch.float64)
        optimizer = make(model, **PATHS[path])
        for batch in batches:
            optimizer.zero_grad()
            for part in batch.reshape(parts, -1, 5):
                (model(part).square().mean() / parts).backward()
            optimizer.step()
        ends.append(model)
    for a, b in zip(*(model.parameters() for model in ends), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-11, atol=1e-13)


@every_path
def test_a_step_that_the_scaler_skips_does_not_count(path):
    model = network()
    optimizer = make(model, **PATHS[path])
    scaler = torch.amp.GradScaler("cpu", init_scale=16.0)
    ts = []
    for step in range(4):
        optimizer.zero_grad()
        loss = model(torch.ones(2, 5)).square().mean() * (float("inf") if step == 1 else 1.0)
        scaler.scale(loss).backward()
        before = copy.deepcopy(model)
        scaler.step(optimizer)
        scaler.update()
        ts.append(optimizer.param_groups[0]["t"])
        assert same(before, model) == (step == 1)
    assert ts == [1, 1, 2, 3]
    unscaled = network()
    train_like = make(unscaled, **PATHS[path])
    for _ in range(3):
        train_like.zero_grad()
        unscaled(torch.ones(2, 5)).square().mean().backward()
        train_like.step()
    assert same(unscaled, model)  # powers of two scale without rounding


def test_zero_grad_hooks_and_schedulers_are_torchs():
    model = network()
    optimizer = make(model)
    seen = []
    optimizer.register_step_pre_hook(lambda *_: seen.append("pre"))
    optimizer.register_step_post_hook(lambda *_: seen.append("post"))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=[0.02, 0.03], total_steps=8)
    for _ in range(8):
        train(model, optimizer, 0, 1)
        schedule.step()
        schedule.last_epoch = min(schedule.last_epoch, 6)
    assert seen == ["pre", "post"] * 8
    assert optimizer.param_groups[1]["lr"] < 0.03
    optimizer.zero_grad()
    assert all(p.grad is None for p in model.parameters())
    assert "RecAdam" in repr(optimizer)


@every_path
@pytest.mark.parametrize("after", [torch.float64, torch.bfloat16])
def test_a_model_cast_after_the_optimizer_was_made(path, after):
    model = network()
    optimizer = make(model, gamma={"0.weight": torch.rand(8, 5) * 40, "0.bias": torch.rand(8)}, **PATHS[path])
    model.to(after)
    train(model, optimizer, 0, 3)
    assert all(p.dtype == after and p.isfinite().all() for p in model.parameters())


@every_path
def test_a_model_moved_after_the_optimizer_was_made(path):
    model = network()
    optimizer = make(model, gamma={"0.weight": torch.rand(8, 5) * 40, "0.bias": torch.rand(8)}, **PATHS[path])
    assert {anchor.device.type for anchor in optimizer.anchors()[0]} == {"cpu"}
    for p in model.parameters():  # the meta device stands in for a GPU: kernels check devices and compute nothing
        torch.utils.swap_tensors(p, nn.Parameter(p.detach().to("meta")))
        p.grad = torch.empty_like(p)
    optimizer.step()
    assert {anchor.device.type for anchor in optimizer.anchors()[0]} == {"meta"}
