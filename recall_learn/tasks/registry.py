"""The tasks that have a name; every other name is that of a file, a folder or a dataset of the hub."""

from dataclasses import replace

from recall_learn.support.checks import shown
from recall_learn.tasks import glue, nli, sentences
from recall_learn.tasks.task import WORLD, Task
from recall_learn.world import tasks as world_tasks

TASKS: dict[str, Task] = {task.name: task for task in (*glue.TASKS, *nli.TASKS, *sentences.TASKS)}
TASKS |= {f"{WORLD}{name}": replace(TASKS[name], name=f"{WORLD}{name}", repository="") for name in world_tasks.TASKS}


def named(task: str) -> Task:
    """The task of that name.

    Raises:
        ValueError: there is none.
    """
    if not isinstance(task, str) or task not in TASKS:
        raise ValueError(f"task {shown(task)} is unknown; the tasks are {', '.join(TASKS)}")
    return TASKS[task]
