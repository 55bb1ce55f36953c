"""The Fisher against its definition: float64, a loop over examples, a loop over labels, autograd for each."""

import itertools
import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from recall_learn.theory.fisher import IGNORED, directions, fisher_diagonal


def net(inputs=5, outputs=3, dropout=0.0, seed=0):
    torch.manual_seed(seed)
    layers = nn.Linear(inputs, 6), nn.Tanh(), nn.LayerNorm(6), nn.Dropout(dropout), nn.Linear(6, outputs)
    return nn.Sequential(*layers).double()


class Tagger(nn.Module):
    """[N, L] ids to [N, L, C]: a label for every token, with neighbours that matter."""

    def __init__(self, labels=3):
        super().__init__()
        torch.manual_seed(1)
        self.words = nn.Embedding(9, 4, padding_idx=0)
        self.mix = nn.Linear(4, 4)
        self.head = nn.Linear(4, labels)
        self.double()

    def forward(self, ids):
        h = self.words(ids)
        return self.head(torch.tanh(self.mix(h) + h.mean(1, keepdim=True)))


def data(n=7, inputs=5, outputs=3, seed=3):
    g = torch.Generator().manual_seed(seed)
    x = torch.randn(n, inputs, generator=g, dtype=torch.float64)
    return x, torch.randint(0, outputs, (n,), generator=g)


def squared(model, value):
    gradients = torch.autograd.grad(value, tuple(model.parameters()), retain_graph=True, allow_unused=True)
    return [torch.zeros_like(p) if g is None else g**2 for p, g in zip(model.parameters(), gradients, strict=True)]


def mean(model, rows):
    return {
        name: sum(col) / len(rows)
        for (name, _), col in zip(model.named_parameters(), zip(*rows, strict=True), strict=True)
    }


def weighted(model, terms):
    parts = [[p * g for g in squared(model, value)] for p, value in terms]
    return [sum(part) for part in zip(*parts, strict=True)]


def exact(model, x):
    """1/N sum_n sum_y p(y|x_n) (grad log p(y|x_n))^2."""
    rows = []
    for one in x:
        log_p = model(one[None])[0].log_softmax(-1)
        rows.append(weighted(model, [(log_p[y].exp().item(), log_p[y]) for y in range(len(log_p))]))
    return mean(model, rows)


def empirical(model, x, y):
    return mean(model, [squared(model, model(a[None])[0].log_softmax(-1)[b]) for a, b in zip(x, y, strict=True)])


def agree(found, right, bound=1e-10):
    """Each tensor within ``bound`` of the other, in norm: the check that the real code passes and no mutant does."""
    assert list(found) == list(right)
    return all((found[k] - right[k]).norm() <= bound * right[k].norm() for k in right)


@pytest.mark.parametrize("count", [2, 3, 7])
def test_exact_is_the_definition(count):
    model, (x, y) = net(outputs=count), data(outputs=count)
    found = fisher_diagonal(model, [(x, y)])
    assert agree(found, exact(model, x))
    assert found.examples == 7
    assert found.labels == "exact"
    assert all(f.dtype == torch.float64 and not f.requires_grad for f in found.values())


def test_empirical_is_the_definition():
    model, (x, y) = net(), data()
    assert agree(fisher_diagonal(model, [(x, y)], labels="empirical"), empirical(model, x, y))


def test_batched_is_the_square_of_the_mean_weighted_by_the_batch():
    model, (x, y) = net(), data()
    found = fisher_diagonal(model, [(x[:4], y[:4]), (x[4:], y[4:])], labels="batched")
    halves = [squared(model, F.cross_entropy(model(x[s]), y[s])) for s in (slice(4), slice(4, 7))]
    right = [(4 * a + 3 * b) / 7 for a, b in zip(*halves, strict=True)]
    assert agree(found, dict(zip(found, right, strict=True)))
    ones = fisher_diagonal(model, [(a[None], b[None]) for a, b in zip(x, y, strict=True)], labels="batched")
    assert agree(ones, empirical(model, x, y))


@pytest.mark.parametrize("labels", ["exact", "empirical"])
@pytest.mark.parametrize("sizes", [[7], [1, 6], [6, 1], [2, 2, 3], [1] * 7, [3, 0, 4]])
def test_the_batch_size_does_not_matter(labels, sizes):
    model, (x, y) = net(), data()
    stream = zip(x.split(sizes), y.split(sizes), strict=True)  # an iterator without a length
    right = exact(model, x) if labels == "exact" else empirical(model, x, y)
    found = fisher_diagonal(model, stream, labels=labels)
    assert agree(found, right)
    assert found.examples == 7


