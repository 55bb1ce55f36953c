"""The chart in a browser: filtered by what a reader has, read by mouse and by keyboard, its runs behind a press."""

import shutil

import pytest

from recall_learn.lab import chart
from recall_learn.runs.recipe import Recipe
from recall_learn.runs.recordings import Record, Records

COMMON = {"backbone": "tiny", "steps": 300}
TIME = {"recadam": 1.01, "ewc": 1.3, "wise-ft": 1.0}
FRONTIER = {"alpha": [0.3, 0.5, 1.0], "score": [0.6, 0.7, 0.88], "source_loss": [0.61, 0.7, 1.3]}


def run(seed, score, loss, task="world/cola", frontier=None, **settings):
    columns = {"step": [0, 150, 300], "score": [0.0, score / 2, score], "loss": [None, 0.2, 0.1]}
    columns |= {"source_loss": [0.6, 0.65, loss], "facts": [1.0, 1.0, 1.5 - loss / 2]}
    return Record(
        Recipe(**COMMON | {"task": task, "lr": 0.001} | settings, seed=seed), columns, frontier=frontier or {}
    )


def records():
    made = [
        run(seed, score + seed / 50, loss, lr=lr)
        for seed in (0, 1, 2)
        for score, loss, lr in ((0.6, 0.62, 1e-4), (0.85, 0.8, 5e-4), (0.9, 1.4, 1e-3))
    ]
    made += [
        run(s, 0.88 - g / 5000 + s / 50, 0.9 - g / 2000, method="recadam", gamma=g)
        for g in (10, 100, 500)
        for s in (0, 1, 2)
    ]
    made += [run(s, 0.8 + s / 50, 0.7, method="ewc", gamma=100) for s in (0, 1)]
    made += [run(0, 0.7, 0.61, method="top-k", layers=1)]
    made += [run(s, 0.8, 0.9, task="world/rte", lr=lr) for s in (0, 1) for lr in (1e-3, 5e-4)]
    made += [run(0, 0.7, 0.7, task="world/rte", frontier=FRONTIER, method="wise-ft + lora")]
    return Records([], made)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    folder = tmp_path_factory.mktemp("chart")
    body = chart.Page(chart.payload(records(), time=TIME))._repr_html_()
    for script in chart.Page.scripts:
        shutil.copy(script, folder)
    page = folder / "page.html"
    style = chart.STYLE.read_text(encoding="utf-8")
    scripts = "".join(f"<script src={script.name} defer></script>" for script in chart.Page.scripts)
    page.write_text(f"<!doctype html><meta charset=utf-8><style>{style}</style>{body}{scripts}")
    return page


@pytest.fixture(params=[(1280, 900), (390, 844)], ids=["desk", "phone"])
def tab(request, browser, file):
    width, height = request.param
    context = browser.new_context(viewport={"width": width, "height": height})
    tab = context.new_page()
    tab.errors = []
    tab.on("pageerror", lambda error: tab.errors.append(str(error)))
    tab.goto(file.as_uri())
    tab.wait_for_selector(".recall-charted svg")
    yield tab
    assert tab.errors == []
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    context.close()


def drawn(tab):
    return tab.evaluate("[...document.querySelectorAll('.main .line')].map(line => line.dataset.method)")


def spot(tab, text):
    return tab.locator(f'.main [aria-label^="{text}"]')


def test_every_method_is_a_line_and_every_setting_a_point(tab):
    assert drawn(tab) == ["vanilla", "top-k", "recadam", "ewc"]
    assert tab.locator(".main .spot").count() == 3 + 1 + 3 + 1
    label = spot(tab, "RecAdam, gamma 100").get_attribute("aria-label")
    assert label == (
        "RecAdam, gamma 100: Matthews correlation 0.88 (0.86 to 0.9), source loss 0.85, 3 seeds. "
        "Ahead of plain fine-tuning's own rates in 3 of 3. A step takes as long as plain's."
    )


def test_up_and_right_is_better_whatever_was_kept(tab):
    spots = "document.querySelectorAll('.main [data-method=vanilla] .spot')"
    heights = f"[...{spots}].map(each => each.getBoundingClientRect().top)"
    for kept in ("source_loss", "facts"):
        tab.get_by_label("kept", exact=True).select_option(kept)
        tops = tab.evaluate(heights)
        assert tops == sorted(tops)  # rates from low to high keep less and less


