"""transformers.Trainer as `recall_learn.runs.finetune` uses it, and what happens between two steps.

What a run is made of is the session's, see there; only the clocks are here.
"""

import time
from collections.abc import Iterator
from itertools import chain, count, islice
from typing import Any

import numpy as np
from torch.utils.data import DataLoader
from transformers import Trainer, TrainerCallback

from recall_learn.runs.recipe import Recipe
from recall_learn.support.process_wide import part_from_others
from recall_learn.support.random_state import set_random_state

FLUSH = {"cpu": 0.0, "cuda": 0.1}
"""Where nobody asks for more, so many seconds lie between two looks at the loss: on a GPU each waits for its step."""
QUICK, SHARE = 2.0, 0.1
"""A checkpoint that takes more seconds than that to write may take this share of the time, and no more."""


class StepTrainer(Trainer):
    """transformers.Trainer with the recipe's penalty in the loss and its own order of examples."""

    def __init__(self, session: Any, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.session = session
        self.model_accepts_loss_kwargs = False

    def create_accelerator_and_postprocess(self):
        """As Trainer's, with a state of its own: accelerate shares one, and another run's precision would be ours."""
        super().create_accelerator_and_postprocess()
        part_from_others(self.accelerator)

    def compute_loss(self, model, inputs, return_outputs=False, **kwargs):
        """The model's own loss on the batch, and the penalty beside it."""
        outputs = model(**inputs)
        penalty = self.session.method.penalty
        extra = None if penalty is None else penalty(self.session.backbone.model)
        self.session.record(outputs.loss.detach(), None if extra is None else extra.detach())
        loss = outputs.loss if extra is None else outputs.loss + extra
        return (loss, outputs) if return_outputs else loss

    def get_train_dataloader(self) -> DataLoader:
        """The batches that are left, one after another."""
        s = self.session
        order = Order(len(s.data["train"]), s.recipe, s.done)
        return self.accelerator.prepare(DataLoader(s.data["train"], batch_sampler=order, collate_fn=s.collator))


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


class Recorder(TrainerCallback):
    """What happens between the steps: changes before one, and after it the record, evaluations, checkpoints."""

    def __init__(self, session: Any):
        self.session, self.flushed = session, 0.0
        self.saved = self.cost = 0.0

    def on_train_begin(self, args, state, control, **kwargs):
        """Go on after the steps that were taken; what was changed in them acts again."""
        state.global_step = self.session.done
        self.session.steer_again(self.session.done)

    def on_step_begin(self, args, state, control, **kwargs):
        """Ask for changes; whoever is asked may wait."""
        if self.session.random is not None:  # not earlier: that loading has begun drew from it
            set_random_state(self.session.random)
            self.session.random = None
        self.session.steer(state.global_step + 1)

    def on_step_end(self, args, state, control, optimizer, **kwargs):
        """Record the step; evaluate and save where the recipe says so."""
        s = self.session
        if optimizer.step_was_skipped:
            s.note_skip()
        step, every = state.global_step, s.recipe.evaluate_every
        due = step % every == 0 or step == s.recipe.steps
        waited = time.monotonic() - self.flushed
        if due or s.on_step or s.stop_asked or waited >= FLUSH[s.device.type]:
            s.flush()
            self.flushed = time.monotonic()
            s.bar.set_postfix(loss=f"{s.run.history[-1]['loss']:.3f}", refresh=False)
        s.bar.update(1)
        if due:
            s.evaluate(step)
        if s.on_step:
            s.on_step(s.run, s.method.optimizer)
        last = step == s.recipe.steps or bool(s.stop_asked)
        if due or last:
            s.save()  # before the checkpoint: a history may reach beyond it, never end before it
        if s.out is not None and (last or (due and self.may_save())):
            self.save(step)
        if s.stop_asked:
            control.should_training_stop = True

    def save(self, step: int) -> None:
        """Write a checkpoint, and note what it cost."""
        begun = time.monotonic()
        self.session.write_checkpoint(step)
        self.saved = time.monotonic()
        self.cost = self.saved - begun

    def may_save(self) -> bool:
        """Whether a checkpoint would not take too much of the time."""
        return self.cost < QUICK or time.monotonic() - self.saved > self.cost / SHARE
