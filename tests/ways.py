"""One small BERT, its rows and its Fisher, for the tests that train it in several ways."""

from contextlib import nullcontext

import torch
import transformers

from recall_learn import Source, fisher_diagonal
from recall_learn.measures.distance import distance
from recall_learn.methods import METHODS
from recall_learn.models.masked_lm import MaskedLM

NEW = ["classifier"]


def quick(name):
    """A method, with few examples where it takes something of the source's before it begins."""
    return f"{name}(examples=8)" if "examples" in METHODS[name].settings() else name


EVERY = [quick(name) for name in METHODS]
STEADY = [
    quick(name)
    for name, method in METHODS.items()
    if "wrap" not in method.hooks() and "source head" not in method.needs
]
"""The methods that do not draw anew in every forward pass: what they do in two batches they do in both together."""


def bert(seed=0, labels=2, **config):
    """Made alike each time; without dropout, as ways with other random numbers are compared."""
    torch.manual_seed(seed)
    sizes = {"hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 12}
    none = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    made = transformers.BertConfig(
        vocab_size=30, max_position_embeddings=10, num_labels=labels, **sizes | none | config
    )
    return transformers.BertForSequenceClassification(made)


def rows(count=24):
    ids = torch.randint(1, 30, (count, 6), generator=torch.Generator().manual_seed(1))
    return [{"input_ids": row, "labels": row[0] % 2} for row in ids]


def batched(data):
    return {key: torch.stack([row[key] for row in data]) for key in data[0]}


def fisher_of(model):
    return fisher_diagonal(model, [batched(rows())])


def source_of(model, rows=4, seed=5):
    """What such a BERT was pretrained to do: its encoder below a head, and passages with one word of each hidden.

    Word 0 hides one, and is in none of `rows`.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        whole = transformers.BertForMaskedLM(model.config)
    whole.bert = model.bert
    whole.tie_weights()

    def batch(n):
        ids = torch.randint(1, 30, (rows, 7), generator=torch.Generator().manual_seed(n))
        place = torch.arange(rows) % 7
        words = ids[range(rows), place].clone()
        ids[range(rows), place] = 0
        return {"input_ids": ids, "attention_mask": torch.ones_like(ids)}, words

    return Source(MaskedLM(whole, 0), batch, 0)


def weights(model):
    return {name: p.detach().clone() for name, p in model.named_parameters()}


def as_saved(model, composed=None):
    """The weights of a model as it is scored and saved."""
    with nullcontext() if composed is None else composed.plain():
        return weights(model)


def same(left, right):
    return left.keys() == right.keys() and all(torch.equal(left[name], right[name]) for name in left)


def farthest(left, right):
    """The largest difference in a weight of the second, which the first has among its own."""
    return max((left[name] - right[name]).abs().max().item() for name in right)


def arguments(folder, batch=4, accumulation=1, **more):
    """Of a Trainer that goes through its rows in their order and says nothing."""
    settings = {"max_steps": 6, "lr_scheduler_type": "linear", "learning_rate": 1e-3, "seed": 3}
    settings |= {"use_cpu": True, "report_to": [], "save_strategy": "no", "disable_tqdm": True}
    settings |= {"per_device_train_batch_size": batch, "gradient_accumulation_steps": accumulation}
    settings |= {"train_sampling_strategy": "sequential", "logging_strategy": "no"}
    return transformers.TrainingArguments(str(folder), **(settings | more))


class Witness(transformers.TrainerCallback):
    """The distance after every step, and all that a callback of its place sees logged."""

    def __init__(self, anchors):
        self.anchors, self.distances, self.seen = anchors, {}, []

    def on_step_end(self, args, state, control, model=None, **kwargs):
        self.distances[state.global_step] = distance(model, self.anchors)

    def on_log(self, args, state, control, logs=None, **kwargs):
        self.seen.append(dict(logs))