def test_what_lies_far_out_leaves_the_others_their_room(tab):
    """A hollow mark at the edge: a method that scores next to nothing would press all others together."""
    data = chart.payload(records())
    far = next(each for each in data["points"] if each["method"] == "top-k")
    far["score"], far["source_loss"] = [0.01], [9.0]
    tab.evaluate("data => recallChart.mount(document.querySelector('.recall-chart'), data)", data)
    assert tab.locator(".main .out").count() == 1
    assert tab.locator(".told").inner_text().endswith(" A hollow mark lies beyond the frame.")
    boxes = "[...document.querySelectorAll('.main .spot')].map(each => each.getBoundingClientRect().x)"
    lefts = sorted(tab.evaluate(boxes))
    assert lefts[-1] - lefts[1] > 0.4 * tab.locator(".main svg").bounding_box()["width"]
    assert "0.01" in tab.locator(".main .out").get_attribute("aria-label")


def test_what_asks_for_more_than_a_reader_has_goes(tab):
    tab.get_by_label("the data that the model was pretrained on").uncheck()
    assert drawn(tab) == ["vanilla", "top-k", "recadam"]
    assert tab.locator(".told").inner_text() == ("Not shown, because they ask for more than you have: EWC.")
    tab.get_by_label("memory for a second copy").uncheck()
    tab.get_by_label("memory for the gradients").uncheck()
    assert drawn(tab) == ["vanilla", "top-k"]  # plain fine-tuning is what the others are compared with
    assert tab.locator(".told").inner_text().endswith("and stays as what the others are compared with.")
    tab.get_by_label("memory for a second copy").check()
    tab.get_by_label("memory for the gradients").check()
    assert drawn(tab) == ["vanilla", "top-k", "recadam"]


def test_a_method_is_seen_alone_with_the_range_of_its_seeds(tab):
    spreads = "[...document.querySelectorAll('.main .spread')]"
    seen = f"{spreads}.filter(each => getComputedStyle(each).opacity > 0).length"
    assert tab.evaluate(seen) == 3  # of plain fine-tuning
    tab.get_by_role("button", name="RecAdam", exact=True).click()
    assert tab.evaluate(seen) == 6
    faint = tab.evaluate("getComputedStyle(document.querySelector('.main [data-method=ewc]')).opacity")
    assert float(faint) < 0.5
    assert tab.evaluate("document.activeElement.dataset.method") == "recadam"
    tab.get_by_role("button", name="RecAdam", exact=True).press("Enter")
    tab.get_by_label("the range of the seeds").check()
    assert tab.evaluate(seen) == 7  # a setting of one seed has none


def press(tab, text):
    """As a hand does: a mark lies under the pointer, and no element takes the press but the figure."""
    spot(tab, text).scroll_into_view_if_needed()
    box = spot(tab, text).locator(".reach").bounding_box()
    tab.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)


def test_a_press_shows_the_runs_of_a_point(tab):
    press(tab, "RecAdam, gamma 500")
    panel = tab.locator(".panel")
    assert panel.locator("h4").inner_text() == "RecAdam, gamma 500"
    assert panel.locator(".curve").count() == 2 * (1 + 2 + 1)  # this seed, the others, plain fine-tuning
    assert "Faint: the other seeds." in panel.inner_text()
    like = "Dashed: plain fine-tuning, lr 0.0005, the rate that scores most like it."
    assert like in panel.inner_text()  # 0.87 against 0.8
    assert "--method 'recadam(gamma=500)'" in panel.locator("code").inner_text()
    panel.get_by_label("beside it", exact=True).select_option("lr 0.001")
    assert "Dashed: plain fine-tuning, lr 0.001." in panel.inner_text()
    assert tab.evaluate("document.activeElement.getAttribute('aria-label')") == "beside it"
    panel.get_by_label("seed", exact=True).select_option("2")
    assert "--seed 2" in panel.locator("code").inner_text()
    assert "Dashed: plain fine-tuning, lr 0.001." in panel.inner_text()
    press(tab, "RecAdam, gamma 500")
    assert panel.inner_text() == ""
    press(tab, "plain fine-tuning, lr 0.0005")
    assert "Dashed" not in panel.inner_text()
    panel.get_by_label("beside it", exact=True).select_option("lr 0.001")
    assert "Dashed: plain fine-tuning, lr 0.001." in panel.inner_text()
    press(tab, "Top-K")
    assert "Faint" not in panel.inner_text()  # it has one seed


