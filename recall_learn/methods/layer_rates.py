"""Discriminative rates: the lower a layer is, the more slowly it learns."""

from dataclasses import dataclass
from typing import ClassVar

from recall_learn.methods.method import Acting, Groups, Method, setting


class _Acting(Acting):
    method: "LayerRates"

    def groups(self, groups: Groups) -> Groups:
        from recall_learn.methods.stack import parts

        *lower, above = parts(self.start.model, self.method.name)
        depth = {p: len(lower) - n for n, part in enumerate(lower) for p in part} | dict.fromkeys(above, 0)
        found: Groups = []
        for group in groups:
            split: dict[int, list] = {}
            for name, p in group["params"]:
                split.setdefault(depth.get(p, 0), []).append((name, p))
            lr = float(group.get("lr", self.start.lr))
            found += [{**group, "params": named, "lr": lr / self.method.decay**n} for n, named in split.items()]
        return found


@dataclass(frozen=True)
class LayerRates(Method):
    r"""Each layer has a learning rate of its own, smaller by one factor than that of the layer above it.

    .. math::
        \eta_{l-1} = \eta_l / d

    The head, the pooler and a last norm have the run's rate, the uppermost layer has 1/d of it, and the embeddings the
    least. With d = 2.6 these are ULMFiT's rates; with d = 1.0526, which is 1 / 0.95, those of Zhang et al. (2021); with
    d = 1 there is one rate. Low layers so stay near home without anything that pulls.

    The schedule multiplies all rates alike, and a new rate during the run keeps their ratios. RecAdam pulls a layer by
    its own rate times gamma: what learns slowly is also recalled slowly.
    """

    name: ClassVar[str] = "layer-rates"
    title: ClassVar[str] = "Rates by layer"
    paper: ClassVar[str] = "Howard and Ruder, 2018, Universal language model fine-tuning, arXiv 1801.06146"
    lesson: ClassVar[str] = "11_neighbours"
    acts_on_pretrained: ClassVar[bool] = True
    family: ClassVar[str] = "rates and order"
    carries: ClassVar[str] = "nothing"
    acting: ClassVar[type[Acting]] = _Acting

    decay: float = setting(2.6, "a layer's rate is that of the layer above it divided by this", low=1, high=1000)
