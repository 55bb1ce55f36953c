"""Tasks one after another on one encoder, a new head for each, all of them scored after each.

A task of the sequence is a run as `recall_learn.finetune` takes it, in a folder of its own: its methods, steps,
evaluations and checkpoints are that run's. What is new in a model, pooler and head, is its task's and is kept as it
ended; what was pretrained goes on to the next task, unless a method isolates tasks from one another. Between two tasks
a method is asked what it carries over, see `recall_learn.methods.method.Method.carry`.
"""

from collections.abc import Iterable
from pathlib import Path

from recall_learn.runs import arguments, given_fisher
from recall_learn.runs.course import Course, Given
from recall_learn.runs.recipe import Recipe
from recall_learn.runs.sequence_recipe import HOMES
from recall_learn.runs.sequence_record import FILE, SequenceRun, asked, load
from recall_learn.runs.together import AtOnce
from recall_learn.support import environment, process_wide
from recall_learn.support.files import check_folder
from recall_learn.support.lock import owning_folder


def sequence(
    recipe: Recipe,
    tasks: Iterable[str],
    *,
    home: str = HOMES[0],
    together: bool = False,
    out: str | Path | None = None,
    data_folder: str | Path | None = None,
    fisher: str | Path | None = None,
    source_text: str | Path | None = None,
    device: str = "auto",
    resume: bool = False,
    progress: bool | None = None,
) -> SequenceRun:
    """Fine-tune one encoder on a task after another, as the recipe says, and score all tasks after each.

    A sequence of one task is `recall_learn.finetune`, to the bit.

    Args:
        recipe: what every task is trained with, one by one; its own ``task`` is not asked.
        tasks: their names, each once, as in `recall_learn.Recipe`. Those of the small world stand with no others.
        home: what the methods take for theta* in a task: the weights that the "last" task left, or always the
            "pretrained" ones. Distance and probes are about the pretrained ones in both.
        together: train on all tasks at once instead, a batch of each in every step, on the sum of their losses: the
            ceiling of a sequence. Nothing is carried over, and theta* is what was pretrained.
        out: a folder for ``sequence.json`` and a folder for each task's run; None keeps nothing. One process owns it.
        data_folder: as in `recall_learn.finetune`.
        fisher: as there; of the source, at the pretrained weights.
        source_text: as there.
        device: as there.
        resume: go on with what ``out`` holds, in the task and at the checkpoint where it stopped.
        progress: as there.

    Returns:
        The record, see `recall_learn.runs.sequence_record`. With ``out``, Ctrl-C, SIGTERM or SIGHUP ends it as they
        end a run; ``stopped`` says where.

    Raises:
        ValueError: a task is there twice, is of another world, a method cannot go on after a task, or as
            `recall_learn.finetune`.
        OSError, DivergedError: as there.
    """
    paths = {"out": out, "data_folder": data_folder, "fisher": fisher, "source_text": source_text}
    arguments.check(recipe, {}, paths)
    record = asked(recipe, tasks, home, together)
    given = Given(data_folder, fisher, source_text, environment.choose_device(device), progress)
    return take(record, given, out, resume)


def take(record: SequenceRun, given: Given, out: str | Path | None = None, resume: bool = False) -> SequenceRun:
    """Take what a new record asks for, as `sequence` does; however that ends, the record holds how far it came.

    Args:
        record: see `recall_learn.runs.sequence_record.asked`.
        given: what `sequence` is given beside.
        out: as there.
        resume: as there.

    Returns:
        The record, or that of ``out``, which went on.
    """
    recipe, course = record.recipe, AtOnce if record.together else Course
    environment.check_precision(recipe.mixed_precision, given.device)
    given_fisher.check_given(recipe.needs, recipe.names, recipe.backbone, given.fisher)
    place = None if out is None else check_folder(out)
    if place is None:
        if resume:
            raise ValueError("resume needs the folder of the sequence to go on with; give it with --out")
        with process_wide.own_accelerate(), process_wide.bars(given.progress):
            return course(record, None, given).run()
    with owning_folder(place, "wait for it, or choose another --out"):
        record = opened(record, place, resume)
        if record.final:
            return record
        with process_wide.own_accelerate(), process_wide.bars(given.progress):
            return course(record, place, given).run()


def opened(record: SequenceRun, place: Path, resume: bool) -> SequenceRun:
    """The sequence that a folder holds, or the new one.

    Raises:
        ValueError: it holds another, or this one without ``resume``, or a run.
    """
    file = place / FILE
    if not file.exists():
        foreign = next((name for name in ("run.json", "model") if (place / name).exists()), None)
        if foreign:
            raise ValueError(f"{place} holds {foreign}, which no sequence has; choose another --out")
        return record
    found = load(file)
    other = record.difference(found)
    if other:
        raise ValueError(f"{place} holds another sequence: {other}; choose another --out")
    if not resume:
        raise ValueError(
            f"{place} holds this sequence already, up to row {len(found.rows)}; add --resume, or choose another"
        )
    found.stopped = None
    return found
