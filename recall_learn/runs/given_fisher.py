"""The Fisher that a run's methods ask for: given, kept from when the run was begun, packaged, or taken of its task."""

from collections.abc import Callable, Mapping
from pathlib import Path

from torch import Tensor

from recall_learn.models.backbones import Backbone
from recall_learn.models.fisher_files import save_fisher
from recall_learn.models.fishers import read_fisher
from recall_learn.models.places import SOURCE_FISHERS
from recall_learn.runs.folder import RunFolder
from recall_learn.runs.record import Run
from recall_learn.theory.anchors import fingerprint
from recall_learn.theory.fisher import Fisher

FISHERS = frozenset({"source fisher", "task fisher"})
GivenFisher = Callable[[str], Mapping[str, Tensor]]
"""Answers what `recall_learn.methods.method.Start.fisher` is asked."""
HAS_TO_BE_GIVEN = frozenset({"source fisher"})
"""Of what methods need: nothing else that a run has tells it, unless its backbone brings it."""


def packaged(needs: frozenset[str], backbone: str) -> Path | None:
    """The Fisher of the source that a backbone brings for methods with these needs; None where a file has to be given.

    A run has one Fisher. So methods that need that of the task as well are not helped.
    """
    return SOURCE_FISHERS.get(backbone) if needs & FISHERS == HAS_TO_BE_GIVEN else None


def check_given(needs: frozenset[str], names: str, backbone: str, fisher: object, run: Run | None = None) -> None:
    """Refuse methods that need a Fisher of the source where none is given, none is kept, and the backbone brings none.

    Raises:
        ValueError: that is so.
    """
    there = fisher is not None or packaged(needs, backbone) or (run is not None and "fisher" in run.environment)
    if needs & HAS_TO_BE_GIVEN and not there:
        raise ValueError(
            f"method {names} needs a Fisher of the source; make one with recall-learn fisher, and pass it with "
            f"--fisher FILE"
        )


def find(
    run: Run, folder: RunFolder, path: str | Path | None, backbone: Backbone, take: Callable[[], Fisher]
) -> GivenFisher | None:
    """Read or take the Fisher, note in the run which it is, and keep it in its folder; None where no method needs one.

    Args:
        run: what was begun.
        folder: where it is kept.
        path: a file that was given, or None.
        backbone: whose it has to be.
        take: computes the task's own.

    Raises:
        ValueError: it is damaged, another model's, or not the one that the run was begun with.
        FileNotFoundError: there is no such file.
    """
    own, begun, needs = folder.fisher, run.environment.get("fisher"), run.recipe.needs & FISHERS
    if not needs:
        return None
    if path is None and begun and own is not None and own.exists():
        path = own
    if path is None:
        path = packaged(needs, backbone.name)
    if path is None and needs & HAS_TO_BE_GIVEN:
        raise ValueError(f"{own} is gone; give the Fisher that the run was begun with by --fisher")
    if path is not None:
        fisher, metadata = read_fisher(path, backbone)
    else:
        fisher = take()
        metadata = {"backbone": backbone.name, "anchors": backbone.fingerprint, "task": run.recipe.task}
        metadata |= {"labels": fisher.labels, "examples": str(fisher.examples)}
    taken = {key: metadata[key] for key in ("task", "labels", "examples") if key in metadata}
    taken["tensors"] = fingerprint(fisher)
    if begun not in (None, taken):
        raise ValueError(f"the Fisher is not the one that {folder} was begun with; give that one by --fisher")
    run.environment["fisher"] = taken
    if own is not None and path != own:
        save_fisher(own, fisher, **metadata)
    return lambda of: fisher
