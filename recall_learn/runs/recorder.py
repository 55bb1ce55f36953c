"""What is noted of a run's steps, before it is known to be a number.

A loss is a tensor on its device, and to look at it is to wait for it. So a step's record waits here with its tensors
until somebody flushes: then all are read at once, and go into the run's history.
"""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from recall_learn.runs.record import Run

ADVICE = "lower --lr, or --gamma if it pulls"


class DivergedError(ArithmeticError):
    """The loss is no longer a finite number."""


class Recorder:
    """The records of the steps that a run takes.

    Args:
        run: the run whose history grows.
    """

    def __init__(self, run: Run):
        self.run = run
        self._pending: list[tuple[dict[str, float], dict[str, Tensor]]] = []

    def note(self, values: Mapping[str, float], loss: Tensor, terms: Mapping[str, Tensor]) -> None:
        """Note the step that is about to be taken.

        Args:
            values: numbers that are known: lambda, lr, pull.
            loss: the task's, detached.
            terms: what is added to it, by name, detached.
        """
        step = len(self.run.history) + len(self._pending) + 1
        self._pending.append(({"step": step, "loss": None, **values}, {"loss": loss, **terms}))

    def skip(self) -> None:
        """The step was none: in fp16 its gradients overflowed, and nothing moved."""
        self._pending[-1][0].update(pull=0.0, skipped=True)

    def flush(self) -> None:
        """Move the records into the history, their tensors now as numbers.

        Raises:
            DivergedError: one is not finite; what was before it is in the history.
        """
        pending, self._pending = self._pending, []
        if not pending:
            return
        numbers = torch.stack([each.float() for _, tensors in pending for each in tensors.values()]).tolist()
        for record, tensors in pending:
            for name in tensors:
                record[name] = numbers.pop(0)
                if not np.isfinite(record[name]):
                    raise DivergedError(f"the {name} is {record[name]} at step {record['step']}; {ADVICE}")
            self.run.history.append(record)

    def drop(self) -> None:
        """Forget what was not flushed: those steps were not taken to their end."""
        self._pending = []
