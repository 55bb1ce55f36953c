"""What RecallCallback adds to the logs of a Trainer: the numbers of the steps that were taken."""

import copy

import pytest
import torch
import transformers as hf
from ways import Witness

from recall_learn.measures.distance import distance
from recall_learn.methods.recadam.optimizer import RecAdam
from recall_learn.models.recalled import recall_groups
from recall_learn.models.stored import load_anchors
from recall_learn.runs.callback import RecallCallback
from recall_learn.theory.annealing import Sigmoid

LR, GAMMA, ANNEAL, STEPS, EVERY = 1e-3, 300.0, Sigmoid(1, 3), 6, 2
ADDED = {"lambda", "pull", "distance"}


@pytest.fixture
def model(bert):
    return hf.BertForSequenceClassification.from_pretrained(bert)


def train(model, folder, optimizer, callbacks, first=()):
    rows = [{"input_ids": torch.tensor([2, 6 + i % 8, 3]), "labels": torch.tensor(i % 2)} for i in range(2 * STEPS)]
    arguments = hf.TrainingArguments(
        str(folder),
        max_steps=STEPS,
        logging_steps=EVERY,
        eval_strategy="steps",
        eval_steps=EVERY,
        per_device_train_batch_size=2,
        learning_rate=LR,
        use_cpu=True,
        report_to=[],
        disable_tqdm=True,
        save_strategy="no",
    )
    settings = {"train_dataset": rows, "eval_dataset": rows[:2], "callbacks": callbacks}
    trainer = hf.Trainer(model, arguments, optimizers=(optimizer, None), **settings)
    trainer.callback_handler.callbacks[:0] = first
    trainer.train()
    return trainer.state.log_history


def test_the_logs_have_lambda_pull_and_distance_of_their_step(bert, model, tmp_path):
    witness = Witness(load_anchors(bert, model))
    optimizer = RecAdam(recall_groups(model), lr=LR, gamma=GAMMA, anneal=ANNEAL)
    logs = train(model, tmp_path, optimizer, [RecallCallback(), witness])
    trained = [log for log in logs if "loss" in log]
    assert [log["step"] for log in trained] == [2, 4, 6]
    for log in trained:
        assert log["lambda"] == ANNEAL(log["step"])
        assert log["pull"] == pytest.approx((1 - log["lambda"]) * log["learning_rate"] * GAMMA, rel=1e-12)
        assert log["distance"] == pytest.approx(witness.distances[log["step"]], rel=1e-12)
        assert log["distance"] > 0
    assert not any(ADDED & log.keys() for log in logs if "loss" not in log)
    assert len([log for log in witness.seen if log.keys() >= ADDED]) == len(trained)


def test_put_first_it_is_before_the_reporters(bert, model, tmp_path):
    witness = Witness({})
    optimizer = RecAdam(recall_groups(model), lr=LR, gamma=GAMMA, anneal=ANNEAL)
    train(model, tmp_path, optimizer, [], first=[RecallCallback(), witness])
    assert all(log.keys() >= ADDED for log in witness.seen if "loss" in log)


def test_a_gamma_by_name_pulls_as_its_largest_entry(bert, model, tmp_path):
    anchors = load_anchors(bert, model)
    gamma = {name: torch.rand(anchor.shape) * 100 for name, anchor in anchors.items()}
    gamma["bert.pooler.dense.bias"][3] = 400.0
    optimizer = RecAdam(recall_groups(model), lr=LR, gamma=gamma, anneal=ANNEAL)
    logs = train(model, tmp_path, optimizer, [RecallCallback()])
    log = next(log for log in logs if "loss" in log)
    assert log["pull"] == pytest.approx((1 - log["lambda"]) * log["learning_rate"] * 400.0, rel=1e-6)


def test_another_optimizer_has_no_pull_and_a_distance_where_its_anchors_are_given(bert, model, tmp_path):
    anchors, start = load_anchors(bert, model), copy.deepcopy(model)
    plain = train(model, tmp_path, torch.optim.AdamW(model.parameters(), lr=LR), [RecallCallback()])
    trained = [log for log in plain if "loss" in log]
    assert [(log["lambda"], log["pull"]) for log in trained] == [(1.0, 0.0)] * 3
    assert not any("distance" in log for log in plain)
    again = train(start, tmp_path, torch.optim.AdamW(start.parameters(), lr=LR), [RecallCallback(anchors)])
    assert [log for log in again if "loss" in log][-1]["distance"] == pytest.approx(distance(start, anchors), rel=1e-12)
