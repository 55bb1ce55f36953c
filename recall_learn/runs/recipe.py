"""A recipe: everything that decides how a fine-tuning run goes, checked before anything is loaded."""

import math
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from functools import lru_cache, wraps

from recall_learn.methods import METHODS, expression, old_records
from recall_learn.methods.method import Method
from recall_learn.models.places import INITS
from recall_learn.support.checks import number, shown, whole
from recall_learn.support.reading import Json
from recall_learn.tasks import registry

LR, TINY_LR = 2e-5, 1e-3
"""So small a model as tiny wants a higher learning rate."""
PRECISIONS = ("no", "bf16", "fp16")
PROBES = ("stsb", "source", "facts", "recovery", "grammar")
MOST_STEPS = 5_000_000
"""A run's record keeps every step; with more of them it would be no file to read."""

FORMER: dict[str, Json] = {
    "backbone": "minilm",
    "task": "mrpc",
    "method": expression.PLAIN,
    "steps": 500,
    "batch_size": 32,
    "warmup": 0.0,
    "weight_decay": 0.0,
    "clip": 1.0,
    "max_length": 128,
    "init": "pretrained",
    "probe": "auto",
    "seed": 0,
    "mixed_precision": "no",
}
"""The defaults of the time when records left out, or had as null, what nobody had set. They never change."""


def _with_settings(make: Callable[..., None]) -> Callable[..., None]:
    """Let a recipe take a method's settings by their names: ``Recipe(method="recadam", k=0.05)``."""

    @wraps(make)
    def take(self: "Recipe", *args: object, **given: object) -> None:
        names = [name for name in given if is_setting(name)]
        settings = {name: value for name in names if (value := given.pop(name)) is not None}
        if settings:
            if len(args) > 2:
                raise TypeError("a recipe with settings of its methods takes method and what comes after it by name")
            methods = _parsed(given.get("method", Recipe.method))
            _check_acting(settings, methods)
            given["method"] = expression.written(expression.changed(methods, settings))
        make(self, *args, **given)

    return take


