"""``recall-learn minilm-head``: train the head by which MiniLM says hidden words."""

import argparse

from recall_learn.support.process_wide import silent


def add(parser: argparse.ArgumentParser) -> None:
    """Its options."""
    parser.set_defaults(run=run)
    parser.add_argument("--text", required=True, metavar="FILE", help="to train on, plain or .xz")
    parser.add_argument("--held-out", required=True, metavar="FILE", help="to state the loss on")
    parser.add_argument("--blocks", type=int, default=12_000, metavar="N", help="blocks of 128 tokens (12000)")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="of hidden words and order (0)")
    parser.add_argument("--out", required=True, metavar="FILE", help="where to write it, as safetensors")


@silent()
def run(options: argparse.Namespace) -> int:
    """Train it and write it."""
    from recall_learn.runs.minilm_head import train

    loss = train(options.text, options.held_out, options.out, blocks=options.blocks, seed=options.seed)
    print(f"minilm: held-out loss {loss:.3f} nats per hidden word -> {options.out}")
    return 0
