"""Top-K: the uppermost layers and the head train, and all that is below stays as it was pretrained."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from recall_learn.methods.method import Method, setting

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class TopK(Method):
    r"""The uppermost K layers train, and the pooler, the last norm and the head; all below stays to the bit.

    .. math::
        \theta_i = \theta^*_i \quad \text{for all } i \text{ below layer } L - K + 1

    L is the number of layers. Embeddings are below, and what is tied to them. With K = 0 what is behind the layers
    trains alone, with K = L all but the embeddings. What is frozen needs no gradient, no place in the optimizer and no
    backward pass, and no optimizer, pull or decay moves it. Its dropout stays on.
    """

    name: ClassVar[str] = "top-k"
    title: ClassVar[str] = "Top-K"
    paper: ClassVar[str] = "Lee et al., 2019, What would Elsa do? Freezing layers, arXiv 1911.03090"
    lesson: ClassVar[str] = "12_all_together"
    acts_on_pretrained: ClassVar[bool] = True
    family: ClassVar[str] = "weights at the start"
    carries: ClassVar[str] = "nothing"
    costs: ClassVar[frozenset[str]] = frozenset()

    layers: int = setting(1, "how many of the uppermost layers train; 0 is the head alone", low=0, whole=True)

    def prepare(self, model: "nn.Module", seed: int) -> tuple[str, ...]:
        """Freeze what is below."""
        from recall_learn.methods.stack import check_count, parts

        check_count(model, self.layers, self.name)
        below, *layers, _ = parts(model, self.name)
        for part in (below, *layers[: len(layers) - self.layers]):
            for parameter in part:
                parameter.requires_grad_(False)
        return ()
