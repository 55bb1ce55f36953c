"""What the live lab says of its runs: where they are."""

from pathlib import Path

from recall_learn.lab import background
from recall_learn.lab.background import BESIDE, MAIN, Background
from recall_learn.lab.pace import told
from recall_learn.lab.presets import unasked
from recall_learn.lab.seats import EVALUATION, Seat
from recall_learn.runs import steering

COLUMNS = ("step", "loss", "lambda", "lr", "pull", "distance", "lr_other", "skipped")
"""What every method's record of a step may have; the rest is its own."""
COMING = 3
"""At most so many recorded changes that are still to act."""


def status(session: Background) -> str:
    """Where the runs are, or what stopped them."""
    broken = [f"{name}: {seat.error}" for name, seat in session.seats.items() if seat.error]
    return " · ".join(broken or _parts(session))


def ahead(session: Background) -> str:
    """What Start does, how long that will take, as far as it is known, and what will not be seen."""
    both = "the run and its twin train on the same batches" if len(session.seats) > 1 else "the run trains"
    if session.left is None:
        long = ". After the first steps the lab tells how long it takes."
    else:
        long = f", for about {told(session.left)} here."
    return " ".join(filter(None, (f"Press Start: {both}{long}", unasked(session.seats[MAIN].recipe))))


def apart(session: Background) -> str:
    """That the parameter groups of an optimizer have different learning rates; "" where they have the same."""
    for seat in session.seats.values():
        last = seat.run.history[-1] if seat.run.history else {}
        if "lr_other" in last:
            return (
                f"The optimizer's groups have different learning rates. Drawn and recorded is the highest, "
                f"{last['lr']:.3g} at this step; the lowest is {last['lr_other']:.3g}."
            )
    return ""


def _parts(session: Background) -> list[str]:
    run, recipe = session.run, session.seats[MAIN].recipe
    loaded = ["data", "model", *sorted(recipe.needs)]
    scores = any(seat.making == EVALUATION for seat in session.seats.values())
    loading = (
        "scoring the model before the first step" if scores else f"loading {', '.join(loaded[:-1])} and {loaded[-1]}"
    )
    said = {
        background.NEW: "ready",
        background.LOADING: "scoring the model before the first step" if scores else loading,
        background.RUNNING: "training",
        background.PAUSED: "paused",
        background.DONE: "done",
        background.FAILED: "failed",
        background.CLOSED: "closed: its cell was run again, or the lab was closed",
    }[session.state]
    parts = [said, f"{recipe.backbone} on {recipe.task}", f"step {len(run.history)} of {recipe.steps}"]
    if run.history:
        last = run.history[-1]
        terms = [f"{name} {value:.3g}" for name, value in last.items() if name not in COLUMNS]
        parts += [f"λ {last['lambda']:.3f}", f"pull {last['pull']:.3g}", f"loss {last['loss']:.3f}", *terms]
    skipped = len(run.skipped)
    if skipped:
        parts.append(f"{skipped} step{'s' * (skipped > 1)} skipped: fp16 overflowed")
    changes = sum(change["step"] <= len(run.history) for change in run.changes)
    if changes:
        parts.append(f"{changes} change{'s' * (changes > 1)}")
    parts += [
        f"{'beside: ' * (name == BESIDE)}{line}" for name, seat in session.seats.items() for line in to_come(seat)
    ]
    return parts


def opened(folder: Path, seat: Seat) -> str:
    """That a session goes on, and from where."""
    line = f"The session of {folder}: Start goes on with it."
    if seat.had > len(seat.run.history):
        line += f" It had come to step {seat.had}, and goes on from its checkpoint after step {seat.base}."
    return line


def to_come(seat: Seat) -> list[str]:
    """What is recorded for steps that a run has still to take."""
    ahead = [] if seat.ended else steering.ahead(seat.run, seat.next)
    lines = [f"recorded: {steering.told(change)} from step {change['step']} on" for change in ahead[:COMING]]
    return [*lines, *([f"and {len(ahead) - COMING} more"] if len(ahead) > COMING else [])]
