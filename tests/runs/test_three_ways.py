"""finetune, RecallTrainer and a plain loop with compose take the same steps, to the bit, with every method."""

import pytest
import torch
import transformers
from safetensors.torch import load_file
from small import ARCHITECTURES, save_backbone, save_glue
from transformers import DataCollatorWithPadding
from ways import EVERY, arguments, as_saved, farthest, same, weights

from recall_learn import RecallTrainer, Recipe, compose, finetune, save_fisher
from recall_learn.models import backbones
from recall_learn.models.fishers import task_fisher
from recall_learn.runs import given_source
from recall_learn.runs.trainer import Order
from recall_learn.tasks import loading

LR, STEPS, BATCH, DECAY, CLIP, SEED, LENGTH = 1e-3, 6, 4, 0.1, 0.5, 5, 40


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A BERT without dropout, which the three would draw at other times, and a task."""
    root = tmp_path_factory.mktemp("world")
    config, _ = ARCHITECTURES["bert"]
    given = {"config": type(config).from_dict({**config.to_dict(), **quiet()})}
    save_backbone(root / "bert", model_class=transformers.BertForMaskedLM, **given)
    (root / "text.txt").write_text("abcdefgh ab cd " * 400, encoding="utf-8")
    save_glue(root / "glue", "mrpc")
    return root


def quiet():
    return {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}


class Start:
    """What all three start from."""

    def __init__(self, world):
        self.backbone = backbones.load(str(world / "bert"), num_labels=2, seed=SEED)
        self.model = self.backbone.model
        self.anchors = dict(self.backbone.anchors)
        self.source = given_source.find(self.backbone, world / "text.txt", BATCH)()
        self.collator = DataCollatorWithPadding(self.backbone.tokenizer)
        task = loading.load("mrpc", world / "glue")
        data = loading.tokenize(task["train"], task.task, self.backbone.tokenizer, LENGTH)
        recipe = Recipe(str(world / "bert"), "mrpc", steps=STEPS, batch_size=BATCH, seed=SEED)
        self.rows = [data[n] for batch in Order(len(data), recipe) for n in batch]

    def batches(self):
        return [self.collator(self.rows[n : n + BATCH]) for n in range(0, len(self.rows), BATCH)]

    def fisher(self, path):
        found = task_fisher(self.backbone, self.batches(), "empirical")
        metadata = {"backbone": self.backbone.name, "anchors": self.backbone.fingerprint, "task": "mrpc"}
        save_fisher(path, found, **metadata, labels="empirical", examples=str(found.examples))
        return {"source": found, "task": found}


def by_finetune(world, method, needs, folder):
    recipe = Recipe(
        str(world / "bert"),
        "mrpc",
        method,
        STEPS,
        BATCH,
        lr=LR,
        weight_decay=DECAY,
        clip=CLIP,
        max_length=LENGTH,
        seed=SEED,
        evaluate_every=STEPS,
        probe="none",
    )
    given = {
        "data_folder": world / "glue",
        "fisher": folder / "fisher.safetensors" if any("fisher" in need for need in needs) else None,
        "source_text": world / "text.txt" if "source data" in needs else None,
    }
    finetune(recipe, out=folder / "out", device="cpu", progress=False, **given)
    return load_file(folder / "out" / "model" / "model.safetensors")


def by_trainer(start, method, fisher, folder):
    settings = {"batch": BATCH, "max_steps": STEPS, "weight_decay": DECAY, "max_grad_norm": CLIP, "seed": SEED}
    trainer = RecallTrainer(
        start.model,
        arguments(folder, learning_rate=LR, **settings),
        train_dataset=start.rows,
        data_collator=start.collator,
        method=method,
        anchors=start.anchors,
        fisher=fisher,
        source=start.source,
    )
    trainer.train()
    return as_saved(start.model, trainer.composed)


def by_loop(start, method, fisher):
    given = {"lr": LR, "weight_decay": DECAY, "anchors": start.anchors, "fisher": fisher, "seed": SEED}
    composed = compose(method, start.model, source=start.source, **given)
    own = composed.lr_schedule(STEPS)
    schedule = torch.optim.lr_scheduler.LambdaLR(composed.optimizer, own or (lambda done: 1 - done / STEPS))
    start.model.train()
    for batch in start.batches():
        composed.loss(start.model(**batch), batch).backward()
        torch.nn.utils.clip_grad_norm_(start.model.parameters(), CLIP)
        composed.optimizer.step()
        schedule.step()
        composed.optimizer.zero_grad()
    return as_saved(start.model, composed)


@pytest.mark.parametrize("method", ["vanilla", *EVERY, "recadam(t0=3) + child-d"])
def test_the_three_take_the_same_steps(world, tmp_path, method):
    start = Start(world)
    home = weights(start.model)
    fisher = start.fisher(tmp_path / "fisher.safetensors")
    needs = Recipe(method=method).needs
    looped = by_loop(start, method, fisher)
    trained = by_trainer(Start(world), method, fisher, tmp_path / "trainer")
    tuned = by_finetune(world, method, needs, tmp_path)
    assert same(trained, looped)
    assert same(tuned, looped)
    assert farthest(looped, home) > 1e-5
