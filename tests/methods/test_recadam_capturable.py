"""capturable=True: nothing in a step waits for the device, and a step recorded once and replayed is a step taken.

There is no CUDA graph on a CPU. Its two laws are tested by what stands for them: operators that read a tensor's value
on the host are forbidden, and the operators of one step are written down and run again on the same memory.
"""

import pytest
import torch
from torch.nn import Parameter
from torch.utils._python_dispatch import TorchDispatchMode

from recall_learn.methods.recadam import settings as recadam_settings
from recall_learn.methods.recadam.optimizer import RecAdam
from recall_learn.theory.annealing import Constant, Cosine, Linear, Sigmoid

ALGORITHMS = ["paper", "released", "coupled"]
every_algorithm = pytest.mark.parametrize("algorithm", ALGORITHMS)
READS = ("_local_scalar_dense", "nonzero", "is_nonzero", "equal")


@pytest.fixture
def on_cpu(monkeypatch):
    monkeypatch.setattr(recadam_settings, "CAPTURABLE", ("cpu",))


def weights(dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)
    return {
        name: Parameter(torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype))
        for name, shape in (("matrix", (4, 3)), ("bias", (3,)), ("head", (2, 3)))
    }


def make(params, capturable, by_name=False, **settings):
    encoder = {name: params[name] for name in ("matrix", "bias")}
    gamma = (
        {name: 20 + torch.arange(p.numel()).view(p.shape).double() for name, p in encoder.items()} if by_name else 30.0
    )
    groups = [{"params": encoder.items()}, {"params": [("head", params["head"])], "recall": False}]
    settings = {"lr": 0.01, "anneal": Sigmoid(0.5, 8), "gamma": gamma, "weight_decay": 0.1, "eps": 1e-3} | settings
    return RecAdam(groups, capturable=capturable, **settings)


def give_gradients(params, step):
    generator = torch.Generator().manual_seed(step)
    for name, p in params.items():
        gradient = (torch.randn(p.shape, generator=generator, dtype=torch.float64) + 0.1 * p.detach().double()).to(
            p.dtype
        )
        if name == "bias" and step < 3:  # a parameter that joins later counts for itself
            continue
        p.grad = gradient if p.grad is None else p.grad.copy_(gradient)


def train(params, optimizer, first, last):
    for step in range(first, last):
        give_gradients(params, step)
        optimizer.step()


def close(left, right, tolerance=1e-12):
    for a, b in zip(left.values(), right.values(), strict=True):
        torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance)


@pytest.mark.usefixtures("on_cpu")
@every_algorithm
@pytest.mark.parametrize("by_name", [True, False])
@pytest.mark.parametrize("maximize", [True, False])
@pytest.mark.parametrize("anneal", [Sigmoid(0.5, 8), Linear(10), Cosine(10), Constant(0.3)])
def test_a_capturable_step_is_a_step(algorithm, by_name, maximize, anneal):
    ends = []
    for capturable in (True, False):
        params = weights()
        optimizer = make(params, capturable, by_name, algorithm=algorithm, maximize=maximize, anneal=anneal)
        train(params, optimizer, 0, 15)
        ends.append(params)
        assert [int(group["t"]) for group in optimizer.param_groups] == [15, 15]
        assert optimizer.state[params["bias"]]["step"] == 12
    close(*ends)


@pytest.mark.usefixtures("on_cpu")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_capturable_step_in_lower_precision(dtype):
    ends = []
    for capturable in (True, False):
        params = weights(dtype)
        train(params, make(params, capturable), 0, 15)
        ends.append(params)
    close(*ends, tolerance=1e-6 if dtype == torch.float32 else 2**-7)


