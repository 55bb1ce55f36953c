"""What torch asks of its own optimizers (test/test_optim.py, test_lrscheduler.py, test_swa.py), asked of RecAdam.

torch's OptimizerInfo is not importable without packages that its own tests need, so the substance is written out here,
and in test_recadam_torch_state.py. `TABLE` names each of torch's generic tests, and the test that stands for it, or why
none does.
"""

import copy
import math
from pathlib import Path

import pytest
import torch
from least_squares import INPUTS, equal, make, problem, step
from torch import nn
from torch.nn import Parameter
from torch.optim import lr_scheduler, swa_utils

from recall_learn.methods.recadam.optimizer import RecAdam
from recall_learn.theory.annealing import Constant

TABLE = {
    "test_optim_infos_do_not_specify_global_cliquey_kwargs": "not applicable: it tests torch's list of optimizers",
    "test_optimizer_can_be_printed": "test_it_can_be_printed",
    "test_forloop_goes_right_direction": "test_it_goes_in_the_right_direction",
    "test_forloop_goes_right_direction_multigpu": "not applicable: needs two GPUs",
    "test_param_group_with_lrscheduler_goes_right_direction": "test_schedulers_give_adamws_steps",
    "test_tensor_lr": "test_a_tensor_lr_is_its_number",
    "test_tensor_lr_num_dim": "test_a_tensor_lr_is_its_number",
    "test_step_is_noop_when_params_have_no_grad": "test_without_gradients_nothing_moves",
    "test_step_is_noop_for_zero_grads": "test_zero_gradients_move_nothing",
    "test_complex": "test_recadam_input.py::test_a_bad_combination_is_refused (complex parameters are refused)",
    "test_complex_2d": "test_recadam_input.py::test_a_bad_combination_is_refused (complex parameters are refused)",
    "test_rosenbrock_sparse": "test_recadam_input.py::test_a_sparse_gradient_is_refused_before_anything_moves",
    "test_sparse": "test_recadam_input.py::test_a_sparse_gradient_is_refused_before_anything_moves",
    "test_state_dict_deterministic": "test_recadam_torch_state.py::test_a_loaded_optimizer_takes_the_same_steps",
    "test_can_load_older_state_dict": "test_recadam_torch_state.py::test_a_state_without_the_newer_flags_is_taken",
    "test_can_load_from_to_named_state_dict": "test_recadam_torch_state.py::test_names_are_exchanged",
    "test_save_load_equality_with_weights_only": "test_recadam_torch_state.py::test_a_state_through_a_file_is_equal",
    "test_load_nontensor_step": "test_recadam_state.py::test_a_count_that_is_a_plain_number_is_taken",
    "test_cpu_load_state_dict": "test_recadam_torch_state.py::test_another_dtype_is_cast_without_anchors",
    "test_state_dict_with_cuda_params": "not applicable: needs a GPU; "
    "test_recadam_contract.py::test_a_model_moved_after_the_optimizer_was_made moves to another device",
    "test_foreach_matches_forloop": "test_the_paths_agree",
    "test_set_default_dtype_works_with_foreach": "test_the_paths_agree",
    "test_fused_matches_forloop": "test_the_paths_agree",
    "test_fused_cpu_matches_cuda": "not applicable: needs a GPU",
    "test_fused_does_not_step_if_foundinf": "not applicable: GradScaler itself skips a step of RecAdam, "
    "test_recadam_contract.py::test_a_step_that_the_scaler_skips_does_not_count",
    "test_foreach_large_tensor": "not applicable: needs a GPU of 60 GB",
    "test_fused_large_tensor": "not applicable: needs a GPU of 60 GB",
    "test_peak_memory_foreach": "not applicable: a measurement, benchmarks/recadam.py",
    "test_defaults_changed_to_foreach": "not applicable: the default is the fused kernel",
    "test_mixed_device_dtype": "test_devices_and_dtypes_share_a_group",
    "test_cudagraphs (capturable)": "test_recadam_capturable.py::test_a_step_replayed_is_a_step_taken",
    "test_compiled_optimizer": "test_recadam_compile.py::"
    "test_a_compiled_step_equals_an_eager_one_with_two_graphs_in_60_steps",
    "test_param_groups_lr": "test_groups_have_rates_and_decays_of_their_own",
    "test_param_groups_weight_decay": "test_groups_have_rates_and_decays_of_their_own",
    "test_step_pre_hook": "test_recadam_torch_state.py::test_step_hooks",
    "test_step_post_hook": "test_recadam_torch_state.py::test_step_hooks",
    "test_step_all_hooks": "test_recadam_torch_state.py::test_step_hooks",
    "test_state_dict_pre_hook": "test_recadam_torch_state.py::test_state_hooks",
    "test_state_dict_post_hook": "test_recadam_torch_state.py::test_state_hooks",
    "test_state_dict_pre_post_hook": "test_recadam_torch_state.py::test_state_hooks",
    "test_load_state_dict_pre_hook_and_prepend": "test_recadam_torch_state.py::test_load_hooks",
    "test_load_state_dict_post_hook": "test_recadam_torch_state.py::test_load_hooks",
    "test_load_state_dict_pre_post_hook": "test_recadam_torch_state.py::test_load_hooks",
    "test_deepcopy_copies_all_public_attrs": "test_recadam_torch_state.py::test_a_copy_has_every_attribute",
    "test_non_empty_state": "test_recadam_torch_state.py::test_a_step_makes_state",
    "test_errors": "test_recadam_input.py::test_a_bad_setting_is_refused_at_once",
    "test_errors (duplicates, kinds of params)": "test_wrong_params_are_torchs_to_refuse",
    "test_closure": "test_recadam_contract.py::test_a_closure_is_called_once_with_gradients_on",
    "test_zero_grad": "test_zero_grad_keeps_or_drops_the_gradients",
    "TestDifferentiableOptimizer": "not applicable: no step is differentiable here",
    "test_amsgrad": "not applicable: AdamW's variant is not in the algorithm",
    "test_lrscheduler.py": "test_schedulers_give_adamws_steps",
    "test_swa.py": "test_averaged_models_and_their_schedule",
}

