"""One fine-tuning run: a recipe in, a recorded run out, on transformers.Trainer.

Every example, mask and dropout comes from the recipe's seed, evaluations draw no random number, and each checkpoint
holds all that the next step depends on. So a run that was stopped goes on as if nothing had happened.
"""

import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm.auto import tqdm
from transformers import (
    DataCollatorWithPadding,
    PrinterCallback,
    TrainingArguments,
    get_linear_schedule_with_warmup,
    set_seed,
)

from recall_learn.measures import probes
from recall_learn.measures.distance import distance, distance_by_layer
from recall_learn.methods.child_tuning import ChildTuningF
from recall_learn.models import backbones
from recall_learn.models.fishers import read_fisher, task_fisher
from recall_learn.runs import arguments, checkpoints, steering
from recall_learn.runs.methods import build
from recall_learn.runs.recipe import Recipe
from recall_learn.runs.record import Run
from recall_learn.runs.steering import Steer
from recall_learn.runs.trainer import Recorder, StepTrainer
from recall_learn.support import environment
from recall_learn.support.files import share
from recall_learn.support.lock import owning_folder
from recall_learn.support.memory import check_batch, usual
from recall_learn.support.stopping import stoppable
from recall_learn.tasks import loading, registry, scores
from recall_learn.tasks.rows import batches, digest
from recall_learn.theory.anchors import fingerprint
from recall_learn.theory.fisher import save_fisher

OnStep = Callable[[Run, torch.optim.Optimizer], None]
ADVICE = "lower --lr, or --gamma if it pulls"
EVALUATION_BATCH = 64


class DivergedError(ArithmeticError):
    """The loss is no longer a finite number."""


def finetune(
    recipe: Recipe,
    on_step: OnStep | None = None,
    *,
    steer: Steer | None = None,
    out: str | Path | None = None,
    glue_folder: str | Path | None = None,
    fisher: str | Path | None = None,
    source_text: str | Path | None = None,
    device: str = "auto",
    resume: bool = False,
    progress: bool | None = None,
) -> Run:
    """Fine-tune a backbone as the recipe says.

    Args:
        recipe: what to run.
        on_step: called after every step with the run so far and the optimizer.
        steer: called before every step with its number and the run so far; it may wait. What it returns, of ``k``,
            ``t0``, ``gamma`` and ``lr``, acts from that step on, in place of what the run's ``changes`` hold for that
            setting from there on, and is noted in them; `recall_learn.runs.steering.replay` of these takes the run
            again. What it raises ends the run.
        out: a folder for ``run.json``, checkpoints while it runs, and the final ``model``; None keeps nothing. One
            process owns it while the run lasts. There is a checkpoint at each evaluation; where one takes over two
            seconds, they take a tenth of the time at most.
        glue_folder: the GLUE data, see `recall_learn.tasks.loading.load`.
        fisher: a file that `recall_learn.save_fisher` wrote, for ewc and child-d. Without it child-d takes the
            task's own, from its training labels.
        source_text: a text file for the probes source and recovery, where the backbone is not of the small world.
        device: auto, cpu or cuda.
        resume: go on from the newest checkpoint in ``out``; the changes that the run holds act again, each at its step,
            unless ``steer`` sets that setting anew before. On a CPU the weights and the history end bit-identical to
            those of a run that was never stopped.
        progress: True shows a bar, False none; None shows one on a terminal.

    Returns:
        The run. With ``out``, Ctrl-C, SIGTERM or SIGHUP ends it after the step in progress, with a checkpoint and no
        ``final``; ``stopped`` says which.

    Raises:
        ValueError: something in the recipe, the data, ``out`` or the Fisher is wrong, another process owns ``out``, or
            a batch needs more memory than there is; the message says what is right.
        OSError: a file, a folder or the hub is not there.
        DivergedError: the loss became nan or infinite; what was recorded before it is kept in ``out``.
        KeyboardInterrupt: at Ctrl-C without ``out``, before the first step, or for the second time.
    """
    arguments.check(
        recipe,
        {"on_step": on_step, "steer": steer},
        {"out": out, "glue_folder": glue_folder, "fisher": fisher, "source_text": source_text},
    )
    chosen = environment.choose_device(device)
    folder = None if out is None else Path(out)
    environment.check_precision(recipe.mixed_precision, chosen)
    with owning_folder(folder, "wait for it, or choose another --out") if folder else nullcontext():
        run, checkpoint = checkpoints.open_run(recipe, folder, resume)
        if recipe.pull == "ewc" and fisher is None and "fisher" not in run.environment:
            raise ValueError(
                "method ewc needs a Fisher; make one with recall-learn fisher, and pass it with --fisher FILE"
            )
        if folder is not None:
            checkpoints.clean(folder)
        if run.final:
            if folder is not None:
                checkpoints.remove_all(folder)
            return run
        session = _Session(run, chosen, folder, glue_folder, source_text, on_step, steer, progress)
        session.prepare(fisher)
        return session.train(checkpoint)