@dataclass(frozen=True)
class Recipe:
    """What to run. The same recipe on the same machine gives the same run, to the bit on a CPU.

    A recipe holds what acts, as plain Python numbers: where None takes a default it is the default's value afterwards,
    and ``method`` has every setting. Two recipes that act the same are equal.

    A setting of a method is an argument, too, and can be read: ``Recipe(method="recadam", k=0.05).t0`` is 250. What
    does not act in the recipe's methods is None, and is refused as an argument.

    Attributes:
        backbone: ``tiny``, ``minilm``, a local folder or a hub id.
        task: a name of `recall_learn.tasks.registry`, such as ``mrpc`` or ``world/cola``; or a file of examples, a
            folder of them, or a dataset of the hub.
        method: ``vanilla``, or methods joined by + with their settings: ``recadam(k=0.05, t0=150) + child-d``, see
            `recall_learn.methods.METHODS`; its own text afterwards, with every setting.
        steps: optimizer updates.
        batch_size: examples an update.
        lr: the highest learning rate; it falls linearly to 0. None takes 2e-5, and 1e-3 for tiny.
        warmup: the share of the steps in which it first rises linearly, in [0, 1).
        weight_decay: as in AdamW.
        clip: the largest norm of the gradient; 0 leaves it as it is.
        max_length: tokens an example.
        init: pretrained, or random as in the paper.
        limit_train: train on that many examples; None on all.
        evaluate_every: steps between two evaluations; None for about ten in the run.
        probe: what is asked of the model at every evaluation about its pretraining, see `measures.probes`: one or more
            of stsb, source, facts, recovery and grammar, joined by +; "none"; or "auto", source and facts for a
            model of the small world and none for others.
        seed: of the head, the order of the examples, dropout and masks.
        mixed_precision: "no" computes in float32; "bf16" or "fp16" (a GPU) in half precision where that is safe, on
            float32 weights.
        text: of a task of one's own, the text column, or two with a comma between; None looks for them.
        label: the label's column; None looks for it.
        metric: the score; None takes one that fits.

    Raises:
        ValueError: an argument is out of range, or arguments do not go together.
    """

    backbone: str = "minilm"
    task: str = "mrpc"
    method: str = expression.PLAIN
    steps: int = 500
    batch_size: int = 32
    lr: float | None = None
    warmup: float = 0.0
    weight_decay: float = 0.0
    clip: float = 1.0
    max_length: int = 128
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
        methods = _parsed(self.method)
        self._keep("task", registry.asked(self.task, self.text, self.label, self.metric))
        self._keep("probe", _probe(self.probe))
        for name, allowed in (("init", INITS), ("mixed_precision", PRECISIONS)):
            value = getattr(self, name)
            if not isinstance(value, str) or value not in allowed:
                raise ValueError(f"{name} is {shown(value)}; it has to be one of {', '.join(allowed)}")
        self._check_whole_numbers()
        self._check_numbers()
        methods = tuple(each.resolved(self.lr) for each in methods)
        for each in methods:
            each.check(self.lr)
            if self.warmup and "lr_schedule" in each.hooks():
                raise ValueError(
                    f"warmup is {self.warmup:g}; {each.name} has a schedule of its own, which warms up or not: leave "
                    f"warmup out"
                )
        self._keep("method", expression.written(methods))

    def _keep(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)

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
        if self.lr is None:
            self._keep("lr", TINY_LR if self.backbone == "tiny" else LR)
        at_least_0 = (lambda x: x >= 0, "a number of at least 0")
        for name, holds, right in (
            ("lr", lambda x: x > 0, "a number above 0"),
            ("warmup", lambda x: 0 <= x < 1, "a share of the steps, in [0, 1)"),
            ("weight_decay", *at_least_0),
            ("clip", *at_least_0),
        ):
            self._keep(name, number(name, getattr(self, name), holds, right))
        if self.lr * self.weight_decay >= 1:
            raise ValueError(f"lr * weight_decay is {self.lr * self.weight_decay:g}; it has to be under 1")

    def __getattr__(self, name: str) -> float | str | None:
        """A setting of the recipe's methods; None where it does not act in them."""
        if not is_setting(name):
            raise AttributeError(f"a recipe has no {name!r}")
        method, _, name = name.rpartition(".")
        having = [each for each in self.methods if name in each.settings() and method in ("", each.name)]
        if len(having) > 1:
            raise AttributeError(f"{name} is a setting of {' and of '.join(each.name for each in having)}; see methods")
        return getattr(having[0], name) if having else None

    @property
    def methods(self) -> tuple[Method, ...]:
        """The methods, each with its settings; empty for plain fine-tuning."""
        return _parsed(self.method)

    @property
    def names(self) -> str:
        """The methods' names alone, ``recadam+child-d``."""
        return expression.names(self.methods)

    @property
    def needs(self) -> frozenset[str]:
        """What the methods need beside model and data, see `recall_learn.methods.method.Method`."""
        return frozenset().union(*(each.needs for each in self.methods))

    def to_dict(self) -> dict[str, Json]:
        """Plain JSON types."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, object]) -> "Recipe":
        """The recipe that `to_dict` wrote, or that somebody asks for: what is left out takes today's defaults.

        An infinite setting is the text "inf", which JSON can hold.

        Raises:
            ValueError: a key is unknown, or a value is out of range.
        """
        unknown = sorted(set(values) - {f.name for f in fields(cls)} - {k for k in values if is_setting(k)})
        if unknown:
            raise ValueError(f"recipe has the unknown key {unknown[0]!r}")
        return cls(**{key: math.inf if is_setting(key) and value == "inf" else value for key, value in values.items()})

    @classmethod
    def recorded(cls, values: Mapping[str, object]) -> "Recipe":
        """The recipe of a record, whenever that was written.

        A record holds all that acted. Former ones left out, or had as null, what nobody had set, and had settings
        beside the method: that is read as what acted then (`FORMER`), whatever the defaults are today.

        Raises:
            ValueError: as `from_dict`.
        """
        given = FORMER | {name: value for name, value in values.items() if value is not None}
        given.setdefault("lr", 1e-3 if given["backbone"] == "tiny" else 2e-5)
        if isinstance(given["steps"], int):
            given.setdefault("evaluate_every", max(1, -(-given["steps"] // 10)))
        return cls.from_dict(old_records.translated(given))

    def difference(self, other: "Recipe") -> str:
        """The first setting in which two recipes differ, in words; empty if they are the same."""
        for f in fields(self):
            mine, theirs, name = getattr(self, f.name), getattr(other, f.name), f.name
            if name == "method" and self.names == other.names and mine != theirs:
                pairs = ((key, *pair) for key, *pair in _settings(self.methods, other.methods))
                name, mine, theirs = next(found for found in pairs if found[1] != found[2])
            if mine != theirs:
                return f"{name} is {theirs!r} there and {mine!r} here"
        return ""


Recipe.__init__ = _with_settings(Recipe.__init__)


def is_setting(name: str) -> bool:
    """Whether a name is that of a method's setting, ``k`` or ``recadam.k``."""
    return name.rpartition(".")[2] in setting_names()


