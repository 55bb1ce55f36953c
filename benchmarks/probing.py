"""Claim: all questions at all layers take 20 seconds for tiny and five minutes for MiniLM, on two cores.

Both kinds of probes and their controls at every layer, 1,000 training examples a question, and RSA and CKA of the model
with itself; the model is loaded, and the small world's text made, before the clock starts. The seconds of the processor
are given beside those of the clock: on a machine that does something else as well, they are what the suite costs.
MiniLM is asked the treebank's questions where ``--data`` names a folder with it (``FOLDER/ud``).

Run as ``python benchmarks/probing.py [--threads 2] [--data FOLDER] [--models tiny minilm] [--questions A,B]``.
"""

import argparse
import time
from datetime import UTC, datetime

import torch
from threadpoolctl import threadpool_limits

from recall_learn.measures import suite, treebank_questions, world_questions
from recall_learn.measures.rsa import by_layer
from recall_learn.measures.states import token_states
from recall_learn.models import backbones
from recall_learn.runs.probing import TOKENS
from recall_learn.support.process_wide import silent
from recall_learn.world import World

TARGETS = {"tiny": 20, "minilm": 300}


def clocks() -> tuple[float, float]:
    """Of the wall and of the processor, in seconds."""
    return time.perf_counter(), time.process_time()


def measure(name: str, questions: str | None, folder: str | None) -> dict[str, tuple[float, float]]:
    """The seconds of each part, by both clocks."""
    backbone = backbones.load(name, num_labels=2)
    encoder, tokenizer, taken = backbone.model.base_model, backbone.tokenizer, {}
    if backbone.world:
        texts = [sentence for passage in World().text("held-out") for sentence in passage]
    else:
        texts = treebank_questions.sentences(folder)
    last = clocks()

    def note(part: str) -> None:
        nonlocal last
        now = clocks()
        taken[part], last = (now[0] - last[0], now[1] - last[1]), now

    if backbone.world:
        asked = world_questions.world_questions(World(), questions)
    else:
        asked = treebank_questions.treebank_questions(folder, questions)
    note(f"questions ({len(asked)})")
    found = suite.ask(encoder, tokenizer, asked, progress=False)
    note(f"states and probes ({len(found)})")
    suite.counted(tokenizer, asked)
    note("word counts")
    x, y = (token_states(encoder, tokenizer, texts[:400]).values[:, :TOKENS] for _ in range(2))
    by_layer(x, y)
    note(f"RSA and CKA ({x.shape[1]} tokens)")
    return taken


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--data", metavar="FOLDER")
    parser.add_argument("--models", nargs="+", choices=TARGETS, help="(tiny; with --data both)")
    parser.add_argument("--questions", metavar="A,B", help="these alone")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    print(f"torch {torch.__version__}, {asked.threads} threads, {datetime.now(UTC):%Y-%m-%d}")
    with threadpool_limits(asked.threads):
        for name in asked.models or (TARGETS if asked.data else ["tiny"]):
            taken = measure(name, asked.questions, asked.data)
            for part, (wall, processor) in taken.items():
                print(f"{name:8}{part:34}{wall:7.1f} s {processor:7.1f} s of the processor")
            wall, processor = (sum(each) for each in zip(*taken.values(), strict=True))
            print(f"{name:8}{f'all (at most {TARGETS[name]} s)':34}{wall:7.1f} s {processor:7.1f} s of the processor")


if __name__ == "__main__":
    with silent():
        main()
