"""How fast the page's kernel is under wasmtime, on one thread: a step, a twin step, and what an evaluation asks.

A browser's engine is about a quarter faster; `benchmarks/page_lab.py` measures it there.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from wasm_model import WasmModel, session

from recall_learn.lab.browser import FOLDER
from recall_learn.measures.facts import cloze_rows
from recall_learn.measures.probes import PASSAGES, world_of
from recall_learn.models.masked_lm import hide_each

EVERY = 30  # steps between two evaluations


def best(work: Callable[[], object], times: int) -> float:
    """Milliseconds of CPU, the least of several times."""
    found = []
    for _ in range(times):
        began = time.process_time()
        work()
        found.append(time.process_time() - began)
    return 1000 * min(found)


def main() -> None:
    """Print the figures."""
    place = session("cola")
    backbone, rows = place.backbone, list(place.data["train"])
    mask, world = backbone.tokenizer.mask_token_id, world_of(backbone)
    validation = list(place.data["validation"])
    facts = cloze_rows(backbone.tokenizer, world.facts)
    passages = hide_each(world.text("held-out")[:PASSAGES], backbone.tokenizer)
    kernel = WasmModel()
    recadam = {"k": 0.05, "t0": 150.0, "gamma": 100.0, "algorithm": "paper"}
    for size in (1, 8, 16, 32):
        step = best(lambda size=size: kernel.step(rows[:size], 1, 1e-3, recadam=recadam), 30)
        print(f"a step of batch {size:2}: {step:6.1f} ms")
        if size == 16:
            usual = step
    asked = {
        "validation": best(lambda: kernel.classify(validation), 3),
        "facts": best(lambda: kernel.cloze(facts, mask), 3),
        "source loss": best(lambda: kernel.cloze(passages, mask), 3),
    }
    probe = sum(asked.values())
    print(f"an evaluation: {probe:.0f} ms ({', '.join(f'{name} {ms:.0f}' for name, ms in asked.items())})")
    twins = 1000 * EVERY / (2 * EVERY * usual + 2 * probe)
    print(f"twin steps a second of batch 16: {500 / usual:.1f}; with an evaluation every {EVERY} steps: {twins:.1f}")
    print(f"the module: {(FOLDER / 'kernel.wasm').stat().st_size} bytes")


if __name__ == "__main__":
    main()