def setting_names() -> tuple[str, ...]:
    """What methods can be set by; a recipe takes each as an argument, too."""
    return _names(tuple(METHODS.values()))


@lru_cache
def _names(methods: tuple[type[Method], ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(key for each in methods for key in each.settings()))


def knobs(recipe: Recipe) -> tuple[str, ...]:
    """The settings that may change in this recipe: those of its methods that are live, and lr."""
    return (*(key for key, about in expression.settings(recipe.methods).items() if about.live), "lr")


@lru_cache(maxsize=4096)
def _parsed_text(text: str) -> tuple[Method, ...]:
    return expression.parse(text, METHODS)


def _parsed(method: object) -> tuple[Method, ...]:
    return _parsed_text(method) if isinstance(method, str) else expression.parse(method, METHODS)


def _check_acting(names: Iterable[str], methods: Iterable[Method]) -> None:
    """Refuse a setting that none of the methods has, and say which do have it."""
    for name in names:
        key = name.rpartition(".")[2]
        if not any(key in each.settings() for each in methods):
            mine = ", ".join(expression.settings(methods)) or "none"
            having = " and ".join(each.name for each in METHODS.values() if key in each.settings())
            raise ValueError(
                f"{name} is no setting of {expression.names(methods)}; it has {mine}, and {key} is one of {having}"
            )


def _settings(
    mine: Iterable[Method], theirs: Iterable[Method]
) -> Iterable[tuple[str, float | str | None, float | str | None]]:
    for one, other in zip(mine, theirs, strict=True):
        for key, value in one.values().items():
            yield key, value, getattr(other, key)


def _backbone(name: object) -> str:
    name = os.fspath(name) if isinstance(name, os.PathLike) else name
    if not isinstance(name, str) or not name:
        raise ValueError(f"backbone is {shown(name)}; it has to be tiny, minilm, a folder or a hub id")
    try:
        name.encode()
    except UnicodeEncodeError:
        raise ValueError(f"backbone is {shown(name)}, which is no UTF-8; a record could not name it") from None
    return str(name)


def _probe(probe: object) -> str:
    """Its parts, each once."""
    parts = probe.split("+") if isinstance(probe, str) else [probe]
    if parts in (["auto"], ["none"]):
        return parts[0]
    if any(part not in PROBES for part in parts):
        raise ValueError(f"probe is {shown(probe)}; it has to be auto, none, or of {', '.join(PROBES)}, joined by +")
    return "+".join(sorted(set(parts), key=PROBES.index))
