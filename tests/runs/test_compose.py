"""compose: any method in a loop of one's own, and the sentence for what does not fit."""

import copy
import inspect
import textwrap

import pytest
import torch
from small import refused
from torch import nn
from torch.utils.data import DataLoader
from ways import STEADY, batched, bert, farthest, fisher_of, rows, same, source_of, weights

from recall_learn import ChildTuningF, RecAdam, Sigmoid, compose, recall_groups
from recall_learn.methods.child_f import ChildF
from recall_learn.methods.recadam.method import RecAdamMethod
from recall_learn.runs.compose import methods_of
from recall_learn.theory.anchors import trainable

LR = 1e-3


def loop_in_docstring():
    text = textwrap.dedent(inspect.getdoc(compose).split("::\n")[1].split("\n\nThe optimizer")[0].strip("\n"))
    assert len(text.splitlines()) <= 8
    return text


def test_the_loop_in_the_docstring_is_recadam_and_a_mask_by_hand():
    model, data = bert(), rows()
    # what from_pretrained does; here so that the loop may say nothing of it
    for p in model.bert.parameters():
        p._is_hf_initialized = True
    by_hand = copy.deepcopy(model)
    for p in by_hand.bert.parameters():
        p._is_hf_initialized = True
    start = weights(model)
    torch.manual_seed(3)
    exec(loop_in_docstring(), {"compose": compose, "DataLoader": DataLoader, "model": model, "data": data})

    optimizer = RecAdam(recall_groups(by_hand), lr=2e-5, anneal=Sigmoid(0.05, 250), gamma=0.1 / 2e-5)
    ChildTuningF(optimizer, 0.3, torch.Generator().manual_seed(1))
    torch.manual_seed(3)
    for batch in DataLoader(data, batch_size=16, shuffle=True):
        by_hand(**batch).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    assert same(weights(model), weights(by_hand))
    assert not same(weights(model), start)


@pytest.mark.parametrize("name", STEADY)
def test_what_is_accumulated_over_two_batches_is_the_step_on_both(name):
    data = rows(8)
    batch = batched(data)
    halves = [{key: value[part] for key, value in batch.items()} for part in (slice(0, 4), slice(4, 8))]
    ends = []
    for parts in ([batch], halves):
        model = bert()
        fisher = fisher_of(model)
        composed = compose(name, model, lr=LR, new=["classifier"], fisher=fisher, source=source_of(model))
        for group in composed.optimizer.param_groups:
            group["eps"] = 1e-4  # Adam would else walk along the rounding where a gradient is 0 (a key's bias)
        with torch.no_grad():
            for p in model.parameters():
                p.add_(0.01)  # away from home, so that whatever pulls does
        start = weights(model)
        for _ in range(3):
            for part in parts:
                (composed.loss(model(**part), part) / len(parts)).backward()
            composed.optimizer.step()
            composed.optimizer.zero_grad()
        ends.append(weights(model))
    assert farthest(ends[0], start) > 1e-3
    assert farthest(*ends) < 1e-3 * farthest(ends[0], start)


def test_a_penalty_is_added_once_and_a_setting_that_is_set_acts_at_once():
    model = bert()
    composed = compose("l2sp(gamma=3, beta=5)", model, lr=LR, new=["classifier"])
    start = {name: p.detach().double().clone() for name, p in model.named_parameters()}
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.1)
    batch = batched(rows(4))

    def right(gamma, beta):
        away = {name: p.detach().double() - start[name] for name, p in model.named_parameters()}
        held = sum(d.square().sum() for name, d in away.items() if not name.startswith("classifier"))
        head = sum(p.detach().double().square().sum() for p in model.classifier.parameters())
        return gamma / 2 * held + beta / 2 * head

    outputs = model(**batch)
    added = composed.loss(outputs, batch) - outputs.loss
    assert added.item() == pytest.approx(right(3, 5).item(), rel=1e-5)
    composed.set(gamma=7)
    assert composed.methods[0].gamma == 7
    assert (composed.loss(outputs.loss, batch) - outputs.loss).item() == pytest.approx(right(7, 5).item(), rel=1e-5)
    refused(lambda: composed.set(k=1), ValueError, "k is no setting of l2sp", "gamma")


