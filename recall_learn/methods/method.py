"""What a method is: settings that say what they are, and hooks into a training that does not know its name.

A method is a frozen dataclass. Its fields are its settings, made by `setting`: flags of the command line, controls of
the lab, axes of the explorer and the card in the book follow from them. `Method.begin` puts it to work on a model and
gives an `Acting`, whose hooks do nothing unless the method has something to do there.

A new method is one file with a `Method` and its `Acting`, and one line in `recall_learn.methods.METHODS`.
"""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, ClassVar, Self, TypeVar

from recall_learn.support.checks import number, shown, typed

if TYPE_CHECKING:  # settings are read and checked without torch, which takes a second to load
    import numpy as np
    from torch import Tensor, nn
    from torch.optim import Optimizer

    from recall_learn.methods.carrying import Carried, Ended
    from recall_learn.methods.source import Source

Groups = list[dict[str, object]]
T = TypeVar("T")

LARGEST = 2**53
"""Of the whole numbers that are settings: up to here a float holds every one."""
FAMILIES = (
    "weights at the start",
    "a pull to theta*",
    "a pull by importance",
    "forward pass",
    "added modules",
    "loss",
    "rates and order",
    "data",
    "mask",
    "after the run",
)
"""Where a method acts, in the order in which the book tells of them."""
PLAIN_COSTS = frozenset({"all gradients"})
OWN = "own weights"
COSTS = {
    "all gradients": "memory for the gradients and moments of all weights",
    "copy": "memory for a second copy of the weights",
    "second pass": "time for a second pass through the model in each step",
    OWN: "room for added modules that stay in the finished model",
}
"""What a method may ask of the machine; plain fine-tuning asks for `PLAIN_COSTS`."""


@dataclass(frozen=True)
class Setting:
    """What is known of a setting beside its value.

    Attributes:
        help: one line.
        low: the least that is right; -inf where there is none.
        high: the most.
        open_low: whether ``low`` itself is wrong.
        open_high: whether ``high`` itself is wrong.
        infinite: whether an infinity is right.
        whole: whether only whole numbers are right.
        log: whether a control should show it on a logarithmic scale.
        live: whether it may change while a run trains.
        choices: the texts that it may be; empty for a number.
        unit: what it counts, as "steps"; "" for a bare number.
        span: from where to where a slider of the lab reaches; its right ends, such as inf, are stops beside that. None
            leaves it to the slider.
    """

    help: str
    low: float = -math.inf
    high: float = math.inf
    open_low: bool = False
    open_high: bool = False
    infinite: bool = False
    whole: bool = False
    log: bool = False
    live: bool = False
    choices: tuple[str, ...] = ()
    unit: str = ""
    span: tuple[float, float] | None = None

    @property
    def right(self) -> str:
        """What would be right, for a message."""
        if self.choices:
            return f"one of {', '.join(self.choices)}"
        kind = "a whole number" if self.whole else "a number"
        if self.low > -math.inf and self.high < math.inf:
            left, right = "(" if self.open_low else "[", ")" if self.open_high else "]"
            return f"{kind} in {left}{self.low:g}, {self.high:g}{right}"
        end = "" if not self.infinite else ", or inf"
        if self.low > -math.inf:
            return f"{kind} {'above' if self.open_low else 'of at least'} {self.low:g}{end}"
        return f"{kind}{end}"

    def checked(self, name: str, value: object) -> float | str:
        """The value as a plain number or text.

        Raises:
            ValueError: it is not right; the message says what would be.
        """
        if self.choices:
            if not isinstance(value, str) or value not in self.choices:
                raise ValueError(f"{name} is {shown(value)}; it has to be {self.right}")
            return str(value)
        made = number(name, value, self._holds, self.right, infinite=self.infinite)
        return int(made) if self.whole else made

    def _holds(self, x: float) -> bool:
        above = x > self.low if self.open_low else x >= self.low
        if self.whole and not (abs(x) <= LARGEST and x == int(x)):
            return False
        return above and (x < self.high if self.open_high else x <= self.high)


def setting(default: T, help: str, **about: float | str | tuple[float, float] | tuple[str, ...]) -> T:
    """A field of a method.

    Args:
        default: its value where nobody gives one; None is filled by `Method.resolved`.
        help: one line that says what it is.
        about: the other attributes of `Setting`.
    """
    return field(default=default, metadata={"setting": Setting(help, **about)})


