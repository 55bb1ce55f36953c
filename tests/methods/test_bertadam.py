"""Adam without bias correction: the update by numpy, and how much longer than AdamW's its steps are."""

import numpy as np
import pytest
import torch
from mixed import Model, X, Y, assert_same, begun, trained
from torch import nn

from recall_learn.methods import METHODS
from recall_learn.methods.expression import parse
from recall_learn.methods.uncorrected import UncorrectedAdam


def gradients(count=12, size=(3, 4), seed=2):
    return torch.randn(count, *size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def walked(optimizer, p, stream):
    found = []
    for g in stream:
        before = p.detach().clone()
        p.grad = g.clone()
        optimizer.step()
        found.append(p.detach() - before)
    return found


def test_the_update_by_numpy():
    p = nn.Parameter(torch.ones(3, 4, dtype=torch.float64))
    lr, (b1, b2), eps, decay = 0.01, (0.8, 0.97), 1e-3, 0.3
    optimizer = UncorrectedAdam([p], lr=lr, betas=(b1, b2), eps=eps, weight_decay=decay)
    walked(optimizer, p, gradients())
    w, m, v = np.ones((3, 4)), 0.0, 0.0
    for g in gradients().numpy():
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g**2
        w = w - lr * (m / (np.sqrt(v) + eps) + decay * w)
    np.testing.assert_allclose(p.detach().numpy(), w, rtol=1e-12)


@pytest.mark.parametrize(("t", "ratio"), [(1, 3.16), (10, 6.53), (100, 3.24), (1000, 1.26)])
def test_a_step_against_adamw_s_on_the_same_gradients(t, ratio):
    steps = []
    for make in (UncorrectedAdam, torch.optim.AdamW):
        p = nn.Parameter(torch.zeros(3, 4, dtype=torch.float64))
        optimizer = make([p], lr=1e-3, eps=0.0, weight_decay=0.0)
        steps.append(walked(optimizer, p, gradients(t))[-1])
    right = (1 - 0.9**t) / (1 - 0.999**t) ** 0.5
    assert right == pytest.approx(ratio, abs=0.005)
    torch.testing.assert_close(steps[0], right * steps[1], rtol=1e-9, atol=0)


def test_what_has_no_gradient_is_left_alone_and_a_sparse_one_is_refused():
    p, q = (nn.Parameter(torch.ones(2)) for _ in range(2))
    optimizer = UncorrectedAdam([p, q], lr=0.1, weight_decay=0.5)
    p.grad = torch.ones(2)
    optimizer.step()
    assert torch.equal(q, torch.ones(2))
    q.grad = torch.sparse_coo_tensor([[0]], [1.0], (2,), check_invariants=True)
    with pytest.raises(RuntimeError, match="dense gradients"):
        optimizer.step()


def test_the_optimizer_of_the_methods_has_adamw_s_settings_and_state():
    model = Model()
    made = begun(model, "bertadam")
    usual = torch.optim.AdamW(model.parameters(), weight_decay=0.0)
    trained(model, made)
    assert isinstance(made.optimizer, UncorrectedAdam)
    for key in ("betas", "eps"):
        assert made.optimizer.defaults[key] == usual.defaults[key]
    for state in made.optimizer.state.values():
        assert set(state) == {"step", "exp_avg", "exp_avg_sq"}
        assert state["step"] == 3


def test_a_closure_is_called_with_gradients():
    model = Model()
    made = begun(model, "bertadam")

    def closure():
        made.optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(X.float()), Y)
        loss.backward()
        return loss

    losses = [made.optimizer.step(closure).item() for _ in range(5)]
    assert losses[-1] < losses[0]


def test_a_resumed_run_goes_on_to_the_bit():
    whole, first, second = Model(), Model(), Model()
    made = begun(whole, "bertadam")
    trained(whole, made, 7)
    stopped, resumed = begun(first, "bertadam"), begun(second, "bertadam")
    trained(first, stopped, 4)
    second.load_state_dict(first.state_dict())
    resumed.optimizer.load_state_dict(stopped.optimizer.state_dict())
    assert_same(trained(second, resumed, 3), {name: p.detach() for name, p in whole.named_parameters()})


def test_two_optimizers_are_refused_and_a_mask_is_not():
    with pytest.raises(
        ValueError, match=r"^method joins \w+ and \w+, which are each an optimizer; take one of them$"
    ) as raised:
        parse("bertadam + recadam", METHODS)
    assert "bertadam" in str(raised.value)
    assert "recadam" in str(raised.value)
    model, plain = Model(), Model()
    masked = trained(model, begun(model, "bertadam + child-f(p=0.5)"))
    alone = trained(plain, begun(plain, "bertadam"))
    assert not torch.equal(masked["first.weight"], alone["first.weight"])


def test_its_card_says_whom_it_excludes():
    from recall_learn.book.cards import _excluded

    assert _excluded(METHODS["bertadam"], METHODS) == "RecAdam (each is an optimizer)"
