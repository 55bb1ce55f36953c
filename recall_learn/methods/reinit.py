"""Re-initialisation: the uppermost layers forget what they learned before the training begins."""

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from recall_learn.methods.method import Method, setting

if TYPE_CHECKING:
    from torch import Tensor, nn

STD = 0.02
"""Of the normal distribution that BERT's weights were drawn from; a model's ``config.initializer_range`` is asked
first."""


@dataclass(frozen=True)
class Reinit(Method):
    r"""The uppermost K layers and the pooler are drawn anew, as they were before any pretraining; what is below stays.

    .. math::
        W \sim \mathcal N(0, \sigma^2), \qquad b = 0, \qquad \text{norms: } 1 \text{ and } 0

    Sigma is the one that the model itself was begun with (``config.initializer_range``), else 0.02. The uppermost
    layers have learned most about saying hidden words, and may be a worse place to begin than none. The output of
    layer L - K is the pretrained model's to the bit, and nothing above it is.

    What is drawn anew has no :math:`\theta^*`: no pull and no mixing holds it to its random values, as happens where
    anchors are copied after the draw. What was forgotten counts: the distance from home and what is asked about the
    pretraining are measured from the pretrained model. Each weight follows from the seed and its name alone.
    """

    name: ClassVar[str] = "reinit"
    title: ClassVar[str] = "Re-initialisation"
    paper: ClassVar[str] = "Zhang et al., 2021, Revisiting few-sample BERT fine-tuning, arXiv 2006.05987"
    lesson: ClassVar[str] = "11_neighbours"
    acts_on_pretrained: ClassVar[bool] = True
    family: ClassVar[str] = "weights at the start"

    layers: int = setting(1, "how many of the uppermost layers are drawn anew", low=0, whole=True)
    pooler: str = setting("yes", "whether the pooler is drawn anew, too", choices=("yes", "no"))

    def prepare(self, model: "nn.Module", seed: int) -> tuple[str, ...]:
        """Draw anew; the names of what was drawn."""
        import torch

        from recall_learn.methods.stack import check_count, layers
        from recall_learn.theory.anchors import unwrapped

        model = unwrapped(model)
        check_count(model, self.layers, self.name)
        stack = layers(model, self.name)
        pooler = getattr(getattr(model, "base_model", model), "pooler", None)
        chosen = [
            *stack[len(stack) - self.layers :],
            *([pooler] if pooler is not None and self.pooler == "yes" else []),
        ]
        names = {p: name for name, p in model.named_parameters()}
        drawn = {
            names[p]: (module, key)
            for part in chosen
            for module in part.modules()
            for key, p in module._parameters.items()
            if p is not None
        }
        for name, (module, key) in drawn.items():
            if not module._parameters[key].requires_grad:
                raise ValueError(f"{self.name} draws {name} anew, and it is frozen; take fewer layers, or unfreeze it")
        std = getattr(getattr(model, "config", None), "initializer_range", STD)
        with torch.no_grad():
            for name, (module, key) in drawn.items():
                p = module._parameters[key]
                p.copy_(_drawn(p, module, key, std, f"{self.name} {seed} {name}"))
        return tuple(drawn)


def _drawn(p: "Tensor", module: "nn.Module", key: str, std: float, what: str) -> "Tensor":
    """What a parameter starts from: a norm's 1, a bias's 0, or random numbers that follow from ``what``."""
    import torch

    if p.ndim < 2:
        return torch.full_like(p, float(key == "weight" and "norm" in type(module).__name__.lower()))
    seed = int.from_bytes(hashlib.blake2b(what.encode(), digest_size=8).digest())
    # on the CPU, so that every device begins alike
    return std * torch.randn(p.shape, generator=torch.Generator().manual_seed(seed))
