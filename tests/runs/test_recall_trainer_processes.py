"""RecallTrainer in two processes on loopback, by DDP and by FSDP2, ends where one process with the joint batch does.

The processes are started once. Each trains every method and writes down the weights.
"""

import os
import warnings

import pytest
import torch
import torch.distributed as dist
from accelerate import FullyShardedDataParallelPlugin
from accelerate.utils import DistributedType
from processes import in_two
from ways import NEW, arguments, bert, farthest, fisher_of, quick, rows, source_of, weights

from recall_learn import RecallTrainer
from recall_learn.methods import METHODS
from recall_learn.methods.expression import parse

PAIR = ("ewc", "child-d")
DRAWN = [name for name, each in METHODS.items() if "source head" in each.needs]  # for each batch anew
APART = ["bss", "smart"]  # see the batch of their process alone: its features' singular values; a start drawn for it
METHOD_SETS = [quick(name) for name in METHODS if name not in (*PAIR, *DRAWN)] + [" + ".join(PAIR)]
SETTINGS = {"max_steps": 3, "weight_decay": 0.1, "max_grad_norm": 0.5, "logging_strategy": "steps", "logging_steps": 3}
# Adam divides by the root of what it sums: at a weight whose gradient is 0 but for the order of a sum (a key's bias),
# it would walk along the rounding
SETTINGS["adam_epsilon"] = 1e-4


class Sharded(RecallTrainer):
    """accelerate chooses FSDP2 on accelerators only; told so, it prepares on a CPU just the same."""

    def create_accelerator_and_postprocess(self):
        super().create_accelerator_and_postprocess()
        state = self.accelerator.state
        state.distributed_type = DistributedType.FSDP
        state.fsdp_plugin = FullyShardedDataParallelPlugin(
            fsdp_version=2,
            cpu_ram_efficient_loading=False,
            auto_wrap_policy="transformer_based_wrap",
            transformer_cls_names_to_wrap="BertLayer",
            state_dict_type="SHARDED_STATE_DICT",
        )
        self.is_fsdp_enabled = True


def in_pieces(method):
    """Whether FSDP2 may have it: what runs the encoder without its model is refused there."""
    return not any("source data" in each.needs for each in parse(method, METHODS))


def made():
    """With a part that is in no output, as a pooler may be: a penalty has a gradient there, the loss has none."""
    model = bert()
    model.bert.unused = torch.nn.Linear(3, 5)
    return model


def trained(kind, folder, method, batch, accumulation=1, resume=None, model=None, **more):
    model = model or made()
    fisher = fisher_of(model)
    trainer = kind(
        model,
        arguments(folder, batch, accumulation, **SETTINGS | more),
        train_dataset=rows(32),
        method=method,
        new=NEW,
        fisher={"source": fisher, "task": fisher},
        source=source_of(model),
    )
    trainer.model_accepts_loss_kwargs = False
    trainer.train(resume)
    log = next(log for log in reversed(trainer.state.log_history) if "loss" in log)
    with trainer.composed.plain():
        return whole(trainer.model), {name: log.get(name) for name in ("distance", "penalty", "lambda")}


def whole(model):
    found = {name: p.full_tensor() if hasattr(p, "full_tensor") else p for name, p in model.named_parameters()}
    return {name: p.detach().clone() for name, p in found.items()}


def ways(folder):
    """Every training of a process, by its name: the arguments of `trained`."""
    for method in METHOD_SETS:
        yield f"ddp {method}", (RecallTrainer, f"{folder}/ddp", method, 4)
        if in_pieces(method):
            yield f"fsdp2 {method}", (Sharded, f"{folder}/fsdp2", method, 4)
    yield "ddp accumulated", (RecallTrainer, f"{folder}/ddp", "l2sp(gamma=50)", 2, 2)
    yield "fsdp2 accumulated", (Sharded, f"{folder}/fsdp2", "l2sp(gamma=50)", 2, 2)


def one_of_two(rank, folder):
    torch.set_num_threads(1)
    # accelerate reads these, and connects to nothing: there is a group already
    os.environ.update(RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE="2", MASTER_ADDR="127.0.0.1", MASTER_PORT="1")
    dist.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
    warnings.simplefilter("ignore")
    found = {name: trained(*given) for name, given in ways(folder)}
    for kind, name in ((RecallTrainer, "ddp"), (Sharded, "fsdp2")):
        saving, given = {"save_strategy": "steps", "save_steps": 2}, ("recadam(t0=2) + child-f", 4)
        # torch's distributed checkpoints cannot load the state of a parameter that never had a gradient
        found[f"{name} through"] = trained(kind, f"{folder}/{name}", *given, model=bert(), **saving)
        begun = f"{folder}/{name}/checkpoint-2"
        found[f"{name} gone on"] = trained(kind, f"{folder}/{name} on", *given, resume=begun, model=bert())
    torch.save(found, f"{folder}/{rank}.pt")
    dist.destroy_process_group()


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    folder = tmp_path_factory.mktemp("two")
    in_two(one_of_two, folder)
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in (0, 1)]


@pytest.mark.parametrize("method", METHOD_SETS)
def test_two_processes_end_as_one_with_the_joint_batch(two, tmp_path, method):
    alone, log = trained(RecallTrainer, tmp_path, method, 8)
    start = weights(made())
    kinds = ("ddp", "fsdp2") if in_pieces(method) else ("ddp",)
    for found in two:
        for way in kinds:
            got, got_log = found[f"{way} {method}"]
            if method in APART:
                assert 0 < farthest(got, alone) < 0.05 * farthest(alone, start)
                continue
            assert farthest(got, alone) < 1e-3 * farthest(alone, start)
            assert {name: value for name, value in got_log.items() if value is not None} == pytest.approx(
                {name: value for name, value in log.items() if value is not None}, rel=1e-3
            )
    for name in kinds:
        assert farthest(two[0][f"{name} {method}"][0], two[1][f"{name} {method}"][0]) == 0


@pytest.mark.parametrize("way", ["ddp", "fsdp2"])
def test_accumulated_in_two_processes(two, tmp_path, way):
    alone, log = trained(RecallTrainer, tmp_path, "l2sp(gamma=50)", 8)
    got, got_log = two[0][f"{way} accumulated"]
    assert farthest(got, alone) < 1e-3 * farthest(alone, weights(made()))
    assert got_log["penalty"] == pytest.approx(log["penalty"], rel=1e-3)


@pytest.mark.parametrize("way", ["ddp", "fsdp2"])
def test_a_run_in_two_processes_goes_on(two, way):
    for found in two:
        assert farthest(found[f"{way} gone on"][0], found[f"{way} through"][0]) == 0
