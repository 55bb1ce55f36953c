"""A run that goes on in whatever order its weights, its optimizer and its state come: to the same bits."""

import copy

import pytest
import torch
import transformers as hf

from recall_learn.methods.recadam.optimizer import RecAdam
from recall_learn.models.recalled import recall_groups
from recall_learn.models.stored import load_anchors
from recall_learn.theory.annealing import Sigmoid

KIND = hf.BertForSequenceClassification
SETTINGS = {"lr": 1e-3, "anneal": Sigmoid(1, 6), "gamma": 500.0}
HALF, STEPS = 3, 8


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """What everything starts from: saved without a pooler, and without a head."""
    folder = tmp_path_factory.mktemp("pretrained")
    torch.manual_seed(0)
    sizes = {"hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 12}
    quiet = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    hf.BertForMaskedLM(hf.BertConfig(vocab_size=30, max_position_embeddings=10, **sizes, **quiet)).save_pretrained(
        folder
    )
    return folder


def pretrained(folder):
    torch.manual_seed(1)  # of the head
    return KIND.from_pretrained(folder)


def rows():
    ids = torch.randint(1, 30, (4 * STEPS, 6), generator=torch.Generator().manual_seed(2))
    return [{"input_ids": row, "attention_mask": torch.ones(6, dtype=torch.long), "labels": row[0] % 2} for row in ids]


def train(model, optimizer, first, last):
    model.train()
    for step in range(first, last):
        part = rows()[4 * step :][:4]
        optimizer.zero_grad()
        model(**{key: torch.stack([row[key] for row in part]) for key in part[0]}).loss.backward()
        optimizer.step()


def weights(model):
    return {name: p.detach().clone() for name, p in model.named_parameters()}


def equal(left, right):
    return list(left) == list(right) and all(torch.equal(left[name], right[name]) for name in left)


# --- torch's recipe, and Lightning's ckpt_path: the weights first, then the optimizer, then its state ---


@pytest.fixture
def run(home):
    """The whole run's end, and a checkpoint from within it."""
    model = pretrained(home)
    optimizer = RecAdam(recall_groups(model), **SETTINGS)
    train(model, optimizer, 0, HALF)
    saved = {"model": weights(model), "optimizer": copy.deepcopy(optimizer.state_dict())}
    train(model, optimizer, HALF, STEPS)
    return weights(model), saved


@pytest.mark.parametrize("start", ["pretrained", "config", "checkpoint"])
def test_weights_then_optimizer_then_state(home, run, start, tmp_path):
    end, saved = run
    if start == "checkpoint":  # a folder, as Trainer leaves it: there the head is in the file, too
        model = pretrained(home)
        model.load_state_dict(saved["model"])
        model.save_pretrained(tmp_path)
        model = KIND.from_pretrained(tmp_path)
    else:
        model = pretrained(home) if start == "pretrained" else KIND(hf.BertConfig.from_pretrained(home))
        model.load_state_dict(saved["model"])
    anchors = load_anchors(home, model)
    groups = recall_groups(model) if start == "pretrained" else recall_groups(model, anchors=anchors)
    with pytest.raises(ValueError, match="saved with other anchors"):
        RecAdam(groups, **SETTINGS).load_state_dict(saved["optimizer"])
    optimizer = RecAdam(groups, **SETTINGS, anchors=anchors)
    optimizer.load_state_dict(saved["optimizer"])
    train(model, optimizer, HALF, STEPS)
    assert equal(weights(model), end)


def test_optimizer_then_weights_then_state(home, run):
    end, saved = run
    model = pretrained(home)
    optimizer = RecAdam(recall_groups(model), **SETTINGS)
    model.load_state_dict(saved["model"])
    optimizer.load_state_dict(saved["optimizer"])
    train(model, optimizer, HALF, STEPS)
    assert equal(weights(model), end)


# --- transformers.Trainer ---


class Own(hf.Trainer):
    """A Trainer that makes its optimizer itself: when it resumes, the weights have moved by then."""

    def __init__(self, *given, home, bring, **named):
        super().__init__(*given, **named)
        self.home, self.bring = home, bring

    def create_optimizer(self, model=None):
        anchors = load_anchors(self.home, self.model) if self.bring else None
        self.optimizer = RecAdam(recall_groups(self.model), **SETTINGS, anchors=anchors)
        return self.optimizer


def arguments(folder):
    return hf.TrainingArguments(
        str(folder),
        max_steps=STEPS,
        save_steps=HALF,
        per_device_train_batch_size=4,
        learning_rate=SETTINGS["lr"],
        train_sampling_strategy="sequential",
        use_cpu=True,
        report_to=[],
        disable_tqdm=True,
    )


def test_a_trainer_that_makes_its_optimizer(home, tmp_path):
    def go_on(folder, resume, bring=True):
        trainer = Own(pretrained(home), arguments(folder), train_dataset=rows(), home=home, bring=bring)
        trainer.train(resume_from_checkpoint=resume)
        assert trainer.optimizer.param_groups[0]["t"] == STEPS
        return weights(trainer.model)

    end, checkpoint = go_on(tmp_path / "whole", None), str(tmp_path / "whole" / f"checkpoint-{HALF}")
    assert equal(go_on(tmp_path / "again", checkpoint), end)
    with pytest.raises(ValueError, match="saved with other anchors"):
        go_on(tmp_path / "lost", checkpoint, bring=False)


@pytest.mark.parametrize("start", ["home", "checkpoint"])
def test_a_trainer_that_is_given_its_optimizer(home, tmp_path, start):
    def go_on(folder, model, resume):
        anchors = load_anchors(home, model)
        optimizer = RecAdam(recall_groups(model, anchors=anchors), **SETTINGS, anchors=anchors)
        trainer = hf.Trainer(model, arguments(folder), train_dataset=rows(), optimizers=(optimizer, None))
        trainer.train(resume_from_checkpoint=resume)
        return weights(trainer.model)

    end = go_on(tmp_path / "whole", pretrained(home), None)
    checkpoint = tmp_path / "whole" / f"checkpoint-{HALF}"
    model = pretrained(home) if start == "home" else KIND.from_pretrained(checkpoint)
    assert equal(go_on(tmp_path / "again", model, str(checkpoint)), end)
