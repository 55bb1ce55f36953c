"""The buttons of the lab's view, what it keeps over several runs, and several views of one engine."""

from pathlib import Path

from lab_views import drawn, sent

from recall_learn.lab import view


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
    tab.get_by_role("button", name="Another seed").click()
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
    assert "Press Start with these" in tab.locator(".rl-setup").inner_text()
    reset = tab.get_by_role("button", name="Reset")
    assert "rl-asked" in reset.get_attribute("class")
    reset.click()
    assert tab.evaluate("engine.sent.at(-1)") == {"type": "reset", "setup": {"task": "world/rte", "steps": 120}}
    tab.evaluate("frames(2)")  # this engine begins with what it had
    assert tab.get_by_label("task").input_value() == "world/cola"
    assert "Press Start with these" not in tab.locator(".rl-setup").inner_text()
    reset.click()
    assert tab.evaluate("engine.sent.at(-1)") == {"type": "reset", "setup": {}}
    tab.get_by_label("steps", exact=True).fill("90")
    tab.locator(".rl-go").click()  # nobody wants the old run now
    assert tab.evaluate("engine.sent.at(-1)") == {"type": "reset", "setup": {"steps": 90}, "start": True}
    drawn(tab, "engine.say('paused')")
    tab.get_by_label("steps", exact=True).fill("70")
    tab.evaluate("frames(2)")
    assert tab.locator(".rl-go").inner_text() == "Start anew"


def test_a_run_is_saved_and_opened(opened, tmp_path):
    tab = opened()
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
    assert "its losses and the file's differ by 0.0000021 at most" in tab.locator(".rl-told").inner_text()
    tab.get_by_role("button", name="Link").click()
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


def test_a_long_run_tells_its_minutes(opened):
    tab = opened()
    state = "engine.tell({{ type: 'state', state: 'running', step: 3, speed: 0.2, left: {}, text: '', error: '' }})"
    for left, told in ((89.2, "90 s left"), (90.4, "2 min left"), (5589, "93 min left")):
        drawn(tab, state.format(left))
        assert told in tab.locator(".rl-told").inner_text()


def test_the_engine_knows_more_earlier_runs_than_a_view_that_came_late(opened):
    tab = opened()
    tab.evaluate("engine.say('running'); engine.take(300)")
    tab.evaluate("engine.renew(1); engine.all()")
    drawn(tab)
    assert tab.locator(".rl-curve .rl-earlier[d^=M]").count() == 1
    tab.evaluate("""() => {
        const evaluations = [{ step: 300, values: { score: 0.5 } }];
        const run = (loss) => ({ rows: [[1, loss, 0.1, 1, 0], [300, 0.1, 0.9, 1, 0]], evaluations });
        engine.tell({ ...engine.begin(), earlier: [run(0.7), run(0.6), run(0.5)] });
    }""")
    drawn(tab)
    for drawing in (".rl-curve", ".rl-charts figure"):
        assert tab.locator(drawing).first.locator(".rl-earlier[d^=M]").count() == 3
