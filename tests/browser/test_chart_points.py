"""The chart's points in a browser: found by mouse and by keyboard, their runs behind a press."""

import chart_runs
import pytest
from chart_runs import alone, press, records, run, spot

from recall_learn.lab import chart
from recall_learn.runs.recordings import Records

file, tab = chart_runs.file, chart_runs.tab


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
    alone(tab, "RecAdam")
    assert tab.locator(".panel h4").inner_text() == "RecAdam, gamma 500"
    alone(tab, "EWC")
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
        alone(tab, method)
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
    alone(tab, "RecAdam")  # alone: EWC is faint, and in nobody's way
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
