"""Methods at work together on one model: what a training loop asks, whoever runs it.

A loop takes `Composed.optimizer`, adds `Composed.terms` to its loss, and keeps `Composed.state_dict` beside its other
states. It does not know which methods they are.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Protocol

import torch
from torch import Tensor
from torch.optim import Optimizer

from recall_learn.methods.expression import changed, names
from recall_learn.methods.method import Groups, Method, Start


class WithLoss(Protocol):
    """What a model makes of a batch that has labels."""

    loss: Tensor | None


class Composed:
    """Methods at work on one model.

    Args:
        methods: that go together, every setting with a value; none is plain fine-tuning with AdamW.
        start: what they are put to work on.
        groups: as `recall_learn.recall_groups` gives them.
        fused: AdamW's, where no method makes an optimizer; None is torch's choice.
        beside: what acts beside them and is nobody's choice; it has no settings.

    Attributes:
        optimizer: RecAdam, another method's, or AdamW; with all masks attached.

    Raises:
        ValueError: settings do not go together with the learning rate, or something that a method needs is not there.
    """

    def __init__(
        self,
        methods: Sequence[Method],
        start: Start,
        groups: Groups,
        fused: bool | None = True,
        beside: Sequence[Method] = (),
    ):
        for method in methods:
            method.check(start.lr)
        self._acting = [method.begin(start) for method in (*methods, *beside)]
        self._chosen = self._acting[: len(methods)]
        for each in self._acting:
            groups = each.groups(groups)
        made = (each.optimizer(groups) for each in self._acting)
        self.optimizer = next((each for each in made if each is not None), None) or _adamw(groups, start.lr, fused)
        for each in self._acting:
            each.attach(self.optimizer)
        for each in self._acting:
            each.wrap(start.model)

        self._model, self._is_plain = start.model, False

    @property
    def methods(self) -> tuple[Method, ...]:
        """The methods with the settings that act now."""
        return tuple(each.method for each in self._chosen)

    def terms(self, inputs: Mapping[str, object], outputs: object) -> dict[str, Tensor]:
        """What is added to the loss of a batch, by name.

        Args:
            inputs: the batch, as the model was given it.
            outputs: what the model made of it.
        """
        found: dict[str, Tensor] = {}
        for each in self._acting:
            for name, term in each.terms(inputs, outputs).items():
                found[f"{each.method.name}.{name}" if name in found else name] = term
        return found

    def loss(
        self, task: Tensor | WithLoss, inputs: Mapping[str, object] | None = None, outputs: object = None
    ) -> Tensor:
        """The loss of a batch with all that the methods add to it.

        Args:
            task: the task's loss; or what the model made of the batch, with the loss in it.
            inputs: the batch, as the model was given it.
            outputs: what the model made of it, where ``task`` is the loss alone.

        Raises:
            ValueError: there is no loss in ``task``.
        """
        if not isinstance(task, Tensor):
            outputs, task = task, getattr(task, "loss", None)
        if not isinstance(task, Tensor):
            raise ValueError("there is no loss in what the model made of the batch; give it labels, or the loss itself")
        for term in self.terms({} if inputs is None else inputs, outputs).values():
            task = task + term
        return task

    def set(self, **values: float | str) -> None:
        """Take other values of live settings from the next step on, ``set(k=0.2)``; as `change`."""
        self.change(changed(self.methods, values))

    def change(self, methods: Sequence[Method]) -> None:
        """Take other values of settings that are live, from the next step on.

        Args:
            methods: the same methods with other settings.

        Raises:
            ValueError: they are other methods, or a setting differs that is not live. Nothing has changed then.
        """
        if names(methods) != names(self.methods):
            raise ValueError(f"methods are {names(methods)}; those at work are {names(self.methods)}, begin a new run")
        for now, then in zip(self.methods, methods, strict=True):
            for key, about in then.settings().items():
                if not about.live and getattr(now, key) != getattr(then, key):
                    raise ValueError(f"{key} of {then.name} cannot change while it trains; begin a new run")
            then.check(max((float(group["lr"]) for group in self.optimizer.param_groups), default=0.0))
        for each, method in zip(self._chosen, methods, strict=True):
            if method != each.method:
                each.change(method)

    def lr_schedule(self, steps: int) -> Callable[[int], float] | None:
        """How the learning rate goes in a run of so many steps: ``steps taken -> its share``; None leaves it free."""
        found = (each.method.lr_schedule(steps) for each in self._acting)
        return next((each for each in found if each is not None), None)

    @contextmanager
    def plain(self) -> Iterator[None]:
        """While the block lasts, the model is as it is scored and saved: merged, averaged, under its own names."""
        if self._is_plain:
            yield
            return
        with ExitStack() as undone:
            self._is_plain = True
            undone.callback(setattr, self, "_is_plain", False)
            for each in self._acting:
                undone.callback(each.plain(self._model))
            yield

    def settle(self) -> None:
        """Make the model for good what it is in `plain`, and take away what was put onto it. It trains no more."""
        for each in self._acting:
            each.plain(self._model)
        self.close()

    def ending(self, measure: Callable[[], dict[str, object]]) -> dict[str, object]:
        """What the methods have to say of a run whose last step was taken; see `Acting.ending`."""

        def measured() -> dict[str, object]:
            with self.plain():
                return measure()

        found: dict[str, object] = {}
        for each in self._acting:
            found |= each.ending(measured)
        return found

    def found(self) -> dict[str, float]:
        """The settings that somebody has changed by hand, in the optimizer's parameter groups, by their names."""
        return {
            key: value
            for each in self._acting
            for key, value in each.found().items()
            if value != getattr(each.method, key)
        }

    def record(self) -> dict[str, float]:
        """Lambda, lr, pull and what else the methods say of the step that is about to be taken."""
        rates = (float(group["lr"]) for group in self.optimizer.param_groups)
        found = {"lambda": 1.0, "lr": max(rates, default=0.0), "pull": 0.0}
        for each in self._acting:
            found |= each.record()
        return found

    def state_dict(self) -> dict[str, object]:
        """What the methods keep beside model and optimizer, by their names."""
        states = {each.method.name: each.state_dict() for each in self._acting}
        return {name: state for name, state in states.items() if state}

    def load_state_dict(self, state: Mapping[str, object]) -> None:
        """Go on where the methods that gave ``state`` were.

        Raises:
            ValueError: it is the state of other methods.
        """
        own = self.state_dict()
        if state.keys() != own.keys():
            raise ValueError(
                f"state is of {', '.join(state) or 'no method'}; it has to be of {', '.join(own) or 'none'}"
            )
        for each in self._acting:
            if each.method.name in state:
                each.load_state_dict(state[each.method.name])

    def close(self) -> None:
        """Take away what was put onto the model and the optimizer's steps."""
        for each in self._acting:
            each.close()


def _adamw(groups: Groups, lr: float, fused: bool | None) -> Optimizer:
    plain = [{key: value for key, value in group.items() if key != "recall"} for group in groups]
    return torch.optim.AdamW(plain, lr=lr, weight_decay=0.0, fused=fused)
