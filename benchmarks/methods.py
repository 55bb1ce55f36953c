"""What a method costs: the time of a step and the memory of a run, as ratios to plain fine-tuning with AdamW.

Each method of the registry with its usual settings, as ``compose`` puts it to work, on the model of the small world
(tiny) and on a BERT of 10 million weights. A step is forward, backward and the optimizer's, on one batch. It is timed
next to a plain step of a twin; a ratio is the median over --pairs such pairs, with the range of the middle half.

Memory is the largest that a process has needed for weights, theta*, optimizer and three steps, in a process of its own
(on a GPU: what torch allocated), over that of plain fine-tuning. A Fisher that a method keeps counts, and what it takes
to compute one does not; what a method takes from the source before it begins is taken of 32 rows. Of tiny it says
nothing, as the libraries' own memory is larger.

Weights are counted: those that train, and those of modules that were added, as shares of the model's own.

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
from transformers import BertConfig, BertForMaskedLM, BertForSequenceClassification
from transformers.utils import logging

from recall_learn import Source, compose
from recall_learn.methods import METHODS
from recall_learn.models import backbones
from recall_learn.models.masked_lm import MaskedLM
from recall_learn.support import environment
from recall_learn.support.files import write_text

PLAIN, LR = "vanilla", 2e-5
BATCHES = {"tiny": (32, 32), "bert": (8, 64)}
"""Sequences and tokens in each."""
MASK = 4
"""The id that hides a word."""


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
        given = {"fisher": self.fisher, "source": self.source()}
        self.composed = compose(method, self.model, lr=LR, weight_decay=0.01, new=["classifier"], **given)

    def source(self):
        """A word-saying head on the same encoder, and passages like the task's batch, 15 % of each hidden."""
        masked_lm = BertForMaskedLM(self.model.config)
        masked_lm.bert = self.model.bert
        masked_lm.tie_weights()
        ids, (rows, length) = self.batch["input_ids"].clone(), self.batch["input_ids"].shape
        hidden = torch.rand(rows, length, device=ids.device) < 0.15
        hidden[:, 0] = True
        words = ids[hidden]
        inputs = {"input_ids": ids.masked_fill(hidden, MASK), "attention_mask": self.batch["attention_mask"]}
        return Source(MaskedLM(masked_lm.to(ids.device), MASK), lambda n: (inputs, words), MASK, range(5))

    def fisher(self, kind):
        """Numbers in the place of one: what it holds does not matter to the time."""
        return {name: torch.rand_like(p) for name, p in self.model.named_parameters() if p.requires_grad}

    def step(self):
        """One update."""
        loss = self.composed.loss(self.model(**self.batch), self.batch)
        loss.backward()
        self.composed.optimizer.step()
        self.composed.optimizer.zero_grad()


def weighed(model, training):
    """How many weights train, and how many were added, as shares of the model's own."""
    own = sum(p.numel() for p in model.parameters())
    now = list(training.model.parameters())
    trains = sum(p.numel() for p in now if p.requires_grad)
    return {"trains": round(trains / own, 4), "added": round(sum(p.numel() for p in now) / own - 1, 4)}


def usual(name):
    """A method with its usual settings; what it takes from the source before it begins is short."""
    asked = name in METHODS and "examples" in METHODS[name].settings()
    return f"{name}(examples=32)" if asked else name


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
    columns = ("tiny", "bert", "memory", "trains", "added")
    print(f"{base / 2**20:.0f} MiB for plain fine-tuning of bert\n{'':18}{''.join(f'{each:>8}' for each in columns)}")
    sizes = {kind: sum(p.numel() for p in model.parameters()) for kind, model in models.items()}
    for name in METHODS:
        expression, found = usual(name), {}
        found["memory"] = round(memory(expression, "bert", asked) / base, 3)
        for kind, model in models.items():
            plain, other = (Training(model, method, kind, asked.device) for method in (PLAIN, expression))
            found[kind] = ratios(plain, other, asked)
        costs[name] = found | weighed(model, other)
        shown = (found["tiny"]["time"], found["bert"]["time"], *(costs[name][each] for each in columns[2:]))
        print(f"{name:18}{''.join(f'{each:8.2f}' for each in shown)}", flush=True)
        about["load after"] = round(os.getloadavg()[0], 1)
        record = {"environment": about, "pairs": asked.pairs, "weights": sizes, "batches": BATCHES, "methods": costs}
        if asked.out:
            write_text(asked.out, json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
