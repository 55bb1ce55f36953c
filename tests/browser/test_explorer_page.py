"""The explorer in a browser: its mathematics is Python's, its state the address, its runs those that are named."""

import math
import re

import explorer_runs
import numpy as np
import pytest
from explorer_runs import columns, drawn, records, shown, slide

from recall_learn.lab import explorer
from recall_learn.runs.recipe import Recipe
from recall_learn.runs.recordings import Record, Records
from recall_learn.theory.annealing import Sigmoid

file, tab = explorer_runs.file, explorer_runs.tab


def test_lambda_is_the_librarys(tab):
    cases = [
        (k, t0, t) for k in (0.0, 1e-4, 0.05, 3.0, math.inf) for t0 in (0, 1, 250) for t in (1, 249, 250, 251, 10**6)
    ]
    told = [["Infinity" if k == math.inf else k, t0, t] for k, t0, t in cases]
    found = tab.evaluate(
        "cases => cases.map(([k, t0, t]) => recallExplorer.lambda(k === 'Infinity' ? Infinity : k, t0, t))", told
    )
    expected = [float(Sigmoid(k, t0)(t)) for k, t0, t in cases]
    np.testing.assert_allclose(found, expected, rtol=1e-14, atol=0)


def test_a_number_keeps_its_zeros(tab):
    values = [0, 0.5, 2.0004, 10, 100, 150, 1234, -200, 1.23456e-4, None]
    found = tab.evaluate("values => values.map(recallExplorer.short)", values)
    assert found == ["0", "0.5", "2", "10", "100", "150", "1230", "-200", "0.000123", "0"]


def test_a_control_moves_the_curves_and_names_the_run(tab):
    assert "recadam, k 0.1, t0 100, gamma 100, seeds 0 and 1." in shown(tab)
    before = drawn(tab)
    slide(tab, "k", "ArrowRight")
    assert "k ∞" in shown(tab)
    assert drawn(tab) != before
    slide(tab, "k", "ArrowLeft")
    assert drawn(tab) == before


def test_every_curve_of_the_run_is_drawn_beside_its_twin(tab):
    # lambda alone, and four charts with the run and plain fine-tuning
    assert len(drawn(tab)) == 1 + 4 * 2
    tab.get_by_label("method").select_option("vanilla")
    assert len(drawn(tab)) == 4
    assert tab.get_by_label("k", exact=True).is_disabled()


def test_a_run_that_is_not_there_is_not_replaced(tab):
    tab.get_by_label("seed").select_option("1")
    slide(tab, "t0", "End")
    slide(tab, "k", "Home")
    slide(tab, "k", "ArrowRight")
    assert shown(tab).startswith("No run was recorded with task world/cola, method recadam, k 0.01, t0 200")
    assert len(drawn(tab)) == 1 + 4  # the schedule, and plain fine-tuning
    offers = tab.locator(".which button").all_inner_texts()
    assert offers == ["k = 0", "t0 = 100", "seed = all"]  # the nearest along each axis that has one
    tab.get_by_role("button", name="t0 = 100").click()
    assert shown(tab).startswith("Shown: the recorded run with task world/cola, method recadam, k 0.01, t0 100")


def test_at_k_0_t0_does_not_matter(tab):
    slide(tab, "k", "Home")
    assert tab.get_by_label("t0").is_disabled()
    assert "t0" not in shown(tab)
    assert "1/2 for ever" in tab.locator(".says").inner_text()


def test_a_reader_who_asks_for_nothing_stays_at_the_top(browser, file):
    tab = browser.new_page(viewport={"width": 390, "height": 300})
    low = file.with_name("low.html")
    low.write_text(file.read_text().replace("<div", "<p style='height: 2000px'>above</p><div", 1))
    tab.goto(low.as_uri())
    tab.wait_for_selector(".recall-explorer svg")
    assert (tab.url, tab.evaluate("scrollY")) == (low.as_uri(), 0)
    tab.goto("about:blank")
    tab.goto(f"{low.as_uri()}#explore&k=0.01")
    tab.wait_for_function("scrollY > 1000")
    tab.close()


def test_another_task_brings_its_own_values_and_charts(tab):
    tab.get_by_label("task", exact=True).select_option("cola")
    assert shown(tab).startswith("No run was recorded with task cola, method recadam, k 0.1, t0 100, gamma 100. k")
    assert tab.get_by_label("k", exact=True).get_attribute("max") == "2"  # its own two, and the one that was brought
    assert tab.get_by_label("seed", exact=True).locator("option").all_inner_texts() == ["all seeds", "0"]
    offers = tab.locator(".which button").all_inner_texts()
    assert offers == ["k = 0.05, gamma = 1000", "task = world/cola"]  # no one axis leads to a run of this task
    tab.get_by_role("button", name=offers[0]).click()
    assert shown(tab) == (
        "Shown: the one recorded run with task cola, method recadam, k 0.05, t0 100, gamma 1000, seed 0."
    )
    assert "correlation on STS-B 0.87 → 0.64" in tab.locator(".says").inner_text()
    assert len(drawn(tab)) == 1 + 4 * 2
    titles = tab.locator(".recall-explorer figcaption").all_inner_texts()
    assert titles[2] == "Zero-shot rank correlation on STS-B"
    assert "over 450 steps" in tab.locator(".recall-explorer svg").first.get_attribute("aria-label")
    slide(tab, "k", "End")
    assert "k 0.5, t0 100, gamma 1000" in shown(tab)
    address = tab.url
    tab.get_by_label("task", exact=True).select_option("world/cola")
    assert tab.get_by_label("seed", exact=True).locator("option").all_inner_texts() == ["all seeds", "0", "1"]
    tab.evaluate(f"location.hash = '{address.partition('#')[2]}'")
    tab.wait_for_function("document.querySelector('.which').textContent.includes('task cola, method recadam, k 0.5')")


