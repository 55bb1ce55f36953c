"""A small BERT, a Fisher of its source and three tasks, for the tests of sequences."""

import pytest
from small import save_backbone, save_glue
from transformers import BertForMaskedLM, DataCollatorWithPadding

from recall_learn import Recipe, finetune, save_fisher, sequence
from recall_learn.models import backbones
from recall_learn.models.fishers import task_fisher
from recall_learn.runs import finetune as finetuning
from recall_learn.tasks import loading
from recall_learn.tasks.rows import batches

TASKS = ("stsb", "cola", "mrpc")
SETTINGS = {"max_length": 40, "steps": 5, "batch_size": 4, "lr": 1e-2, "evaluate_every": 3, "probe": "none"}


class Crash(Exception):
    pass


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """``bert`` with its masked language model, ``glue``, and ``fisher.safetensors`` of something learned before."""
    root = tmp_path_factory.mktemp("world")
    save_backbone(root / "bert", model_class=BertForMaskedLM)
    save_glue(root / "glue", *TASKS)
    backbone = backbones.load(str(root / "bert"), num_labels=2)
    rows = loading.tokenize(loading.load("cola", root / "glue")["train"], "cola", backbone.tokenizer, 40)
    fisher = task_fisher(backbone, batches(rows, DataCollatorWithPadding(backbone.tokenizer), 8), "exact")
    save_fisher(root / "fisher.safetensors", fisher, backbone="bert", anchors=backbone.fingerprint, task="source")
    return root


def recipe(world, method="vanilla", **changes):
    return Recipe(backbone=str(world / "bert"), method=method, **(SETTINGS | changes))


def given(world, asked):
    fisher = world / "fisher.safetensors" if "source fisher" in asked.needs else None
    return {"data_folder": world / "glue", "fisher": fisher, "device": "cpu"}


def go(world, method="vanilla", tasks=TASKS, out=None, resume=False, home="last", together=False, **changes):
    asked = recipe(world, method, **changes)
    return sequence(asked, tasks, home=home, together=together, out=out, resume=resume, **given(world, asked))


def alone(world, method, task, out, **changes):
    asked = recipe(world, method, task=task, **changes)
    return finetune(asked, out=out, **given(world, asked))


def crashing(monkeypatch, at):
    """The process dies after so many steps of a sequence, whatever the task."""
    left, after = [at], finetuning._Training.after

    def counted(training, step, skipped):
        left[0] -= 1
        if left[0] == 0:
            raise Crash
        return after(training, step, skipped)

    monkeypatch.setattr(finetuning._Training, "after", counted)