@dataclass(frozen=True)
class Start:
    """What a method may ask for when it is put to work.

    Attributes:
        model: where it will train.
        anchors: theta*, ``name -> tensor``, of all that was pretrained and trains.
        frozen: what does not train, ``name -> tensor``, under its names before methods made the model ready; no copies.
        lr: the highest learning rate.
        seed: of its own random numbers.
        fisher: gives the Fisher information at theta*, ``name -> tensor``, of the "source" or of the "task"; asked by
            methods that declare it in ``needs``, and by no other.
        source: gives what the model was pretrained to do, and data for it; asked as ``fisher`` is.
        place: which task of a sequence it is, from 0, and of how many.
        carried: what `Method.carry` gave after the former task of a sequence, by the method's name.
    """

    model: "nn.Module"
    anchors: "Mapping[str, Tensor]"
    lr: float
    seed: int = 0
    fisher: "Callable[[str], Mapping[str, Tensor]] | None" = None
    source: "Callable[[], Source] | None" = None
    frozen: "Mapping[str, Tensor]" = field(default_factory=dict)
    place: tuple[int, int] = (0, 1)
    carried: "Mapping[str, Carried]" = field(default_factory=dict)


class Acting:
    """A method at work on one model. Every hook does nothing by default.

    Random numbers come from a generator of its own, seeded by ``start.seed`` and kept in its state: torch's global
    ones are left alone, and a run that was resumed draws what the one that went through would have drawn.

    Args:
        method: its settings.
        start: what it was put to work on.
    """

    def __init__(self, method: "Method", start: Start):
        self.method, self.start = method, start

    def groups(self, groups: Groups) -> Groups:
        """Shape the parameter groups: other rates for some layers, for one."""
        return groups

    def optimizer(self, groups: Groups) -> "Optimizer | None":
        """Make the optimizer of these groups; None leaves that to others."""
        return None

    def attach(self, optimizer: "Optimizer") -> None:
        """Put what acts at its steps onto the optimizer, whoever made it."""

    def wrap(self, model: "nn.Module") -> None:
        """Put what acts in the forward pass onto the model. Called last, when nothing can be refused any more."""

    def terms(self, inputs: "Mapping[str, object]", outputs: object) -> "dict[str, Tensor]":
        """Scalars by name that are added to the loss of a batch."""
        return {}

    def change(self, method: "Method") -> None:
        """Take other values of the settings that are live, from the next step on."""
        self.method = method

    def plain(self, model: "nn.Module") -> Callable[[], None]:
        """Make the model as it is scored and saved: what was added is merged, weights are averaged, names are its own.

        Returns:
            What undoes it: afterwards every weight is as it was, to the bit.
        """
        return lambda: None

    def ending(self, measure: Callable[[], dict[str, object]]) -> dict[str, object]:
        """What is worth noting of the run when its last step was taken, beside its last evaluation.

        Args:
            measure: scores the model as `plain` makes it at the time of the call, and gives what an evaluation records.
        """
        return {}

    def found(self) -> dict[str, float]:
        """The live settings that stand in the optimizer's parameter groups, where somebody may have put others."""
        return {}

    def record(self) -> dict[str, float]:
        """What is worth noting of the step that is about to be taken."""
        return {}

    def state_dict(self) -> dict[str, object]:
        """All that the next step depends on and that neither model nor optimizer keeps."""
        return {}

    def load_state_dict(self, state: Mapping[str, object]) -> None:
        """Go on where the one that gave ``state`` was.

        Raises:
            ValueError: it is the state of something else.
        """
        if state:
            raise ValueError(f"state of {self.method.name} has {', '.join(state)}; this method keeps nothing")

    def close(self) -> None:
        """Take away what was put onto the model."""


