"""A recipe: everything that decides how a fine-tuning run goes, checked before anything is loaded."""

import math
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from recall_learn.methods.recadam.optimizer import ALGORITHMS
from recall_learn.models.backbones import INITS
from recall_learn.support.checks import number, shown, whole
from recall_learn.tasks import registry
from recall_learn.theory.annealing import Sigmoid

PULLS = ("recadam", "ewc", "l2sp")
MASKS = ("child-f", "child-d")
METHODS = ("vanilla", *PULLS, *MASKS)
GAMMA = {"recadam": 5000.0, "ewc": 1000.0, "l2sp": 0.01}
"""The strength each method takes when none is given; only RecAdam's is the paper's."""
LR = 2e-5
TINY_GAMMA, TINY_LR = {**GAMMA, "recadam": 100.0}, 1e-3
"""So small a model wants a higher learning rate; RecAdam's ``lr * gamma``, the share of the way home, stays 0.1."""
USUAL = {"k": 0.1, "t0": 250.0, "p": 0.3, "algorithm": "paper"}
"""What else a method takes when nothing is given."""
ACTS_IN = {"k": ("recadam",), "t0": ("recadam",), "algorithm": ("recadam",), "gamma": PULLS, "p": MASKS}
"""The settings that act in some methods only."""
PRECISIONS = ("no", "bf16", "fp16")
PROBES = ("stsb", "source", "facts", "recovery")
MOST_STEPS = 5_000_000
"""A run's record keeps every step; with more of them it would be no file to read."""

FORMER = {
    "backbone": "minilm",
    "task": "mrpc",
    "method": "vanilla",
    "steps": 500,
    "batch_size": 32,
    "warmup": 0.0,
    "weight_decay": 0.0,
    "clip": 1.0,
    "max_length": 128,
    "k": 0.1,
    "t0": 250.0,
    "p": 0.3,
    "algorithm": "paper",
    "init": "pretrained",
    "probe": "auto",
    "seed": 0,
    "mixed_precision": "no",
}
"""The defaults of the time when records left out, or had as null, what nobody had set. They never change."""
FORMER_GAMMA = {"recadam": 5000.0, "ewc": 1000.0, "l2sp": 0.01}
FORMER_TINY = {"lr": 1e-3, "recadam": 100.0}


