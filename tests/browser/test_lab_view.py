"""The lab's view in a browser, from a file, with an engine that trains nothing and tells the same on every machine."""

import itertools
import math
from pathlib import Path

import pytest
from contrast import too_faint

from recall_learn.lab import view

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The page as a file; look at it by hand, too."""
    text = (HERE / "lab_view.html").read_text(encoding="utf-8")
    engine = (HERE / "lab_view_engine.js").read_text(encoding="utf-8")
    for mark, part in (("STYLE", view.style()), ("ENGINE", engine), ("VIEW", view.script())):
        text = text.replace(f"/* {mark} */", part)
    path = tmp_path_factory.mktemp("view") / "lab.html"
    path.write_text(text, encoding="utf-8")
    return path.as_uri()


@pytest.fixture(scope="module")
def tabs():
    """A tab for each kind of window; what a test asks for is opened anew in it."""
    made = {}
    yield made
    for tab in made.values():
        tab.context.close()


@pytest.fixture
def opened(browser, page, tabs):
    """A function that opens the page, from the file and nothing else, in a tab that must not complain."""
    used = []

    def opened(hash="", width=1280, height=700, **options):
        kind = (width, height, *options.items())
        if kind not in tabs:
            tabs[kind] = tab = browser.new_context(viewport={"width": width, "height": height}, **options).new_page()
            tab.on("pageerror", lambda error: tab.complaints.append(str(error)))
            tab.on("console", lambda message: message.type == "error" and tab.complaints.append(message.text))
            tab.context.route("**/*", lambda route: (route.continue_ if route.request.url == page else route.abort)())
        tab = tabs[kind]
        tab.complaints = []
        tab.mouse.move(0, 0)
        tab.goto("about:blank")
        tab.goto(page + hash)
        tab.evaluate("frames(2)")
        used.append(tab)
        return tab

    yield opened
    for tab in used:
        assert tab.complaints == []


def drawn(tab, act="0", *given):
    """Do something in the page, and wait until it is drawn."""
    tab.evaluate(act, *given)
    tab.evaluate("frames(2)")


NOW = "document.querySelector('.rl-handle.rl-t0').getAttribute('aria-valuenow')"


def sent(tab):
    tab.evaluate("frames(2)")
    return tab.evaluate("sets().map(message => message.values)")


def middle(tab, selector):
    box = tab.locator(selector).first.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def grip(tab, role):
    """Where a handle of the curve is: its reach is the largest of it."""
    return middle(tab, f".rl-handle.rl-{role} .rl-reach")


def drag(tab, start, end, drop=True):
    tab.mouse.move(*start)
    tab.mouse.down()
    for share in (0.25, 0.5, 0.75, 1):
        tab.mouse.move(*(a + share * (b - a) for a, b in zip(start, end, strict=True)))
        tab.evaluate("frames(1)")
    if drop:
        tab.mouse.up()
        tab.evaluate("frames(2)")


def per_step(tab):
    """Pixels of a step on the curve."""
    grid = tab.locator(".rl-curve .rl-grid").first.bounding_box()
    return grid["width"] / 300


def path(tab, name, plot=0):
    """The points of a line of a drawing, by its class; whole numbers of pixels."""
    return tab.locator(".rl-plot").nth(plot).locator(f"path.{name}").first.get_attribute("d")


def test_the_script_is_classic_small_and_defines_one_name(opened):
    assert "import " not in view.script().replace("important", "")
    assert "innerHTML" not in view.script()
    tab = opened()
    ours = "['FakeEngine', 'RecallLab', 'rl', 'Session', 'View', 'mount'].filter(name => name in globalThis)"
    assert tab.evaluate(ours) == ["FakeEngine", "RecallLab"]
    assert "\nexport default { render: " in view.esm()


def test_before_the_first_step_all_is_there(opened):
    tab = opened()
    assert tab.evaluate("engine.sent.map(message => message.type)") == ["hello"]
    assert tab.locator(".rl-city i").count() == 640
    assert tab.locator(".rl-off").count() == 0
    assert tab.locator(".rl-head strong").all_inner_texts() == ["320", "320"]
    assert path(tab, "rl-coming").count("L") > 100
    for chart in tab.locator(".rl-charts svg").all():
        assert chart.locator("text").count() >= 4
    assert "Press Start" in tab.locator(".rl-told").inner_text()
    assert "step 0 of 300" in tab.locator(".rl-told").inner_text()
    assert "Each run that ends" in tab.locator(".rl-chance").inner_text()


def test_the_main_parts_are_on_one_screen(opened):
    for width in (1280, 704):  # a notebook's, and a lesson's column
        tab = opened(width=width)
        tab.evaluate("engine.say('running'); engine.take(300)")
        tab.evaluate("frames(2)")
        for part in (".rl-bar", ".rl-curve", ".rl-knobs", ".rl-blocks", ".rl-charts figure >> nth=3"):
            box = tab.locator(part).first.bounding_box()
            assert box["y"] + box["height"] <= 700, (width, part)
        for value in tab.locator(".rl-charts figcaption > span").all():  # no number is cut
            assert value.evaluate(
                "el => el.getBoundingClientRect().right <= el.closest('figure').getBoundingClientRect().right"
            )


@pytest.mark.parametrize("size", ["", "#small"])
def test_a_phone_scrolls_one_way(opened, size):
    tab = opened(size, width=390, height=844)
    for act in ("engine.take(300); engine.say('done')", "document.querySelector('details')?.setAttribute('open', '')"):
        tab.evaluate(act)
        tab.evaluate("frames(2)")
        assert tab.evaluate("document.documentElement.scrollWidth") == 390
    inside = ".rl :not(.rl-presets *)"  # that row scrolls by itself
    wide = f"[...document.querySelectorAll('{inside}')].filter(el => el.getBoundingClientRect().right > 391).length"
    assert tab.evaluate(wide) == 0


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


def test_facts_go_dark_and_light_up_and_tell_what_is_said(opened):
    tab = opened()
    told = """(lost) => [0, 1].forEach(side => engine.tell({ type: "evaluation", side, step: 0,
        values: { score: 0.25, source_loss: 1, distance: 0 }, facts: { known: 1, lost: side ? lost : {} } }))"""
    drawn(tab, told, {"0": "Linn", "319": "<b>"})
    blocks = tab.locator(".rl-block")
    assert blocks.locator(".rl-off").count() == 2
    assert tab.locator(".rl-head strong").all_inner_texts() == ["320", "318"]
    assert "score 0.25" in blocks.nth(1).inner_text()
    assert blocks.nth(1).locator(".rl-score").get_attribute("title") == "Matthews correlation"
    off = blocks.nth(1).locator("[data-fact='319']")
    off.hover()
    fact = tab.evaluate("engine.options.facts[319]")
    said = tab.locator(".rl-fact").inner_text()
    assert (
        said
        == fact["prompt"].replace("[MASK]", fact["answer"])
        + f" RecAdam says {fact['answer']} ✓ · plain fine-tuning says <b> ✗"
    )
    assert off.get_attribute("aria-label").endswith("Lost: says <b>")
    drawn(tab, told, {"0": "Linn"})
    assert blocks.locator(".rl-off").count() == 1
    assert off.get_attribute("aria-label").endswith("Known")
    assert "plain fine-tuning says " + fact["answer"] in tab.locator(".rl-fact").inner_text()


def test_tiles_are_one_stop_with_arrows(opened):
    tab = opened()
    city = tab.locator(".rl-city").nth(1)
    assert tab.locator(".rl-city [tabindex]").count() == 0
    city.focus()
    at = "document.activeElement.getAttribute('aria-activedescendant').split('-').pop()"
    found = [tab.evaluate(at)]
    for key in ("ArrowRight", "ArrowDown", "ArrowUp", "End", "Home"):
        tab.keyboard.press(key)
        found.append(tab.evaluate(at))
    assert found == ["0", "1", "21", "1", "319", "0"]  # rows of 20
    assert tab.locator("[aria-selected=true]").count() == 2  # the same fact of both
    assert "says" in tab.locator(".rl-fact").inner_text()
    roles = "[...new Set([...document.querySelectorAll('.rl-city > div')].map(el => el.ariaLabel))]"
    assert tab.evaluate(roles) == ["home", "job", "mother", "sibling", "river", "famous", "material"]


def test_both_are_compared_at_the_same_step(opened):
    tab = opened()
    tab.evaluate("""() => {
        engine.take(60);
        engine.tell({ type: "records", side: 0, rows: [engine.row(0, 61)] });
        const lost = Object.fromEntries(engine.options.facts.map((_, i) => [i, "x"]));
        engine.tell({ ...engine.evaluation(0, 61), facts: { known: 0, lost } });
    }""")
    tab.evaluate("frames(2)")
    assert "step 60 of 300" in tab.locator(".rl-told").inner_text()
    assert tab.locator(".rl-head strong").first.inner_text() != "0"


def test_one_cursor_reads_all_charts_and_tiles(opened):
    tab = opened()
    drawn(tab, "engine.take(300)")
    end = tab.locator(".rl-value").all_inner_texts()
    tab.mouse.move(*middle(tab, ".rl-charts svg >> nth=1"))
    tab.evaluate("frames(2)")
    assert tab.locator(".rl-cursor").count() == 5
    at = int(tab.locator(".rl-look span").inner_text().split()[-1])
    assert 100 < at < 200
    values = tab.evaluate("at => [0, 1].map(side => engine.seen[side].filter(each => each.step <= at).at(-1))", at)
    shown = tab.locator(".rl-value").all_inner_texts()
    for side in (0, 1):
        assert float(shown[2 + side].split()[1]) == pytest.approx(values[side]["values"]["score"], rel=0.01)
        assert float(shown[6 + side].split()[1]) == pytest.approx(values[side]["values"]["distance"], rel=0.01)
    counts = tab.locator(".rl-head strong").all_inner_texts()
    assert counts == [str(320 - len(each["facts"]["lost"])) for each in values]
    tab.mouse.move(1, 1)
    tab.evaluate("frames(2)")
    assert tab.locator(".rl-value").all_inner_texts() == end
    tab.get_by_role("slider", name="step to look at").focus()
    tab.keyboard.press("Home")
    tab.evaluate("frames(2)")
    assert tab.locator(".rl-look span").inner_text() == "looking at step 0"
    tab.keyboard.press("Escape")
    tab.evaluate("frames(2)")
    assert tab.locator(".rl-value").all_inner_texts() == end


def test_a_step_that_is_looked_at_tells_lambda_and_the_change_before_it(opened):
    tab = opened()
    tab.evaluate("engine.take(60); engine.do_set({ side: 0, values: { k: 'inf', t0: 80 } })")
    drawn(tab, "engine.take(40)")
    tab.get_by_role("slider", name="step to look at").focus()
    told = []
    for key in ("Home", "ArrowRight", "End"):
        tab.keyboard.press(key)
        drawn(tab)
        told.append(tab.locator(".rl-words").inner_text())
    assert told[0].startswith("Held by its pretraining for 80 steps")  # nothing was taken at step 0
    assert told[1] == f"Step 1: λ = {1 / (1 + math.exp(9.9)):.7f}."
    assert told[2] == "Step 100: λ = 1. Change 1: RecAdam with k = ∞, t₀ = 80."


def test_what_comes_before_a_run_is_said_and_what_belongs_to_none_is_left(opened):
    tab = opened()
    drawn(
        tab,
        """() => {
        window.early = { listen: (callback) => { window.tell = callback; }, send: () => {} };
        put("other", "full", early);
    }""",
    )
    assert tab.locator("#other").inner_text() == "The lab is on its way …"
    drawn(tab, "tell({ type: 'records', side: 0, rows: [[1, 1, 1, 1, 1]] })")
    drawn(tab, "tell({ type: 'state', state: 'failed', error: 'This browser cannot train here.' })")
    assert tab.locator("#other").inner_text() == "This browser cannot train here."
    drawn(
        tab, "tell(engine.begin()); tell({ type: 'records', side: 2, rows: [[1, 1, 1, 1, 1]] }); tell({ type: 'news' })"
    )
    assert "step 0 of 300" in tab.locator("#other .rl-told").inner_text()


def test_charts_grow_and_never_shrink_to_noise(opened):
    tab = opened()
    labels = "[...document.querySelectorAll('.rl-charts figure:first-of-type text')].map(el => el.textContent)"
    rows = "Array.from({ length: 300 }, (_, i) => [i + 1, 0.5 + 1e-6 * (i % 2), 1, 0, 0])"
    quiet = f"engine.tell({{ type: 'records', side: 0, rows: {rows} }})"
    before = tab.evaluate(labels)
    drawn(tab, quiet)
    assert tab.evaluate(labels) == before
    drawn(tab, quiet.replace("0.5 + ", "4 + "))
    assert "4" in tab.evaluate(labels)
    assert [text for text in tab.locator(".rl-charts small").all_inner_texts() if "better" in text] == [
        "↓ better", "↑ better", "↓ better", "↓ better"
    ]  # fmt: skip


def test_lines_differ_by_more_than_colour(opened):
    tab = opened()
    drawn(tab, "engine.take(300)")
    line = "document.querySelector(`.rl-charts .rl-line.rl-side${side}:not(.rl-raw)`)"
    look = f"side => getComputedStyle({line}).strokeDasharray"
    assert tab.evaluate(look, 0) == "none"
    assert tab.evaluate(look, 1) != "none"
    dot = "document.querySelector(`.rl-charts .rl-dot.rl-side${side}`).getAttribute('d')"
    dots = tab.evaluate(f"[0, 1].map(side => {dot})")
    assert "a4" in dots[0]
    assert "a4" not in dots[1]


def test_a_run_that_goes_back_forgets_what_lies_behind(opened):
    tab = opened()
    drawn(tab, "engine.take(100)")
    drawn(tab, "engine.tell({ type: 'truncate', step: 40 })")
    assert "step 40 of 300" in tab.locator(".rl-told").inner_text()
    lost = "Object.keys(all.find(each => each.step === 30).facts.lost).length"
    counts = tab.evaluate(f"engine.seen.map(all => 320 - {lost})")
    assert tab.locator(".rl-head strong").all_inner_texts() == [str(each) for each in counts]


def test_buttons_send_and_say_what_they_do_now(opened):
    tab = opened()
    types = "engine.sent.map(message => message.type)"
    tab.evaluate("() => { engine.do_start = () => engine.say('running'); }")
    large = tab.locator(".rl-go")
    large.click()
    tab.evaluate("frames(2)")
    assert large.inner_text() == "Pause"
    assert tab.get_by_role("button", name="Step").is_disabled()
    assert "23 steps/s · 13 s left" in tab.locator(".rl-told").inner_text()
    large.click()
    tab.evaluate("frames(2)")
    assert large.inner_text() == "Go on"
    tab.get_by_role("button", name="Step").click()
    assert tab.evaluate("engine.sent.at(-1)") == {"type": "step", "steps": 1}
    drawn(tab, "engine.say('loading', 'Loading the model.')")
    assert large.inner_text() == "Cancel"
    large.click()
    assert tab.evaluate(types)[-1] == "cancel"
    drawn(tab, "engine.tell({ type: 'state', state: 'failed', step: 1, error: 'The loss is no number.' })")
    assert "The loss is no number." in tab.locator(".rl-wrong").inner_text()
    drawn(tab, "engine.take(300)")
    assert large.inner_text() == "Run again"
    large.click()
    assert tab.evaluate("engine.sent.at(-1)") == {"type": "reset", "setup": {}, "start": True}
    drawn(tab)
    tab.get_by_role("button", name="Again with another seed").click()
    assert {"type": "again", "seed": "next"} in tab.evaluate("engine.sent")
    tab.get_by_role("button", name="Multi-task").click()
    assert {"type": "preset", "name": "Multi-task"} in tab.evaluate("engine.sent")
    tab.evaluate("frames(2)")
    assert "the spring never lets go" in tab.locator(".rl-told").inner_text()
    assert tab.locator("[aria-pressed=true]").all_inner_texts() == ["Multi-task"]


def test_what_is_set_up_acts_after_reset_and_says_so(opened):
    tab = opened()
    tab.locator("summary").click()
    tab.get_by_label("task").select_option("world/rte")
    tab.get_by_label("steps", exact=True).fill("120")
    tab.evaluate("frames(2)")
    assert "Press Reset" in tab.locator(".rl-setup").inner_text()
    reset = tab.get_by_role("button", name="Reset")
    assert "rl-asked" in reset.get_attribute("class")
    reset.click()
    assert tab.evaluate("engine.sent.at(-1)") == {"type": "reset", "setup": {"task": "world/rte", "steps": 120}}
    tab.evaluate("frames(2)")  # this engine begins with what it had
    assert tab.get_by_label("task").input_value() == "world/cola"
    assert "Press Reset" not in tab.locator(".rl-setup").inner_text()
    reset.click()
    assert tab.evaluate("engine.sent.at(-1)") == {"type": "reset", "setup": {}}
    tab.get_by_label("steps", exact=True).fill("90")
    tab.locator(".rl-go").click()  # nobody wants the old run now
    assert tab.evaluate("engine.sent.at(-1)") == {"type": "reset", "setup": {"steps": 90}, "start": True}
    drawn(tab, "engine.say('paused')")
    tab.get_by_label("steps", exact=True).fill("70")
    tab.evaluate("frames(2)")
    assert tab.locator(".rl-go").inner_text() == "Start anew"


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


def test_a_run_is_saved_and_opened(opened, tmp_path):
    tab = opened()
    tab.locator("summary").click()
    with tab.expect_download() as download:
        tab.get_by_role("button", name="Save", exact=True).click()
    assert download.value.suggested_filename == "recall-lab.json"
    assert Path(download.value.path()).read_text() == '{"changes":[]}'
    assert "Saved as recall-lab.json" in tab.locator(".rl-told").inner_text()
    (tmp_path / "run.json").write_text('{"a": 1}')
    with tab.expect_file_chooser() as chooser:
        tab.get_by_role("button", name="Open").click()
    chooser.value.set_files(tmp_path / "run.json")
    tab.wait_for_function("engine.sent.at(-1).type === 'open'")
    assert tab.evaluate("engine.sent.at(-1).text") == '{"a": 1}'
    drawn(tab, "engine.tell({ type: 'compared', steps: 300, worst: 2.1e-6 })")
    assert "differ by 0.0000021 at most" in tab.locator(".rl-told").inner_text()
    tab.get_by_role("button", name="Copy a link").click()
    assert tab.get_by_label("link to this run").input_value().startswith("file://")


def test_each_end_leaves_its_dots_and_former_runs_their_curves(opened):
    tab = opened()
    for seed in (0, 1, 2):
        tab.evaluate("seed => seed && (engine.renew(seed), engine.all())", seed)
        tab.evaluate("engine.say('running'); engine.take(300)")
        drawn(tab, "engine.say('done')")
    assert tab.locator(".rl-end").count() == 6
    counts = [sorted(map(int, column)) for column in zip(*tab.evaluate("""[0, 1, 2].map(seed => {
        engine.renew(seed);
        return [0, 1].map(side => 320 - Object.keys(engine.evaluation(side, 300).facts.lost).length);
    })"""), strict=True)]  # fmt: skip
    told = tab.locator(".rl-chance").inner_text()
    assert "3 runs." in told
    for name, all in zip(("lr 0.001", "plain fine-tuning"), counts, strict=True):
        assert f"{name}: {all[0]} to {all[-1]}." in told
    for drawing in (".rl-curve", ".rl-charts figure"):
        assert tab.locator(drawing).first.locator(".rl-earlier[d^=M]").count() == 2
    # other settings are another group
    drawn(tab, "engine.renew(5); engine.values.k = 0.5; engine.all(); engine.say('running'); engine.take(300)")
    assert tab.locator(".rl-chance svg").count() == 2


def test_two_views_of_an_engine_show_the_same_and_two_engines_do_not_meet(opened):
    tab = opened()
    tab.evaluate("engine.say('running'); engine.take(60)")
    tab.locator(".rl-handle.rl-t0").focus()
    tab.keyboard.press("ArrowRight")
    drawn(tab)
    drawn(tab, "engine.take(40); window.second = put('other', 'full', engine)")
    parts = ":is(.rl-value, output, strong, .rl-number, .rl-words, .rl-off)"
    same = f"id => [...document.querySelectorAll(`#${{id}} {parts}`)].map(el => el.textContent)"
    assert tab.evaluate(same, "lab") == tab.evaluate(same, "other")
    assert tab.locator("#other .rl-number").all_text_contents() == ["1"]
    tab.evaluate("second.close()")
    assert tab.locator("#other *").count() == 0
    drawn(tab, "window.fresh = new FakeEngine(); window.second = put('other', 'full', fresh)")
    tab.locator("#other .rl-handle.rl-t0").focus()
    tab.keyboard.press("End")
    tab.evaluate("frames(2)")
    assert tab.evaluate("fresh.values.t0") == 300
    assert tab.evaluate("engine.values.t0") == 103
    ids = "[...document.querySelectorAll('[id]')].map(el => el.id)"
    assert len(tab.evaluate(ids)) == len(set(tab.evaluate(ids)))


def test_a_closed_view_is_gone(opened):
    tab = opened()
    tab.evaluate("engine.say('running'); engine.take(10)")
    tab.evaluate("""() => {
        const slider = document.querySelector(".rl-knob.rl-t0 input");
        slider.value = 7;
        slider.dispatchEvent(new Event("input", { bubbles: true }));
        lab.close();
    }""")
    assert sent(tab) == [{"t0": 21}]  # the last value is not lost
    assert tab.evaluate("engine.heard.size") == 0
    assert tab.locator(".rl").count() == 0
    tab.evaluate("engine.take(10); window.dispatchEvent(new Event('resize')); frames(3)")
    tab.evaluate("window.again = put('lab', 'full', engine); frames(3)")
    assert "step 20 of 300" in tab.locator(".rl-told").inner_text()


def test_an_anywidget_model_is_an_engine(opened):
    tab = opened()
    script = view.esm().replace("export default", "globalThis.widget =")
    tab.add_script_tag(content=f"(() => {{{script}}})()")
    tab.evaluate("""() => {
        window.model = { heard: new Set(), send: (message) => window.third.send(message),
            on: (name, act) => name === "msg:custom" && model.heard.add(act),
            off: (name, act) => model.heard.delete(act) };
        window.third = new FakeEngine();
        third.listen((message) => model.heard.forEach((act) => act(message, [])));
        window.closing = widget.render({ model, el: document.getElementById("other") });
    }""")
    tab.evaluate("frames(2)")
    assert tab.locator("#other .rl-city").count() == 2
    tab.evaluate("closing()")
    assert tab.evaluate("model.heard.size") == 0
    assert tab.locator("#other *").count() == 0


def test_small_has_one_button_one_sentence_one_question(opened):
    tab = opened("#small")
    assert tab.get_by_role("button").all_inner_texts() == ["Start"]
    assert tab.locator(".rl-handle").count() == 2
    assert tab.locator(".rl-block").count() == 2
    assert tab.locator(":is(.rl-knobs, .rl-charts, .rl-chance, .rl-setup, .rl-presets)").count() == 0
    assert tab.locator(".rl").inner_text().count("?") == 1
    drag(tab, grip(tab, "t0"), (grip(tab, "t0")[0] + 30, grip(tab, "t0")[1]))
    assert "t0" in sent(tab)[-1]


@pytest.mark.parametrize("size", ["", "#small"])
def test_the_end_is_told_in_words(opened, size):
    tab = opened(size)
    drawn(tab, "engine.take(300)")
    told = tab.locator(".rl-told [role=status]").inner_text()
    scores = tab.evaluate("engine.seen.map(all => all.at(-1).values.score.toFixed(2))")
    known = tab.locator(".rl-head strong").all_inner_texts()
    for name, score, count in zip(["RecAdam", "plain fine-tuning"], scores, known, strict=True):
        assert f"{name} scores {score} and knows {count} facts" in told


def test_without_facts_what_is_kept_is_a_curve(opened):
    tab = opened("#nofacts")
    drawn(tab, "engine.take(300)")
    ends = tab.evaluate("engine.seen.map(all => all.at(-1).values.similarity)")
    assert [float(text) for text in tab.locator(".rl-head strong").all_inner_texts()] == pytest.approx(ends, rel=0.01)
    assert "zero-shot STS-B, from 0.8" in tab.locator(".rl-block").first.inner_text()
    assert tab.locator(".rl-block .rl-line[d^=M]").count() == 4
    assert tab.locator(".rl-end").count() == 2
    assert not tab.locator(".rl-fact").is_visible()


@pytest.mark.parametrize("hash", ["#", "#small", "#nofacts"])
def test_every_control_has_a_name_and_every_text_can_be_read(opened, hash):
    tab = opened(hash)
    tab.evaluate("engine.take(60); document.querySelector('details')?.setAttribute('open', '')")
    tab.locator(".rl-handle.rl-k").focus()
    tab.keyboard.press("End")
    tab.evaluate("engine.take(20)")
    drawn(tab, "engine.tell({ type: 'refused', text: 'No.', values: {} })")
    kinds = "button, input:not([hidden]), select, summary, [tabindex], [role=img], [role=group], [role=option]"
    name = "(el.getAttribute('aria-label') || el.innerText || el.labels?.[0]?.innerText || '').trim()"
    nameless = f"[...document.querySelectorAll('.rl :is({kinds})')].filter(el => !{name}).map(el => el.outerHTML)"
    assert tab.evaluate(nameless) == []
    for theme in ("light", "dark"):
        tab.evaluate("theme => { document.documentElement.dataset.theme = theme; }", theme)
        faint, checked = too_faint(tab)
        assert faint == []
        assert checked > 20
    tab.emulate_media(media="print")
    assert too_faint(tab, paper=True)[0] == []
    tab.emulate_media(media="null")


def test_a_dark_system_and_a_dark_notebook_are_dark(opened):
    tab = opened(color_scheme="dark")
    ground = "getComputedStyle(document.querySelector('.rl')).backgroundColor"
    assert tab.evaluate(ground) == "rgb(255, 255, 255)"  # the page says light
    tab.evaluate("delete document.documentElement.dataset.theme")
    assert tab.evaluate(ground) == "rgb(20, 24, 30)"
    tab.evaluate("document.body.dataset.jpThemeLight = 'true'")
    assert tab.evaluate(ground) == "rgb(255, 255, 255)"
    tab.evaluate("document.body.dataset.jpThemeLight = 'false'")
    assert tab.evaluate(ground) == "rgb(20, 24, 30)"


def test_nothing_moves_for_those_who_asked_for_that(opened):
    tab = opened(reduced_motion="reduce")
    drawn(tab, "engine.take(300)")
    styles = "[...document.querySelectorAll('.rl *')].map(el => getComputedStyle(el))"
    moving = f"{styles}.filter(look => look.transitionDuration !== '0s' || look.animationName !== 'none').length"
    assert tab.evaluate(moving) == 0


def test_a_screen_reader_hears_the_counts_now_and_then(opened):
    tab = opened()
    live = tab.locator(".rl-hidden")
    assert live.get_attribute("aria-live") == "polite"
    assert live.inner_text() == ""
    tab.evaluate("""async () => {
        window.spoken = [];
        const all = { childList: true, characterData: true, subtree: true };
        new MutationObserver(() => spoken.push(1)).observe(document.querySelector(".rl-hidden"), all);
        engine.say("running");
        for (let i = 0; i < 59; i++) {
            engine.take(5);
            await frames(1);
        }
    }""")
    assert len(tab.evaluate("spoken")) == 1
    drawn(tab, "engine.take(5)")
    counts = tab.locator(".rl-head strong").all_inner_texts()
    assert live.text_content() == f"Step 300: RecAdam {counts[0]}, plain fine-tuning {counts[1]}; of 320 facts known."


def test_a_drag_is_drawn_at_the_next_frame_while_messages_pour_in(opened):
    """Not a time but a count: the frame that follows a move shows it, whatever came meanwhile."""
    tab = opened()
    drawn(tab, "engine.options.steps = 1000; engine.renew(0); engine.all(); engine.take(900)")
    (x, y), step = grip(tab, "t0"), per_step(tab) * 300 / 1000
    tab.mouse.move(x, y)
    tab.mouse.down()
    for i in (1, 2, 3):
        tab.mouse.move(x + 30 * i, y)
        tab.evaluate("engine.take(10)")
        tab.evaluate("frames(1)")
        assert float(tab.evaluate(NOW)) == pytest.approx(100 + 30 * i / step, abs=3)
    tab.mouse.up()


def test_a_hidden_tab_catches_up(opened):
    tab = opened()
    tab.evaluate("""() => {
        window.waits = [];
        window.shown = requestAnimationFrame;
        requestAnimationFrame = (act) => waits.push(act);
        engine.take(100);
    }""")
    assert "step 0 of 300" in tab.locator(".rl-told").inner_text()
    tab.evaluate("() => { requestAnimationFrame = shown; waits.forEach((act) => act(0)); return frames(2); }")
    assert tab.evaluate("waits.length") == 1  # whatever came, it is drawn once
    assert "step 100 of 300" in tab.locator(".rl-told").inner_text()
