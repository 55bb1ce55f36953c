"""The slanted triangle: the learning rate rises quickly, then falls slowly."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from recall_learn.methods.method import Method, setting


@dataclass(frozen=True)
class Slanted(Method):
    r"""The learning rate rises in the first tenth of the run, and falls in the rest of it.

    .. math::
        \eta_t = \eta\, \frac{1 + p\, (r - 1)}{r}, \qquad
        p = \begin{cases} t / c & t < c \\ 1 - \frac{t - c}{T - c} & t \ge c \end{cases}, \qquad c = \lfloor T f \rfloor

    T is the number of steps, t counts those that were taken, f is ``cut_frac``. The rate begins with 1/r of the
    highest, is the highest at step c, and comes back to 1/r of it when the run ends.

    The paper divides by :math:`c\, (1 / f - 1)`, which is :math:`T - c` only where :math:`T f` is a whole number.
    Elsewhere its rates go below 0 at the end of a short run (a run of 19 steps ends with -0.83 times the highest
    rate), and where c = 0 it divides by 0. Here a run so short that c is 0 only falls.

    It is the run's schedule, in the place of the warm-up and the straight line down to 0.
    """

    name: ClassVar[str] = "slanted"
    title: ClassVar[str] = "Slanted triangle"
    paper: ClassVar[str] = "Howard and Ruder, 2018, Universal language model fine-tuning, arXiv 1801.06146, equation 3"
    lesson: ClassVar[str] = "11_neighbours"
    slot: ClassVar[str] = "schedule"
    family: ClassVar[str] = "rates and order"
    carries: ClassVar[str] = "nothing"

    cut_frac: float = setting(0.1, "share of the steps in which the rate rises", low=0, high=1, open_high=True)
    ratio: float = setting(32.0, "how much smaller the lowest rate is than the highest", low=1, log=True)

    def lr_schedule(self, steps: int) -> Callable[[int], float]:
        """The share of the highest rate after so many steps."""
        cut = int(steps * self.cut_frac + 1e-9)  # 0.29 * 100 is 28.999999999999996

        def share(taken: int) -> float:
            p = taken / cut if taken < cut else max(0.0, 1 - (taken - cut) / (steps - cut))
            return (1 + p * (self.ratio - 1)) / self.ratio

        return share
