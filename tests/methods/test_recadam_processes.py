"""RecAdam in two processes on loopback: DDP, FSDP2, accelerate, distributed checkpoints, ZeRO and FSDP1.

The processes are started once. Each takes the checks below one after another and writes down what it found.
"""

import copy
import json
import os
import warnings

import pytest
import torch
import torch.distributed as dist
from processes import in_two
from torch import nn

from recall_learn.methods.recadam.optimizer import RecAdam
from recall_learn.theory.annealing import Linear, Sigmoid

SETTINGS = {"anneal": Sigmoid(1, 5), "gamma": 100.0, "weight_decay": 0.01}
LR, HALF_WAY, STEPS = 1e-2, 4, 8


def network(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(5, 7), nn.Tanh(), nn.Linear(7, 3))


def groups_of(model, named=True):
    encoder, head = ([*model[i].named_parameters(f"{i}")] for i in (0, 2))
    if not named:
        encoder, head = ([p for _, p in pairs] for pairs in (encoder, head))
    return [{"params": encoder}, {"params": head, "recall": False}]


def make(model, lr=LR, **settings):
    return RecAdam(groups_of(model), lr, **SETTINGS | settings)


def train(model, optimizer, first=0, last=STEPS, rows=None):
    """The same batches for everyone; ``rows`` are those of a batch that this process sees."""
    for step in range(first, last):
        torch.manual_seed(step)
        batch = torch.randn(8, 5)
        optimizer.zero_grad()
        model(batch if rows is None else batch[rows]).square().mean().backward()
        optimizer.step()


def whole(model):
    return [(p.full_tensor() if hasattr(p, "full_tensor") else p).detach().clone() for p in model.parameters()]


def apart(left, right):
    return max((a - b).abs().max().item() for a, b in zip(left, right, strict=True) if a.numel())


def prints(optimizer):
    return [group["anchors"] for group in optimizer.state_dict()["param_groups"]]


class Alone:
    """What one process does with all the rows."""

    def __init__(self):
        self.model = network()
        self.optimizer = make(self.model)
        self.start = whole(self.model)
        train(self.model, self.optimizer, 0, HALF_WAY)
        self.half_way = copy.deepcopy((self.model.state_dict(), self.optimizer.state_dict()))
        train(self.model, self.optimizer, HALF_WAY)
        self.end, self.prints = whole(self.model), prints(self.optimizer)

    def compare(self, model, optimizer=None):
        """How far a model's end is, and whether an optimizer has the same fingerprints."""
        return [apart(whole(model), self.end), optimizer is None or prints(optimizer) == self.prints]


def sharded(model):
    from torch.distributed.fsdp import fully_shard

    fully_shard(model[0])
    return fully_shard(model)


def ddp(alone, rows, folder):
    model = nn.parallel.DistributedDataParallel(network())
    optimizer = make(model.module)
    train(model, optimizer, rows=rows)
    torch.save(whole(model), f"{folder}/ddp{dist.get_rank()}.pt")
    return alone.compare(model, optimizer)


def fsdp2(alone, rows, folder):
    model = sharded(network())
    optimizer = make(model)
    train(model, optimizer, rows=rows)
    return alone.compare(model, optimizer)


def fsdp2_with_whole_anchors(alone, rows, folder):
    model = network()
    anchors = {name: p.detach().clone() for name, p in model[0].named_parameters("0")}
    gamma = {name: torch.full_like(p, SETTINGS["gamma"]) for name, p in anchors.items()}
    model = sharded(model)
    optimizer = make(model, anchors=anchors, gamma=gamma)
    train(model, optimizer, rows=rows)
    return alone.compare(model, optimizer)


def fsdp2_with_sharded_anchors(alone, rows, folder):
    model = sharded(network())
    anchors = {name: p.detach().clone() for name, p in model[0].named_parameters("0")}
    gamma = {name: torch.full_like(p, SETTINGS["gamma"]) for name, p in anchors.items()}
    optimizer = make(model, anchors=anchors, gamma=gamma)
    train(model, optimizer, rows=rows)
    return alone.compare(model, optimizer)


def fsdp2_after_the_optimizer(alone, rows, folder):
    model = network()
    optimizer = make(model)
    params = dict(sharded(model).named_parameters())
    for group in optimizer.param_groups:
        group["params"] = [params[name] for name in group["param_names"]]
    train(model, optimizer, rows=rows)
    return alone.compare(model, optimizer)


def partial_gradients(alone, rows, folder):
    # tensor parallelism: a weight that every process has, and of its gradient each a summand
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.tensor import DTensor, Partial, Replicate, distribute_tensor

    mesh = init_device_mesh("cpu", (2,))
    start, gradients = torch.linspace(-1, 1, 12).view(4, 3), torch.linspace(1, -2, 12).view(4, 3)
    plain, parallel = nn.Parameter(start.clone()), nn.Parameter(distribute_tensor(start, mesh, [Replicate()]))
    optimizers = [RecAdam([p], LR, **SETTINGS) for p in (plain, parallel)]
    for step in range(STEPS):
        plain.grad = gradients.roll(step)
        summand = (0.25 if dist.get_rank() else 0.75) * plain.grad
        parallel.grad = DTensor.from_local(summand, mesh, [Partial()])
        for optimizer in optimizers:
            optimizer.step()
    return [apart([parallel.full_tensor()], [plain]), prints(optimizers[0]) == prints(optimizers[1])]


