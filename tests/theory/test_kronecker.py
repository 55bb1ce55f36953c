"""Kronecker factors against sums written out, example by example, in float64; and a kept library's."""

import numpy as np
import pytest
import torch
from small import refused
from torch import nn

from recall_learn.theory.kronecker import KroneckerPenalty, kronecker_fisher


class Net(nn.Module):
    """Two layers over tokens, a norm; the last token's logits."""

    def __init__(self, tokens=3, bias=True, shared=False):
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second = nn.Linear(4, 5, bias=bias), nn.Linear(5, 3)
        self.middle = nn.Linear(5, 5)
        self.norm = nn.LayerNorm(5)
        self.tokens, self.shared = tokens, shared
        self.double()

    def forward(self, x):
        h = torch.tanh(self.first(x))
        h = torch.tanh(self.middle(h))
        if self.shared:
            h = torch.tanh(self.middle(h))
        h = self.norm(h + h.mean(1, keepdim=True))
        return self.second(h[:, 0])


def data(n=24, tokens=3, seed=0):
    x = torch.randn(n, tokens, 4, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return lambda: ({"x": part} for part in x.split(5))


def drawn(model, batches, generator):
    """The labels that the estimator draws, in its order, with each example alone."""
    for inputs in batches():
        p = model(**inputs).softmax(-1).detach()
        u = torch.rand(len(p), dtype=torch.float64, generator=generator)
        for x, row, at in zip(inputs["x"], p, u, strict=True):
            yield x[None], int((row.cumsum(0) <= at).sum().clamp(max=2))


def by_example(model, batches, layer, generator):
    """Of each example: inputs and output gradients of its tokens, by autograd on that example alone."""
    for x, y in drawn(model, batches, generator):
        calls: list = []
        handle = layer.register_forward_hook(lambda module, args, out, to=calls: to.append((args[0], out)))
        loss = model(x).log_softmax(-1)[0, y]
        handle.remove()
        deltas = torch.autograd.grad(loss, [out for _, out in calls])
        xs = torch.cat([given.reshape(-1, given.shape[-1]) for given, _ in calls]).detach().numpy()
        ds = torch.cat([d.reshape(-1, d.shape[-1]) for d in deltas]).numpy()
        yield (np.c_[xs, np.ones(len(xs))] if layer.bias is not None else xs), ds


def dense(layer):
    """The matrix over vec(W) that a layer's eigenvalues and bases stand for, row-major."""
    both = torch.kron(layer.left, layer.right)
    return (both * layer.values.flatten()) @ both.T


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("bias", [False, True])
def test_the_products_are_the_factors_of_the_formula(bias, shared):
    model = Net(bias=bias, shared=shared).eval()
    found = kronecker_fisher(
        model,
        data(),
        dict(model.named_parameters()),
        eigenvalues="products",
        generator=torch.Generator().manual_seed(3),
    )
    assert found.examples == 24
    assert [layer.weight for layer in found.layers] == ["first.weight", "second.weight", "middle.weight"]
    assert set(found.rest) == {"norm.weight", "norm.bias"}
    for layer, module in zip(found.layers, (model.first, model.second, model.middle), strict=True):
        a, g, count = 0, 0, 0
        for xs, ds in by_example(model, data(), module, torch.Generator().manual_seed(3)):
            for x, d in zip(xs, ds, strict=True):
                if (d != 0).any():
                    a, g, count = a + np.outer(x, x), g + np.outer(d, d), count + 1
        np.testing.assert_allclose(dense(layer).numpy(), np.kron(g / 24, a / count), atol=1e-12)


def test_measured_values_are_the_mean_squares_in_the_bases():
    model = Net().eval()
    one = torch.Generator().manual_seed(3)
    found = kronecker_fisher(model, data(), dict(model.named_parameters()), generator=one)
    other = torch.Generator().manual_seed(3)
    list(drawn(model, data(), other))  # those of the factors; the values have labels of their own
    state = other.get_state()
    for layer, module in zip(found.layers, (model.first, model.second, model.middle), strict=True):
        other.set_state(state)
        total = 0
        for xs, ds in by_example(model, data(), module, other):
            total = total + (layer.left.numpy().T @ (ds.T @ xs) @ layer.right.numpy()) ** 2
        np.testing.assert_allclose(layer.values.numpy(), total / 24, atol=1e-14)


def true_fisher(model, batches, names):
    """Of all labels, dense, with each example alone."""
    parameters, total, n = [dict(model.named_parameters())[name] for name in names], 0, 0
    for inputs in batches():
        for x in inputs["x"]:
            log_p = model(x[None]).log_softmax(-1)[0]
            n += 1
            for y in range(3):
                g = torch.autograd.grad(log_p[y], parameters, retain_graph=True)
                w = torch.cat([g[0], g[1][:, None]], 1).flatten() if len(g) > 1 else g[0].flatten()
                total = total + log_p[y].exp().detach() * torch.outer(w, w)
    return total / n


def test_in_the_mean_over_draws_a_single_input_s_factors_are_its_fisher():
    """Input and gradient are independent where there is one input: K-FAC is exact there, and EKFAC is."""
    model = Net(tokens=1).eval()
    x = torch.randn(1, 1, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    batches = lambda: [{"x": x.expand(20000, 1, 4)}]  # noqa: E731
    right = true_fisher(model, lambda: [{"x": x}], ["middle.weight", "middle.bias"])
    for eigenvalues in ("products", "measured"):
        found = kronecker_fisher(
            model,
            batches,
            {name: p for name, p in model.named_parameters() if name.startswith("middle")},
            eigenvalues=eigenvalues,
            generator=torch.Generator().manual_seed(0),
        )
        (layer,) = found.layers
        assert (dense(layer) - right).norm() < 0.05 * right.norm()


def test_measured_is_nearer_to_the_fisher_than_the_diagonal_and_the_products():
    model, names = Net().eval(), ["middle.weight", "middle.bias"]
    batches = data(400)
    right = true_fisher(model, batches, names)
    off = {"diagonal": (right - right.diag().diag()).norm()}
    for kind in ("products", "measured"):
        wanted = {name: p for name, p in model.named_parameters() if name in names}
        given = {"eigenvalues": kind, "generator": torch.Generator().manual_seed(0)}
        (layer,) = kronecker_fisher(model, batches, wanted, **given).layers
        off[kind] = (dense(layer) - right).norm()
    assert off["measured"] < off["products"]
    assert off["measured"] < off["diagonal"]


def test_the_penalty_is_half_of_the_quadratic_form_and_0_at_home():
    model = Net().eval()
    parameters = dict(model.named_parameters())
    found = kronecker_fisher(model, data(), parameters, generator=torch.Generator().manual_seed(3))
    home = {name: p.detach().clone() for name, p in parameters.items()}
    penalty = KroneckerPenalty(home, found, 30.0)
    at_home = penalty(parameters)
    assert at_home.item() == 0
    assert all((g == 0).all() for g in torch.autograd.grad(at_home, list(parameters.values())))
    g = torch.Generator().manual_seed(5)
    away = {name: torch.randn(p.shape, generator=g, dtype=p.dtype) for name, p in home.items()}
    total = sum(float((fisher * away[name] ** 2).sum()) for name, fisher in found.rest.items())
    for layer in found.layers:
        w = torch.cat([away[layer.weight], away[layer.bias][:, None]], 1).flatten()
        total += float(w @ dense(layer) @ w)
    assert penalty({name: home[name] + away[name] for name in home}).item() == pytest.approx(15 * total)


def test_padding_counts_for_nothing():
    """Tokens that no gradient reaches are in no mean: a layer on the last token's way alone has the tokens it used."""

    class Last(nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(1)
            self.layer = nn.Linear(4, 3, bias=False).double()

        def forward(self, x):
            return self.layer(x)[:, 0]

    model = Last()
    found = []
    for tokens in (1, 5):
        batches = [{"x": each["x"][:, :tokens]} for each in data(10, 5)()]
        given = {"eigenvalues": "products", "generator": torch.Generator().manual_seed(0)}
        found.append(
            dense(kronecker_fisher(model, batches.__iter__, dict(model.named_parameters()), **given).layers[0])
        )
    torch.testing.assert_close(*found)


def test_refused():
    model = Net()
    refused(
        lambda: kronecker_fisher(model, data(), {}, eigenvalues="all"),
        ValueError,
        "eigenvalues is 'all'; it has to be one of measured, products",
    )
    refused(lambda: kronecker_fisher(model, lambda: [], dict(model.named_parameters())), ValueError, "no examples")
    refused(lambda: KroneckerPenalty({}, None, -1), ValueError, "strength is -1; it has to be a finite number")
