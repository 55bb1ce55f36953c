"""R3F: noise on the embeddings of a batch must not change what the model says of it. R4F: the head has norm 1, too."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from recall_learn.methods.method import Method, Start, setting
from recall_learn.methods.neighbour import Neighbouring, disagreement, last_linear, logits_of

if TYPE_CHECKING:
    from torch import Generator, Tensor, nn


def noise_like(like: "Tensor", size: float, kind: str, generator: "Generator") -> "Tensor":
    """z, of the shape, device and dtype of ``like``: uniform in [-size, size), or normal of standard deviation size."""
    import torch

    options = {"generator": generator, "device": like.device, "dtype": torch.float32}
    drawn = torch.randn(like.shape, **options) if kind == "normal" else 2 * torch.rand(like.shape, **options) - 1
    return (size * drawn).to(like.dtype)


def lipschitz(weight: "Tensor") -> "Tensor":
    r"""W over its largest singular value :math:`\|W\|_2`, so that the largest of the result is 1."""
    import torch

    return weight / torch.linalg.matrix_norm(weight.float(), 2).clamp(min=1e-12).to(weight.dtype)


class _Acting(Neighbouring):
    method: "R3F"

    def __init__(self, method: "R3F", start: Start):
        super().__init__(method, start)
        self.head = last_linear(method.name, start) if method.head == "lipschitz" else None
        config = getattr(start.model, "config", None)
        self._check(getattr(config, "num_labels", 2), getattr(config, "problem_type", None))

    def _check(self, labels: int, kind: str | None = None) -> None:
        if labels == 1 or kind in ("regression", "multi_label_classification"):
            raise ValueError(
                "r3f compares distributions over labels of which one is right, and this model gives none; take it for "
                "classification"
            )

    def wrap(self, model: "nn.Module") -> None:
        super().wrap(model)
        if self.head is None:
            return

        def divide(module, args):
            if getattr(module, "_is_replica", False):
                raise ValueError("r3f cannot act in the copies of DataParallel; take DistributedDataParallel")
            # hides the parameter from the layer's own formula, and from nobody else: it stays what is trained
            vars(module).pop("weight", None)
            vars(module)["weight"] = lipschitz(module.weight)

        def restore(module, args, output):
            vars(module).pop("weight", None)

        self._handles.append(self.head.register_forward_pre_hook(divide))
        self._handles.append(self.head.register_forward_hook(restore, always_call=True))

    def terms(self, inputs: Mapping[str, object], outputs: object) -> "dict[str, Tensor]":
        method, logits = self.method, logits_of("r3f", outputs)
        self._check(logits.shape[-1])
        if not method.weight:
            return {"disagreement": logits.new_zeros(())}

        def move(words: "Tensor") -> "Tensor":
            return words + noise_like(words, method.size, method.noise, self.generator(words.device))

        near = self.beside(inputs, move, method.dropout == "same")
        self.passes += 1
        return {"disagreement": method.weight * disagreement(logits, near)}

    def plain(self, model: "nn.Module") -> Callable[[], None]:
        if self.head is None:
            return super().plain(model)
        weight = self.head.weight
        held = weight.detach().clone()
        weight.data.copy_(lipschitz(held))
        return lambda: weight.data.copy_(held)

    def close(self) -> None:
        super().close()
        if self.head is not None:
            vars(self.head).pop("weight", None)


@dataclass(frozen=True)
class R3F(Method):
    r"""A second forward pass over noisy token embeddings, and a penalty where it does not answer as the first did.

    .. math::
        Loss_T + \lambda \left[ KL(p \| q) + KL(q \| p) \right], \qquad p = f(x), \quad q = f(x + z)

    p and q are the distributions over labels for the token embeddings x of a batch, and for those embeddings with noise
    z of the size s: uniform in [-s, s], or normal with standard deviation s. The divergences are in nats, the mean over
    the batch; both passes have a gradient. With :math:`\lambda = 0` there is no second pass, and this is plain
    fine-tuning.

    The divergence grows with :math:`s^2`. At the paper's :math:`s = 10^{-5}` it is under :math:`10^{-8}` nats, so
    **in a model without dropout the paper's setting does nothing**. In a model with dropout each pass drops other
    units, as in the published code, and the penalty is on their disagreement (which is R-Drop). ``dropout=same`` drops
    the same in both and leaves the noise alone: then take an s of the size of an embedding's entries.

    R4F is ``head=lipschitz``: in every pass, and in the model that is scored and saved, the last matrix of the head is
    divided by its largest singular value, so that the head enlarges no difference between its inputs. No pretrained
    weight is restored or kept. A score (regression) has no distribution over labels, and is refused. A step takes two
    forward and two backward passes. With mixout both passes have masks of their own, whatever ``dropout`` says.
    """

    name: ClassVar[str] = "r3f"
    title: ClassVar[str] = "R3F"
    paper: ClassVar[str] = "Aghajanyan et al., 2021, Better fine-tuning by reducing representational collapse"
    lesson: ClassVar[str] = "11_neighbours"
    slot: ClassVar[str] = "penalty on neighbours"
    family: ClassVar[str] = "loss"
    carries: ClassVar[str] = "nothing"
    costs: ClassVar[frozenset[str]] = frozenset({"all gradients", "second pass"})
    acting: ClassVar[type[_Acting]] = _Acting

    weight: float = setting(1.0, "lambda, strength of the penalty", low=0, log=True, live=True, span=(0.01, 100))
    size: float = setting(1e-5, "of the noise on the embeddings", low=0, log=True, live=True, span=(1e-6, 1))
    noise: str = setting("uniform", "distribution of the noise", choices=("uniform", "normal"))
    dropout: str = setting("own", "what drops out in the second pass", choices=("own", "same"))
    head: str = setting("free", "whether the head's last matrix has norm 1 (R4F)", choices=("free", "lipschitz"))
