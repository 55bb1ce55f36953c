"""Grids of recipes: what a sweep is asked for.

A grid is a JSON file: a list of blocks. A block is a recipe in which a setting may be a list of values; it stands for
all their combinations::

    [{"backbone": "tiny", "task": ["world/cola", "world/rte"], "method": "recadam", "k": [0.05, 0.1], "seed": [0, 1]}]

What was recorded of them is in `recall_learn.runs.recordings`.
"""

import itertools
import math
import os
from collections.abc import Iterable, Mapping
from typing import Annotated

from pydantic import Field

from recall_learn.runs.recipe import Recipe, is_setting
from recall_learn.support.reading import Json, parse_json, read_text

MOST = 100_000
"""Recipes that a grid may stand for."""


def expand(blocks: Iterable[Mapping[str, Json]]) -> list[Recipe]:
    """The recipes that a grid stands for, each once; all of a lower seed come before those of a higher one.

    Recipes that act the same are one: where the methods are vanilla and recadam, vanilla with ten values of k is one
    run.

    Args:
        blocks: recipes in which a setting may be a list of values.

    Raises:
        ValueError: a block is no mapping, a setting is unknown, a list is empty, a recipe is refused, or there are more
            than `MOST`.
    """
    recipes: dict[Recipe, None] = {}
    for number, block in enumerate(blocks, 1):
        if not isinstance(block, Mapping):
            raise ValueError(f"block {number} of the grid is {block!r:.60}; it has to be a recipe, as a JSON object")
        axes = {name: value if isinstance(value, list) else [value] for name, value in block.items()}
        empty = [name for name, values in axes.items() if not values]
        if empty:
            raise ValueError(f"block {number} of the grid has no value for {empty[0]}; give one, or leave it out")
        count = math.prod(map(len, axes.values()))
        if count > MOST:
            raise ValueError(f"block {number} of the grid stands for {count} recipes; it has to be {MOST} at most")
        idle = [name for name in axes if is_setting(name)]
        for values in itertools.product(*axes.values()):
            try:
                recipes[_acting(dict(zip(axes, values, strict=True)), idle)] = None
            except ValueError as error:
                raise ValueError(f"block {number} of the grid: {error}") from error
        if idle:
            raise ValueError(
                f"block {number} of the grid has {idle[0]}, which is no setting of its methods; leave it out"
            )
    return sorted(recipes, key=lambda recipe: recipe.seed)


def _acting(asked: dict[str, Json], idle: list[str]) -> Recipe:
    """The recipe of what acts in it; settings that do are taken off ``idle``."""
    plain = Recipe.from_dict({name: value for name, value in asked.items() if not is_setting(name)})
    able = {key for each in plain.methods for setting in each.settings() for key in (setting, f"{each.name}.{setting}")}
    idle[:] = [name for name in idle if name not in able]
    return Recipe.from_dict({name: value for name, value in asked.items() if name in able or not is_setting(name)})


def read_grid(path: str | os.PathLike) -> list[Recipe]:
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
