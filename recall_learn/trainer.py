"""transformers.Trainer as `recall_learn.finetune` uses it, and what happens between two steps.

What a run is made of is the session's, see there; only the clocks are here.
"""

import time
from typing import Any

from accelerate.state import AcceleratorState
from safetensors.torch import save_file
from torch.utils.data import DataLoader
from transformers import Trainer, TrainerCallback

from recall_learn import checkpoints
from recall_learn.child_tuning import ChildTuningF

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
        own = object.__new__(AcceleratorState)
        own.__dict__ = dict(self.accelerator.state.__dict__)
        self.accelerator.state = own

    def compute_loss(self, model, inputs, return_outputs=False, **kwargs):
        """The model's own loss on the batch, and the penalty beside it."""
        outputs = model(**inputs)
        penalty = self.session.method.penalty
        extra = None if penalty is None else penalty(self.session.backbone.model)
        self.session.record(outputs.loss.detach(), None if extra is None else extra.detach())
        loss = outputs.loss if extra is None else outputs.loss + extra
        return (loss, outputs) if return_outputs else loss

    def get_train_dataloader(self) -> DataLoader:
        """All batches of the run, one after another."""
        rows = self.session.data["train"].select(self.session.order())
        loader = DataLoader(rows, batch_size=self.session.recipe.batch_size, collate_fn=self.session.collator)
        return self.accelerator.prepare(loader)


class Recorder(TrainerCallback):
    """What happens between the steps: changes before one, and after it the record, evaluations, checkpoints."""

    def __init__(self, session: Any):
        self.session, self.flushed = session, 0.0
        self.saving = self.saved = self.cost = 0.0

    def on_train_begin(self, args, state, control, **kwargs):
        """After a checkpoint was loaded: what was changed before it acts again."""
        self.session.steer_again(state.global_step)

    def on_step_begin(self, args, state, control, **kwargs):
        """Ask for changes; whoever is asked may wait."""
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
        last = step == s.recipe.steps or s.stop_asked
        control.should_save = s.out is not None and (last or (due and self.may_save()))
        if due or s.stop_asked:
            s.save()  # before the checkpoint: a history may reach beyond it, never end before it
        if control.should_save:
            self.saving = time.monotonic()
        if s.stop_asked:
            control.should_training_stop = True

    def on_save(self, args, state, control, **kwargs):
        """Complete the checkpoint that Trainer has written, and seal it."""
        folder = self.session.out / f"checkpoint-{state.global_step}"
        if isinstance(self.session.method.mask, ChildTuningF):
            generator = self.session.method.mask.state_dict()["generator"]
            save_file({"generator": generator}, folder / "mask.safetensors")
        checkpoints.seal(folder)
        checkpoints.remove_old(self.session.out)
        self.saved = time.monotonic()
        self.cost = self.saved - self.saving

    def may_save(self) -> bool:
        """Whether a checkpoint would not take too much of the time."""
        return self.cost < QUICK or time.monotonic() - self.saved > self.cost / SHARE
