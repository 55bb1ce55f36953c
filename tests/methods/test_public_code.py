"""What public code for sequences computes, by its formulas, on a toy: equal, or different by what the cards say."""

import pytest
import torch
from torch.nn import functional
from ways import batched, bert, rows, weights

from recall_learn import fisher_diagonal
from recall_learn.methods.carrying import Ended
from recall_learn.methods.composed import Composed
from recall_learn.methods.ewc import SPRINGS
from recall_learn.methods.lwf import distillation
from recall_learn.methods.method import Start
from recall_learn.methods.online_ewc import OnlineEWC
from recall_learn.methods.task_replay import TaskReplay

DATA = rows(12)
BATCHES = [batched(DATA[i : i + 4]) for i in range(0, 12, 4)]


@pytest.fixture
def models():
    """As three tasks left it, in float64."""
    made = [bert(seed).double().eval() for seed in range(3)]
    return [{name: p for name, p in weights(model).items() if "classifier" not in name} for model in made], made


def gradients(model, names, loss):
    parameters = dict(model.named_parameters())
    return dict(zip(names, torch.autograd.grad(loss, [parameters[name] for name in names]), strict=True))


def avalanche(model, names):
    """The mean over training batches of the square of the batch's gradient."""
    each = [gradients(model, names, model(**batch).loss) for batch in BATCHES]
    return {name: sum(g[name] ** 2 for g in each) / len(each) for name in names}


def mammoth(model, names):
    """The mean over examples of p(y) times the square of the gradient of log p(y), of the true label alone."""
    total = dict.fromkeys(names, 0.0)
    for row in DATA:
        log_p = model(input_ids=row["input_ids"][None]).logits[0].log_softmax(-1)[row["labels"]]
        found = gradients(model, names, log_p)
        total = {name: total[name] + log_p.exp().item() * found[name] ** 2 / len(DATA) for name in names}
    return total


def exact(model, names):
    found = fisher_diagonal(model, BATCHES)
    return {name: found[name] for name in names}


def carried(left, fishers, decay):
    """The spring after two tasks, of which the first begins with none, as there."""
    method, none = OnlineEWC(decay=decay), {name: torch.zeros_like(p) for name, p in left[0].items()}
    former = {}
    for task in (0, 1):
        told = (task, 3), left[2], left[task], {}, lambda kind: none, lambda task=task: fishers[task]
        former = method.carry(former, Ended(*told, DATA, batched, 0))
    return former[SPRINGS][0]


@pytest.mark.parametrize("theirs", [avalanche, mammoth])
def test_online_ewc_is_theirs_with_their_importance_and_half_the_strength(models, theirs):
    left, made = models
    fishers = [theirs(model, list(left[0])) for model in made]
    decay, strength = 0.7, 3.0
    now = left[2]
    right = strength * sum(
        ((decay * fishers[0][name] + fishers[1][name]) * (now[name] - left[1][name]) ** 2).sum() for name in now
    )
    anchors, fisher = carried(left, fishers, decay)
    ours = 2 * strength / 2 * sum((fisher[name] * (now[name] - anchors[name]) ** 2).sum() for name in now)
    assert ours.item() == pytest.approx(right.item(), rel=1e-12)


def test_their_importances_are_not_the_fisher_information(models):
    left, made = models
    names = list(left[0])
    right, one, other = (each(made[0], names) for each in (exact, avalanche, mammoth))
    assert all((other[name] <= right[name] * (1 + 1e-9) + 1e-18).all() for name in names)  # one term of the sum
    total = {
        key: sum(float(each.sum()) for each in found.values())
        for key, found in (("exact", right), ("avalanche", one), ("mammoth", other))
    }
    assert total["mammoth"] < 0.8 * total["exact"]
    assert total["avalanche"] < 0.8 * total["exact"]
    batchwise = fisher_diagonal(made[0], BATCHES, labels="batched")
    for name in names:
        torch.testing.assert_close(one[name], batchwise[name])


def test_replay_is_mammoths_mean_but_for_a_factor():
    model, kept = bert().double().eval(), rows(24)[12:18]
    head = {name: p.detach() for name, p in model.named_parameters() if "classifier" in name}
    told = {"kept": [(0, row) for row in kept], "seen": 6, "heads": [head], "collate": batched}
    start = Start(model, {}, lr=1e-3, carried={"task-replay": told})
    groups = [{"params": list(model.named_parameters()), "recall": False, "weight_decay": 0.0}]
    composed = Composed([TaskReplay(ratio=1.5)], start, groups)
    batch = BATCHES[0]
    ours = composed.loss(model(**batch), batch)
    both = batched([*DATA[:4], *kept])  # 4 of the task and 1.5 times as many, all that there are
    assert ours.item() * 4 / 10 == pytest.approx(model(**both).loss.item(), rel=1e-12)


def test_distillation_is_avalanches():
    drawn = torch.Generator().manual_seed(0)
    old, new = (torch.randn(5, 3, generator=drawn, dtype=torch.float64) for _ in range(2))
    theirs = functional.kl_div((new / 2).log_softmax(1), (old / 2).softmax(1), reduction="batchmean")
    assert distillation(new, old, 2).item() == pytest.approx(theirs.item(), rel=1e-12)
