"""Pretraining in the small world: its steps; stopped, damaged, and gone on with."""

import json
import os

import numpy as np
import pytest
import torch
from alike import each_word_hidden
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from small import refused, short_text
from transformers import AutoTokenizer, BertForMaskedLM

from recall_learn.measures import probes
from recall_learn.models import backbones
from recall_learn.runs import pretrain
from recall_learn.runs.pretrain import STATE, Batches, Pretraining, make_tokenizer, new_model
from recall_learn.support.lock import TakenError, owning
from recall_learn.world import World


@pytest.fixture(scope="module")
def world(short_world):
    return short_world


# --- steps ---


def weights(training):
    return {name: tensor.clone() for name, tensor in training.masked_lm.model.state_dict().items()}


def visible(folder):
    return sorted(path.name for path in folder.iterdir() if path.name != ".lock")


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.fixture(scope="module")
def straight(world):
    """Six steps without a stop: losses and weights."""
    training = Pretraining(world, 6)
    losses = [training.train_step() for _ in range(6)]
    return losses, weights(training)


def test_weights_are_drawn_from_the_worlds_seed_or_from_another(world):
    tokens, before = len(make_tokenizer(world)), torch.get_rng_state()
    own, same, other = (new_model(world, tokens, 32, 1, seed=seed).state_dict() for seed in (None, world.seed, 1))
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(p, same[name]) for name, p in own.items())
    drawn = [name for name, p in own.items() if p.std() > 0]
    assert drawn
    assert not any(torch.equal(own[name], other[name]) for name in drawn)


def test_the_steps_are_the_loop_that_anybody_would_write(world, straight):
    model, tokenizer = new_model(world, len(make_tokenizer(world))), make_tokenizer(world)
    batches, losses = Batches(world, tokenizer, 128), []
    optimizer = torch.optim.AdamW(model.parameters(), betas=(0.9, 0.98), weight_decay=0.0)
    for step in range(1, 7):
        inputs, words = batches(step)
        labels = torch.full_like(inputs["input_ids"], -100)
        labels[range(len(words)), inputs.pop("places")] = words
        loss = model(**inputs, labels=labels).loss
        optimizer.param_groups[0]["lr"] = 1.5e-3 * step / 200
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    assert losses == pytest.approx(straight[0], rel=1e-5)
    for name, weight in straight[1].items():
        torch.testing.assert_close(weight, model.state_dict()[name], rtol=1e-3, atol=2e-6)


def test_one_seed_gives_one_training(world, straight):
    torch.manual_seed(99)
    state = torch.random.get_rng_state()
    training = Pretraining(world, 6)
    assert [training.train_step() for _ in range(6)] == straight[0]
    assert same(weights(training), straight[1])
    assert training.first == straight[0][:5]
    assert torch.equal(torch.random.get_rng_state(), state)
    with short_text():
        assert Pretraining(World(1), 6).train_step() != straight[0][0]