every_input = pytest.mark.parametrize("given", INPUTS.values(), ids=INPUTS)


def test_the_table_names_tests_that_exist():
    here = Path(__file__)
    for name in TABLE.values():
        for each in name.removeprefix("not applicable: ").split():
            if not each.startswith("test_"):
                continue
            file, _, test = each.rpartition("::")
            text = (here.parent / file if file else here).read_text()
            assert f"def {test}(" in text, each


@every_input
def test_it_can_be_printed(given):
    params, loss = problem()
    optimizer = make(params, **given)
    step(optimizer, loss)
    text = repr(optimizer)
    assert text.startswith("RecAdam (")
    assert "Parameter Group 0" in text
    assert "lr: 0.001" in text


@every_input
@pytest.mark.parametrize("transposed", [True, False])
def test_it_goes_in_the_right_direction(given, transposed):
    params, loss = problem(transposed=transposed)
    optimizer = make(params, **given)
    first = loss().item()
    for _ in range(20):
        step(optimizer, loss)
    assert (loss().item() > first) == given.get("maximize", False)


SCHEDULERS = {
    "LambdaLR": lambda o: lr_scheduler.LambdaLR(o, lambda n: 0.9**n),
    "MultiplicativeLR": lambda o: lr_scheduler.MultiplicativeLR(o, lambda n: 0.95),
    "StepLR": lambda o: lr_scheduler.StepLR(o, 3, 0.5),
    "MultiStepLR": lambda o: lr_scheduler.MultiStepLR(o, [2, 5], 0.5),
    "ConstantLR": lambda o: lr_scheduler.ConstantLR(o, 0.5, 4),
    "LinearLR": lambda o: lr_scheduler.LinearLR(o, 0.1, total_iters=6),
    "ExponentialLR": lambda o: lr_scheduler.ExponentialLR(o, 0.9),
    "PolynomialLR": lambda o: lr_scheduler.PolynomialLR(o, 12),
    "CosineAnnealingLR": lambda o: lr_scheduler.CosineAnnealingLR(o, 12),
    "CosineAnnealingWarmRestarts": lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 4),
    "CyclicLR": lambda o: lr_scheduler.CyclicLR(o, 1e-4, 1e-3, 3, cycle_momentum=True),
    "OneCycleLR": lambda o: lr_scheduler.OneCycleLR(o, 1e-2, total_steps=14),
    "ReduceLROnPlateau": lambda o: lr_scheduler.ReduceLROnPlateau(o, patience=1),
    "SequentialLR": lambda o: lr_scheduler.SequentialLR(
        o, [lr_scheduler.ConstantLR(o, 0.5, 3), lr_scheduler.ExponentialLR(o, 0.9)], [3]
    ),
    "ChainedScheduler": lambda o: lr_scheduler.ChainedScheduler(
        [lr_scheduler.ConstantLR(o, 0.5, 3), lr_scheduler.ExponentialLR(o, 0.9)]
    ),
    "SWALR": lambda o: swa_utils.SWALR(o, 1e-4, anneal_epochs=4),
}


