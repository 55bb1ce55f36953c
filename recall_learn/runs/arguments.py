"""What a run is asked for, refused by itself, before anything is loaded, locked or written."""

from collections.abc import Mapping

from recall_learn.methods import METHODS
from recall_learn.runs.given_fisher import FISHERS
from recall_learn.runs.recipe import Recipe
from recall_learn.support.checks import shown
from recall_learn.support.files import as_text


def check(recipe: object, calls: Mapping[str, object], paths: Mapping[str, object]) -> None:
    """Refuse arguments of `recall_learn.finetune` that are of another kind, or do not go with the recipe.

    Args:
        recipe: the recipe.
        calls: what has to be a function or None, by the argument's name.
        paths: what has to be a path or None, by the argument's name; among them ``out`` and ``fisher``.

    Raises:
        ValueError: one is not what it has to be; says which.
    """
    if not isinstance(recipe, Recipe):
        raise ValueError(
            f"recipe is {shown(recipe)}; it has to be a Recipe, as Recipe(task='cola', steps=100) makes one"
        )
    for name, call in calls.items():
        if call is not None and not callable(call):
            raise ValueError(f"{name} is {shown(call)}; it has to be a function, or None")
    for name, path in paths.items():
        if path is not None:
            as_text(name, path)
    if paths["out"] == "":
        raise ValueError("out is '', which names no folder; give one, or '.' for this one")
    if paths["fisher"] is not None and not recipe.needs & FISHERS:
        able = " or ".join(name for name, each in METHODS.items() if each.needs & FISHERS)
        raise ValueError(f"method {recipe.names} takes no Fisher; leave --fisher out, or choose {able}")
