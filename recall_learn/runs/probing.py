"""What a finished model's layers tell, beside what those of its theta* told: probes, RSA and CKA, layer by layer."""

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from torch import nn

from recall_learn.measures import probes, sentence_questions, suite, treebank_questions, world_questions
from recall_learn.measures.probing import KINDS, Probed
from recall_learn.measures.questions import Question, chosen
from recall_learn.measures.rsa import Alike, by_layer
from recall_learn.measures.states import token_states
from recall_learn.models import backbones
from recall_learn.models.backbones import Backbone
from recall_learn.runs.finished import open_run
from recall_learn.support import environment, process_wide
from recall_learn.support.checks import shown, whole
from recall_learn.support.reading import Json

TOKENS = 2000
"""Tokens that RSA and CKA compare: the first ones of the held-out text, or of sentences, see `probe_model`."""


@dataclass(frozen=True)
class Probing:
    """What was found of one model.

    Attributes:
        place: the model: as it was named.
        backbone: its theta*; where no run is known, the model itself.
        questions: ``name -> what is asked, what the classes are called, how many examples``.
        counted: ``name -> accuracy`` of word counts alone, see `recall_learn.measures.suite.counted`.
        init: "pretrained", or "random" where theta* was put aside for a random start.
        home: what theta* tells; or the random start.
        now: what the model tells; None where it is its own theta*.
        alike: RSA and CKA of the model with theta*, layer by layer; None as ``now``.
        tokens: how many tokens these two compare.
        seed: of control labels, networks and what was drawn for the questions.
        environment: device, versions, date, and the seconds that it took.
    """

    place: str
    backbone: str
    questions: dict[str, dict[str, Json]]
    counted: dict[str, float]
    init: str
    home: list[Probed]
    now: list[Probed] | None
    alike: list[Alike] | None
    tokens: int
    seed: int
    environment: dict[str, Json]

    def to_json(self) -> str:
        """As a file has it; the fields are those of this class, one result a line."""
        lines = []
        for name, value in asdict(self).items():
            if isinstance(value, list):
                rows = ",\n  ".join(json.dumps(each, allow_nan=False) for each in value)
                lines.append(f'"{name}": [\n  {rows}\n]')
            else:
                lines.append(f'"{name}": {json.dumps(value, allow_nan=False, ensure_ascii=False)}')
        return "{\n" + ",\n".join(lines) + "\n}\n"


def probe_model(
    place: str | Path,
    *,
    questions: str | Sequence[str] | None = None,
    kinds: Sequence[str] = KINDS,
    data_folder: str | Path | None = None,
    size: int = world_questions.SIZE,
    seed: int = 0,
    init: str = "pretrained",
    device: str = "auto",
    progress: bool | None = None,
) -> Probing:
    """Ask every layer of a model, and of what it was fine-tuned from.

    A model of the small world is asked what the world's grammar and truth know, see
    `recall_learn.measures.world_questions`; every other one what a treebank knows, see
    `recall_learn.measures.treebank_questions`, and what sets of sentences tell, see
    `recall_learn.measures.sentence_questions`. Tokens that RSA and CKA compare are of the treebank's validation
    sentences where one of its questions is asked, else of those of the sets that the questions are made of.

    Args:
        place: the folder of a run that has ended, which is compared with its theta*; or tiny, minilm, a model's folder
            or a hub id, which stands alone.
        questions: names of questions, whose data have to be there; None is all, of a real model those whose data are.
        kinds: of probes: linear, mlp.
        data_folder: the folder of data sets, with the treebank as ``ud``, and the sets as ``sentences/mr`` and so on.
        size: training examples of a question, at least 20; of real text as many as there are, and no more.
        seed: of all that is drawn.
        init: "random" asks a model that stands alone as it would be without any pretraining, with random weights.
        device: auto, cpu or cuda; of the encoder, for probes are trained on the CPU.
        progress: True shows bars, False none, None on a terminal.

    Raises:
        ValueError: a name is unknown, the run has not ended or had another theta*, or the model cannot be read.
        OSError: a folder or a file is not there.
    """
    kinds = [kinds] if isinstance(kinds, str) else list(kinds)
    wrong = next((kind for kind in kinds if kind not in KINDS), None)
    if wrong is not None or not kinds or len(set(kinds)) < len(kinds):
        raise ValueError(f"kinds are {shown(kinds)}; they have to be one or both of {', '.join(KINDS)}")
    size, seed, began = whole("size", size, 20), whole("seed", seed, 0), time.perf_counter()
    on = environment.choose_device(device)
    with process_wide.bars(progress):
        home, now = _models(str(place), init, seed)
        asked, texts = _asked(home, questions, data_folder, size, seed)
        found = {}
        for name, encoder in (("home", home.model.base_model), ("now", now)):
            if encoder is not None:
                options = {"kinds": kinds, "seed": seed, "progress": progress, "about": f"{place}, {name}"}
                found[name] = suite.ask(encoder.to(on), home.tokenizer, asked, **options)
        compared = _alike(home.model.base_model, now, home, texts) if now is not None else ([], 0)
    return Probing(
        str(place),
        home.name,
        {each.name: _about(each) for each in asked},
        suite.counted(home.tokenizer, asked),
        init,
        found["home"],
        found.get("now"),
        compared[0] or None,
        compared[1],
        seed,
        {**environment.describe(on), "backbone": home.source, "seconds": round(time.perf_counter() - began, 1)},
    )


