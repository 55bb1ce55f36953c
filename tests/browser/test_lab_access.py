"""The lab's view for everybody: screens, colours, names, motion, a slow or a hidden tab."""

import pytest
from contrast import too_faint
from lab_views import NOW, drawn, grip, per_step


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
