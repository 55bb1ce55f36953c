"""A hand on the lab's view: the curve, the keys and the sliders; what is sent, marked, undone and refused."""

import itertools
import math

import pytest
from lab_views import drag, drawn, grip, middle, path, per_step, sent


def test_the_middle_of_the_curve_is_t0(opened):
    tab = opened()
    x, y = grip(tab, "t0")
    drag(tab, (x, y), (x + 50 * per_step(tab), y - 60))
    values = sent(tab)
    assert [set(each) for each in values] == [{"t0"}] * len(values)
    assert len(values) == 4  # one a frame
    assert values[-1]["t0"] == pytest.approx(150, abs=1)
    assert tab.locator(".rl-knob.rl-t0 output").inner_text() == f"{values[-1]['t0']:g}"
    drag(tab, grip(tab, "t0"), (5000, y))
    assert sent(tab)[-1] == {"t0": 300}


def test_the_slope_of_the_curve_is_k(opened):
    tab = opened()
    (x0, _), (x, y) = grip(tab, "t0"), grip(tab, "k")
    assert (x - x0) / per_step(tab) == pytest.approx(math.log(9) / 0.1, abs=0.5)  # where lambda is 0.9
    drag(tab, (x, y), (x0 + 2 * (x - x0), y))
    assert sent(tab)[-1]["k"] == pytest.approx(0.05, rel=0.03)
    drag(tab, grip(tab, "k"), (x0 + 1, y))
    assert sent(tab)[-1] == {"k": "inf"}
    assert tab.locator(".rl-knob.rl-k output").inner_text() == "∞"
    assert "at once" in tab.locator(".rl-words").inner_text()


def test_between_the_handles_a_drag_goes_one_way(opened):
    tab = opened()
    x, y = grip(tab, "t0")
    start = (x + 200, y + 20)
    drag(tab, start, (start[0] + 30 * per_step(tab), start[1] + 8))
    assert {key for each in sent(tab) for key in each} == {"t0"}
    assert sent(tab)[-1]["t0"] == pytest.approx(130, abs=1)
    before = len(sent(tab))
    drag(tab, start, (start[0] + 8, start[1] + 40))
    assert {key for each in sent(tab)[before:] for key in each} == {"k"}
    assert sent(tab)[-1]["k"] == pytest.approx(0.1 / math.e, rel=0.02)


def test_a_finger_drags_the_handle(opened):
    tab = opened(width=390, height=844, has_touch=True)
    (x, y), client = grip(tab, "t0"), tab.context.new_cdp_session(tab)
    for kind, at in (("touchStart", 0), ("touchMove", 20), ("touchMove", 40), ("touchEnd", None)):
        points = [] if at is None else [{"x": x + at, "y": y}]
        client.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        tab.evaluate("frames(1)")
    assert sent(tab)[-1]["t0"] == pytest.approx(100 + 40 / per_step(tab), abs=2)


def test_keys_move_the_handles_and_stay_in_the_lab(opened):
    tab = opened()
    tab.evaluate("window.heard = 0; document.addEventListener('keydown', () => window.heard++)")
    handle = tab.locator(".rl-handle.rl-t0")
    told = [handle.get_attribute(name) for name in ("role", "aria-valuenow", "aria-valuetext")]
    assert told == ["slider", "100", "100 steps"]
    handle.focus()
    for key in ("ArrowRight", "ArrowRight", "Shift+ArrowRight", "Home", "End"):
        tab.keyboard.press(key)
        tab.evaluate("frames(2)")
    assert [each["t0"] for each in sent(tab)] == [103, 106, 136, 0, 300]
    tab.locator(".rl-handle.rl-k").focus()
    tab.keyboard.press("End")
    assert sent(tab)[-1] == {"k": "inf"}
    assert tab.locator(".rl-handle.rl-k").get_attribute("aria-valuetext") == "∞ per step"
    assert tab.evaluate("heard") == 0
    assert tab.locator("[data-lm-suppress-shortcuts=true]").count() == 1


def test_sliders_reach_every_stop_and_infinity(opened):
    tab = opened()
    tab.get_by_role("slider", name="lr").focus()
    tab.keyboard.press("Home")
    assert sent(tab)[-1] == {"lr": 1e-5}
    tab.keyboard.press("End")
    assert sent(tab)[-1] == {"lr": 0.01}
    tab.get_by_role("slider", name="k, per step", exact=True).focus()
    tab.keyboard.press("End")
    assert sent(tab)[-1] == {"k": "inf"}
    tab.keyboard.press("ArrowLeft")
    assert sent(tab)[-1] == {"k": 1}
    tab.keyboard.press("Home")
    assert sent(tab)[-1] == {"k": 0}
    assert "for ever" in tab.locator(".rl-words").inner_text()