def test_the_address_is_the_state(tab, file):
    slide(tab, "k", "Home")
    slide(tab, "k", "ArrowRight")
    slide(tab, "t0", "Home")
    address, said, curves = tab.url, shown(tab), drawn(tab)
    assert "k=0.01" in address
    assert "t0=50" in address
    tab.goto("about:blank")
    tab.goto(address)
    tab.wait_for_selector(".recall-explorer svg")
    assert shown(tab) == said
    assert drawn(tab) == curves
    tab.evaluate("location.hash = '#explore&k=inf&t0=200&seed=9&colour=red'")  # what it does not know is left as it was
    tab.wait_for_function(
        "document.querySelector('.which').textContent.includes('k ∞, t0 200, gamma 100, seeds 0 and 1.')"
    )


def test_an_address_is_read_as_a_reader_means_it(tab):
    tab.evaluate("location.hash = '#explore&k=0.010&t0=50.0&gamma=100&seed=1'")
    tab.wait_for_function("document.querySelector('.which').textContent.includes('k 0.01, t0 50, gamma 100, seed 1')")
    tab.evaluate("location.hash = '#explore&k=%E2%88%9E&t0=50'")
    tab.wait_for_function(
        "document.querySelector('.which').textContent.includes('k ∞, t0 50, gamma 100, seeds 0 and 1.')"
    )


def test_what_an_address_names_in_vain_is_said(tab):
    tab.evaluate("location.hash = '#explore&task=world/rte&k=0.07&t0=%&seed=1'")
    tab.wait_for_function("document.querySelector('.which').textContent.includes('seed 1')")
    assert shown(tab).startswith(
        "The address names task world/rte (recorded: world/cola, cola), k 0.07 (recorded: 0, 0.01, 0.1, ∞) and t0 % "
        "(recorded: 50, 100, 200), which the explorer does not have. Shown: the recorded run"
    )
    slide(tab, "t0", "Home")
    assert shown(tab).startswith("Shown: the recorded run with task world/cola, method recadam, k 0.1, t0 50")


def test_axes_are_round_and_named(tab):
    def labels(place):
        each = tab.locator(".recall-explorer svg").nth(place).locator("text")
        return each.all_text_contents()

    assert labels(0) == ["0", "0.2", "0.4", "0.6", "0.8", "1", "0", "100", "200", "300", "steps"]
    assert labels(3) == ["0", "1", "2", "3", "0", "100", "200", "300", "steps"]
    titles = tab.locator(".recall-explorer figcaption").all_inner_texts()
    assert titles[1] == "Task loss, nats, mean since the last point"
    assert tab.get_by_label("k", exact=True).get_attribute("aria-valuetext") == "0.1 per step"
    tab.get_by_label("task", exact=True).select_option("cola")
    assert labels(0)[-4:] == ["0", "200", "400", "steps"]


def test_numbers_far_apart_have_a_logarithmic_axis(tab):
    found = records()
    low = Record(
        Recipe(backbone="tiny", task="world/cola", steps=300, seed=2),
        {**columns(None, 2), "loss": [None, 0.5, 0.01, 0.0004]},
    )
    data = explorer.payload(Records([], [*found.runs, low]), seed=2)
    tab.evaluate("data => recallExplorer.mount(document.querySelector('.recall-explore'), data)", data)
    chart = tab.locator(".recall-explorer figure").nth(1)
    assert chart.locator("figcaption").inner_text().endswith(", logarithmic")
    assert chart.locator("text").all_text_contents()[:3] == ["0.001", "0.01", "0.1"]
    heights = [
        float(y) for y in chart.locator(".grid").evaluate_all("lines => lines.map(line => line.getAttribute('y1'))")[:3]
    ]
    assert heights[0] - heights[1] == pytest.approx(heights[1] - heights[2])
    assert not tab.locator(".recall-explorer figcaption").nth(2).inner_text().endswith("logarithmic")


