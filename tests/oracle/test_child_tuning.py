"""Child-Tuning against Adam in numpy, against the plain optimizer, and against the mistakes that are public.

The gradients are given, not computed: a check knows every number that goes into the optimizer.
"""

import copy
import io
import math

import numpy as np
import pytest
import torch
from torch import nn
from transformers import BertConfig, BertForSequenceClassification

from recall_learn.annealing import Sigmoid
from recall_learn.child_tuning import ChildTuningD, ChildTuningF, child_masks, layer_names
from recall_learn.recadam import RecAdam

SHAPES = {"embed": (4,), "layer.weight": (5, 3), "layer.bias": (5,), "scale": ()}


def named_parameters(dtype=torch.float64):
    random = np.random.default_rng(0)
    return {n: nn.Parameter(torch.tensor(random.normal(size=s), dtype=dtype)) for n, s in SHAPES.items()}


def gradients(steps, dtype=torch.float64):
    random = np.random.default_rng(1)
    return [{n: torch.tensor(random.normal(size=s), dtype=dtype) for n, s in SHAPES.items()} for _ in range(steps)]


def recadam(params):
    named = list(params)
    anchors = {name: torch.zeros_like(parameter) for name, parameter in named}
    return RecAdam(named, lr=0.01, weight_decay=0.1, anneal=Sigmoid(0.1, 5), gamma=20.0, anchors=anchors)


OPTIMIZERS = {
    "sgd": lambda params: torch.optim.SGD(params, lr=0.1, momentum=0.9, weight_decay=0.1),
    "adam": lambda params: torch.optim.Adam(params, lr=0.01, foreach=False),
    "adamw-foreach": lambda params: torch.optim.AdamW(params, lr=0.01, weight_decay=0.1, foreach=True),
    "adamw-fused": lambda params: torch.optim.AdamW(params, lr=0.01, weight_decay=0.1, fused=True),
    "rmsprop": lambda params: torch.optim.RMSprop(params, lr=0.01, momentum=0.9, weight_decay=0.1),
    "adagrad": lambda params: torch.optim.Adagrad(params, lr=0.01, weight_decay=0.1),
    "recadam": recadam,
}
every_optimizer = pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)


def step(optimizer, parameters, grads):
    for name, parameter in parameters.items():
        parameter.grad = None if grads[name] is None else grads[name].clone()
    optimizer.step()


def train(make, attach=None, steps=6, warm=0, grads=None, dtype=torch.float64):
    """``steps`` steps, of which the first ``warm`` come before ``attach(optimizer)``."""
    parameters = named_parameters(dtype)
    optimizer = make(parameters.items())
    for i, grad in enumerate(grads or gradients(steps, dtype)):
        if attach is not None and i == warm:
            attach(optimizer)
        step(optimizer, parameters, grad)
    return {name: parameter.detach().clone() for name, parameter in parameters.items()}


