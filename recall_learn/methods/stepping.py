"""Methods whose next step depends on how many were taken: they count the optimizer's, and keep the number."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from recall_learn.methods.method import Acting, Method, Start
from recall_learn.support.checks import shown, whole

if TYPE_CHECKING:
    from torch import Generator, Tensor
    from torch.optim import Optimizer
    from torch.utils.hooks import RemovableHandle


class Stepping(Acting):
    """An `Acting` that knows how many steps were taken, and draws anew in each.

    What it draws follows from the seed and the step alone, so that the number is all of its state. A step that fp16
    skips is none.

    Attributes:
        steps: that were taken.
    """

    def __init__(self, method: Method, start: Start):
        super().__init__(method, start)
        self.steps = 0
        self._handles: list[RemovableHandle] = []

    def attach(self, optimizer: "Optimizer") -> None:
        """Count its steps."""

        def count(optimizer, args, kwargs):
            self.steps += taken(optimizer)

        self._handles.append(optimizer.register_step_post_hook(count))

    def drawn(self) -> "Generator":
        """A generator on the CPU for the step that comes: of its own for each step."""
        import hashlib

        import torch

        key = f"{self.method.name} {self.start.seed} {self.steps}".encode()
        return torch.Generator().manual_seed(int.from_bytes(hashlib.blake2b(key, digest_size=8).digest()))

    def nothing(self) -> "Tensor":
        """A term of 0, where the step has none."""
        import torch

        return torch.zeros((), device=next(self.start.model.parameters()).device)

    def state_dict(self) -> dict[str, object]:
        """The steps that were taken."""
        return {"steps": self.steps}

    def load_state_dict(self, state: Mapping[str, object]) -> None:
        """Go on after as many; ValueError where ``state`` is of something else."""
        self.steps = count_in(state, "steps", self.method.name)

    def close(self) -> None:
        """Count no more."""
        while self._handles:
            self._handles.pop().remove()


def taken(optimizer: "Optimizer") -> bool:
    """Whether the step that it has just taken was one: a fused step is called by fp16's scaler, and then skips itself.

    Other steps the scaler does not even call.
    """
    infinite = getattr(optimizer, "found_inf", None)
    return infinite is None or float(infinite) == 0


def count_in(state: object, what: str, name: str) -> int:
    """The count that is all of a method's state.

    Args:
        state: as the method of that name gave it.
        what: what was counted, such as "steps".
        name: the method's.

    Raises:
        ValueError: it is the state of something else.
    """
    if not isinstance(state, Mapping) or set(state) != {what}:
        found = ", ".join(state) if isinstance(state, Mapping) else shown(state)
        raise ValueError(f"state of {name} has {found or 'nothing'}; it has to have {what}")
    return whole(f"{what} in the state of {name}", state[what], 0)
