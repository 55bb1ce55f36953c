"""Made-up rows in the shape of what the tools on scale and on equal loss record."""

import math

import equal_loss
import scale

GUESS = {"cola": 0.0, "rte": 0.5, "mrpc": 0.5}
HALF = 25
"""Steps after which a run has half of what it will score, over a guess."""


def pretrained(size, loss=0.7, known=0.9):
    told = {"command": "recall-learn world pretrain", "weights": 1000 * size["width"], "seconds": 60.0}
    return {**size, **told, "held_out_loss": loss, "held_out_accuracy": 0.8, "facts_known": known,
            "all_wordings_loss": loss + 0.1, "environment": {}}  # fmt: skip


def tuned(size, task, hold, rise=1.0, top=0.9, before=0.7, known=0.9, lost=0.2, back=40):
    """It comes to a score and has risen with it: half of both after `HALF` steps, all of both in the end."""
    steps = list(range(0, scale.TUNED + 1, scale.EVERY))
    shares = [step / (step + HALF) * (1 + HALF / scale.TUNED) for step in steps]
    return {
        **size, "task": task, **hold, "step": steps,
        "score": [round(GUESS[task] + (1 - GUESS[task]) * top * share, 4) for share in shares],
        "source_loss": [round(before + rise * share, 4) for share in shares],
        "facts": [round(known * (1 - lost * share), 4) for share in shares],
        "distance": 5.0, "back": back,
    }  # fmt: skip


def model(size, **how):
    """A model and its nine runs; a smaller rate and a pull lose a half and a quarter of what plain tuning does."""
    size = size if isinstance(size, dict) else vars(size)
    rows = [pretrained(size)]
    for task in scale.TASKS:
        for hold, part in zip(scale.HOLD, (1.0, 0.5, 0.25), strict=True):
            own = {**how, "rise": how.get("rise", 1.0) * part, "lost": how.get("lost", 0.2) * part}
            rows.append(tuned(size, task, hold, **own))
    return rows


def by_size(count=None, width=0.0, steps=0.0, variety=0.0):
    """All models, cheap ones first; each doubling of an axis takes so much of the rise (and less than 0 adds to it)."""
    rows = []
    for size in scale.sizes()[:count]:
        doublings = {"width": size.width / 32, "steps": size.steps / 1250, "variety": 4 * size.variety}
        rise = 1.0
        for axis, takes in (("width", width), ("steps", steps), ("variety", variety)):
            rise *= (1 - takes) ** math.log2(doublings[axis])
        rows += model(size, rise=rise, lost=0.2 * rise, back=None if rise > 3 else 5 * round(10 * rise))
    return rows


def brought(count=None, score=lambda way, loss, seed: 0.8, name="first"):
    """Rows of equal loss; the score of a way at a loss with a seed, the same on all tasks."""
    rows = []
    for key, _ in list(equal_loss.jobs(name))[:count]:
        loss = key["loss"] or {"home": 0.67, "random": 6.8}[key["way"]]
        rows.append({**key, "made": {}, "source_loss": loss - 0.001, "facts": 0.5,
                     **{task: round(score(**key), 4) for task in equal_loss.TASKS}})  # fmt: skip
    return rows