def test_a_figure_that_a_page_draws_smaller_is_pressed_where_it_is_seen(tab):
    tab.add_style_tag(content=".recall-charted .main svg { height: auto; margin-left: 7%; width: 60%; }")
    for words in tab.locator(".main .spot").evaluate_all(
        "spots => spots.map(spot => spot.getAttribute('aria-label').split(':')[0])"
    ):
        press(tab, f"{words}:")
        assert tab.locator(".panel h4").inner_text() == words


def test_the_runs_of_a_point_go_with_it(tab):
    press(tab, "RecAdam, gamma 500")
    tab.get_by_role("button", name="RecAdam", exact=True).click()
    assert tab.locator(".panel h4").inner_text() == "RecAdam, gamma 500"
    tab.get_by_role("button", name="EWC", exact=True).click()
    assert tab.locator(".panel").inner_text() == ""
    assert "point=" not in tab.locator(".recall-charted").get_attribute("data-state")
    press(tab, "EWC")
    tab.keyboard.press("Escape")
    assert tab.locator(".panel").inner_text() == ""


def test_a_screen_readers_press_is_one_press(tab):
    spot(tab, "RecAdam, gamma 500").dispatch_event("click")
    assert tab.locator(".panel h4").inner_text() == "RecAdam, gamma 500"


def test_of_marks_that_lie_over_each_other_the_nearest_is_meant(tab):
    near = "spots => recallChart.around(spots, 10, 10, 14)"
    assert tab.evaluate(near, [[0, 10, "a"], [13, 10, "c"], [12, 10, "b"], [30, 10, "d"]]) == ["b", "c", "a"]
    assert tab.evaluate(near, [[30, 10, "a"]]) == []
    data = chart.payload(records())
    covered = next(each for each in data["points"] if each["method"] == "ewc")
    over = next(each for each in data["points"] if each["label"] == "gamma 10")
    covered["score"], covered["source_loss"] = over["score"], [value - 0.01 for value in over["source_loss"]]
    tab.evaluate("data => recallChart.mount(document.querySelector('.recall-chart'), data)", data)
    press(tab, "EWC")
    assert tab.locator(".panel h4").inner_text() == "EWC, gamma 100"
    press(tab, "RecAdam, gamma 10:")
    assert tab.locator(".panel h4").inner_text() == "RecAdam, gamma 10"
    covered["source_loss"] = over["source_loss"]  # exactly over each other: the one that is seen alone
    tab.evaluate("data => recallChart.mount(document.querySelector('.recall-chart'), data)", data)
    for method in ("EWC", "RecAdam"):
        tab.get_by_role("button", name=method, exact=True).click()
        press(tab, "EWC")
        assert tab.locator(".panel h4").inner_text().startswith(method)


def test_what_lies_at_one_place_is_listed(tab):
    data = chart.payload(records())
    under = next(each for each in data["points"] if each["method"] == "ewc")
    over = next(each for each in data["points"] if each["label"] == "gamma 10")
    under["score"], under["source_loss"] = over["score"], over["source_loss"]
    tab.evaluate("data => recallChart.mount(document.querySelector('.recall-chart'), data)", data)
    spot(tab, "RecAdam, gamma 10:").focus()
    assert tab.locator(".tip").inner_text().endswith(" 1 more at this place: press to see which.")
    tab.keyboard.press("Enter")
    assert tab.locator(".here button").all_inner_texts() == ["EWC, gamma 100"]
    tab.locator(".here button").click()
    assert tab.locator(".panel h4").inner_text() == "EWC, gamma 100"
    assert tab.locator(".here button").all_inner_texts() == ["RecAdam, gamma 10"]
    tab.get_by_role("button", name="RecAdam", exact=True).click()  # alone: EWC is faint, and in nobody's way
    spot(tab, "RecAdam, gamma 10:").dispatch_event("click")
    assert tab.locator(".here").count() == 0


