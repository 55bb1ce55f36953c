"""Gradual unfreezing: the head trains first, then one layer more at a time, from above."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from recall_learn.methods.method import Acting, Method, Start, setting
from recall_learn.methods.stepping import Stepping

if TYPE_CHECKING:
    from torch import Tensor
    from torch.optim import Optimizer


class _Acting(Stepping):
    method: "Thaw"

    def __init__(self, method: "Thaw", start: Start):
        from recall_learn.methods.stack import parts
        from recall_learn.theory.anchors import trainable

        super().__init__(method, start)
        above = reversed(parts(start.model, method.name))
        turn = {p: n for n, part in enumerate(above) for p in part}
        self.turns = {name: turn[p] for name, p in trainable(start.model).items() if turn[p]}

    def _waits(self, turn: int) -> bool:
        return self.steps < turn * self.method.every

    def attach(self, optimizer: "Optimizer") -> None:
        from recall_learn.theory.anchors import trainable

        super().attach(optimizer)
        # at once, so that what waits has no part in the norm by which gradients are clipped
        parameters = trainable(self.start.model)
        for name, turn in self.turns.items():
            self._handles.append(parameters[name].register_post_accumulate_grad_hook(self._dropping(turn)))
        # and again: processes that average their gradients put them back
        self._handles.append(optimizer.register_step_pre_hook(lambda *_: self._drop()))

    def _dropping(self, turn: int):
        def drop(p: "Tensor") -> None:
            if self._waits(turn):
                p.grad = None

        return drop

    def _drop(self) -> None:
        from recall_learn.theory.anchors import trainable

        parameters = trainable(self.start.model)
        for name, turn in self.turns.items():
            if self._waits(turn):
                parameters[name].grad = None

    def record(self) -> dict[str, float]:
        return {"thawed": 1.0 + min(self.steps // self.method.every, max(self.turns.values(), default=0))}


@dataclass(frozen=True)
class Thaw(Method):
    r"""At first the head trains alone; every so many steps one more layer does, from the uppermost to the embeddings.

    .. math::
        \theta_i \text{ trains from step } n\, e + 1 \text{ on}, \qquad n = 0 \text{ (head, pooler)},\ 1
        \text{ (uppermost layer)},\ \dots,\ L + 1 \text{ (embeddings)}

    A new head's first gradients are large and mean little. Here they do not reach the layers before the head has
    learned something. Until its turn comes a weight has no gradient: nothing moves it, no optimizer, no weight decay
    and no pull, its moments begin with its first step, and clipping does not count it. A run of fewer than (L + 1) e
    steps leaves its lowest layers as they were pretrained, to the bit.

    ULMFiT takes an epoch for e. (Its code thaws two groups, and then all that is left at once.)
    """

    name: ClassVar[str] = "thaw"
    title: ClassVar[str] = "Gradual unfreezing"
    paper: ClassVar[str] = "Howard and Ruder, 2018, Universal language model fine-tuning, arXiv 1801.06146"
    lesson: ClassVar[str] = "11_neighbours"
    acts_on_pretrained: ClassVar[bool] = True
    family: ClassVar[str] = "rates and order"
    carries: ClassVar[str] = "nothing"
    acting: ClassVar[type[Acting]] = _Acting

    every: int = setting(
        50, "after how many steps the next layer joins", low=1, whole=True, unit="steps", span=(1, 500)
    )
