"""Runs of an explorer on a small page, for its tests, and what they do with it."""

import itertools
import math

import pytest
from small_page import SIZES, opened, written

from recall_learn.lab import explorer
from recall_learn.runs.recipe import Recipe
from recall_learn.runs.recordings import Record, Records


def columns(k, seed):
    away = 3.0 - (0 if k is None else min(k, 1.0)) + seed / 10
    return {
        "step": [0, 100, 200, 300],
        "score": [0.0, 0.5, 0.8, 0.9 - seed / 10],
        "loss": [None, 0.6, 0.3, 0.1],
        "source_loss": [0.5, 0.6, 0.8, away / 2],
        "distance": [0.0, 1.0, 2.0, away],
    }


def records():
    common = {"backbone": "tiny", "task": "world/cola", "steps": 300}
    made = [Record(Recipe(**common, seed=seed), columns(None, seed)) for seed in (0, 1)]
    for k, t0, seed in itertools.product((0, 0.01, 0.1, math.inf), (50, 100, 200), (0, 1)):
        if (k == 0 and t0 != 100) or (k == 0.01 and t0 == 200 and seed == 1):
            continue  # at k = 0 one t0 stands for all; and one run is missing
        made.append(Record(Recipe(**common, method="recadam", k=k, t0=t0, seed=seed), columns(k, seed)))
    return Records([], made)


def real():
    """Another task, with other lists of values, another length and another measure of what is kept."""
    common = {"backbone": "minilm", "task": "cola", "steps": 450, "lr": 1e-4}
    found = {"step": [0, 225, 450], "score": [0, 0.1, 0.2], "loss": [None, 0.6, 0.5], "distance": [0.0, 2.0, 5.0]}
    made = [Record(Recipe(**common), {**found, "similarity": [0.87, 0.6, 0.55]})]
    for k, t0 in ((0.05, 100), (0.05, 250), (0.5, 100)):
        recipe = Recipe(**common, method="recadam", gamma=1000, k=k, t0=t0)
        made.append(Record(recipe, {**found, "similarity": [0.87, 0.7, 0.64]}))
    return Records([], made)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    page = explorer.Page(explorer.payload(records(), real(), method="recadam", k=0.1, t0=100.0))
    return written(tmp_path_factory.mktemp("explorer"), page, explorer.STYLE)


@pytest.fixture(**SIZES)
def tab(request, browser, file):
    with opened(browser, request.param, file, ".recall-explorer svg") as tab:
        yield tab


def slide(tab, axis, key, times=1):
    control = tab.get_by_label(axis, exact=True)
    for _ in range(times):
        control.press(key)


def drawn(tab):
    return tab.evaluate("[...document.querySelectorAll('.recall-explorer .curve')].map(path => path.getAttribute('d'))")


def shown(tab):
    return tab.locator(".which").inner_text()
