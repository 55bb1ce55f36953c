"""SMART's penalty: what a model says of a batch must stand the small change of it that moves the answers most."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from recall_learn.methods.method import Method, setting
from recall_learn.methods.neighbour import Neighbouring, disagreement, full, logits_of

if TYPE_CHECKING:
    from torch import Tensor


def apart(one: "Tensor", other: "Tensor") -> "Tensor":
    """How far two answers are from each other: `disagreement`, of a score [rows, 1] the squared difference."""
    if one.shape[-1] == 1:
        return (full(one) - full(other)).square().mean()
    return disagreement(one, other)


def to_radius(direction: "Tensor", radius: float) -> "Tensor":
    """Each token's vector [..., width] made so long that its largest entry is the radius; a vector of 0 stays."""
    largest = direction.abs().amax(-1, keepdim=True)
    return radius * direction / largest.masked_fill(largest == 0, 1)


class _Acting(Neighbouring):
    method: "SMART"

    def terms(self, inputs: Mapping[str, object], outputs: object) -> "dict[str, Tensor]":
        method, logits = self.method, logits_of("smart", outputs)
        if not method.weight:
            return {"disagreement": logits.new_zeros(())}
        away = self._ascent(inputs, logits.detach())
        near = self.beside(inputs, lambda words: words + away.to(words.dtype))
        self.passes += 1
        return {"disagreement": method.weight * apart(logits, near)}

    def _ascent(self, inputs: Mapping[str, object], logits: "Tensor") -> "Tensor":
        """The way to the neighbour, from a random start one step up; no gradient of a weight is taken."""
        import torch

        method, moved = self.method, []

        def move(words: "Tensor") -> "Tensor":
            drawn = torch.randn(words.shape, generator=self.generator(words.device), device=words.device)
            moved.append((method.noise * drawn).requires_grad_())
            return words.detach() + moved[0].to(words.dtype)

        with torch.enable_grad():
            distance = apart(logits, self.beside(inputs, move)) * len(logits)
        (slope,) = torch.autograd.grad(distance, moved)
        alone = math.isinf(method.step)
        return to_radius(slope if alone else moved[0].detach() + method.step * slope, method.radius)


@dataclass(frozen=True)
class SMART(Method):
    r"""A forward pass over the worst neighbour of a batch, and a penalty where it does not answer as the first did.

    .. math::
        Loss_T + \alpha \left[ KL(p \| q) + KL(q \| p) \right], \qquad p = f(x), \quad q = f(x + d)

    p and q are the distributions over labels for the token embeddings x and for their neighbours; of a score
    (regression) the penalty is :math:`\alpha (f(x) - f(x + d))^2`. The neighbour is found by one step up the penalty's
    gradient from a random start :math:`d_0` of standard deviation ``noise``. Each token's way to it is as long as the
    radius r:

    .. math::
        v = d_0 + \eta\, \nabla_{d_0} \sum_{rows} [KL + KL], \qquad d = r\, v / \max_j |v_j|

    With :math:`\eta = \infty`, the default, v is the gradient alone. The published code takes :math:`\eta = 10^{-5}`
    and r = 1 (its setting for the radius, :math:`10^{-6}`, only keeps a division from failing). On the small world that
    gradient has 0.05 to 0.4 of the length of :math:`d_0`, so there v is the random start, and nothing is adversarial.
    At theta* and r = 0.01 the gradient's direction moves the answers by 0.012 nats, a random direction by 0.00001.

    The same units drop out in all passes, so that the step climbs the penalty and not the noise of dropout. The ascent
    takes no gradient of a weight. With :math:`\alpha = 0` there is no other pass, and this is plain fine-tuning. No
    pretrained weight is restored or kept. A step takes three forward and three backward passes, one of them without
    the weights' gradients. SMART's other part, a moving teacher, is not in the published code, and not here.
    """

    name: ClassVar[str] = "smart"
    title: ClassVar[str] = "SMART"
    paper: ClassVar[str] = "Jiang et al., 2020, SMART, arXiv 1911.03437"
    lesson: ClassVar[str] = "11_neighbours"
    slot: ClassVar[str] = "penalty on neighbours"
    family: ClassVar[str] = "loss"
    carries: ClassVar[str] = "nothing"
    costs: ClassVar[frozenset[str]] = frozenset({"all gradients", "second pass"})
    acting: ClassVar[type[_Acting]] = _Acting

    weight: float = setting(1.0, "alpha, strength of the penalty", low=0, log=True, live=True, span=(0.01, 100))
    radius: float = setting(
        0.01, "largest entry of the way from an embedding to its neighbour", low=0, log=True, live=True, span=(1e-4, 1)
    )
    step: float = setting(
        math.inf,
        "eta, of the ascent; inf is its gradient alone",
        low=0,
        log=True,
        infinite=True,
        live=True,
        span=(1e-5, 1e3),
    )
    noise: float = setting(1e-5, "standard deviation of the start", low=0, open_low=True, log=True, span=(1e-6, 1e-2))
