"""The page that trains: from file://, with no request but for its own files, and the losses are those of torch."""

import json
import shutil
import time
from dataclasses import replace

import pytest
from page_labs import RECIPE, rows

from recall_learn.lab import protocol
from recall_learn.lab.browser import page
from recall_learn.runs.finetune import finetune
from recall_learn.runs.recipe import Recipe
from recall_learn.runs.record import Run
from recall_learn.runs.replay import worst
from recall_learn.runs.steering import replay

SAME = 1e-5
"""How far a loss may be from torch's."""


def test_a_click_trains_the_page_and_nothing_was_asked_for_before_it(open_tab):
    tab = open_tab(page.page(RECIPE), page.page(RECIPE, "small"))
    tab.tab.wait_for_selector(".rl", state="visible")
    assert [url.rsplit("/", 1)[-1] for url in tab.asked if url.startswith("file:")] == ["page.html", page.SCRIPT]
    tab.tab.get_by_role("button", name="Start").first.click()
    tab.shows("step 16 of 16")
    asked = [url.rsplit("/", 1)[-1] for url in tab.asked if url.startswith("file:")]
    assert asked == ["page.html", page.SCRIPT, page.DATA]
    assert all(url.startswith(("file:", "blob:")) for url in tab.asked)


def test_weights_are_said_to_be_measured_only_where_a_method_asks_for_it(open_tab):
    tab = open_tab()
    for name, recipe, said in (("E", RECIPE, False), ("F", replace(RECIPE, method="child-d(p=0.3)"), True)):
        tab.engine(recipe, name=name)
        tab.send({"type": "step", "steps": 1}, name=name)
        tab.state("paused", name=name)
        assert any("Measuring which weights" in each["text"] for each in tab.told("state", name)) == said, recipe.method


def test_a_run_steered_in_the_page_is_torchs_and_is_taken_again_by_python(open_tab):
    tab = open_tab()
    tab.engine()
    tab.send({"type": "step", "steps": 3})
    tab.state("paused")
    tab.send({"type": "set", "side": 0, "values": {"k": 0.5, "t0": 7}}, {"type": "set", "side": 0, "values": {"t0": 6}})
    tab.send({"type": "step", "steps": 6})
    tab.until("last('state')?.step === 9 && last('state')?.state === 'paused'")
    tab.send({"type": "set", "side": 0, "values": {"k": "inf", "lr": 0.0005}}, {"type": "start"})
    tab.state("done")
    run = Run.from_json(tab.saved())
    assert run.recipe == RECIPE
    assert run.changes == [{"step": 4, "k": 0.5, "t0": 6}, {"step": 10, "k": "inf", "lr": 0.0005}]
    assert run.environment["device"] == "browser"
    assert run.environment["versions"].keys() >= {"recall-learn", "Chrome"}
    again = finetune(run.recipe, steer=replay(run.changes), progress=False)
    assert run.environment["anchors"] == again.environment["anchors"]
    assert run.environment["data"] == again.environment["data"]
    assert worst(run, again) < SAME
    for one, other in zip(run.history, again.history, strict=True):
        assert one.keys() == other.keys()
        assert [one[key] for key in ("lambda", "lr", "pull")] == pytest.approx(
            [other[key] for key in ("lambda", "lr", "pull")], rel=1e-12, abs=1e-15
        )
    assert [each["step"] for each in run.evaluations] == [0, 8, 16]
    for one, other in zip(run.evaluations, again.evaluations, strict=True):
        assert one.keys() == other.keys()
        assert one["metrics"] == pytest.approx(other["metrics"])
        assert one["facts"] == other["facts"]
        assert one["layers"] == pytest.approx(other["layers"], abs=1e-4)
        for key in ("distance", "source_loss", "source_accuracy"):
            assert one[key] == pytest.approx(other[key], abs=1e-4)
    assert [row[:2] for row in rows(tab, 0)] == [[each["step"], each["loss"]] for each in run.history]


