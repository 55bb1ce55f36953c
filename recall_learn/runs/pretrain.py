"""Pretraining in the small world: from random weights to a masked language model that knows its facts.

The order of the passages and the words asked for follow from the world's seed and the step's number, and dropout is
off. So a training that was stopped goes on from its last saved state as if nothing had happened.
"""

import json
import math
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NotRequired

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from tqdm.auto import tqdm
from typing_extensions import TypedDict

from recall_learn.measures.facts import cloze, cloze_rows
from recall_learn.measures.source import say_hidden
from recall_learn.models.masked_lm import MaskedLM, hide_each
from recall_learn.support import environment
from recall_learn.support.checks import one_line, shown, whole
from recall_learn.support.files import check_folder, share, write_text, writing
from recall_learn.support.lock import owning
from recall_learn.support.process_wide import hidden
from recall_learn.support.reading import Json, parse_json
from recall_learn.world import World
from recall_learn.world.batches import BATCH, SPECIAL, Batches

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

TRANSFORMER = "transformer"
BUILDS = (TRANSFORMER, "lstm", "cnn")
"""What a model may be built of; the last two are `recall_learn.models.builds`."""
WIDTH, LAYERS, POSITIONS = 128, 3, 64
A_HEAD, INNER = 32, 2
"""The width of an attention head; how many times as wide the inner layer is."""
SPREAD = 0.05
"""The standard deviation of the random weights; with BERT's 0.02 so narrow a model starts to learn facts later."""
STEPS, LR, WARMUP = 5000, 1.5e-3, 200
EVERY = 250
"""Steps between two saved states and two points of the learning curve."""
FIRST = 5
SAMPLE = 250
"""Held-out passages that a point of the curve is taken on; each of their words is hidden once."""