@dataclass(frozen=True)
class Method:
    """What every method is; see the module.

    Attributes:
        name: as it is written in an expression.
        title: as prose has it.
        paper: where it is from.
        lesson: the lesson in which it is met, as ``10_child_tuning``; "" where there is none.
        slot: what it takes that only one method can have, such as "pull"; "" takes nothing.
        needs: what it asks of `Start`: "source fisher", "task fisher", "source data", or "source head" alone.
        freezes: whether all that was pretrained is frozen before `prepare` is called, which may let some of it train.
        acts_on_pretrained: whether it acts on pretrained weights that train, so that there have to be some.
        family: where it acts, one of `FAMILIES`.
        costs: what it asks of the machine, of `COSTS`.
        in_page: whether the kernel of the book's pages has it, too, see `recall_learn.lab.browser`.
        carries: what the next task of a sequence has of it, in words; "" where it cannot go on after a task.
        isolates: whether a task that was learned keeps its own weights, which later tasks do not touch.
        for_sequences: whether it is itself in a sequence alone; in one task it is plain fine-tuning, or another method.
        acting: its hooks.
    """

    name: ClassVar[str] = ""
    title: ClassVar[str] = ""
    paper: ClassVar[str] = ""
    lesson: ClassVar[str] = ""
    slot: ClassVar[str] = ""
    needs: ClassVar[frozenset[str]] = frozenset()
    freezes: ClassVar[bool] = False
    acts_on_pretrained: ClassVar[bool] = False
    family: ClassVar[str] = ""
    costs: ClassVar[frozenset[str]] = PLAIN_COSTS
    in_page: ClassVar[bool] = False
    carries: ClassVar[str] = ""
    isolates: ClassVar[bool] = False
    for_sequences: ClassVar[bool] = False
    acting: ClassVar[type[Acting]] = Acting

    def __post_init__(self):
        for key, about in self.settings().items():
            value = getattr(self, key)
            if value is not None or self.defaults()[key] is not None:
                object.__setattr__(self, key, about.checked(key, value))

    @classmethod
    def settings(cls) -> dict[str, Setting]:
        """Its settings by name, in their order."""
        return {each.name: each.metadata["setting"] for each in fields(cls)}

    @classmethod
    def defaults(cls) -> dict[str, float | str | None]:
        """What its settings are where nobody gives them; None where that depends on the learning rate."""
        return {each.name: each.default for each in fields(cls)}

    @classmethod
    def hooks(cls) -> list[str]:
        """The hooks in which it does something, in the order in which they are called."""
        able = ("groups", "optimizer", "attach", "wrap", "terms", "change", "plain", "ending", "record", "state_dict")
        before = [hook for hook in ("prepare", "lr_schedule") if getattr(cls, hook) is not getattr(Method, hook)]
        return [*before, *(hook for hook in able if getattr(cls.acting, hook) is not getattr(Acting, hook))]

    def resolved(self, lr: float) -> Self:
        """The same with a value for every setting.

        Args:
            lr: the highest learning rate, from which some defaults follow.
        """
        return self

    def check(self, lr: float) -> None:
        """Refuse settings that do not go together with the learning rate.

        Raises:
            ValueError: they do not.
        """

    def advice(self, lr: float) -> str:
        """What somebody who sets it so should know, in a sentence; "" where there is nothing."""
        return ""

    def ahead(self, steps: "np.ndarray") -> "dict[str, np.ndarray]":
        """What is known of its course before it runs: ``name -> values`` at an array of steps."""
        return {}

    def prepare(self, model: "nn.Module", seed: int) -> Collection[str]:
        """Make a model ready before anything is made for it: freeze layers, draw some anew, add modules.

        Args:
            model: what will train.
            seed: of its random numbers, which come from a generator of its own.

        Returns:
            The names of parameters that were pretrained and are new now, so that nothing recalls them.
        """
        return ()

    def lr_schedule(self, steps: int) -> Callable[[int], float] | None:
        """How the learning rate goes in a run of so many steps, ``steps taken -> share``; None leaves it to the run."""
        return None

    def begin(self, start: Start) -> Acting:
        """Put it to work."""
        return self.acting(self, start)

    def check_tasks(self, examples: Sequence[int]) -> None:
        """Refuse settings that do not go together with the tasks of a sequence.

        Args:
            examples: training examples of each task, in the order of the tasks.

        Raises:
            ValueError: they do not.
        """

    def carry(self, former: "Carried", ended: "Ended") -> "Carried":
        """What the next task of a sequence has of one that was learned, and of those before; see ``Start.carried``.

        It follows from its arguments alone: a sequence that goes on asks again.

        Args:
            former: what this task had of those before it; empty in the first.
            ended: the task.
        """
        return {}

    def values(self) -> dict[str, float | str | None]:
        """Its settings' values by name."""
        return {key: getattr(self, key) for key in self.settings()}

    def __str__(self) -> str:
        """As `recall_learn.methods.expression.parse` reads it, with all values."""
        return self.written(self.values())

    @classmethod
    def written(cls, values: Mapping[str, float | str | None]) -> str:
        """The method with these settings, as an expression has it; what is None is left out."""
        inside = ", ".join(f"{key}={typed(value)}" for key, value in values.items() if value is not None)
        return f"{cls.name}({inside})" if inside else cls.name
