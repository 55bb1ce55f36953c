"""What a sequence is asked for: a recipe, the tasks that it is taken on in turn, and how they go together.

With a plain recipe it is what a grid may stand for and a sweep takes, see `recall_learn.runs.grids`. No data is read
here, and no model.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from recall_learn.runs.recipe import Recipe
from recall_learn.support.checks import shown
from recall_learn.support.reading import Json
from recall_learn.tasks.task import WORLD

HOMES = ("last", "pretrained")
OWN = ("tasks", "home", "together")
"""What a sequence has beside the settings of its recipe, in which there is no task then."""
AS = "as ['world/cola', 'world/rte']"


@dataclass(frozen=True)
class SequenceRecipe:
    """What to run, task after task; two that ask for the same are equal.

    Attributes:
        recipe: what every task is trained with; its ``task`` is the first of them.
        tasks: their names, each once, as in `recall_learn.Recipe`.
        home: as in `recall_learn.sequence`.
        together: as there.

    Raises:
        ValueError: what is asked for does not go together.
    """

    recipe: Recipe
    tasks: tuple[str, ...]
    home: str = HOMES[0]
    together: bool = False

    def __post_init__(self):
        recipes = [replace(self.recipe, task=name) for name in _listed(self.tasks)]
        names = [recipe.task for recipe in recipes]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice:
            raise ValueError(f"tasks has {twice} twice; take each task once")
        strange = next((name for name in names if name.startswith(WORLD) != names[0].startswith(WORLD)), None)
        if strange:
            raise ValueError(
                f"tasks joins {names[0]} and {strange}, and only one of them is of the small world; take one kind"
            )
        if self.home not in HOMES:
            raise ValueError(f"home is {shown(self.home)}; it has to be one of {', '.join(HOMES)}")
        if not isinstance(self.together, bool):
            raise ValueError(f"together is {shown(self.together)}; it has to be true or false")
        if self.together:
            _check_together(self.recipe, names)
        unable = next((each for each in self.recipe.methods if not each.carries), None)
        if unable and len(names) > 1 and not self.together:
            raise ValueError(
                f"{unable.name} cannot go on after a task: what it would carry over is not settled; leave it out"
            )
        object.__setattr__(self, "recipe", recipes[0])
        object.__setattr__(self, "tasks", tuple(names))

    @property
    def recipes(self) -> tuple[Recipe, ...]:
        """That of each task."""
        return tuple(replace(self.recipe, task=name) for name in self.tasks)

    @property
    def seed(self) -> int:
        """That of all tasks."""
        return self.recipe.seed

    @property
    def names(self) -> str:
        """The methods' names alone."""
        return self.recipe.names

    @property
    def needs(self) -> frozenset[str]:
        """What the methods need, as in `recall_learn.Recipe`."""
        return self.recipe.needs

    def to_dict(self) -> dict[str, Json]:
        """Plain JSON types: the settings of the recipe, and ``tasks`` with ``home`` and ``together`` for its task."""
        settings = {name: value for name, value in self.recipe.to_dict().items() if name != "task"}
        return {**settings, "tasks": list(self.tasks), "home": self.home, "together": self.together}

    @classmethod
    def from_dict(cls, values: Mapping[str, object]) -> "SequenceRecipe":
        """What `to_dict` wrote, or what somebody asks for: what is left out takes today's defaults.

        Where ``evaluate_every`` is left out, a task is evaluated at its start and its end: a record has no more.

        Raises:
            ValueError: a key is unknown, a value is out of range, or what is asked for does not go together.
        """
        return cls._made({"evaluate_every": values.get("steps", Recipe.steps), **values}, Recipe.from_dict)

    @classmethod
    def recorded(cls, values: Mapping[str, object]) -> "SequenceRecipe":
        """What a record holds, whenever it was written, see `recall_learn.Recipe.recorded`."""
        return cls._made(values, Recipe.recorded)

    @classmethod
    def _made(
        cls, values: Mapping[str, object], recipe_of: Callable[[Mapping[str, object]], Recipe]
    ) -> "SequenceRecipe":
        if "task" in values:
            raise ValueError("task and tasks are both there; leave one of them out")
        first = _listed(values["tasks"])[0]
        settings = {name: value for name, value in values.items() if name not in OWN}
        return cls(recipe_of({**settings, "task": first}), **{name: values[name] for name in OWN if name in values})


Asked = Recipe | SequenceRecipe
"""What a sweep takes."""


def asked_of(values: Mapping[str, object]) -> Asked:
    """What a ``to_dict`` wrote, of whichever kind.

    Raises:
        ValueError: as ``from_dict`` of that kind.
    """
    return (SequenceRecipe if "tasks" in values else Recipe).from_dict(values)


def recipes_of(asked: Asked) -> tuple[Recipe, ...]:
    """The recipe of each task."""
    return asked.recipes if isinstance(asked, SequenceRecipe) else (asked,)


def _listed(tasks: object) -> list[object]:
    if isinstance(tasks, str) or not isinstance(tasks, Iterable):
        raise ValueError(f"tasks is {shown(tasks)}; it has to be a list of names, {AS}")
    names = list(tasks)
    if not names:
        raise ValueError(f"tasks is empty; it has to be a list of names, {AS}")
    return names


def _check_together(recipe: Recipe, names: list[str]) -> None:
    if len(names) == 1:
        raise ValueError(f"together trains on several tasks at once, and tasks is {names[0]} alone; name two or more")
    apart = next((each for each in recipe.methods if each.isolates), None)
    if apart:
        raise ValueError(f"{apart.name} keeps tasks apart, and together trains them at once; leave one of both")
