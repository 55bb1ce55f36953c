"""Adapters: small modules inside of each layer train, and nearly all that was pretrained stays as it was."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from recall_learn.methods.method import OWN, Method, setting

if TYPE_CHECKING:
    from torch import nn

BUILD = {"dense", "dropout", "LayerNorm"}
"""What a part of a layer in BERT's build has that ends in a projection, a residual and a norm."""


@dataclass(frozen=True)
class Adapters(Method):
    r"""In each layer two small modules train, beside the norms and the head; all else that was pretrained rests.

    .. math::
        h \leftarrow h + W_2\, gelu(W_1 h + b_1) + b_2

    One stands behind the projection of the attention, one behind the feed-forward part, each before the residual and
    the norm. Where :math:`W_2` and :math:`b_2` are 0, the output is the pretrained one; training begins near that.

    Norms (LayerNorm) train, and are pretrained: they alone can be away from home, and count in the distance. Whoever
    takes the adapters away to have the pretrained model back puts the norms back, too.

    The finished model holds the adapters. Its files are those of any model, but transformers would leave the adapters
    out; ``recall_learn.load_added(folder)`` loads it whole. Models of BERT's build have places for them: BERT, RoBERTa,
    ELECTRA, MiniLM.
    """

    name: ClassVar[str] = "adapters"
    title: ClassVar[str] = "Adapters"
    paper: ClassVar[str] = "Houlsby et al., 2019, Parameter-efficient transfer learning for NLP, arXiv 1902.00751"
    lesson: ClassVar[str] = "11_neighbours"
    freezes: ClassVar[bool] = True
    family: ClassVar[str] = "added modules"
    carries: ClassVar[str] = "nothing: a task keeps its own adapters"
    isolates: ClassVar[bool] = True
    costs: ClassVar[frozenset[str]] = frozenset({OWN})

    width: int = setting(64, "numbers between an adapter's two matrices", low=1, whole=True, log=True, span=(1, 256))
    sd: float = setting(
        1e-3, "standard deviation of both matrices at the start", low=0, open_low=True, log=True, span=(1e-4, 1e-1)
    )

    def prepare(self, model: "nn.Module", seed: int) -> tuple[str, ...]:
        """Put them behind the projections, and let the norms train."""
        from torch import nn

        from recall_learn.methods.added import Bottleneck, drawn

        base = getattr(model, "base_model", model)
        if any(isinstance(module, Bottleneck) for module in base.modules()):
            raise ValueError(f"{type(model).__name__} has {self.name} already; begin with a new model")
        places = [part for part in base.modules() if set(dict(part.named_children())) >= BUILD]
        if not places:
            raise ValueError(
                f"{self.name} finds no place in {type(model).__name__}; take a model of BERT's build, whose layers "
                f"have parts with {', '.join(sorted(BUILD))}"
            )
        with drawn(self.name, seed):
            for part in places:
                weight = part.dense.weight
                added = Bottleneck(len(weight), self.width, self.sd).to(weight.device, weight.dtype)
                part.dropout = nn.Sequential(OrderedDict(dropout=part.dropout, adapter=added))
        for module in base.modules():
            if isinstance(module, nn.LayerNorm):
                module.requires_grad_(True)
        return ()
