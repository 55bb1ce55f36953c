"""The tasks that have a name; every other name is that of a file, a folder or a dataset of the hub."""

import os
from dataclasses import replace

from recall_learn.support.checks import shown
from recall_learn.support.files import as_text
from recall_learn.tasks import glue, nli, sentences
from recall_learn.tasks.classes import CLASSES, REGRESSION
from recall_learn.tasks.task import WORLD, Task
from recall_learn.world import tasks as world_tasks

TASKS: dict[str, Task] = {task.name: task for task in (*glue.TASKS, *nli.TASKS, *sentences.TASKS)}
TASKS |= {f"{WORLD}{name}": replace(TASKS[name], name=f"{WORLD}{name}", repository="") for name in world_tasks.TASKS}
TASKS |= {
    f"{WORLD}{name}": replace(
        TASKS[f"{WORLD}{name.removesuffix(world_tasks.WORDINGS)}"],
        name=f"{WORLD}{name}",
        mismatched=world_tasks.ELSEWHERE,
    )
    for name in world_tasks.VARIANTS
}
TASKS |= {
    task.name: task
    for task in (
        Task(f"{WORLD}facts", world_tasks.COLUMNS["facts"], ("false", "true")),
        Task(f"{WORLD}questions", world_tasks.COLUMNS["questions"], ("first", "second")),
    )
}


def named(task: str) -> Task:
    """The task of that name.

    Raises:
        ValueError: there is none.
    """
    if not isinstance(task, str) or task not in TASKS:
        raise ValueError(
            f"task {shown(task)} is unknown; the tasks are {', '.join(TASKS)}, or a file (reviews.csv), a folder "
            f"(./reviews) or a dataset of the hub (OWNER/NAME)"
        )
    return TASKS[task]


def own(task: str) -> bool:
    """Whether a name is that of a file, a folder or a hub's dataset: it is in no registry, and has a / or an ending."""
    folder, slash, _ = task.partition("/")
    named_alike = {name.partition("/")[0] for name in TASKS if "/" in name}  # world/colla is a mistake, and no folder
    return task not in TASKS and folder not in named_alike and bool(slash or os.path.splitext(task)[1])


def asked(task: object, text: object = None, label: object = None, metric: object = None) -> str:
    """The name of a task, once what is asked of it goes together. Nothing is read.

    Raises:
        ValueError: it can be no task; columns or a score are given for a task that has its own; there is no such score.
    """
    name = as_text("task", task)
    given = {"text": text, "label": label, "metric": metric}
    for what, value in given.items():
        if value is not None and (not isinstance(value, str) or not value.strip()):
            raise ValueError(f"{what} is {shown(value)}; it has to be a name, or None")
    if not own(name):
        named(name)
        extra = next((what for what, value in given.items() if value is not None), None)
        if extra:
            raise ValueError(f"{extra} is {shown(given[extra])}, and {name} has its own; leave it out")
    if metric is not None and metric not in (*CLASSES, *REGRESSION):
        raise ValueError(f"metric is {shown(metric)}; it has to be one of {', '.join((*CLASSES, *REGRESSION))}")
    return name