def test_notches_are_the_stops_and_choices_a_list(opened):
    tab = opened()
    tab.evaluate("""() => {
        const begin = engine.begin();
        begin.id = 99;
        begin.sides[0].knobs[0].notches = [0, 0.1, 0.5, "inf"];
        const form = { key: "form", label: "form", value: "paper", choices: ["paper", "coupled"] };
        begin.sides[0].knobs.push({ ...begin.sides[0].knobs[2], ...form });
        engine.tell(begin);
    }""")
    tab.evaluate("frames(2)")
    slider = tab.get_by_role("slider", name="k, per step", exact=True)
    assert slider.get_attribute("max") == "3"
    slider.focus()
    tab.keyboard.press("ArrowRight")
    assert sent(tab)[-1] == {"k": 0.5}
    tab.locator(".rl-knob select").select_option("coupled")
    assert sent(tab)[-1] == {"form": "coupled"}


def test_what_the_engine_says_is_shown_and_never_answered(opened):
    tab = opened()
    tab.evaluate("engine.tell({ type: 'knobs', side: 0, values: { k: 'inf', t0: 33.25, lr: 0.0123456 } })")
    tab.evaluate("frames(3)")
    assert tab.locator(".rl-knob output").all_inner_texts() == ["∞", "33.3", "100", "0.0123"]
    assert tab.locator(".rl-handle.rl-t0").get_attribute("aria-valuenow") == "33.25"
    tab.locator(".rl-knob input").nth(3).focus()  # a look is no change
    tab.keyboard.press("Tab")
    tab.evaluate("new Promise(done => setTimeout(done, 700))")
    assert tab.evaluate("engine.sent.map(message => message.type)") == ["hello"]
    assert tab.get_by_role("button", name="Undo").is_disabled()


def test_an_old_echo_does_not_pull_the_hand_back(opened):
    tab = opened()
    tab.evaluate("engine.options.mute = true")
    x, y = grip(tab, "t0")
    drag(tab, (x, y), (x + 90, y), drop=False)
    held = sent(tab)[-1]["t0"]
    drawn(tab, "engine.tell({ type: 'knobs', side: 0, values: { k: 0.1, t0: 101 } })")
    assert tab.locator(".rl-knob.rl-t0 output").inner_text() == f"{held:g}"
    tab.mouse.up()
    tab.evaluate("frames(2)")
    assert tab.locator(".rl-knob.rl-t0 output").inner_text() == f"{held:g}"
    # in the end the engine has the last word, and is not contradicted
    tab.wait_for_function("document.querySelector('.rl-knob.rl-t0 output').textContent === '101'")
    assert sent(tab)[-1]["t0"] == held


def test_the_last_value_of_a_slider_storm_is_sent(opened):
    tab = opened()
    tab.evaluate("""() => {
        engine.say("running");
        const slider = document.querySelector(".rl-knob.rl-t0 input");
        slider.dispatchEvent(new PointerEvent("pointerdown", { bubbles: true }));
        for (let i = 0; i <= 100; i++) {
            slider.value = i;
            slider.dispatchEvent(new Event("input", { bubbles: true }));
        }
        slider.dispatchEvent(new PointerEvent("pointerup", { bubbles: true }));
    }""")
    values = sent(tab)
    assert values == [{"t0": 300}]
    tab.get_by_role("button", name="Undo").click()
    assert sent(tab)[1:] == [{"t0": 100}]


def test_a_slow_drag_of_a_slider_is_one_gesture_though_another_had_the_keys(opened):
    tab = opened()
    tab.get_by_role("slider", name="k, per step", exact=True).focus()
    tab.keyboard.press("ArrowLeft")
    tab.evaluate(
        "() => { const now = performance.now.bind(performance); performance.now = () => now() + (window.later || 0); }"
    )
    x, y = middle(tab, ".rl-knob:has-text('γ') input")
    tab.mouse.move(x - 40, y)
    tab.mouse.down()  # the slider of k loses the keys now
    tab.evaluate("frames(2).then(() => (window.later = 2000))")
    tab.mouse.move(x + 20, y, steps=2)
    tab.mouse.up()
    assert len({each.get("gamma") for each in sent(tab)} - {None}) > 1
    tab.get_by_role("button", name="Undo").click()
    assert sent(tab)[-1] == {"gamma": 100}