def make_tokenizer(world: World) -> "PreTrainedTokenizerFast":
    """The world's tokenizer: one token a word, small letters, in the shape that BERT reads."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    vocabulary = {word: i for i, word in enumerate((*SPECIAL, *world.vocabulary))}
    raw = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    raw.normalizer = normalizers.BertNormalizer(lowercase=True)
    raw.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    raw.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(token, vocabulary[token]) for token in ("[CLS]", "[SEP]")],
    )
    names = ("pad_token", "unk_token", "cls_token", "sep_token", "mask_token")
    return PreTrainedTokenizerFast(
        tokenizer_object=raw,
        model_max_length=POSITIONS,
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
        **dict(zip(names, SPECIAL, strict=False)),
    )


def new_model(
    world: World,
    tokens: int,
    width: int = WIDTH,
    layers: int = LAYERS,
    build: str = TRANSFORMER,
    seed: int | None = None,
) -> nn.Module:
    """A BERT for this world, or an encoder of another build, with random weights.

    Args:
        world: what it is to read.
        tokens: how many its tokenizer knows.
        width: of its states; a multiple of `A_HEAD`.
        layers: how many.
        build: one of `BUILDS`.
        seed: of the weights; None is the world's.
    """
    from transformers import BertConfig, BertForMaskedLM

    from recall_learn.models import builds

    of_world = {"seed": world.seed, "digest": world.digest}
    configuration, says_words = {TRANSFORMER: (BertConfig, BertForMaskedLM), **builds.BUILDS}[build]
    config = configuration(
        vocab_size=tokens,
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=width // A_HEAD,
        intermediate_size=INNER * width,
        max_position_embeddings=POSITIONS,
        initializer_range=SPREAD,
        hidden_dropout_prob=0.0,  # also in fine-tuning: so small a model has nothing to spare
        attention_probs_dropout_prob=0.0,
        world=of_world if world.variety == 1 else {**of_world, "variety": world.variety},
    )
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(world.seed if seed is None else seed)
        return says_words(config).eval()  # eval: no dropout, so the loss is one function of the weights


class _Point(TypedDict):
    step: int
    lr: float
    loss: float
    held_out_loss: float
    held_out_accuracy: float
    facts: float


class _State(TypedDict):
    world: str
    width: int
    layers: int
    build: NotRequired[str]
    step: int
    steps: int
    seconds: float
    first: list[float]
    curve: list[_Point]


@dataclass
class Pretraining:
    """A pretraining under way.

    Attributes:
        world: what is learned.
        steps: how many there will be; the learning rate falls to 0 at the last.
        width: of the model's states; a multiple of `A_HEAD`.
        layers: of the model.
        build: of its layers.
        step: how many were taken.
        first: the losses of the first `FIRST` steps, by which a repetition can be told.
        curve: the points so far: step, lr, loss (of the training batches since the last point), held_out_loss,
            held_out_accuracy, facts.
        seconds: spent on the steps so far.
    """

    world: World
    steps: int = STEPS
    width: int = WIDTH
    layers: int = LAYERS
    build: str = TRANSFORMER
    step: int = 0
    first: list[float] = field(default_factory=list)
    curve: list[dict[str, float]] = field(default_factory=list)
    seconds: float = 0.0

    def __post_init__(self):
        self.tokenizer = make_tokenizer(self.world)
        model = new_model(self.world, len(self.tokenizer), self.width, self.layers, self.build)
        self.masked_lm = MaskedLM(model, self.tokenizer.mask_token_id)
        self.masked_lm.requires_grad_(True)
        self.batches = Batches(self.world, self.tokenizer)
        self.parameters = dict(self.masked_lm.model.named_parameters())
        self.optimizer = torch.optim.AdamW(self.parameters.values(), lr=LR, betas=(0.9, 0.98), weight_decay=0.0)
        self.held_out = hide_each(self.world.text("held-out")[:SAMPLE], self.tokenizer)
        self.facts = cloze_rows(self.tokenizer, self.world.facts)

    def lr(self, step: int) -> float:
        """Up in a straight line, down in half a cosine."""
        if step <= WARMUP:
            return LR * step / WARMUP
        return LR * 0.5 * (1 + math.cos(math.pi * (step - WARMUP) / max(self.steps - WARMUP, 1)))

    def train_step(self) -> float:
        """Take the next step; returns the loss of its batch before it, nats per hidden word."""
        self.step += 1
        for group in self.optimizer.param_groups:
            group["lr"] = self.lr(self.step)
        inputs, words = self.batches(self.step)
        loss = nn.functional.cross_entropy(self.masked_lm(**inputs), words)
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.parameters.values(), 1.0)
        self.optimizer.step()
        if self.step <= FIRST:
            self.first.append(loss.item())
        return loss.item()

    def measure(self, loss: float) -> dict[str, float]:
        """A point of the learning curve."""
        held_out = say_hidden(self.masked_lm, self.held_out)
        known = cloze(self.masked_lm, self.tokenizer, self.world.facts, self.facts).known
        point = {"step": self.step, "lr": self.lr(self.step), "loss": loss, "held_out_loss": held_out.loss}
        return {**point, "held_out_accuracy": held_out.accuracy, "facts": known}

    def save_state(self, folder: Path) -> None:
        """Weights and Adam's moments, whole or not at all."""
        tensors = {}
        for name, p in self.parameters.items():
            state = self.optimizer.state[p]
            tensors |= {f"weight/{name}": p.detach(), **{f"{key}/{name}": state[key] for key in _MOMENTS}}
        about = {"world": self.world.digest, "width": self.width, "layers": self.layers, "build": self.build}
        about |= {"step": self.step, "steps": self.steps, "seconds": self.seconds}
        about |= {"first": self.first, "curve": self.curve}
        with writing(folder / STATE) as temporary:
            save_file({k: v.contiguous() for k, v in tensors.items()}, temporary, {"about": json.dumps(about)})

    def load_state(self, folder: Path) -> None:
        """Go back to what `save_state` wrote.

        Raises:
            ValueError: the state is damaged, in which the message says what is wrong, or it is another pretraining's.
        """
        from safetensors import SafetensorError, safe_open

        if not (folder / STATE).is_file():
            raise ValueError(f"{folder / STATE} is no file; delete it to begin anew")
        try:
            with safe_open(folder / STATE, "pt") as file:
                about = parse_json((file.metadata() or {}).get("about", "null"), _State)
            tensors = load_file(folder / STATE)
        except (SafetensorError, OSError, ValueError) as error:
            raise self._damaged(folder, error) from error
        if about["world"] != self.world.digest:
            raise ValueError(
                f"{folder} holds the pretraining of another world than that of seed {self.world.seed} and variety "
                f"{self.world.variety:g}"
            )
        about.setdefault("build", TRANSFORMER)
        for name in ("steps", "width", "layers", "build"):
            if about[name] != getattr(self, name):
                raise ValueError(
                    f"{folder} holds a pretraining with {name} {about[name]}, not {getattr(self, name)}; "
                    f"give its --{name}"
                )
        try:
            self._check_state(about, tensors)
        except ValueError as error:
            raise self._damaged(folder, error) from None
        self.step, self.seconds = about["step"], about["seconds"]
        self.first, self.curve = about["first"], about["curve"]
        with torch.no_grad():
            for name, p in self.parameters.items():
                p.copy_(tensors[f"weight/{name}"])
                moments = {key: tensors[f"{key}/{name}"] for key in _MOMENTS}
                self.optimizer.state[p] = {"step": torch.tensor(float(self.step)), **moments}

    @staticmethod
    def _damaged(folder: Path, error: Exception) -> ValueError:
        return ValueError(f"{folder / STATE} is damaged: {one_line(error)}; delete it to begin anew")

    def _check_state(self, about: _State, tensors: dict[str, Tensor]) -> None:
        """Raise ValueError where a saved state contradicts itself, or is none of this model."""
        step, curve = about["step"], [point["step"] for point in about["curve"]]
        if not 0 < step <= about["steps"]:
            raise ValueError(f"step is {step}, of {about['steps']} steps")
        if not curve or curve[-1] != step or curve != sorted(set(curve)):
            raise ValueError(f"curve has points at the steps {curve[-5:]}, and step is {step}")
        if len(about["first"]) != min(step, FIRST) or about["seconds"] < 0:
            raise ValueError(f"first has {len(about['first'])} losses, seconds is {about['seconds']}, step is {step}")
        for name, p in self.parameters.items():
            for kind in ("weight", *_MOMENTS):
                held = tensors.get(f"{kind}/{name}")
                if held is None:
                    raise ValueError(f"it lacks {kind}/{name}")
                here, there = ((tuple(each.shape), each.dtype) for each in (p, held))
                if here != there:
                    raise ValueError(f"{kind}/{name} is {there[0]} {there[1]}, the model has {here[0]} {here[1]}")
                if not held.isfinite().all() or (kind == "exp_avg_sq" and held.min() < 0):
                    raise ValueError(f"{kind}/{name} holds what no training could leave")


