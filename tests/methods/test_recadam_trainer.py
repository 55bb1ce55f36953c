"""RecAdam inside transformers.Trainer: three lines, the numbers of a hand-written loop, and a run resumed half-way."""

import copy

import pytest
import torch
import transformers
from transformers import Trainer, TrainingArguments

from recall_learn.methods.recadam.optimizer import RecAdam
from recall_learn.models.recalled import recall_groups
from recall_learn.theory.annealing import Sigmoid

SETTINGS = {"anneal": Sigmoid(1, 4), "gamma": 500.0}
LR, DECAY, CLIP, STEPS = 1e-3, 0.1, 0.05, 8


def make():
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=30,
        hidden_size=8,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=12,
        max_position_embeddings=10,
        num_labels=2,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    return transformers.BertForSequenceClassification(config)


def examples(count=64):
    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(1, 30, (count, 6), generator=generator)
    return [{"input_ids": row, "attention_mask": torch.ones(6, dtype=torch.long), "labels": row[0] % 2} for row in ids]


def arguments(folder, batch=4, accumulation=1, **more):
    settings = {"max_steps": STEPS, "lr_scheduler_type": "linear", "learning_rate": LR, "max_grad_norm": CLIP}
    settings |= {"per_device_train_batch_size": batch, "gradient_accumulation_steps": accumulation, "seed": 3}
    settings |= {
        "use_cpu": True,
        "report_to": [],
        "save_strategy": "no",
        "disable_tqdm": True,
        "logging_strategy": "no",
    }
    return TrainingArguments(str(folder), train_sampling_strategy="sequential", **(settings | more))


def by_trainer(model, folder, resume=None, **more):
    optimizer = RecAdam(recall_groups(model, weight_decay=DECAY, new=["classifier"]), lr=LR, **SETTINGS)
    trainer = Trainer(model, arguments(folder, **more), train_dataset=examples(), optimizers=(optimizer, None))
    # for forward(**kwargs) Trainer believes that the model divides by the whole batch; BERT's loss is its part's mean
    trainer.model_accepts_loss_kwargs = False
    trainer.train(resume_from_checkpoint=resume)
    return model.cpu(), optimizer


def by_hand(model, batch=4, accumulation=1):
    optimizer = RecAdam(recall_groups(model, weight_decay=DECAY, new=["classifier"]), lr=LR, **SETTINGS)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda done: 1 - done / STEPS)
    rows, size = examples(), batch * accumulation
    model.train()
    for step in range(STEPS):
        part = rows[step * size % len(rows) :][:size]
        optimizer.zero_grad()
        model(**{key: torch.stack([row[key] for row in part]) for key in part[0]}).loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimizer.step()
        schedule.step()
    return model


def distance(left, right):
    pairs = zip(left.parameters(), right.parameters(), strict=True)
    return sum(((a - b).double() ** 2).sum().item() for a, b in pairs) ** 0.5


@pytest.mark.parametrize(("batch", "accumulation"), [(4, 1), (4, 2)])
def test_the_trainer_takes_the_steps_of_a_loop_by_hand(tmp_path, batch, accumulation):
    start = make()
    trained, optimizer = by_trainer(copy.deepcopy(start), tmp_path, batch=batch, accumulation=accumulation)
    hand = by_hand(copy.deepcopy(start), batch, accumulation)
    assert optimizer.param_groups[0]["t"] == STEPS
    moved = distance(hand, start)
    assert moved > 0.01
    assert distance(trained, hand) < 1e-5 * moved
    if accumulation == 1:
        assert distance(trained, hand) == 0
    assert distance(by_hand(copy.deepcopy(start), batch * 2, accumulation), hand) > 0.01 * moved


def test_a_run_resumed_from_a_checkpoint_ends_where_the_whole_run_ends(tmp_path):
    start = make()
    saving = {"save_strategy": "steps", "save_steps": 3}
    whole, _ = by_trainer(copy.deepcopy(start), tmp_path, **saving)
    checkpoint = tmp_path / "checkpoint-3"
    again, optimizer = by_trainer(copy.deepcopy(start), tmp_path / "again", resume=str(checkpoint))
    assert optimizer.param_groups[0]["t"] == STEPS
    assert distance(again, whole) == 0
    homes = dict(zip(again.bert.parameters(), start.bert.parameters(), strict=True))
    for group, anchors in zip(optimizer.param_groups, optimizer.anchors(), strict=True):
        for p, anchor in zip(group["params"], anchors, strict=group["recall"]):
            assert torch.equal(anchor, homes[p])


def test_resuming_with_the_fine_tuned_weights_as_anchors_is_refused(tmp_path):
    by_trainer(make(), tmp_path, save_strategy="steps", save_steps=4)
    checkpoint = str(tmp_path / "checkpoint-4")
    moved = transformers.BertForSequenceClassification.from_pretrained(checkpoint)
    with pytest.raises(ValueError, match="saved with other anchors"):
        by_trainer(moved, tmp_path / "again", resume=checkpoint)
