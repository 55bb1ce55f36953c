"""torch.compile(optimizer.step): the same numbers, and no new graph when only lambda or the learning rate changes."""

import pytest
import torch
from torch._dynamo.utils import counters

from recall_learn.methods.recadam.optimizer import RecAdam
from recall_learn.theory.annealing import Sigmoid

SHAPES = [(6, 5), (5,), (3, 2)]


def make(dtype=torch.float32, algorithm="paper"):
    torch.manual_seed(0)
    *encoder, head = (torch.nn.Parameter(torch.randn(shape).to(dtype)) for shape in SHAPES)
    groups = [{"params": encoder}, {"params": [head], "recall": False}]
    # lambda is 1 to the bit from step 34 on
    settings = {"anneal": Sigmoid(2, 15), "gamma": 30.0, "weight_decay": 0.1, "algorithm": algorithm}
    return [*encoder, head], RecAdam(groups, 0.01, **settings)


def gradients(params, seed):
    generator = torch.Generator().manual_seed(seed)
    for p in params:
        p.grad = (torch.randn(p.shape, generator=generator) + 0.1 * p.detach().float()).to(p.dtype)


def run(params, optimizer, count, **compiling):
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda done: 1 - done / 80)
    step = torch.compile(optimizer.step, **compiling) if compiling else optimizer.step
    for t in range(1, count + 1):
        gradients(params, t)
        step()
        schedule.step()
        yield [p.detach().clone() for p in params]


@pytest.fixture
def fresh_compiler():
    torch._dynamo.reset()
    counters.clear()
    yield
    torch._dynamo.reset()


@pytest.mark.usefixtures("fresh_compiler")
def test_a_compiled_step_equals_an_eager_one_with_two_graphs_in_60_steps():
    ours, optimizer = make()
    theirs, eager = make()
    graphs = []
    pairs = zip(run(ours, optimizer, 60, backend="inductor"), run(theirs, eager, 60), strict=True)
    for found, right in pairs:
        graphs.append(counters["stats"]["unique_graphs"])
        torch.testing.assert_close(found, right, rtol=1e-5, atol=1e-6)
    assert graphs[0] == 1  # it was compiled
    assert graphs[-1] <= 2
    assert optimizer.param_groups[0]["t"] == 60
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(optimizer.state[a], eager.state[b], rtol=1e-5, atol=1e-6)


@pytest.mark.usefixtures("fresh_compiler")
@pytest.mark.parametrize(("algorithm", "dtype"), [("released", torch.float32), ("coupled", torch.bfloat16)])
def test_the_other_algorithms_trace(algorithm, dtype):
    # the eager backend: the same graphs, without the half minute that generating code for them takes
    ours, optimizer = make(dtype, algorithm)
    theirs, eager = make(dtype, algorithm)
    pairs = zip(run(ours, optimizer, 45, backend="eager"), run(theirs, eager, 45), strict=True)
    for found, right in pairs:
        torch.testing.assert_close(found, right, rtol=1e-5 if dtype == torch.float32 else 2e-2, atol=1e-4)
    assert 1 <= counters["stats"]["unique_graphs"] <= 2
