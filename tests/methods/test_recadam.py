"""RecAdam against Algorithm 1 of the paper, written out once more in float64 numpy: every path, every dtype."""

import contextlib
from dataclasses import dataclass, field

import numpy as np
import pytest
import torch

from recall_learn.methods.recadam.optimizer import RecAdam
from recall_learn.theory.annealing import Sigmoid

PATHS = {"plain": {"foreach": False}, "foreach": {"foreach": True}, "fused": {"fused": True}}
ALGORITHMS = ["paper", "released", "coupled"]
STEPS, K, T0 = 50, 0.3, 20
BETAS, EPS, LR, DECAY = (0.8, 0.95), 1e-3, 1e-2, 0.3
SHAPES = {"matrix": (5, 4), "bias": (4,), "scalar": (), "head": (3, 2)}
SILENT = {"bias": {1, 2, 17, 18, 19, 40}, "head": {5}}  # steps at which a parameter has no gradient

every_path = pytest.mark.parametrize("path", PATHS)
every_algorithm = pytest.mark.parametrize("algorithm", ALGORITHMS)


def learning_rate(t):
    return LR * (1 - (t - 1) / (STEPS + 10))


def lambda_of(t):
    return 1 / (1 + np.exp(-K * (t - T0)))


def adam(g, m, v, n, eps):
    """Lines 7 to 10, and the direction of line 12; n counts the updates of this parameter."""
    b1, b2 = BETAS
    m = b1 * m + (1 - b1) * g
    v = b2 * v + (1 - b2) * g**2
    mhat = m / (1 - b1**n)
    vhat = v / (1 - b2**n)
    return mhat / (np.sqrt(vhat) + eps), m, v


def one_step(algorithm, theta, anchor, gamma, g, m, v, n, t):
    """One line of facts.md's table after another; ``anchor`` None is the head: no pull, and lambda is 1."""
    lr, lam = learning_rate(t), lambda_of(t)
    if anchor is None and algorithm != "released":
        direction, m, v = adam(g, m, v, n, EPS)
        return theta - lr * direction - lr * DECAY * theta, m, v
    if anchor is None:
        lam, anchor, gamma = 1.0, theta, 0.0
    if algorithm == "coupled":
        direction, m, v = adam(lam * g + (1 - lam) * gamma * (theta - anchor), m, v, n, EPS)
        return theta - lr * direction - lr * DECAY * theta, m, v
    if algorithm == "paper":
        direction, m, v = adam(g, m, v, n, EPS)
        return theta - lr * (lam * direction + (1 - lam) * gamma * (theta - anchor)) - lr * DECAY * theta, m, v
    direction, m, v = adam(g, m, v, n, EPS / np.sqrt(1 - BETAS[1] ** n))
    theta = theta - lr * lam * direction
    theta = theta - lr * (1 - lam) * gamma * (theta - anchor)
    return theta - lr * DECAY * theta, m, v


@dataclass
class Case:
    """Fixed gradients, starting weights and anchors apart from each other, and gamma of both kinds."""

    by_name: bool = False
    weights: dict = field(init=False)

    def __post_init__(self):
        rng = np.random.default_rng(3)
        self.weights = {name: rng.normal(size=shape) for name, shape in SHAPES.items()}
        recalled = [name for name in SHAPES if name != "head"]
        self.anchors = {name: rng.normal(size=SHAPES[name]) for name in recalled}
        self.gamma = {name: rng.uniform(0, 60, SHAPES[name]) for name in recalled} if self.by_name else 30.0
        scales = {name: 10.0 ** rng.integers(-5, 2, shape) for name, shape in SHAPES.items()}  # some far under eps
        self.gradients = [
            {
                name: rng.normal(size=shape) * scales[name]
                for name, shape in SHAPES.items()
                if t not in SILENT.get(name, ())
            }
            for t in range(1, STEPS + 1)
        ]

    def gamma_of(self, name):
        return self.gamma[name] if self.by_name and name != "head" else self.gamma

    def oracle(self, algorithm):
        """Yields (weights, m, v) after every step."""
        theta = dict(self.weights)
        m, v = ({name: np.zeros(shape) for name, shape in SHAPES.items()} for _ in range(2))
        n = dict.fromkeys(SHAPES, 0)
        for t, gradients in enumerate(self.gradients, 1):
            for name, g in gradients.items():
                n[name] += 1
                theta[name], m[name], v[name] = one_step(
                    algorithm, theta[name], self.anchors.get(name), self.gamma_of(name), g, m[name], v[name], n[name], t
                )
            yield dict(theta), dict(m), dict(v)

    def optimizer(self, algorithm, path, dtype):
        weights = {name: torch.nn.Parameter(torch.tensor(w).to(dtype)) for name, w in self.weights.items()}
        gamma = {name: torch.tensor(g) for name, g in self.gamma.items()} if self.by_name else self.gamma
        groups = [
            {"params": [(name, weights[name]) for name in ("matrix", "bias")]},
            {"params": [("head", weights["head"])], "recall": False},
            {"params": [("scalar", weights["scalar"])]},
        ]
        anchors = {name: torch.tensor(anchor) for name, anchor in self.anchors.items()}
        settings = {"anneal": Sigmoid(K, T0), "gamma": gamma, "anchors": anchors, "algorithm": algorithm}
        optimizer = RecAdam(groups, LR, BETAS, EPS, DECAY, **settings, **PATHS[path])
        return weights, optimizer

    def run(self, algorithm, path, dtype):
        """Yields (weights, optimizer) after every step."""
        weights, optimizer = self.optimizer(algorithm, path, dtype)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda done: learning_rate(done + 1) / LR)
        for gradients in self.gradients:
            optimizer.zero_grad()
            for name, g in gradients.items():
                weights[name].grad = torch.tensor(g).to(dtype)
            optimizer.step()
            schedule.step()
            yield weights, optimizer


