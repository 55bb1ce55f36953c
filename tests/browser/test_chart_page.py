"""The chart in a browser: what is drawn, filtered by what a reader has, and said as a table and as an address."""

import chart_runs
import pytest
from chart_runs import alone, drawn, records, spot

from recall_learn.lab import chart
from recall_learn.runs.recipe import Recipe
from recall_learn.runs.recordings import Record

file, tab = chart_runs.file, chart_runs.tab


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
    alone(tab, "RecAdam")
    assert tab.evaluate(seen) == 6
    faint = tab.evaluate("getComputedStyle(document.querySelector('.main [data-method=ewc]')).opacity")
    assert float(faint) < 0.5
    listed = tab.get_by_label("method", exact=True).is_visible()  # in a narrow window; the list keeps no focus of a key
    focused = "document.activeElement.dataset.method || document.activeElement.value || ''"
    assert tab.evaluate(focused) == ("" if listed else "recadam")
    alone(tab, "RecAdam")
    tab.get_by_label("the range of the seeds").check()
    assert tab.evaluate(seen) == 7  # a setting of one seed has none


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


def test_the_table_says_the_same(tab):
    tab.get_by_text("The same as a table").click()
    rows = [row.split("\t") for row in tab.locator("table").inner_text().splitlines()]
    assert rows[0] == ["method", "setting", "Matthews correlation", "source loss", "seeds", "ahead of plain"]
    assert [row[0] for row in rows[1:]].count("RecAdam") == 3
    assert rows[-1] == ["EWC", "gamma 100", "0.81 (0.8 to 0.82)", "0.7", "2", "2 of 2"]
    tab.get_by_label("task", exact=True).select_option("world/rte")
    assert len(tab.locator("table").inner_text().splitlines()) == 1 + 2 + 3


def test_a_browser_that_cannot_unpack_it_says_so(browser, file):
    tab = browser.new_page()
    tab.add_init_script("delete window.DecompressionStream")
    tab.goto(file.as_uri())
    tab.get_by_text("This browser is too old for it.").wait_for()
    assert tab.locator(".recall-chart svg").count() == 0
    tab.close()


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
