"""RecAdam under DistributedDataParallel: two processes on loopback end alike, and as one process does."""

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from recall_learn.annealing import Sigmoid
from recall_learn.recadam import RecAdam
from recall_learn.recalled import recall_groups

# no transformers here: both processes import this file anew
STEPS, BATCH = 12, 8


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.base_model = nn.Sequential(nn.Embedding(30, 8), nn.Flatten(), nn.Linear(48, 8), nn.Tanh())
        self.head = nn.Linear(8, 2)

    def forward(self, ids):
        return self.head(self.base_model(ids))


def train(model, rows):
    """The same global batches for everyone; ``rows`` are those of a batch that this process sees."""
    groups = recall_groups(getattr(model, "module", model), new=["head"])
    optimizer = RecAdam(groups, 1e-3, anneal=Sigmoid(1, 6), gamma=300.0)
    generator = torch.Generator().manual_seed(1)
    for _ in range(STEPS):
        ids = torch.randint(0, 30, (BATCH, 6), generator=generator)[rows]
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(ids), ids[:, 0] % 2).backward()
        optimizer.step()
    return [p.detach().clone() for p in model.parameters()]


def one_of_two(rank, folder):
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
    weights = train(DistributedDataParallel(Classifier()), slice(rank, None, 2))
    torch.save(weights, f"{folder}/{rank}.pt")
    dist.destroy_process_group()


def test_two_processes_end_to_the_bit_alike_and_as_one(tmp_path, monkeypatch):
    monkeypatch.setenv("GLOO_SOCKET_IFNAME", "lo")
    mp.spawn(one_of_two, (str(tmp_path),), nprocs=2)
    first, second = (torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in (0, 1))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    start = [p.detach().clone() for p in Classifier().parameters()]
    alone = train(Classifier(), slice(None))
    half = train(Classifier(), slice(0, None, 2))

    def distance(left, right):
        return sum((a - b).square().sum() for a, b in zip(left, right, strict=True)).sqrt()

    moved = distance(alone, start)
    assert moved > 0.01
    assert distance(first, alone) < 1e-4 * moved
    assert distance(half, alone) > 1e-2 * moved