def same_bits(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def drawn(mask, parameters, steps):
    """The masks that ``mask`` draws in so many steps, read off gradients of ones."""
    masks = []
    for _ in range(steps):
        step(mask.optimizer, parameters, {name: torch.ones_like(p) for name, p in parameters.items()})
        masks.append({name: parameter.grad != 0 for name, parameter in parameters.items()})
    return masks


def masks_of_f(p, steps, generator=None, dtype=torch.float64):
    parameters = named_parameters(dtype)
    return drawn(ChildTuningF(torch.optim.SGD(parameters.items(), lr=0.1), p, generator), parameters, steps)


# --- F: one check, passed by the real one and failed by every mistake ---


def adam_in_numpy(start, grads, lr=0.01, beta1=0.9, beta2=0.999, eps=1e-8):
    theta, m, v = start.copy(), np.zeros_like(start), np.zeros_like(start)
    for t, g in enumerate(grads, 1):
        m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g**2
        theta = theta - lr * (m / (1 - beta1**t)) / (np.sqrt(v / (1 - beta2**t)) + eps)
    return theta


def check_f(attach, p=0.4, steps=8):
    """Adam moves as it does in numpy on gradients times mask over p."""
    masks, grads = masks_of_f(p, steps, seeded(3)), gradients(steps)
    result = train(OPTIMIZERS["adam"], lambda optimizer: attach(optimizer, p, masks), steps)
    for name, start in named_parameters().items():
        masked = [g[name].numpy() * mask[name].numpy() / p for g, mask in zip(grads, masks, strict=True)]
        np.testing.assert_allclose(result[name].numpy(), adam_in_numpy(start.detach().numpy(), masked), rtol=1e-9)


def scaled_by(factor):
    def attach(optimizer, p, masks):
        ChildTuningF(optimizer, p, seeded(3))
        optimizer.register_step_pre_hook(lambda *_: [q.grad.mul_(factor) for q in all_of(optimizer)] and None)

    return attach


def after_the_moments(optimizer, p, masks):
    remaining, before = iter(masks), []
    optimizer.register_step_pre_hook(lambda *_: before.append([q.detach().clone() for q in all_of(optimizer)]))

    def mask_update(*_):
        mask = next(remaining)
        with torch.no_grad():
            for q, name, old in zip(all_of(optimizer), SHAPES, before[-1], strict=True):
                q.copy_(old + (q - old) * mask[name] / p)

    optimizer.register_step_post_hook(mask_update)


def one_mask_for_ever(optimizer, p, masks):
    def mask_gradients(*_):
        for q, name in zip(all_of(optimizer), SHAPES, strict=True):
            q.grad.mul_(masks[0][name]).div_(p)

    optimizer.register_step_pre_hook(mask_gradients)


def all_of(optimizer):
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]


def test_f_is_adam_on_masked_gradients():
    check_f(lambda optimizer, p, masks: ChildTuningF(optimizer, p, seeded(3)))
    check_f(scaled_by(1.0))


@pytest.mark.parametrize("mistake", [after_the_moments, one_mask_for_ever])
def test_mistaken_f_fails(mistake):
    with pytest.raises(AssertionError):
        check_f(mistake)


def check_expectation(attach, p=0.3, steps=3000):
    """On average over many draws the masked gradient is the gradient, to five standard errors, in every entry."""
    parameters, grad = named_parameters(), gradients(1)[0]
    optimizer = torch.optim.SGD(parameters.items(), lr=0.0)
    attach(optimizer, p, None)
    total = {name: torch.zeros_like(g) for name, g in grad.items()}
    for _ in range(steps):
        step(optimizer, parameters, grad)
        for name, parameter in parameters.items():
            total[name] += parameter.grad
    for name, g in grad.items():
        error = g.abs() * math.sqrt((1 - p) / p / steps)
        assert ((total[name] / steps - g).abs() <= 5 * error).all()


def test_the_masked_gradient_is_unbiased():
    check_expectation(lambda optimizer, p, _: ChildTuningF(optimizer, p, seeded(0)))


def test_without_one_over_p_it_is_biased():
    with pytest.raises(AssertionError):
        check_expectation(scaled_by(0.3))  # Adam would hide it, but for its eps


def test_share_and_independence_of_the_masks():
    p, steps = 0.3, 4000
    masks = masks_of_f(p, steps, seeded(0))
    flat = torch.stack([torch.cat([m.flatten() for m in mask.values()]) for mask in masks]).double().numpy()
    assert flat.mean() == pytest.approx(p, abs=5 * math.sqrt(p * (1 - p) / flat.size))
    centred = (flat - p) / math.sqrt(p * (1 - p))
    between_entries = centred.T @ centred / steps - np.diag((centred**2).mean(0))
    between_steps = (centred[1:] * centred[:-1]).mean(0)
    assert np.abs(between_entries).max() < 5 / math.sqrt(steps)
    assert np.abs(between_steps).max() < 5 / math.sqrt(steps)


