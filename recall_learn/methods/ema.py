"""EMA: what is scored and saved is a moving average of the weights, from theta* on; what trains is left alone."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from recall_learn.methods.method import Acting, Method, Start, setting
from recall_learn.methods.stepping import taken
from recall_learn.support.checks import shown

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.optim import Optimizer


class _Acting(Acting):
    method: "EMA"

    def __init__(self, method: "EMA", start: Start):
        from recall_learn.theory.anchors import trainable

        super().__init__(method, start)
        self.averages = {name: _wide(p) for name, p in trainable(start.model).items()}
        self.due = False  # whether the last step is still to be averaged
        self._handles = []

    def attach(self, optimizer: "Optimizer") -> None:
        self._handles = [
            optimizer.register_step_pre_hook(lambda *_: self._average()),
            optimizer.register_step_post_hook(self._took),
        ]

    def _took(self, optimizer: "Optimizer", args: object, kwargs: object) -> None:
        # not averaged here: the masks that come after may have something to put back
        self.due = taken(optimizer)

    def _average(self) -> None:
        import torch

        if not self.due:
            return
        self.due = False
        with torch.no_grad():
            for p, average in self._pairs(self.start.model):
                average.lerp_(p.to(average.dtype), 1 - self.method.decay)

    def _pairs(self, model: "nn.Module") -> "list[tuple[Tensor, Tensor]]":
        """Each weight with its average, beside it."""
        from recall_learn.theory.anchors import unwrapped
        from recall_learn.theory.sharded import beside

        parameters = dict(unwrapped(model).named_parameters())
        self.averages = {name: beside(average, parameters[name]) for name, average in self.averages.items()}
        return [(parameters[name], average) for name, average in self.averages.items()]

    def plain(self, model: "nn.Module") -> Callable[[], None]:
        import torch

        self._average()
        kept = [(p, p.detach().clone(), average) for p, average in self._pairs(model)]
        with torch.no_grad():
            for p, _, average in kept:
                p.copy_(average)

        def undo() -> None:
            with torch.no_grad():
                for p, now, _ in kept:
                    p.copy_(now)

        return undo

    def state_dict(self) -> dict[str, object]:
        self._average()
        return {"averages": dict(self.averages)}

    def load_state_dict(self, state: Mapping[str, object]) -> None:
        from recall_learn.theory.anchors import check_names

        if not isinstance(state, Mapping) or set(state) != {"averages"}:
            found = ", ".join(state) if isinstance(state, Mapping) else shown(state)
            raise ValueError(f"state of {self.method.name} has {found or 'nothing'}; it has to have averages")
        check_names(self.averages, state["averages"], f"averages in the state of {self.method.name}")
        self.averages = {name: state["averages"][name].detach().to(a) for name, a in self.averages.items()}
        self.due = False

    def close(self) -> None:
        while self._handles:
            self._handles.pop().remove()


def _wide(p: "Tensor") -> "Tensor":
    """A copy in which small steps are not lost."""
    import torch

    return p.detach().to(torch.float32 if p.dtype.itemsize < 4 else p.dtype, copy=True)


@dataclass(frozen=True)
class EMA(Method):
    r"""The training goes its way; what is scored and saved is an average of the weights along the way.

    .. math::
        m_t = d\, m_{t-1} + (1 - d)\, \theta_t, \qquad m_0 = \theta_0

    After each step that was taken (in fp16 some are not) the average m goes the share 1 - d of its way to the weights.
    It remembers the last 1 / (1 - d) steps, and the start has the share :math:`d^T` in it when the run of T steps
    ends: as the pretrained weights start at :math:`\theta^*`, the average is also a way home. With d = 0 the model is
    the one that trained, with d = 1 the one at the start, both to the bit.

    All that trains is averaged, the new head too, so a d that is too large for a run leaves a head that has hardly
    learned: 0.999 has 90 % of the start after 100 steps, and 37 % after 1,000. The average is kept in float32 where
    the weights are in half precision, at the price of one more copy of them.
    """

    name: ClassVar[str] = "ema"
    title: ClassVar[str] = "EMA"
    paper: ClassVar[str] = "Polyak and Juditsky, 1992, Acceleration of stochastic approximation by averaging"
    lesson: ClassVar[str] = "11_neighbours"
    family: ClassVar[str] = "after the run"
    carries: ClassVar[str] = "nothing: the next task begins at the mean"
    costs: ClassVar[frozenset[str]] = frozenset({"all gradients", "copy"})
    acting: ClassVar[type[Acting]] = _Acting

    decay: float = setting(
        0.99,
        "d, the share of it that a step leaves",
        low=0,
        high=1,
        live=True,
        unit="per step",
        span=(0.9, 1),
    )