def test_it_goes_on_from_a_saved_state_to_the_bit(world, straight, tmp_path):
    training = Pretraining(world, 6)
    losses = [training.train_step() for _ in range(3)]
    point = {"step": 3, "lr": 0.1, "loss": 1.0, "held_out_loss": 2.0, "held_out_accuracy": 0.5, "facts": 0.25}
    training.seconds, training.curve = 12.5, [point]
    training.save_state(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [STATE]
    training.train_step()  # what comes after does not reach the file
    again = Pretraining(world, 6)
    again.load_state(tmp_path)
    assert (again.step, again.seconds, again.curve, again.first) == (3, 12.5, [point], losses)
    assert losses + [again.train_step() for _ in range(3)] == straight[0]
    assert same(weights(again), straight[1])
    assert again.first == straight[0][:5]


def test_the_learning_rate_rises_in_a_line_and_falls_in_half_a_cosine(world):
    training = Pretraining(world, 1000)
    assert training.lr(1) == pytest.approx(1.5e-3 / 200)
    assert training.lr(200) == pytest.approx(1.5e-3)
    assert training.lr(600) == pytest.approx(1.5e-3 / 2)
    assert training.lr(1000) == pytest.approx(0, abs=1e-12)


# --- a whole pretraining ---


@pytest.fixture
def often(monkeypatch):
    monkeypatch.setattr(pretrain, "EVERY", 2)


def go(out, world, **changes):
    return pretrain.pretrain(out, world, progress=False, **{"steps": 5, **changes})


@pytest.fixture(scope="module")
def finished(world, tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished") / "deep" / "model"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pretrain, "EVERY", 2)
        return folder, go(folder, world)


def test_a_pretraining_leaves_a_backbone_and_how_it_came_about(world, finished):
    folder, about = finished
    assert not (folder / STATE).exists()
    assert json.loads((folder / "pretraining.json").read_text()) == about
    assert about["world"] == {"seed": 0, "digest": world.digest, "facts": len(world.facts)}
    assert about["passages"] == {"train": 5000, "held-out": 80}
    assert about["command"] == "recall-learn world pretrain --seed 0 --steps 5"
    assert [point["step"] for point in about["curve"]] == [0, 2, 4, 5]
    assert len(about["first_losses"]) == 5
    assert about["curve"][1]["loss"] == pytest.approx(sum(about["first_losses"][:2]) / 2)
    assert about["curve"][3]["loss"] == pytest.approx(about["first_losses"][4])
    last = about["curve"][-1]
    assert about["held_out_loss"] == last["held_out_loss"]
    assert (about["held_out_accuracy"], about["facts_known"]) == (last["held_out_accuracy"], last["facts"])
    model = BertForMaskedLM.from_pretrained(folder)
    assert about["weights"] == sum(parameter.numel() for parameter in model.parameters())
    backbone = backbones.load(str(folder), num_labels=2)
    assert backbone.world == {"seed": 0, "digest": world.digest}
    assert backbone.unanchored == ("bert.pooler.dense.weight", "bert.pooler.dense.bias")


def test_a_model_of_another_size_and_of_less_varied_text(often, tmp_path):
    with short_text(train=3000):
        about = go(tmp_path, World(variety=0.25), width=64, layers=1)
        assert about["command"] == (
            "recall-learn world pretrain --seed 0 --steps 5 --width 64 --layers 1 --variety 0.25"
        )
        backbone = backbones.load(str(tmp_path), num_labels=2)
        config = backbone.model.config
        assert (config.hidden_size, config.num_hidden_layers, config.num_attention_heads) == (64, 1, 2)
        assert config.intermediate_size == 128
        assert backbone.world["variety"] == 0.25
        assert probes.world_of(backbone) == World(variety=0.25)
        backbone.world.pop("variety")
        refused(lambda: probes.world_of(backbone), ValueError, "another world of seed 0")


@pytest.mark.parametrize(
    ("size", "said"),
    [
        ({"width": 100}, "width is 100; it has to be a multiple of 32"),
        ({"width": 0}, "width is 0"),
        ({"width": 2048}, "width is 2048"),
        ({"layers": 0}, "layers is 0"),
        ({"layers": 25}, "layers is 25"),
        ({"layers": 1.5}, "layers is 1.5"),
    ],
)
def test_a_size_that_no_model_has_is_refused(world, tmp_path, size, said):
    refused(lambda: go(tmp_path / "out", world, **size), ValueError, said)
    assert not (tmp_path / "out").exists()


def test_the_held_out_loss_is_the_saved_models_own(world, finished):
    folder, about = finished
    model, tokenizer = BertForMaskedLM.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)
    losses, hits = each_word_hidden(model, tokenizer, world.text("held-out"))
    assert about["held_out_loss"] == pytest.approx(np.mean(losses), rel=1e-4)
    assert about["held_out_accuracy"] == pytest.approx(np.mean(hits), abs=1e-3)


def test_stopped_by_ctrl_c_it_goes_on_as_if_it_had_not_been(world, finished, often, monkeypatch, tmp_path, capsys):
    take = Pretraining.train_step

    def stop_at_four(training):
        if training.step == 3:
            raise KeyboardInterrupt
        return take(training)

    monkeypatch.setattr(Pretraining, "train_step", stop_at_four)
    with pytest.raises(KeyboardInterrupt):
        go(tmp_path, world)
    assert "--resume goes on from step 2" in capsys.readouterr().err
    assert visible(tmp_path) == [STATE]
    monkeypatch.setattr(Pretraining, "train_step", take)
    refused(lambda: go(tmp_path, world), ValueError, str(tmp_path), "--resume", "--out")
    refused(lambda: go(tmp_path, world, steps=7, resume=True), ValueError, "steps 5, not 7", "--steps")
    refused(lambda: go(tmp_path, world, width=64, resume=True), ValueError, "width 128, not 64", "give its --width")
    refused(lambda: go(tmp_path, world, layers=1, resume=True), ValueError, "layers 3, not 1", "give its --layers")
    with short_text():
        refused(lambda: go(tmp_path, World(1), resume=True), ValueError, "world")
    about = go(tmp_path, world, resume=True)
    folder, expected = finished
    assert same(load_file(tmp_path / "model.safetensors"), load_file(folder / "model.safetensors"))
    for key in ("curve", "first_losses", "held_out_loss", "facts_known", "world"):
        assert about[key] == expected[key]
    refused(lambda: go(tmp_path, world), ValueError, "holds a model already")
    refused(lambda: go(tmp_path, world, resume=True), ValueError, "holds a model already")


def test_a_result_that_was_cut_off_is_written_again(world, finished, often, tmp_path, monkeypatch):
    from recall_learn.runs import pretrain

    def cut_off(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(pretrain, "write_text", cut_off)
    with pytest.raises(KeyboardInterrupt):
        go(tmp_path, world)
    assert (tmp_path / "model.safetensors").exists()
    monkeypatch.undo()
    assert go(tmp_path, world, resume=True)["curve"] == finished[1]["curve"]
    assert not (tmp_path / STATE).exists()


@pytest.fixture(scope="module")
def state(world, tmp_path_factory):
    """A state as an interrupted pretraining leaves it: what it says of itself, and its tensors."""
    folder = tmp_path_factory.mktemp("state")
    training = Pretraining(world, 6)
    for _ in range(2):
        training.train_step()
    training.curve = [dict.fromkeys(POINT, 0.5) | {"step": step} for step in (0, 2)]
    training.save_state(folder)
    with safe_open(folder / STATE, "pt") as file:
        return json.loads(file.metadata()["about"]), load_file(folder / STATE)


@pytest.fixture(scope="module")
def blank(world):
    """A pretraining that goes on from nothing."""
    return Pretraining(world, 6)


POINT = ("step", "lr", "loss", "held_out_loss", "held_out_accuracy", "facts")
ONE = "bert.embeddings.word_embeddings.weight"


@pytest.mark.parametrize(
    ("lie", "said"),
    [
        ({"step": 7, "curve": [dict.fromkeys(POINT, 7)]}, "step is 7, of 6 steps"),
        ({"step": 0}, "step is 0"),
        ({"step": -250}, "step is -250"),
        ({"step": "2"}, "step is '2'"),
        ({"step": 2.0}, "step is 2.0"),
        ({"step": True}, "step is True"),
        ({"step": 4}, "curve has points at the steps [0, 2], and step is 4"),
        ({"step": 10**40}, "step is"),
        ({"curve": []}, "curve has points at the steps []"),
        ({"curve": "x"}, "curve is 'x'"),
        ({"curve": [[2, 0.1]]}, "curve[0] is [2, 0.1]"),
        ({"curve": [{"step": 2}]}, "curve[0].lr is missing"),
        ({"first": [1.0]}, "first has 1 losses"),
        ({"first": [1.0, None]}, "first[1] is None"),
        ({"first": [1.0, float("nan")]}, "NaN"),
        ({"seconds": -1}, "seconds is -1"),
        ({"seconds": "long"}, "seconds is 'long'"),
        ({"world": 3}, "world is 3"),
        ({"steps": None}, "steps is None"),
    ],
)
def test_a_state_that_lies_of_itself_is_told(blank, state, tmp_path, lie, said):
    about, tensors = state
    save_file(tensors, tmp_path / STATE, {"about": json.dumps(about | lie)})
    text = refused(lambda: blank.load_state(tmp_path), ValueError, str(tmp_path / STATE), said)
    assert "damaged" in text
    assert text.endswith("delete it to begin anew")


@pytest.mark.parametrize("about", ["", "[1]", "null", "[" * 10_000, None])
def test_a_state_that_says_nothing_of_itself(blank, state, tmp_path, about):
    save_file(state[1], tmp_path / STATE, None if about is None else {"about": about})
    refused(lambda: blank.load_state(tmp_path), ValueError, str(tmp_path / STATE), "damaged")


@pytest.mark.parametrize("kind", ["weight", "exp_avg", "exp_avg_sq"])
@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda tensor: None, "lacks"),
        (lambda tensor: tensor[:-1].clone(), "the model has"),
        (lambda tensor: tensor.double(), "torch.float64"),
        (lambda tensor: tensor.long(), "torch.int64"),
        (lambda tensor: tensor * float("nan"), "no training could leave"),
        (lambda tensor: tensor / 0, "no training could leave"),
    ],
)
def test_a_state_with_other_tensors_is_told(blank, state, tmp_path, kind, wrong, said):
    about, tensors = state
    changed = tensors | {f"{kind}/{ONE}": wrong(tensors[f"{kind}/{ONE}"])}
    save_file({k: v for k, v in changed.items() if v is not None}, tmp_path / STATE, {"about": json.dumps(about)})
    refused(lambda: blank.load_state(tmp_path), ValueError, f"{kind}/{ONE}", said, "delete it")