@every_optimizer
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_p_one_is_the_plain_optimizer_bit_for_bit(make, dtype):
    plain = train(make, dtype=dtype)
    assert same_bits(train(make, lambda optimizer: ChildTuningF(optimizer, 1.0), dtype=dtype), plain)
    assert not same_bits(train(make, lambda optimizer: ChildTuningF(optimizer, 0.5), dtype=dtype), plain)


@every_optimizer
def test_f_is_the_plain_optimizer_on_masked_gradients(make):
    masks = masks_of_f(0.4, 6, seeded(3))
    masked = [{n: g[n] * m[n] / 0.4 for n in SHAPES} for g, m in zip(gradients(6), masks, strict=True)]
    result = train(make, lambda optimizer: ChildTuningF(optimizer, 0.4, seeded(3)))
    assert same_bits(result, train(make, grads=masked))


def test_f_in_bfloat16_rounds_once():
    parameters, grads = named_parameters(torch.bfloat16), gradients(1, torch.bfloat16)[0]
    optimizer = torch.optim.SGD(parameters.items(), lr=0.1)
    ChildTuningF(optimizer, 0.3, seeded(0))
    step(optimizer, parameters, grads)
    kept = torch.cat([parameter.grad.flatten() for parameter in parameters.values()])
    expected = torch.cat([(g.double() / 0.3).bfloat16().flatten() for g in grads.values()])
    assert kept.any()
    assert torch.equal(kept[kept != 0], expected[kept != 0])


def test_recadams_pull_is_not_masked():
    """With no gradient only the pull and the decay are left, and F changes nothing."""
    nothing = [{name: torch.zeros(shape, dtype=torch.float64) for name, shape in SHAPES.items()}] * 5
    plain = train(recadam, grads=nothing)
    assert not same_bits(plain, named_parameters())
    assert same_bits(train(recadam, lambda optimizer: ChildTuningF(optimizer, 0.3), grads=nothing), plain)


# --- F: where the draws come from ---


def test_global_generator_is_left_alone():
    state = torch.get_rng_state()
    masks_of_f(0.3, 3)
    assert torch.equal(torch.get_rng_state(), state)


def test_replicas_seeded_alike_draw_alike():
    torch.manual_seed(7)
    first = masks_of_f(0.3, 4)
    torch.rand(100)  # a replica may have drawn other things since it was seeded
    second = masks_of_f(0.3, 4)
    torch.manual_seed(8)
    other = masks_of_f(0.3, 4)
    assert all(same_bits(a, b) for a, b in zip(first, second, strict=True))
    assert not all(same_bits(a, b) for a, b in zip(first, other, strict=True))


def test_the_masks_are_the_same_in_every_dtype():
    double, half = (masks_of_f(0.3, 3, seeded(0), dtype) for dtype in (torch.float64, torch.bfloat16))
    assert all(same_bits(a, b) for a, b in zip(double, half, strict=True))


def test_masks_are_not_the_numbers_that_the_model_was_initialised_with():
    torch.manual_seed(7)
    own = torch.cat([mask.flatten() for mask in masks_of_f(0.5, 1)[0].values()])
    globally = torch.rand(len(own), dtype=torch.float64) < 0.5
    assert not torch.equal(own, globally)
    assert not torch.equal(own, ~globally)


@pytest.mark.parametrize("generator", [None, 11])
def test_a_resumed_run_draws_the_same_masks(generator):
    parameters = named_parameters()
    torch.manual_seed(0)
    given = None if generator is None else seeded(generator)
    mask = ChildTuningF(torch.optim.SGD(parameters.items(), lr=0.1), 0.3, given)
    drawn(mask, parameters, 3)
    file = io.BytesIO()
    torch.save(mask.state_dict(), file)
    expected = drawn(mask, parameters, 4)

    torch.manual_seed(99)
    again = named_parameters()
    resumed = ChildTuningF(torch.optim.SGD(again.items(), lr=0.1), 0.3, given and seeded(5))
    file.seek(0)
    resumed.load_state_dict(torch.load(file, weights_only=True))
    assert all(same_bits(a, b) for a, b in zip(drawn(resumed, again, 4), expected, strict=True))