def _models(place: str, init: str, seed: int) -> tuple[Backbone, nn.Module | None]:
    """Theta*, and the encoder of the run that began there, if it is one."""
    folder = Path(place).expanduser()
    try:
        of_a_run = (folder / "run.json").exists()
    except OSError:  # a name too long
        of_a_run = False
    if not of_a_run or place in ("tiny", "minilm"):
        return backbones.load(place, num_labels=2, init=init, seed=seed), None
    if init != "pretrained":
        raise ValueError(f"init is {shown(init)}, and {place} is a run; name the model that it began with, for random")
    opened = open_run(folder)
    return backbones.load(opened.run.recipe.backbone, num_labels=2), opened.backbone.model.base_model


def _asked(
    home: Backbone, names: str | Sequence[str] | None, data_folder: str | Path | None, size: int, seed: int
) -> tuple[list[Question], list[str]]:
    """The questions for a backbone, and the texts whose tokens RSA and CKA compare."""
    if home.world:
        world = probes.world_of(home)
        asked = world_questions.world_questions(world, names, size, seed)
        return asked, [sentence for passage in world.text("held-out") for sentence in passage]
    return _of_english(names, data_folder, size, seed)


def _of_english(
    names: str | Sequence[str] | None, folder: str | Path | None, size: int, seed: int
) -> tuple[list[Question], list[str]]:
    """The same of real text: the treebank's questions and those of the sets, in the order in which they are named."""
    every = dict.fromkeys((*treebank_questions.NAMES, *sentence_questions.NAMES))
    order = tuple(
        chosen(_there(folder) if names is None else names, every, "the treebank, with the sets of sentences,")
    )
    of_trees, of_sets = (
        [name for name in order if name in its.NAMES] for its in (treebank_questions, sentence_questions)
    )
    made = treebank_questions.treebank_questions(folder, of_trees, size, seed) if of_trees else []
    made += sentence_questions.sentence_questions(folder, of_sets, size, seed) if of_sets else []
    texts = treebank_questions.sentences(folder) if of_trees else sentence_questions.sentences(folder, of_sets)
    return sorted(made, key=lambda each: order.index(each.name)), texts


def _there(folder: str | Path | None) -> tuple[str, ...]:
    """The names of the questions whose data are in the folder; without any, the treebank's error."""
    of_sets = sentence_questions.there(folder)
    try:
        treebank_questions.locate(folder)
    except FileNotFoundError:
        if not of_sets:
            raise
        return of_sets
    return (*treebank_questions.NAMES, *of_sets)


def _alike(before: nn.Module, after: nn.Module, home: Backbone, texts: Sequence[str]) -> tuple[list[Alike], int]:
    """RSA and CKA on the first `TOKENS` tokens of the texts."""
    ends = np.cumsum([len(ids) for ids in home.tokenizer(list(texts), add_special_tokens=False)["input_ids"]])
    some = texts[: int(np.searchsorted(ends, TOKENS)) + 1]
    x, y = (token_states(encoder, home.tokenizer, some).values[:, :TOKENS] for encoder in (before, after))
    return by_layer(x, y), x.shape[1]


def _about(question: Question) -> dict[str, Json]:
    return {
        "about": question.about,
        "labels": list(question.labels),
        "train": len(question.train),
        "validation": len(question.validation),
    }