STATE = "state.safetensors"
_MOMENTS = ("exp_avg", "exp_avg_sq")


def pretrain(
    out: str | Path,
    world: World | None = None,
    *,
    steps: int = STEPS,
    width: int = WIDTH,
    layers: int = LAYERS,
    build: str = TRANSFORMER,
    resume: bool = False,
    progress: bool | None = None,
) -> dict[str, Json]:
    """Pretrain a model in a world and write it as a backbone: weights, tokenizer, and how it came about.

    Args:
        out: a folder; ``pretraining.json`` in it holds the learning curve and the provenance.
        world: None is the world of seed 0, the packaged model's.
        steps: how many batches of `BATCH` passages; at least 1.
        width: of the model's states, a multiple of `A_HEAD` up to 1024; its inner layers are twice as wide.
        layers: of the model, 1 to 24.
        build: of the layers, "transformer", "lstm" or "cnn"; see `recall_learn.models.builds`.
        resume: go on from the state that an interrupted pretraining left in ``out``.
        progress: True shows a bar, False none; None shows one on a terminal.

    Returns:
        What ``pretraining.json`` holds.

    Raises:
        ValueError: ``steps``, ``width``, ``layers`` or ``build`` is out of range; ``out`` is empty, holds a model or
            a state already, or is being written by another process; or the state there is another's, or damaged.
        NotADirectoryError: ``out`` cannot be a folder.
        KeyboardInterrupt: at Ctrl-C; what was trained since the last saved state is trained again by a resumed run.
    """
    steps, layers, world = whole("steps", steps, 1), whole("layers", layers, 1, 24), world or World()
    if whole("width", width, A_HEAD, 1024) % A_HEAD:
        raise ValueError(f"width is {width}; it has to be a multiple of {A_HEAD}, the width of an attention head")
    if build not in BUILDS:
        raise ValueError(f"build is {shown(build)}; it has to be one of {', '.join(BUILDS)}")
    folder = check_folder(out)
    _check_free(folder, resume)
    folder.mkdir(parents=True, exist_ok=True)
    with owning(folder, "wait for it, or choose another --out"):
        _check_free(folder, resume)
        training = Pretraining(world, steps, int(width), layers, build)
        if (folder / STATE).exists():
            training.load_state(folder)
        else:
            training.curve.append(training.measure(math.log(len(training.tokenizer))))
        _train(training, folder, progress)
        about = _about(training)
        training.masked_lm.model.save_pretrained(folder)
        training.tokenizer.save_pretrained(folder)
        write_text(folder / "pretraining.json", json.dumps(about, indent=1) + "\n")
        share(folder, folder / "pretraining.json")
        (folder / STATE).unlink(missing_ok=True)
    return about