def test_later_groups_are_masked_and_parameters_without_a_gradient_are_not_touched():
    parameters = named_parameters()
    optimizer = torch.optim.SGD(list(parameters.items())[:1], lr=0.1)
    ChildTuningF(optimizer, 0.3, seeded(0))
    optimizer.add_param_group({"params": list(parameters.items())[1:]})
    grads = {name: torch.ones(shape, dtype=torch.float64) for name, shape in SHAPES.items()} | {"embed": None}
    step(optimizer, parameters, grads)
    assert parameters["embed"].grad is None
    assert set(parameters["layer.weight"].grad.unique().tolist()) == {0.0, 1 / 0.3}


# --- D: the child ---


def child_in_numpy(fisher, p):
    flat = np.concatenate([f.double().numpy().ravel() for f in fisher.values()])
    best = np.argsort(-flat, kind="stable")[: round(p * len(flat))]
    chosen = np.zeros(len(flat), dtype=bool)
    chosen[best] = True
    pieces = np.split(chosen, np.cumsum([f.numel() for f in fisher.values()])[:-1])
    return {name: torch.tensor(piece).view(f.shape) for (name, f), piece in zip(fisher.items(), pieces, strict=True)}


def fishers():
    random = np.random.default_rng(2)
    shapes = {"a": (4, 5), "b": (7,), "c": (), "d": (3, 1, 2)}
    for scale in (1.0, 100.0):  # without and with tensors of very different size
        sizes = dict(zip(shapes, (1.0, scale, 1.0, 1 / scale), strict=True))
        yield {n: torch.tensor(sizes[n] * random.exponential(size=s)) for n, s in shapes.items()}
    yield {n: torch.tensor(random.integers(0, 3, size=s)).bfloat16() for n, s in shapes.items()}  # many ties
    yield {n: torch.tensor(1 + 1e-6 * random.normal(size=s), dtype=torch.float32) for n, s in shapes.items()}  # close
    yield {n: torch.tensor(1 + 1e-14 * random.normal(size=s)) for n, s in shapes.items()}
    yield {n: torch.zeros(s) for n, s in shapes.items()}


def check_child(choose):
    for fisher in fishers():
        for p in (0.05, 0.1, 0.3, 0.5, 0.77, 1.0):
            assert same_bits(choose(fisher, p), child_in_numpy(fisher, p))


def one_threshold_per_tensor(fisher, p):
    return {name: child_in_numpy({name: f}, p)[name] for name, f in fisher.items()}


def clipped_per_tensor(fisher, p):
    return child_in_numpy({name: f / max(1.0, float(f.double().norm())) for name, f in fisher.items()}, p)


def all_ties(fisher, p):
    flat = torch.cat([f.double().flatten() for f in fisher.values()])
    threshold = flat.sort(descending=True).values[round(p * len(flat)) - 1]
    return {name: f.double() >= threshold for name, f in fisher.items()}


def the_lowest(fisher, p):
    return child_in_numpy({name: -f for name, f in fisher.items()}, p)


def test_the_child_is_the_top_share_by_one_threshold():
    check_child(child_masks)


@pytest.mark.parametrize("mistake", [one_threshold_per_tensor, clipped_per_tensor, all_ties, the_lowest])
def test_mistaken_children_fail(mistake):
    with pytest.raises(AssertionError):
        check_child(mistake)


def test_a_child_is_its_own_fisher():
    for fisher in fishers():
        child = child_masks(fisher, 0.3)
        assert same_bits(child_masks(child, 0.3), child)


