"""Claim: while it recalls, RecAdam's step costs at most 1.6 of torch's fused AdamW; after that, nothing.

The 199 tensors of BERT-base (109.5 million weights, float32), one step at a time, each timed next to a step of
torch.optim.AdamW(fused=True) on the same weights and gradients; a ratio is the median over --pairs such pairs.

    recalling            lambda = 1/2: a pull towards the anchors before the fused kernel          at most 1.60
    recalling, compiled  the same under torch.compile(optimizer.step): one pass over the memory    at most 1.25
    after                lambda = 1: the pull is skipped                                           at most 1.05
    released             the authors' loop over the tensors, written out again                     for comparison

Second claim: in bf16 a step needs at most 1 byte a weight beside the state, where float32 copies of all weights and
gradients at once would be 8. It is the peak of the process over its size before the step (glibc), or CUDA's.

Compiling all 199 tensors takes minutes the first time and seconds from torch's cache; --no-compile leaves it out. On a
machine that does something else, ratios of two threads say nothing: use --threads 1 there.
"""

import argparse
import ctypes
import datetime
import math
import os
import platform
import statistics
import time

import torch
from transformers import BertConfig, BertModel

from recall_learn import Constant, RecAdam

LR, GAMMA = 2e-5, 5000.0


class Released(torch.optim.Optimizer):
    """The released optimizer's loop, with its anchors in the group and lambda given."""

    def __init__(self, params, anchors, lam):
        super().__init__(params, {"lr": LR, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.0})
        self.anchors, self.lam = anchors, lam

    @torch.no_grad()
    def step(self):
        """One step."""
        for group in self.param_groups:
            for p, anchor in zip(group["params"], self.anchors, strict=True):
                state = self.state[p]
                if not state:
                    state |= {"step": 0, "exp_avg": torch.zeros_like(p), "exp_avg_sq": torch.zeros_like(p)}
                state["step"] += 1
                beta1, beta2 = group["betas"]
                m, v = state["exp_avg"], state["exp_avg_sq"]
                m.mul_(beta1).add_(p.grad, alpha=1 - beta1)
                v.mul_(beta2).addcmul_(p.grad, p.grad, value=1 - beta2)
                denominator = v.sqrt().add_(group["eps"])
                size = group["lr"] * math.sqrt(1 - beta2 ** state["step"]) / (1 - beta1 ** state["step"])
                p.addcdiv_(m, denominator, value=-size * self.lam)
                p.add_(p - anchor, alpha=-group["lr"] * (1 - self.lam) * GAMMA)
                if group["weight_decay"] > 0:
                    p.add_(p, alpha=-group["lr"] * group["weight_decay"])


def bert_base(device):
    """The weights of BERT-base, random, each with a gradient."""
    with torch.device("meta"):
        shapes = [p.shape for p in BertModel(BertConfig()).parameters()]
    params = [torch.nn.Parameter(0.02 * torch.randn(shape, device=device)) for shape in shapes]
    for p in params:
        p.grad = 1e-3 * torch.randn_like(p)
    return params


def timed(step, device):
    """Seconds of one step."""
    if device == "cuda":
        torch.cuda.synchronize()
    start = time.perf_counter()
    step()
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start


def measure(adamw, step, asked):
    """The median time, and the median over the pairs of its ratio to AdamW's."""
    for _ in range(3):  # the first makes the state, and compiles
        adamw()
        step()
    pairs = [(timed(adamw, asked.device), timed(step, asked.device)) for _ in range(asked.pairs)]
    return statistics.median(ours for _, ours in pairs), statistics.median(ours / base for base, ours in pairs)


def ways(params, compiled):
    """(name, what to call, the most it may cost) one after another, so that one state at a time is in memory."""
    yield "AdamW(fused), again", torch.optim.AdamW(params, LR, weight_decay=0.0, fused=True).step, None
    yield "RecAdam, recalling", RecAdam(params, LR, anneal=Constant(0.5), gamma=GAMMA).step, 1.6
    yield "RecAdam, after", RecAdam(params, LR, anneal=Constant(1), gamma=GAMMA).step, 1.05
    anchors = [p.detach().clone() for p in params]
    yield "released loop, recalling", Released(params, anchors, 0.5).step, None
    if compiled:
        step = torch.compile(RecAdam(params, LR, anneal=Constant(0.5), gamma=GAMMA).step)
        yield "RecAdam, recalling, compiled", step, 1.25


def peak(step, device):
    """Bytes that a step needs for itself, at its most."""
    if device == "cuda":
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        step()
        return torch.cuda.max_memory_allocated() - before
    ctypes.CDLL(None).malloc_trim(0)  # what was freed goes back, or it would hide what is taken
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")  # the peak so far is forgotten
    before = resident("VmRSS")
    step()
    return resident("VmHWM") - before


def resident(key):
    """A size of this process, in bytes."""
    with open("/proc/self/status") as file:
        return next(1024 * int(line.split()[1]) for line in file if line.startswith(key))


def compare_memory(params, device):
    """Print what a step in bf16 needs beside its state."""
    for p in params:
        p.grad, p.data = None, p.data.bfloat16()
        p.grad = 1e-3 * torch.randn_like(p)
    weights = sum(p.numel() for p in params)
    print(f"\n{'':30}{'bytes a weight, bf16':>22}{'at most':>9}")
    makers = {
        "AdamW(fused)": (lambda: torch.optim.AdamW(params, LR, fused=True), None),
        "AdamW(foreach)": (lambda: torch.optim.AdamW(params, LR, foreach=True), None),
        "RecAdam, recalling": (lambda: RecAdam(params, LR, anneal=Constant(0.5), gamma=GAMMA), 1),
        "RecAdam(foreach), recalling": (
            lambda: RecAdam(params, LR, anneal=Constant(0.5), gamma=GAMMA, foreach=True),
            1,
        ),
    }
    for name, (make, most) in makers.items():
        optimizer = make()
        optimizer.step()  # makes the state
        optimizer.step()
        print(f"{name:30}{peak(optimizer.step, device) / weights:22.2f}{most or '':>9}", flush=True)
        del optimizer


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=15)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--no-compile", dest="compile", action="store_false")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    torch.manual_seed(0)
    params = bert_base(asked.device)
    adamw = torch.optim.AdamW(params, LR, weight_decay=0.0, fused=True)
    where = torch.cuda.get_device_name() if asked.device == "cuda" else f"{platform.machine()}, {asked.threads} threads"
    print(f"torch {torch.__version__}, {where}, {datetime.date.today()}, load {os.getloadavg()[0]:.1f}")
    print(f"{len(params)} tensors, {sum(p.numel() for p in params):,} weights, {asked.pairs} pairs")
    print(f"{'':30}{'ms':>8}{'ratio':>8}{'at most':>9}")
    for name, step, most in ways(params, asked.compile):
        start = time.perf_counter()
        if "compiled" in name:
            step()
            print(f"{'':4}(compiled in {time.perf_counter() - start:.0f} s)")
        seconds, ratio = measure(adamw.step, step, asked)
        print(f"{name:30}{1e3 * seconds:8.1f}{ratio:8.2f}{most or '':>9}", flush=True)
        del step
    del adamw
    compare_memory(params, asked.device)


if __name__ == "__main__":
    main()