def test_a_run_of_python_is_played_in_the_page(open_tab):
    steer = {4: {"k": 1.0}, 9: {"gamma": 40.0, "lr": 0.002}}
    recipe = replace(RECIPE, steps=12, seed=3, warmup=0.25, probe="source")
    run = finetune(recipe, steer=lambda step, _: steer.get(step, {}), progress=False)
    tab = open_tab()
    tab.engine()
    tab.send({"type": "open", "text": run.to_json()})
    tab.until("last('compared')")
    found = tab.told("compared")[-1]
    assert found["steps"] == 12
    assert found["worst"] < SAME
    begun = tab.told("begin")[-1]
    assert Recipe.from_dict(begun["recipe"]) == recipe
    assert tab.told("changes")[0] == {"type": "changes", "side": 0, "changes": run.changes}
    stood = [each["values"] for each in tab.told("knobs") if each["side"] == 0]  # the sliders follow what is recorded
    assert [(each["k"], each["gamma"], each["lr"]) for each in stood[-3:]] == [
        (recipe.k, recipe.gamma, recipe.lr), (1.0, recipe.gamma, recipe.lr), (1.0, 40.0, 0.002)
    ]  # fmt: skip
    other = json.loads(run.to_json())
    other["environment"]["data"] = "0" * 64
    tab.send({"type": "open", "text": json.dumps(other)})
    tab.state("failed")
    assert "holds other examples than the page has" in tab.told("state")[-1]["error"]


@pytest.mark.parametrize(
    ("task", "method"),
    [
        ("world/stsb", "l2sp(gamma=0.5, beta=0.1)"),
        ("world/sst2", "recadam(algorithm=released, k=0.5, t0=1) + child-d(p=0.2)"),
        ("world/rte", "ewc"),
        ("world/mrpc", "recadam(algorithm=coupled, k=0.5, t0=2) + child-f(p=0.5)"),
    ],
)
def test_every_task_and_method_is_pythons(open_tab, task, method):
    recipe = Recipe(backbone="tiny", task=task, method=method, steps=3, batch_size=8, probe="none", init="random")
    tab = open_tab()
    tab.engine(recipe, protocol.NOTHING)
    tab.send({"type": "start"})
    tab.state("done", "failed")
    run, again = Run.from_json(tab.saved()), finetune(recipe, progress=False)
    assert worst(run, again) < SAME
    assert run.history[-1].keys() == again.history[-1].keys()
    assert [each.get("penalty", 0) for each in run.history] == pytest.approx(
        [each.get("penalty", 0) for each in again.history], rel=1e-4, abs=1e-6
    )
    for one, other in zip(run.evaluations, again.evaluations, strict=True):
        assert one["metrics"] == pytest.approx(other["metrics"], abs=1e-3)
    if task == "world/rte":
        assert run.environment["fisher"] == again.environment["fisher"]


def test_what_is_set_acts_at_the_next_step_also_while_the_model_is_asked(open_tab):
    tab = open_tab()
    tab.engine(replace(RECIPE, steps=4, evaluate_every=2))
    tab.tab.evaluate(
        """() => E.engine.listen((message) => {
          const last = message.type === "records" && message.side === 1 && message.rows.at(-1)[0] === 2;
          if (last) E.send({ type: "set", side: 0, values: { t0: 1 } });
        })"""
    )
    tab.send({"type": "start"})
    tab.state("done")
    kinds = [(each["type"], each.get("side"), each.get("step")) for each in tab.tab.evaluate("() => E.told")]
    asked = [i for i, each in enumerate(kinds) if each[:2] == ("knobs", 0)]
    assert asked[-1] < kinds.index(("evaluation", 0, 2))
    assert tab.told("changes")[-1]["changes"] == [{"step": 3, "t0": 1}]
    former, now = RECIPE.methods[0].schedule, replace(RECIPE, method="recadam(k=0.2, t0=1)").methods[0].schedule
    assert [row[2] for row in rows(tab, 0)] == pytest.approx([former(1), former(2), now(3), now(4)])


def test_a_storm_of_moves_leaves_what_was_set_last_and_is_never_echoed(open_tab):
    tab = open_tab()
    tab.engine(replace(RECIPE, steps=60, evaluate_every=60, probe="none"))
    tab.send({"type": "start"})
    tab.until("last('records')")
    tab.tab.evaluate(
        """() => new Promise((done) => {
          let moves = 0;
          const move = () => {
            for (let i = 0; i < 5; i++) {
              moves++;
              E.send({ type: "set", side: 0, values: { k: moves / 1000, t0: moves } });
            }
            if (moves < 200) requestAnimationFrame(move); else done();
          };
          move();
        })"""
    )
    tab.state("done")
    knobs = [each["values"] for each in tab.told("knobs") if each["side"] == 0]
    assert len(knobs) == 201
    assert (knobs[-1]["k"], knobs[-1]["t0"]) == (0.2, 200)
    run = Run.from_json(tab.saved())
    assert run.changes
    assert all({"step"} < each.keys() <= {"step", "k", "t0"} for each in run.changes)
    steps = [each["step"] for each in run.changes]
    assert steps == sorted(set(steps))
    told = {row[0]: row[2] for row in rows(tab, 0)}
    now = RECIPE
    for step in range(1, 61):
        for change in run.changes:
            if change["step"] == step:
                now = replace(now, method=f"recadam(k={change.get('k', now.k)}, t0={change.get('t0', now.t0)})")
        assert told[step] == pytest.approx(now.methods[0].schedule(step), rel=1e-9, abs=1e-12)
    assert len(rows(tab, 1)) == 60