def test_more_entries_than_torch_quantile_takes():
    scores = torch.zeros(2**24 + 2)
    scores[-1] = 1.0
    child = child_masks({"w": scores}, 2 / len(scores))["w"]
    assert child.nonzero().flatten().tolist() == [0, len(scores) - 1]


# --- D: the steps ---


def layer_fisher():
    random = np.random.default_rng(4)
    return {name: torch.tensor(random.exponential(size=SHAPES[name])) for name in ("layer.weight", "layer.bias")}


def check_d(attach, make, dtype=torch.float64):
    """After a warm start: outside the child nothing moves, inside it and elsewhere the plain optimizer is at work."""
    child, grads = child_masks(layer_fisher(), 0.3), gradients(8, dtype)
    before = train(make, grads=grads[:3], dtype=dtype)
    masked = [
        {n: g * child[n] if i >= 3 and n in child else g for n, g in grad.items()} for i, grad in enumerate(grads)
    ]
    plain = train(make, grads=masked, dtype=dtype)
    result = train(make, attach, warm=3, grads=grads, dtype=dtype)
    assert same_bits(
        result, {n: torch.where(child[n], plain[n], before[n]) if n in child else plain[n] for n in SHAPES}
    )


def only_gradients(optimizer):
    child = child_masks(layer_fisher(), 0.3)

    def mask_gradients(*_):
        for q, name in zip(all_of(optimizer), SHAPES, strict=True):
            if name in child:
                q.grad.mul_(child[name])

    optimizer.register_step_pre_hook(mask_gradients)


def divided_by_p(optimizer):
    ChildTuningD(optimizer, layer_fisher(), 0.3)
    optimizer.register_step_pre_hook(lambda *_: [q.grad.div_(0.3) for q in all_of(optimizer)] and None)


@every_optimizer
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_outside_the_child_nothing_moves(make, dtype):
    check_d(lambda optimizer: ChildTuningD(optimizer, layer_fisher(), 0.3), make, dtype)


@every_optimizer
def test_masking_gradients_alone_lets_decay_momentum_and_pull_move_the_rest(make):
    with pytest.raises(AssertionError):
        check_d(only_gradients, make)


def test_dividing_by_p_in_d_is_wrong():
    with pytest.raises(AssertionError):
        check_d(divided_by_p, OPTIMIZERS["sgd"])


def test_decay_alone_shrinks_what_only_its_gradient_was_masked():
    """The released code's mistake, by itself: no momentum, no gradient, only AdamW's decay."""
    nothing = [{name: torch.zeros(shape, dtype=torch.float64) for name, shape in SHAPES.items()}] * 5
    start, child = named_parameters(), child_masks(layer_fisher(), 0.3)["layer.weight"]
    ours = train(OPTIMIZERS["adamw-fused"], lambda o: ChildTuningD(o, layer_fisher(), 0.3), grads=nothing)
    theirs = train(OPTIMIZERS["adamw-fused"], only_gradients, grads=nothing)
    assert torch.equal(ours["layer.weight"][~child], start["layer.weight"][~child])
    assert (theirs["layer.weight"][~child].abs() < start["layer.weight"][~child].abs()).all()


def test_the_moments_never_see_a_gradient_outside_the_child():
    parameters = named_parameters()
    optimizer = OPTIMIZERS["adam"](parameters.items())
    mask = ChildTuningD(optimizer, layer_fisher(), 0.3)
    grads = gradients(1)[0]
    grads["layer.bias"][~mask.masks["layer.bias"]] = math.nan
    step(optimizer, parameters, grads)
    for name, child in mask.masks.items():
        moment = optimizer.state[parameters[name]]["exp_avg"]
        assert not moment[~child].any()
        assert moment[child].all()


