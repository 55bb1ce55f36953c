"""A run that is taken again, here or in another engine: how far its losses are from those that were recorded."""

from recall_learn.runs.record import Run

SAME = (
    ("anchors", "the pretrained weights are others"),
    ("data", "the data is other"),
    ("fisher", "the Fisher is another"),
)


def compared(recorded: Run, again: Run) -> str:
    """In words, the largest difference of the losses over the steps that both have, and what they do not share.

    Args:
        recorded: the run as it was.
        again: the same recipe with the same changes, see `recall_learn.runs.steering.replay`.
    """
    steps = min(len(recorded.history), len(again.history))
    others = [
        words
        for key, words in SAME
        if {key} <= recorded.environment.keys() & again.environment.keys()
        and recorded.environment[key] != again.environment[key]
    ]
    told = f"; {', '.join(others)} than when it was recorded" if others else ""
    if not steps:
        return f"no step of it was recorded{told}"
    return f"over {steps} step{'s' * (steps > 1)} the losses differ by {worst(recorded, again):.2g} at most{told}"


def worst(recorded: Run, again: Run) -> float:
    """The largest difference of the losses over the steps that both have."""
    pairs = zip(recorded.column("loss"), again.column("loss"), strict=False)
    return max((abs(one - other) for one, other in pairs), default=0.0)
