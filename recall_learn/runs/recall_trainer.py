"""Any method in a script that uses ``transformers.Trainer``: another class, and the method's name.

Trainer makes the batches, the task's loss, the schedule and the files; the methods' optimizer, their terms beside the
loss and their states are added here, by the steps of `recall_learn.runs.compose`.
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR
from transformers import Trainer
from transformers.trainer_utils import EvalLoopOutput, TrainOutput, get_last_checkpoint

from recall_learn.measures.distance import distance
from recall_learn.methods.composed import Composed
from recall_learn.methods.expression import PLAIN, written
from recall_learn.methods.method import Groups, Start
from recall_learn.methods.source import Source
from recall_learn.models.recalled import New
from recall_learn.runs import kept
from recall_learn.runs.compose import (
    Expression,
    FisherGiven,
    FisherOf,
    begun,
    fisher_of,
    groups_of,
    methods_of,
    put_together,
)
from recall_learn.theory.anchors import trainable

OPTIMIZERS = ("adamw_torch", "adamw_torch_fused")


class RecallTrainer(Trainer):
    """``transformers.Trainer`` with a method against forgetting.

    Two lines of a script change::

        trainer = RecallTrainer(model, arguments, train_dataset=data, method="recadam(k=0.05) + child-f")
        trainer.train()

    Learning rate, weight decay, betas, schedule, clipping and seed are those of the ``TrainingArguments``. What a
    method adds to the loss counts once an update, however many batches are accumulated and however many processes there
    are. The logged loss stays the task's; beside it are lambda, the pull, the distance from theta* and what the method
    added. Evaluation is Trainer's.

    Theta* is the model as it is when training begins. A checkpoint keeps it, with the methods' states, so that
    ``train(resume_from_checkpoint=...)`` goes on as if the run had not stopped, whatever the model holds by then.

    Args:
        args, kwargs: Trainer's own. ``optimizers``, ``optimizer_cls_and_kwargs`` and another ``optim`` than AdamW do
            not go with a method.
        method: as in `recall_learn.compose`; ``"vanilla"`` is Trainer itself.
        anchors: theta*, as in `recall_learn.compose`.
        new: what is new in the model, as in `recall_learn.recall_groups`.
        fisher: as in `recall_learn.compose`. Of a function, what it gives for the model as training begins.
        source: as in `recall_learn.compose`.

    Attributes:
        composed: the methods at work, once training has begun; None for ``"vanilla"``. In a callback,
            ``trainer.composed.set(k=0.2)`` changes a live setting.

    Raises:
        ValueError: as `recall_learn.compose`; the arguments ask for another optimizer; or, at ``train``, a checkpoint
            is of another method or start.
    """

    def __init__(
        self,
        *args: object,
        method: Expression,
        anchors: Mapping[str, Tensor] | None = None,
        new: New | None = None,
        fisher: FisherGiven = None,
        source: Source | None = None,
        **kwargs: object,
    ):
        self._methods = methods_of(method)
        self._given = {"anchors": anchors, "new": new, "fisher": fisher, "source": source}
        self.composed: Composed | None = None
        self._start: kept.Tables = {}
        self._going_on: Path | None = None  # the checkpoint that training goes on from
        self._former: Path | None = None  # the last checkpoint with this start
        self._taken: dict[str, float] = {}
        self._added: dict[str, Tensor] = {}
        self._updates = 0.0
        super().__init__(*args, **kwargs)
        if self._methods:
            self._refuse()

    def _refuse(self) -> None:
        """Raise ValueError where the methods' optimizer would not be the one that steps."""
        name, optim = written(self._methods), self._optim
        fault = None
        if self.optimizer is not None or self.lr_scheduler is not None:
            fault = "optimizers is given; leave it out, the schedule is lr_scheduler_type of the arguments"
        elif self.optimizer_cls_and_kwargs is not None:
            fault = "optimizer_cls_and_kwargs is given; leave it out"
        elif optim not in OPTIMIZERS or self.args.optim_args:
            fault = f"optim is {optim!r} with optim_args {self.args.optim_args!r}; leave both out, they are for AdamW"
        elif self.is_deepspeed_enabled:
            fault = "DeepSpeed makes its own; take DDP or FSDP version 2"
        elif self.is_fsdp_enabled and getattr(self.accelerator.state.fsdp_plugin, "fsdp_version", 1) != 2:
            fault = "FSDP version 1 flattens the weights; take version 2"
        elif self.is_fsdp_enabled and getattr(self.accelerator.state.fsdp_plugin, "cpu_ram_efficient_loading", False):
            fault = "FSDP loads the weights in one process alone; set cpu_ram_efficient_loading to false"
        if fault:
            raise ValueError(f"{name} makes the optimizer, and {fault}; or take method={PLAIN!r}")

    @property
    def _optim(self) -> str:
        return str(getattr(self.args.optim, "value", self.args.optim))

    def train(self, resume_from_checkpoint: str | bool | None = None, *args: object, **kwargs: object) -> TrainOutput:
        """As Trainer's; a checkpoint has to be of this method."""
        found = resume_from_checkpoint
        if found is True:
            found = get_last_checkpoint(self.args.output_dir)
        self._going_on = Path(found) if found else None
        if self._going_on is not None and not self._methods and kept.is_there(self._going_on):
            raise ValueError(f"{found} is of method {kept.read(self._going_on)['method']}; go on with that one")
        return super().train(resume_from_checkpoint, *args, **kwargs)

    def create_optimizer(self, model: nn.Module | None = None) -> torch.optim.Optimizer:
        """The methods' optimizer."""
        self._begin()
        return super().create_optimizer(model)

    def create_scheduler(self, num_training_steps: int, optimizer: torch.optim.Optimizer | None = None) -> LambdaLR:
        """The methods' schedule, where they have one; else Trainer's."""
        own = self.composed.lr_schedule(num_training_steps) if self.composed is not None else None
        if own is not None and self.lr_scheduler is None:
            self.lr_scheduler = LambdaLR(self.optimizer if optimizer is None else optimizer, own)
        return super().create_scheduler(num_training_steps, optimizer)

    def evaluation_loop(self, *args: object, **kwargs: object) -> EvalLoopOutput:
        """As Trainer's, on the model as it is scored: merged, averaged."""
        with self._plain():
            return super().evaluation_loop(*args, **kwargs)

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        """As Trainer's; outside of checkpoints the model is saved as it is scored, under the names of any other."""
        with nullcontext() if _internal_call else self._plain():
            super().save_model(output_dir, _internal_call)

    def _plain(self) -> AbstractContextManager[None]:
        return nullcontext() if self.composed is None else self.composed.plain()

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: nn.Module | None = None) -> None:
        self._begin()  # while the model is at theta*
        super()._load_from_checkpoint(resume_from_checkpoint, model)

    def _begin(self) -> None:
        """Put the methods to work, unless they are: ``model_init`` makes a new model, and no optimizer, each time."""
        if not self._methods or self.optimizer is not None:
            return
        if self.composed is not None:
            self.composed.close()
        given, held = dict(self._given), {}
        if self._going_on is not None:
            held = kept.read_start(self._going_on)
            given["fisher"] = self._fisher_of(held)
            if given["anchors"] is None:
                given |= {"anchors": held[kept.ANCHORS], "new": None}
        lr, seed = float(self.args.learning_rate), self.args.seed
        start = begun(self._methods, self.model, lr=lr, seed=seed, **given)
        still = start.frozen if any(method.freezes for method in self._methods) else {}
        self._start = {kept.ANCHORS: {**start.anchors, **still}}
        if held:
            _go_home(self.model, start.anchors)
        start = replace(start, fisher=self._noting(start.fisher))
        # accelerate cannot tell that a fused AdamW skipped a step in fp16, and the schedule would run ahead
        fused = None if self.args.fp16 else self._optim == OPTIMIZERS[1]
        self.composed = put_together(self._methods, start, self._groups(start), fused)
        self.optimizer = self.composed.optimizer
        self.optimizer.register_step_pre_hook(self._note_step)
        self._former = None

    def _fisher_of(self, held: kept.Tables) -> kept.Tables:
        """The Fishers that a checkpoint's run was begun with, if they are those that were given."""
        found = {kind: tensors for kind, tensors in held.items() if kind != kept.ANCHORS}
        if isinstance(self._given["fisher"], Mapping):
            giver = fisher_of(self._methods, self._given["fisher"])
            if giver is not None and kept.fingerprints({kind: giver(kind) for kind in found}) != kept.fingerprints(
                found
            ):
                raise ValueError(f"fisher is another than {self._going_on} was begun with; give that one, or none")
        return found

    def _noting(self, giver: FisherOf | None) -> FisherOf | None:
        """Keep what is given, for the checkpoints."""
        if giver is None:
            return None

        def noted(kind: str) -> Mapping[str, Tensor]:
            self._start[kind] = given = giver(kind)
            return given

        return noted

    def _groups(self, start: Start) -> Groups:
        """The groups of `recall_learn.compose`, with Trainer's weight decay and AdamW's settings."""
        args = self.args
        decays = set(self.get_decay_parameter_names(self.model))
        adam = {"betas": (args.adam_beta1, args.adam_beta2), "eps": args.adam_epsilon}
        split: dict[tuple[bool, bool], list[tuple[str, nn.Parameter]]] = {}
        for group in groups_of(start, 0.0):
            for name, p in group["params"]:
                split.setdefault((group["recall"], name in decays), []).append((name, p))
        return [
            {"params": named, "recall": recall, "weight_decay": args.weight_decay if decay else 0.0, **adam}
            for (recall, decay), named in split.items()
        ]

    def _note_step(self, optimizer: torch.optim.Optimizer, args: object, kwargs: object) -> None:
        record = self.composed.record()
        self._taken = {name: value for name, value in record.items() if name != "lr"}  # Trainer logs that

    def training_step(self, model: nn.Module, inputs: dict[str, object], *args: object, **kwargs: object) -> Tensor:
        """As Trainer's, with the methods' terms in what is differentiated."""
        if not any("terms" in method.hooks() for method in self._methods):
            return super().training_step(model, inputs, *args, **kwargs)
        with self._with_terms(model, inputs):
            return super().training_step(model, inputs, *args, **kwargs)

    @contextmanager
    def _with_terms(self, model: nn.Module, inputs: dict[str, object]) -> Iterator[None]:
        """Add the terms to the loss that Trainer has scaled already, in whichever of its ways, or a subclass's.

        Each of the n batches of an update has the share 1 / n: processes that average their gradients so add one whole.
        """
        found: list[object] = []
        hook = self.model.register_forward_hook(lambda module, args, outputs: found.append(outputs))
        backward = self.accelerator.backward

        def with_terms(loss: Tensor, **options: object) -> None:
            n = self.current_gradient_accumulation_steps
            for name, term in self.composed.terms(inputs, found[-1] if found else None).items():
                self._added[name] = self._added.get(name, 0.0) + term.detach() / n
                loss = loss + term / n
            self._updates += 1 / n
            _look_again(model, loss)
            backward(loss, **options)

        self.accelerator.backward = with_terms
        try:
            yield
        finally:
            self.accelerator.backward = backward
            hook.remove()

    def log(self, logs: dict[str, float], *args: object, **kwargs: object) -> None:
        """As Trainer's; a training log has the methods' numbers too."""
        if self.composed is not None and "loss" in logs:
            added = {name: float(total) / self._updates for name, total in self._added.items()}
            self._added, self._updates = {}, 0.0
            with self._plain():
                away = distance(self.model, self._start[kept.ANCHORS])
            logs |= {**self._taken, **added, "distance": away}
        super().log(logs, *args, **kwargs)

    def _save_optimizer_and_scheduler(self, output_dir: str) -> None:
        if self.composed is not None:
            rest = {"method": self._asked(), "now": written(self.composed.methods), "state": self.composed.state_dict()}
            if self.args.should_save:
                folder = Path(output_dir)
                kept.write(folder, {**rest, "start": kept.fingerprints(self._start)}, self._start, self._former)
                self._former = folder
        super()._save_optimizer_and_scheduler(output_dir)

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        if checkpoint is not None and self.composed is not None:
            rest = kept.read(Path(checkpoint))
            if rest["method"] != self._asked():
                raise ValueError(f"{checkpoint} is of method {rest['method']}, not of {self._asked()}; go on with that")
            for what, right in kept.fingerprints(self._start).items():
                if rest["start"].get(what) != right:
                    raise ValueError(f"{checkpoint} was begun with other {what}; give those, or none: it holds them")
            self._former = Path(checkpoint)
            super()._load_optimizer_and_scheduler(checkpoint)
            self.composed.load_state_dict(rest["state"])
            self.composed.change(methods_of(rest["now"]))
            return
        super()._load_optimizer_and_scheduler(checkpoint)

    def _asked(self) -> str:
        return written(method.resolved(float(self.args.learning_rate)) for method in self._methods)


def _look_again(model: nn.Module, loss: Tensor) -> None:
    """Tell DDP what is used: it has looked at the outputs alone, and a weight may be in a penalty and in no output."""
    looks = isinstance(model, nn.parallel.DistributedDataParallel) and model.find_unused_parameters
    if looks and model.require_backward_grad_sync and not model.static_graph:
        model.reducer.prepare_for_backward([loss])


@torch.no_grad()
def _go_home(model: nn.Module, anchors: Mapping[str, Tensor]) -> None:
    for name, p in trainable(model).items():
        if name in anchors:
            p.copy_(anchors[name])
