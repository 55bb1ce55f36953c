"""Two processes on loopback, with pieces of a model or a share of the examples each: what each of them does."""

import io

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, FullyShardedDataParallel, fully_shard
from torch.distributed.tensor.parallel import ColwiseParallel, parallelize_module
from torch.nn.parallel import DistributedDataParallel

from recall_learn.measures.distance import distance
from recall_learn.methods.child_tuning import ChildTuningD, ChildTuningF, layer_names
from recall_learn.models.backbones import Backbone
from recall_learn.models.fishers import task_fisher
from recall_learn.theory.fisher import fisher_diagonal
from recall_learn.theory.laplace import QuadraticPenalty, ewc, l2sp
from recall_learn.theory.sharded import beside, is_sharded

# no transformers here: each process imports this file anew
STEPS, BATCH = 4, 6


class Base(nn.Module):
    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(11, 5)
        self.layers = nn.ModuleList([nn.Sequential(nn.Linear(5, 7), nn.Tanh(), nn.Linear(7, 5)) for _ in range(2)])

    def forward(self, ids):
        h = self.words(ids)
        for layer in self.layers:
            h = h + layer(h)
        return h.mean(1)


class Classifier(nn.Module):
    """Odd sizes: no dimension is split into two equal halves; a bias of 3 and a scale that the formulas do not know."""

    def __init__(self, formulas=True):
        super().__init__()
        torch.manual_seed(0)
        self.base_model, self.norm, self.head = Base(), nn.LayerNorm(5), nn.Linear(5, 3)
        self.scale = nn.Parameter(torch.ones(5), requires_grad=not formulas)

    def forward(self, ids):
        return self.head(self.norm(self.base_model(ids)) * self.scale)


def in_pieces(model, **options):
    for layer in model.base_model.layers:
        fully_shard(layer, **options)
    return fully_shard(model, **options)


def replicas(model):
    """Hybrid sharding: the two processes hold the whole each, as one piece."""
    return in_pieces(model, mesh=init_device_mesh("cpu", (2, 1), mesh_dim_names=("copies", "pieces")))


def rows(n=13):
    g = torch.Generator().manual_seed(3)
    return torch.randint(0, 11, (n, 4), generator=g), torch.randint(0, 3, (n,), generator=g)


def whole(tensors):
    """Plain copies of tensors in pieces or not, as a checkpoint of the whole would have them."""
    found = {name: t.full_tensor() if hasattr(t, "full_tensor") else t for name, t in tensors.items()}
    return {name: t.detach().clone() for name, t in found.items()}


def gradients(model):
    return {name: p.grad for name, p in model.named_parameters() if p.grad is not None}


def anchors_of(model):
    return {name: p.detach() + 0.1 for name, p in model.named_parameters() if p.requires_grad}


def pretend_fisher():
    g = torch.Generator().manual_seed(4)
    return {name: torch.rand(p.shape, generator=g) for name, p in anchors_of(Classifier()).items()}


def train(model, mine, attach, penalty=None):
    """Steps on the same global batches for everyone; ``mine`` are the rows of a batch that this process sees."""
    optimizer = torch.optim.AdamW(list(model.named_parameters()), lr=0.01, weight_decay=0.1)
    attach(optimizer)
    ids, labels = rows(STEPS * BATCH)
    for one, y in zip(ids.split(BATCH), labels.split(BATCH), strict=True):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(one[mine]), y[mine])
        if penalty is not None:
            loss = loss + penalty(model)
        loss.backward()
        optimizer.step()
    return whole(dict(model.named_parameters()))


def child(optimizer, swap=None):
    fisher = pretend_fisher()
    return ChildTuningD(optimizer, {name: f for name, f in fisher.items() if ".layers." in name}, 0.3)


ATTACH = {
    "nothing": lambda optimizer: None,
    "F": lambda optimizer: ChildTuningF(optimizer, 0.4, torch.Generator().manual_seed(1)),
    "D": child,
    "F and D": lambda optimizer: (ATTACH["F"](optimizer), ATTACH["D"](optimizer)),
}


