r"""How much each weight did for the loss on the way of a training: synaptic intelligence's importance.

Along the way from :math:`\theta(0)` to :math:`\theta(T)` the loss falls by the path integral of its gradient, and that
is a sum over the weights. In steps, with g the gradient at the beginning of each,

.. math::
    L(0) - L(T) \approx \sum_i \omega_i, \qquad \omega_i = -\sum_t g_i(t)\, \big(\theta_i(t + 1) - \theta_i(t)\big)

to first order in the steps: of too long ones it is too much. The importance after several tasks,

.. math::
    \Omega_i = \sum_{tasks} \frac{\max(\omega_i, 0)}{(\theta_i(T) - \theta_i(0))^2 + \xi}

is a precision for `recall_learn.QuadraticPenalty`: where a task's loss is a quadratic with a diagonal curvature h and
ends at its minimum, it is h / 2 for small steps and a small xi, so ``2 * strength * importance`` is that quadratic. A
negative omega is 0 there, as no spring pushes away.

It is taken while the former task is learned. For a model that comes pretrained, that way is not there, so a single
fine-tuning cannot use it; a sequence of tasks can, from its second task on.

Zenke, Poole, Ganguli, 2017, "Continual learning through synaptic intelligence", equations 3 to 5.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from recall_learn.support.checks import number
from recall_learn.theory.anchors import check_names
from recall_learn.theory.per_example import accumulator


class PathIntegral:
    """What each weight does for the loss, step by step.

    Around each step of the optimizer::

        loss.backward()
        path.before()
        optimizer.step()
        path.after()

    g has to be the gradient of the task's loss alone. Where ``.grad`` holds more (a penalty for former tasks, clipping,
    the scale of fp16), give it: much public code counts the penalty's share as the task's.

    Args:
        parameters: ``name -> parameter``.
        damping: xi, above 0, in squared units of a weight.

    Raises:
        ValueError: ``damping`` is no number above 0.
    """

    def __init__(self, parameters: Mapping[str, nn.Parameter], damping: float = 0.1):
        self.damping = number("damping", damping, lambda x: x > 0, "a number above 0")
        self.parameters = dict(parameters)
        self._omega = self._zeros()
        self._importance = self._zeros()
        self._begun = self._now()
        self._noted: dict[str, tuple[Tensor, Tensor]] = {}

    def before(self, gradients: Mapping[str, Tensor] | None = None) -> None:
        """Note where the weights are, before a step.

        Args:
            gradients: of the task's loss, ``name -> tensor``; None takes ``.grad``. Who has none does nothing.
        """
        if gradients is None:
            gradients = {name: p.grad for name, p in self.parameters.items() if p.grad is not None}
        self._noted = {
            name: (gradients[name].detach().clone(), p.detach().clone())
            for name, p in self.parameters.items()
            if name in gradients
        }

    @torch.no_grad()
    def after(self) -> None:
        """Add what the step did, after it.

        Raises:
            ValueError: nobody called `before`.
        """
        if not self._noted:
            raise ValueError("no step was noted; call before() once the gradients are there, and after() after it")
        for name, (gradient, place) in self._noted.items():
            omega = self._omega[name]
            omega.sub_(gradient.to(omega.dtype) * (self.parameters[name] - place).to(omega.dtype))
        self._noted = {}

    def contributions(self) -> dict[str, Tensor]:
        """Omega of the task that is being learned, ``name -> tensor``, in nats: their sum is about the loss's fall."""
        return {name: tensor.clone() for name, tensor in self._omega.items()}

    def end_task(self) -> dict[str, Tensor]:
        """Add the task's importance to that of the former ones, and begin anew from here.

        Returns:
            The importance of all tasks so far, ``name -> tensor``, nats per squared unit of a weight.
        """
        now = self._now()
        for name, omega in self._omega.items():
            away = (now[name] - self._begun[name]).to(omega.dtype)
            self._importance[name] += omega.clamp_min(0) / (away.square() + self.damping)
        self._omega, self._begun = self._zeros(), now
        return {name: tensor.clone() for name, tensor in self._importance.items()}

    def state_dict(self) -> dict[str, dict[str, Tensor]]:
        """All that it keeps between steps."""
        return {"omega": dict(self._omega), "importance": dict(self._importance), "begun": dict(self._begun)}

    def load_state_dict(self, state: Mapping[str, Mapping[str, Tensor]]) -> None:
        """Go on where the one that gave ``state`` was.

        Raises:
            ValueError: it is of other parameters.
        """
        parts = ("omega", "importance", "begun")
        for part in parts:
            check_names(self.parameters, state.get(part), f"{part} in the state")
        self._omega, self._importance, self._begun = (
            {name: tensor.clone() for name, tensor in state[part].items()} for part in parts
        )

    def _zeros(self) -> dict[str, Tensor]:
        return {name: torch.zeros_like(p, dtype=accumulator(p)) for name, p in self.parameters.items()}

    def _now(self) -> dict[str, Tensor]:
        return {name: p.detach().clone() for name, p in self.parameters.items()}
