"""LwF, learning without forgetting: on the new task's own inputs the model answers the old questions as it used to."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from recall_learn.methods import from_source
from recall_learn.methods.carrying import Head, logits_under
from recall_learn.methods.method import Method, Start, setting
from recall_learn.methods.neighbour import full
from recall_learn.methods.source import words_of
from recall_learn.methods.stepping import Stepping

if TYPE_CHECKING:
    from torch import Tensor

    from recall_learn.methods.carrying import Carried, Ended


def distillation(student: "Tensor", teacher: "Tensor", temperature: float) -> "Tensor":
    r"""The divergence :math:`KL(p^{1/T} \| q^{1/T})` of the teacher's p from the student's q, mean over rows, in nats.

    Both powers are normalised again, so they are softmax(z / T) of the logits z. It is the paper's cross-entropy less
    the entropy of the teacher, which has no gradient, so that it is 0 where both say the same.

    Args:
        student: logits [rows, classes].
        teacher: logits of the same shape, without gradients.
        temperature: T.
    """
    w, z = full(student) / temperature, full(teacher) / temperature
    total = z.logsumexp(-1, keepdim=True)
    p = (z - total).exp()
    # by log-softmax the gradient were q sum(p) - p: not quite 0 where both agree, and Adam makes whole steps of that
    return (w.logsumexp(-1, keepdim=True) - total - (p * (w - z)).sum(-1, keepdim=True)).mean()


class _Acting(Stepping):
    method: "LwF"

    def __init__(self, method: "LwF", start: Start):
        super().__init__(method, start)
        self.source = from_source.begun(start, method.name)
        self.teacher = from_source.frozen(self.source, start, method.name)
        self.heads: list[Head] = list(start.carried.get(method.name, {}).get("heads", ()))
        # by the weights that the last task left, which theta* need not be
        self.before = copy.deepcopy(start.model).eval().requires_grad_(False) if self.heads else None

    def terms(self, inputs: Mapping[str, object], outputs: object) -> "dict[str, Tensor]":
        if not self.method.weight:
            return {"distillation": self.nothing()}
        found = {"distillation": self.method.weight * self._hidden_words(inputs)}
        if self.heads:
            found["heads"] = self.method.weight * sum(self._head(head, inputs) for head in self.heads)
        return found

    def _head(self, head: Head, inputs: Mapping[str, object]) -> "Tensor":
        """How far a former task's answers on this batch are from what they were."""
        import torch

        from recall_learn.theory.fisher import evaluating

        with torch.no_grad():
            teacher = logits_under(head, self.before, inputs)
        with evaluating(self.start.model):
            student = logits_under(head, self.start.model, inputs)
        if teacher.shape[-1] == 1:
            return torch.nn.functional.mse_loss(full(student), full(teacher))
        return distillation(student, teacher, self.method.temperature)

    def _hidden_words(self, inputs: Mapping[str, object]) -> "Tensor":
        import torch

        from recall_learn.theory.fisher import evaluating

        hidden, _ = self.source.hide(words_of(inputs, self.method.name), self.method.hidden, self.drawn())
        device = next(self.teacher.parameters()).device
        hidden = {key: value.to(device) for key, value in hidden.items()}
        with torch.no_grad():
            teacher = self.teacher(**hidden)
        with evaluating(self.source.masked_lm):  # with dropout even theta* would not agree with itself
            student = self.source.masked_lm(**hidden)
        return distillation(student, teacher, self.method.temperature)


@dataclass(frozen=True)
class LwF(Method):
    r"""The model from before is the teacher: what it says of hidden words in the task's texts is to stay.

    .. math::
        Loss_T + \lambda\, \frac{1}{M} \sum_m KL(p_m^{1/T} \| q_m^{1/T})

    In each batch a share of the words is hidden, at least one. For each of the M hidden words p is the distribution
    over all words that the model at :math:`\theta^*` gives, and q that of the model that trains, by the same old head.
    The powers are normalised: :math:`p^{1/T}` is softmax(z / T) for logits z. So the old task's data are not needed,
    and what is kept is the old answers on the new inputs, not on the old ones.

    At :math:`\theta^*` the penalty and its gradient are 0. The teacher never changes, and the old head does not train,
    but for what it shares with the embeddings. In both nothing drops out. With :math:`\lambda = 0` this is plain
    fine-tuning. There is no factor :math:`T^2`, as there is none in the paper: gradients fall with T about as
    :math:`1/T^2`, so a larger T needs a larger weight. The paper's first phase, in which the new head trains alone, is
    left out. A step takes a forward and a backward pass of the encoder more, and a forward pass of the teacher, which
    is a second copy of the weights in memory.

    In a sequence the same is asked of each former task's head, on the task's own inputs, with the model as the last
    task left it for a teacher; of a score the squared difference. These heads rest, where the paper trains them on.
    """

    name: ClassVar[str] = "lwf"
    title: ClassVar[str] = "LwF"
    paper: ClassVar[str] = "Li and Hoiem, 2016, Learning without forgetting"
    lesson: ClassVar[str] = "11_neighbours"
    needs: ClassVar[frozenset[str]] = frozenset({"source head"})
    acts_on_pretrained: ClassVar[bool] = True
    family: ClassVar[str] = "loss"
    carries: ClassVar[str] = "the heads of the tasks"
    costs: ClassVar[frozenset[str]] = frozenset({"all gradients", "copy", "second pass"})
    acting: ClassVar[type[_Acting]] = _Acting

    weight: float = setting(1.0, "lambda, strength of the distillation", low=0, log=True, live=True, span=(0.01, 100))
    temperature: float = setting(
        2.0, "T, by which both divide their logits", low=0, open_low=True, log=True, live=True, span=(0.5, 10)
    )
    hidden: float = setting(0.15, "share of the words that is hidden", low=0, high=1, open_low=True, span=(0.05, 0.5))

    def carry(self, former: "Carried", ended: "Ended") -> "Carried":
        """One head more."""
        return {"heads": [*former.get("heads", ()), ended.head]}
