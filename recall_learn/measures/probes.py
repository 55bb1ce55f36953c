"""What a run asks its model at every evaluation about the things that it was pretrained to do.

======== ==================================================== ======================================================
probe    what is recorded                                     what it needs
======== ==================================================== ======================================================
stsb     ``similarity``: zero-shot rank correlation on STS-B  a sentence encoder, and the task in the data folder
source   ``source_loss``, nats per hidden word, and           a masked-language-model head; the small world's held-out
         ``source_accuracy``                                  text for its own models, a text file for all others
facts    ``facts``: the share known, and those lost           a model of the small world
recovery ``recovery``: pretraining steps back to within 5 %   as source
grammar  ``grammar``: the share of minimal pairs of which the a masked-language-model head; the small world's pairs
         good sentence is the more likely one; 1/2 is chance  for its own models, FOLDER/blimp for all others
======== ==================================================== ======================================================

No probe draws from the global random state: a run goes the same way with and without it.
"""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import nn

from recall_learn.measures.facts import cloze, cloze_rows
from recall_learn.measures.minimal_pairs import grammar, read_pairs
from recall_learn.measures.recovery import recovery
from recall_learn.measures.similarity import sentence_similarity
from recall_learn.measures.source import say_hidden
from recall_learn.models.backbones import Backbone
from recall_learn.models.fishers import at_home
from recall_learn.models.masked_lm import (
    SHARE,
    Examples,
    attach,
    block_starts,
    hide_each,
    hide_share,
    letters_of_a_block,
    read_text,
)
from recall_learn.support.files import sha256
from recall_learn.support.shelf import Nothing, Shelf
from recall_learn.tasks import loading
from recall_learn.tasks import world as world_files
from recall_learn.tasks.task import WORLD
from recall_learn.world import World
from recall_learn.world.pairs import minimal_pairs

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

PASSAGES = 60
"""Held-out passages of the small world that a run measures its source loss on; each of their words is hidden once."""
BLOCKS = 64
"""Blocks of 128 tokens of a text file that a run measures its source loss on; as many others serve for recovery."""
PAIRS, REAL_PAIRS = 25, 3
"""Minimal pairs of each paradigm, the small world's 8 and BLiMP's 67: 200 in all, a standard error of 0.03."""
MOST = 4096
"""Blocks that methods may train on."""

Probe = Callable[[], dict[str, Any]]


def names(probe: str, backbone: Backbone) -> tuple[str, ...]:
    """The probes that a recipe's setting stands for: "auto" is source and facts where a model knows a world."""
    if probe == "auto":
        return ("source", "facts") if backbone.world else ()
    return () if probe == "none" else tuple(probe.split("+"))


def reads_text(probe: str, backbone: Backbone) -> bool:
    """Whether a recipe's setting asks for what a text file is read for."""
    return bool(set(names(probe, backbone)) & {"source", "recovery"})


def build(
    probe: str,
    backbone: Backbone,
    data_folder: str | Path | None = None,
    text: str | Path | None = None,
    shelf: Shelf | None = None,
) -> list[Probe]:
    """The probes of a run, each a function without arguments that gives what an evaluation records.

    Args:
        probe: as in `recall_learn.Recipe`.
        backbone: whose model is asked, as it is at the time of each call.
        data_folder: as in `recall_learn.tasks.loading.load`, for stsb and grammar.
        text: a text file, for the source loss of a backbone that is not of the small world.
        shelf: where what a model of the small world is asked lies for the next run.

    Raises:
        ValueError: the backbone cannot be asked this, or the text is missing, empty or not text.
        FileNotFoundError: stsb or blimp is not in the data folder.
    """
    wanted = names(probe, backbone)
    made: list[Probe] = []
    if text is not None and backbone.world:
        raise ValueError(f"source text {str(text)!r} is not needed: {backbone.name} has its own; leave it out")
    if text is not None and not reads_text(probe, backbone):
        raise ValueError(f"source text {str(text)!r} is not needed by probe {probe}; leave it out, or add source")
    if "stsb" in wanted:
        if backbone.world:
            raise ValueError(
                f"probe stsb is in plain English, which {backbone.name} does not read; take source or facts"
            )
        made.append(_similarity(backbone, data_folder))
    if set(wanted) & {"source", "facts", "recovery"}:
        if "facts" in wanted and not backbone.world:
            raise ValueError(f"probe facts asks a model of the small world, not {backbone.name}; take --backbone tiny")
        masked_lm = attach(backbone)
        keep = shelf or Nothing()
        if backbone.world:
            source = keep.get("asked", (backbone.fingerprint, backbone.world["seed"]), lambda: _of_world(backbone))
        else:
            source = _of_text(backbone, text)
        made += [_MAKE[name](backbone, masked_lm, source) for name in ("source", "facts", "recovery") if name in wanted]
    if "grammar" in wanted:
        made.append(_grammar(backbone, data_folder))
    return made


def world_of(backbone: Backbone) -> World:
    """The small world that a backbone was pretrained in.

    Raises:
        ValueError: it knows none, or one that this version no longer makes.
    """
    if not backbone.world:
        raise ValueError(f"{backbone.name} was not pretrained in the small world; take --backbone tiny")
    world = World(backbone.world["seed"], backbone.world.get("variety", 1.0))
    if world.digest != backbone.world["digest"]:
        raise ValueError(
            f"{backbone.name} was pretrained in another world of seed {world.seed} than this version makes; "
            f"pretrain it again with recall-learn world pretrain"
        )
    return world


