"""What a run is made of: data, a backbone, and methods at work on it; and how they are scored."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from transformers import DataCollatorWithPadding

from recall_learn.measures import probes
from recall_learn.measures.distance import distance, distance_by_layer
from recall_learn.methods.carrying import Carried
from recall_learn.methods.method import Method
from recall_learn.models import backbones
from recall_learn.runs import given_source
from recall_learn.runs.compose import SOURCE, begun, groups_of, put_together
from recall_learn.runs.given_fisher import GivenFisher
from recall_learn.runs.recipe import Recipe
from recall_learn.runs.recorder import ADVICE, DivergedError
from recall_learn.support import environment
from recall_learn.support.memory import check_batch, usual
from recall_learn.support.reading import Json
from recall_learn.support.shelf import Nothing, Shelf, stamp
from recall_learn.tasks import loading, registry, scores
from recall_learn.tasks.rows import batches, digest
from recall_learn.tasks.stored import VARIABLE
from recall_learn.tasks.task import Splits
from recall_learn.theory.anchors import fingerprint

if TYPE_CHECKING:
    from datasets import Dataset

EVALUATION_BATCH = 64


@dataclass(frozen=True)
class Beginning:
    """Where a task of a sequence begins.

    Attributes:
        home: what the methods take for theta*.
        place: which task it is, from 0, and of how many.
        carried: what the methods have of the tasks before, by their names.
        beside: a method that is at work beside the recipe's, and is no choice of anybody's.
    """

    home: Mapping[str, torch.Tensor]
    place: tuple[int, int] = (0, 1)
    carried: Mapping[str, Carried] = field(default_factory=dict)
    beside: tuple[Method, ...] = ()


class Session:
    """Everything that is alive while a run trains, but for the loop and what it keeps.

    Args:
        recipe: what to run.
        device: where.
        data_folder: the folder of data sets, see `recall_learn.tasks.loading.load`.
        source_text: a text file for the probes, see `recall_learn.finetune`.
        say: what was found in a file of somebody's own.
        shelf: where data, backbones and first evaluations lie for the next one; None keeps none.

    Attributes:
        backbone: the model, where it will train.
        task: what the data is.
        beginning: what the methods are told of theta* and of former tasks.
        data: ``split -> rows``, tokenized.
        collator: makes batches of rows.
        composed: the methods at work, once `begin` was called.

    Raises:
        ValueError, OSError: as `recall_learn.finetune`.
    """

    def __init__(
        self,
        recipe: Recipe,
        device: torch.device,
        data_folder: str | Path | None,
        source_text: str | Path | None,
        say: bool = True,
        shelf: Shelf | None = None,
    ):
        self.recipe, self.device, self._shelf = recipe, device, shelf or Nothing()
        self._place = data_folder, recipe.task, recipe.text, recipe.label, recipe.metric, recipe.limit_train
        data = self._shelf.get("data", self._key(recipe.limit_train and recipe.seed), lambda: self._read(data_folder))
        self.task = task = data.task
        if say:
            loading.say(data)
        self.backbone = backbone = self._load(task.num_labels)
        self.beginning = Beginning(backbone.anchors)
        config = backbone.model.config
        if task.labels:  # so that the saved model answers in words
            config.id2label = dict(enumerate(task.labels))
            config.label2id = {name: i for i, name in enumerate(task.labels)}
        probes.check_world(backbone, recipe.task, data_folder)
        self.collator = DataCollatorWithPadding(backbone.tokenizer)
        key = self._key(recipe.limit_train and recipe.seed, backbone.name, backbone.fingerprint, recipe.max_length)
        self.data, self._questions, self._digest = self._shelf.get("tokens", key, lambda: self._tokens(data))
        backbone.model.to(device)
        row, half = usual(self.data["train"]), recipe.mixed_precision != "no"
        check_batch(backbone.model, self.collator, row, recipe.batch_size, half)
        self._forward = backbone.model.forward  # Trainer puts one in half precision in its place
        given_source.check_given(recipe.needs, recipe.names, backbone.name, bool(backbone.world), source_text)
        self._source = given_source.find(backbone, source_text, recipe.batch_size, shelf)
        asked = source_text if probes.reads_text(recipe.probe, backbone) or SOURCE not in recipe.needs else None
        self._probes = probes.build(recipe.probe, backbone, data_folder, asked, shelf)
        self.environment: dict[str, Json] = {
            **environment.describe(device),
            "backbone": backbone.source,
            "anchors": backbone.fingerprint,
            "examples": {"train": len(self.data["train"]), "evaluation": len(self.data[task.evaluation])},
            "data": self._digest,
            **({"task": task.describe()} if registry.own(task.name) else {}),
            **({"source_text": probes.digest(source_text)} if source_text is not None else {}),
        }

    def _key(self, *more: object) -> tuple:
        """What the data depends on."""
        folder, task = self._place[:2]
        there = folder if folder is not None else os.environ.get(VARIABLE)
        return (*self._place, there, stamp(task if registry.own(task) else there and Path(there, task)), *more)

    def _read(self, data_folder: str | Path | None) -> Splits:
        recipe = self.recipe
        own = {"text": recipe.text, "label": recipe.label, "metric": recipe.metric}
        return loading.load(recipe.task, data_folder, recipe.limit_train, recipe.seed, **own)

    def _load(self, num_labels: int) -> backbones.Backbone:
        """The backbone with a new head; what is on the shelf stays as it was read."""
        recipe = self.recipe
        options = {"num_labels": num_labels, "init": recipe.init, "seed": recipe.seed}
        key = (recipe.backbone, *options.values(), stamp(recipe.backbone if os.path.isdir(recipe.backbone) else None))
        found = self._shelf.get("backbone", key, lambda: backbones.load(recipe.backbone, **options))
        return found if isinstance(self._shelf, Nothing) else found.copy()

    def _tokens(self, data: Splits) -> tuple[dict[str, "Dataset"], dict[str, list], str]:
        """Tokenized splits, those that are scored in batches by the ending of their metrics, and a digest of all."""
        tokenizer = self.backbone.tokenizer
        longest = self.recipe.max_length
        length = min(longest, tokenizer.model_max_length) if self.backbone.world else longest
        rows = {split: loading.tokenize(data[split], self.task, tokenizer, length) for split in data}
        questions = {
            ending: list(batches(rows[split], self.collator, EVALUATION_BATCH))
            for split, ending in loading.scored(data).items()
        }
        return rows, questions, digest(*rows.values())

    def begin(self, fisher: GivenFisher | None) -> None:
        """Put the recipe's methods to work.

        Args:
            fisher: where they find a Fisher, if they need one.
        """
        recipe, told = self.recipe, self.beginning
        settings = {"lr": recipe.lr, "fisher": fisher, "source": self._source, "seed": recipe.seed}
        start = begun((*recipe.methods, *told.beside), self.backbone.model, anchors=told.home, **settings)
        start = replace(start, place=told.place, carried=told.carried)
        # AdamW's fused step hides from Trainer that it skipped one in fp16, and lr would run ahead of RecAdam's lambda
        fused = None if recipe.mixed_precision == "fp16" else True
        self.composed = put_together(recipe.methods, start, groups_of(start, recipe.weight_decay), fused, told.beside)

    @property
    def at_home(self) -> backbones.Backbone:
        """The backbone, with what the methods take for theta*."""
        return replace(self.backbone, anchors=self.beginning.home)

    def task_batches(self) -> Iterator[Mapping[str, torch.Tensor]]:
        """The training examples in their order, in the batches of an evaluation."""
        return batches(self.data["train"], self.collator, EVALUATION_BATCH)

    def evaluate(self, step: int) -> dict[str, Json]:
        """Score the model on the task's evaluation splits, and measure what it forgot.

        Returns:
            A record of `recall_learn.Run.evaluations`.

        Raises:
            DivergedError: the model gives what is no number.
        """
        with self.composed.plain():
            if step or isinstance(self._shelf, Nothing):
                return self._measured(step)
            # before the first step it is what the same weights gave before
            recipe, all_there = self.recipe, self.backbone.model.state_dict()
            key = (self._digest, recipe.task, fingerprint(all_there), self.backbone.name, recipe.probe)
            return dict(self._shelf.get("evaluation", self._key(*key, self.device.type), lambda: self._measured(0)))

    def ending(self) -> dict[str, Json]:
        """What the methods have to say now that the last step was taken."""
        return self.composed.ending(lambda: self._measured(self.recipe.steps))

    def _measured(self, step: int) -> dict[str, Json]:
        model = self.backbone.model
        model.eval()
        away = distance(model, self.backbone.anchors)
        try:
            metrics = self.metrics()
        except ValueError as error:
            raise DivergedError(f"at step {step}: {error}; {ADVICE}") from error
        record = {"step": step, "metrics": metrics, "distance": away}
        record["layers"] = distance_by_layer(model, self.backbone.anchors)
        for probe in self._probes:
            record |= probe()
        return record

    def metrics(self) -> dict[str, float]:
        """The task's metrics of the model as it is, on all evaluation splits.

        Raises:
            ValueError: the model gives what is no number.
        """
        self.backbone.model.eval()
        found = {ending: self._scores(questions) for ending, questions in self._questions.items()}
        return {f"{name}{ending}": score for ending, each in found.items() for name, score in each.items()}

    @torch.no_grad()
    def _scores(self, questions: list[dict[str, torch.Tensor]]) -> dict[str, float]:
        """The task's metrics on the batches of a split."""
        labels = torch.cat([batch["labels"] for batch in questions])
        inputs = ({k: v.to(self.device) for k, v in batch.items() if k != "labels"} for batch in questions)
        logits = torch.cat([self._forward(**each).logits.float().cpu() for each in inputs])
        return scores.metrics(self.task, logits, labels)
