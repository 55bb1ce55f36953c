"""What watching costs: a run in the live lab, without a browser, beside the same run alone.

Prints five things, all measured in one process:

- how long a reader waits for the first step: after Start (at most 5 s), and again after Reset and after a preset (1 s);
- throughput: steps a second with the lab telling its view, over those of ``finetune`` alone (at least 0.97);
  the two train in turns, some steps each, and each ratio is that of two such blocks;
- two runs beside each other: their steps a second in all, over those of one in the lab;
- latency: from a slider's change to the step that uses it, beyond the step that was in progress (median at most 50 ms,
  95 % at most 150 ms);
- memory: the process's growth over a long run (``--long`` steps).

Run as ``python benchmarks/live.py [--rounds 5] [--backbone tiny] [--task world/cola] [--steps 400] [--device cpu]``.
"""

import argparse
import asyncio
import math
import os
import statistics
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import torch

from recall_learn import Recipe, finetune
from recall_learn.lab import background
from recall_learn.lab.background import BUSY
from recall_learn.lab.live import Lab
from recall_learn.lab.protocol import OTHER
from recall_learn.lab.teller import Teller
from recall_learn.runs.trainer import Between
from recall_learn.support import environment
from recall_learn.support.process_wide import rest, silent


class Blocks:
    """Two runs that train in turns, ``LONG`` steps each, so that both meet the same machine.

    In its ``with`` block a run that trains on a thread of the lab's counts as the lab's, any other as the one alone.
    The one that waits computes nothing, and has given up its OpenMP workers.
    """

    LONG, ORDER = 40, ("alone", "lab", "lab", "alone")

    def __init__(self):
        self.past = 0
        """So many blocks were timed."""
        self.seconds: dict[str, list[float]] = {"alone": [], "lab": []}
        self.there, self.ended = set(), False
        self._steps, self._changed = {"alone": 0, "lab": 0}, threading.Condition()

    def __enter__(self):
        self._begin = begin = Between.on_step_begin

        def noted(between, *args, **kwargs):
            begin(between, *args, **kwargs)
            self._begins_step("lab" if threading.current_thread().name.startswith("recall-learn") else "alone")

        Between.on_step_begin = noted
        return self

    def __exit__(self, *error):
        Between.on_step_begin = self._begin
        self.end()

    def _begins_step(self, name: str) -> None:
        if self._steps[name] % self.LONG == 0:
            if torch.cuda.is_initialized():
                torch.cuda.synchronize()  # what this run still has in its queue is this run's
            now = time.perf_counter()
            rest()
            with self._changed:
                if self._steps[name] and not self.ended:
                    self.seconds[name].append(now - self._began)
                    self.past += 1
                self.there.add(name)
                self._changed.notify_all()
            self.wait_for(name)
            self._began = time.perf_counter()
        self._steps[name] += 1

    def wait_for(self, name: str) -> None:
        """Wait until it is this run's block, or one of them has ended."""
        with self._changed:
            self._changed.wait_for(
                lambda: self.ended or (len(self.there) == 2 and self.ORDER[self.past % len(self.ORDER)] == name)
            )

    def end(self) -> None:
        """One has ended: the other need not wait any more."""
        with self._changed:
            self.ended = True
            self._changed.notify_all()

    @property
    def ratios(self) -> list[float]:
        """Of each pair of blocks, steps a second in the lab over those alone."""
        return [alone / lab for alone, lab in zip(self.seconds["alone"], self.seconds["lab"], strict=False)]


def alone(recipe: Recipe, options: dict) -> None:
    """The command line's way."""
    with tempfile.TemporaryDirectory() as folder:
        finetune(recipe, out=Path(folder) / "run", progress=False, **options)


async def in_turns(recipe: Recipe, options: dict) -> tuple[Blocks, int]:
    """A run in the lab and the same run alone, a block in turns; and how often the lab told its view in its blocks."""
    told, failed, tell = [], [], Teller.tell

    def count(*args):
        told.append(blocks.past)
        tell(*args)

    def beside():
        try:
            alone(recipe, options)
        except BaseException as error:
            failed.append(error)
        finally:
            blocks.end()

    rest()  # this thread's workers, for those that train
    Teller.tell = count
    try:
        with Blocks() as blocks:
            other = threading.Thread(target=beside)
            other.start()
            while not (blocks.there or blocks.ended):  # models are loaded one after another
                await asyncio.sleep(0.02)
            lab = Lab(recipe, "nothing", **options)
            lab.start()
            while lab.state in BUSY:
                await asyncio.sleep(0.05)
                if "lab" in blocks.there:
                    blocks.wait_for("lab")  # and hold the loop up: nothing is told while the other one trains
            blocks.end()
            other.join()
    finally:
        Teller.tell = tell
    if failed:
        raise SystemExit(f"the run alone failed: {failed[0]}")
    if lab.state != "done":
        raise SystemExit(lab.status)
    lab.close()
    return blocks, sum(past < blocks.past and blocks.ORDER[past % len(blocks.ORDER)] == "lab" for past in told)