def check_world(backbone: Backbone, task: str, folder: str | Path | None = None) -> None:
    """A model of the small world reads nothing else, and knows the facts of its own world only.

    Args:
        backbone: of that world or of none.
        task: what it is to read.
        folder: the folder of data sets, see `recall_learn.tasks.loading.load`.

    Raises:
        ValueError: it is of a world, and the task is of none, of another, or does not say.
    """
    if not backbone.world:
        return
    seed, own = world_files.seed_of(task, folder), backbone.world["seed"]
    if not task.startswith(WORLD):
        raise ValueError(f"{backbone.name} reads the small world only, not {task}; choose a task world/...")
    if seed is None:
        raise ValueError(f"{task} in {folder} does not say its world; make it by recall-learn world task")
    if seed != own:
        raise ValueError(
            f"{backbone.name} was pretrained in the world of seed {own}, and {task} is about that of seed {seed}; "
            f"make the task with recall-learn world task --seed {own}, or pretrain there"
        )


def _of_world(backbone: Backbone) -> dict[str, Any]:
    from recall_learn.world.batches import Batches

    world = world_of(backbone)
    return {
        "examples": hide_each(world.text("held-out")[:PASSAGES], backbone.tokenizer),
        "facts": world.facts,
        "rows": cache(lambda: cloze_rows(backbone.tokenizer, world.facts)),
        "batches": lambda: Batches(world, backbone.tokenizer),
    }


def _of_text(backbone: Backbone, text: str | Path | None) -> dict[str, Any]:
    if text is None:
        raise ValueError(
            f"the source loss of {backbone.name} needs a text; give a file by --source-text, or take --backbone tiny"
        )
    blocks = hide_share(read_text(text), backbone.tokenizer, limit=2 * BLOCKS)
    measured, others = blocks.take(range(0, len(blocks), 2)), blocks.take(range(1, len(blocks), 2))

    def training() -> Callable:
        if not len(others):
            raise ValueError(f"text {str(text)!r} is too short for recovery: it has to hold {2 * 8 * 128} letters")
        return others.cycle(16)

    return {"examples": measured, "batches": training}


def unmeasured(text: str | Path, tokenizer: "PreTrainedTokenizerBase", share: float = SHARE) -> Examples:
    """Blocks of a text file that share no letter with those that a run's source loss is measured on.

    Args:
        text: the file.
        tokenizer: the backbone's.
        share: of a block's tokens that is hidden; with 0 it is one of them.

    Raises:
        FileNotFoundError, ValueError: it is not there, is no text, or is too short to be measured and trained on.
    """
    whole = read_text(text)
    places = list(block_starts(whole, tokenizer, limit=2 * BLOCKS))
    ends = [start + letters_of_a_block(tokenizer) for start in places]
    rest = "\n".join(whole[a:b] for a, b in zip([0, *ends[::2]], [*places[::2], len(whole)], strict=True))
    if len(places) < 2:
        raise ValueError(
            f"text {str(text)!r} is too short: a run measures its source loss on one half of it and trains on the "
            f"other, and each has to hold {letters_of_a_block(tokenizer)} letters"
        )
    return hide_share(rest, tokenizer, limit=MOST, share=share)


def digest(text: str | Path | None) -> str | None:
    """SHA-256 of a text file, or None."""
    return sha256(text) if text is not None else None


def _similarity(backbone: Backbone, data_folder: str | Path | None) -> Probe:
    pairs = loading.load("stsb", data_folder)["validation"]
    sentences, scores = list(zip(pairs["sentence1"], pairs["sentence2"], strict=True)), pairs["label"]
    encoder: nn.Module = backbone.model.base_model
    return lambda: {"similarity": sentence_similarity(encoder, backbone.tokenizer, sentences, scores)}


def _source(backbone: Backbone, masked_lm: nn.Module, source: dict[str, Any]) -> Probe:
    def measure() -> dict[str, Any]:
        found = say_hidden(masked_lm, source["examples"])
        return {"source_loss": found.loss, "source_accuracy": found.accuracy}

    return measure


def _facts(backbone: Backbone, masked_lm: nn.Module, source: dict[str, Any]) -> Probe:
    facts = source["facts"]
    rows = source["rows"]()

    def measure() -> dict[str, Any]:
        answers = cloze(masked_lm, backbone.tokenizer, facts, rows)
        return {"facts": {"known": answers.known, "lost": {lost.prompt: lost.said for lost in answers.lost}}}

    return measure


def _recovery(backbone: Backbone, masked_lm: nn.Module, source: dict[str, Any]) -> Probe:
    batches, examples = source["batches"](), source["examples"]
    with at_home(backbone):
        before = say_hidden(masked_lm, examples).loss
    return lambda: {"recovery": recovery(masked_lm, batches, examples, before)}


def _grammar(backbone: Backbone, data_folder: str | Path | None) -> Probe:
    pairs = minimal_pairs(world_of(backbone), PAIRS) if backbone.world else read_pairs(data_folder, REAL_PAIRS)
    masked_lm = attach(backbone)
    return lambda: {"grammar": grammar(masked_lm, backbone.tokenizer, pairs).all.right}


_MAKE = {"source": _source, "facts": _facts, "recovery": _recovery}
