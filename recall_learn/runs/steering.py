"""Settings that may change while a run trains: lr, and those of its methods that are live, as k, t0 and gamma.

A change is recorded in the run with the first step that it acts on, ``{"step": 41, "k": 0.2}``. What acts at a step
follows from these records alone, see `at`; a run that goes back to a checkpoint so takes the later ones again, until
somebody decides anew, see `note`. A run that was steered by hand can be taken again, step by step: `replay`.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import lru_cache

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from recall_learn.methods.composed import Composed
from recall_learn.runs.recipe import Recipe, knobs
from recall_learn.runs.record import Run, settings

Steer = Callable[[int, Run], Mapping[str, float]]
"""Asked before each step, with its number and the run so far, for what is to act from that step on; it may wait."""


def changed(recipe: Recipe, asked: Mapping[str, float]) -> Recipe:
    """The recipe with these settings in place of its own.

    Raises:
        ValueError: a setting cannot change while the run trains or does not act in this method, or a value is refused.
    """
    able = knobs(recipe)
    for name, value in asked.items():
        if value is None:  # which a recipe would take for its default
            raise ValueError(f"{name} is None; it has to be a number")
        if name not in able:
            raise ValueError(
                f"{name} cannot change while {recipe.names} trains; what can is {', '.join(able)}: begin a new run"
            )
    return replace(recipe, **asked)


def difference(former: Recipe, now: Recipe) -> dict[str, float | str]:
    """The settings in which ``now`` differs, in JSON types."""
    values = {name: getattr(now, name) for name in knobs(now) if getattr(now, name) != getattr(former, name)}
    return {name: "inf" if value == math.inf else value for name, value in values.items()}


def at(recipe: Recipe, changes: Iterable[Mapping[str, float | str]], step: float = math.inf) -> Recipe:
    """The recipe that a step is taken with.

    Args:
        recipe: what the run was begun with.
        changes: `recall_learn.Run.changes`.
        step: the step; by default one after all changes.

    Raises:
        ValueError: as `changed`.
    """
    asked = settings(changes, step)
    return _with(recipe, tuple(asked.items())) if asked else recipe


@lru_cache(maxsize=128)
def _with(recipe: Recipe, asked: tuple[tuple[str, float], ...]) -> Recipe:
    """`changed`, remembered: whoever watches a run asks again and again."""
    return changed(recipe, dict(asked))


def note(run: Run, step: int, asked: Mapping[str, float]) -> None:
    """Record in a run that these settings act from a step on, in place of all that is recorded for them from there on.

    Raises:
        ValueError: as `changed`, or they do not go together with what is recorded for a later step. Nothing has changed
            then.
    """
    past = [change for change in run.changes if change["step"] < step]
    rest = [{k: v for k, v in change.items() if k not in asked} for change in run.changes if change["step"] >= step]
    now = changed(run.recipe, {**settings([*past, *rest], step), **asked})
    different = difference(at(run.recipe, past), now)
    later = sorted((each for each in rest if each["step"] > step and len(each) > 1), key=lambda each: each["step"])
    noted = [*past, *([{"step": step, **different}] if different else []), *later]
    for change in later:
        try:
            at(run.recipe, noted, change["step"])
        except ValueError as error:
            raise ValueError(f"{error} (at step {change['step']}, from which on {told(change)} is recorded)") from error
    run.changes = noted  # another thread may be reading the former list


def ahead(run: Run, step: int) -> list[dict[str, float | str]]:
    """The changes that act only after a step, in their order."""
    return sorted((change for change in run.changes if change["step"] > step), key=lambda change: change["step"])


def told(change: Mapping[str, float | str]) -> str:
    """A change in words: "k = 0.2 and lr = 0.001"."""
    return " and ".join(f"{name} = {value:g}" for name, value in settings([change]).items())


def replay(changes: Iterable[Mapping[str, float | str]]) -> Steer:
    """Steers as was recorded.

    Args:
        changes: `recall_learn.Run.changes`.
    """
    noted = list(changes)
    return lambda step, run: settings(change for change in noted if change["step"] == step)


class Steering:
    """The settings that act in a run that trains: asked for before a step, noted in the run, put to work.

    They are kept in one place, the run's changes; what is at work follows from these.

    Args:
        run: the run.
        composed: its methods at work.
        schedule: of its learning rate.
        ask: who is asked; None asks nobody.
    """

    def __init__(self, run: Run, composed: Composed, schedule: LambdaLR, ask: Steer | None = None):
        self.run, self.composed, self.schedule, self.ask = run, composed, schedule, ask
        self.lr = run.recipe.lr
        self.shares = [rate / self.lr for rate in schedule.base_lrs]  # a method may give a layer less

    def before(self, step: int) -> None:
        """Ask for changes, note them, and make those act that the run holds for this step.

        What somebody has put into the optimizer's parameter groups since is such a change, too.
        """
        told = self.ask(step, self.run) if self.ask else {}
        asked = {**self._found(), **(told or {})}  # whoever is asked may wait, and so give time for it
        if asked:
            note(self.run, step, asked)
        if any(change["step"] == step for change in self.run.changes):
            self.act(step)

    def act(self, step: int) -> None:
        """Make the methods and the learning rate those of this step.

        The learning rate keeps its shape: warm-up and decay multiply the new one as they did the old.
        """
        now = at(self.run.recipe, self.run.changes, step)
        self.composed.change(now.methods)
        if now.lr == self.lr:
            return
        self.lr, rates = now.lr, [now.lr * share for share in self.shares]
        self.schedule.base_lrs = rates
        groups = self.composed.optimizer.param_groups
        for group, rate, factor in zip(groups, rates, self.schedule.lr_lambdas, strict=True):
            group["initial_lr"] = rate
            group["lr"] = rate * factor(self.schedule.last_epoch)

    def _found(self) -> dict[str, float]:
        """What was changed by hand. Each group goes on with the learning rate that it was given; the first one's is it.

        The records tell of another, see `other_rate`; who takes the run again changes all groups alike.
        """
        found, schedule = self.composed.found(), self.schedule
        pairs = zip(self.composed.optimizer.param_groups, schedule.get_last_lr(), strict=True)
        moved = [float(group["lr"]) != float(last) for group, last in pairs]
        factor = schedule.lr_lambdas[0](schedule.last_epoch)
        if any(moved) and factor > 0:
            for i, group in enumerate(self.composed.optimizer.param_groups):
                if moved[i]:
                    schedule.base_lrs[i] = float(f"{group['lr'] / factor:.12g}")
            self.lr = float(f"{schedule.base_lrs[0] / self.shares[0]:.12g}")
            if moved[0]:
                found["lr"] = self.lr
        return found


def other_rate(optimizer: Optimizer) -> dict[str, float]:
    """What a record says where the parameter groups have different learning rates, the highest apart: the lowest."""
    rates = [float(group["lr"]) for group in optimizer.param_groups]
    return {} if len(set(rates)) < 2 else {"lr_other": min(rates)}
