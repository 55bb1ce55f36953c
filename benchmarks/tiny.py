"""What a run in the small world takes: 300 steps of batch 32 with the tiny model, and what its probes add.

Prints the seconds of a whole ``finetune`` call, loading and ten evaluations included (target: at most 15 on 2 cores),
and the ratio of a run that asks for source loss and facts at every evaluation to one that does not.
Run as ``python benchmarks/tiny.py [--rounds 3]``.
"""

import argparse
import statistics
import time
from datetime import UTC, datetime

import torch

from recall_learn import Recipe, finetune
from recall_learn.support.process_wide import silent


def seconds(probe: str, seed: int) -> float:
    """The time of one run."""
    recipe = Recipe(backbone="tiny", task="world/cola", steps=300, batch_size=32, probe=probe, seed=seed)
    started = time.perf_counter()
    finetune(recipe, device="cpu", progress=False)
    return time.perf_counter() - started


def main() -> None:
    """Run it in turns, and print medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    seconds("auto", 0)  # imports and the world's text
    times = {"auto": [], "none": []}
    for seed in range(rounds):
        for probe, taken in times.items():
            taken.append(seconds(probe, seed))
    median = {probe: statistics.median(taken) for probe, taken in times.items()}
    ratios = sorted(a / b for a, b in zip(times["auto"], times["none"], strict=True))
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {datetime.now(UTC):%Y-%m-%d}")
    print(f"300 steps with probes     {median['auto']:.1f} s (at most 15), {rounds} rounds")
    print(f"300 steps without         {median['none']:.1f} s")
    print(f"with over without         {statistics.median(ratios):.2f} (range {ratios[0]:.2f}-{ratios[-1]:.2f})")


if __name__ == "__main__":
    with silent():
        main()