def test_ahead_is_what_the_figure_shows_of_one_seed(tab):
    """Seed 2: plain fine-tuning scores 0.64, 0.89 and 0.94, and its source losses are 0.62, 0.8 and 1.4."""
    spot(tab, "RecAdam, gamma 10:").dispatch_event("click")
    assert tab.locator(".criterion circle").count() == 1
    tab.locator(".panel").get_by_label("seed", exact=True).select_option("2")
    # it scores 0.918, where the line has 0.8 + (0.918 - 0.89) / (0.94 - 0.89) * 0.6 = 1.136, and loses 0.895
    assert tab.locator(".stands").inner_text() == (
        "With seed 2 this setting (the small ring) is ahead of the line of plain fine-tuning's rates with that seed "
        "(dashed, in the figure): source loss 0.241 lower than the best of the line at this score or a higher one."
    )
    line = tab.locator(".criterion path").last.get_attribute("d")
    x = [float(point.split()[0]) for point in line[1:].split("L")]
    assert (x[1] - x[0]) / (x[2] - x[1]) == pytest.approx(0.25 / 0.05, rel=0.02)
    assert tab.evaluate("document.activeElement.getAttribute('aria-label')") == "seed"
    spot(tab, "EWC").dispatch_event("click")
    assert "(the small ring) is ahead of the line" in tab.locator(".stands").inner_text()
    spot(tab, "plain fine-tuning, lr 0.0005").dispatch_event("click")
    assert tab.locator(".stands").count() == tab.locator(".criterion").count() == 0


def test_a_setting_that_is_behind_says_so(tab):
    data = chart.payload(records())
    point = next(each for each in data["points"] if each["label"] == "gamma 500")
    assert point["stands"]["source_loss"]["0"] == ["ahead", pytest.approx(0.65 - (0.62 + 0.18 * 0.18 / 0.25))]
    assert point["stands"]["facts"]["0"][0] == "ahead"
    poor = run(0, 0.6, 1.4, method="recadam", gamma=9)
    found = chart.payload(Records([], [*records().runs, poor]))
    (point,) = (each for each in found["points"] if each["label"] == "gamma 9")
    assert point["stands"]["source_loss"]["0"] == ["behind", pytest.approx(1.4 - 0.62)]
    tab.evaluate("data => recallChart.mount(document.querySelector('.recall-chart'), data)", found)
    spot(tab, "RecAdam, gamma 9").dispatch_event("click")
    assert "is behind the line" in tab.locator(".stands").inner_text()
    assert "source loss 0.78 higher" in tab.locator(".stands").inner_text()


def test_the_address_holds_the_point_that_is_open(browser, file):
    tab = browser.new_page(viewport={"width": 390, "height": 600})
    tab.goto(f"{file.as_uri()}#chart&task=world%2Fcola&point=recadam%2C%20gamma%20500&seed=2")
    tab.wait_for_selector(".recall-charted svg")
    assert tab.locator(".panel h4").inner_text() == "RecAdam, gamma 500"
    assert 0 < tab.locator(".panel h4").bounding_box()["y"] < 300  # the reader is led to the runs
    assert "--seed 2" in tab.locator(".panel code").inner_text()
    spot(tab, "EWC, gamma 100").dispatch_event("click")
    assert tab.url.endswith("&point=ewc%2C%20gamma%20100&seed=0")
    spot(tab, "EWC, gamma 100").dispatch_event("click")
    assert "point=" not in tab.url
    tab.evaluate("location.hash = '#chart&task=world%2Fcola&point=ewc%2C%20gamma%207&method=constructor'")
    tab.wait_for_function("document.querySelector('.told').textContent.includes('ewc, gamma 7')")
    assert "The address names ewc, gamma 7, which is not recorded for this task." in tab.locator(".told").inner_text()
    tab.get_by_label("task", exact=True).select_option("world/rte")
    assert "The address" not in tab.locator(".told").inner_text()
    tab.close()


def test_the_best_scores_are_seen_alone(tab):
    tab.get_by_label("shown", exact=True).select_option("near")
    assert drawn(tab) == ["vanilla", "recadam"]  # from 0.92 - 0.05
    assert tab.locator(".main .spot").count() == 1 + 3
    assert tab.locator(".main .out").count() == 0
    assert spot(tab, "RecAdam, gamma 10:").get_attribute("aria-label").endswith("as long as plain's.")
    assert (
        tab.locator(".told")
        .inner_text()
        .endswith("Not shown, because they score more than 0.05 under plain fine-tuning's best: 4 settings.")
    )
    assert tab.locator(".recall-charted").get_attribute("data-state").endswith("&view=near")


