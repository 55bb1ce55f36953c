"""The lab without a browser: what a view asks for, what it is told, and what a script does in its stead."""

import asyncio
import threading
import time

import pytest
from labs import PATIENCE, View, until

from recall_learn.methods.recadam.optimizer import RecAdam
from recall_learn.runs.finetune import finetune
from recall_learn.runs.recipe import Recipe


def test_a_view_that_comes_is_told_everything(make):
    lab = make()
    first = View(lab)
    assert [message["type"] for message in first.told] == ["begin", "knobs", "knobs", "state"]
    assert first.knobs == {"k": 0.5, "t0": 6.0, "gamma": 100.0, "lr": 1e-3}
    assert (first.last("state")["state"], first.told[0]["engine"]) == ("new", "python")
    first.ask("step", steps=5)
    until(lab, "paused")
    again = View(lab)  # as one in another tab
    for view in (first, again):
        assert [row[0] for row in view.rows()] == [1, 2, 3, 4, 5] == [row[0] for row in view.rows(1)]
        assert [message["step"] for message in view.all("evaluation", 0)] == [0, 4]
    assert again.rows() == [[r["step"], r["loss"], r["lambda"], r["lr"], r["pull"]] for r in lab.run.history]
    last = lab.run.evaluations[-1]
    assert again.last("evaluation", 0)["values"] == {
        "score": last["metrics"][lab.run.primary],
        "distance": last["distance"],
    }
    assert again.ask("hello")[0]["id"] == first.told[0]["id"] == 1
    assert again.ask("reset")[0]["id"] == 2


def test_what_a_view_sets_acts_from_the_next_step_on(make):
    lab = make()
    view = View(lab)
    view.ask("step", steps=5)
    until(lab, "paused")
    (changes, told) = view.set(k="inf", t0=9)
    assert changes == {"type": "changes", "side": 0, "changes": [{"step": 6, "k": "inf", "t0": 9.0}]}
    assert (told["type"], told["values"]["k"], told["values"]["t0"]) == ("knobs", "inf", 9.0)
    view.set(gamma=10.0)
    view.set(lr=5e-4)
    view.ask("start")
    until(lab, "done")
    assert lab.run.changes == [{"step": 6, "k": "inf", "t0": 9.0, "gamma": 10.0, "lr": 5e-4}]
    assert lab.run.history[5]["lr"] == pytest.approx(5e-4 * 7 / 12)
    assert lab.beside.changes == []
    assert [record["lambda"] for record in lab.beside.history] == [1.0] * 12


def test_a_value_between_notches_and_beyond_them_acts_and_is_told_as_it_is(make):
    """No slider answers: what it would have clamped or rounded stays."""
    lab = make()
    view = View(lab)
    view.ask("step")
    until(lab, "paused")
    for values in ({"lr": 0.0151}, {"k": 0.123}, {"t0": 1e300}, {"t0": 9.51}):
        assert "refused" not in [message["type"] for message in view.set(**values)]
        assert view.knobs | values == view.knobs
    assert lab.run.changes == [{"step": 2, "k": 0.123, "t0": 9.51, "lr": 0.0151}]
    view.ask("preset", name="The paper's setting")
    assert (lab.recipe.lr, view.knobs["lr"], view.last("begin")["sides"][0]["recipe"]["lr"]) == (2e-5, 2e-5, 2e-5)
    until(lab, "done")
    assert lab.run.changes == []
    assert "changes" not in [message["type"] for message in view.told[-5:]]


def test_a_setting_before_the_first_step_is_the_recipe(make):
    lab = make()
    view = View(lab)
    view.set(k=0.02, lr=2e-4)
    lab.step()
    until(lab, "paused")
    assert (lab.run.recipe.k, lab.run.recipe.lr, lab.run.changes) == (0.02, 2e-4, [])
    lab.reset()
    assert (lab.state, lab.run.recipe.k) == ("new", 0.02)  # what is set is what begins


