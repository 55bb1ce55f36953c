"""What watching costs: a run in the live lab, without a browser, beside the same run alone.

Prints three things, each from one process:

- throughput: steps a second with the lab drawing into its widgets, over those of ``finetune`` alone (at least 0.97);
  the two train in turns, and each ratio is that of one pair;
- latency: from a slider's change to the step that uses it, beyond the step that was in progress (median at most 50 ms,
  95 % at most 150 ms);
- memory: the process's growth over a long run (``--long`` steps).

Run as ``python benchmarks/live.py [--rounds 5] [--backbone tiny] [--task world/cola] [--steps 300] [--device cpu]``.
"""

import argparse
import asyncio
import os
import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import torch
import transformers
from datasets import disable_progress_bars

from recall_learn import environment
from recall_learn.finetune import finetune
from recall_learn.lab import background
from recall_learn.lab.background import BUSY
from recall_learn.lab.live import Lab
from recall_learn.lab.live_figure import LiveFigure
from recall_learn.recipe import Recipe
from recall_learn.trainer import StepTrainer


class Pace:
    """When each step began, of all that trains in its ``with`` block; nothing is asked of the run for it."""

    def __init__(self):
        self.times: list[float] = []

    def __enter__(self):
        self._compute = compute = StepTrainer.compute_loss

        def noted(*args, **kwargs):
            self.times.append(time.perf_counter())
            return compute(*args, **kwargs)

        StepTrainer.compute_loss = noted
        return self

    def __exit__(self, *error):
        StepTrainer.compute_loss = self._compute

    @property
    def rate(self) -> float:
        """Steps a second, loading and the first five steps left out."""
        return (len(self.times) - 6) / (self.times[-1] - self.times[5])


def alone(recipe: Recipe, options: dict) -> float:
    """Steps a second of the command line's way."""
    with tempfile.TemporaryDirectory() as folder, Pace() as pace:
        finetune(recipe, out=Path(folder) / "run", progress=False, **options)
    return pace.rate


async def in_the_lab(recipe: Recipe, options: dict, moves: bool = False) -> tuple[float, list[float], int]:
    """Steps a second in the lab; the delays of a moving slider beyond the step in progress; how often it drew."""
    moved, delays, drawn = [], [], [0]
    train, show = background.finetune, LiveFigure.show_runs

    def timed(recipe, steer, **settings):
        def step_begins(step, run):
            waited = time.perf_counter()  # the step in progress has ended
            asked = steer(step, run)
            if "t0" in asked:
                delays.append(time.perf_counter() - max(waited, moved[-1]))
            return asked

        return train(recipe, steer=step_begins, **settings)

    def count(figure, runs):
        drawn[0] += 1
        show(figure, runs)

    background.finetune, LiveFigure.show_runs = timed, count
    try:
        lab = Lab(recipe, "nothing", **options)
        with Pace() as pace:
            lab.start()
            while lab.state in BUSY:
                if moves and len(lab.run.history) > 5:
                    moved.append(time.perf_counter())
                    lab.set(t0=50 + len(moved) % 100)
                await asyncio.sleep(0.11 if moves else 0.02)
        if lab.state != "done":
            raise SystemExit(lab.status)
        lab.close()
    finally:
        background.finetune, LiveFigure.show_runs = train, show
    return pace.rate, delays, drawn[0]


def resident() -> float:
    """The process's memory, MB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


async def growth(recipe: Recipe, options: dict) -> None:
    """Memory along a long run: after its first fifth, and at its end."""
    lab, marks = Lab(recipe, "nothing", **options), []
    lab.start()
    while lab.state in BUSY:
        if len(lab.run.history) >= recipe.steps // 5 * (len(marks) + 1):
            marks.append((len(lab.run.history), resident()))
        await asyncio.sleep(0.05)
    own = len(lab.run.to_json()) / 1e6
    lab.close()
    print(f"memory, MB, by steps      {', '.join(f'{step}: {mb:.0f}' for step, mb in marks)}; the run itself {own:.1f}")


def main() -> None:
    """Run it, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--backbone", default="tiny")
    parser.add_argument("--task", default="world/cola")
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--long", type=int, default=0, help="steps of the run that memory is watched over (0: none)")
    parser.add_argument("--mixed-precision", default="no")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--glue")
    asked = parser.parse_args()
    disable_progress_bars()
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    options = {"glue_folder": asked.glue, "device": asked.device}
    settings = {"backbone": asked.backbone, "task": asked.task, "method": "recadam", "t0": 100.0}
    settings |= {"mixed_precision": asked.mixed_precision}
    recipe = Recipe(steps=asked.steps, **settings)
    alone(Recipe(steps=10, **settings), options)  # imports, caches
    ratios, rates, frames, delays = [], [], [], []
    for _ in range(asked.rounds):
        plain = alone(recipe, options)
        rate, _, drawn = asyncio.run(in_the_lab(recipe, options))
        ratios.append(rate / plain)
        rates.append(rate)
        frames.append(drawn / (asked.steps / rate))
    for _ in range(2):
        delays += asyncio.run(in_the_lab(recipe, options, moves=True))[1]
    where = environment.describe(environment.choose_device(asked.device))
    late = sorted(1000 * delay for delay in delays)
    print(f"{where['device']}, torch {torch.__version__}, {where['threads']} threads, {datetime.now(UTC):%Y-%m-%d}")
    print(f"{asked.backbone} on {asked.task}, steps a second in the lab {statistics.median(rates):.1f}")
    print(
        f"lab over alone            {statistics.median(ratios):.3f} (range {min(ratios):.3f}-{max(ratios):.3f}, "
        f"{asked.rounds} pairs, at least 0.97)"
    )
    print(f"figures a second          {statistics.median(frames):.1f}")
    print(
        f"slider to step, ms        median {statistics.median(late):.2f} (at most 50), 95 % "
        f"{late[int(0.95 * (len(late) - 1))]:.2f} (at most 150), {len(late)} changes"
    )
    if asked.long:
        asyncio.run(growth(Recipe(steps=asked.long, evaluate_every=asked.long, probe="none", **settings), options))


if __name__ == "__main__":
    main()
