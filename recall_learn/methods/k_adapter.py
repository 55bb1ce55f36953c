"""K-Adapter: a chain of small transformers trains beside an encoder that rests, and is read together with it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from recall_learn.methods.method import OWN, Method, setting

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class KAdapter(Method):
    r"""Beside some layers of an encoder that rests stand adapters, each fed with its layer and the adapter before.

    .. math::
        A_j = (h_{l_j} + A_{j-1}) + W_2\, T(W_1 (h_{l_j} + A_{j-1})), \qquad R = D\, [h_L; A_J]

    T are two layers of a transformer. They attend to words, not to padding. The :math:`l_j` lie evenly from the
    embeddings (0) to the last layer but one. The last adapter's output is joined to the encoder's, and a dense layer D
    makes one of the two for what reads it. :math:`W_2` and the right half of D are 0 at the start, the left half is the
    identity: so training begins at the pretrained output. In the first step only D and the head move, in the second
    :math:`W_2` does, too, and from the third on all do.

    The encoder keeps every bit and is in eval mode, so its distance from home is 0. What D makes of it is not the
    pretrained output any more, and the source loss says by how much.

    The finished model holds the adapters. Its files are those of any model, but transformers would leave them out;
    ``recall_learn.load_added(folder)`` loads it whole.
    """

    name: ClassVar[str] = "k-adapter"
    title: ClassVar[str] = "K-Adapter"
    paper: ClassVar[str] = "Wang et al., 2021, K-Adapter: infusing knowledge into pre-trained models, arXiv 2002.01808"
    lesson: ClassVar[str] = "11_neighbours"
    slot: ClassVar[str] = "branch beside the layers"
    freezes: ClassVar[bool] = True
    family: ClassVar[str] = "added modules"
    carries: ClassVar[str] = "nothing: a task keeps its own adapters"
    isolates: ClassVar[bool] = True
    costs: ClassVar[frozenset[str]] = frozenset({OWN})

    count: int = setting(3, "how many adapters there are; one a layer where that is fewer", low=1, whole=True)
    width: int = setting(64, "size of an adapter's hidden states", low=1, whole=True, log=True, span=(4, 256))

    def prepare(self, model: "nn.Module", seed: int) -> tuple[str, ...]:
        """Put the adapters beside the layers."""
        from recall_learn.methods.added import Knowledge, drawn, place

        base, stack, size = place(model, self.name)
        count = min(self.count, len(stack))
        places = [n * (len(stack) - 1) // max(count - 1, 1) for n in range(count)]
        p = next(stack.parameters())
        with drawn(self.name, seed):
            branch = Knowledge(size, self.width, places).to(p.device, p.dtype)
        branch.hang(base, stack)
        return ()
