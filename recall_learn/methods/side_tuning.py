"""Side-tuning: a small network trains beside an encoder that rests, and a share between the two trains, too."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from recall_learn.methods.method import OWN, Acting, Groups, Method, setting

if TYPE_CHECKING:
    from torch import nn


class _Acting(Acting):
    def groups(self, groups: Groups) -> Groups:
        """The share is not decayed, whatever else is."""
        from recall_learn.methods.added import Side

        shares = {module.mix for module in self.start.model.modules() if isinstance(module, Side)}
        found: Groups = []
        for group in groups:
            apart = [(name, p) for name, p in group["params"] if p in shares]
            rest = [(name, p) for name, p in group["params"] if p not in shares]
            found += [{**group, "params": rest}] if rest else []
            found += [{**group, "params": apart, "weight_decay": 0.0}] if apart else []
        return found


@dataclass(frozen=True)
class SideTuning(Method):
    r"""The encoder rests; a copy of its lowest layers trains beside it, and the two outputs are mixed.

    .. math::
        R(x) = a\, B(x) + (1 - a)\, S(x), \qquad a = \frac{1}{1 + e^{-s}}

    B(x) are the last hidden states of the pretrained encoder, in eval mode, S(x) those of the copy, which reads the
    same embeddings and the same mask. s is a number that trains, without weight decay. With a = 1 the output is the
    pretrained one; there s is infinite, and stays so. What is behind the layers, and the head, read R.

    The encoder keeps every bit, so its distance from home is 0. The function of the mixture does change from the first
    step, and even before: with a = 1/2 half of the output is that of a few layers. That is what the source loss says.

    The finished model holds the copy. Its files are those of any model, but transformers would leave the copy out;
    ``recall_learn.load_added(folder)`` loads it whole.
    """

    name: ClassVar[str] = "side-tuning"
    title: ClassVar[str] = "Side-tuning"
    paper: ClassVar[str] = "Zhang et al., 2020, Side-tuning, arXiv 1912.13503"
    lesson: ClassVar[str] = "11_neighbours"
    slot: ClassVar[str] = "branch beside the layers"
    freezes: ClassVar[bool] = True
    family: ClassVar[str] = "added modules"
    carries: ClassVar[str] = "nothing: a task keeps its own side network"
    isolates: ClassVar[bool] = True
    costs: ClassVar[frozenset[str]] = frozenset({OWN})
    acting: ClassVar[type[Acting]] = _Acting

    layers: int = setting(1, "how many of the lowest layers are copied", low=1, whole=True)
    alpha: float = setting(0.5, "the encoder's share at the start; it trains", low=0, high=1, open_low=True)

    def prepare(self, model: "nn.Module", seed: int) -> tuple[str, ...]:
        """Put the copy beside the layers."""
        from recall_learn.methods.added import Side, place
        from recall_learn.methods.stack import check_count

        base, stack, _ = place(model, self.name)
        check_count(model, self.layers, self.name)
        Side(stack, self.layers, self.alpha).hang(base, stack)
        return ()