class Close:
    """Compares in norm, relative to the largest norm so far: a moment may pass through zero, its rounding does not."""

    def __init__(self, tolerance):
        self.tolerance, self.largest = tolerance, {}

    def __call__(self, found, right, *key):
        self.largest[key] = max(self.largest.get(key, 0.0), np.linalg.norm(right))
        return np.linalg.norm(found.detach().double().numpy() - right) <= self.tolerance * self.largest[key]


def check_follows(algorithm, path, dtype=torch.float64, by_name=False):
    """Every weight and both moments agree with the oracle after each of the 50 steps."""
    close = Close({torch.float64: 1e-12, torch.float32: 1e-6}[dtype])
    case = Case(by_name)
    for (theta, m, v), (weights, optimizer) in zip(
        case.oracle(algorithm), case.run(algorithm, path, dtype), strict=True
    ):
        for name, w in weights.items():
            assert close(w, theta[name], name), name
            if w in optimizer.state:
                assert close(optimizer.state[w]["exp_avg"], m[name], name, "m"), name
                assert close(optimizer.state[w]["exp_avg_sq"], v[name], name, "v"), name


@every_path
@every_algorithm
@pytest.mark.parametrize("by_name", [False, True], ids=["one gamma", "gamma by name"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["float64", "float32"])
def test_every_step_is_the_algorithms(algorithm, path, dtype, by_name):
    check_follows(algorithm, path, dtype, by_name)


@every_path
@every_algorithm
@pytest.mark.parametrize(("dtype", "half_ulp"), [(torch.bfloat16, 2.0**-9), (torch.float16, 2.0**-12)])
def test_half_precision_is_rounded_once_a_step(algorithm, path, dtype, half_ulp):
    # from the weights that the optimizer holds, one exact step may differ by the rounding of its result and no more
    case, close = Case(), Close(1e-6)
    case.gradients = [{n: torch.tensor(g).to(dtype).double().numpy() for n, g in gs.items()} for gs in case.gradients]
    m, v = ({name: np.zeros(shape) for name, shape in SHAPES.items()} for _ in range(2))
    n = dict.fromkeys(SHAPES, 0)
    before = {name: torch.tensor(w).to(dtype).double().numpy() for name, w in case.weights.items()}
    for t, (gradients, (weights, optimizer)) in enumerate(
        zip(case.gradients, case.run(algorithm, path, dtype), strict=True), 1
    ):
        for name, g in gradients.items():
            n[name] += 1
            exact, m[name], v[name] = one_step(
                algorithm, before[name], case.anchors.get(name), case.gamma, g, m[name], v[name], n[name], t
            )
            found = weights[name].detach().double().numpy()
            _, exponent = np.frexp(exact)
            assert (np.abs(found - exact) <= half_ulp * 2.0**exponent + 1e-6 * np.abs(exact)).all(), (name, t)
            state = optimizer.state[weights[name]]
            for key, right in (("exp_avg", m[name]), ("exp_avg_sq", v[name])):
                assert state[key].dtype == torch.float32
                assert close(state[key], right, name, key), (name, key, t)
        before = {name: w.detach().double().numpy() for name, w in weights.items()}


@every_path
def test_half_precision_keeps_anchors_and_gamma_in_float32(path):
    weight = torch.nn.Parameter(torch.zeros(3, dtype=torch.bfloat16))
    anchor = {"w": torch.tensor([1.0, 1.001, -0.3])}  # 1.001 is no bf16 number
    optimizer = RecAdam([("w", weight)], 0.5, anneal=lambda t: 0.0, gamma=2.0 - 1e-9, anchors=anchor, **PATHS[path])
    (kept,) = optimizer.anchors()[0]
    assert kept.dtype == torch.float32
    assert torch.equal(kept, anchor["w"])
    weight.grad = torch.zeros_like(weight)
    with contextlib.suppress(UserWarning):
        optimizer.step()
    assert torch.equal(weight.detach(), anchor["w"].bfloat16())


LAYOUTS = {
    "contiguous": torch.clone,
    "transposed": lambda x: x.t().contiguous().t(),
    "every second": lambda x: x.repeat_interleave(2, dim=1)[:, ::2],
    "reused": lambda x: x[:1].expand_as(x),
}


@every_path
@every_algorithm
@pytest.mark.parametrize("layout", ["contiguous", "transposed", "every second"])
def test_strided_weights_gradients_and_anchors(algorithm, path, layout):
    torch.manual_seed(0)
    start, anchor = torch.randn(4, 3), torch.randn(4, 3)
    results = []
    for weight_layout, layouts in (("contiguous", ["contiguous"]), (layout, LAYOUTS)):
        weight = torch.nn.Parameter(LAYOUTS[weight_layout](start))
        settings = {"gamma": 20.0, "anneal": Sigmoid(1, 3), "anchors": {"w": anchor}, "algorithm": algorithm}
        optimizer = RecAdam([("w", weight)], 0.01, **settings, **PATHS[path])
        for i in range(8):
            gradient = torch.linspace(-1, 1, 3).expand(4, 3).roll(i, 1)
            weight.grad = LAYOUTS[list(layouts)[i % len(layouts)]](gradient)
            optimizer.step()
        results.append(weight.detach())
    torch.testing.assert_close(results[1], results[0], rtol=1e-6, atol=1e-7)
    assert not torch.equal(results[0], start)


@every_path
@every_algorithm
def test_parameters_of_every_dtype_share_a_group(algorithm, path):
    # a model in bf16 with its norms in float32 is common
    torch.manual_seed(0)
    start, gradients = torch.randn(3), torch.randn(10, 3)
    dtypes = [torch.bfloat16, torch.float64, torch.float32, torch.float16]

    def end(*dtypes):
        params = [torch.nn.Parameter(start.to(dtype, copy=True)) for dtype in dtypes]
        optimizer = RecAdam(params, 0.01, gamma=20.0, anneal=Sigmoid(1, 3), algorithm=algorithm, **PATHS[path])
        for gradient in gradients:
            for p in params:
                p.grad = gradient.to(p.dtype)
            optimizer.step()
        return params

    for dtype, found in zip(dtypes, end(*dtypes), strict=True):
        assert found.dtype == dtype
        assert torch.equal(found, end(dtype)[0])
        assert not torch.equal(found.float(), start)


@every_path
@every_algorithm
def test_a_paper_setting_survives_the_smallest_lambda(algorithm, path):
    # k 1, t0 1000 is in the paper's grid: lambda passes through the subnormal numbers, where weight_decay / lambda
    # overflows; the decay and the pull to a weight that starts at its anchor are all that moves it
    weight = torch.nn.Parameter(torch.ones(4, dtype=torch.float64))
    optimizer = RecAdam([weight], 2e-5, weight_decay=0.01, anneal=Sigmoid(1, 1000), algorithm=algorithm, **PATHS[path])
    lr, theta = 2e-5, 1.0
    for t in range(1, 320):
        weight.grad = torch.zeros(4, dtype=torch.float64)
        if t % 40 == 1 or 240 < t < 300:
            optimizer.param_groups[0]["t"] = t - 1  # skip ahead: only lambda depends on it
            optimizer.step()
            pull = lr * 5000 * (theta - 1)
            if algorithm == "paper":
                theta = theta - pull - lr * 0.01 * theta
            elif algorithm == "released":
                theta = (theta - pull) * (1 - lr * 0.01)
        assert weight.isfinite().all()
        assert algorithm == "coupled" or weight[0].item() == pytest.approx(theta, rel=1e-13)
    assert 0 < abs(weight[0].item() - 1) < 1e-3
