"""The hooks that few methods have, each with a method of this file: who calls them, and what they may do."""

from dataclasses import dataclass
from typing import ClassVar

import pytest
import torch
from small import save_glue
from torch import nn

from recall_learn import RecallTrainer, Recipe, Source, compose, finetune
from recall_learn.methods import METHODS
from recall_learn.methods.expression import parse
from recall_learn.methods.method import Acting, Method, setting
from recall_learn.models import backbones


class _Scaled(Acting):
    def plain(self, model):
        with torch.no_grad():
            for p in model.parameters():
                p.mul_(self.method.factor)
        return self._undo(model)

    def _undo(self, model):
        def undo():
            with torch.no_grad():
                for p in model.parameters():
                    p.div_(self.method.factor)

        return undo

    def ending(self, measure):
        return {"at_the_end": measure()["distance"]}


@dataclass(frozen=True)
class Scaled(Method):
    """Is scored and saved as a multiple of what trains; its rate is halved; its head's last bias is new."""

    name: ClassVar[str] = "toy-scaled"
    title: ClassVar[str] = "Toy"
    acting: ClassVar[type[Acting]] = _Scaled

    factor: float = setting(2.0, "what all weights are multiplied by", low=0, open_low=True)

    def prepare(self, model, seed):
        self.prepared.append(seed)
        return ("0.bias",)

    def lr_schedule(self, steps):
        return lambda taken: 0.5 if taken < steps else 0.0

    prepared: ClassVar[list] = []


@dataclass(frozen=True)
class Still(Method):
    """Freezes all."""

    name: ClassVar[str] = "toy-still"
    freezes: ClassVar[bool] = True


@dataclass(frozen=True)
class Reader(Method):
    """Wants the source."""

    name: ClassVar[str] = "toy-reader"
    needs: ClassVar[frozenset[str]] = frozenset({"source data"})


@pytest.fixture(autouse=True)
def known(monkeypatch):
    for each in (Scaled, Still, Reader):
        monkeypatch.setitem(METHODS, each.name, each)
    monkeypatch.setattr(Scaled, "prepared", [])


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))


def test_plain_lasts_as_long_as_its_block_and_settle_for_good():
    model = network()
    before = [p.detach().clone() for p in model.parameters()]
    made = compose("toy-scaled(factor=4)", model, lr=0.1, new=["1"])
    with made.plain():
        assert all(torch.equal(p, 4 * old) for p, old in zip(model.parameters(), before, strict=True))
    assert all(map(torch.equal, model.parameters(), before))
    with pytest.raises(RuntimeError, match="inside"), made.plain():
        raise RuntimeError("inside")
    assert all(map(torch.equal, model.parameters(), before))
    made.settle()
    assert all(torch.equal(p, 4 * old) for p, old in zip(model.parameters(), before, strict=True))


def test_what_a_method_makes_new_has_no_theta_star():
    made = compose("toy-scaled + l2sp", network(), lr=0.1, new=["1"], seed=7)
    assert set(made._acting[0].start.anchors) == {"0.weight"}
    assert Scaled.prepared == [7]


def test_a_schedule_of_the_methods_own_takes_the_place_of_the_runs():
    recipe = Recipe(backbone="tiny", task="world/cola", steps=4, lr=1e-3, method="toy-scaled", probe="none")
    run = finetune(recipe, progress=False)
    assert run.column("lr") == [0.0005] * 4
    assert run.final["at_the_end"] == run.final["distance"] > 1  # of the double, far from home


def test_a_run_is_scored_and_saved_as_the_plain_model(tmp_path):
    recipe = Recipe(backbone="tiny", task="world/cola", steps=2, lr=1e-6, method="toy-scaled(factor=2)", probe="none")
    run = finetune(recipe, out=tmp_path, progress=False)
    home = backbones.load("tiny", num_labels=2).anchors
    size = torch.sqrt(sum(tensor.square().sum(dtype=torch.float64) for tensor in home.values()))
    assert run.evaluations[0]["distance"] == pytest.approx(float(size), rel=1e-5)  # 2 theta* is |theta*| from home
    saved = backbones.load(str(tmp_path / "model"), num_labels=2).model.state_dict()
    (name, tensor) = next(iter(home.items()))
    assert torch.allclose(saved[name], 2 * tensor, atol=1e-4)


