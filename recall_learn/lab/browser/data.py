"""What a page is given to train with: weights, tokenized tasks, facts and source text, as classic scripts.

``lab-data.js`` sets ``RecallLabData``, ``lab-fisher.js`` ``RecallLabFisher``; unpack.js reads them. Both are the same
bytes whenever they are made from the same package. Weights are float32: with fewer bits plain fine-tuning forgets other
facts. Their bytes lie in four planes, which halves what deflate leaves of the exponents.
"""

import base64
import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from recall_learn.lab import protocol
from recall_learn.lab.browser import layout
from recall_learn.lab.browser.about import BACKBONE, LONGEST
from recall_learn.measures import probes
from recall_learn.measures.facts import cloze_rows, words
from recall_learn.models import backbones, places
from recall_learn.models.fishers import read_fisher
from recall_learn.models.masked_lm import hide_each
from recall_learn.support.reading import Json
from recall_learn.tasks import loading, registry
from recall_learn.tasks.rows import digest
from recall_learn.tasks.task import WORLD
from recall_learn.theory.anchors import fingerprint
from recall_learn.world import World, tasks

KERNEL = Path(__file__).with_name("kernel.wasm")
Row = Mapping[str, Sequence[int]]


@cache
def script() -> str:
    """The text of lab-data.js."""
    backbone = backbones.load(BACKBONE, num_labels=2)
    world, tokenizer = probes.world_of(backbone), backbone.tokenizer
    source = hide_each(world.text("held-out")[: probes.PASSAGES], tokenizer)
    facts = cloze_rows(tokenizer, world.facts)
    return _assigned(
        "RecallLabData",
        {
            "kernel": packed(KERNEL.read_bytes()),
            "layout": layout.layout(),
            "weights": packed(planes(layout.weights())),
            "mask": tokenizer.mask_token_id,
            "words": _said(backbone, world),
            "tasks": {name: _task(name, backbone) for name in protocol.offered_tasks(BACKBONE)},
            "facts": rows(facts.rows, [word for (word,) in facts.words]),
            "source": rows(source.rows, [word for (word,) in source.words]),
            "environment": {"backbone": backbone.source, "anchors": backbone.fingerprint},
        },
    )


def rows(examples: Sequence[Row], labels: Iterable[float]) -> dict[str, Json]:
    """Examples, packed: labels float32, tokens uint16, then a byte each their lengths, and how many are of type 1.

    Args:
        examples: ``input_ids``, and ``token_type_ids`` that are 0 up to a place and 1 from there on.
        labels: of each, or its hidden word.

    Raises:
        ValueError: an example is longer than the model reads, or its types are otherwise.
    """
    ids = [row["input_ids"] for row in examples]
    types = [row["token_type_ids"] for row in examples]
    for each, kinds in zip(ids, types, strict=True):
        if len(each) > LONGEST or list(kinds) != sorted(kinds):
            raise ValueError(f"the example {each} cannot be packed: it is too long, or its types go back")
    parts = (
        np.array(list(labels), "<f4"),
        np.array([token for each in ids for token in each], "<u2"),
        np.array([len(each) for each in ids], "u1"),
        np.array([sum(kinds) for kinds in types], "u1"),
    )
    return {"count": len(ids), "packed": packed(b"".join(part.tobytes() for part in parts))}


def planes(values: Tensor) -> bytes:
    """Float32 with all first bytes first, then all second ones, and so on."""
    return values.numpy().astype("<f4").view(np.uint8).reshape(-1, 4).T.tobytes()


def packed(data: bytes) -> str:
    """Deflated, as base64."""
    return base64.b64encode(zlib.compress(data, 9)).decode()


@cache
def fisher() -> str:
    """The text of lab-fisher.js: the packaged Fisher information of the source, and what a record says of it."""
    found, metadata = read_fisher(places.SOURCE_FISHERS[BACKBONE], backbones.load(BACKBONE, num_labels=2))
    about = {key: metadata[key] for key in ("task", "labels", "examples") if key in metadata}
    half = layout.flat(dict(found)).to(torch.bfloat16).view(torch.int16).numpy().astype("<i2")
    return _assigned(
        "RecallLabFisher", {"values": packed(half.tobytes()), "about": about | {"tensors": fingerprint(found)}}
    )


def _task(name: str, backbone: backbones.Backbone) -> dict[str, Json]:
    """A task's examples as a run has them; of an evaluation their order says nothing."""
    from datasets import Dataset

    task = registry.named(name)
    made = tasks.make(name.removeprefix(WORLD))  # not `loading.load`, which takes a folder of the reader's own
    splits = {
        split: loading.tokenize(Dataset.from_dict(columns), task, backbone.tokenizer, LONGEST)
        for split, columns in made.items()
    }
    train, validation = splits["train"], splits[task.evaluation]
    return {
        "train": rows(list(train), train["labels"]),
        "validation": rows(list(validation), validation["labels"]),
        "digest": digest(*splits.values()),
        "examples": {"train": len(train), "evaluation": len(validation)},
    }


def _said(backbone: backbones.Backbone, world: World) -> list[str]:
    """Every word that the model can say, in the spelling of the facts."""
    return words(backbone.tokenizer, world.facts, range(backbone.model.config.vocab_size))


def _assigned(name: str, value: Mapping[str, Json]) -> str:
    return f"globalThis.{name} = {json.dumps(value, separators=(',', ':'), sort_keys=True)};\n"