FORMS = {
    "plain": lambda model: model,
    "in pieces": in_pieces,
    "replicas": replicas,
    "ddp": lambda model: DistributedDataParallel(model, find_unused_parameters=True),
}


FISHERS = {"exact": {}, "empirical": {"labels": "empirical"}, "loop": {"formulas": False}}


def shares(rank):
    """Of 13 examples 9 are the first process's and 4 the second's, in batches of other sizes."""
    ids, y = rows()
    return [(ids[:2], y[:2]), (ids[2:9], y[2:9])] if rank == 0 else [(ids[9:], y[9:])]


def refused(call):
    try:
        call()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "taken"


def masks_and_penalties(mine):
    found = {}
    for name, attach in ATTACH.items():
        found[name] = train(in_pieces(Classifier()), mine, attach)
    model = in_pieces(Classifier())
    found["penalties"] = {}
    for name, anchors, fisher in (
        ("whole", anchors_of(Classifier()), pretend_fisher()),
        ("in pieces", anchors_of(model), pretend_fisher()),
    ):
        for kind, penalty in (("ewc", ewc(anchors, fisher, 2.0)), ("l2sp", l2sp(anchors, 3.0))):
            model.zero_grad()
            value = penalty(model)
            value.backward()
            merged = penalty.merge(QuadraticPenalty(anchors_of(model), 1.0), 0.5)
            found["penalties"][kind, name] = (value.detach(), whole(gradients(model)), merged(model).detach())
        found["penalties"]["distance", name] = torch.tensor(distance(model, anchors))
    penalty = ewc(anchors_of(Classifier()), pretend_fisher(), 2.0)
    for form, make in (("pieces", in_pieces), ("replicas", replicas)):
        found["penalised", form] = train(make(Classifier()), mine, ATTACH["F and D"], penalty)
    found["bad precision"] = refused(lambda: ewc(anchors, {n: -anchor for n, anchor in anchors.items()}, 1.0))
    return found


def swapped(mine):
    """The optimizer and its mask come first, then the pieces, which are put into the optimizer by position."""

    def attach(optimizer):
        ATTACH["F and D"](optimizer)

    model = Classifier()
    optimizer = torch.optim.AdamW(list(model.named_parameters()), lr=0.01, weight_decay=0.1)
    attach(optimizer)
    names = optimizer.param_groups[0]["param_names"]
    in_pieces(model)
    now = dict(model.named_parameters())
    optimizer.param_groups[0]["params"] = [now[name] for name in names]
    ids, labels = rows(STEPS * BATCH)
    for one, y in zip(ids.split(BATCH), labels.split(BATCH), strict=True):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(one[mine]), y[mine]).backward()
        optimizer.step()
    return whole(now)


def fishers(rank):
    world, found = dist.group.WORLD, {}
    for name, options in FISHERS.items():
        formulas, options = options.get("formulas", True), {k: v for k, v in options.items() if k != "formulas"}
        for form, make in FORMS.items():
            model = make(Classifier(formulas))
            found[name, form] = fisher_diagonal(model, shares(rank), group=world, **options)
            if form == "in pieces":  # all examples in each process, without a group
                model.train()
                found[name, "alone in pieces"] = fisher_diagonal(model, [rows()], **options)
                ids, y = rows()
                nn.functional.cross_entropy(model(ids), y).backward()  # it is a sharded model still, and trains
                found[name, "gradients after"] = whole(
                    {n: p.grad for n, p in model.named_parameters() if p.requires_grad}
                )
                found[name, "training"] = model.training
    found["nobody else"] = fisher_diagonal(Classifier(), [rows()] if rank == 0 else [], group=world)
    found["examples"] = [f.examples for f in found.values() if hasattr(f, "examples")]
    sampled = {"labels": "sampled", "generator": torch.Generator().manual_seed(rank), "group": world}
    found["sampled"] = fisher_diagonal(Classifier(), shares(rank), **sampled)
    model = in_pieces(Classifier())
    with torch.no_grad():
        model(rows()[0])  # the root's parameters stay whole after this
    found["after a forward"] = fisher_diagonal(model, shares(rank), group=world)
    return found


