"""What a finished model's layers tell, beside what those of its theta* told: probes, RSA and CKA, layer by layer."""

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from torch import nn

from recall_learn.measures import probes, suite, treebank_questions, world_questions
from recall_learn.measures.probing import KINDS, Probed
from recall_learn.measures.questions import Question
from recall_learn.measures.rsa import Alike, by_layer
from recall_learn.measures.states import token_states
from recall_learn.models import backbones, folders
from recall_learn.models.added import load_added
from recall_learn.models.backbones import Backbone
from recall_learn.models.configs import ADDED
from recall_learn.runs import record
from recall_learn.support import environment, process_wide
from recall_learn.support.checks import shown, whole
from recall_learn.support.reading import Json, read_json

TOKENS = 2000
"""Tokens that RSA and CKA compare: the first ones of the held-out text, or of the treebank's validation sentences."""


@dataclass(frozen=True)
class Probing:
    """What was found of one model.

    Attributes:
        place: the model: as it was named.
        backbone: its theta*; where no run is known, the model itself.
        questions: ``name -> what is asked, what the classes are called, how many examples``.
        counted: ``name -> accuracy`` of word counts alone, see `recall_learn.measures.suite.counted`.
        home: what theta* tells.
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
    device: str = "auto",
    progress: bool | None = None,
) -> Probing:
    """Ask every layer of a model, and of what it was fine-tuned from.

    A model of the small world is asked what the world's grammar and truth know, see
    `recall_learn.measures.world_questions`; every other one what a treebank knows, see
    `recall_learn.measures.treebank_questions`.

    Args:
        place: the folder of a run that has ended, which is compared with its theta*; or tiny, minilm, a model's folder
            or a hub id, which stands alone.
        questions: names of questions; None is all.
        kinds: of probes: linear, mlp.
        data_folder: the folder of data sets, with the treebank as ``ud``.
        size: training examples of a question, at least 20; of the treebank as many as there are, and no more.
        seed: of all that is drawn.
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
        home, now = _models(str(place))
        asked, texts = _asked(home, questions, data_folder, size, seed)
        found = {}
        for name, encoder in (("theta*", home.model.base_model), ("now", now)):
            if encoder is not None:
                options = {"kinds": kinds, "seed": seed, "progress": progress, "about": f"{place}, {name}"}
                found[name] = suite.ask(encoder.to(on), home.tokenizer, asked, **options)
        compared = _alike(home.model.base_model, now, home, texts) if now is not None else ([], 0)
    return Probing(
        str(place),
        home.name,
        {each.name: _about(each) for each in asked},
        suite.counted(home.tokenizer, asked),
        found["theta*"],
        found.get("now"),
        compared[0] or None,
        compared[1],
        seed,
        {**environment.describe(on), "backbone": home.source, "seconds": round(time.perf_counter() - began, 1)},
    )


def _models(place: str) -> tuple[Backbone, nn.Module | None]:
    """Theta*, and the encoder of the run that began there, if it is one."""
    folder = Path(place).expanduser()
    try:
        of_a_run = (folder / "run.json").exists()
    except OSError:  # a name too long
        of_a_run = False
    if not of_a_run or place in ("tiny", "minilm"):
        return backbones.load(place, num_labels=2), None
    run = record.load(folder / "run.json")
    if run.final is None:
        raise ValueError(f"the run in {place} has not ended; go on with it first, with --resume")
    if not list((folder / "model").glob("*.safetensors")):
        raise FileNotFoundError(f"{folder / 'model'} holds no *.safetensors: no model was kept there")
    home = backbones.load(run.recipe.backbone, num_labels=2)
    if run.environment.get("anchors", home.fingerprint) != home.fingerprint:
        raise ValueError(f"{run.recipe.backbone} had other pretrained weights when the run in {place} began")
    encoder = _encoder(folder / "model")
    same = type(encoder) is type(home.model.base_model) and encoder.config.hidden_size == home.model.config.hidden_size
    if not same:
        raise ValueError(f"the model in {folder / 'model'} is not of {run.recipe.backbone}, from which its run began")
    return home, encoder


def _encoder(folder: Path) -> nn.Module:
    """The encoder in a run's ``model``, with what a method has added to it."""
    folders.check(folder)
    config = read_json(folder / folders.CONFIG, dict, "the configuration", "save the model again", infinite=True)
    with process_wide.silent():
        if config.get(ADDED):
            return load_added(folder).base_model
        return backbones.load(str(folder), num_labels=2).model.base_model


def _asked(
    home: Backbone, names: str | Sequence[str] | None, data_folder: str | Path | None, size: int, seed: int
) -> tuple[list[Question], list[str]]:
    """The questions for a backbone, and the texts whose tokens RSA and CKA compare."""
    if home.world:
        world = probes.world_of(home)
        asked = world_questions.world_questions(world, names, size, seed)
        return asked, [sentence for passage in world.text("held-out") for sentence in passage]
    asked = treebank_questions.treebank_questions(data_folder, names, size, seed)
    return asked, treebank_questions.sentences(data_folder)


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