def test_nan_outside_the_child_stays_outside():
    grads = gradients(4)
    child = child_masks(layer_fisher(), 0.3)
    broken = [{n: g.masked_fill(~child[n], math.nan) if n in child else g for n, g in grad.items()} for grad in grads]
    attach = lambda optimizer: ChildTuningD(optimizer, layer_fisher(), 0.3)  # noqa: E731
    assert same_bits(train(OPTIMIZERS["adam"], attach, grads=broken), train(OPTIMIZERS["adam"], attach, grads=grads))


def test_masks_survive_a_checkpoint():
    first = ChildTuningD(torch.optim.SGD(named_parameters().items()), layer_fisher(), 0.3)
    file = io.BytesIO()
    torch.save(first.state_dict(), file)
    file.seek(0)
    state = torch.load(file, weights_only=True)
    other = {name: torch.zeros_like(f) for name, f in layer_fisher().items()}
    resumed = ChildTuningD(torch.optim.SGD(named_parameters().items()), other, 0.3)
    assert not same_bits(resumed.masks, first.masks)
    resumed.load_state_dict(state)
    assert same_bits(resumed.masks, first.masks)
    state["masks"]["layer.bias"].fill_(True)
    assert same_bits(resumed.masks, first.masks)
    by_masks = ChildTuningD(torch.optim.SGD(named_parameters().items()), first.state_dict()["masks"], 0.3)
    assert same_bits(by_masks.masks, first.masks)


def test_nothing_is_held_between_steps():
    parameters = named_parameters()
    mask = ChildTuningD(torch.optim.SGD(parameters.items()), layer_fisher(), 0.3)
    step(mask.optimizer, parameters, gradients(1)[0])
    assert not mask._before


# --- both ---


@every_optimizer
def test_f_draws_within_the_child_of_d_in_either_order(make):
    def f_then_d(optimizer):
        ChildTuningF(optimizer, 0.4, seeded(3))
        ChildTuningD(optimizer, layer_fisher(), 0.3)

    def d_then_f(optimizer):
        ChildTuningD(optimizer, layer_fisher(), 0.3)
        ChildTuningF(optimizer, 0.4, seeded(3))

    child, masks, start = child_masks(layer_fisher(), 0.3), masks_of_f(0.4, 6, seeded(3)), named_parameters()
    masked = [
        {n: g[n] * m[n] / 0.4 * child.get(n, 1) for n in SHAPES} for g, m in zip(gradients(6), masks, strict=True)
    ]
    plain = train(make, grads=masked)
    expected = {n: torch.where(child[n], plain[n], start[n]) if n in child else plain[n] for n in SHAPES}
    assert same_bits(train(make, f_then_d), expected)
    assert same_bits(train(make, d_then_f), expected)


BOTH = {
    "F": lambda optimizer: ChildTuningF(optimizer, 0.4, seeded(3)),
    "D": lambda optimizer: ChildTuningD(optimizer, layer_fisher(), 0.3),
    "F and D": lambda optimizer: (BOTH["F"](optimizer), BOTH["D"](optimizer)),
}
every_mask = pytest.mark.parametrize("attach", BOTH.values(), ids=BOTH)


@every_mask
@pytest.mark.parametrize("by_keyword", [False, True])
def test_a_closure_is_masked_after_it_ran(attach, by_keyword):
    def run(use_closure):
        parameters = named_parameters()
        optimizer = OPTIMIZERS["adam"](parameters.items())
        attach(optimizer)
        for _ in range(4):

            def closure():
                optimizer.zero_grad()
                loss = sum((parameter**2).sum() for parameter in parameters.values())
                loss.backward()
                return loss

            if not use_closure:
                closure()
                optimizer.step(None)
            elif by_keyword:
                assert optimizer.step(closure=closure) > 0
            else:
                assert optimizer.step(closure) > 0
        return {name: parameter.detach() for name, parameter in parameters.items()}

    assert same_bits(run(True), run(False))


