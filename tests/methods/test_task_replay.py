"""Replay of former tasks: an even sample of a stream, and the losses of its rows by their own heads, one by one."""

import numpy as np
import pytest
import torch
from small import refused
from ways import batched, bert, rows

from recall_learn.methods import METHODS
from recall_learn.methods.carrying import Ended
from recall_learn.methods.composed import Composed
from recall_learn.methods.expression import parse
from recall_learn.methods.method import Start
from recall_learn.methods.task_replay import TaskReplay, reservoir

BATCH = batched(rows(4))


def head(labels, seed):
    """Of a former task, with as many outputs as it had."""
    drawn = torch.Generator().manual_seed(seed)
    return {
        "classifier.weight": torch.randn(labels, 8, generator=drawn),
        "classifier.bias": torch.randn(labels, generator=drawn),
    }


def begun(expression, carried, model=None):
    model = bert() if model is None else model
    groups = [{"params": list(model.named_parameters()), "recall": False, "weight_decay": 0.0}]
    return model, Composed(parse(expression, METHODS), Start(model, {}, lr=1e-3, carried=carried), groups)


def carried(kept, *heads):
    return {"task-replay": {"kept": kept, "seen": len(kept), "heads": heads, "collate": batched}}


def old_rows():
    """Of task 0, of three classes, and of task 1, which is a score."""
    ids = torch.randint(1, 30, (9, 6), generator=torch.Generator().manual_seed(7))
    three = [(0, {"input_ids": row, "labels": row[0] % 3}) for row in ids[:5]]
    return three + [(1, {"input_ids": row, "labels": row[0] / 30}) for row in ids[5:]]


def test_a_reservoir_keeps_each_of_a_stream_with_one_chance():
    """20 of 100, in two parts, 4,000 times: each is kept 800 times, but for chance (sd 25)."""
    counts = np.zeros(100)
    for seed in range(4000):
        drawn = np.random.default_rng(seed)
        half = reservoir((), 0, range(50), 20, drawn)
        kept = reservoir(half, 50, range(50, 100), 20, drawn)
        assert len(set(kept)) == len(kept) == 20
        counts[kept] += 1
    assert abs(counts - 800).max() < 5 * np.sqrt(4000 * 0.2 * 0.8)
    assert abs(counts[:50].sum() - 40000) < 5 * np.sqrt(4000 * 20 * 0.25)


def test_a_reservoir_that_is_large_enough_keeps_all():
    drawn = np.random.default_rng(0)
    assert reservoir(reservoir((), 0, "abc", 5, drawn), 3, "de", 5, drawn) == list("abcde")


def test_each_row_counts_by_the_head_of_its_task():
    """Every row asked alone, of a model that has the old head for its own."""
    heads, kept = (head(3, 1), head(1, 2)), old_rows()
    model, composed = begun("task-replay(ratio=9)", carried(kept, *heads))
    model.eval()
    losses = []
    for task, row in kept:
        asked = bert(labels=(3, 1)[task])
        state = {**model.state_dict(), **heads[task]}
        asked.load_state_dict(state)
        with torch.no_grad():
            logits = asked.eval()(input_ids=row["input_ids"][None]).logits[0].double()
        square = (logits[0] - row["labels"]) ** 2
        losses.append(square if task else -logits.log_softmax(-1)[int(row["labels"])])
    assert len(losses) == 9  # 9 for each of the batch's 4, and no more than there are
    found = composed.terms(BATCH, None)["replay"]
    assert found.item() == pytest.approx(9 * np.mean(losses), rel=1e-5)
    found.backward()
    assert model.classifier.weight.grad is None  # the task's own head is not asked
    assert model.bert.encoder.layer[0].output.dense.weight.grad.abs().sum() > 0
    assert all(each.grad is None for old in heads for each in old.values())


def test_rows_are_drawn_anew_in_each_step_as_many_as_the_ratio_says():
    model, composed = begun("task-replay(ratio=0.5)", carried(old_rows(), head(3, 1), head(1, 2)))
    model.eval()
    (acting,), asked = composed._acting, []
    loss = acting._loss
    acting._loss = lambda task, rows: asked.extend(rows) or loss(task, rows)
    for _ in range(6):
        composed.loss(model(**BATCH), BATCH).backward()
        composed.optimizer.step()
    assert len(asked) == 12  # half of 4 in each of 6 steps
    assert len({id(row) for row in asked}) > 4


@pytest.mark.parametrize(("expression", "told"), [("task-replay(ratio=0)", True), ("task-replay", False)])
def test_with_nothing_to_replay_it_is_plain_to_the_bit(expression, told):
    model, composed = begun(expression, carried(old_rows(), head(3, 1), head(1, 2)) if told else {})
    plain, other = begun("vanilla", {})
    for one, both in ((model, composed), (plain, other)):
        for _ in range(3):
            both.loss(one.train()(**BATCH), BATCH).backward()
            both.optimizer.step()
            both.optimizer.zero_grad()
    assert all(torch.equal(p, q) for p, q in zip(model.parameters(), plain.parameters(), strict=True))


def ended(task, rows, seed=0):
    return Ended((task, 3), {}, {}, head(2, task), None, dict, rows, batched, seed)


def test_the_buffer_goes_from_task_to_task():
    method = TaskReplay(buffer=10)
    one = method.carry({}, ended(0, list("abcdefgh")))
    assert one["kept"] == [(0, letter) for letter in "abcdefgh"]
    two = method.carry(one, ended(1, [str(i) for i in range(20)]))
    assert len(two["kept"]) == 10
    assert two["seen"] == 28
    assert len(two["heads"]) == 2
    assert {task for task, _ in two["kept"]} == {0, 1}
    assert method.carry(one, ended(1, [str(i) for i in range(20)]))["kept"] == two["kept"]  # of its arguments alone
    assert method.carry(one, ended(1, [str(i) for i in range(20)], seed=1))["kept"] != two["kept"]


def test_a_buffer_that_nothing_could_fill_is_refused():
    TaskReplay(buffer=30).check_tasks([10, 20, 5])
    TaskReplay(buffer=30).check_tasks([10])  # nothing is replayed in one task
    refused(
        lambda: TaskReplay(buffer=31).check_tasks([10, 20, 5]),
        ValueError,
        "buffer is 31; the tasks before the last have 30 training examples, and it has to be at most that",
    )