@pytest.mark.parametrize("name", SCHEDULERS)
def test_schedulers_give_adamws_steps(name):
    ends = []
    for kind in (RecAdam, torch.optim.AdamW):
        params, loss = problem()
        own = {"anneal": Constant(1), "gamma": 5.0} if kind is RecAdam else {"fused": True}
        groups = [{"params": [params["weight"]]}, {"params": [params["bias"]], "lr": 0.002}]
        optimizer = kind(groups, lr=0.001, weight_decay=0.0, **own)
        schedule = SCHEDULERS[name](optimizer)
        rates = []
        for _ in range(12):
            value = step(optimizer, loss)
            schedule.step(*([value.item()] if name == "ReduceLROnPlateau" else []))
            rates.append([(group["lr"], group["betas"]) for group in optimizer.param_groups])
        ends.append((rates, params.values()))
    assert ends[0][0] == ends[1][0]
    assert equal(ends[0][1], ends[1][1])


def test_every_scheduler_of_torch_is_among_them():
    known = {
        name
        for name, kind in vars(lr_scheduler).items()
        if isinstance(kind, type) and issubclass(kind, lr_scheduler.LRScheduler) and not name.startswith("_")
    }
    assert known - {"LRScheduler"} <= set(SCHEDULERS)


@pytest.mark.parametrize("shape", [(), (1,), (1, 1)])
@pytest.mark.parametrize("path", [{}, {"foreach": True}, {"foreach": False}])
def test_a_tensor_lr_is_its_number(shape, path):
    ends = []
    for lr in (torch.full((), 0.001).item(), torch.full(shape, 0.001)):
        params, loss = problem()
        optimizer = make(params, lr=lr, **path)
        schedule = lr_scheduler.ExponentialLR(optimizer, 0.9)
        for _ in range(10):
            step(optimizer, loss)
            schedule.step()
        ends.append(params.values())
    assert equal(*ends)


@every_input
def test_without_gradients_nothing_moves(given):
    params, _ = problem()
    before = copy.deepcopy(params)
    optimizer = make(params, **given)
    for _ in range(3):
        optimizer.step()
    assert equal(params.values(), before.values())
    assert not optimizer.state


@every_input
def test_zero_gradients_move_nothing(given):
    params, _ = problem()
    before = copy.deepcopy(params)
    optimizer = make(params, **given | {"weight_decay": 0.0})
    for p in params.values():
        p.grad = torch.zeros_like(p)
    for _ in range(3):
        optimizer.step()
    assert equal(params.values(), before.values())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("default", [torch.float32, torch.float64])
@pytest.mark.parametrize("algorithm", ["paper", "released", "coupled"])
@pytest.mark.parametrize("maximize", [True, False])
def test_the_paths_agree(dtype, default, algorithm, maximize):
    before = torch.get_default_dtype()
    torch.set_default_dtype(default)
    try:
        ends = []
        for path in ({"foreach": False}, {"foreach": True}, {"fused": True}, {"fused": False}, {}):
            generator = torch.Generator().manual_seed(0)
            shapes = [(7, 5), (5,), (), (0, 3), (1, 4)]
            start = [torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype) for shape in shapes]
            params = {f"p{n}": Parameter(p.clone()) for n, p in enumerate(start)}
            optimizer = make(params, lr=0.01, weight_decay=0.1, algorithm=algorithm, maximize=maximize, **path)
            for at in range(7):
                for n, p in enumerate(params.values()):
                    p.grad = torch.randn(p.shape, generator=generator, dtype=torch.float64).to(dtype)
                    if at == 3 and n % 2:
                        p.grad = None  # a parameter that is left out for a step
                optimizer.step()
            assert all(state["step"].dtype == torch.float32 for state in optimizer.state.values())
            ends.append(list(params.values()))
        tolerance = {torch.float64: 1e-12, torch.float32: 1e-6, torch.bfloat16: 2**-7, torch.float16: 2**-10}[dtype]
        for end in ends[1:]:
            torch.testing.assert_close(end, ends[0], rtol=tolerance, atol=tolerance)
        assert equal(ends[2], ends[4])
        assert equal(ends[1], ends[3])
        assert not equal(ends[0], start)
    finally:
        torch.set_default_dtype(before)