def test_lbfgs_only_moves_the_child():
    parameters = named_parameters()
    start, child = named_parameters(), child_masks(layer_fisher(), 0.3)
    optimizer = torch.optim.LBFGS(parameters.items(), lr=0.5, max_iter=5)
    ChildTuningD(optimizer, layer_fisher(), 0.3)

    def closure():
        optimizer.zero_grad()
        loss = sum(((parameter - 3) ** 4).sum() for parameter in parameters.values())
        loss.backward()
        return loss

    losses = [optimizer.step(closure).item() for _ in range(3)]
    assert losses[2] < losses[1] < losses[0]
    for name, mask in child.items():
        assert torch.equal(parameters[name][~mask], start[name][~mask])
        assert (parameters[name][mask] != start[name][mask]).all()


@every_mask
def test_removed_masks_leave_the_plain_optimizer(attach):
    def attach_and_remove(optimizer):
        masks = attach(optimizer)
        for mask in masks if isinstance(masks, tuple) else [masks]:
            mask.remove()
            mask.remove()

    assert same_bits(train(OPTIMIZERS["sgd"], attach_and_remove), train(OPTIMIZERS["sgd"]))
    assert not same_bits(train(OPTIMIZERS["sgd"], attach), train(OPTIMIZERS["sgd"]))


@every_mask
@pytest.mark.parametrize("name", ["adamw-foreach", "adamw-fused"])  # fused ones unscale inside their kernel
def test_a_gradient_scaler_changes_nothing(attach, name):
    def run(scale):
        parameters = named_parameters(torch.float32)
        optimizer = OPTIMIZERS[name](parameters.items())
        attach(optimizer)
        scaler = torch.amp.GradScaler("cpu", init_scale=1024.0, enabled=scale)
        for grads in gradients(4, torch.float32):
            optimizer.zero_grad()
            scaler.scale(sum((parameters[n] * grads[n]).sum() for n in SHAPES)).backward()
            scaler.step(optimizer)
            scaler.update()
        return {name: parameter.detach() for name, parameter in parameters.items()}

    scaled, plain = run(True), run(False)
    for key in SHAPES:
        torch.testing.assert_close(scaled[key], plain[key], rtol=1e-6, atol=0)


# --- what is refused ---


def named_sgd():
    return torch.optim.SGD(named_parameters().items(), lr=0.1)


@pytest.mark.parametrize("p", [0, -0.1, 1.1, math.nan, math.inf, "0.3", None, True])
def test_p_outside_the_unit_interval_is_refused(p):
    for attach in (lambda o: ChildTuningF(o, p), lambda o: ChildTuningD(o, layer_fisher(), p)):
        with pytest.raises(ValueError, match=r"p is .*; it must be a number in \(0, 1\]"):
            attach(named_sgd())
    with pytest.raises(ValueError, match="p is"):
        child_masks(layer_fisher(), p)


@pytest.mark.parametrize(
    ("fisher", "message"),
    [
        ({}, "fisher is {}"),
        (None, "fisher is None"),
        ({"layer.bias": 3.0}, "it must be a tensor"),
        ({"layer.bias": -torch.ones(5)}, r"fisher\['layer.bias'\] has entries that are negative"),
        ({"layer.bias": torch.full((5,), math.nan)}, "infinite or nan"),
        ({"layer.bias": torch.full((5,), math.inf)}, "infinite or nan"),
        ({"layer.bias": torch.ones(4)}, r"fisher\['layer.bias'\] has shape \(4,\)"),
        ({"layer.bias": torch.ones(5), "other": torch.ones(5)}, "fisher has 'other'"),
        ({"scale": torch.ones(())}, "keeps none of 1 entries"),
    ],
)
def test_bad_fishers_are_refused(fisher, message):
    with pytest.raises(ValueError, match=message):
        ChildTuningD(named_sgd(), fisher, 0.3)


