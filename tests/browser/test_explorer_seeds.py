"""The explorer in a browser: all seeds of a setting as a band, or one of them."""

import explorer_runs
import numpy as np
import pytest
from explorer_runs import drawn, shown

file, tab = explorer_runs.file, explorer_runs.tab


def spans(tab):
    return tab.locator(".spans").inner_text()


def bands(tab):
    return tab.locator(".recall-explorer .band").count()


BANDS = """([runs, column]) => recallDrawing.band(runs, column)"""


def test_a_band_is_the_range_of_what_is_there(tab):
    """Against numpy, over runs of which one stopped early, one lacks the column and one has no first value."""
    rng = np.random.default_rng(3)
    steps, values = [0, 10, 20, 30], rng.normal(size=(5, 4))
    runs = [{"step": steps, "score": list(map(float, row)), "loss": [None, *map(float, row[1:])]} for row in values]
    runs[1] = {name: column[:2] for name, column in runs[1].items()}
    runs += [{"step": steps, "distance": [0, 0, 0, 0]}, {"stopped": "lost"}]
    found = tab.evaluate(BANDS, [runs, "score"])
    there = [values[:, :2], np.delete(values, 1, axis=0)[:, 2:]]
    for place, step in enumerate(steps):
        column = there[place // 2][:, place % 2]
        np.testing.assert_allclose(found[place], [step, column.min(), np.median(column), column.max()], rtol=1e-12)
    assert [row[0] for row in tab.evaluate(BANDS, [runs, "loss"])] == [10, 20, 30]
    assert tab.evaluate(BANDS, [runs, "facts"]) == []


@pytest.mark.parametrize(
    ("numbers", "words"),
    [([3], "3"), ([1, 0], "0 and 1"), ([0, 1, 2, 4], "0 to 2 and 4"), ([9, 5, 7], "5, 7 and 9"), ([], "")],
)
def test_seeds_are_told_in_words(tab, numbers, words):
    assert tab.evaluate("recallDrawing.listed", numbers) == words


def test_all_seeds_are_a_band_and_the_caption_counts_them(tab):
    assert spans(tab) == (
        "The line is the median of 2 seeds (0 and 1) at each step, the band the full range of these. "
        "Plain fine-tuning, dashed, has the same seeds."
    )
    assert bands(tab) == 3 * 2  # score, source loss and distance; the task losses are the same
    last = tab.locator(".recall-explorer svg").nth(3).get_attribute("aria-label")
    assert last.endswith("At the end: plain's median 3.05 (3 to 3.1), median 2.95 (2.9 to 3).")


def test_where_seeds_are_missing_the_caption_says_so(tab):
    tab.evaluate("location.hash = '#explore&k=0.01&t0=200'")
    tab.wait_for_function("document.querySelector('.which').textContent.includes('t0 200')")
    assert "Shown: the one recorded run with" in shown(tab)
    assert spans(tab).startswith("One seed is recorded for this setting, so there is no band")
    assert spans(tab).endswith("Plain fine-tuning, dashed, has the same seed.")
    assert bands(tab) == 0  # of the one seed, and of plain fine-tuning's same one
    tab.evaluate("location.hash = '#explore&k=0.01&t0=200&seed=1'")
    tab.wait_for_function("document.querySelector('.which').textContent.includes('No run')")
    assert spans(tab) == "Drawn is plain fine-tuning alone, 1 seed (1)."
    assert bands(tab) == 0


SPANS = """([runs, state]) => recallExplorer.spans(
    { axes: { task: [], method: [], seed: [] }, lacks: {}, plain: "vanilla", scheduled: [], runs }, state
)"""


def test_a_band_of_fewer_seeds_than_others_have_and_a_run_that_stopped(tab):
    def told(seeds, plain, stopped=(), seed="all"):
        runs = [
            {"task": "t", "method": "ewc", "seed": s, **({"stopped": "lost"} if s in stopped else {})} for s in seeds
        ]
        runs += [{"task": "t", "method": "vanilla", "seed": s} for s in plain]
        return tab.evaluate(SPANS, [runs, {"task": "t", "method": "ewc", "seed": seed}])

    band = "The line is the median of 3 seeds (0 to 2) at each step, the band the full range of these"
    fewer = "; other settings of this task have up to 5, and a range of fewer seeds is narrower."
    same = " Plain fine-tuning, dashed, has the same seeds"
    assert told((0, 1, 2), (0, 1, 2)) == f"{band}.{same}."
    assert told((0, 1, 2), range(5)) == f"{band}{fewer}{same}."
    assert told((0, 1, 2), (0, 4)) == f"{band}{fewer.replace('5', '4')}{same}, but for seeds 1 and 2."
    assert told((0, 1, 2), ()) == f"{band}. Plain fine-tuning is not recorded with the same."
    assert told((0, 1, 2), (0, 1, 2), stopped=(1,)) == f"{band}. Where seed 1 stopped, the others go on alone.{same}."
    assert told((0, 1, 2), (0, 1, 2), seed=2) == (
        "The line is seed 2. The band behind it is the full range of 3 seeds (0 to 2). "
        "Plain fine-tuning, dashed, has the same seed."
    )


def test_one_run_is_picked_out_before_the_band(tab):
    all_seeds = drawn(tab)
    tab.get_by_label("seed", exact=True).select_option("1")
    assert shown(tab).endswith("gamma 100, seed 1.")
    assert "seed=1" in tab.url
    assert len(drawn(tab)) == len(all_seeds)
    assert drawn(tab) != all_seeds
    assert bands(tab) == 3  # this setting's; of plain fine-tuning its same seed alone is drawn
    assert spans(tab).startswith("The line is seed 1. The band behind it is the full range of 2 seeds (0 and 1).")
    tab.get_by_label("seed", exact=True).select_option("all seeds")
    assert drawn(tab) == all_seeds
    assert "seed=all" in tab.url


def test_an_old_address_names_its_one_run(browser, file):
    tab = browser.new_page()
    tab.goto(f"{file.as_uri()}#explore&task=world%2Fcola&method=recadam&k=0.01&t0=50&gamma=100&seed=1")
    tab.wait_for_selector(".recall-explorer svg")
    assert shown(tab) == (
        "Shown: the recorded run with task world/cola, method recadam, k 0.01, t0 50, gamma 100, seed 1."
    )
    tab.close()


def test_the_words_say_whether_the_ranges_meet(tab):
    # plain fine-tuning's distances end at 3 and 3.1: half of that its source losses
    assert "do not meet" not in tab.locator(".says").inner_text()
    assert "plain fine-tuning's overlap in source loss and in score." in tab.locator(".says").inner_text()
    tab.evaluate("location.hash = '#explore&k=inf&t0=50'")
    tab.wait_for_function("document.querySelector('.which').textContent.includes('k ∞')")
    assert "plain fine-tuning's do not meet in source loss, and overlap in score." in tab.locator(".says").inner_text()
    assert "source loss 0.5 → 1.02 (1 to 1.05)" in tab.locator(".says").inner_text()
    tab.get_by_label("seed", exact=True).select_option("0")
    assert "the ranges" not in tab.locator(".says").inner_text()


def test_the_ends_of_the_runs_are_a_table_too(tab):
    tab.get_by_text("The ends of these runs, seed by seed").click()
    rows = [row.split("\t") for row in tab.locator("table").inner_text().splitlines()]
    assert [row[:2] for row in rows[1:]] == [
        [name, seed] for name in ("RecAdam", "plain fine-tuning") for seed in ("0", "1")
    ]
    assert rows[1][2:] == ["0.1", "1.45", "2.9", "0.9"]