def test_two_labs_of_a_page_train_apart_and_one_has_the_address(open_tab):
    tab = open_tab()
    tab.engine(replace(RECIPE, steps=6, seed=1, probe="none"), link=True)
    tab.engine(replace(RECIPE, steps=6, seed=2, probe="none", method="l2sp"), name="F")
    for name in ("E", "F"):
        tab.send({"type": "set", "side": 0, "values": {"lr": 0.0007}}, {"type": "start"}, name=name)
    for name in ("E", "F"):
        tab.state("done", name=name)
        assert len(rows(tab, 0, name)) == len(rows(tab, 1, name)) == 6
    tab.tab.wait_for_function("() => location.hash.includes('seed=1')")
    assert tab.tab.evaluate("() => location.hash").startswith("#lab&task=world%2Fcola&method=recadam(k%3D0.2")
    assert rows(tab, 0) != rows(tab, 0, "F")
    assert "link" in tab.told("begin")[0]["can"]
    assert "link" not in tab.told("begin", "F")[0]["can"]


def test_an_address_brings_the_session_back(open_tab):
    tab = open_tab()
    tab.tab.get_by_role("button", name="Start").first.click()
    tab.shows("step 16 of 16")
    url = tab.tab.url.split("#")[0]
    changed = "#lab&steps=20&seed=5&method=recadam(k%3D0.4)&changes=3:k=1,t0=2"
    tab.go("about:blank")
    tab.go(url + changed)
    tab.tab.wait_for_selector(".rl", state="visible")
    tab.tab.get_by_role("button", name="Start").first.click()
    tab.shows("step 20 of 20")
    tab.engine(link=True)
    tab.until("last('state')")
    begun = Recipe.from_dict(tab.told("begin")[-1]["recipe"])
    assert (begun.seed, begun.k, begun.task) == (5, 0.4, RECIPE.task)
    assert tab.told("changes")[0]["changes"] == [{"step": 3, "k": 1, "t0": 2}]
    assert "Refused" not in tab.tab.inner_text("body")
    tab.tab.evaluate("() => { location.hash = '#lab&steps=none'; }")
    tab.shows("steps is 'none'")


def test_leaving_in_the_middle_and_coming_back_leaves_nothing_broken(open_tab):
    tab = open_tab()
    tab.engine(replace(RECIPE, steps=5000, probe="none"))
    tab.send({"type": "start"})
    tab.until("last('records')")
    url = tab.tab.url
    tab.go("about:blank")
    tab.go(url)
    tab.engine(replace(RECIPE, steps=3, probe="none"))
    tab.send({"type": "start"})
    tab.state("done")


def test_a_hidden_tab_trains_on_and_shows_all_when_it_returns(open_tab):
    tab = open_tab()
    tab.engine(replace(RECIPE, steps=30, evaluate_every=30, probe="none"))
    tab.send({"type": "start"})
    tab.until("last('records')")
    hide = """(state) => {
      Object.defineProperty(document, "visibilityState", { value: state, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
    }"""
    tab.tab.evaluate(hide, "hidden")
    tab.state("done")
    tab.tab.evaluate(hide, "visible")
    assert [row[0] for row in rows(tab, 0)] == list(range(1, 31))
    told = tab.tab.evaluate("() => { E.told.length = 0; E.send({ type: 'hello' }); }")
    tab.until("last('state')")
    assert told is None
    assert len(rows(tab, 0)) == 30
    assert [each["step"] for each in tab.told("evaluation") if each["side"] == 1] == [0, 30]


def test_again_takes_the_next_seed_and_after_the_end_what_is_set_waits_for_a_new_run(open_tab):
    tab = open_tab()
    tab.engine(replace(RECIPE, steps=2, probe="none"))
    tab.send({"type": "start"})
    tab.state("done")
    tab.send({"type": "set", "side": 0, "values": {"k": 0.7}})
    tab.until("last('state')?.text?.includes('press Reset')")
    tab.send({"type": "again", "seed": "next"})
    tab.until("last('begin')?.id === 2 && last('state')?.state === 'done'")
    recipe = Recipe.from_dict(tab.told("begin")[-1]["recipe"])
    assert (recipe.seed, recipe.k) == (1, 0.7)
    assert tab.told("begin")[-1]["recipe"] != tab.told("begin")[0]["recipe"]