def test_devices_and_dtypes_share_a_group():
    # the meta device stands in for a GPU: it computes nothing and checks everything
    kinds = [(device, dtype) for device in ("cpu", "meta") for dtype in (torch.float32, torch.float64, torch.bfloat16)]
    for path in ({}, {"foreach": True}, {"foreach": False}):
        params = [Parameter(torch.ones(3, device=device, dtype=dtype)) for device, dtype in kinds]
        optimizer = make(params, lr=0.1, **path)
        for _ in range(3):
            for p in params:
                p.grad = torch.ones_like(p)
            optimizer.step()
        for p, (device, dtype) in zip(params, kinds, strict=True):
            assert (p.device.type, p.dtype) == (device, dtype)
            assert optimizer.state[p]["exp_avg"].device.type == device
        ends = [p.double() for p in params if p.device.type == "cpu"]
        for end in ends[1:]:
            torch.testing.assert_close(end, ends[0], rtol=1e-2, atol=1e-2)
        assert (ends[0] < 1).all()


def test_groups_have_rates_and_decays_of_their_own():
    params, loss = problem()
    still, decayed = params["weight"], params["bias"]
    before = still.detach().clone()
    optimizer = make([{"params": [still], "lr": 0.0}, {"params": [decayed], "weight_decay": 10.0}], lr=0.01)
    first = decayed.norm().item()
    for _ in range(20):
        optimizer.zero_grad()
        decayed.grad = torch.zeros_like(decayed)
        still.grad = torch.ones_like(still)
        optimizer.step()
    assert torch.equal(still, before)
    assert decayed.norm().item() < 0.9 * first
    for _ in range(20):
        step(optimizer, loss)
    assert torch.equal(still, before)


def test_wrong_params_are_torchs_to_refuse():
    a = Parameter(torch.ones(2))
    with pytest.raises(TypeError, match="params argument given to the optimizer should be an iterable"):
        RecAdam(a)
    with pytest.raises(TypeError, match="optimizer can only optimize Tensors"):
        RecAdam([3])
    with pytest.raises(TypeError, match="optimizer parameters need to be organized in ordered collections"):
        RecAdam([{"params": {a}}])
    with pytest.raises(ValueError, match="can't optimize a non-leaf Tensor"):
        RecAdam([a * 2])
    with pytest.raises(ValueError, match="some parameters appear in more than one parameter group"):
        RecAdam([{"params": [a]}, {"params": [a]}])
    with pytest.warns(UserWarning, match="optimizer contains a parameter group with duplicate parameters"):
        RecAdam([a, a])
    with pytest.raises(TypeError, match="param_group must be a dict"):
        RecAdam([a]).add_param_group([a])
    RecAdam(p for p in [a])


def test_zero_grad_keeps_or_drops_the_gradients():
    for path in ({}, {"foreach": True}, {"fused": True}):
        params, loss = problem()
        optimizer = make(params, **path)
        loss().backward()
        gradients = [p.grad for p in params.values()]
        optimizer.zero_grad(set_to_none=False)
        assert all(p.grad is gradient for p, gradient in zip(params.values(), gradients, strict=True))
        assert not any(gradient.any() for gradient in gradients)
        optimizer.zero_grad()
        assert all(p.grad is None for p in params.values())


def test_averaged_models_and_their_schedule():
    torch.manual_seed(0)
    model = nn.Linear(5, 2)
    optimizer = make(dict(model.named_parameters()), lr=0.05)
    average, schedule = swa_utils.AveragedModel(model), swa_utils.SWALR(optimizer, 0.01, anneal_epochs=3)
    moving = swa_utils.AveragedModel(model, multi_avg_fn=swa_utils.get_ema_multi_avg_fn(0.5))
    taken = []
    for _ in range(6):
        step(optimizer, lambda: model(torch.ones(3, 5)).square().sum())
        average.update_parameters(model)
        moving.update_parameters(model)
        schedule.step()
        taken.append(model.weight.detach().clone())
    torch.testing.assert_close(average.module.weight, torch.stack(taken).mean(0))
    assert not torch.equal(moving.module.weight, model.weight)
    assert math.isclose(optimizer.param_groups[0]["lr"], 0.01)
