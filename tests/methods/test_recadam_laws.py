"""What has to hold of RecAdam whatever the numbers are."""

import copy
import math
from functools import partial

import pytest
import torch
from torch.nn import Parameter

from recall_learn.methods.recadam import update as recadam_update
from recall_learn.methods.recadam.optimizer import RecAdam
from recall_learn.theory.annealing import Constant, Cosine, Linear, Sigmoid

PATHS = {"plain": {"foreach": False}, "foreach": {"foreach": True}, "fused": {}}
ALGORITHMS = ["paper", "released", "coupled"]
every_path = pytest.mark.parametrize("path", PATHS)
every_algorithm = pytest.mark.parametrize("algorithm", ALGORITHMS)


def weights(seed=0, dtype=torch.float32):
    generator = torch.Generator().manual_seed(seed)
    return [Parameter(torch.randn(shape, generator=generator, dtype=dtype)) for shape in [(40, 30), (30,), (), (0, 3)]]


def steps(optimizer, params, count=20, seed=1, scale=1.0):
    """Take steps on gradients that depend on the weights, with a learning rate that changes."""
    generator = torch.Generator().manual_seed(seed)
    first = [group["lr"] for group in optimizer.param_groups]
    for i in range(count):
        for p in params:
            noise = torch.randn(p.shape, generator=generator, dtype=torch.float64).to(p.dtype)
            p.grad = scale * (noise + 0.3 * p.detach())
        for group, lr in zip(optimizer.param_groups, first, strict=True):
            group["lr"] = lr * (1 - i / (2 * count))
        optimizer.step()


def equal(left, right):
    return all(torch.equal(a, b) for a, b in zip(left, right, strict=True))


def against_adamw(path, dtype, **settings):
    ours, theirs = weights(dtype=dtype), weights(dtype=dtype)
    optimizer = RecAdam(ours, 0.01, anneal=Constant(1), gamma=50, **settings, **PATHS[path])
    settings.pop("algorithm")
    adamw = torch.optim.AdamW(theirs, 0.01, **settings, fused=True)
    steps(optimizer, ours)
    steps(adamw, theirs)
    assert not torch.equal(ours[0], weights(dtype=dtype)[0])
    rounding = 1e-5 if dtype == torch.float32 else 1e-12
    torch.testing.assert_close(ours, theirs, rtol=rounding, atol=rounding)
    return ours, theirs, optimizer, adamw


