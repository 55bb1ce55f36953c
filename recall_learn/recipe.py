"""A recipe: everything that decides how a fine-tuning run goes, checked before anything is loaded."""

import math
from dataclasses import asdict, dataclass, fields
from numbers import Real
from typing import Any

from recall_learn import glue
from recall_learn.annealing import Sigmoid
from recall_learn.backbones import INITS
from recall_learn.recadam import ALGORITHMS

PULLS = ("recadam", "ewc", "l2sp")
MASKS = ("child-f", "child-d")
METHODS = ("vanilla", *PULLS, *MASKS)
GAMMA = {"recadam": 5000.0, "ewc": 1000.0, "l2sp": 0.01}
"""The strength each method takes when none is given; only RecAdam's is the paper's."""
LR = 2e-5
TINY_GAMMA, TINY_LR = {**GAMMA, "recadam": 100.0}, 1e-3
"""So small a model wants a higher learning rate; RecAdam's ``lr * gamma``, the share of the way home, stays 0.1."""
PRECISIONS = ("no", "bf16", "fp16")
PROBES = ("stsb", "source", "facts", "recovery")


@dataclass(frozen=True)
class Recipe:
    """What to run. The same recipe on the same machine gives the same run, to the bit on a CPU.

    Attributes:
        backbone: ``tiny``, ``minilm``, a local folder or a hub id.
        task: a GLUE task, or one of the small world: ``world/cola``.
        method: ``vanilla``, one of recadam, ewc, l2sp, one of child-f, child-d, or one of each as ``recadam+child-d``.
        steps: optimizer updates.
        batch_size: examples an update.
        lr: the highest learning rate; it falls linearly to 0. None takes 2e-5, and 1e-3 for tiny.
        warmup: the share of the steps in which it first rises linearly, in [0, 1).
        weight_decay: as in AdamW.
        clip: the largest norm of the gradient; 0 leaves it as it is.
        max_length: tokens an example.
        k: rate of lambda's sigmoid, per step (recadam).
        t0: its middle, in steps (recadam).
        gamma: strength of the pull; None takes the method's own, see `GAMMA`. recadam: gamma of the paper; ewc: times
            the Fisher, so N times a factor; l2sp: alpha.
        p: the share of the weights that trains (child-f, child-d).
        algorithm: RecAdam's: paper, released or coupled.
        init: pretrained, or random as in the paper.
        limit_train: train on that many examples; None on all.
        evaluate_every: steps between two evaluations; None for about ten in the run.
        mixed_precision: "no" computes in float32; "bf16" or "fp16" (a GPU) in half precision where that is safe, on
            float32 weights.
        probe: what is asked of the model at every evaluation about its pretraining, see `recall_learn.probes`: one or
            more of stsb, source, facts and recovery, joined by +; "none"; or "auto", source and facts for a model of
            the small world and none for others.
        seed: of the head, the order of the examples, dropout and masks.

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
    k: float = 0.1
    t0: float = 250.0
    gamma: float | None = None
    p: float = 0.3
    algorithm: str = "paper"
    init: str = "pretrained"
    limit_train: int | None = None
    evaluate_every: int | None = None
    probe: str = "auto"
    seed: int = 0
    mixed_precision: str = "no"

    def __post_init__(self):
        if not isinstance(self.backbone, str) or not self.backbone:
            raise ValueError(f"backbone is {self.backbone!r}; it has to be tiny, minilm, a folder or a hub id")
        if self.lr is None:
            object.__setattr__(self, "lr", TINY_LR if self.backbone == "tiny" else LR)
        glue.named(self.task)
        _check_method(self.method)
        _check_probe(self.probe)
        for name, allowed in (("algorithm", ALGORITHMS), ("init", INITS), ("mixed_precision", PRECISIONS)):
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} is {getattr(self, name)!r}; it has to be one of {', '.join(allowed)}")
        for name, least in (("steps", 1), ("batch_size", 1), ("max_length", 1), ("seed", 0)):
            _check_whole(name, getattr(self, name), least)
        if self.seed >= 2**32:
            raise ValueError(f"seed is {self.seed}; it has to be under 2**32, as numpy takes it")
        for name in ("limit_train", "evaluate_every"):
            if getattr(self, name) is not None:
                _check_whole(name, getattr(self, name), 1)
        _check_number("lr", self.lr, lambda x: x > 0, "a number above 0")
        _check_number("warmup", self.warmup, lambda x: 0 <= x < 1, "a share of the steps, in [0, 1)")
        _check_number("p", self.p, lambda x: 0 < x <= 1, "a share of the weights, in (0, 1]")
        for name in ("weight_decay", "clip"):
            _check_number(name, getattr(self, name), lambda x: x >= 0, "a number of at least 0")
        if self.gamma is not None:
            _check_number("gamma", self.gamma, lambda x: x >= 0, "a number of at least 0")
        if self.lr * self.weight_decay >= 1:
            raise ValueError(f"lr * weight_decay is {self.lr * self.weight_decay:g}; it has to be under 1")
        Sigmoid(self.k, self.t0)  # checks both
        self._check_pull()

    def _check_pull(self) -> None:
        pull = self.lr * self.strength
        if self.pull == "recadam" and self.algorithm != "coupled" and pull >= 2:
            raise ValueError(
                f"lr * gamma is {pull:g}; the pull diverges at 2 and above: lower --lr or --gamma, to keep it under 1"
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
        """Gamma, or the method's own where none is given."""
        usual = TINY_GAMMA if self.backbone == "tiny" else GAMMA
        return usual.get(self.pull, 0.0) if self.gamma is None else float(self.gamma)

    @property
    def interval(self) -> int:
        """Steps between two evaluations."""
        return self.evaluate_every or max(1, math.ceil(self.steps / 10))

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types; an infinite k is the text "inf"."""
        return {name: str(value) if value == math.inf else value for name, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Recipe":
        """The recipe that `to_dict` wrote.

        Raises:
            ValueError: a key is unknown, or a value is out of range.
        """
        unknown = sorted(set(values) - {f.name for f in fields(cls)})
        if unknown:
            raise ValueError(f"recipe has the unknown key {unknown[0]!r}")
        return cls(**{name: math.inf if value == "inf" else value for name, value in values.items()})

    def difference(self, other: "Recipe") -> str:
        """The first setting in which two recipes differ, in words; empty if they are the same."""
        for f in fields(self):
            mine, theirs = getattr(self, f.name), getattr(other, f.name)
            if mine != theirs:
                return f"{f.name} is {theirs!r} there and {mine!r} here"
        return ""


def _check_method(method: str) -> None:
    parts = method.split("+") if isinstance(method, str) else [method]
    unknown = [part for part in parts if part not in METHODS]
    if unknown:
        raise ValueError(f"method {unknown[0]!r} is unknown; the methods are {', '.join(METHODS)}, joined by +")
    for kind in (PULLS, MASKS):
        if sum(part in kind for part in parts) > 1:
            raise ValueError(f"method {method!r} joins two of {', '.join(kind)}; take one of them")
    if len(parts) > 1 and "vanilla" in parts:
        raise ValueError(f"method {method!r} joins vanilla, which is no method, with another; leave it out")


def _check_probe(probe: str) -> None:
    parts = probe.split("+") if isinstance(probe, str) else [probe]
    if parts in (["auto"], ["none"]):
        return
    unknown = [part for part in parts if part not in PROBES]
    if unknown:
        raise ValueError(f"probe is {probe!r}; it has to be auto, none, or of {', '.join(PROBES)}, joined by +")


def _check_whole(name: str, value: Any, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ValueError(f"{name} is {value!r}; it has to be a whole number of at least {least}")


def _check_number(name: str, value: Any, holds, right: str) -> None:
    number = isinstance(value, Real) and not isinstance(value, bool)
    if not (number and math.isfinite(value) and holds(value)):
        raise ValueError(f"{name} is {value!r}; it has to be {right}")
