"""What methods carry from task to task, against sums written out: theta*, springs, heads, masks."""

from dataclasses import dataclass
from typing import ClassVar

import pytest
import torch
from alike import assert_same_run
from safetensors.torch import load_file
from sequenced import alone, go, world

from recall_learn import load_fisher
from recall_learn.methods import METHODS
from recall_learn.methods.carrying import logits_under
from recall_learn.methods.method import Acting, Method
from recall_learn.methods.packnet import free_entries
from recall_learn.models import backbones
from recall_learn.runs import record as runs
from recall_learn.tasks import loading

__all__ = ["world"]
PAIR = ("cola", "mrpc")
SEEN = []


class _Watching(Acting):
    def __init__(self, method, start):
        super().__init__(method, start)
        now = {name: p.detach().clone() for name, p in start.model.named_parameters()}
        SEEN.append(("begins", start.place, dict(start.anchors), dict(start.carried), now))


@dataclass(frozen=True)
class Watching(Method):
    name: ClassVar[str] = "watching"
    carries: ClassVar[str] = "what it saw"
    acting: ClassVar[type[Acting]] = _Watching

    def carry(self, former, ended):
        SEEN.append(("ends", ended.place, dict(ended.weights), dict(ended.head), len(ended.rows)))
        return {"tasks": [*former.get("tasks", ()), ended.place[0]]}


@pytest.fixture
def watched(monkeypatch):
    monkeypatch.setitem(METHODS, "watching", Watching)
    SEEN.clear()
    return SEEN