async def beginnings(recipe: Recipe, options: dict) -> dict[str, list[float]]:
    """Seconds from Start to the first step: of the first run of this process, after Reset, and after a preset."""
    found: dict[str, list[float]] = {"start": [], "reset": [], "preset": []}
    lab = Lab(recipe, **options)
    for name in ("start", *["reset", "preset"] * 5):
        began = time.perf_counter()
        if name == "preset":
            lab.preset("Multi-task")
        else:
            if name == "reset":
                lab.reset()
            lab.start()
        while not lab.run.history:
            await asyncio.sleep(0.005)
        found[name].append(time.perf_counter() - began)
        while len(lab.run.history) < 5:
            await asyncio.sleep(0.005)
    lab.close()
    return found


async def together(recipe: Recipe, options: dict) -> float:
    """Steps a second, in all, of a run in the lab and of the same one beside it."""
    lab, marks = Lab(recipe, OTHER, **options), []
    lab.start()
    while lab.state in BUSY:
        done = len(lab.run.history) + len(lab.beside.history)
        if done > 10 and (not marks or done > marks[-1][1]):  # not while the models are written
            marks.append((time.perf_counter(), done))
        await asyncio.sleep(0.05)
    if lab.state != "done":
        raise SystemExit(lab.status)
    lab.close()
    (began, first), (ended, last) = marks[0], marks[-1]
    return (last - first) / (ended - began)


async def delays(recipe: Recipe, options: dict) -> list[float]:
    """From a slider's change to the step that uses it, beyond the step that was in progress, seconds."""
    moved, late, train = [], [], background.finetune

    def timed(recipe, steer, **settings):
        def step_begins(step, run):
            waited = time.perf_counter()  # the step in progress has ended
            asked = steer(step, run)
            if any(change["step"] == step for change in run.changes):
                late.append(time.perf_counter() - max(waited, moved[-1]))
            return asked

        return train(recipe, steer=step_begins, **settings)

    background.finetune = timed
    try:
        lab = Lab(recipe, "nothing", **options)
        lab.start()
        while lab.state in BUSY:
            if len(lab.run.history) > 5:
                moved.append(time.perf_counter())
                lab.set(t0=50 + len(moved) % 100)
            await asyncio.sleep(0.11)
    finally:
        background.finetune = train
    if lab.state != "done":
        raise SystemExit(lab.status)
    lab.close()
    return late


def interval(values: list[float]) -> tuple[float, float]:
    """The two values between which the median lies, with about 95 % confidence."""
    ordered, away = sorted(values), 0.98 * math.sqrt(len(values))
    last = len(values) - 1
    return ordered[max(0, math.floor(last / 2 - away))], ordered[min(last, math.ceil(last / 2 + away))]


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
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--long", type=int, default=0, help="steps of the run that memory is watched over (0: none)")
    parser.add_argument("--mixed-precision", default="no")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--data")
    asked = parser.parse_args()
    if asked.steps < 4 * Blocks.LONG:
        parser.error(f"--steps is {asked.steps}; take at least {4 * Blocks.LONG}, four blocks of each run")
    options = {"data_folder": asked.data, "device": asked.device}
    settings = {"backbone": asked.backbone, "task": asked.task, "method": "recadam", "t0": 100.0}
    settings |= {"mixed_precision": asked.mixed_precision}
    recipe = Recipe(steps=asked.steps, **settings)
    first = asyncio.run(beginnings(recipe, options))
    print(
        f"first step, s             {first['start'][0]:.2f} after Start (at most 5), "
        f"{statistics.median(first['reset']):.2f} after Reset, {statistics.median(first['preset']):.2f} after a preset "
        f"(medians of {len(first['reset'])}; at most 1)",
        flush=True,
    )
    ratios, seconds, drawn = [], [], 0
    for _ in range(asked.rounds):
        blocks, figures = asyncio.run(in_turns(recipe, options))
        ratios += blocks.ratios
        seconds += blocks.seconds["lab"]
        drawn += figures
    both = [asyncio.run(together(recipe, options)) for _ in range(3)]
    late = sorted(1000 * each for _ in range(2) for each in asyncio.run(delays(recipe, options)))
    where = environment.describe(environment.choose_device(asked.device))
    print(f"{where['device']}, torch {torch.__version__}, {where['threads']} threads, {datetime.now(UTC):%Y-%m-%d}")
    rate = Blocks.LONG * len(seconds) / sum(seconds)
    print(f"{asked.backbone} on {asked.task}, steps a second in the lab {rate:.1f}")
    low, high = interval(ratios)
    print(
        f"lab over alone            median {statistics.median(ratios):.3f}, 95 % interval {low:.3f}-{high:.3f} "
        f"({len(ratios)} pairs of {Blocks.LONG} steps each, at least 0.97)"
    )
    print(f"messages a second         {drawn / sum(seconds):.1f}")
    print(
        f"with a run beside         {statistics.median(both):.1f} steps a second in all, "
        f"{statistics.median(both) / rate:.2f} of one ({len(both)} runs, {min(both):.1f}-{max(both):.1f})"
    )
    print(
        f"slider to step, ms        median {statistics.median(late):.2f} (at most 50), 95 % "
        f"{late[int(0.95 * (len(late) - 1))]:.2f} (at most 150), {len(late)} changes"
    )
    if asked.long:
        asyncio.run(growth(Recipe(steps=asked.long, evaluate_every=asked.long, probe="none", **settings), options))


if __name__ == "__main__":
    with silent():
        main()