class NoReading(TorchDispatchMode):
    """Refuses what reads a tensor's value on the host: on a GPU it would wait, and end a capture."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if any(read in func.name() for read in READS):
            raise AssertionError(f"{func.name()} reads a value")
        return func(*args, **kwargs or {})


@pytest.mark.usefixtures("on_cpu")
@every_algorithm
@pytest.mark.parametrize("by_name", [True, False])
def test_no_value_is_read_on_the_host(algorithm, by_name):
    for capturable in (True, False):
        params = weights()
        optimizer = make(params, capturable, by_name, algorithm=algorithm, lr=torch.tensor(0.01))
        train(params, optimizer, 0, 4)  # as before every capture
        if capturable:
            with NoReading():
                optimizer.step()
        else:
            with pytest.raises(AssertionError, match="reads a value"), NoReading():
                optimizer.step()


class Graph(TorchDispatchMode):
    """Writes down every operator with the memory that it was given; `replay` runs them again on that memory."""

    def __init__(self):
        super().__init__()
        self.calls = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **kwargs or {})
        if func.namespace != "profiler":
            self.calls.append((func, args, kwargs or {}, out))
        return out

    @torch.no_grad()
    def replay(self):
        for func, args, kwargs, out in self.calls:
            again = func(*args, **kwargs)
            for old, new in zip(tensors(out), tensors(again), strict=True):
                if old.data_ptr() != new.data_ptr():
                    old.copy_(new)


def tensors(out):
    return [out] if isinstance(out, torch.Tensor) else list(out or ())


@pytest.mark.usefixtures("on_cpu")
@every_algorithm
@pytest.mark.parametrize("by_name", [True, False])
def test_a_step_replayed_is_a_step_taken(algorithm, by_name):
    # counts, lambda, bias correction and a tensor lr go on from replay to replay
    rates = [0.01 * (1 - step / 30) for step in range(20)]
    params, lr = weights(), torch.tensor(rates[0], dtype=torch.float64)
    optimizer = make(params, True, by_name, algorithm=algorithm, lr=lr)
    train(params, optimizer, 0, 4)
    give_gradients(params, 4)
    with Graph() as graph:
        optimizer.step()
    for step in range(5, 20):
        give_gradients(params, step)
        lr.fill_(rates[step])
        graph.replay()
    assert [int(group["t"]) for group in optimizer.param_groups] == [20, 20]

    twins = weights()
    twin = make(twins, False, by_name, algorithm=algorithm)
    for step in range(20):
        for group in twin.param_groups:
            group["lr"] = rates[0] if step < 5 else rates[step]
        train(twins, twin, step, step + 1)
    close(params, twins)
    state, right = optimizer.state_dict(), twin.state_dict()
    assert state["state"][1]["step"] == right["state"][1]["step"] == 17


def test_parameters_on_a_cpu_are_refused_as_adamw_refuses_them():
    params = weights()
    optimizer = make(params, True)
    give_gradients(params, 5)
    adamw = torch.optim.AdamW(weights().values(), capturable=True)
    for p in adamw.param_groups[0]["params"]:
        p.grad = torch.ones_like(p)
    with pytest.raises(AssertionError, match="If capturable=True, params and state_steps must be on supported devices"):
        adamw.step()
    with pytest.raises(ValueError, match=r"capturable=True needs parameters on cuda, .*; here are some on cpu"):
        optimizer.step()
    assert not optimizer.state
    for group in optimizer.param_groups:
        group["capturable"] = False
    optimizer.step()
    assert [group["t"] for group in optimizer.param_groups] == [1, 1]


@pytest.mark.parametrize("capturable", [True, False])
def test_a_capture_needs_every_group_to_be_capturable(monkeypatch, capturable):
    params = weights()
    optimizer = make(params, capturable)
    give_gradients(params, 5)
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: True)
    error, text = (
        (ValueError, "needs parameters on cuda") if capturable else (RuntimeError, "make RecAdam with capturable")
    )
    with pytest.raises(error, match=text):
        optimizer.step()


@pytest.mark.usefixtures("on_cpu")
def test_a_capturable_run_is_saved_and_goes_on():
    whole = weights()
    train(whole, make(whole, True, lr=torch.tensor(0.01, dtype=torch.float64)), 0, 12)
    params, lr = weights(), torch.tensor(0.01, dtype=torch.float64)
    optimizer = make(params, True, lr=lr)
    assert optimizer.param_groups[0]["lr"] is lr
    train(params, optimizer, 0, 7)
    state = optimizer.state_dict()
    assert [(group["t"], type(group["t"])) for group in state["param_groups"]] == [(7, int), (7, int)]
    assert isinstance(state["param_groups"][0]["lr"], torch.Tensor)

    again = weights()
    resumed = make(again, True, lr=torch.tensor(0.5 * 0.01, dtype=torch.float64))
    with torch.no_grad():
        for name, p in again.items():
            p.copy_(params[name])
    resumed.load_state_dict(state)
    train(again, resumed, 7, 12)
    close(again, whole, tolerance=0)


@pytest.mark.usefixtures("on_cpu")
def test_a_scheduler_writes_into_a_tensor_lr():
    ends = []
    for lr in (0.01, torch.tensor(0.01, dtype=torch.float64)):
        params = weights()
        optimizer = make(params, isinstance(lr, torch.Tensor), lr=lr)
        schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)
        for step in range(8):
            train(params, optimizer, step, step + 1)
            schedule.step()
        assert optimizer.param_groups[0]["lr"] is lr or not isinstance(lr, torch.Tensor)
        ends.append(params)
    close(*ends)


@pytest.mark.usefixtures("on_cpu")
def test_a_callable_of_ones_own_has_to_give_tensors():
    params = weights()
    optimizer = make(params, True, anneal=lambda t: 0.5)
    give_gradients(params, 5)
    with pytest.raises(ValueError, match=r"anneal gives 0.5 for a step on cpu; .* it has to give a 0-dim tensor there"):
        optimizer.step()
    assert not optimizer.state
    ends = []
    for anneal in (Sigmoid(0.5, 8), lambda t: torch.sigmoid(0.5 * (torch.as_tensor(t, dtype=torch.float64) - 8))):
        params = weights()
        train(params, make(params, True, anneal=anneal), 0, 12)
        ends.append(params)
    close(*ends)


def test_the_schedules_on_a_device_are_the_schedules():
    from recall_learn.theory.annealing import on_device

    for schedule in (
        Sigmoid(0.1, 250),
        Sigmoid(0, 3),
        Sigmoid(float("inf"), 3),
        Linear(7),
        Linear(0),
        Cosine(7),
        Constant(0.3),
    ):
        for t in (0, 1, 2, 3, 4, 7, 250, 10_000):
            found = on_device(schedule, torch.tensor(float(t), dtype=torch.float64))
            assert found.dtype == torch.float64
            assert found.item() == pytest.approx(schedule(t), rel=1e-14, abs=1e-300)


def test_a_capturable_step_compiles_on_a_cpu_as_adamws_does():
    torch._dynamo.reset()
    params, twins = weights(torch.float32), weights(torch.float32)
    optimizer, twin = make(params, True), make(twins, False)
    step = torch.compile(optimizer.step, backend="eager")
    for at in range(6):
        give_gradients(params, at)
        step()
    train(twins, twin, 0, 6)
    close(params, twins, tolerance=1e-6)
    torch._dynamo.reset()