SETTINGS = "(the settings are task, method, k, t0, gamma, seed)"


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("colour=red", f"colour {SETTINGS}"),
        ("K=0.1&T0=50", f"K {SETTINGS} and T0 {SETTINGS}"),
        ("constructor=1", f"constructor {SETTINGS}"),
        ("=7", f"a setting without a name {SETTINGS}"),
        ("seed=", "seed without a value (recorded: 0, 1)"),
        ("seed=%20", "seed without a value (recorded: 0, 1)"),
        ("gamma=1=2", "gamma 1=2 (recorded: 100)"),
        ("task=cola&k=3", "k 3 (recorded: 0.05, 0.1, 0.5)"),  # what that task has, and what the reader came with
        ("k=" + "9" * 99, f"k {'9' * 40}… (recorded: 0, 0.01, 0.1, ∞)"),
        ("%6b=<b>", "k <b> (recorded: 0, 0.01, 0.1, ∞)"),
    ],
)
def test_what_it_names_in_vain_is_told_with_what_there_is(browser, file, address, said):
    tab = browser.new_page()
    tab.goto(f"{file.as_uri()}#explore&{address}")
    tab.wait_for_selector(".recall-explorer svg")
    whole = f"The address names {said}, which the explorer does not have."
    assert tab.locator(".which").evaluate("which => which.textContent").startswith(whole)
    tab.close()


@pytest.mark.parametrize("to", ["#elsewhere", "#explore&k=0.01", "#", "its own state"])
def test_whoever_leaves_the_address_leaves_what_was_said_of_it(tab, to):
    tab.evaluate("location.hash = '#explore&k=0.07&colour=red'")
    tab.wait_for_function("document.querySelector('.which').textContent.includes('The address')")
    state = tab.evaluate("document.querySelector('.recall-explore').dataset.state")
    tab.evaluate("to => { location.hash = to }", state if to == "its own state" else to)
    tab.wait_for_function("!document.querySelector('.which').textContent.includes('The address')")
    assert re.match(
        r"Shown: the (recorded run|2 recorded runs) with task world/cola, method recadam, k 0\.", shown(tab)
    )


LISTEN = """() => {
    const live = "[aria-live]:not([aria-live=off]), [role=status], [role=alert], [role=log], output";
    window.heard = [];
    document.querySelectorAll(live).forEach((place) => new MutationObserver((changes) => window.heard.push(
        ...changes.map(() => place.textContent)
    )).observe(place, { subtree: true, childList: true, characterData: true, attributes: true }));
    return document.querySelectorAll(live).length;
}"""


def test_a_key_is_announced_once(tab):
    assert tab.evaluate(LISTEN) == 1
    slide(tab, "k", "ArrowRight")
    slide(tab, "t0", "Home")
    slide(tab, "k", "Home")
    tab.get_by_label("task", exact=True).select_option("cola")
    tab.get_by_role("button", name="k = 0.05").click()
    heard = tab.evaluate("window.heard")
    assert len(heard) == 5
    assert heard[-1] == shown(tab) + tab.locator(".says").inner_text()
    slide(tab, "gamma", "End")  # it is there already: nothing changed, nothing is said
    assert len(tab.evaluate("window.heard")) == 5


def test_back_leads_to_what_was_shown_before(tab):
    before = shown(tab)
    tab.evaluate("location.hash = '#explore&k=inf&t0=50'")
    tab.wait_for_function("document.querySelector('.which').textContent.includes('k ∞')")
    tab.evaluate("location.hash = '#elsewhere'")  # another place of the page
    assert "k ∞" in shown(tab)
    tab.go_back()
    tab.go_back()
    tab.wait_for_function("!location.hash")
    tab.wait_for_function("document.querySelector('.which').textContent.includes('k 0.1')")
    assert shown(tab) == before


def test_the_legend_names_what_is_drawn(tab):
    def keys():
        return [key.inner_text() for key in tab.locator(".legend > span").all() if key.is_visible()]

    assert keys() == ["median of these runs, band: all seeds", "plain fine-tuning, same seeds"]
    tab.get_by_label("seed", exact=True).select_option("1")
    assert keys() == ["this run", "plain fine-tuning, same seed"]
    tab.get_by_label("method").select_option("vanilla")
    assert keys() == ["this run"]
    colour = "getComputedStyle(document.querySelector('.legend i')).borderTopColor"
    assert tab.evaluate(colour) == "rgb(213, 94, 0)"  # plain fine-tuning's, as its curve


def test_the_words_follow_the_region(tab):
    said = []
    for k, t0 in (("0", "100"), ("0.01", "200"), ("0.1", "100"), ("inf", "50")):
        tab.evaluate(f"location.hash = '#explore&k={k}&t0={t0}'")
        tab.wait_for_function(f"document.querySelector('.recall-explore').dataset.state.includes('k={k}&t0={t0}&')")
        said.append(tab.locator(".says").inner_text())
    assert len(set(said)) == 4
    assert "held for 50 steps, then plain fine-tuning for 250" in said[3]
    assert f"from 10 % to 90 % in {2 * math.log(9) / 0.1:.0f} steps around step 100" in said[2]
    assert f"{0.5 * (1 + math.tanh(0.5 * 0.01 * (300 - 200))):.3g}" in said[1]


def test_it_fits_and_answers_at_once(tab):
    assert tab.evaluate("document.documentElement.scrollWidth") <= tab.viewport_size["width"]
    for figure in tab.locator(".recall-explorer svg").all():
        assert len(figure.get_attribute("aria-label")) > 20