def test_trainer_scores_and_saves_the_plain_model_and_takes_the_schedule(tmp_path, bert):
    from transformers import BertForSequenceClassification, TrainingArguments

    model = BertForSequenceClassification.from_pretrained(bert)
    rows = [{"input_ids": torch.tensor([2, 6 + i % 8, 3]), "labels": torch.tensor(i % 2)} for i in range(8)]
    arguments = TrainingArguments(
        output_dir=str(tmp_path / "out"), max_steps=2, learning_rate=1e-3, logging_steps=1, report_to="none",
        use_cpu=True, save_strategy="no", disable_tqdm=True,
    )  # fmt: skip
    trainer = RecallTrainer(model, arguments, train_dataset=rows, eval_dataset=rows, method="toy-scaled(factor=2)")
    trainer.train()
    assert next(entry["learning_rate"] for entry in trainer.state.log_history if "learning_rate" in entry) == 0.0005
    now = {name: p.detach().clone() for name, p in model.named_parameters()}
    trainer.save_model(str(tmp_path / "saved"))
    saved = BertForSequenceClassification.from_pretrained(tmp_path / "saved").state_dict()
    assert all(torch.equal(saved[name], 2 * p) for name, p in now.items())
    assert all(torch.equal(p, now[name]) for name, p in model.named_parameters())
    half = trainer.evaluate()["eval_loss"]
    with torch.no_grad():
        for p in model.parameters():
            p.mul_(2)
        losses = [float(model(input_ids=row["input_ids"][None], labels=row["labels"][None]).loss) for row in rows]
    assert half == pytest.approx(sum(losses) / 8, rel=1e-5)


@pytest.mark.parametrize("expression", ["toy-still + recadam", "mixout + toy-still", "toy-still + child-d"])
def test_what_freezes_all_excludes_what_acts_on_weights_that_train(expression):
    with pytest.raises(ValueError, match=r"toy-still, which freezes what was pretrained, and .* take one of them"):
        parse(expression, METHODS)


def test_a_source_is_asked_for_in_words():
    with pytest.raises(ValueError, match=r"toy-reader needs what .*; make it with recall_learn\.text_source"):
        compose("toy-reader", network(), lr=0.1, new=["1"])
    with pytest.raises(ValueError, match=r"source is 3; it has to be a recall_learn\.Source"):
        compose("toy-reader", network(), lr=0.1, new=["1"], source=3)


def test_a_run_on_another_backbone_asks_for_a_text_file(bert, tmp_path):
    save_glue(tmp_path / "glue", "mrpc")
    recipe = Recipe(backbone=str(bert), task="mrpc", steps=1, method="toy-reader", max_length=40)
    with pytest.raises(ValueError, match="give a text file with --source-text FILE, or take --backbone tiny"):
        finetune(recipe, data_folder=tmp_path / "glue", progress=False)


def test_hiding_words_hides_the_share_and_never_what_is_special():
    source = Source(network(), lambda n: None, mask=4, special={0, 2, 3, 4})
    ids = torch.randint(0, 12, (50, 40), generator=torch.Generator().manual_seed(0))
    inputs = {"input_ids": ids, "attention_mask": (ids > 0).long(), "labels": ids[:, 0]}
    hidden, words = source.hide(inputs, 0.15, torch.Generator().manual_seed(1))
    changed = hidden["input_ids"] != ids
    able = ~torch.isin(ids, torch.tensor([0, 2, 3, 4]))
    assert "labels" not in hidden
    assert torch.equal(hidden["attention_mask"], inputs["attention_mask"])
    assert not (changed & ~able).any()
    assert (hidden["input_ids"][changed] == 4).all()
    assert torch.equal(words, ids[changed])
    assert float(changed.sum() / able.sum()) == pytest.approx(0.15, abs=0.03)
    one, _ = source.hide({"input_ids": ids[:1, :3]}, 0.0, torch.Generator().manual_seed(1))
    assert (one["input_ids"] != ids[:1, :3]).sum() == 1
