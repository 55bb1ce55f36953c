"""Claim: a checkpoint of RecAdam is as large as AdamW's, as it holds the anchors' fingerprint and not the anchors.

The state after one step on BERT-base's 199 tensors with a head of two labels; bytes of torch.save(state_dict()).
"""

import argparse
import datetime

import torch
from transformers import BertConfig, BertForSequenceClassification

from recall_learn import RecAdam, recall_groups


class Count:
    """A file that keeps nothing but its size."""

    def __init__(self):
        self.size = 0

    def write(self, data):
        """Count."""
        self.size += len(data)
        return len(data)

    def flush(self):
        """Nothing to do."""


def size(thing):
    """Bytes of torch.save."""
    count = Count()
    torch.save(thing, count)
    return count.size


def saved(optimizer):
    """Bytes of the optimizer's state after one step."""
    optimizer.step()
    return size(optimizer.state_dict())


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--layers", type=int, default=12)
    asked = parser.parse_args()
    model = BertForSequenceClassification(BertConfig(num_hidden_layers=asked.layers))
    for p in model.parameters():
        p.grad = torch.zeros_like(p)
    adamw = saved(torch.optim.AdamW(model.parameters(), fused=True))
    recadam = saved(RecAdam(recall_groups(model, new=["classifier"])))
    with_anchors = recadam + size({name: p.detach() for name, p in model.base_model.named_parameters()})
    print(f"torch {torch.__version__}, {datetime.date.today()}, {len(list(model.parameters()))} tensors")
    print(f"{'':30}{'bytes':>14}{'ratio':>9}{'at most':>9}")
    for name, found, most in (("AdamW", adamw, ""), ("RecAdam", recadam, 1.02), ("with the anchors", with_anchors, "")):
        print(f"{name:30}{found:14,}{found / adamw:9.4f}{most:>9}")


if __name__ == "__main__":
    main()