def test_the_best_in_both_have_the_figure_to_themselves(tab):
    data = chart.payload(records())
    firm = next(each for each in data["points"] if each["label"] == "gamma 100" and each["method"] == "recadam")
    firm["source_loss"] = [0.7, 0.7, 0.7]
    tab.evaluate("data => recallChart.mount(document.querySelector('.recall-chart'), data)", data)
    tab.get_by_label("shown", exact=True).select_option("both")
    seen = "spots => spots.map(spot => spot.getAttribute('aria-label').split(':')[0])"
    kept = ["plain fine-tuning, lr 0.0005", "RecAdam, gamma 100"]  # plain's rates keep 0.62, 0.8 and 1.4
    assert tab.locator(".main .spot").evaluate_all(seen) == kept
    told = tab.locator(".told").inner_text()
    assert "under plain fine-tuning's best, or keep less than the middle one of its rates: 6 settings." in told
    tops = [spot.bounding_box()["y"] for spot in tab.locator(".main .spot .reach").all()]
    height = tab.locator(".main svg").bounding_box()["height"]
    assert tops[0] - tops[1] > 0.3 * height  # the frame is that of what is shown


def test_what_takes_too_long_a_step_goes(tab):
    times = tab.get_by_label("a step may take", exact=True).locator("option").all_inner_texts()
    assert times == ["any time", "1.25 times plain's", "1.5 times plain's", "twice plain's"]
    tab.get_by_label("a step may take", exact=True).select_option("1.25")
    assert drawn(tab) == ["vanilla", "top-k", "recadam"]  # of Top-K no time is known
    tab.get_by_label("a step may take", exact=True).select_option("1.5")
    assert drawn(tab) == ["vanilla", "top-k", "recadam", "ewc"]
    assert spot(tab, "EWC").get_attribute("aria-label").endswith("A step takes 1.3 times plain's.")


def test_a_task_offers_the_measures_that_it_has(tab):
    """A real model has no facts to ask for, and the small world no zero-shot similarity."""
    found = records()
    for place in (0, 1):
        columns = {"step": [0, 300], "score": [0.7, 0.8], "similarity": [0.8, 0.7 - place / 10]}
        found.runs.append(Record(Recipe(backbone="minilm", steps=9, task="mrpc", lr=10.0 ** -(3 + place)), columns))
    data = chart.payload(found)
    tab.evaluate("data => recallChart.mount(document.querySelector('.recall-chart'), data)", data)
    kept = tab.get_by_label("kept", exact=True)
    able = "option => [...option.options].filter(each => !each.disabled).map(each => each.value)"
    assert kept.evaluate(able) == ["source_loss", "facts"]
    tab.get_by_label("task", exact=True).select_option("mrpc")
    assert kept.evaluate(able) == ["similarity"]
    assert kept.input_value() == "similarity"
    assert drawn(tab) == ["vanilla"]
    assert tab.locator(".main figcaption").inner_text().startswith("Similarity of sentences")
    tab.get_by_label("task", exact=True).select_option("world/cola")
    assert kept.input_value() == "source_loss"


def test_a_point_of_a_frontier_says_where_its_curves_are_from(tab):
    tab.get_by_label("task", exact=True).select_option("world/rte")
    spot(tab, "LoRA and WiSE-FT, alpha 0.3").dispatch_event("click")
    told = tab.locator(".panel").inner_text()
    assert "The run was scored at alpha 0.5, and so are its curves. This point, alpha 0.3, was measured" in told
    assert "--method 'lora + wise-ft(alpha=0.3)'" in told
    spot(tab, "LoRA and WiSE-FT, alpha 0.5").dispatch_event("click")
    assert "--method 'lora + wise-ft'" in tab.locator(".panel").inner_text()


def test_a_point_is_reached_and_opened_by_keyboard(tab):
    assert tab.locator(".main [tabindex='0']").count() == 1  # one stop for all points
    tab.locator(".main [tabindex='0']").focus()
    here = "document.activeElement.getAttribute('aria-label').split(':')[0]"
    assert tab.evaluate(here) == "plain fine-tuning, lr 0.0001"
    tab.keyboard.press("ArrowRight")
    assert tab.evaluate(here) == "plain fine-tuning, lr 0.0005"
    assert tab.locator(".tip").is_visible()
    tab.keyboard.press("ArrowLeft")
    tab.keyboard.press("ArrowLeft")  # round the end
    assert tab.evaluate(here) == "plain fine-tuning, lr 0.001"
    tab.keyboard.press("Home")
    assert tab.evaluate(here) == "plain fine-tuning, lr 0.0001"
    tab.keyboard.press("End")
    assert tab.evaluate(here) == "plain fine-tuning, lr 0.001"
    tab.keyboard.press("ArrowDown")
    tab.keyboard.press("ArrowDown")
    assert tab.evaluate(here) == "RecAdam, gamma 10"
    tab.keyboard.press("Enter")
    assert tab.locator(".panel h4").inner_text() == "RecAdam, gamma 10"
    assert tab.evaluate(here) == "RecAdam, gamma 10"  # and one goes on from there
    assert tab.locator(".main [tabindex='0']").count() == 1