@every_path
@pytest.mark.parametrize("algorithm", ["paper", "coupled"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("decay", [0.0, 0.13, 7.7])
def test_lambda_one_is_adamw(algorithm, path, dtype, decay):
    ours, theirs, optimizer, adamw = against_adamw(path, dtype, algorithm=algorithm, weight_decay=decay)
    if path == "fused":  # the kernel of AdamW(fused=True) itself
        assert equal(ours, theirs)
        for a, b in zip(ours, theirs, strict=True):
            assert equal(optimizer.state[a].values(), adamw.state[b].values())


@every_path
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_lambda_one_in_the_released_form_is_adamw_but_for_eps_and_decay(path, dtype):
    against_adamw(path, dtype, algorithm="released", weight_decay=0.0, eps=0.0)
    for other in ({"eps": 0.1, "weight_decay": 0.0}, {"eps": 0.0, "weight_decay": 1.0}):
        with pytest.raises(AssertionError):
            against_adamw(path, dtype, algorithm="released", **other)


@every_path
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_sigmoid_that_steps_at_0_is_plain_fine_tuning(path, dtype):
    ours, theirs = weights(dtype=dtype), weights(dtype=dtype)
    steps(RecAdam(ours, 0.01, anneal=Sigmoid(math.inf, 0), gamma=50, **PATHS[path]), ours)
    steps(torch.optim.AdamW(theirs, 0.01, weight_decay=0.0, fused=True), theirs)
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)
    assert path != "fused" or equal(ours, theirs)


@every_path
@pytest.mark.parametrize("algorithm", ["paper", "released"])
def test_lambda_zero_contracts_the_distance_by_one_factor(algorithm, path):
    ours = weights(dtype=torch.float64)
    homes = [Parameter(torch.randn_like(p)) for p in ours]
    names = "abcd"
    optimizer = RecAdam(
        list(zip(names, ours, strict=True)),
        0.01,
        anneal=Constant(0),
        gamma=30.0,
        anchors=dict(zip(names, homes, strict=True)),
        algorithm=algorithm,
        **PATHS[path],
    )
    for _ in range(10):
        before = [p.detach() - home for p, home in zip(ours, homes, strict=True)]
        steps(optimizer, ours, count=1)  # a gradient there is, and lambda = 0 does not look at it
        for p, home, away in zip(ours, homes, before, strict=True):
            torch.testing.assert_close(
                p.detach() - home.detach(), (1 - 0.01 * 30) * away.detach(), rtol=1e-12, atol=1e-15
            )


@every_path
@every_algorithm
def test_the_pull_at_lambda_one_may_be_skipped(algorithm, path):
    ends = []
    for anneal in (Cosine(10), lambda t: min(Cosine(10)(t), math.nextafter(1, 0))):  # the second pulls, by nothing
        params = weights()
        optimizer = RecAdam(params, 0.01, weight_decay=0.1, anneal=anneal, gamma=50, algorithm=algorithm, **PATHS[path])
        steps(optimizer, params, count=25)
        ends.append(params)
    assert equal(*ends)


@every_path
@every_algorithm
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("anneal", [Constant(0), Constant(0.5), Sigmoid(0.1, 250), Linear(5)])
def test_a_weight_at_its_anchor_without_a_slope_does_not_move_a_bit(algorithm, path, dtype, anneal):
    params = weights(dtype=dtype)
    start = copy.deepcopy(params)
    optimizer = RecAdam(params, 0.01, anneal=anneal, gamma=77.7, algorithm=algorithm, **PATHS[path])
    for _ in range(8):
        for p in params:
            p.grad = torch.zeros_like(p)
        optimizer.step()
    assert equal(params, start)


@every_path
@every_algorithm
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_neither_anchors_nor_gamma_nor_gradients_move(algorithm, path, dtype):
    params = dict(zip("abcd", weights(dtype=dtype), strict=True))
    given = {name: p.detach().clone() for name, p in params.items()}
    gamma = {name: torch.rand(p.shape) * 50 for name, p in params.items()}
    optimizer = RecAdam(
        params.items(), 0.01, anneal=Constant(0.5), gamma=gamma, anchors=given, algorithm=algorithm, **PATHS[path]
    )
    kept, gamma_kept = copy.deepcopy((given, gamma))
    for p in params.values():
        p.grad = torch.randn(p.shape).to(dtype)
    gradients = [p.grad.clone() for p in params.values()]
    for _ in range(10):
        optimizer.step()
    assert equal([p.grad for p in params.values()], gradients)
    assert equal(given.values(), kept.values())
    assert equal(gamma.values(), gamma_kept.values())
    for anchor, home in zip(optimizer.anchors()[0], kept.values(), strict=True):
        assert torch.equal(anchor.to(dtype), home)
    assert not torch.equal(params["a"], kept["a"])


def test_an_anchor_changed_by_its_owner_changes_nothing_here():
    weight, anchor, gamma = Parameter(torch.zeros(3)), torch.ones(3), torch.full((3,), 10.0)
    optimizer = RecAdam([("w", weight)], 0.1, anneal=Constant(0), anchors={"w": anchor}, gamma={"w": gamma})
    anchor.fill_(7)
    gamma.zero_()
    weight.grad = torch.zeros(3)
    optimizer.step()
    assert torch.equal(weight.detach(), torch.ones(3))


@every_path
def test_a_change_in_param_groups_acts_at_the_next_step(path):
    weight, home = Parameter(torch.full((3,), 8.0)), {"w": torch.zeros(3)}
    optimizer = RecAdam([("w", weight)], 0.01, anneal=Constant(1), gamma=50, anchors=home, **PATHS[path])
    group = optimizer.param_groups[0]
    values = []
    for change in (
        {},
        {"anneal": Constant(0)},
        {"gamma": 25},
        {"lr": 0.02},
        {"gamma": {"w": torch.tensor([10.0, 20, 0])}},
    ):
        group.update(change)
        weight.grad = torch.zeros(3)
        optimizer.step()
        values.append(weight.tolist())
    assert values[0] == [8, 8, 8]
    assert values[1] == pytest.approx([4] * 3)
    assert values[2] == pytest.approx([3] * 3)
    assert values[3] == pytest.approx([1.5] * 3)
    assert values[4] == pytest.approx([1.2, 0.9, 1.5])


@every_path
def test_lambda_follows_the_optimizers_count_and_bias_correction_the_parameters(path):
    seen = []
    early, late = Parameter(torch.zeros(2)), Parameter(torch.zeros(2))
    optimizer = RecAdam([early, late], 0.1, anneal=lambda t: seen.append(t) or 0.25, gamma=0.0, eps=0.0, **PATHS[path])
    seen.clear()
    for step in range(1, 4):
        early.grad = torch.ones(2)
        late.grad = torch.ones(2) if step == 3 else None
        optimizer.step()
    assert seen == [1, 2, 3]
    assert optimizer.state[late]["step"] == 1
    assert optimizer.state[early]["step"] == 3
    # bias-corrected, the first step on any gradient is lr * lambda * its sign
    assert late.tolist() == pytest.approx([-0.025] * 2)


def test_the_three_algorithms_and_gamma_of_both_kinds_differ_and_agree():
    def end(**settings):
        params = dict(zip("abcd", weights(dtype=torch.float64), strict=True))
        optimizer = RecAdam(params.items(), 0.01, anneal=Constant(0.5), **settings)
        steps(optimizer, list(params.values()))
        return params["a"].detach()

    ends = [end(gamma=50, algorithm=algorithm) for algorithm in ALGORITHMS]
    for i, j in ((0, 1), (0, 2), (1, 2)):
        assert (ends[i] - ends[j]).norm() > 1e-4 * ends[i].norm()
    by_name = {name: torch.full(p.shape, 50.0) for name, p in zip("abcd", weights(), strict=True)}
    for algorithm, right in zip(ALGORITHMS, ends, strict=True):
        torch.testing.assert_close(end(gamma=by_name, algorithm=algorithm), right, rtol=1e-12, atol=1e-14)


@every_path
@every_algorithm
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("by_name", [True, False])
@pytest.mark.parametrize("maximize", [True, False])
def test_a_step_in_pieces_is_the_step_to_the_bit(monkeypatch, algorithm, path, dtype, by_name, maximize):
    # 1030 and 65 end in the middle of a vector, 257 x 3 is cut in the middle of a row, a transposed one is not cut
    shapes = {"a": (1030,), "b": (5,), "c": (0, 3), "d": (257, 3), "e": (), "f": (64,), "g": (40, 30), "h": (65,)}
    ends, seen = [], set()

    def spy(real, b, *rest):
        seen.update(p.numel() for p in b.thetas if recadam_update.PIECE == 64)
        real(b, *rest)

    for name in ("_many", "_plain"):
        monkeypatch.setattr(recadam_update, name, partial(spy, getattr(recadam_update, name)))
    for piece in (64, 2**22):
        monkeypatch.setattr(recadam_update, "PIECE", piece)
        generator = torch.Generator().manual_seed(0)
        params = {n: torch.randn(shape, generator=generator).to(dtype) for n, shape in shapes.items()}
        params["g"] = params["g"].t()
        params = {name: Parameter(p) for name, p in params.items()}
        gamma = {name: torch.rand(p.shape, generator=generator) * 50 for name, p in params.items()}
        settings = {"gamma": gamma if by_name else 50.0, "algorithm": algorithm, "maximize": maximize, **PATHS[path]}
        optimizer = RecAdam(params.items(), 0.01, weight_decay=0.1, anneal=Sigmoid(1, 4), **settings)
        steps(optimizer, list(params.values()), count=6)
        moments = [[state[key] for state in optimizer.state.values()] for key in ("exp_avg", "exp_avg_sq")]
        ends.append((params.values(), *moments))
    for pieces, whole in zip(*ends, strict=True):
        assert equal(pieces, whole)
    needs_memory = dtype != torch.float32 or maximize or path == "foreach"
    needs_memory |= path == "fused" and (by_name or algorithm == "coupled")
    assert (1030 in seen) != needs_memory


@every_path
@every_algorithm
def test_maximize_climbs_and_pulls_home_all_the_same(algorithm, path):
    # climbing f is descending -f, with the pull and the decay where they were
    ends = []
    for sign, maximize in ((1, False), (-1, True)):
        params = weights(dtype=torch.float64)
        settings = {"anneal": Constant(0.5), "gamma": 30.0, "algorithm": algorithm, "maximize": maximize}
        optimizer = RecAdam(params, 0.01, weight_decay=0.1, **settings, **PATHS[path])
        steps(optimizer, params, scale=sign)
        ends.append(params)
    assert not equal(ends[0], weights(dtype=torch.float64))
    for a, b in zip(*ends, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-14)
    ours, theirs = weights(), weights()
    steps(RecAdam(ours, 0.01, weight_decay=0.1, anneal=Constant(1), maximize=True, **PATHS[path]), ours)
    steps(torch.optim.AdamW(theirs, 0.01, weight_decay=0.1, maximize=True, fused=True), theirs)
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)
