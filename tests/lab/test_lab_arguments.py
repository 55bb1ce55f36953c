"""What a lab is made of: its arguments, what it begins with by itself, and what is there where nobody holds it."""

import threading

import numpy as np
import pytest
from labs import PATIENCE

from recall_learn.lab import background, live, presets
from recall_learn.lab.browser import page
from recall_learn.lab.live import Lab
from recall_learn.runs import record as runs
from recall_learn.runs.recipe import Recipe


def test_bad_arguments(make, tmp_path):
    with pytest.raises(ValueError, match="beside is 'twin'"):
        make("twin")
    with pytest.raises(FileNotFoundError, match=r"run\.json is not there"):
        make(folder=tmp_path)
    with pytest.raises(ValueError, match="leave one out"):
        Lab(Recipe(), folder=tmp_path)
    with pytest.raises(ValueError, match="recipe is 'tiny'; it has to be a Recipe"):
        Lab("tiny")
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(ValueError, match=r"is damaged .*use another folder"):
        Lab(folder=tmp_path)


def test_numbers_of_numpy_are_numbers(make, tmp_path):
    lab = make("nothing")
    lab.step(np.int64(2))
    assert lab.wait(np.float64(PATIENCE)) == "paused"
    lab.set(k=np.float32(0.25), t0=np.int64(3), lr=np.float64(5e-4))
    lab.step()
    lab.wait(PATIENCE)
    lab.save(tmp_path / "saved")
    saved = runs.load(tmp_path / "saved" / "run.json")
    assert saved.changes == [{"step": 3, "k": 0.25, "t0": 3.0, "lr": 5e-4}]
    for wrong in (True, 2.5, "2", -1):
        with pytest.raises(ValueError, match="steps is"):
            lab.step(wrong)
    for wrong in (True, "2", -1, float("nan")):
        with pytest.raises(ValueError, match="seconds is"):
            lab.wait(wrong)


def test_minilm_is_asked_what_it_was_made_for_where_that_is_in_reach(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    asked = Recipe(backbone="minilm", task="cola")
    assert presets.watched(asked, tmp_path) == asked  # there is no STS-B
    monkeypatch.setattr(presets.loading, "locate", lambda task, folder: None)
    assert presets.watched(asked, tmp_path).probe == "stsb"
    for other in (Recipe(backbone="tiny", task="world/cola"), Recipe(backbone="minilm", task="cola", probe="none")):
        assert presets.watched(other, tmp_path) == other


def test_the_default_says_what_it_takes(monkeypatch):
    recipe, line = presets.default_recipe()
    assert (recipe.backbone, recipe.task) == ("tiny", "world/cola")
    assert "half a million weights, in this package" in line
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.is_bf16_supported", lambda including_emulation: False)
    monkeypatch.setattr("torch.cuda.get_device_name", lambda: "a card")
    monkeypatch.setattr(presets.hub, "cached", lambda *args, **kwargs: None)
    monkeypatch.setattr(presets.hub, "offline", lambda: False)
    recipe, line = presets.default_recipe()
    assert (recipe.backbone, recipe.task, recipe.mixed_precision) == ("bert-base-uncased", "cola", "fp16")
    assert "440 MB, downloaded from the hub when you press Start" in line
    monkeypatch.setattr(presets.hub, "offline", lambda: True)
    assert "bert" not in presets.default_recipe()[0].backbone
    assert "bert-base-uncased" not in presets.choices(presets.default_recipe()[0])


def test_runs_that_nobody_holds_end(world):
    """What is left at the interpreter's end is closed, see `background`."""
    session = background.Background(
        Recipe(backbone=str(world / "bert"), steps=500, batch_size=4, max_length=40),
        data_folder=world / "glue",
        device="cpu",
    )
    session.start()
    background._close_all()
    assert session.state == "closed"
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("recall-learn")]


def test_a_page_of_the_book_gets_a_lab_that_trains_by_itself_and_no_widget(monkeypatch):
    monkeypatch.setenv(live.STATIC, "1")
    recipe, other = recipe_of(k=0.05), recipe_of(k=0.5)
    lab = live.Lab(recipe)
    assert lab.comm is None
    assert lab._repr_mimebundle_() == {"text/html": page.page(recipe)}
    lab._begin(recipe, live.OTHER, other)
    assert lab._repr_mimebundle_() == {"text/html": page.page(recipe, beside=other, how=live.OTHER)}
    elsewhere = live.Lab(Recipe("tiny", "world/cola", "mixout", steps=3))  # which the page has not
    assert "recall-lab" not in str(elsewhere._repr_mimebundle_())
    lab.close()
    elsewhere.close()


def recipe_of(k):
    return Recipe("tiny", "world/cola", f"recadam(k={k})", steps=3)
