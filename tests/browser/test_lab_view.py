"""What the lab's view draws, from a file, with an engine that trains nothing and tells the same on every machine."""

import math

import pytest
from lab_views import drag, drawn, grip, middle, path, sent

from recall_learn.lab import view


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
    for chart in tab.locator(".rl-charts figure svg").all():
        assert chart.locator("text").count() >= 4
    assert "Press Start" in tab.locator(".rl-told").inner_text()
    assert "step 0 of 300" in tab.locator(".rl-told").inner_text()
    assert "Each run that ends" in tab.locator(".rl-chance").inner_text()


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
    assert told[2] == "Step 100: λ = 1. Change 1: RecAdam with k = ∞, t0 = 80."


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


def test_small_has_one_button_one_sentence_one_question(opened):
    tab = opened("#small")
    assert tab.get_by_role("button").all_inner_texts() == ["Start"]
    assert tab.locator(".rl-handle").count() == 2
    assert tab.locator(".rl-block").count() == 2
    assert tab.locator(":is(.rl-knobs, .rl-charts, .rl-chance, .rl-setup, .rl-presets)").count() == 0
    assert tab.locator(".rl").inner_text().count("?") == 1
    drag(tab, grip(tab, "t0"), (grip(tab, "t0")[0] + 30, grip(tab, "t0")[1]))
    assert "t0" in sent(tab)[-1]


@pytest.mark.parametrize(("size", "where"), [("", ".rl-told [role=status]"), ("#small", ".rl-tiles + p")])
def test_the_end_is_told_in_words(opened, size, where):
    tab = opened(size)
    above = lambda: tab.locator(".rl-city").first.bounding_box()["y"]  # noqa: E731
    drawn(tab, "engine.take(200)")
    top = above()
    drawn(tab, "engine.take(100)")
    told = tab.locator(where).inner_text()
    scores = tab.evaluate("engine.seen.map(all => all.at(-1).values.score.toFixed(2))")
    known = tab.locator(".rl-head strong").all_inner_texts()
    for name, score, count in zip(["RecAdam", "plain fine-tuning"], scores, known, strict=True):
        assert f"{name} scores {score} and knows {count} facts" in told
    if size:
        assert above() == top
        assert told.endswith("Drag the curve and run again.")
        drawn(tab, "engine.renew(1); engine.all(); engine.take(300)")
        told = tab.locator(where).inner_text()
        assert told.endswith(f" The run before scores {scores[0]} and knows {known[0]} facts.")


def test_without_facts_what_is_kept_is_a_curve(opened):
    tab = opened("#nofacts")
    drawn(tab, "engine.take(300)")
    ends = tab.evaluate("engine.seen.map(all => all.at(-1).values.similarity)")
    assert [float(text) for text in tab.locator(".rl-head strong").all_inner_texts()] == pytest.approx(ends, rel=0.01)
    kept = tab.locator(".rl-head strong").all_inner_texts()
    told = tab.locator(".rl-told [role=status]").inner_text().split(", ")
    for words, name, value in zip(told, ["RecAdam", "plain fine-tuning"], kept, strict=False):
        assert words.startswith(f"{name} scores ")
        assert f" and ends at {value} in zero-shot STS-B" in words
    assert "zero-shot STS-B, from 0.8" in tab.locator(".rl-block").first.inner_text()
    assert tab.locator(".rl-block .rl-line[d^=M]").count() == 4
    assert tab.locator(".rl-end").count() == 2
    assert not tab.locator(".rl-fact").is_visible()