def equal(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("home", ["last", "pretrained"])
def test_theta_is_what_the_last_task_left_or_what_was_pretrained(world, watched, home):
    go(world, "watching", ("stsb", *PAIR), home=home)
    begins, ends = ([each for each in watched if each[0] == what] for what in ("begins", "ends"))
    theta = backbones.load(str(world / "bert"), num_labels=1).anchors
    assert [each[1] for each in begins] == [(0, 3), (1, 3), (2, 3)]
    assert [each[1] for each in ends] == [(0, 3), (1, 3)]  # after the last nobody carries
    assert [each[3] for each in begins] == [{}, {"watching": {"tasks": [0]}}, {"watching": {"tasks": [0, 1]}}]
    assert equal(begins[0][2], theta)
    for (_, _, left, head, rows), (_, _, anchors, _, now) in zip(ends, begins[1:], strict=True):
        assert equal({name: now[name] for name in left}, left)  # the encoder goes on
        assert not equal(left, theta)
        assert equal(anchors, left if home == "last" else theta)
        assert not any(torch.equal(now[name], head[name]) for name in head if now[name].shape == head[name].shape)
        assert rows == 24


def model_of(world, folder):
    """A task's model, as its run ended."""
    backbone = backbones.load(str(world / "bert"), num_labels=2)
    backbone.model.load_state_dict(load_file(folder / "model" / "model.safetensors"))
    return backbone


def _source(world):
    return load_fisher(world / "fisher.safetensors")[0]


def exact_fisher(world, backbone, task):
    """1/N sum_n sum_y p(y|x_n) (grad log p(y|x_n))^2, one example at a time."""
    model, data = backbone.model.eval(), loading.load(task, world / "glue")["train"]
    rows = loading.tokenize(data, task, backbone.tokenizer, 40)
    names = list(backbone.anchors)
    wanted = [dict(model.named_parameters())[name] for name in names]
    total = [torch.zeros_like(p, dtype=torch.float64) for p in wanted]
    for row in rows:
        inputs = {key: torch.tensor([value]) for key, value in row.items() if key != "labels"}
        log_p = model(**inputs).logits[0].log_softmax(-1)
        for value in log_p:
            for square, g in zip(total, torch.autograd.grad(value, wanted, retain_graph=True), strict=True):
                square += value.exp().item() * g.double() ** 2 / len(rows)
    return dict(zip(names, total, strict=True))


def spied(monkeypatch, name):
    """What a method carries, task by task."""
    found, carry = [], METHODS[name].carry

    def watching(self, former, ended):
        found.append(carry(self, former, ended))
        return found[-1]

    monkeypatch.setattr(METHODS[name], "carry", watching)
    return found


def near(found, right):
    assert found.keys() == right.keys()
    scale = max(float(each.norm()) for each in right.values())
    for name in right:
        assert (found[name] - right[name]).norm() <= 1e-4 * right[name].norm() + 1e-6 * scale, name


def test_online_ewc_adds_up_what_decayed_where_the_last_task_ended(world, tmp_path, monkeypatch):
    carried = spied(monkeypatch, "online-ewc")
    done = go(world, "online-ewc(decay=0.5, gamma=10)", (*PAIR, "stsb"), tmp_path)
    source = _source(world)
    right = {name: source[name].double() for name in source}
    for spring, task, n in zip(carried, PAIR, (1, 2), strict=True):
        ((weights, stiffness),) = spring["springs"]
        backbone = model_of(world, tmp_path / f"{n}-{task}")
        ended = dict(backbone.model.named_parameters())
        assert all(torch.equal(weights[name], ended[name]) for name in backbone.anchors)
        own = exact_fisher(world, backbone, task)
        right = {name: 0.5 * right[name] + own[name] for name in own}
        near(stiffness, right)
    assert len(done.rows) == 4
    for n, task in enumerate((*PAIR, "stsb"), 1):
        first, *later = runs.load(tmp_path / f"{n}-{task}" / "run.json").column("penalty")
        assert first == 0  # at its center
        assert min(later) > 0


def test_ewc_keeps_a_spring_for_each_task(world, tmp_path, monkeypatch):
    carried = spied(monkeypatch, "ewc")
    go(world, "ewc(gamma=10)", (*PAIR, "stsb"), tmp_path)
    assert [len(each["springs"]) for each in carried] == [1 + 1, 1 + 2]
    theta, source = backbones.load(str(world / "bert"), num_labels=2).anchors, _source(world)
    near(carried[1]["springs"][1][1], exact_fisher(world, model_of(world, tmp_path / "1-cola"), "cola"))
    one, two = (load_file(tmp_path / folder / "model" / "model.safetensors") for folder in ("1-cola", "2-mrpc"))
    own = exact_fisher(world, model_of(world, tmp_path / "1-cola"), "cola")
    # task 3 begins where task 2 ended: at its own center, away from those of the source and of task 1
    away = sum(float((source[name] * (two[name] - theta[name]).double() ** 2).sum()) for name in theta)
    away += sum(float((own[name] * (two[name] - one[name]).double() ** 2).sum()) for name in theta)
    found = runs.load(tmp_path / "3-stsb" / "run.json").column("penalty")[0]
    assert found == pytest.approx(10 / 2 * away, rel=1e-3)


def test_online_ewc_of_one_task_is_ewc_to_the_bit(world, tmp_path):
    alone(world, "ewc(gamma=100)", "cola", tmp_path / "ewc")
    alone(world, "online-ewc(gamma=100, decay=1)", "cola", tmp_path / "online")
    assert_same_run(tmp_path / "ewc", tmp_path / "online")
    # and in the second task the two are not: the sum has one center, the terms have two
    one = go(world, "ewc(gamma=100)", PAIR)
    other = go(world, "online-ewc(gamma=100)", PAIR)
    assert one.rows[1] == other.rows[1]
    assert one.rows[2]["distance"] != other.rows[2]["distance"]


def test_packnet_deals_the_free_weights_out(world, tmp_path):
    """From the last model, with the later tasks' shares put back, each former model comes to the bit."""
    tasks = ("stsb", *PAIR)
    go(world, "packnet(keep=0.4)", tasks, tmp_path)
    theta = backbones.load(str(world / "bert"), num_labels=2).anchors
    models = [load_file(tmp_path / f"{n}-{task}" / "model" / "model.safetensors") for n, task in enumerate(tasks, 1)]
    moved = 0
    for name, home in theta.items():
        shares = [free_entries(home, 0.4, (n, 3)) for n in range(3)]
        assert int(sum(each.int() for each in shares).max()) <= 1
        assert torch.equal(sum(each.int() for each in shares).bool(), free_entries(home, 0.4))
        for n, model in enumerate(models):
            later = sum((each.int() for each in shares[n + 1 :]), torch.zeros_like(home, dtype=torch.int)).bool()
            assert torch.equal(model[name], torch.where(later, home, models[-1][name]))
            moved += int((model[name] != home).sum())
    assert moved > 1000


def test_lwf_asks_the_old_heads_on_the_new_tasks_inputs(world, tmp_path):
    go(world, "lwf(weight=2)", ("stsb", "cola", "mrpc"), tmp_path)
    one, two, three = (
        runs.load(path) for path in sorted(tmp_path.glob("*/run.json"), key=lambda path: path.parent.name)
    )
    assert "heads" not in one.history[0]
    for run in (two, three):
        heads = run.column("heads")
        assert heads[0] == pytest.approx(0, abs=1e-8)  # the model begins as its teacher
        assert min(heads[1:]) > 0


def test_a_head_answers_as_the_model_that_had_it(world, tmp_path):
    go(world, "vanilla", ("stsb", "cola"), tmp_path)
    new = model_of(world, tmp_path / "2-cola")
    old = load_file(tmp_path / "1-stsb" / "model" / "model.safetensors")
    head = {name: old[name] for name in old if name not in new.anchors}
    inputs = {"input_ids": torch.tensor([[2, 7, 8, 3]]), "labels": torch.tensor([1])}
    whole = backbones.load(str(world / "bert"), num_labels=1)
    now = dict(new.model.named_parameters())
    whole.model.load_state_dict({name: head.get(name, now.get(name)) for name in old})
    right = whole.model.eval()(input_ids=inputs["input_ids"]).logits
    found = logits_under(head, new.model.eval(), inputs)
    assert found.shape == (1, 1)
    torch.testing.assert_close(found, right)