def test_a_gesture_is_one_change_marked_everywhere_and_undone(opened):
    tab = opened()
    tab.evaluate("engine.say('running'); engine.take(60)")
    x, y = grip(tab, "t0")
    tab.mouse.move(x, y)
    tab.mouse.down()
    for i in (1, 2, 3):
        tab.mouse.move(x + 20 * i, y)
        tab.evaluate("frames(2).then(() => engine.take(4))")  # changes at 61, 65, 69
    ghost = path(tab, "rl-ghost")
    tab.mouse.up()
    drawn(tab, "engine.take(20)")
    assert tab.evaluate("engine.changes.map(change => change.step)") == [61, 65, 69]
    assert tab.locator(".rl-mark").count() == 5  # the curve and four charts
    assert tab.locator(".rl-number").all_text_contents() == ["1"]
    assert ghost == path(tab, "rl-ghost")
    whole = tab.evaluate("document.querySelector('.rl-handle.rl-t0').getAttribute('aria-valuenow')")
    assert float(whole) == sent(tab)[-1]["t0"]
    tab.get_by_role("button", name="Undo").click()
    assert sent(tab)[-1] == {"t0": 100}
    drawn(tab, "engine.take(10)")
    assert tab.locator(".rl-number").all_text_contents() == ["1", "2"]
    assert tab.get_by_role("button", name="Undo").is_disabled()
    assert tab.locator(".rl-knob.rl-t0 output").inner_text() == "100"


def test_keys_that_follow_one_another_are_one_gesture_and_control_z_takes_it_back(opened):
    tab = opened()
    handle = tab.locator(".rl-handle.rl-t0")
    handle.focus()
    for _ in range(3):
        tab.keyboard.press("ArrowRight")
    drawn(tab)
    tab.locator(".rl-handle.rl-k").focus()
    tab.keyboard.press("End")
    drawn(tab)
    tab.keyboard.press("Control+z")
    assert sent(tab)[-1] == {"k": 0.1}
    tab.keyboard.press("Control+z")
    assert sent(tab)[-1] == {"t0": 100}
    before = len(sent(tab))
    tab.keyboard.press("Control+z")
    assert len(sent(tab)) == before


def test_a_view_that_comes_later_groups_the_changes_it_is_told(opened):
    tab = opened()
    tab.evaluate("""() => {
        const all = { 20: { k: 0.2 }, 21: { k: 0.3 }, 24: { k: 0.4 }, 45: { t0: 50 }, 90: { t0: 60 } };
        engine.changes = Object.entries(all).map(([step, set]) => ({ step: Number(step), ...set }));
        engine.step = 100;
        engine.rows = [0, 1].map(side => Array.from({ length: 100 }, (_, i) => engine.row(side, i + 1)));
        engine.all();
    }""")
    tab.evaluate("frames(2)")
    assert tab.locator(".rl-number").all_text_contents() == ["1", "2", "3"]


def test_what_is_refused_is_said_and_changes_nothing(opened):
    tab = opened()
    tab.get_by_role("slider", name="γ").focus()
    tab.keyboard.press("End")
    tab.evaluate("frames(3)")
    assert "gamma is too large" in tab.get_by_role("status").first.inner_text()
    assert tab.locator(".rl-knob output").nth(2).inner_text() == "100"
    assert tab.get_by_role("button", name="Undo").is_disabled()
    tab.keyboard.press("ArrowLeft")
    tab.evaluate("frames(2)")
    assert "too large" not in tab.get_by_role("status").first.inner_text()


def test_numbers_of_changes_do_not_run_into_one_another(opened):
    tab = opened()
    knobs = itertools.cycle(["k", "t0", "gamma"])  # one after another, so that each is a gesture of its own
    changes = [{"step": step, next(knobs): step / 100} for step in range(20, 200, 3)]
    drawn(tab, f"engine.take(250), engine.tell({{type: 'changes', side: 0, changes: {changes}}})")
    places = tab.locator(".rl-number").evaluate_all("all => all.map(each => Number(each.getAttribute('x')))")
    assert len(places) > 1
    assert all(after - before >= 14 for before, after in itertools.pairwise(places))


def test_what_was_refused_is_said_until_something_else_is_asked(opened):
    tab = opened()
    drawn(tab, "engine.tell({type: 'refused', text: 'Refused: this file is no recorded run', values: {}})")
    assert "no recorded run" in tab.locator(".rl-wrong").inner_text()
    tab.get_by_role("button", name="Step").click()
    tab.evaluate("frames(2)")
    assert tab.locator(".rl-wrong").count() == 0


