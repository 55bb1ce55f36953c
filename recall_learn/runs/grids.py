"""Grids of recipes: what a sweep is asked for.

A grid is a JSON file: a list of blocks. A block is a recipe in which a setting may be a list of values; it stands for
all their combinations::

    [{"backbone": "tiny", "task": ["world/cola", "world/rte"], "method": "recadam", "k": [0.05, 0.1], "seed": [0, 1]}]

Where all blocks have ``tasks`` in place of ``task`` it is a grid of sequences, see `recall_learn.sequence`, with
``home`` and ``together`` as further settings. ``tasks`` is a list of names, or a list of such lists::

    [{"backbone": "tiny", "tasks": [["world/cola", "world/rte"], ["world/rte", "world/cola"]], "seed": [0, 1]}]

Where ``evaluate_every`` is left out, a task is evaluated at its start and its end: a sequence's record has no more.

What was recorded of them is in `recall_learn.runs.recordings`, and in `recall_learn.runs.sequence_recordings`.
"""

import itertools
import math
import os
from collections.abc import Iterable, Mapping
from typing import Annotated

from pydantic import Field

from recall_learn.runs.recipe import Recipe, is_setting
from recall_learn.runs.sequence_recipe import HOMES, OWN, Asked, SequenceRecipe, asked_of
from recall_learn.support.reading import Json, parse_json, read_text

MOST = 100_000
"""Recipes that a grid may stand for."""


def expand(blocks: Iterable[Mapping[str, Json]]) -> list[Recipe] | list[SequenceRecipe]:
    """The recipes that a grid stands for, each once; all of a lower seed come before those of a higher one.

    Recipes that act the same are one: where the methods are vanilla and recadam, vanilla with ten values of k is one
    run.

    Args:
        blocks: recipes in which a setting may be a list of values; of runs, or of sequences.

    Raises:
        ValueError: a block is no mapping, or of another kind than those before it, a setting is unknown, a list is
            empty, a recipe is refused, or there are more than `MOST`.
    """
    recipes: dict[Asked, None] = {}
    kinds: dict[str, int] = {}
    for number, block in enumerate(blocks, 1):
        if not isinstance(block, Mapping):
            raise ValueError(f"block {number} of the grid is {block!r:.60}; it has to be a recipe, as a JSON object")
        kinds.setdefault("sequences" if "tasks" in block else "single runs", number)
        if len(kinds) > 1:
            (one, first), (other, _) = kinds.items()
            raise ValueError(
                f"block {number} of the grid is of {other}, and block {first} of {one}; make a grid of each"
            )
        recipes |= dict.fromkeys(_block(number, block))
    return sorted(recipes, key=lambda recipe: recipe.seed)


def _block(number: int, block: Mapping[str, Json]) -> list[Asked]:
    """What a block stands for."""
    axes = {name: _values(name, value) for name, value in block.items()}
    empty = [name for name, values in axes.items() if not values]
    if empty:
        raise ValueError(f"block {number} of the grid has no value for {empty[0]}; give one, or leave it out")
    count = math.prod(map(len, axes.values()))
    if count > MOST:
        raise ValueError(f"block {number} of the grid stands for {count} recipes; it has to be {MOST} at most")
    idle = [name for name in axes if is_setting(name)]
    try:
        recipes = [_acting(dict(zip(axes, values, strict=True)), idle) for values in itertools.product(*axes.values())]
    except ValueError as error:
        raise ValueError(f"block {number} of the grid: {error}") from error
    if idle:
        raise ValueError(f"block {number} of the grid has {idle[0]}, which is no setting of its methods; leave it out")
    return recipes


def _values(name: str, value: Json) -> list[Json]:
    """What a setting of a block stands for. A list of names is one sequence."""
    one = not isinstance(value, list) or (name == "tasks" and all(isinstance(each, str) for each in value))
    return [value] if one and value != [] else value


def _acting(asked: dict[str, Json], idle: list[str]) -> Asked:
    """The recipe of what acts in it; settings that do are taken off ``idle``."""
    strange = [name for name in OWN if name in asked and "tasks" not in asked]
    if strange:
        raise ValueError(f"{strange[0]} is of sequences; give tasks in place of task, or leave it out")
    if asked.get("together") is True and asked.get("home") in HOMES:
        del asked["home"]  # at once, nothing starts from where another task ended
    plain = asked_of({name: value for name, value in asked.items() if not is_setting(name)})
    methods = getattr(plain, "recipe", plain).methods
    able = {key for each in methods for setting in each.settings() for key in (setting, f"{each.name}.{setting}")}
    idle[:] = [name for name in idle if name not in able]
    return asked_of({name: value for name, value in asked.items() if name in able or not is_setting(name)})


def read_grid(path: str | os.PathLike) -> list[Recipe] | list[SequenceRecipe]:
    """The recipes of a grid file.

    Raises:
        FileNotFoundError: there is none.
        OSError: it cannot be read.
        ValueError: it is not JSON, not a list of blocks, or a block is refused.
    """
    text = read_text(path, "the grid")
    try:
        blocks = parse_json(text, Annotated[list[object], Field(min_length=1)])
    except ValueError as error:
        raise ValueError(
            f"the grid {path} will not do: {error}; it has to be a list of recipes, as JSON objects"
        ) from None
    return expand(blocks)