@pytest.mark.parametrize("count", [2, 3, 5, 40])
def test_coin_flips_are_the_cholesky_factor(count):
    z = 3 * torch.randn(4, count, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    p = z.softmax(-1)
    columns = torch.stack(list(directions(z, None)), -1)
    assert columns.shape == (4, count, count - 1)
    assert torch.equal(columns.triu(1), torch.zeros_like(columns))
    torch.testing.assert_close(columns @ columns.mT, torch.diag_embed(p) - p[:, :, None] * p[:, None, :])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("scale", [1.0, 60.0, 1e4])
def test_certain_labels_give_no_nan(dtype, scale):
    z = scale * torch.tensor([[0, 1, -1, 3], [3, 0, 0, 0], [0, 0, 0, 3], [-3, -3, -3, 0]], dtype=dtype)
    columns = torch.stack(list(directions(z, None)), -1)
    p = z.double().softmax(-1)
    right = torch.diag_embed(p) - p[:, :, None] * p[:, None, :]
    assert columns.isfinite().all()
    torch.testing.assert_close((columns @ columns.mT).double(), right, atol=1e-6, rtol=1e-4)


def test_a_nearly_certain_label_keeps_its_small_variance():
    z = torch.tensor([[20.0, 0.0], [0.0, 30.0]])
    (v,) = directions(z, None)
    p = torch.tensor([20.0, 30.0], dtype=torch.float64).neg().sigmoid()
    torch.testing.assert_close(v.double()[:, 0] ** 2, p * (1 - p), rtol=1e-5, atol=0)


def test_logistic_regression_in_closed_form():
    x, _ = data(n=50)
    model = nn.Linear(5, 2).double()
    p = model(x).softmax(-1).detach()[:, :1]
    right = (p * (1 - p) * x**2).mean(0)
    found = fisher_diagonal(model, [(x, None)])
    torch.testing.assert_close(found["weight"], right.expand(2, 5))
    torch.testing.assert_close(found["bias"], (p * (1 - p)).mean().expand(2))


def test_linear_gaussian_in_closed_form():
    x, _ = data(n=50)
    y = torch.randn(50, dtype=torch.float64)
    model = nn.Linear(5, 1).double()
    found = fisher_diagonal(model, [(x,)])
    torch.testing.assert_close(found["weight"], (x**2).mean(0, keepdim=True))
    torch.testing.assert_close(found["bias"], torch.ones(1, dtype=torch.float64))
    residual = (y[:, None] - model(x)).detach()
    for shaped in (y, y[:, None]):
        found = fisher_diagonal(model, [(x, shaped)], labels="empirical")
        torch.testing.assert_close(found["weight"], (residual**2 * x**2).mean(0, keepdim=True))


def tags():
    ids = torch.tensor([[1, 2, 3, 0], [4, 4, 0, 0], [5, 6, 7, 8], [2, 0, 0, 0]])
    y = torch.tensor([[0, IGNORED, 2, IGNORED], [1, 1, IGNORED, IGNORED], [2, 0, 1, IGNORED], [IGNORED] * 4])
    return ids, y


def test_exact_over_positions_is_the_sum_over_all_labellings():
    model, (ids, y) = Tagger(), tags()
    rows = []
    for one, marks in zip(ids, y, strict=True):
        log_p = model(one[None])[0].log_softmax(-1)[marks != IGNORED]
        labellings = itertools.product(range(3), repeat=len(log_p))
        values = [sum(log_p[t, label] for t, label in enumerate(ls)) for ls in labellings if ls]
        rows.append(weighted(model, [(value.exp().item(), value) for value in values]))
    rows[3] = [torch.zeros_like(p) for p in model.parameters()]  # no position counts: log p is the constant 0
    for batches in ([(ids, y)], [(ids[:1], y[:1]), (ids[1:], y[1:])]):
        found = fisher_diagonal(model, batches)
        assert agree(found, mean(model, rows))
        assert found.examples == 4


def test_empirical_over_positions_squares_the_sum():
    model, (ids, y) = Tagger(), tags()
    rows = []
    for one, marks in zip(ids, y, strict=True):
        loss = F.cross_entropy(model(one[None])[0], marks, reduction="sum", ignore_index=IGNORED)
        rows.append(squared(model, loss))
    assert agree(fisher_diagonal(model, [(ids, y)], labels="empirical"), mean(model, rows))


def scores(estimates, right):
    """The z-score of each entry's mean over independent estimates, and that of the trace."""
    flat = torch.stack([torch.cat([f.flatten() for f in estimate.values()]) for estimate in estimates])
    right = torch.cat([f.flatten() for f in right.values()])
    flat, right = torch.cat([flat, flat.sum(1, keepdim=True)], 1), torch.cat([right, right.sum()[None]])
    error = flat.std(0) / math.sqrt(len(flat))
    return (flat.mean(0) - right)[error > 0] / error[error > 0]


@pytest.mark.parametrize("kind", ["categories", "regression", "tags"])
def test_sampled_is_exact_in_the_mean(kind):
    model = Tagger() if kind == "tags" else net(outputs=3 if kind == "categories" else 1)
    batch = tags() if kind == "tags" else (data()[0].repeat(8, 1), None)
    g = torch.Generator().manual_seed(5)
    estimates = [fisher_diagonal(model, [batch], labels="sampled", generator=g) for _ in range(250)]
    z = scores(estimates, fisher_diagonal(model, [batch]))
    # of 100 z-scores, one beyond 5 in size has a chance of 6e-5; a bias of one standard deviation puts them at 16
    assert z.abs().max() < 5
    assert len(z) > 20
    biased = [{k: f * 1.5 for k, f in estimate.items()} for estimate in estimates]
    assert scores(biased, fisher_diagonal(model, [batch])).abs().max() > 5


def test_the_generator_decides_and_the_batch_size_does_not():
    model, (x, _) = net(), data(n=40)

    def draw(seed, size):
        g = torch.Generator().manual_seed(seed)
        return fisher_diagonal(model, [(part,) for part in x.split(size)], labels="sampled", generator=g)

    assert agree(draw(1, 40), draw(1, 40), bound=0)
    assert agree(draw(1, 40), draw(1, 7))
    assert agree(draw(1, 40), draw(1, 1))
    assert not agree(draw(1, 40), draw(2, 40), bound=1e-3)
    torch.manual_seed(1)
    assert agree(fisher_diagonal(model, [(x,)], labels="sampled"), draw(1, 40))


# The public mistakes, each as the few lines it usually is. The check above must tell every one of them.


def squared_batch_mean(model, x, y):
    return dict(zip(dict(model.named_parameters()), squared(model, F.cross_entropy(model(x), y)), strict=True))


def weighted_twice(model, x, y):
    rows = []
    for one in x:
        log_p = model(one[None])[0].log_softmax(-1)
        rows.append(weighted(model, [(value.exp().item() ** 2, value) for value in log_p]))
    return mean(model, rows)


def argmax_label(model, x, y):
    return empirical(model, x, model(x).argmax(-1))


def dropout_left_on(model, x, y):
    return exact(model.train(), x)


def one_example_less(model, x, y):
    return {k: f * len(x) / (len(x) - 1) for k, f in exact(model, x).items()}


def true_label(model, x, y):
    return empirical(model, x, y)


@pytest.mark.parametrize(
    "mutant", [squared_batch_mean, weighted_twice, argmax_label, dropout_left_on, one_example_less, true_label]
)
def test_a_public_mistake_fails_the_check(mutant):
    model, (x, y) = net(dropout=0.2), data()
    right = exact(model.eval(), x)
    model.train()
    assert agree(fisher_diagonal(model, [(x, y)]), right, bound=1e-3)
    assert not agree(mutant(model, x, y), right, bound=1e-3)


@pytest.mark.parametrize("factor", [1.0, 2.0])
def test_the_gradient_of_a_mean_squared_error_is_twice_too_long(factor):
    x, _ = data()
    model, y = net(outputs=1), torch.randn(7, dtype=torch.float64)
    found = fisher_diagonal(model, [(x, y)], labels="empirical")
    rows = [squared(model, factor / 2 * F.mse_loss(model(a[None])[:, 0], b[None])) for a, b in zip(x, y, strict=True)]
    assert agree(found, mean(model, rows)) == (factor == 1)
    assert agree({k: 4 * f for k, f in found.items()}, mean(model, rows)) == (factor == 2)


def test_the_squared_batch_mean_is_one_b_th():
    torch.manual_seed(0)
    x, _ = data(n=4096)
    model = nn.Linear(5, 2).double()
    y = torch.distributions.Categorical(logits=model(x).detach()).sample()  # a model that fits its data
    fisher = fisher_diagonal(model, [(x, y)], labels="empirical")["weight"].sum()
    batched = fisher_diagonal(model, zip(x.split(8), y.split(8), strict=True), labels="batched")["weight"].sum()
    # 512 batches: each square has a relative deviation of about sqrt(2 / 5), their mean of 3 %
    assert batched / fisher == pytest.approx(1 / 8, rel=0.15)


@pytest.mark.parametrize("draw", [0.0, 1 - 2.0**-53])
@pytest.mark.parametrize("outputs", [1, 3])
def test_the_smallest_and_the_largest_draw_are_harmless(draw, outputs, monkeypatch):
    monkeypatch.setattr(
        "recall_learn.theory.fisher.torch.rand", lambda shape, **options: torch.full(shape, draw, dtype=torch.float64)
    )
    (v,) = directions(torch.tensor([[0.3, 0.1, -0.2]])[:, :outputs], None, choice="sampled")
    assert v.isfinite().all()
    assert outputs == 1 or v.argmax() == (0 if draw == 0 else 2)


def test_many_examples_in_single_precision_lose_no_digits():
    model = net()
    x, _ = data()
    right = fisher_diagonal(model, [(x, None)], progress=False)
    many = x.float().repeat(1000, 1)
    found = fisher_diagonal(model.float(), [(many, None)] * 20, progress=False)
    assert found.examples == 140_000
    for name, tensor in right.items():
        torch.testing.assert_close(found[name].double(), tensor, rtol=2e-5, atol=2e-5 * float(tensor.max()))
