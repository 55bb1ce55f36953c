"""A sequence of small tasks, and many small networks that learn it side by side, in double precision.

A task is to tell a few patterns apart under noise. The next one has the same patterns with their inputs shuffled, as in
permuted MNIST: one network can hold all of them, and nothing tells it which task an input belongs to.

The networks are copies of one with a single hidden layer. They share no weight: a copy for each seed and each strength
of a remedy costs little more than one.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from recall_learn.theory.laplace import QuadraticPenalty

Weights = dict[str, Tensor]


class Task(NamedTuple):
    """Examples of one task for every copy: inputs [copies, examples, inputs], labels [copies, examples]."""

    x: Tensor
    y: Tensor
    test_x: Tensor
    test_y: Tensor


def shuffled_tasks(
    count: int,
    seed: int,
    lit: int = 24,
    inputs: int = 24,
    classes: int = 4,
    noise: float = 0.6,
    examples: int = 200,
    test_examples: int = 400,
) -> list[Task]:
    """Tasks for one copy, one shuffle of the inputs each.

    Args:
        count: how many tasks.
        seed: of the patterns, the noise, the labels and the shuffles.
        lit: how many of the inputs ever differ from zero in one task, as most pixels of a digit never do.
        inputs: how many there are.
        classes: patterns to tell apart.
        noise: its standard deviation, where the patterns' own is 1.
        examples: to learn a task from.
        test_examples: to test it on.
    """
    generator = torch.Generator().manual_seed(seed)
    patterns = torch.randn(classes, lit, generator=generator, dtype=torch.float64)
    tasks = []
    for _ in range(count):
        order, splits = torch.randperm(inputs, generator=generator)[:lit], []
        for n in (examples, test_examples):
            y = torch.randint(classes, (n,), generator=generator)
            x = torch.zeros(n, inputs, dtype=torch.float64)
            x[:, order] = patterns[y] + noise * torch.randn(n, lit, generator=generator, dtype=torch.float64)
            splits += [x[None], y[None]]
        tasks.append(Task(*splits))
    return tasks


def side_by_side(tasks: Sequence[Sequence[Task]], times: int) -> list[Task]:
    """One sequence of tasks for several copies: those of each seed, and all of it ``times`` times over.

    Args:
        tasks: a sequence for each seed, equally long.
        times: how many copies learn the same; copy ``i * len(tasks) + s`` learns ``tasks[s]``.
    """
    return [Task(*(torch.cat(parts).repeat(times, *[1] * (parts[0].ndim - 1)) for parts in zip(*each, strict=True)))
            for each in zip(*tasks, strict=True)]  # fmt: skip


class Crowd(nn.Module):
    """Copies of a network with one hidden layer of tanh; their weights differ by their seeds only.

    Args:
        seeds: one for each copy; copies of one seed start alike.
        inputs: width of the input.
        hidden: width of the hidden layer.
        classes: width of the output.
    """

    def __init__(self, seeds: Sequence[int], inputs: int = 24, hidden: int = 32, classes: int = 4):
        super().__init__()
        shapes = {"first": (inputs, hidden), "second": (hidden, classes)}
        drawn = {name: [] for name in shapes}
        for seed in seeds:
            generator = torch.Generator().manual_seed(seed)
            for name, shape in shapes.items():
                drawn[name].append(torch.randn(shape, generator=generator, dtype=torch.float64) / shape[0] ** 0.5)
        for name, shape in shapes.items():
            self.register_parameter(name, nn.Parameter(torch.stack(drawn[name])))
            bias = torch.zeros(len(seeds), 1, shape[1], dtype=torch.float64)
            self.register_parameter(f"{name}_bias", nn.Parameter(bias))

    def forward(self, x: Tensor) -> Tensor:
        """Logits, [copies, examples, classes]."""
        return torch.baddbmm(self.second_bias, self.hidden(x), self.second)

    def hidden(self, x: Tensor) -> Tensor:
        """The hidden layer, [copies, examples, hidden]."""
        return torch.baddbmm(self.first_bias, x, self.first).tanh()

    def weights(self) -> Weights:
        """A copy of all weights, ``name -> tensor``."""
        return {name: p.detach().clone() for name, p in self.named_parameters()}

    @torch.no_grad()
    def fisher(self, x: Tensor) -> Weights:
        """The exact diagonal Fisher information of every copy, the mean over its examples.

        One layer is simple enough for a formula: what `recall_learn.fisher_diagonal` finds with one backward
        pass for each label but one.
        """
        h = self.hidden(x)
        p = torch.baddbmm(self.second_bias, h, self.second).softmax(-1)
        # the score of label y at the logits is e_y - p; its second moment under p, there and below tanh
        top = p * (1 - p)
        mean = p @ self.second.mT
        below = (1 - h * h) ** 2 * (p @ (self.second**2).mT - mean**2)
        n = x.shape[1]
        return {
            "first": (x**2).mT @ below / n,
            "first_bias": below.mean(1, keepdim=True),
            "second": (h**2).mT @ top / n,
            "second_bias": top.mean(1, keepdim=True),
        }

    @torch.no_grad()
    def accuracy(self, x: Tensor, y: Tensor) -> Tensor:
        """The share of examples that each copy gets right, [copies]."""
        return (self(x).argmax(-1) == y).double().mean(-1)


def learn(
    crowd: Crowd,
    tasks: Sequence[Task],
    remember: Callable[[list[QuadraticPenalty], Crowd, Task], list[QuadraticPenalty]],
    steps: int = 100,
    lr: float = 3e-3,
) -> Tensor:
    """Let every copy learn the tasks one after the other; all examples in every step, a new Adam for every task.

    Args:
        crowd: the copies, trained in place.
        tasks: for as many copies.
        remember: is called after each task with the penalties so far; gives those of the next task.
        steps: for each task.
        lr: Adam's.

    Returns:
        Accuracies [tasks learned, task tested, copies]; nan where a task has not been learned yet.
    """
    found = torch.full((len(tasks), len(tasks), len(crowd.first)), torch.nan, dtype=torch.float64)
    held: list[QuadraticPenalty] = []
    for now, task in enumerate(tasks):
        optimizer = torch.optim.Adam(crowd.parameters(), lr=lr, fused=True)
        for _ in range(steps):
            logits = crowd(task.x)
            # the sum over the copies: none of them sees another's gradient
            loss = nn.functional.cross_entropy(logits.mT, task.y, reduction="sum") / task.y.shape[1]
            for penalty in held:
                loss = loss + penalty(crowd)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        for old, tested in enumerate(tasks[: now + 1]):
            found[now, old] = crowd.accuracy(tested.test_x, tested.test_y)
        held = remember(held, crowd, task)
    return found
