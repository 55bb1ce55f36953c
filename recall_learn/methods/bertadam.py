"""BERTAdam: Adam without bias correction, as in the first code of BERT. An ablation."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from recall_learn.methods.method import Acting, Groups, Method

if TYPE_CHECKING:
    from torch.optim import Optimizer


class _Acting(Acting):
    def optimizer(self, groups: Groups) -> "Optimizer":
        from recall_learn.methods.uncorrected import UncorrectedAdam

        plain = [{key: value for key, value in group.items() if key != "recall"} for group in groups]
        return UncorrectedAdam(plain, lr=self.start.lr)


@dataclass(frozen=True)
class BertAdam(Method):
    r"""Plain fine-tuning with a fault: Adam's moments begin at 0, and that is not corrected.

    .. math::
        \theta_t = \theta_{t-1} - \eta\, \frac{m_t}{\sqrt{v_t} + \epsilon} - \eta\, w\, \theta_{t-1}

    AdamW divides m by :math:`1 - \beta_1^t` and v by :math:`1 - \beta_2^t`. Without that a step is
    :math:`(1 - \beta_1^t) / \sqrt{1 - \beta_2^t}` times AdamW's: 3.16 times the first one, 6.53 times the tenth, 1.26
    times the thousandth. It is here to be compared with: on small tasks BERT-large often fails with it, and methods
    against that failure gain less once it is mended.

    Mosbach et al. (2021) need no method for it: they correct the bias (plain fine-tuning here does), warm up and train
    long. As a recipe: ``method="vanilla"``, ``lr=2e-5``, ``warmup=0.1``, ``weight_decay=0.01``, ``clip=1`` and as many
    ``steps`` as 20 epochs have.
    """

    name: ClassVar[str] = "bertadam"
    title: ClassVar[str] = "BERTAdam"
    paper: ClassVar[str] = "Mosbach et al., 2021, On the stability of fine-tuning BERT, arXiv 2006.04884"
    lesson: ClassVar[str] = "11_neighbours"
    family: ClassVar[str] = "rates and order"
    carries: ClassVar[str] = "nothing"
    acting: ClassVar[type[Acting]] = _Acting
