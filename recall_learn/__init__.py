"""Recall & Learn: fine-tune pretrained language models with less forgetting.

The names that most people need are here, and are imported when they are first asked for. The rooms, from the ground:
``support``, ``theory`` and ``methods`` (torch alone), ``world``, ``models``, ``tasks``, ``measures``, ``runs``,
``figures``, ``lab``, ``practice``, ``book``, ``cli``. A room imports from those before it.
"""

import importlib
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "methods.recadam.optimizer": ("RecAdam",),
    "methods.source": ("Source",),
    "methods.child_tuning": ("ChildTuningD", "ChildTuningF"),
    "theory.annealing": ("Constant", "Cosine", "Linear", "Sigmoid"),
    "theory.fisher": ("Fisher", "fisher_diagonal"),
    "theory.laplace": ("QuadraticPenalty", "ewc", "l2sp"),
    "models.added": ("load_added",),
    "models.fisher_files": ("load_fisher", "save_fisher"),
    "models.recalled": ("recall_groups",),
    "models.stored": ("load_anchors",),
    "models.text_source": ("text_source",),
    "runs.callback": ("RecallCallback",),
    "runs.compose": ("compose",),
    "runs.finetune": ("finetune",),
    "runs.recall_trainer": ("RecallTrainer",),
    "runs.recipe": ("Recipe",),
    "runs.record": ("Run",),
    "runs.sequence": ("sequence",),
    "runs.sequence_record": ("SequenceRun",),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}
__all__ = ["__version__", *sorted(_HOME)]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