def by_accelerate(alone, rows, efficient):
    from accelerate import Accelerator, FullyShardedDataParallelPlugin
    from accelerate.utils import DistributedType

    accelerator = Accelerator(cpu=True)
    # accelerate chooses FSDP2 on accelerators only; told so, it prepares on a CPU just the same
    accelerator.state.distributed_type = DistributedType.FSDP
    accelerator.state.fsdp_plugin = FullyShardedDataParallelPlugin(
        fsdp_version=2, cpu_ram_efficient_loading=efficient, auto_wrap_policy="no_wrap"
    )
    model = network(7 if efficient and dist.get_rank() else 0)
    model, optimizer = accelerator.prepare(model, make(model))
    assert type(next(model.parameters())).__name__ == "DTensor"
    train(model, optimizer, rows=rows)
    return alone.compare(model, optimizer.optimizer)


def accelerate(alone, rows, folder):
    return by_accelerate(alone, rows, efficient=False)


def accelerate_with_weights_in_the_first_process_only(alone, rows, folder):
    return by_accelerate(alone, rows, efficient=True)


def an_unsharded_state(alone, rows, folder):
    model, (weights, state) = network(), copy.deepcopy(alone.half_way)
    optimizer = make(sharded(model))
    from torch.distributed.checkpoint.state_dict import StateDictOptions, set_model_state_dict

    set_model_state_dict(model, weights, options=StateDictOptions(full_state_dict=True))
    optimizer.load_state_dict(state)
    train(model, optimizer, HALF_WAY, rows=rows)
    return alone.compare(model, optimizer)


def checkpoint(alone, rows, folder, flat):
    import torch.distributed.checkpoint as dcp
    from torch.distributed.checkpoint import state_dict as by_name

    options = by_name.StateDictOptions(flatten_optimizer_state_dict=flat)

    def states(model, optimizer):
        optimizer = by_name.get_optimizer_state_dict(model, optimizer, options=options)
        return {"model": by_name.get_model_state_dict(model), "optimizer": optimizer}

    model = sharded(network())
    optimizer = make(model)
    train(model, optimizer, 0, HALF_WAY, rows)
    dcp.save(states(model, optimizer), checkpoint_id=f"{folder}/checkpoint-{flat}")
    train(model, optimizer, HALF_WAY, rows=rows)
    end = whole(model)

    again = sharded(network())
    resumed = make(again, 1.5 * LR, anneal=Linear(3), gamma=1.0)
    found = states(again, resumed)
    dcp.load(found, checkpoint_id=f"{folder}/checkpoint-{flat}")
    by_name.set_model_state_dict(again, found["model"])
    by_name.set_optimizer_state_dict(again, resumed, found["optimizer"], options=options)
    train(again, resumed, HALF_WAY, rows=rows)
    assert apart(whole(again), end) == 0
    return alone.compare(again, resumed)


def a_checkpoint(alone, rows, folder):
    return checkpoint(alone, rows, folder, flat=False)


def a_flat_checkpoint(alone, rows, folder):
    return checkpoint(alone, rows, folder, flat=True)


def a_whole_state_broadcast(alone, rows, folder):
    from torch.distributed.checkpoint import state_dict as by_name

    model = sharded(network())
    optimizer = make(model)
    train(model, optimizer, 0, HALF_WAY, rows)
    options = by_name.StateDictOptions(full_state_dict=True, cpu_offload=True)  # in the first process only
    weights = by_name.get_model_state_dict(model, options=options)
    state = by_name.get_optimizer_state_dict(model, optimizer, options=options)
    again = sharded(network())
    resumed = make(again)
    options = by_name.StateDictOptions(full_state_dict=True, broadcast_from_rank0=True)
    by_name.set_model_state_dict(again, weights, options=options)
    by_name.set_optimizer_state_dict(again, resumed, state, options=options)
    train(again, resumed, HALF_WAY, rows=rows)
    return alone.compare(again, resumed)


