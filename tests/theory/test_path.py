"""Synaptic intelligence's path integral, against sums written out and against integrals that are known."""

import copy
import itertools

import numpy as np
import pytest
import torch
from small import refused
from torch import nn

from recall_learn.theory.path import PathIntegral

H = torch.tensor([0.5, 1.0, 2.0, 4.0], dtype=torch.float64)
LOWEST = torch.tensor([0.0, 1.0, -1.0, 0.5], dtype=torch.float64)
START = torch.tensor([2.0, -1.0, 1.0, 1.5], dtype=torch.float64)


def loss(w):
    return 0.5 * (H * (w - LOWEST) ** 2).sum()


def walked(lr, steps, extra=0.0, given=False, kind=torch.optim.SGD):
    """A training on the quadratic, perhaps with another pull in what is stepped; the path, and the weights on it."""
    w = nn.Parameter(START.clone())
    path, optimizer, places = PathIntegral({"w": w}, damping=1e-9), kind([w], lr=lr), [START.numpy().copy()]
    for _ in range(steps):
        optimizer.zero_grad()
        own = torch.autograd.grad(loss(w), w)[0]
        (loss(w) + extra * w.square().sum()).backward()
        path.before({"w": own} if given else None)
        optimizer.step()
        path.after()
        places.append(w.detach().numpy().copy())
    return path, np.array(places)


@pytest.mark.parametrize("kind", [torch.optim.SGD, torch.optim.Adam])
def test_it_is_the_sum_over_the_steps(kind):
    path, places = walked(0.1, 9, kind=kind)
    right = np.zeros(4)
    for before, after in itertools.pairwise(places):
        right -= H.numpy() * (before - LOWEST.numpy()) * (after - before)
    np.testing.assert_allclose(path.contributions()["w"].numpy(), right, rtol=1e-12)


def test_in_small_steps_each_weight_s_share_is_its_part_of_the_fall():
    path, places = walked(5e-3, 500)
    first, last = places[0] - LOWEST.numpy(), places[-1] - LOWEST.numpy()
    fall = 0.5 * H.numpy() * (first**2 - last**2)
    np.testing.assert_allclose(path.contributions()["w"].numpy(), fall, rtol=0.015)
    longer, _ = walked(0.2, 40)
    assert (longer.contributions()["w"].numpy() > 1.04 * 0.5 * H.numpy() * first**2).all()  # of long steps too much


def test_at_the_minimum_twice_the_importance_is_the_curvature():
    path, _ = walked(1e-2, 1500)
    np.testing.assert_allclose(2 * path.end_task()["w"].numpy(), H.numpy(), rtol=0.025)


def test_the_penalty_of_former_tasks_is_no_share_of_this_one():
    mine, places = walked(0.05, 20, extra=0.5, given=True)
    right = np.zeros(4)
    for before, after in itertools.pairwise(places):
        right -= H.numpy() * (before - LOWEST.numpy()) * (after - before)
    np.testing.assert_allclose(mine.contributions()["w"].numpy(), right, rtol=1e-12)
    mixed, _ = walked(0.05, 20, extra=0.5)
    assert not np.allclose(mixed.contributions()["w"].numpy(), right, rtol=0.1)


def test_tasks_add_up_a_weight_that_made_it_worse_counts_0_and_the_way_begins_anew():
    w = nn.Parameter(torch.zeros(2, dtype=torch.float64))
    path = PathIntegral({"w": w}, damping=0.5)

    def step(gradient, to):
        path.before({"w": torch.tensor(gradient, dtype=torch.float64)})
        with torch.no_grad():
            w.copy_(torch.tensor(to, dtype=torch.float64))
        path.after()

    step([-2.0, 3.0], [1.0, 1.0])  # 2 down for the first; 3 up for the second
    np.testing.assert_allclose(path.end_task()["w"], [2 / 1.5, 0])
    assert (path.contributions()["w"] == 0).all()
    step([0.0, -4.0], [1.0, 3.0])  # 8 down, over a way of 2
    np.testing.assert_allclose(path.end_task()["w"], [2 / 1.5, 8 / 4.5])


def test_it_goes_on_from_its_state_and_moves_nothing():
    def go_on(stop):
        w = nn.Parameter(START.clone())
        path, optimizer = PathIntegral({"w": w}), torch.optim.SGD([w], lr=0.1)
        for n in range(6):
            if n == stop:
                state = copy.deepcopy(path.state_dict())
                path = PathIntegral({"w": w})
                path.load_state_dict(state)
            optimizer.zero_grad()
            loss(w).backward()
            path.before()
            optimizer.step()
            path.after()
            if n == 2:
                path.end_task()
        return w.detach(), path.end_task()["w"]

    (w, through), (again, stopped) = go_on(None), go_on(4)
    assert torch.equal(through, stopped)
    plain = nn.Parameter(START.clone())
    for _ in range(6):
        plain.grad = torch.autograd.grad(loss(plain), plain)[0]
        torch.optim.SGD([plain], lr=0.1).step()
    assert torch.equal(w, plain.detach())
    assert torch.equal(w, again)


def test_refused():
    w = nn.Parameter(START.clone())
    path = PathIntegral({"w": w})
    refused(path.after, ValueError, "no step was noted; call before()")
    refused(lambda: PathIntegral({"w": w}, damping=0), ValueError, "damping is 0; it has to be a number above 0")
    other = PathIntegral({"v": w}).state_dict()
    refused(lambda: path.load_state_dict(other), ValueError, "omega in the state lacks 'w'")
