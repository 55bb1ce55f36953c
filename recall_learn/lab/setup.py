"""What a new run is begun with: the recipe that is there, and what somebody has asked for instead."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from recall_learn.lab.protocol import FIELDS, MOST, offered_tasks
from recall_learn.methods import METHODS, expression
from recall_learn.methods.method import Method
from recall_learn.runs.recipe import Recipe
from recall_learn.support.checks import shown
from recall_learn.support.reading import Json

CHOSEN = {*FIELDS, "lr"} - {"beside", "method"}
"""What is a recipe's own."""


class Setup:
    """Makes recipes of what is asked for; a method that is chosen again is as it was.

    Args:
        recipe: what is there.
    """

    def __init__(self, recipe: Recipe):
        self._backbone, self._seen = recipe.backbone, {}
        self._remember(recipe.methods)

    def wanted(self, now: Recipe, asked: Mapping[str, Json]) -> Recipe:
        """The recipe of a new run; what is not asked for is as it is now.

        Args:
            now: the run's, with all that was set while it trained.
            asked: by the keys of `recall_learn.lab.protocol.fields`, and the settings of the methods.

        Raises:
            ValueError: something asked for is unknown, too large for a lab, or does not go together with the rest.
        """
        for key, most in MOST.items():
            value = asked.get(key, 0)
            if isinstance(value, int | float) and value > most:
                raise ValueError(f"{key} is {value:g}; a lab takes {most:,} at most, recall-learn finetune takes more")
        self._remember(now.methods)
        own = {key: value for key, value in asked.items() if key in CHOSEN}
        settings = {key: value for key, value in asked.items() if key not in CHOSEN and key not in ("beside", "method")}
        moved = own.get("backbone", now.backbone) != now.backbone
        methods = self._chosen(asked.get("method", now.names), now, moved)
        if moved:  # its own rates and strengths, and what it can be asked
            own = {"lr": None, "probe": "auto", **own}
            offered = offered_tasks(own["backbone"])
            own.setdefault("task", now.task if now.task in offered else offered[0])
        if own.get("steps", now.steps) != now.steps and isinstance(own["steps"], int) and own["steps"] > 0:
            own["evaluate_every"] = max(1, round(now.evaluate_every * own["steps"] / now.steps))
        made = replace(now, **own, method=expression.written(expression.changed(methods, settings)))
        self._remember(made.methods)
        return made

    def _chosen(self, names: Json, now: Recipe, moved: bool) -> tuple[Method, ...]:
        """The methods of these names, as they were when they were chosen before.

        On another backbone what is live is the method's own again.
        """
        if not isinstance(names, str):
            raise ValueError(f"method is {shown(names)}; it has to be text")
        bare = expression.parse(names, METHODS)
        if not moved:
            return tuple(self._seen.get(each.name, each.resolved(now.lr)) for each in bare)
        self._seen = {each.name: each for each in now.methods}
        return tuple(_still(self._seen.get(each.name, each)) for each in bare)

    def _remember(self, methods: Iterable[Method]) -> None:
        self._seen |= {each.name: each for each in methods}


def _still(method: Method) -> Method:
    """With the settings that are not live as they are, the others its own."""
    return type(method)(**{key: value for key, value in method.values().items() if not method.settings()[key].live})
