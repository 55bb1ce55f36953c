r"""Where the forgetting sits: parts of a fine-tuned model go back to theta*, and it is asked again.

With :math:`\theta` the tuned weights, :math:`\theta^*` the pretrained ones and S a set of parts (a layer, the
embeddings), a measure m is taken at

.. math::
    \theta_S = (\theta^*_i \text{ for } i \in S,\ \theta_i \text{ for all others}).

Nothing trains: a part whose return brings a fact back held what hid it; a part that can go back without harm to the
task was not needed for it. No part need do either alone, for a layer was tuned to the layers beneath it: so S is one
part, and it is also the k uppermost and the k lowest, up to all of them.

What has no anchor stays as it was tuned: the head, a pooler that was new, modules that a method added. What shares its
weights goes with them: the decoder of a masked language model is its word embeddings.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass

from torch import Tensor, nn

from recall_learn.measures.distance import part_of
from recall_learn.support.checks import number, shown
from recall_learn.support.reading import Json
from recall_learn.theory.anchors import check_names, named
from recall_learn.theory.fisher import evaluating
from recall_learn.theory.sharded import at

Measured = dict[str, float]


@dataclass(frozen=True)
class Ablation:
    """What was measured with which parts at theta*; all numbers by the measure's names.

    Attributes:
        parts: the parts, from below: embeddings, layers, and what of the top was pretrained.
        tuned: with none of them back: the model as it was trained.
        pretrained: with all of them back.
        alone: ``part -> measures`` with this one back.
        from_top: with the 1, 2, ... uppermost parts back; the last is all of them.
        from_bottom: with the 1, 2, ... lowest parts back; the last is all of them.
    """

    parts: list[str]
    tuned: Measured
    pretrained: Measured
    alone: dict[str, Measured]
    from_top: list[Measured]
    from_bottom: list[Measured]

    def to_dict(self) -> dict[str, Json]:
        """Plain JSON types."""
        return asdict(self)

    def returned(self, name: str) -> dict[str, float]:
        r"""Which part's return brings a measure back: :math:`(m_S - m_\emptyset) / (m_{all} - m_\emptyset)` of each.

        Args:
            name: of a measure.

        Returns:
            ``part -> share``: 0 where the part's return changes nothing, 1 where it alone does what all of them do;
            negative where it takes the model further away. They need not add up to 1. nan where all of them together
            change nothing.

        Raises:
            ValueError: no measure has that name.
        """
        if name not in self.tuned:
            raise ValueError(f"name is {shown(name)}; what was measured is {', '.join(self.tuned)}")
        gap = self.pretrained[name] - self.tuned[name]
        return {part: (each[name] - self.tuned[name]) / gap if gap else math.nan for part, each in self.alone.items()}


def parts(anchors: Mapping[str, Tensor]) -> list[str]:
    """The parts that anchors belong to, from below, named as in `recall_learn.measures.distance.distance_by_layer`."""
    return list(dict.fromkeys(part_of(name) for name in anchors))


def at_home(model: nn.Module, anchors: Mapping[str, Tensor], back: Iterable[str]) -> AbstractContextManager[None]:
    """The model with some parts at theta* while the block lasts, and afterwards to the bit as it was.

    Args:
        model: a model that was fine-tuned.
        anchors: theta*, ``name -> tensor``.
        back: parts, as `parts` names them; none of them changes nothing.

    Raises:
        ValueError: there is no such part, or the anchors are not this model's.
    """
    known = parts(anchors)
    wanted = [back] if isinstance(back, str) else list(back)
    wrong = next((part for part in wanted if part not in known), None)
    if wrong is not None:
        raise ValueError(f"part {shown(wrong)} is not in the model; its parts are {', '.join(known)}")
    parameters = named(model)
    check_names({name: parameters[name] for name in anchors if name in parameters}, anchors, "anchors")
    chosen = set(wanted)
    return at(model, {name: anchor for name, anchor in anchors.items() if part_of(name) in chosen})


def ablation(
    model: nn.Module,
    anchors: Mapping[str, Tensor],
    measure: Callable[[], Mapping[str, float]],
    progress: Callable[[str], None] = lambda part: None,
) -> Ablation:
    """Put parts back one at a time, from the top down and from the bottom up, and measure each time.

    Args:
        model: as it was fine-tuned. Afterwards it is that again, to the bit, whatever ``measure`` raises.
        anchors: theta*, ``name -> tensor``.
        measure: asks the model (and what shares its weights, see `recall_learn.models.masked_lm.attach`) and gives
            numbers by name, the same names each time; the model is in eval mode.
        progress: told which parts are back, before each measurement.

    Raises:
        ValueError: the anchors are not this model's, or there are none; or ``measure`` gives no numbers by name.
    """
    known = parts(anchors)
    if not known:
        raise ValueError("anchors is empty; there is nothing to put back")

    def measured(back: list[str], called: str) -> Measured:
        progress(called)
        with at_home(model, anchors, back):
            return _numbers(measure())

    with evaluating(model):
        tuned, pretrained = measured([], "none"), measured(known, "all")
        alone = {part: measured([part], part) for part in known}
        upper = [measured(known[-count:], f"the {count} uppermost") for count in range(2, len(known))]
        lower = [measured(known[:count], f"the {count} lowest") for count in range(2, len(known))]
    from_top, from_bottom = [alone[known[-1]], *upper], [alone[known[0]], *lower]
    whole = [pretrained] if len(known) > 1 else []
    return Ablation(known, tuned, pretrained, alone, from_top + whole, from_bottom + whole)


def _numbers(found: Mapping[str, float]) -> Measured:
    if not isinstance(found, Mapping) or not found:
        raise ValueError(f"measure gave {shown(found)}; it has to give numbers by name, as in {{'facts': 0.8}}")
    return {name: number(f"measure {name}", value, lambda x: True, "a finite number") for name, value in found.items()}
