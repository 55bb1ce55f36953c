"""All tasks at once: the sum of their losses, each by its own head, and where such a run goes on."""

import pytest
import torch
from alike import assert_same_run
from safetensors.torch import load_file
from sequenced import TASKS, Crash, crashing, go, recipe, world
from small import config_of, refused, save_backbone, save_glue
from transformers import BertForMaskedLM

from recall_learn.cli import main
from recall_learn.models import backbones
from recall_learn.runs import record as runs
from recall_learn.runs import sequence_record
from recall_learn.runs.trainer import Order
from recall_learn.tasks import loading

__all__ = ["world"]
FOLDERS = ["model", "2-cola/model", "3-mrpc/model"]


def test_the_loss_is_the_sum_over_tasks_of_their_own(tmp_path):
    """Of the first step, in a model without dropout: each task's batch asked of a model of its own."""
    config = config_of("bert")
    config.hidden_dropout_prob = config.attention_probs_dropout_prob = 0.0
    save_backbone(tmp_path / "bert", model_class=BertForMaskedLM, config=config)
    save_glue(tmp_path / "glue", *TASKS)
    go(tmp_path, together=True, out=tmp_path / "out")
    run = runs.load(tmp_path / "out" / "at-once" / "run.json")
    losses = []
    for task in TASKS:
        data = loading.load(task, tmp_path / "glue")
        asked = backbones.load(str(tmp_path / "bert"), num_labels=data.task.num_labels)
        rows = loading.tokenize(data["train"], data.task, asked.tokenizer, 40)
        drawn = [rows[i] for i in next(iter(Order(len(rows), recipe(tmp_path))))]
        with torch.no_grad():
            each = [
                asked.model(**{key: torch.tensor([value]) for key, value in row.items()}).loss.double() for row in drawn
            ]
        losses.append(float(sum(each)) / len(each))
    assert run.history[0]["loss"] == pytest.approx(losses[0], rel=1e-5)
    assert run.history[0]["others"] == pytest.approx(losses[1] + losses[2], rel=1e-5)


def test_all_tasks_are_learned_on_one_encoder(world, tmp_path):
    done = go(world, together=True, out=tmp_path, steps=30)
    assert done.column("after") == [0, 3]
    assert done.final == {"average": pytest.approx(done.scores[1].mean())}
    assert sequence_record.load(tmp_path / "sequence.json") == done
    models = [load_file(tmp_path / "at-once" / folder / "model.safetensors") for folder in FOLDERS]
    pretrained = backbones.load(str(world / "bert"), num_labels=2).anchors
    for model in models[1:]:
        assert model.keys() == models[0].keys()  # nothing of the others' heads is left in it
        assert all(torch.equal(model[name], models[0][name]) for name in pretrained)
        assert not torch.equal(model["bert.pooler.dense.weight"], models[0]["bert.pooler.dense.weight"])
    others = runs.load(tmp_path / "at-once" / "run.json").column("others")
    assert sum(others[-5:]) < sum(others[:5])


@pytest.mark.parametrize(("method", "step"), [("vanilla", 4), ("vanilla", 5), ("recadam(t0=2) + ema(decay=0.5)", 4)])
def test_a_crash_changes_nothing(world, tmp_path, monkeypatch, method, step):
    whole = go(world, method, together=True, out=tmp_path / "whole")
    with monkeypatch.context() as patch:
        crashing(patch, step)
        with pytest.raises(Crash):
            go(world, method, together=True, out=tmp_path / "stopped")
    again = go(world, method, together=True, out=tmp_path / "stopped", resume=True)
    assert (again.rows, again.final) == (whole.rows, whole.final)
    assert_same_run(tmp_path / "whole" / "at-once", tmp_path / "stopped" / "at-once")


def test_a_row_that_was_not_written_is_made_of_what_was_saved(world, tmp_path):
    whole = go(world, together=True, out=tmp_path)
    record = sequence_record.load(tmp_path / "sequence.json")
    record.rows, record.final = [], None
    record.save(tmp_path / "sequence.json")
    assert go(world, together=True, out=tmp_path, resume=True).rows == whole.rows


def test_what_cannot_be_trained_at_once_is_refused(world):
    refused(lambda: go(world, tasks=["cola"], together=True), ValueError, "and tasks is cola alone; name two or more")
    refused(lambda: go(world, "lora", together=True), ValueError, "lora keeps tasks apart, and together trains them at")
    go(world, "reinit(layers=1)", together=True, steps=1)  # which carries nothing over, and need not


def test_the_command_has_it(world, tmp_path, capsys):
    sizes = ["--steps", "1", "--batch-size", "4", "--max-length", "40", "--device", "cpu"]
    places = ["--backbone", str(world / "bert"), "--data", str(world / "glue"), "--out", str(tmp_path)]
    assert main(["sequence", "--tasks", "cola,mrpc", "--together", *sizes, *places]) == 0
    assert capsys.readouterr().out.startswith("cola,mrpc vanilla: average ")