def test_the_table_says_the_same(tab):
    tab.get_by_text("The same as a table").click()
    rows = [row.split("\t") for row in tab.locator("table").inner_text().splitlines()]
    assert rows[0] == ["method", "setting", "Matthews correlation", "source loss", "seeds", "ahead of plain"]
    assert [row[0] for row in rows[1:]].count("RecAdam") == 3
    assert rows[-1] == ["EWC", "gamma 100", "0.81 (0.8 to 0.82)", "0.7", "2", "2 of 2"]
    tab.get_by_label("task", exact=True).select_option("world/rte")
    assert len(tab.locator("table").inner_text().splitlines()) == 1 + 2 + 3


def test_the_address_names_what_is_shown(browser, file):
    tab = browser.new_page()
    tab.goto(
        f"{file.as_uri()}#chart&task=world%2Frte&kept=facts&lacks=source,nothing&view=near&time=1.5&method=ewc&colour=red"
    )
    tab.wait_for_selector(".recall-charted svg")
    state = tab.locator(".recall-charted").get_attribute("data-state")
    assert state == "#chart&task=world%2Frte&kept=facts&view=near&time=1.5&method=ewc&lacks=source"
    tab.get_by_label("the data that the model was pretrained on").check()
    assert tab.url.endswith("#chart&task=world%2Frte&kept=facts&view=near&time=1.5&method=ewc")
    tab.goto(f"{file.as_uri()}#chart&task=%E0%A4%A&kept=similarity&time=3")
    tab.reload()
    tab.wait_for_selector(".recall-charted svg")
    assert tab.locator(".recall-charted").get_attribute("data-state") == "#chart&task=world%2Fcola&kept=source_loss"
    tab.close()


def decades(low, high, among):
    """Which numbers of an axis are round: each of ``among`` times a power of ten."""
    numbers = (step * 10.0**power for power in range(-9, 9) for step in among)
    return [float(f"{value:g}") for value in numbers if low <= value * (1 + 1e-9) and value * (1 - 1e-9) <= high]


def multiples(low, high, step):
    return [float(f"{i * step:g}") for i in range(-(10**4), 10**4) if low <= i * step * 1.0 <= high]


AXES = [
    (0.0, 1.0, False, multiples(0, 1, 0.2)),
    (0.0, 300.0, False, [0, 100, 200, 300]),
    (0.0, 450.0, False, [0, 100, 200, 300, 400]),
    (-0.0603, 0.992, False, [0, 0.5]),
    (0.93, 0.97, False, [0.93, 0.94, 0.95, 0.96, 0.97]),
    (-7.0, -1.0, False, [-6, -4, -2]),
    (1e-9, 6e-9, False, [1e-9, 2e-9, 3e-9, 4e-9, 5e-9, 6e-9]),
    (0.00015, 0.71, True, decades(0.00015, 0.71, (1,))),
    (0.025, 0.73, True, decades(0.025, 0.73, (1, 2, 5))),
    (0.1, 9.0, True, decades(0.1, 9, (1, 2, 5))),
    (0.6, 1.5, True, decades(0.6, 1.5, (1, 1.2, 1.4, 1.6, 1.8, 2, 2.5, 3, 4, 5, 6, 7, 8, 9))),
    (0.66, 0.71, True, [0.66, 0.67, 0.68, 0.69, 0.7, 0.71]),
]


@pytest.mark.parametrize(("low", "high", "log", "expected"), AXES)
def test_an_axis_has_round_numbers(tab, low, high, log, expected):
    found = tab.evaluate("([low, high, log]) => recallChart.ticks(low, high, log)", [low, high, log])
    assert found == pytest.approx(expected)