@dataclass(frozen=True)
class Recipe:
    """What to run. The same recipe on the same machine gives the same run, to the bit on a CPU.

    A recipe holds what acts, as plain Python numbers: where None takes a default it is the default's value afterwards,
    and a setting that does not act in the method is None, whatever was given. Two recipes that act the same are equal.

    Attributes:
        backbone: ``tiny``, ``minilm``, a local folder or a hub id.
        task: a name of `recall_learn.tasks.registry`, such as ``mrpc`` or ``world/cola``; or a file of examples, a
            folder of them, or a dataset of the hub.
        method: ``vanilla``, one of recadam, ewc, l2sp, one of child-f, child-d, or one of each as ``recadam+child-d``.
        steps: optimizer updates.
        batch_size: examples an update.
        lr: the highest learning rate; it falls linearly to 0. None takes 2e-5, and 1e-3 for tiny.
        warmup: the share of the steps in which it first rises linearly, in [0, 1).
        weight_decay: as in AdamW.
        clip: the largest norm of the gradient; 0 leaves it as it is.
        max_length: tokens an example.
        k: rate of lambda's sigmoid, per step (recadam); None takes 0.1.
        t0: its middle, in steps (recadam); None takes 250.
        gamma: strength of the pull; None takes the method's own, see `GAMMA`. recadam: gamma of the paper; ewc: times
            the Fisher, so N times a factor; l2sp: alpha.
        p: the share of the weights that trains (child-f, child-d); None takes 0.3.
        algorithm: RecAdam's: paper, released or coupled; None takes paper.
        init: pretrained, or random as in the paper.
        limit_train: train on that many examples; None on all.
        evaluate_every: steps between two evaluations; None for about ten in the run.
        mixed_precision: "no" computes in float32; "bf16" or "fp16" (a GPU) in half precision where that is safe, on
            float32 weights.
        probe: what is asked of the model at every evaluation about its pretraining, see `measures.probes`: one or more
            of stsb, source, facts and recovery, joined by +; "none"; or "auto", source and facts for a model of
            the small world and none for others.
        seed: of the head, the order of the examples, dropout and masks.
        text: of a task of one's own, the text column, or two with a comma between; None looks for them.
        label: the label's column; None looks for it.
        metric: the score; None takes one that fits.

    Raises:
        ValueError: an argument is out of range, or arguments do not go together.
    """

    backbone: str = "minilm"
    task: str = "mrpc"
    method: str = "vanilla"
    steps: int = 500
    batch_size: int = 32
    lr: float | None = None
    warmup: float = 0.0
    weight_decay: float = 0.0
    clip: float = 1.0
    max_length: int = 128
    k: float | None = None
    t0: float | None = None
    gamma: float | None = None
    p: float | None = None
    algorithm: str | None = None
    init: str = "pretrained"
    limit_train: int | None = None
    evaluate_every: int | None = None
    probe: str = "auto"
    seed: int = 0
    mixed_precision: str = "no"
    text: str | None = None
    label: str | None = None
    metric: str | None = None

    def __post_init__(self):
        self._keep("backbone", _backbone(self.backbone))
        self._keep("task", registry.asked(self.task, self.text, self.label, self.metric))
        self._keep("method", _method(self.method))
        self._keep("probe", _probe(self.probe))
        self._take_defaults()
        for name, allowed in (("algorithm", ALGORITHMS), ("init", INITS), ("mixed_precision", PRECISIONS)):
            value = getattr(self, name)
            if not isinstance(value, str) or value not in allowed:
                raise ValueError(f"{name} is {shown(value)}; it has to be one of {', '.join(allowed)}")
        self._check_whole_numbers()
        self._check_numbers()
        self._check_pull()
        for name, methods in ACTS_IN.items():
            if not set(methods) & set(self.method.split("+")):
                self._keep(name, None)

    def _keep(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)

    def _take_defaults(self) -> None:
        tiny = self.backbone == "tiny"
        gamma = (TINY_GAMMA if tiny else GAMMA).get(self.pull, 0.0)
        for name, usual in (("lr", TINY_LR if tiny else LR), ("gamma", gamma), *USUAL.items()):
            if getattr(self, name) is None:
                self._keep(name, usual)

    def _check_whole_numbers(self) -> None:
        for name, least, most in (
            ("steps", 1, MOST_STEPS),
            ("batch_size", 1, None),
            ("max_length", 1, None),
            ("seed", 0, 2**32 - 1),  # as numpy takes it
        ):
            self._keep(name, whole(name, getattr(self, name), least, most))
        if self.limit_train is not None:
            self._keep("limit_train", whole("limit_train", self.limit_train, 1))
        every = max(1, math.ceil(self.steps / 10)) if self.evaluate_every is None else self.evaluate_every
        self._keep("evaluate_every", whole("evaluate_every", every, 1))

    def _check_numbers(self) -> None:
        at_least_0 = (lambda x: x >= 0, "a number of at least 0")
        for name, holds, right in (
            ("lr", lambda x: x > 0, "a number above 0"),
            ("warmup", lambda x: 0 <= x < 1, "a share of the steps, in [0, 1)"),
            ("weight_decay", *at_least_0),
            ("clip", *at_least_0),
            ("t0", lambda x: x >= 0, "a finite number of steps, at least 0"),
            ("gamma", *at_least_0),
            ("p", lambda x: 0 < x <= 1, "a share of the weights, in (0, 1]"),
        ):
            self._keep(name, number(name, getattr(self, name), holds, right))
        self._keep("k", number("k", self.k, lambda x: x >= 0, "a number, at least 0 (inf is a step)", infinite=True))
        if self.lr * self.weight_decay >= 1:
            raise ValueError(f"lr * weight_decay is {self.lr * self.weight_decay:g}; it has to be under 1")

    def _check_pull(self) -> None:
        if self.pull != "recadam" or self.algorithm == "coupled":
            return
        pull = self.lr * self.gamma * (1 - Sigmoid(self.k, self.t0)(1))  # lambda grows: no step pulls harder
        if pull > 2 - 1e-6:
            raise ValueError(
                f"lr * gamma is {self.lr * self.gamma:g}; the pull diverges at 2 and above: "
                f"lower --lr or --gamma, to keep it under 1"
            )

    @property
    def pull(self) -> str | None:
        """What pulls towards the pretrained weights, one of recadam, ewc, l2sp, or None."""
        return next((part for part in self.method.split("+") if part in PULLS), None)

    @property
    def mask(self) -> str | None:
        """What masks the gradients, child-f, child-d or None."""
        return next((part for part in self.method.split("+") if part in MASKS), None)

    @property
    def strength(self) -> float:
        """Gamma, or 0 where nothing pulls."""
        return 0.0 if self.gamma is None else self.gamma

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types; an infinite k is the text "inf"."""
        values = asdict(self)
        return {**values, "k": "inf"} if self.k == math.inf else values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Recipe":
        """The recipe that `to_dict` wrote, or that somebody asks for: what is left out takes today's defaults.

        Raises:
            ValueError: a key is unknown, or a value is out of range.
        """
        unknown = sorted(set(values) - {f.name for f in fields(cls)})
        if unknown:
            raise ValueError(f"recipe has the unknown key {unknown[0]!r}")
        return cls(**{**values, "k": math.inf} if values.get("k") == "inf" else values)

    @classmethod
    def recorded(cls, values: Mapping[str, Any]) -> "Recipe":
        """The recipe of a record, whenever that was written.

        A record holds all that acted. Former ones left out, or had as null, what nobody had set: that is read as what
        acted then (`FORMER`), whatever the defaults are today.

        Raises:
            ValueError: as `from_dict`.
        """
        given = FORMER | {name: value for name, value in values.items() if value is not None}
        tiny = given["backbone"] == "tiny"
        usual = FORMER_GAMMA | (FORMER_TINY if tiny else {})
        given.setdefault("lr", FORMER_TINY["lr"] if tiny else 2e-5)
        given.setdefault("gamma", next((usual[m] for m in str(given["method"]).split("+") if m in FORMER_GAMMA), 0.0))
        if isinstance(given["steps"], int):
            given.setdefault("evaluate_every", max(1, -(-given["steps"] // 10)))
        return cls.from_dict(given)

    def difference(self, other: "Recipe") -> str:
        """The first setting in which two recipes differ, in words; empty if they are the same."""
        for f in fields(self):
            mine, theirs = getattr(self, f.name), getattr(other, f.name)
            if mine != theirs:
                return f"{f.name} is {theirs!r} there and {mine!r} here"
        return ""


def _backbone(name: Any) -> str:
    name = os.fspath(name) if isinstance(name, os.PathLike) else name
    if not isinstance(name, str) or not name:
        raise ValueError(f"backbone is {shown(name)}; it has to be tiny, minilm, a folder or a hub id")
    try:
        name.encode()
    except UnicodeEncodeError:
        raise ValueError(f"backbone is {shown(name)}, which is no UTF-8; a record could not name it") from None
    return str(name)


def _method(method: Any) -> str:
    """Its parts, pull before mask."""
    parts = method.split("+") if isinstance(method, str) else [method]
    unknown = [part for part in parts if part not in METHODS]
    if unknown:
        raise ValueError(f"method {shown(unknown[0])} is unknown; the methods are {', '.join(METHODS)}, joined by +")
    for kind in (PULLS, MASKS):
        if sum(part in kind for part in parts) > 1:
            raise ValueError(f"method {method!r} joins two of {', '.join(kind)}; take one of them")
    if len(parts) > 1 and "vanilla" in parts:
        raise ValueError(f"method {method!r} joins vanilla, which is no method, with another; leave it out")
    return "+".join(sorted(parts, key=METHODS.index))


def _probe(probe: Any) -> str:
    """Its parts, each once."""
    parts = probe.split("+") if isinstance(probe, str) else [probe]
    if parts in (["auto"], ["none"]):
        return parts[0]
    if any(part not in PROBES for part in parts):
        raise ValueError(f"probe is {shown(probe)}; it has to be auto, none, or of {', '.join(PROBES)}, joined by +")
    return "+".join(sorted(set(parts), key=PROBES.index))
