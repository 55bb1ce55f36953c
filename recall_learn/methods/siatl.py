"""SiATL: while a model learns its task, it also goes on to say hidden words, in the task's own texts."""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from recall_learn.methods import from_source
from recall_learn.methods.method import Groups, Method, Start, setting
from recall_learn.methods.source import words_of
from recall_learn.methods.stepping import Stepping

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor, nn

PLACE = "auxiliary_head"
"""The name in the model of what the auxiliary loss brings, while it trains."""


class _Acting(Stepping):
    method: "SiATL"

    def __init__(self, method: "SiATL", start: Start):
        from recall_learn.support.random_state import draws
        from recall_learn.theory.anchors import unwrapped

        super().__init__(method, start)
        given, self.top = from_source.begun(start, method.name), unwrapped(start.model)
        shared = {id(each): each for each in (*self.top.modules(), *self.top.parameters(), *self.top.buffers())}
        self.source = replace(given, masked_lm=copy.deepcopy(given.masked_lm, dict(shared)))
        self.head = _own(self.source.masked_lm, shared)
        self._draws = draws(start.model)

    def groups(self, groups: Groups) -> Groups:
        """The head is new, and it decays as the rest."""
        decay, made = max(float(group["weight_decay"]) for group in groups), list(groups)
        for matrices in (True, False):
            own = [(f"{PLACE}.{name}", p) for name, p in self.head.named_parameters() if (p.ndim > 1) is matrices]
            if own:
                rest = {"params": own, "recall": False, "weight_decay": decay if matrices else 0.0}
                made.append({**groups[-1], **rest})
        return made

    def wrap(self, model: "nn.Module") -> None:
        # a part of the model: its gradients are cleared, clipped and averaged, and it is kept, as all others are
        self.top.add_module(PLACE, self.head)

    def plain(self, model: "nn.Module") -> Callable[[], None]:
        self.top._modules.pop(PLACE, None)
        return lambda: self.top.add_module(PLACE, self.head)

    def close(self) -> None:
        super().close()
        self.top._modules.pop(PLACE, None)

    def terms(self, inputs: Mapping[str, object], outputs: object) -> "dict[str, Tensor]":
        import torch

        from recall_learn.support.random_state import drawing

        if not self.method.weight:
            return {"auxiliary": self.nothing()}
        generator = self.drawn()
        batch = self.source.hide(words_of(inputs, self.method.name), self.method.hidden, generator)
        if not self._draws:
            return {"auxiliary": self._now * self.source.loss(batch)}
        seed = int(torch.randint(2**62, (), generator=generator))
        with drawing(seed, next(self.top.parameters()).device):
            return {"auxiliary": self._now * self.source.loss(batch)}

    @property
    def _now(self) -> float:
        return float(self.method.gamma(self.steps))

    def record(self) -> dict[str, float]:
        return {"auxiliary weight": self._now}


def _own(masked_lm: "nn.Module", shared: Mapping[int, object]) -> "nn.Module":
    """The parameters of a masked language model that it shares with nobody, in a module of theirs; they train."""
    from torch import nn

    made = nn.Module()
    for name, p in masked_lm.named_parameters():
        if id(p) not in shared:
            made.register_parameter(name.replace(".", "_"), p.requires_grad_(True))
    return made


@dataclass(frozen=True)
class SiATL(Method):
    r"""The pretraining's task goes on beside the new one, on the new task's own texts, and weighs less step by step.

    .. math::
        Loss_T + \gamma(t)\, Loss_{LM}, \qquad \gamma(t) = \gamma_0\, r^{\min(t / n, 1)}

    :math:`Loss_{LM}` is the mean of -log p(word) over hidden words of the batch, in nats: a share of its words is
    hidden, at least one. t is the number of steps taken, r what is left of the weight after n steps. The paper's model
    says the next word, and its gamma goes from 0.2 to 0.1 in 15 epochs; here, in encoders, words are hidden.

    The words are said by a head of its own, which starts as the one that the encoder was pretrained with and trains
    along; the embeddings that it is tied to are the encoder's. It is not in the model that is scored and saved. The
    auxiliary gradient on the classifier is 0. Nothing is restored: neither :math:`\theta^*` nor the source's texts are
    asked for, so the model keeps saying words as they come in the task's texts. With :math:`\gamma_0 = 0` this is plain
    fine-tuning. Where gradients are clipped, they are clipped together with those of the head.

    The paper's three optimizers, which begin with the head and reach the embeddings last, are not part of it here. A
    step takes a second forward and backward pass of the encoder.
    """

    name: ClassVar[str] = "siatl"
    title: ClassVar[str] = "SiATL"
    paper: ClassVar[str] = "Chronopoulou et al., 2019, An embarrassingly simple approach for transfer learning"
    lesson: ClassVar[str] = "11_neighbours"
    needs: ClassVar[frozenset[str]] = frozenset({"source head"})
    acts_on_pretrained: ClassVar[bool] = True
    family: ClassVar[str] = "loss"
    carries: ClassVar[str] = "nothing"
    costs: ClassVar[frozenset[str]] = frozenset({"all gradients", "second pass"})
    acting: ClassVar[type[_Acting]] = _Acting

    weight: float = setting(0.2, "gamma of the first step", low=0, log=True, live=True, span=(0.01, 10))
    left: float = setting(0.5, "share of the weight after the fall", low=0, high=1, open_low=True, span=(0.01, 1))
    fall: int = setting(250, "steps of the fall", low=1, whole=True, log=True, unit="steps", span=(10, 10_000))
    hidden: float = setting(0.15, "share of the words that is hidden", low=0, high=1, open_low=True, span=(0.05, 0.5))

    def gamma(self, steps: "np.ndarray | int") -> "np.ndarray | float":
        """The weight after so many steps, in the step that comes."""
        import numpy as np

        return self.weight * self.left ** np.minimum(np.asarray(steps) / self.fall, 1.0)

    def ahead(self, steps: "np.ndarray") -> "dict[str, np.ndarray]":
        """The weight of the auxiliary loss."""
        return {"auxiliary weight": self.gamma(steps - 1)}