class _Session:
    """One process's share of a run: everything that is alive while it trains."""

    def __init__(self, run: Run, device, out: Path | None, glue_folder, source_text, on_step, steer, progress):
        self.run, self.device, self.out, self.on_step, self.progress = run, device, out, on_step, progress
        self.glue_folder, self.source_text, self.asked = glue_folder, source_text, steer
        self.recipe = self.now = run.recipe
        self.pending: list[tuple[dict[str, Any], torch.Tensor, torch.Tensor | None]] = []
        self.stop_asked = ""
        self.done = 0
        self.random: dict[str, Any] | None = None  # to be put back at the first step
        self.started = time.monotonic()
        self.seconds_before = float(run.environment.get("seconds", 0.0))

    def prepare(self, fisher: str | Path | None) -> None:
        """Load data and backbone, check that they belong together, build the method."""
        recipe = self.recipe
        own = {"text": recipe.text, "label": recipe.label, "metric": recipe.metric}
        data = loading.load(recipe.task, self.glue_folder, recipe.limit_train, recipe.seed, **own)
        self.task = task = data.task
        if self.progress is not False:
            loading.say(data)
        self.backbone = backbones.load(recipe.backbone, num_labels=task.num_labels, init=recipe.init, seed=recipe.seed)
        config = self.backbone.model.config
        if task.labels:  # so that the saved model answers in words
            config.id2label = dict(enumerate(task.labels))
            config.label2id = {name: i for i, name in enumerate(task.labels)}
        probes.check_world(self.backbone, recipe.task, self.glue_folder)
        tokenizer = self.backbone.tokenizer
        length = min(recipe.max_length, tokenizer.model_max_length) if self.backbone.world else recipe.max_length
        with loading.bars(self.progress):
            self.data = {split: loading.tokenize(data[split], task, tokenizer, length) for split in data}
        self.evaluation = self.data[task.evaluation]
        self.collator = DataCollatorWithPadding(tokenizer)
        self.questions = {
            ending: list(batches(self.data[split], self.collator, EVALUATION_BATCH))
            for split, ending in loading.scored(data).items()
        }
        self.backbone.model.to(self.device)
        row, half = usual(self.data["train"]), recipe.mixed_precision != "no"
        check_batch(self.backbone.model, self.collator, row, recipe.batch_size, half)
        self.forward = self.backbone.model.forward  # Trainer puts one in half precision in its place
        self.probes = probes.build(recipe.probe, self.backbone, self.glue_folder, self.source_text)
        now, before = self._environment(), self.run.environment
        for key, what in (
            ("anchors", f"{recipe.backbone} has other pretrained weights"),
            ("data", "the data is other"),
            ("task", "the data is read in another way"),
            ("source_text", "the source text is other"),
        ):
            if before and before.get(key) != now.get(key):
                raise ValueError(f"{what} than when {self.out} was begun; put the former back, or choose another --out")
        self.run.environment = before or now
        self.method = build(recipe, self.backbone, self._fisher(fisher))

    def _environment(self) -> dict[str, Any]:
        return {
            **environment.describe(self.device),
            "backbone": self.backbone.source,
            "anchors": self.backbone.fingerprint,
            "examples": {"train": len(self.data["train"]), "evaluation": len(self.evaluation)},
            "data": digest(*self.data.values()),
            **({"task": self.task.describe()} if registry.own(self.task.name) else {}),
            **({"source_text": probes.digest(self.source_text)} if self.source_text is not None else {}),
        }

    def _fisher(self, path: str | Path | None):
        if self.recipe.pull != "ewc" and self.recipe.mask != "child-d":
            return None
        own = self.out / "fisher.safetensors" if self.out else None  # kept, so that a resumed run has it
        begun = self.run.environment.get("fisher")
        if path is None and begun and own is not None and own.exists():
            path = own
        if path is None and self.recipe.pull == "ewc":
            raise ValueError(f"{own} is gone; give the Fisher that the run was begun with by --fisher")
        if path is not None:
            fisher, metadata = read_fisher(path, self.backbone)
        else:
            stream = batches(self.data["train"], self.collator, EVALUATION_BATCH)
            fisher = task_fisher(self.backbone, stream, "empirical", progress=self.progress)
            metadata = {"backbone": self.backbone.name, "anchors": self.backbone.fingerprint, "task": self.recipe.task}
            metadata |= {"labels": fisher.labels, "examples": str(fisher.examples)}
        taken = {key: metadata[key] for key in ("task", "labels", "examples") if key in metadata}
        taken["tensors"] = fingerprint(fisher)
        if begun not in (None, taken):
            raise ValueError(f"the Fisher is not the one that {self.out} was begun with; give that one by --fisher")
        self.run.environment["fisher"] = taken
        if own is not None and path != own:
            save_fisher(own, fisher, **metadata)
        return fisher

    def train(self, checkpoint: Path | None) -> Run:
        """Run the steps that are left; keep what was recorded, whatever happens."""
        with tempfile.TemporaryDirectory() as scratch:
            trainer = self._trainer(scratch)
            set_seed(self.recipe.seed)
            if checkpoint is not None:
                self.done = checkpoints.step_of(checkpoint)
                self.random = checkpoints.read(checkpoint, self.backbone.model, self._parts())
            if not self.run.evaluations:
                self.evaluate(0)
            self.save()
            try:
                # without a folder there would be no checkpoint to go on from
                with stoppable(self._ask_to_stop) if self.out else nullcontext(), self._bar() as self.bar:
                    if self.done < self.recipe.steps:
                        trainer.train()
                self.flush()
            except BaseException as error:
                self._stopped(str(error) or type(error).__name__)
                raise
            self._finish()
        return self.run

    def _parts(self) -> dict[str, Any]:
        """What a checkpoint holds beside the weights and the random state: each has a ``state_dict``."""
        parts = {"optimizer": self.method.optimizer, "schedule": self.lr_schedule}
        if self.scaler is not None:
            parts["scaler"] = self.scaler
        if isinstance(self.method.mask, ChildTuningF):  # the other one follows from the Fisher
            parts["mask"] = self.method.mask
        return parts

    def write_checkpoint(self, step: int) -> None:
        """Write a checkpoint, and remove all but it and the one before."""
        checkpoints.write(self.out / f"checkpoint-{step}", self.backbone.model, self._parts())
        checkpoints.remove_old(self.out)

    def _trainer(self, folder: str) -> StepTrainer:
        recipe, optimizer = self.recipe, self.method.optimizer
        arguments = TrainingArguments(
            output_dir=folder,
            max_steps=recipe.steps,
            per_device_train_batch_size=recipe.batch_size,
            max_grad_norm=recipe.clip,
            seed=recipe.seed,
            use_cpu=self.device.type == "cpu",
            bf16=recipe.mixed_precision == "bf16",
            fp16=recipe.mixed_precision == "fp16",
            save_strategy="no",
            logging_strategy="no",
            logging_nan_inf_filter=False,
            report_to="none",
            disable_tqdm=True,
            dataloader_pin_memory=False,
        )
        arguments._n_gpu = min(arguments.n_gpu, 1)  # several GPUs are used by several processes, not by one
        schedule = get_linear_schedule_with_warmup(optimizer, int(recipe.warmup * recipe.steps), recipe.steps)
        self.lr_schedule = schedule
        trainer = StepTrainer(self, self.backbone.model, arguments, optimizers=(optimizer, schedule))
        self.scaler = getattr(trainer.accelerator, "scaler", None)
        trainer.remove_callback(PrinterCallback)
        trainer.add_callback(Recorder(self))
        return trainer

    def steer(self, step: int) -> None:
        """Before a step: ask for changes, note them, and make those act that the run holds for this step."""
        if self.asked:
            self.flush()  # whoever is asked is shown all that there is
            asked = self.asked(step, self.run)
            if asked:
                steering.note(self.run, step, asked)
        if any(change["step"] == step for change in self.run.changes):
            self._act(step)

    def _act(self, step: int) -> None:
        former, self.now = self.now, steering.at(self.recipe, self.run.changes, step)
        if self.now != former:
            steering.apply(self.now, self.method, self.lr_schedule)

    def steer_again(self, step: int) -> None:
        """The changes up to ``step`` act: those of the optimizer are in its checkpoint, a penalty's are not."""
        self._act(step)

    def record(self, loss: torch.Tensor, penalty: torch.Tensor | None) -> None:
        """Note the step that is about to be taken."""
        lam, lr, pull = self.method.schedule(self.recipe)
        done = len(self.run.history) + len(self.pending)
        self.pending.append(({"step": done + 1, "loss": None, "lambda": lam, "lr": lr, "pull": pull}, loss, penalty))

    def note_skip(self) -> None:
        """The step was none: in fp16 its gradients overflowed, and nothing moved."""
        self.pending[-1][0].update(pull=0.0, skipped=True)

    def flush(self) -> None:
        """Move pending records into the history, their losses now as numbers."""
        pending, self.pending = self.pending, []
        if not pending:
            return
        losses = torch.stack([loss for _, loss, _ in pending]).float().tolist()
        for (record, _, penalty), loss in zip(pending, losses, strict=True):
            if not np.isfinite(loss):
                raise DivergedError(f"the loss is {loss} at step {record['step']}; {ADVICE}")
            record["loss"] = loss
            if penalty is not None:
                record["penalty"] = float(penalty)
                if not np.isfinite(record["penalty"]):
                    raise DivergedError(f"the penalty is {record['penalty']} at step {record['step']}; lower --gamma")
            self.run.history.append(record)

    def evaluate(self, step: int) -> None:
        """Score the model on the task's evaluation splits, and measure what it forgot."""
        model, metrics = self.backbone.model, {}
        model.eval()
        away = distance(model, self.backbone.anchors)
        for ending, questions in self.questions.items():
            try:
                scores = self._scores(questions)
            except ValueError as error:
                raise DivergedError(f"at step {step}: {error}; {ADVICE}") from error
            metrics |= {f"{name}{ending}": score for name, score in scores.items()}
        record = {"step": step, "metrics": metrics, "distance": away}
        record["layers"] = distance_by_layer(model, self.backbone.anchors)
        for probe in self.probes:
            record |= probe()
        self.run.evaluations.append(record)
        if step:
            self.run.history[-1]["distance"] = away

    @torch.no_grad()
    def _scores(self, questions: list[dict[str, torch.Tensor]]) -> dict[str, float]:
        """The task's metrics on the batches of a split."""
        labels = torch.cat([batch["labels"] for batch in questions])
        inputs = ({k: v.to(self.device) for k, v in batch.items() if k != "labels"} for batch in questions)
        logits = torch.cat([self.forward(**each).logits.float().cpu() for each in inputs])
        return scores.metrics(self.task, logits, labels)

    def save(self) -> None:
        """Write ``run.json``, if there is a folder for it."""
        if self.out is not None:
            seconds = self.seconds_before + time.monotonic() - self.started
            self.run.environment["seconds"] = round(seconds, 1)
            self.run.save(self.out / "run.json")

    def _finish(self) -> None:
        if len(self.run.history) < self.recipe.steps:
            self._stopped(self.stop_asked)
            return
        last = self.run.evaluations[-1]
        seconds = round(self.seconds_before + time.monotonic() - self.started, 1)
        self.run.final = {**last, "seconds": seconds}
        if self.out is not None:
            self._save_model(self.out / "model")
        self.save()
        if self.out is not None:
            checkpoints.remove_all(self.out)

    def _save_model(self, folder: Path) -> None:
        """The trained model and its tokenizer, as anybody loads them; all files readable by whom run.json is."""
        if folder.is_dir() and not folder.is_symlink():  # of a try that was killed
            shutil.rmtree(folder)
        else:
            folder.unlink(missing_ok=True)
        self.backbone.model.save_pretrained(folder)
        self.backbone.tokenizer.save_pretrained(folder)
        share(folder, self.out / "run.json")

    def _stopped(self, why: str) -> None:
        self.pending = []
        self.run.stopped = {"step": len(self.run.history), "why": why}
        self.save()

    def _ask_to_stop(self, why: str) -> None:
        self.stop_asked = why

    def _bar(self) -> tqdm:
        return tqdm(
            total=self.recipe.steps,
            initial=self.done,
            desc=f"{self.recipe.task} {self.recipe.method}",
            unit="step",
            disable=None if self.progress is None else not self.progress,
        )