def test_a_run_that_diverges_ends_in_words(open_tab):
    tab = open_tab()
    tab.engine(Recipe(backbone="tiny", task="world/cola", lr=1e30, clip=0, steps=20, probe="none"), protocol.NOTHING)
    tab.send({"type": "start"})
    tab.state("failed")
    assert "lower the learning rate" in tab.told("state")[-1]["error"]
    tab.send({"type": "reset", "setup": {"lr": 0.001, "steps": 2}}, {"type": "start"})
    tab.state("done")


def test_loading_can_be_cancelled_and_a_missing_file_is_named(open_tab, files, tmp_path):
    shutil.copy(files / page.SCRIPT, tmp_path)
    tab = open_tab(folder=tmp_path)
    tab.engine(replace(RECIPE, steps=2, probe="none"))
    tab.send({"type": "start"})
    tab.state("failed")
    assert "lab-data.js is not beside this page" in tab.told("state")[-1]["error"]
    shutil.copy(files / page.DATA, tmp_path)
    tab.send({"type": "start"}, {"type": "cancel"})
    tab.until("last('state')?.state === 'new'")
    time.sleep(0.3)
    assert tab.told("state")[-1]["state"] == "new"
    tab.send({"type": "start"})
    tab.state("done")
    tab.send({"type": "close"})
    tab.state("closed")
    tab.send({"type": "start"})
    tab.until("last('refused')")
    assert "this lab was closed" in tab.told("refused")[-1]["text"]


@pytest.mark.parametrize(
    ("before", "says"),
    [
        ("delete globalThis.DecompressionStream", "This browser has no DecompressionStream"),
        ("WebAssembly.validate = () => false", "This browser has no WebAssembly with 128-bit SIMD"),
        ("delete globalThis.Worker", "This browser has no workers"),
    ],
)
def test_a_browser_that_cannot_train_gets_a_sentence_and_the_explorer(open_tab, before, says):
    tab = open_tab(before=before)
    assert says in tab.tab.inner_text(".recall-lab")
    assert tab.tab.get_attribute(".recall-lab a", "href") == "08_lab.html#explore"
    assert [url.rsplit("/", 1)[-1] for url in tab.asked] == ["page.html", page.SCRIPT]


def test_runs_that_are_begun_one_after_another_leave_the_last_one_alone(open_tab):
    tab = open_tab()
    tab.engine(replace(RECIPE, steps=400, evaluate_every=400, probe="none"))
    for seed in range(5):
        tab.send({"type": "again", "seed": "next"})
        tab.until(f"last('begin')?.id === {seed + 2} && last('records')")
    tab.until("told.slice(told.lastIndexOf(last('begin'))).some((m) => m.type === 'records' && m.rows.at(-1)[0] > 3)")
    tab.send({"type": "reset", "setup": {"steps": 3}}, {"type": "start"})
    tab.state("done")
    told = tab.tab.evaluate("() => E.told.slice(E.told.lastIndexOf(E.last('begin')))")
    steps = [row[0] for each in told if each["type"] == "records" and each["side"] == 0 for row in each["rows"]]
    assert steps == [1, 2, 3]


def test_setting_b_trains_on_the_same_batches_with_settings_of_its_own(open_tab):
    tab = open_tab()
    tab.engine(replace(RECIPE, steps=4, probe="none"), link=True)
    tab.send(
        {"type": "reset", "setup": {"beside": protocol.OTHER}},
        {"type": "set", "side": 1, "values": {"k": 3}},
        {"type": "step", "steps": 2},
    )
    tab.state("paused")
    one, other = rows(tab, 0), rows(tab, 1)
    assert one[0][1] == other[0][1]
    assert one[1] != other[1]
    tab.send({"type": "set", "side": 1, "values": {"t0": 0}}, {"type": "start"})
    tab.state("done")
    assert {each["side"]: each["changes"] for each in tab.told("changes")} == {1: [{"step": 3, "t0": 0}]}
    assert [each["name"] for each in tab.told("begin")[-1]["sides"]] == ["RecAdam A", "RecAdam B"]
    tab.tab.wait_for_function("() => location.hash.includes('b.changes=3%3At0%3D0')")
