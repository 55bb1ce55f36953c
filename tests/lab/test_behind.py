"""Links from claims to the runs behind them: in the book to the explorer and the chart, in a notebook the settings."""

import html
import math
import re
from urllib.parse import parse_qsl

import pytest
from small import refused

from recall_learn.lab import scripted
from recall_learn.lab.behind import behind, charted, explored
from recall_learn.runs import comparison
from recall_learn.runs.recipe import Recipe
from recall_learn.runs.recordings import Record, Records

COLUMNS = {"step": [0, 300], "score": [0.0, 0.9], "loss": [None, 0.2], "source_loss": [0.6, 0.8]}


def record(seed=0, frontier=None, **settings):
    recipe = Recipe(**{"backbone": "tiny", "task": "world/cola", "steps": 300, "lr": 0.001, **settings}, seed=seed)
    return Record(recipe, COLUMNS, frontier=frontier or {})


RECORDS = Records(
    [],
    [
        *(record(seed, method="recadam", k=math.inf, t0=50, gamma=gamma) for gamma in (10, 100) for seed in (0, 1)),
        *(record(seed, lr=lr) for lr in (1e-3, 5e-4) for seed in (0, 1)),
        *(record(seed, method="ewc", gamma=gamma, evaluate_every=30) for gamma in (1, 2) for seed in (0, 2)),
    ],
)
SETTINGS = {"task": "world/cola", "method": "recadam", "k": math.inf, "t0": 50.0, "gamma": 100.0}


@pytest.fixture
def book(monkeypatch):
    monkeypatch.setenv(scripted.STATIC, "1")


def address(link):
    page, place, state, words = re.fullmatch(r'<a href="(\w+)\.html#(\w+)&amp;([^"]*)">([^<]*)</a>', link).groups()
    return page, place, dict(parse_qsl(html.unescape(state), strict_parsing=True)), words


def test_a_link_leads_to_the_explorer_with_all_seeds(book):
    assert address(explored("held", RECORDS, **SETTINGS)) == (
        "08_lab",
        "explore",
        {"seed": "all", "task": "world/cola", "method": "recadam", "k": "inf", "t0": "50", "gamma": "100"},
        "held",
    )
    assert address(explored("held", RECORDS, **SETTINGS, seed=1))[2]["seed"] == "1"


@pytest.mark.parametrize("shown", ["1", "0"])
def test_what_is_not_recorded_is_no_link(monkeypatch, shown):
    monkeypatch.setenv(scripted.STATIC, shown)
    assert explored("held", RECORDS, **SETTINGS | {"t0": 200.0}) == "held (not recorded yet)"
    assert charted("EWC", comparison.collect(RECORDS), record(method="ewc", gamma=3).recipe) == "EWC"


def test_settings_that_fit_runs_of_several_kinds_are_refused(book):
    less = {name: value for name, value in SETTINGS.items() if name != "gamma"}
    refused(lambda: explored("held", RECORDS, **less), ValueError, "gamma is 10", "100", "say which")


def test_a_link_opens_the_point_of_the_chart(book):
    settings = comparison.collect(RECORDS)
    for seed in (0, 1):  # whatever seed the recipe has, and however often it was evaluated
        link = charted("EWC", settings, record(seed, method="ewc", gamma=2).recipe)
        assert address(link) == (
            "12_all_together", "chart", {"task": "world/cola", "point": "ewc, gamma 2"}, "EWC"
        )  # fmt: skip
    link = charted("plain", settings, record(lr=5e-4).recipe, page="11_neighbours")
    assert address(link)[::2] == ("11_neighbours", {"task": "world/cola", "point": "vanilla, lr 0.0005"})


def test_a_frontier_is_no_one_point(book):
    frontier = {"alpha": [0.0, 1.0], "score": [0.0, 1.0], "source_loss": [1.0, 2.0]}
    made = record(method="wise-ft", frontier=frontier)
    assert charted("WiSE-FT", comparison.collect(Records([], [made])), made.recipe) == "WiSE-FT"


def test_a_notebook_has_the_settings_in_words(monkeypatch):
    monkeypatch.delenv(scripted.STATIC, raising=False)
    assert explored("held", RECORDS, **SETTINGS) == (
        "held (`task='world/cola', method='recadam', k='inf', t0=50, gamma=100`)"
    )
    assert charted("EWC", comparison.collect(RECORDS), record(method="ewc", gamma=2).recipe) == "EWC"
    assert behind("a", "b") == "*The runs behind this:* a, b."