def zero(alone, rows, folder):
    from torch.distributed.optim import ZeroRedundancyOptimizer

    def both(lr=LR):
        model = nn.parallel.DistributedDataParallel(network())
        groups = groups_of(model.module, named=False)  # names are more than ZeroRedundancyOptimizer takes
        return model, ZeroRedundancyOptimizer(groups, RecAdam, lr=lr, **SETTINGS)

    model, optimizer = both()
    train(model, optimizer, 0, HALF_WAY, rows)
    optimizer.consolidate_state_dict()
    if dist.get_rank() == 0:
        torch.save((model.module.state_dict(), optimizer.state_dict()), f"{folder}/zero.pt")
    train(model, optimizer, HALF_WAY, rows=rows)
    assert apart(whole(model), alone.end) < 1e-6
    dist.barrier()

    weights, state = torch.load(f"{folder}/zero.pt", weights_only=True)
    model, resumed = both(1.5 * LR)
    model.module.load_state_dict(weights)
    resumed.load_state_dict(state)
    train(model, resumed, HALF_WAY, rows=rows)
    assert apart(whole(model), alone.end) < 1e-6

    weights, state = torch.load(f"{folder}/zero.pt", weights_only=True)
    plain = network()
    optimizer = RecAdam(groups_of(plain, named=False), 1.5 * LR, **SETTINGS)
    plain.load_state_dict(weights)
    with pytest.warns(UserWarning, match=r"no fingerprint of the anchors of param_groups\[0\]: nobody can tell"):
        optimizer.load_state_dict(state)
    train(plain, optimizer, HALF_WAY)
    return alone.compare(plain)


def fsdp1_of(original):
    from torch.distributed.fsdp import FullyShardedDataParallel as Fsdp

    model = Fsdp(network(), use_orig_params=original, device_id=torch.device("cpu"))
    return Fsdp, model, RecAdam(model.parameters(), LR, **SETTINGS)


def fsdp1_of_original_parameters(alone, rows, folder):
    # no state here: torch's own optim_state_dict mixes up the moments of original parameters, AdamW's as well
    Fsdp, model, optimizer = fsdp1_of(original=True)
    train(model, optimizer, rows=rows)
    one = network()
    train(one, RecAdam(one.parameters(), LR, **SETTINGS))
    with Fsdp.summon_full_params(model):
        return [apart(whole(model), whole(one)), True]


def fsdp1_of_flat_parameters(alone, rows, folder):
    Fsdp, model, optimizer = fsdp1_of(original=False)
    train(model, optimizer, 0, HALF_WAY, rows)
    given = [Fsdp.optim_state_dict(model, optimizer)]
    dist.broadcast_object_list(given)  # as a checkpoint that the first process wrote
    with Fsdp.summon_full_params(model):
        weights = copy.deepcopy(model.module.state_dict())
    train(model, optimizer, HALF_WAY, rows=rows)

    _, again, resumed = fsdp1_of(original=False)
    with Fsdp.summon_full_params(again):
        again.module.load_state_dict(weights)
    with pytest.warns(UserWarning, match="no fingerprint of the anchors"):
        resumed.load_state_dict(Fsdp.optim_state_dict_to_load(again, resumed, given[0]))
    train(again, resumed, HALF_WAY, rows=rows)
    return [apart(whole(again), whole(model)), True]


def fsdp1_after_the_optimizer(alone, rows, folder):
    from torch.distributed.fsdp import FullyShardedDataParallel as Fsdp

    model = network()
    optimizer = make(model)
    wrapped = Fsdp(model, use_orig_params=True, device_id=torch.device("cpu"))
    with pytest.raises(ValueError, match=r"anchor of parameter '0\.\w+' of param_groups\[0\] has shape"):
        train(wrapped, optimizer, rows=rows)
    return [0.0, True]


CHECKS = [
    ddp,
    fsdp2,
    fsdp2_with_whole_anchors,
    fsdp2_with_sharded_anchors,
    fsdp2_after_the_optimizer,
    partial_gradients,
    an_unsharded_state,
    a_checkpoint,
    a_flat_checkpoint,
    a_whole_state_broadcast,
    zero,
    fsdp1_of_original_parameters,
    fsdp1_of_flat_parameters,
    fsdp1_after_the_optimizer,
    accelerate,
    accelerate_with_weights_in_the_first_process_only,
]


def one_of_two(rank, folder):
    torch.set_num_threads(1)
    # accelerate reads these, and connects to nothing: there is a group already
    os.environ.update(RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE="2", MASTER_ADDR="127.0.0.1", MASTER_PORT="1")
    dist.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
    alone, found = Alone(), {"moved": 0}
    found["moved"] = apart(alone.end, alone.start)
    for check in CHECKS:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                found[check.__name__] = check(alone, slice(rank, None, 2), folder)
            except Exception as error:
                found[check.__name__] = f"{type(error).__name__}: {error}"
        with open(f"{folder}/{rank}.json", "w") as file:
            json.dump(found, file)
    dist.destroy_process_group()


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    folder = tmp_path_factory.mktemp("processes")
    in_two(one_of_two, folder)
    weights = [torch.load(folder / f"ddp{rank}.pt", weights_only=True) for rank in (0, 1)]
    return [json.loads((folder / f"{rank}.json").read_text()) for rank in (0, 1)], weights


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_two_processes_end_as_one_does(found, check):
    for result in found[0]:
        assert result["moved"] > 0.05
        assert isinstance(result[check.__name__], list), result[check.__name__]
        distance, same_prints = result[check.__name__]
        assert distance < 1e-6
        assert same_prints


def test_ddp_ends_to_the_bit_alike(found):
    first, second = found[1]
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
