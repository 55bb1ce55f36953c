"""The crowd of small networks: its closed-form Fisher against the library's, and copies that do not meet."""

import torch
from torch import nn

from recall_learn.figures.toys_ewc import Crowd, learn, shuffled_tasks, side_by_side
from recall_learn.theory.fisher import fisher_diagonal
from recall_learn.theory.laplace import QuadraticPenalty


class _One(nn.Module):
    """One copy of a crowd as a module of its own."""

    def __init__(self, crowd: Crowd, copy: int):
        super().__init__()
        for name, p in crowd.named_parameters():
            self.register_parameter(name, nn.Parameter(p[copy].detach().clone()))

    def forward(self, x):
        return (x @ self.first + self.first_bias).tanh() @ self.second + self.second_bias


def test_the_formula_is_the_exact_fisher():
    crowd = Crowd([3, 4], inputs=6, hidden=5, classes=3)
    x = torch.randn(2, 11, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    found = crowd.fisher(x)
    for copy in (0, 1):
        right = fisher_diagonal(_One(crowd, copy), [({"x": x[copy]})], labels="exact", progress=False)
        for name, f in right.items():
            torch.testing.assert_close(found[name][copy], f, rtol=1e-10, atol=1e-14)


def test_a_copy_learns_as_it_would_alone():
    def remember(held, crowd, task):
        return [*held, QuadraticPenalty(crowd.weights(), {n: 3 * f for n, f in crowd.fisher(task.x).items()})]

    tasks = [shuffled_tasks(3, seed, examples=30, test_examples=50) for seed in (0, 1)]
    together = learn(Crowd([5, 6, 5, 6]), side_by_side(tasks, 2), remember, steps=15)
    for copy in (0, 1):
        alone = learn(Crowd([5 + copy]), tasks[copy], remember, steps=15)
        for same in (copy, copy + 2):
            torch.testing.assert_close(together[..., same], alone[..., 0], equal_nan=True)


def test_a_penalty_too_stiff_to_move_keeps_the_first_task_only():
    def remember(held, crowd, task):
        return held or [QuadraticPenalty(crowd.weights(), 1e6)]

    found = learn(Crowd([0]), shuffled_tasks(2, 0), remember, steps=60, lr=5e-3)[..., 0]
    free = learn(Crowd([0]), shuffled_tasks(2, 0), lambda held, crowd, task: [], steps=60, lr=5e-3)[..., 0]
    assert found[1, 0] > 0.9 > 0.7 > found[1, 1]
    assert free[1, 1] > 0.9 > free[1, 0]
    assert found[0, 1].isnan()


def test_a_task_lights_as_many_inputs_as_it_is_told():
    first, second = shuffled_tasks(2, 7, lit=8)
    lit = [(task.x[0] != 0).any(0) for task in (first, second)]
    assert [int(on.sum()) for on in lit] == [8, 8]
    assert not torch.equal(*lit)
    assert torch.equal((first.test_x[0] != 0).any(0), lit[0])