def test_what_the_view_does_a_script_does(make):
    lab = make()
    with pytest.raises(ValueError, match="nothing to save before the first step"):
        lab.save("early")
    with pytest.raises(ValueError, match="steps is 0"):
        lab.step(0)
    lab.step(3)
    assert lab.wait(PATIENCE) == "paused"
    lab.set(k=0.123, lr=7e-4)
    lab.set("beside", lr=6e-4)
    assert lab.recipe.k == 0.123
    for wrong in ("abc", float("nan"), -1.0, None):
        with pytest.raises(ValueError, match="k is"):
            lab.set(k=wrong)
    with pytest.raises(ValueError, match="lr \\* gamma is"):
        lab.set(lr=1e9)
    with pytest.raises(ValueError, match="which is 'twin'; it has to be one of run, beside"):
        lab.set("twin", lr=1.0)
    with pytest.raises(ValueError, match=r"which is \['run'\]; it has to be one of run, beside"):
        lab.set(["run"], lr=1.0)
    with pytest.raises(ValueError, match=r"preset is \[\]; it has to be one of"):
        lab.preset([])
    with pytest.raises(ValueError, match="beside is 'twin'"):
        lab.reset(beside="twin")
    lab.start()
    lab.start()  # twice is once
    assert lab.wait(PATIENCE) == "done"
    assert lab.run.changes == [{"step": 4, "k": 0.123, "lr": 7e-4}]
    assert lab.beside.changes == [{"step": 4, "lr": 6e-4}]
    lab.reset()
    assert (lab.state, lab.recipe.k) == ("new", 0.123)
    lab.close()
    for act in (lab.start, lab.step, lab.reset, lab.again):
        with pytest.raises(ValueError, match="closed"):
            act()


def test_what_is_refused_is_said_and_changes_nothing(make):
    lab = make()
    view = View(lab)
    view.ask("step")
    until(lab, "paused")
    view.set(lr=5e-4)
    view.set(gamma=3000.0)
    assert "lr * gamma is 1.5: above 1 each step overshoots" in view.text
    view.set(gamma=100.0)
    assert "overshoots" not in view.text
    view.set(lr=1e-3)
    (refused,) = view.set(gamma=5000.0)
    assert refused["text"].startswith("(1 - lambda) * lr * gamma is 4.62 at the first step; the pull diverges")
    assert (refused["values"]["gamma"], lab.run.changes) == (100.0, [])
    (refused,) = view.set(1, k=0.5)
    assert "k cannot change while vanilla trains" in refused["text"]
    assert refused["values"] == {"lr": 1e-3}


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ({"type": "nonsense"}, "which no lab knows"),
        ({}, "which no lab knows"),
        ({"type": ["set"]}, "which no lab knows"),
        ({"type": "set", "side": 7, "values": {}}, "which no lab knows"),
        ({"type": "set"}, "KeyError: 'values'"),
        ({"type": "set", "values": 3}, "TypeError"),
        ({"type": "set", "values": {"k": {"a": 1}}}, "K is {'a': 1}; it has to be a number"),
        ({"type": "set", "values": {"seed": 3}}, "Seed cannot change while recadam trains"),
        ({"type": "step", "steps": -1}, "Steps is -1"),
        ({"type": "preset", "name": "none such"}, "Preset is 'none such'"),
        ({"type": "reset", "setup": {"batch_size": 10**9}}, "Batch_size is 1e+09; a lab takes 1,024 at most"),
        ({"type": "reset", "setup": {"steps": 10**6, "batch_size": 4096}}, "Steps is 1e+06; a lab takes 100,000"),
        ({"type": "reset", "setup": {"method": "recadm"}}, "did you mean recadam?"),
        ({"type": "reset", "setup": {"p": 0.3}}, "P"),
        ({"type": "open", "text": "{"}, "This file is no recorded run"),
        ({"type": "open"}, "KeyError"),
        ({"type": "save", "name": "/proc/none"}, "Nothing to save before the first step"),
    ],
)
def test_nonsense_is_refused_in_a_sentence(make, message, words):
    lab = make()
    view = View(lab)
    lab._handle_custom_msg(message, [])
    refused = view.told[-1]
    assert refused["type"] == "refused"
    assert words.lower() in refused["text"].lower()
    assert (lab.state, lab.run.recipe.seed, len(view.all("begin"))) == ("new", 0, 1)


