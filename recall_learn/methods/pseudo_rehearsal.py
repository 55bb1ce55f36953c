"""Pseudo-rehearsal: the model from before makes up texts, says their words, and the model that trains says the same."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from recall_learn.methods import from_source
from recall_learn.methods.method import PLAIN_COSTS, Method, Start, setting
from recall_learn.methods.source import words_of
from recall_learn.methods.stepping import Stepping

if TYPE_CHECKING:
    from torch import Generator, Tensor

SHARE = 0.15
"""Of a text's words that are hidden, as BERT was trained with."""


def distillation(student: "Tensor", teacher: "Tensor", temperature: float) -> "Tensor":
    r""":math:`T^2` times the mean of :math:`KL(p^{1/T}_{teacher} \| p^{1/T}_{student})`, each normalised, in nats.

    The square keeps the gradient's size: at a large T it tends to the difference of the centred logits over V.

    Args:
        student: logits [M, V].
        teacher: logits [M, V].
        temperature: T.
    """
    from torch.nn import functional

    p, q = (functional.log_softmax(each.float() / temperature, -1) for each in (teacher, student))
    return temperature**2 * functional.kl_div(q, p, reduction="batchmean", log_target=True)


class _Acting(Stepping):
    method: "PseudoRehearsal"

    def __init__(self, method: "PseudoRehearsal", start: Start):
        import torch

        super().__init__(method, start)
        self.source = from_source.begun(start, method.name)
        self.before = from_source.frozen(self.source, start, method.name)
        device = next(self.before.parameters()).device
        one = torch.tensor([[self.source.mask]], device=device)
        count = self.before(input_ids=one).shape[-1]
        self.words = torch.tensor(sorted({*range(count)} - {self.source.mask, *self.source.special}))

    def terms(self, inputs: Mapping[str, object], outputs: object) -> "dict[str, Tensor]":
        import torch

        if not self.method.weight:
            return {"rehearsal": self.nothing()}
        generator = self.drawn()
        with torch.no_grad():
            text = self._text(words_of(inputs, self.method.name), generator)
            asked, _ = self.source.hide(text, SHARE, generator)
            old = self.before(**asked)
        new = self.source.masked_lm(**asked)
        return {"rehearsal": self.method.weight * distillation(new, old, self.method.temperature)}

    def _text(self, text: "dict[str, Tensor]", generator: "Generator") -> "dict[str, Tensor]":
        """A text as long as the one given, its words drawn evenly, or filled in by the model from before."""
        import torch

        ids, rounds = text["input_ids"], self.method.rounds
        able = self.source.able(ids)
        if not rounds:
            drawn = self.words[torch.randint(len(self.words), ids.shape, generator=generator)].to(ids)
            return text | {"input_ids": torch.where(able, drawn, ids)}
        for k in range(rounds):
            # all are hidden at first, then fewer and fewer: what was said stands, and the rest is said anew around it
            left = torch.rand(ids.shape, generator=generator).to(ids.device) * rounds < rounds - k
            asked = ids.masked_fill(able & left, self.source.mask)
            hidden = asked == self.source.mask
            if hidden.any():
                ids = asked.masked_scatter(hidden, self._said(text | {"input_ids": asked}, generator))
        return text | {"input_ids": ids}

    def _said(self, asked: "dict[str, Tensor]", generator: "Generator") -> "Tensor":
        """A word for each hidden one, drawn from what the model from before thinks of it."""
        import torch

        words = self.words.to(asked["input_ids"].device)
        p = self.before(**asked).float().softmax(-1)[:, words].cpu()
        return words[torch.multinomial(p, 1, generator=generator)[:, 0].to(words.device)]


@dataclass(frozen=True)
class PseudoRehearsal(Method):
    r"""The source's text is gone, but the old model still knows it: it labels texts that it makes up itself.

    .. math::
        Loss_T + w\, T^2 \frac1M \sum_m KL\big(p^{1/T}_{\theta^*}(\cdot \mid m) \,\big\|\, p^{1/T}_\theta(\cdot \mid
        m)\big)

    In each step a text takes the places of the batch's words, so it is as long. Its words are drawn evenly, or the
    model from before fills them in: all are hidden and said, then a share of them, less and less in each of so many
    rounds. Of that text 15 % of the words are hidden, one at least. At these M places the model that trains is to say
    what the model from before says, by the head that both were pretrained with; T is the temperature, both
    distributions are normalised, and the sum is in nats.

    At :math:`\theta^*` the term and its gradient are 0 where no dropout is on. The model from before never changes; it
    is a second model in memory. A weight of 0 is plain fine-tuning, to the bit. No text of the source is needed.
    """

    name: ClassVar[str] = "pseudo-rehearsal"
    title: ClassVar[str] = "Pseudo-rehearsal"
    paper: ClassVar[str] = "Robins, 1995, Catastrophic forgetting, rehearsal and pseudorehearsal"
    lesson: ClassVar[str] = "11_neighbours"
    needs: ClassVar[frozenset[str]] = frozenset({"source head"})
    family: ClassVar[str] = "data"
    carries: ClassVar[str] = "its anchors, which may be the last task's weights"
    costs: ClassVar[frozenset[str]] = PLAIN_COSTS | {"copy", "second pass"}
    acting: ClassVar[type[_Acting]] = _Acting

    weight: float = setting(1.0, "of what is rehearsed beside the task", low=0, log=True, live=True, span=(1e-2, 10))
    temperature: float = setting(
        2.0, "T, above 1 it makes unlikely words count", low=0, open_low=True, live=True, span=(0.5, 10)
    )
    rounds: int = setting(
        4, "in which the model from before fills in the text; 0 draws words evenly", low=0, whole=True, span=(0, 10)
    )