class Plain(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.body, self.head = nn.Linear(3, 4), nn.Linear(4, 2)

    def forward(self, x):
        return self.head(torch.tanh(self.body(x)))


def test_a_module_of_ones_own_with_anchors():
    model = Plain()
    anchors = {name: torch.full_like(p, 0.5) for name, p in model.body.named_parameters("body")}
    composed = compose("recadam(k=0, gamma=100)", model, lr=LR, weight_decay=0.1, anchors=anchors)
    x, y = torch.randn(8, 3, generator=torch.Generator().manual_seed(1)), torch.arange(8) % 2
    distance = (model.body.weight - 0.5).norm().item()
    loss = composed.loss(nn.functional.cross_entropy(model(x), y))
    loss.backward()
    composed.optimizer.step()
    # lambda is 1/2 for ever: a step goes 1/2 * lr * gamma of the way, and Adam at most lr / 2 an entry beside it
    assert (model.body.weight - 0.5).norm().item() == pytest.approx(0.95 * distance, abs=LR * 12**0.5)
    assert [group["weight_decay"] for group in composed.optimizer.param_groups] == [0.1, 0.0, 0.1, 0.0]


def test_vanilla_is_adamw_whatever_is_pretrained():
    model, hand = Plain(), Plain()
    composed = compose("vanilla", model, lr=LR, weight_decay=0.1)
    matrices, others = ([p for p in hand.parameters() if (p.ndim > 1) is matrix] for matrix in (True, False))
    groups = [{"params": matrices, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=LR, fused=True)
    for _ in range(3):
        for each, used in ((model, composed.optimizer), (hand, optimizer)):
            each(torch.ones(2, 3)).square().sum().backward()
            used.step()
            used.zero_grad()
    assert same(weights(model), weights(hand))


def test_a_run_goes_on_from_its_three_states():
    def steps(model, composed, count, first):
        for step in range(first, first + count):
            batch = batched(rows()[4 * step :][:4])
            composed.loss(model(**batch), batch).backward()
            composed.optimizer.step()
            composed.optimizer.zero_grad()

    def begin():
        model = bert()
        return model, compose("recadam(t0=3) + child-f", model, lr=LR, new=["classifier"], seed=4)

    through, composed = begin()
    steps(through, composed, 3, 0)
    saved = copy.deepcopy([part.state_dict() for part in (through, composed.optimizer, composed)])
    steps(through, composed, 3, 3)
    again, composed = begin()
    for part, state in zip((again, composed.optimizer, composed), saved, strict=True):
        part.load_state_dict(state)
    steps(again, composed, 3, 3)
    assert same(weights(again), weights(through))


def test_what_an_expression_may_be():
    methods = (RecAdamMethod(k=0.5), ChildF())
    assert methods_of("child-f + recadam(k=0.5)") == methods_of(list(reversed(methods))) == methods
    assert methods_of(ChildF()) == methods_of("child-f")
    assert methods_of("vanilla") == methods_of([]) == ()
    refused(lambda: methods_of(3), ValueError, "method is 3; it has to be text")
    refused(lambda: methods_of([3]), ValueError, "method holds 3")
    refused(lambda: methods_of([ChildF(), ChildF()]), ValueError, "child-f twice")


def test_a_fisher_is_asked_for_by_the_name_of_whose_it_is():
    model = bert()
    fisher, zeros = fisher_of(model), {name: torch.zeros_like(p) for name, p in trainable(model).items()}
    asked = []

    def giver(kind):
        asked.append(kind)
        return fisher

    given = {"source": zeros, "task": fisher}
    composed = compose("ewc + child-d", model, lr=LR, new=["classifier"], fisher=given)
    with torch.no_grad():
        for p in model.parameters():
            p.add_(1.0)
    assert composed.terms({}, None)["penalty"].item() == 0.0
    compose("ewc + child-d", bert(), lr=LR, new=["classifier"], fisher=giver)
    assert sorted(asked) == ["source", "task"]
    compose("child-f", bert(), lr=LR, new=["classifier"], fisher=giver)
    assert len(asked) == 2


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        ({"expression": "ewc"}, ["ewc needs the Fisher information of the source", "fisher_diagonal(model, batches)"]),
        ({"expression": "child-d", "fisher": {"source": {}}}, ["child-d needs the Fisher information of the task"]),
        ({"expression": "ewc + child-d", "fisher": {"a": torch.ones(1)}}, ["of the source and of the task; give both"]),
        ({"expression": "ewc", "fisher": 3}, ["fisher is 3; it has to be name -> tensor"]),
        ({"expression": "ewc", "fisher": {"a": torch.ones(1)}}, ["fisher lacks 'bert.embeddings", "of this model"]),
        ({"expression": "ewc", "fisher": lambda kind: 3}, ["fisher of the source is 3"]),
        ({"new": None}, ["it cannot be told which weights of BertForSequenceClassification"]),
        ({"new": ["nothing"]}, ["new has 'nothing'"]),
        ({"lr": 0}, ["lr is 0; it has to be a number above 0"]),
        ({"weight_decay": -1}, ["weight_decay is -1; it has to be a number of at least 0"]),
        ({"seed": 0.5}, ["seed is 0.5; it has to be a whole number"]),
        ({"model": nn.DataParallel(Plain())}, ["DataParallel wraps the model; pass the model itself"]),
        ({"new": None, "anchors": {"bert.none": torch.ones(1)}}, ["anchors has 'bert.none'"]),
        (
            {"expression": "child-f", "new": None, "anchors": {"bert.pooler.dense.bias": torch.ones(1)}},
            ["anchors['bert.pooler.dense.bias'] has shape (1,)"],
        ),
    ],
)
def test_what_is_refused(options, parts):
    given = {"expression": "recadam", "model": bert(), "lr": LR, "new": ["classifier"]} | options
    refused(lambda: compose(**given), ValueError, *parts)


def test_a_batch_without_a_loss_is_refused():
    model = bert()
    composed = compose("recadam", model, lr=LR, new=["classifier"])
    batch = {"input_ids": rows(1)[0]["input_ids"][None]}
    refused(lambda: composed.loss(model(**batch), batch), ValueError, "there is no loss in what the model made")


def test_nothing_pretrained_trains():
    model = bert()
    model.bert.requires_grad_(False)
    refused(lambda: compose("recadam", model, lr=LR, new=["classifier"]), ValueError, "has nothing to recall")
    before = weights(model)
    composed = compose("child-f(p=1)", model, lr=LR, new=["classifier"])  # recalls nothing
    batch = batched(rows(4))
    composed.loss(model(**batch), batch).backward()
    composed.optimizer.step()
    after = weights(model)
    assert {name for name in after if not torch.equal(after[name], before[name])} == {
        "classifier.weight",
        "classifier.bias",
    }
