"""What a method costs: the time of a step and the memory of a run, as ratios to plain fine-tuning with AdamW.

Each method of the registry with its usual settings, as ``compose`` puts it to work, on the model of the small world
(tiny) and on a BERT of 10 million weights. A step is forward, backward and the optimizer's, on one batch. It is timed
next to a plain step of a twin; a ratio is the median over --pairs such pairs, with the range of the middle half.

Memory is the largest that a process has needed for weights, theta*, optimizer and three steps, in a process of its own
(on a GPU: what torch allocated), over that of plain fine-tuning. A Fisher that a method keeps counts, and what it takes
to compute one does not. Of tiny it says nothing, as the libraries' own memory is larger.

    python benchmarks/methods.py [--device cuda] [--out book/runs/methods-cost.json]
"""

import argparse
import copy
import ctypes
import gc
import json
import multiprocessing
import os
import statistics
from pathlib import Path

import torch
from recadam import resident, timed
from transformers import BertConfig, BertForSequenceClassification
from transformers.utils import logging

from recall_learn import compose
from recall_learn.methods import METHODS
from recall_learn.models import backbones
from recall_learn.support import environment
from recall_learn.support.files import write_text

PLAIN, LR = "vanilla", 2e-5
BATCHES = {"tiny": (32, 32), "bert": (8, 64)}
"""Sequences and tokens in each."""


def made(kind):
    """A model with a new head, on the CPU."""
    torch.manual_seed(0)
    if kind == "tiny":
        return backbones.load("tiny", num_labels=2).model
    size = {"hidden_size": 320, "num_hidden_layers": 6, "num_attention_heads": 5, "intermediate_size": 1280}
    return BertForSequenceClassification(BertConfig(vocab_size=8000, **size))


class Training:
    """A model with a method at work, and one batch."""

    def __init__(self, model, method, kind, device):
        torch.manual_seed(1)
        self.model = copy.deepcopy(model).to(device).train()
        ids = torch.randint(5, 500, BATCHES[kind], device=device)
        labels = torch.randint(0, 2, (len(ids),), device=device)
        self.batch = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "labels": labels}
        self.composed = compose(method, self.model, lr=LR, weight_decay=0.01, new=["classifier"], fisher=self.fisher)

    def fisher(self, kind):
        """Numbers in the place of one: what it holds does not matter to the time."""
        return {name: torch.rand_like(p) for name, p in self.model.named_parameters() if p.requires_grad}

    def step(self):
        """One update."""
        loss = self.composed.loss(self.model(**self.batch), self.batch)
        loss.backward()
        self.composed.optimizer.step()
        self.composed.optimizer.zero_grad()


def ratios(plain, other, asked):
    """Of a step's time to that of a plain one: the middle and both quartiles."""
    for _ in range(3):  # the first makes the state
        plain.step()
        other.step()
    found = []
    for turn in range(asked.pairs):
        order = (plain, other) if turn % 2 else (other, plain)
        times = {id(each): timed(each.step, asked.device) for each in order}
        found.append(times[id(other)] / times[id(plain)])
    low, middle, high = statistics.quantiles(found, n=4)
    return {"time": round(middle, 3), "low": round(low, 3), "high": round(high, 3)}


def needed(model, method, kind, device):
    """Bytes that three steps need at most, beside what was there before."""
    if device == "cuda":
        gc.collect()
        torch.cuda.empty_cache()
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
    else:
        before = resident("VmRSS")
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")  # the peak so far is forgotten
    training = Training(model, method, kind, device)
    for _ in range(3):
        training.step()
    return (torch.cuda.max_memory_allocated() if device == "cuda" else resident("VmHWM")) - before


def in_a_process(method, kind, threads):
    """`needed` in a process of its own."""
    ctypes.CDLL(None).mallopt(-3, 1 << 16)  # large tensors go back to the system when they are freed
    torch.set_num_threads(threads)
    logging.set_verbosity_error()
    return needed(made(kind), method, kind, "cpu")


def memory(method, kind, asked):
    """Bytes that training with a method needs."""
    if asked.device == "cuda":
        return needed(made(kind), method, kind, asked.device)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(in_a_process, (method, kind, asked.threads))


def main():
    """Measure, print, and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=21)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument(
        "--out", type=Path, help="a JSON file to be written; the book reads book/runs/methods-cost.json"
    )
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    logging.set_verbosity_error()
    about = environment.describe(torch.device(asked.device)) | {"load": round(os.getloadavg()[0], 1)}
    where = f"{about['device']}, {about['threads']} threads, load {about['load']}"
    print(f"torch {torch.__version__}, {where}, {about['date']}")
    models, costs = {kind: made(kind) for kind in BATCHES}, {}
    base = memory(PLAIN, "bert", asked)
    print(f"{base / 2**20:.0f} MiB for plain fine-tuning of bert\n{'':12}{'tiny':>8}{'bert':>8}{'memory':>8}")
    for name in METHODS:
        costs[name] = {"memory": round(memory(name, "bert", asked) / base, 3)}
        for kind, model in models.items():
            plain, other = (Training(model, method, kind, asked.device) for method in (PLAIN, name))
            costs[name][kind] = ratios(plain, other, asked)
        each = costs[name]
        print(f"{name:12}{each['tiny']['time']:8.2f}{each['bert']['time']:8.2f}{each['memory']:8.2f}", flush=True)
    about["load after"] = round(os.getloadavg()[0], 1)
    sizes = {kind: sum(p.numel() for p in model.parameters()) for kind, model in models.items()}
    record = {"environment": about, "pairs": asked.pairs, "weights": sizes, "batches": BATCHES, "methods": costs}
    if asked.out:
        write_text(asked.out, json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