def test_a_second_moment_under_zero_is_told(blank, state, tmp_path):
    about, tensors = state
    changed = tensors | {f"exp_avg_sq/{ONE}": tensors[f"exp_avg_sq/{ONE}"] - 1}
    save_file(changed, tmp_path / STATE, {"about": json.dumps(about)})
    refused(lambda: blank.load_state(tmp_path), ValueError, f"exp_avg_sq/{ONE}", "no training could")


@pytest.mark.parametrize("data", [b"", b"garbage", b"\xff" * 1000])
def test_a_damaged_state_is_told(blank, tmp_path, data):
    (tmp_path / STATE).write_bytes(data)
    refused(lambda: blank.load_state(tmp_path), ValueError, STATE, "damaged", "delete it")


def test_a_state_that_is_no_file_is_told(blank, tmp_path):
    os.mkfifo(tmp_path / STATE)
    refused(lambda: blank.load_state(tmp_path), ValueError, STATE, "no file", "delete it")


def test_a_place_that_cannot_be_written_is_told_before_training(world, tmp_path):
    (tmp_path / "file").touch()
    refused(lambda: go(tmp_path / "file" / "out", world), NotADirectoryError, "is a file")


@pytest.mark.parametrize("out", ["", "a\0b"])
def test_a_name_of_no_folder_is_told(world, out, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    refused(lambda: go(out, world), ValueError, f"out is {out!r}", "names no folder")
    assert not list(tmp_path.iterdir())


def test_one_process_owns_the_folder(world, tmp_path):
    with owning(tmp_path, "wait"):
        refused(lambda: go(tmp_path, world), TakenError, str(tmp_path), str(os.getpid()), "another --out")
    assert visible(tmp_path) == []


def test_all_files_are_readable_by_whom_a_new_file_is(finished):
    folder, _ = finished
    (folder.parent / "new").touch()
    modes = {path.stat().st_mode for path in folder.iterdir() if path.name != ".lock"}
    assert modes == {(folder.parent / "new").stat().st_mode}


def test_resume_where_nothing_was_saved_begins(world, finished, often, tmp_path):
    assert go(tmp_path, world, resume=True)["first_losses"] == finished[1]["first_losses"]


@pytest.mark.parametrize("steps", [0, -1, 2.0, True, "5", 2**64])
def test_steps_have_to_be_a_number_of_them(world, tmp_path, steps):
    refused(lambda: go(tmp_path / "out", world, steps=steps), ValueError, f"steps is {steps!r}", "a whole number of at")
    assert not (tmp_path / "out").exists()