def test_a_click_beside_the_handles_brings_t0_there_and_is_one_gesture(opened):
    tab = opened()
    x, y = grip(tab, "t0")
    at = (x + 120 * per_step(tab), y + 40)
    assert tab.evaluate("([x, y]) => getComputedStyle(document.elementFromPoint(x, y)).cursor", at) == "pointer"
    tab.mouse.click(*at)
    assert [set(each) for each in sent(tab)] == [{"t0"}]
    assert sent(tab)[-1]["t0"] == pytest.approx(220, abs=1)
    tab.mouse.click(*grip(tab, "t0"))  # a handle that is not moved
    assert len(sent(tab)) == 1
    tab.get_by_role("button", name="Undo").click()
    assert sent(tab)[1:] == [{"t0": 100}]
    assert tab.get_by_role("button", name="Undo").is_disabled()


def test_a_finger_that_scrolls_over_the_curve_leaves_it(opened):
    tab = opened(width=390, height=844, has_touch=True)
    (x, y), client = grip(tab, "t0"), tab.context.new_cdp_session(tab)
    for kind in ("touchStart", "touchCancel"):
        points = [{"x": x + 90, "y": y}] if kind == "touchStart" else []
        client.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    assert sent(tab) == []
    tab.touchscreen.tap(x + 90, y)
    assert sent(tab)[-1]["t0"] == pytest.approx(100 + 90 / per_step(tab), abs=2)


def test_small_takes_a_change_back_once_there_is_one(opened):
    tab = opened("#small")
    assert not tab.locator("button[data-key=button-Undo]").is_visible()
    tab.locator(".rl-handle.rl-t0").focus()
    tab.keyboard.press("End")
    assert sent(tab) == [{"t0": 300}]
    tab.get_by_role("button", name="Undo").click()
    assert sent(tab)[1:] == [{"t0": 100}]
    assert tab.get_by_role("button").all_inner_texts() == ["Start"]
    tab.locator(".rl-handle.rl-t0").focus()
    tab.keyboard.press("Home")
    drawn(tab)
    tab.keyboard.press("Control+z")
    assert sent(tab)[-1] == {"t0": 100}


def sets(tab):
    drawn(tab)
    return tab.evaluate("sets().map(({ side, values }) => [side, values])")


def test_setting_b_is_dragged_by_handles_of_its_own(opened):
    tab = opened("#beside")
    own = {role: middle(tab, f".rl-handle.rl-{role}.rl-side1 .rl-reach") for role in ("t0", "k")}
    for role, (x, y) in own.items():  # where both curves are one, each handle can be taken
        assert math.dist((x, y), grip(tab, role)) > 30
    colours = "[...document.querySelectorAll('.rl-handle path')].map(each => getComputedStyle(each).fill)"
    t0, k, *b = tab.evaluate(colours)
    assert len({t0, k, *b}) == 3
    x, y = own["t0"]
    drag(tab, (x, y), (x + 50 * per_step(tab), y))
    assert {side for side, _ in sets(tab)} == {1}
    assert sets(tab)[-1][1]["t0"] == pytest.approx(150, abs=1)
    assert tab.locator(".rl-handle.rl-t0").first.get_attribute("aria-valuenow") == "100"
    x, y = middle(tab, ".rl-handle.rl-k.rl-side1 .rl-reach")
    drag(tab, (x, y), (x + 40 * per_step(tab), y))
    side, values = sets(tab)[-1]
    assert side == 1
    assert values["k"] < 0.1
    before = len(sets(tab))
    tab.get_by_role("button", name="Undo").click()
    assert sets(tab)[before:] == [[1, {"k": 0.1}]]


def test_setting_b_is_moved_by_keys_and_apart_from_a(opened):
    tab = opened("#beside")
    a, b = (
        tab.get_by_role("slider", name=name, exact=True) for name in ("t0: what t0 does", "RecAdam B, t0: what t0 does")
    )
    b.focus()
    tab.keyboard.press("End")
    a.focus()
    tab.keyboard.press("Home")
    assert sets(tab) == [[1, {"t0": 300}], [0, {"t0": 0}]]
    for _ in range(2):  # two hands, two gestures
        tab.get_by_role("button", name="Undo").click()
    assert sets(tab)[2:] == [[0, {"t0": 100}], [1, {"t0": 100}]]


def test_a_click_moves_the_nearer_of_two_curves(opened):
    tab = opened("#beside")
    drawn(tab, "engine.tell({ type: 'knobs', side: 1, values: { t0: 250 } })")
    (x, y), step = grip(tab, "t0"), per_step(tab)
    tab.mouse.click(x + 60 * step, y - 60)  # A is at 1 there, B at 0
    tab.mouse.click(x + 80 * step, y + 90)
    assert [side for side, _ in sets(tab)] == [0, 1]
    assert [values["t0"] for _, values in sets(tab)] == pytest.approx([160, 180], abs=1)