def test_what_wants_a_new_run_acts_with_reset(make):
    lab = make()
    view = View(lab)
    view.ask("step")
    until(lab, "paused")
    view.set(k=0.3)
    told = view.ask("reset", setup={"seed": 4, "steps": 24, "algorithm": "released", "warmup": 0.25})
    assert [message["type"] for message in told] == ["begin", "knobs", "knobs", "state"]
    recipe = lab.run.recipe
    assert (recipe.seed, recipe.steps, recipe.evaluate_every, recipe.k) == (4, 24, 8, 0.3)
    assert (recipe.algorithm, recipe.warmup, lab.state) == ("released", 0.25, "new")
    assert len(view.ask("reset", setup={"beside": "nothing"})[0]["sides"]) == 1
    assert lab.beside is None
    (begin, *_) = view.ask("reset", setup={"method": "vanilla", "lr": 5e-4})
    assert [knob["key"] for knob in begin["sides"][0]["knobs"]] == ["lr"]
    lab.start()
    until(lab, "done")
    assert (len(lab.run.history), lab.run.recipe.lr) == (24, 5e-4)


def test_setting_b_has_knobs_of_its_own(make):
    lab = make("setting B")
    view = View(lab)
    assert [side["name"] for side in view.told[0]["sides"]] == ["RecAdam A", "RecAdam B"]
    view.set(1, gamma=1.0)
    view.ask("step")
    until(lab, "paused")
    assert (lab.run.recipe.gamma, lab.beside.recipe.gamma) == (100.0, 1.0)
    view.set(1, k=0.0)
    view.ask("step")
    until(lab, "paused")
    assert lab.beside.changes == [{"step": 2, "k": 0.0}]
    assert lab.run.changes == []
    assert lab.run.history[0]["loss"] == lab.beside.history[0]["loss"]  # the same batch, the same start
    view.ask("reset", setup={"seed": 2})
    assert [(run.recipe.seed, run.recipe.gamma) for run in (lab.run, lab.beside)] == [(2, 100.0), (2, 1.0)]


def test_again_is_another_draw_of_chance(make):
    lab = make()
    view = View(lab)
    view.ask("again", seed="next")
    until(lab, "done")
    losses = lab.run.column("loss")
    assert lab.run.recipe.seed == 1
    view.ask("again", seed="next")
    until(lab, "done")
    assert (lab.run.recipe.seed, lab.run.column("loss") == losses) == (2, False)


def test_the_lab_tells_by_itself_where_there_is_a_loop(make):
    lab = make(beside="nothing")
    view = View(lab)

    async def session():
        lab.start()
        deadline = time.monotonic() + PATIENCE
        while view.last("state")["state"] != "done":
            assert time.monotonic() < deadline
            await asyncio.sleep(0.01)
        await asyncio.gather(*(asyncio.all_tasks() - {asyncio.current_task()}))

    kernel = threading.Thread(target=lambda: asyncio.run(session()))  # this thread may have a loop of its own
    kernel.start()
    kernel.join(PATIENCE)
    assert lab.state == "done"
    assert [row[0] for row in view.rows()] == list(range(1, 13))


