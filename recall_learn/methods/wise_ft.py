"""WiSE-FT: after the training, the weights are put between theta* and where they ended: a frontier for one run."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from recall_learn.methods.method import Acting, Method, Start, setting

if TYPE_CHECKING:
    from torch import Tensor, nn

KEPT = ("metrics", "distance", "source_loss", "similarity")
"""What a point of the frontier keeps of an evaluation, beside the share of the facts that are known."""


class _Acting(Acting):
    method: "WiseFT"

    def __init__(self, method: "WiseFT", start: Start):
        super().__init__(method, start)
        # what is frozen moves, too, where something is merged into it
        self.home = {**{name: p.detach().clone() for name, p in start.frozen.items()}, **start.anchors}
        if not self.home:
            raise ValueError(
                f"{method.name} finds no weight in {type(start.model).__name__} that was pretrained; name what is in "
                f"anchors, or leave {method.name} out"
            )

    def plain(self, model: "nn.Module") -> Callable[[], None]:
        import torch

        from recall_learn.theory.anchors import unwrapped
        from recall_learn.theory.sharded import beside

        parameters = dict(unwrapped(model).named_parameters())
        kept = []
        with torch.no_grad():
            for name in self.home.keys() & parameters.keys():
                p = parameters[name]
                kept.append((p, p.detach().clone()))
                p.copy_(between(beside(self.home[name], p), p, self.method.alpha))

        def undo() -> None:
            with torch.no_grad():
                for p, now in kept:
                    p.copy_(now)

        return undo

    def ending(self, measure: Callable[[], dict[str, object]]) -> dict[str, object]:
        chosen, frontier = self.method, []
        try:
            for n in range(chosen.points + 1):
                self.method = replace(chosen, alpha=n / chosen.points)
                frontier.append({"alpha": self.method.alpha, **_short(measure())})
        finally:
            self.method = chosen
        return {"frontier": frontier}


def between(home: "Tensor", now: "Tensor", alpha: float) -> "Tensor":
    r""":math:`(1 - \alpha)\, \theta^* + \alpha\, \theta`, either end of it to the bit.

    Args:
        home: theta*.
        now: theta, of the same shape; the answer has its dtype.
        alpha: in [0, 1].
    """
    import torch

    return torch.lerp(home.to(now.dtype), now.detach(), alpha)


def _short(found: Mapping[str, object]) -> dict[str, object]:
    facts = {"facts": found["facts"]["known"]} if "facts" in found else {}
    return {**{key: found[key] for key in KEPT if key in found}, **facts}


@dataclass(frozen=True)
class WiseFT(Method):
    r"""Once it has trained, the model is taken back a part of the way to where it began.

    .. math::
        \theta_\alpha = (1 - \alpha)\, \theta^* + \alpha\, \theta

    The training is plain fine-tuning, or that of the methods beside it. What is scored and saved is
    :math:`\theta_\alpha`. All pretrained weights that moved are interpolated; the new head has no :math:`\theta^*` and
    stays as it was trained, as do buffers. With alpha = 0 the encoder is the pretrained one to the bit, with alpha = 1
    the trained one, and the distance from home is alpha times the distance of the trained model.

    When the run has ended it notes the whole frontier: what the model scores and what it still knows at alpha = 0,
    1 / points, ..., 1. One run so gives all the strengths, where other methods need a run for each. In a model that
    is linear in its weights, as it nearly is close to home, alpha mixes the two models' outputs. Farther away there
    is no such promise, and the frontier shows what happens.

    What is merged into frozen weights, as LoRA's matrices are, is merged before; modules that stay beside them have no
    :math:`\theta^*` and stay as they were trained. In a loop of your own or a Trainer,
    ``composed.set(alpha=0.3)`` and another evaluation give the point at 0.3.
    """

    name: ClassVar[str] = "wise-ft"
    title: ClassVar[str] = "WiSE-FT"
    paper: ClassVar[str] = "Wortsman et al., 2022, Robust fine-tuning of zero-shot models, arXiv 2109.01903"
    lesson: ClassVar[str] = "11_neighbours"
    family: ClassVar[str] = "after the run"
    carries: ClassVar[str] = "its anchors, which may be the last task's weights"
    costs: ClassVar[frozenset[str]] = frozenset({"all gradients", "copy"})
    acting: ClassVar[type[Acting]] = _Acting

    alpha: float = setting(0.5, "0 is the pretrained encoder, 1 the trained one", low=0, high=1, live=True)
    points: int = setting(10, "steps of the frontier from 0 to 1", low=1, high=100, whole=True)