def refusals(rank):
    world, (ids, y) = dist.group.WORLD, rows()
    other = Classifier()
    if rank:
        other.head.bias.requires_grad_(False)
    bad = [(ids, y + rank)]  # the second process has a class too many
    halves = nn.Linear(4, 2)
    numbers = (ids.float(), torch.rand(13, 2)) if rank else (ids.float(), (y % 2)[:, None].expand(-1, 2))
    wrapped = FullyShardedDataParallel(Classifier(), device_id=torch.device("cpu"), use_orig_params=True)
    alone = dist.new_group([0])
    pieces = in_pieces(Classifier())
    columns = parallelize_module(nn.Linear(4, 2), init_device_mesh("cpu", (2,)), ColwiseParallel())
    return {
        "a failure in pieces": refused(lambda: fisher_diagonal(pieces, bad, labels="empirical", group=world)),
        "in pieces again": [is_sharded(p) for p in pieces.parameters()] + [isinstance(pieces, FSDPModule)],
        "columns": refused(lambda: fisher_diagonal(columns, [(ids.float(),)])),
        "nothing": refused(lambda: fisher_diagonal(Classifier(), [], group=world)),
        "other model": refused(lambda: fisher_diagonal(other, [rows()], group=world)),
        "a failure": refused(lambda: fisher_diagonal(Classifier(), bad, labels="empirical", group=world)),
        "two kinds": refused(lambda: fisher_diagonal(halves, [numbers], group=world)),
        "no member": refused(lambda: fisher_diagonal(Classifier(), [rows()], group=alone)),
        "no group": refused(lambda: fisher_diagonal(Classifier(), [rows()], group="world")),
        "flat": refused(lambda: fisher_diagonal(wrapped, [rows()])),
    }


def checkpoint(mine):
    """A child chosen in pieces goes through a file, and so do the draws of F."""
    model = in_pieces(Classifier())
    optimizer = torch.optim.AdamW(list(model.named_parameters()), lr=0.01)
    d = child(optimizer)
    ids, y = rows(BATCH)
    nn.functional.cross_entropy(model(ids[mine]), y[mine]).backward()
    optimizer.step()
    state = d.state_dict()
    file = io.BytesIO()
    torch.save(whole(state["masks"]), file)
    d.load_state_dict(state)
    d.load_state_dict({"p": 0.3, "masks": whole(state["masks"])})
    again = whole(d.masks)
    d.remove()
    pieces = {name: beside(pretend_fisher()[name], p) for name, p in model.named_parameters() if name in state["masks"]}
    chosen = ChildTuningD(optimizer, pieces, 0.3).masks
    file.seek(0)
    return {"masks": torch.load(file, weights_only=True), "again": again, "by pieces": whole(chosen)}


def at_home(rank):
    """A Fisher at the anchors, wherever the pieces stand: after a forward pass, which leaves some of them whole."""
    model = in_pieces(Classifier())
    home = Backbone(model, None, anchors_of(Classifier()), (), "a name", "a print", "a source")
    with torch.no_grad():
        model(rows()[0])
    found = task_fisher(home, [rows()], "empirical")
    return {"fisher": found, "weights": whole(dict(model.named_parameters()))}


def one_of_two(rank, folder):
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
    mine = slice(rank, None, 2)
    found = {"trained": masks_and_penalties(mine), "swapped": swapped(mine), "fishers": fishers(rank)}
    found |= {"refusals": refusals(rank), "checkpoint": checkpoint(mine)}
    found["home"] = at_home(rank)
    found["layers"] = layer_names(in_pieces(Classifier()))
    torch.save(found, f"{folder}/{rank}.pt")
    dist.destroy_process_group()