def test_a_run_that_was_saved_is_played_again(make, tmp_path):
    lab = make()
    view = View(lab)
    lab.step(5)
    lab.wait(PATIENCE)
    lab.set(k=2.0, lr=5e-4)
    lab.start()
    lab.wait(PATIENCE)
    saved = view.ask("save", name=str(tmp_path / "mine"))[0]
    assert (saved["type"], saved["name"]) == ("saved", str(tmp_path / "mine"))
    text = (tmp_path / "mine" / "run.json").read_text()
    other = make(seed=5)
    view = View(other)
    view.ask("open", text=text)
    until(other, "done")
    assert other.run.changes == [{"step": 6, "k": 2.0, "lr": 5e-4}]
    assert view.last("compared") == {"type": "compared", "steps": 12, "worst": 0.0}
    other.replay(tmp_path / "mine" / "run.json")
    assert other.wait(PATIENCE) == "done"
    assert view.last("compared")["worst"] == 0.0


def test_a_hand_on_the_optimizer_is_noted_and_told(make, monkeypatch):
    lab = make()
    view = View(lab)
    made, init = [], RecAdam.__init__
    monkeypatch.setattr(RecAdam, "__init__", lambda self, *a, **n: (init(self, *a, **n), made.append(self))[0])
    lab.step(5)
    lab.wait(PATIENCE)
    for group in made[0].param_groups:
        group["lr"] = group["lr"] / 2
        if group["recall"]:
            group["gamma"] = 7.0
    lab.step(2)
    lab.wait(PATIENCE)
    assert lab.run.changes == [{"step": 6, "gamma": 7.0, "lr": pytest.approx(5e-4)}]
    assert view.last("changes", 0)["changes"][0]["gamma"] == 7.0
    assert (view.knobs["gamma"], view.knobs["lr"]) == (7.0, pytest.approx(5e-4))
    assert lab.run.history[5]["lr"] == pytest.approx(5e-4 * 7 / 12)


def test_groups_that_a_hand_gave_different_rates_keep_them_and_the_first_ones_is_recorded(make, monkeypatch):
    lab = make("nothing")
    view = View(lab)
    made, init = [], RecAdam.__init__
    monkeypatch.setattr(RecAdam, "__init__", lambda self, *a, **n: (init(self, *a, **n), made.append(self))[0])
    lab.step(5)
    lab.wait(PATIENCE)
    assert not any("lr_other" in record for record in lab.run.history)
    first, other = made[0].param_groups
    other["lr"] /= 10
    lab.step(2)
    lab.wait(PATIENCE)
    assert lab.run.changes == []  # the first group's is what it was
    first["lr"] /= 2
    lab.step(2)
    lab.wait(PATIENCE)
    assert lab.run.changes == [{"step": 8, "lr": pytest.approx(5e-4)}]
    told = [(record["lr"], record.get("lr_other")) for record in lab.run.history]
    falls = [1 - step / 12 for step in range(9)]
    assert told[:5] == [(pytest.approx(1e-3 * fall), None) for fall in falls[:5]]
    assert told[5:7] == [(pytest.approx(1e-3 * fall), pytest.approx(1e-4 * fall)) for fall in falls[5:7]]
    assert told[7:] == [(pytest.approx(5e-4 * fall), pytest.approx(1e-4 * fall)) for fall in falls[7:]]
    assert view.text.startswith("The optimizer's groups have different learning rates. Drawn and recorded is the high")
    assert "the lowest is 3.33e-05." in view.text
    view.set(lr=2e-4)
    view.ask("start")
    until(lab, "done")
    assert [group["initial_lr"] for group in made[0].param_groups] == [2e-4, 2e-4]
    assert "lr_other" not in lab.run.history[-1]
    assert view.text == ""


def test_what_lesson_8_does_beside_a_lab_is_as_without_one(make, world):
    """Its cells run `finetune` twice, and print that both are the same."""
    lab = make(steps=400, evaluate_every=400)
    lab.start()
    recipe = Recipe(backbone=str(world / "bert"), method="recadam", max_length=40, steps=6, batch_size=4)
    one, other = (finetune(recipe, progress=False, device="cpu", data_folder=world / "glue") for _ in range(2))
    assert lab.state in ("loading", "running")
    lab.close()
    assert one.history == other.history
    assert one.evaluations == other.evaluations