def test_optimizers_that_cannot_be_masked_are_refused():
    parameters = list(named_parameters().values())
    with pytest.raises(ValueError, match=r"make it from model\.named_parameters\(\)"):
        ChildTuningD(torch.optim.SGD(parameters), layer_fisher())
    with pytest.raises(ValueError, match="two parameters named 'layer'"):
        ChildTuningD(torch.optim.SGD([("layer", parameters[0]), ("layer", parameters[1])]), layer_fisher())
    with pytest.raises(ValueError, match="optimizer is a list"):
        ChildTuningF(parameters)
    with pytest.raises(ValueError, match="generator is 3"):
        ChildTuningF(named_sgd(), generator=3)
    ChildTuningF(torch.optim.SGD(parameters))  # F needs no names


def test_a_second_mask_of_the_same_kind_is_refused_until_the_first_is_removed():
    optimizer = named_sgd()
    for attach in (ChildTuningF, lambda o: ChildTuningD(o, layer_fisher())):
        first = attach(optimizer)
        with pytest.raises(ValueError, match="optimizer already has a ChildTuning"):
            attach(optimizer)
        first.remove()
        attach(optimizer)


def test_a_copied_optimizer_is_a_plain_one():
    optimizer = named_sgd()
    ChildTuningF(optimizer)
    ChildTuningF(copy.deepcopy(optimizer))


def test_sparse_gradients_are_refused():
    table = nn.Embedding(5, 2, sparse=True)
    optimizer = torch.optim.SGD(table.parameters(), lr=0.1)
    ChildTuningF(optimizer)
    table(torch.tensor([1])).sum().backward()
    with pytest.raises(ValueError, match="needs dense ones"):
        optimizer.step()


def test_states_of_others_are_refused():
    f, d = ChildTuningF(named_sgd(), 0.3), ChildTuningD(named_sgd(), layer_fisher(), 0.3)
    for mask, state, message in [
        (f, d.state_dict(), "must be a state_dict of this class"),
        (d, f.state_dict(), "must be a state_dict of this class"),
        (f, None, "state has None"),
        (f, f.state_dict() | {"p": 0.2}, "state has p = 0.2, this one has 0.3"),
        (d, d.state_dict() | {"p": 0.2}, "state has p = 0.2, this one has 0.3"),
        (d, {"p": 0.3, "masks": {"layer.bias": torch.ones(5)}}, "masks lacks 'layer.weight'"),
    ]:
        with pytest.raises(ValueError, match=message):
            mask.load_state_dict(state)


# --- which parameters are in the layers ---


class Toy(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers_of_the_head = nn.ModuleList([nn.Linear(2, 2)])  # a list, and a name, that a substring would take
        self.base_model = nn.Module()
        self.base_model.embeddings = nn.Embedding(3, 2)
        self.base_model.encoder = nn.Module()
        self.base_model.encoder.h = nn.ModuleList([nn.Linear(2, 2), nn.LayerNorm(2)])
        self.base_model.final_layer_norm = nn.LayerNorm(2)


def test_layer_names_of_a_toy():
    inside = ["base_model.encoder.h." + end for end in ("0.weight", "0.bias", "1.weight", "1.bias")]
    assert layer_names(Toy()) == inside


def test_layer_names_of_transformers():
    small = {"hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 8}
    bert = BertForSequenceClassification(BertConfig(vocab_size=11, **small))
    names = {name for name, _ in bert.named_parameters()}
    assert set(layer_names(bert)) == {name for name in names if name.startswith("bert.encoder.layer.")}
    assert set(layer_names(bert.bert)) == {
        n.removeprefix("bert.") for n in names if n.startswith("bert.encoder.layer.")
    }


def test_models_without_layers_are_refused():
    with pytest.raises(ValueError, match="model is a Linear without a base_model"):
        layer_names(nn.Linear(2, 2))
    bare = nn.Module()
    bare.base_model = nn.Linear(2, 2)
    with pytest.raises(ValueError, match=r"base_model is a Linear without an nn\.ModuleList"):
        layer_names(bare)
