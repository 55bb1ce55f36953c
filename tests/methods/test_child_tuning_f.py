"""Child-Tuning-F against Adam in numpy, against the plain optimizer, and against the mistakes that are public.

The gradients are given, not computed: a check knows every number that goes into the optimizer.
"""

import io
import math

import numpy as np
import pytest
import torch
from masking import (
    OPTIMIZERS,
    SHAPES,
    all_of,
    drawn,
    every_optimizer,
    gradients,
    masks_of_f,
    named_parameters,
    recadam,
    same_bits,
    seeded,
    step,
    train,
)

from recall_learn.methods.child_tuning import ChildTuningF

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
