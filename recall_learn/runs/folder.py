"""The folder that a run is kept in: run.json, checkpoints, the Fisher, the final model. One process owns it."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from torch import nn

from recall_learn.models.backbones import Backbone
from recall_learn.runs import checkpoints
from recall_learn.runs.recipe import Recipe
from recall_learn.runs.record import Run
from recall_learn.support.files import share
from recall_learn.support.lock import owning_folder


class RunFolder:
    """Where a run is kept, or nowhere: then nothing is written.

    Args:
        path: the folder; it is made when it is owned. None keeps nothing.
    """

    def __init__(self, path: str | Path | None):
        self.path = None if path is None else Path(path)

    def __bool__(self) -> bool:
        return self.path is not None

    def __str__(self) -> str:
        return str(self.path)

    @contextmanager
    def owned(self) -> Iterator[None]:
        """Own it while the block lasts.

        Raises:
            TakenError: another process, or another run in this one, does.
        """
        if self.path is None:
            yield
            return
        with owning_folder(self.path, "wait for it, or choose another --out"):
            yield

    def open(self, recipe: Recipe, resume: bool) -> tuple[Run, Path | None]:
        """The run that is kept here, back at its newest checkpoint; or a new one, and no checkpoint.

        Raises:
            ValueError, NotADirectoryError: as `recall_learn.runs.checkpoints.open_run`.
        """
        return checkpoints.open_run(recipe, self.path, resume)

    def tidy(self, ended: bool) -> None:
        """Remove what killed processes left, and of a run that has ended its checkpoints."""
        if self.path is not None:
            checkpoints.clean(self.path)
            if ended:
                checkpoints.remove_all(self.path)

    @property
    def fisher(self) -> Path | None:
        """Where the Fisher is kept, so that a resumed run has it."""
        return None if self.path is None else self.path / "fisher.safetensors"

    def save(self, run: Run) -> None:
        """Write ``run.json``."""
        if self.path is not None:
            run.save(self.path / "run.json")

    def write_checkpoint(self, step: int, model: nn.Module, parts: Mapping[str, checkpoints.Part]) -> None:
        """Write a checkpoint, and remove all but it and the one before."""
        checkpoints.write(self.path / f"checkpoint-{step}", model, parts)
        checkpoints.remove_old(self.path)

    def save_model(self, backbone: Backbone) -> None:
        """The trained model and its tokenizer, as anybody loads them; all files readable by whom run.json is."""
        if self.path is None:
            return
        folder = self.path / "model"
        if folder.is_dir() and not folder.is_symlink():  # of a try that was killed
            shutil.rmtree(folder)
        else:
            folder.unlink(missing_ok=True)
        backbone.model.save_pretrained(folder)
        backbone.tokenizer.save_pretrained(folder)
        share(folder, self.path / "run.json")
