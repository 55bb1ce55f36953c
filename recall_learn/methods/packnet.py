"""PackNet's isolation: the weights that matter most to what was learned before are closed, the small ones are free."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from recall_learn.methods.method import Acting, Method, setting

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.optim import Optimizer

    from recall_learn.methods.carrying import Carried, Ended


class _Acting(Acting):
    method: "PackNet"

    def attach(self, optimizer: "Optimizer") -> None:
        from recall_learn.methods.child_tuning import FixedMasks, layer_names

        anchors, place = self.start.anchors, self.start.place
        home = self.start.carried.get(self.method.name, {"home": anchors})["home"]
        names = [name for name in layer_names(self.start.model) if name in anchors]
        self.mask = FixedMasks(optimizer, {name: free_entries(home[name], self.method.keep, place) for name in names})

    def close(self) -> None:
        self.mask.remove()


def free_entries(weight: "Tensor", keep: float, place: tuple[int, int] = (0, 1)) -> "Tensor":
    """Which entries are free: all but the ``round(keep n)`` of the n that are largest in magnitude.

    The tasks of a sequence are dealt these one by one, the largest to the first task, the next to the second, and so on
    around: their shares are disjoint.

    Args:
        weight: any shape; in pieces it is looked at whole.
        keep: the share that is closed, in [0, 1]. Among equals the first ones are closed, row by row.
        place: which task it is for, from 0, and of how many.

    Returns:
        A bool tensor of the whole weight's shape.
    """
    import torch

    from recall_learn.theory.sharded import whole

    size = whole(weight.detach()).abs()
    free = size.flatten().argsort(descending=True, stable=True)[round(keep * size.numel()) :]
    own = free[place[0] :: place[1]]
    return torch.zeros_like(size, dtype=torch.bool).flatten().index_fill_(0, own, True).view_as(size)


@dataclass(frozen=True)
class PackNet(Method):
    r"""The largest weights of each matrix in the layers are closed; the small ones are free.

    .. math::
        w_i = \theta^*_i \qquad \text{where } |\theta^*_i| \text{ is among the} \qquad
        \text{largest } keep \cdot n \text{ of its matrix}

    What is closed does not change by one bit, whatever the optimizer, a pull or weight decay want; neither do
    embeddings, biases and norms. So of a task its share of numbers is all there is to store: with
    :math:`\theta^*` put back where it was free the pretrained model is there again, to the bit. Pooler and head train.
    With keep = 1 they train alone.

    PackNet cuts the small weights to 0 and trains the others on, before it gives them away. A pretraining that nobody
    can go on with does not allow that: here the small ones begin at :math:`\theta^*`. Where the free weights are in
    use, what they did for the pretraining is lost; the isolation is that of storage, not of the function.

    In a sequence of T tasks each gets a T-th of the free weights, dealt out by magnitude. It reads those of the tasks
    before and changes its own alone; later ones are at :math:`\theta^*` for it. So with them put back a task answers
    to the bit as it did when it ended. In the paper a task takes what it wants, is cut down to what matters, and trains
    again; here the shares are fixed before, so that a run stays one run.
    """

    name: ClassVar[str] = "packnet"
    title: ClassVar[str] = "PackNet's isolation"
    paper: ClassVar[str] = "Mallya and Lazebnik, 2018, PackNet, arXiv 1711.05769"
    lesson: ClassVar[str] = "11_neighbours"
    slot: ClassVar[str] = "mask"
    acts_on_pretrained: ClassVar[bool] = True
    family: ClassVar[str] = "mask"
    carries: ClassVar[str] = "which weights are taken"
    isolates: ClassVar[bool] = True
    acting: ClassVar[type[Acting]] = _Acting

    keep: float = setting(0.5, "share of each matrix in the layers that is closed", low=0, high=1)

    def prepare(self, model: "nn.Module", seed: int) -> tuple[str, ...]:
        """Close the embeddings, and in the layers all but the matrices."""
        from recall_learn.methods.stack import parts

        below, *layers, _ = parts(model, self.name)
        for parameter in (*below, *(p for layer in layers for p in layer if p.ndim < 2)):
            parameter.requires_grad_(False)
        return ()

    def carry(self, former: "Carried", ended: "Ended") -> "Carried":
        """Theta* as the first task had it, by which the free weights are dealt out."""
        return {"home": former.get("home", ended.anchors)}
