"""transformers.Trainer as `recall_learn.finetune` uses it: its own order of examples, and two calls around a step."""

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from itertools import chain, count, islice

import numpy as np
import torch
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments, get_linear_schedule_with_warmup

from recall_learn.runs.recipe import Recipe
from recall_learn.runs.recorder import Recorder
from recall_learn.runs.session import Session
from recall_learn.runs.steering import other_rate
from recall_learn.support.process_wide import part_from_others, unseeded
from recall_learn.support.random_state import Dice, draws


class StepTrainer(Trainer):
    """transformers.Trainer with the terms of the session's methods in the loss.

    Args:
        session: what trains.
        recorder: what notes each step.
        scratch: a folder that Trainer wants and in which it puts nothing.

    Attributes:
        dice: what the forward pass draws from, seeded by the recipe.
    """

    def __init__(self, session: Session, recorder: Recorder, scratch: str):
        recipe, optimizer = session.recipe, session.composed.optimizer
        self.session, self.recorder, self.done = session, recorder, 0
        self.dice = Dice(recipe.seed)
        self._draws = draws(session.backbone.model)
        own = session.composed.lr_schedule(recipe.steps)
        warmup = int(recipe.warmup * recipe.steps)
        schedule = LambdaLR(optimizer, own) if own else get_linear_schedule_with_warmup(optimizer, warmup, recipe.steps)
        arguments = _arguments(recipe, session.device, scratch)
        with unseeded():
            super().__init__(session.backbone.model, arguments, optimizers=(optimizer, schedule))
        self.model_accepts_loss_kwargs = False
        self.remove_callback(PrinterCallback)

    @property
    def scaler(self) -> torch.amp.GradScaler | None:
        """The scaler of fp16's gradients, or None."""
        return getattr(self.accelerator, "scaler", None)

    def create_accelerator_and_postprocess(self):
        """As Trainer's, with a state of its own: accelerate shares one, and another run's precision would be ours."""
        super().create_accelerator_and_postprocess()
        part_from_others(self.accelerator)
        # training begins with it, and of a new accelerator it frees nothing: it would be a collection of all garbage
        self.accelerator.free_memory = lambda *objects: list(objects)

    def compute_loss(self, model, inputs, return_outputs=False, **kwargs):
        """The model's own loss on the batch, and the methods' terms beside it."""
        composed = self.session.composed
        with self.dice if self._draws else nullcontext():
            outputs = model(**inputs)
            terms = composed.terms(inputs, outputs)
        noted = {name: term.detach() for name, term in terms.items()}
        self.recorder.note(composed.record() | other_rate(composed.optimizer), outputs.loss.detach(), noted)
        loss = sum(terms.values(), start=outputs.loss)
        return (loss, outputs) if return_outputs else loss

    def get_train_dataloader(self) -> DataLoader:
        """The batches that are left, one after another."""
        rows, collator = self.session.data["train"], self.session.collator
        order = Order(len(rows), self.session.recipe, self.done)
        unused = torch.Generator()  # else it draws a seed for workers, of which there are none, from the process's
        return self.accelerator.prepare(DataLoader(rows, batch_sampler=order, collate_fn=collator, generator=unused))


def _arguments(recipe: Recipe, device: torch.device, scratch: str) -> TrainingArguments:
    arguments = TrainingArguments(
        output_dir=scratch,
        max_steps=recipe.steps,
        per_device_train_batch_size=recipe.batch_size,
        max_grad_norm=recipe.clip,
        seed=recipe.seed,
        use_cpu=device.type == "cpu",
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
    return arguments


class Order:
    """The examples of each step, drawn as they are needed from one permutation of all of them after another.

    Args:
        rows: how many examples there are.
        recipe: its seed, batch size and steps.
        done: the steps that were taken already.
    """

    def __init__(self, rows: int, recipe: Recipe, done: int = 0):
        self.rows, self.recipe, self.done = rows, recipe, done

    def __len__(self) -> int:
        return self.recipe.steps - self.done

    def __iter__(self) -> Iterator[list[int]]:
        generator, size = np.random.default_rng([self.recipe.seed, 1]), self.recipe.batch_size
        drawn = chain.from_iterable(generator.permutation(self.rows).tolist() for _ in count())
        drawn = islice(drawn, self.done * size, None)
        return (list(islice(drawn, size)) for _ in range(len(self)))


class Between(TrainerCallback):
    """What happens between the steps.

    Args:
        done: the steps that were taken already.
        before: called with the number of the step that comes.
        after: called with the number of the step that was taken, and whether it was none (fp16); True ends training.
    """

    def __init__(self, done: int, before: Callable[[int], None], after: Callable[[int, bool], bool]):
        self.done, self.before, self.after = done, before, after

    def on_train_begin(self, args, state, control, **kwargs):
        """Go on after the steps that were taken."""
        state.global_step = self.done

    def on_step_begin(self, args, state, control, **kwargs):
        """A step comes."""
        self.before(state.global_step + 1)

    def on_step_end(self, args, state, control, optimizer, **kwargs):
        """It was taken."""
        if self.after(state.global_step, optimizer.step_was_skipped):
            control.should_training_stop = True
