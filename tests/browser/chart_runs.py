"""Runs of a chart on a small page, for its tests, and what they do with it."""

import pytest
from small_page import SIZES, opened, written

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
    page = chart.Page(chart.payload(records(), time=TIME))
    return written(tmp_path_factory.mktemp("chart"), page, chart.STYLE)


@pytest.fixture(**SIZES)
def tab(request, browser, file):
    with opened(browser, request.param, file, ".recall-charted svg") as tab:
        yield tab


def drawn(tab):
    return tab.evaluate("[...document.querySelectorAll('.main .line')].map(line => line.dataset.method)")


def spot(tab, text):
    return tab.locator(f'.main [aria-label^="{text}"]')


def alone(tab, title):
    """Choose one method by its key or, on a phone, from the list; a second time, all of them."""
    field = tab.get_by_label("method", exact=True)
    if not field.is_visible():
        tab.get_by_role("button", name=title, exact=True).press("Enter")
    elif field.locator("option:checked").inner_text() == title:
        field.select_option("")
    else:
        field.select_option(label=title)


def press(tab, text):
    """As a hand does: a mark lies under the pointer, and no element takes the press but the figure."""
    spot(tab, text).scroll_into_view_if_needed()
    box = spot(tab, text).locator(".reach").bounding_box()
    tab.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
