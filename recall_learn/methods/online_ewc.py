"""Online EWC: one spring on each weight for all that was learned before, merged after every task of a sequence."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from recall_learn.methods.ewc import SPRINGS, Springs, springs_of
from recall_learn.methods.method import PLAIN_COSTS, Acting, Method, setting

if TYPE_CHECKING:
    from recall_learn.methods.carrying import Carried, Ended


@dataclass(frozen=True)
class OnlineEWC(Method):
    r"""EWC, its springs merged. The one spring's stiffness sums up the source and all tasks before, weight by weight.

    .. math::
        Loss_i + \frac{\gamma}{2} \sum_k F^*_{i-1,k}\, (\theta_k - \theta_{i-1,k})^2, \qquad
        F^*_i = d\, F^*_{i-1} + F_i

    :math:`\theta_{i-1}` are the weights where the last task ended, :math:`F_i` is the exact diagonal Fisher information
    of task i where it ended, the mean over its examples. In the first task the spring is EWC's: the source's Fisher
    information, around :math:`\theta^*`; one task alone is EWC, to the bit. With d = 1 the sum is Laplace's
    approximation to all tasks at once, below 1 old ones fade, the source with them. The paper calls d gamma.

    Avalanche's online mode and Mammoth's have the same sum, twice as strong for the same number, as both leave out the
    half; they differ in :math:`F_i`. Avalanche squares the gradient of whole training batches, so that it shrinks as
    the batch grows. Mammoth squares that of each example, but of its true label alone, times that label's probability:
    one term of the sum over labels. In both the first task has no spring, and heads have one too.
    """

    name: ClassVar[str] = "online-ewc"
    title: ClassVar[str] = "Online EWC"
    paper: ClassVar[str] = "Schwarz et al., 2018, Progress & Compress, section 4"
    lesson: ClassVar[str] = "04_ewc"
    slot: ClassVar[str] = "pull"
    acts_on_pretrained: ClassVar[bool] = True
    needs: ClassVar[frozenset[str]] = frozenset({"source fisher"})
    family: ClassVar[str] = "a pull by importance"
    carries: ClassVar[str] = "one spring for all tasks, their Fisher information merged"
    for_sequences: ClassVar[bool] = True
    costs: ClassVar[frozenset[str]] = PLAIN_COSTS | {"copy"}
    acting: ClassVar[type[Acting]] = Springs

    gamma: float = setting(
        1000.0, "strength, a factor of the Fisher information", low=0, log=True, live=True, span=(1e-3, 1e5)
    )
    decay: float = setting(1.0, "d, the share of what was that a new task leaves", low=0, high=1)

    def carry(self, former: "Carried", ended: "Ended") -> "Carried":
        """The spring of all before, decayed, and the task's own in one, where the task ended."""
        ((_, before),), (weights, learned) = springs_of(former, ended)
        return {SPRINGS: [(weights, {name: self.decay * before[name] + learned[name] for name in learned})]}