def _check_free(folder: Path, resume: bool) -> None:
    """Raise unless a pretraining may begin in the folder, or go on there."""
    if (folder / "model.safetensors").exists() and not (folder / STATE).exists():  # the state is removed last
        raise ValueError(f"{folder} holds a model already; choose another --out")
    if (folder / STATE).exists() and not resume:
        raise ValueError(f"{folder} holds a pretraining under way; add --resume, or choose another --out")


def _train(training: Pretraining, folder: Path, progress: bool | None) -> None:
    """The steps that are left; a point of the curve and a saved state now and then, and when it is interrupted."""
    losses: list[float] = []
    with tqdm(
        total=training.steps, initial=training.step, desc="pretraining", unit="step", disable=hidden(progress)
    ) as bar:
        try:
            while training.step < training.steps:
                started = time.monotonic()
                losses.append(training.train_step())
                training.seconds += time.monotonic() - started
                if training.step % EVERY == 0 or training.step == training.steps:
                    training.curve.append(training.measure(sum(losses) / len(losses)))
                    losses.clear()
                    training.save_state(folder)
                    bar.set_postfix({key: f"{training.curve[-1][key]:.3f}" for key in ("held_out_loss", "facts")})
                bar.update()
        except KeyboardInterrupt:
            # the state is that of the last point: the mean loss of the next one covers a whole interval
            saved = training.step // EVERY * EVERY
            print(f"stopped at step {training.step}; --resume goes on from step {saved}", file=sys.stderr)
            raise


def _about(training: Pretraining) -> dict[str, Json]:
    """The learning curve, what it was taken from, and what it ran on."""
    last, world = training.curve[-1], training.world
    of_world = {"seed": world.seed, "digest": world.digest, "facts": len(world.facts)}
    told = [f"--seed {world.seed}", f"--steps {training.steps}"]
    for name, value, usual in (
        *(("width", training.width, WIDTH), ("layers", training.layers, LAYERS)),
        ("variety", world.variety, 1),
    ):
        if value != usual:
            told.append(f"--{name} {value:g}")
    if training.build != TRANSFORMER:
        told.append(f"--build {training.build}")
    return {
        "world": of_world if world.variety == 1 else {**of_world, "variety": world.variety},
        "command": " ".join(["recall-learn world pretrain", *told]),
        "passages": {split: len(world.text(split)) for split in ("train", "held-out")},
        "weights": sum(p.numel() for p in training.parameters.values()),
        "batch": BATCH,
        "lr": LR,
        "held_out_loss": last["held_out_loss"],
        "held_out_accuracy": last["held_out_accuracy"],
        "facts_known": last["facts"],
        "seconds": round(training.seconds, 1),
        "environment": environment.describe(torch.device("cpu")),
        "first_losses": training.first,
        "curve": training.curve,
    }
