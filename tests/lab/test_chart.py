"""The chart's data: methods by family with what they ask for, points with their seeds, and the runs behind."""

import base64
import gzip
import json
import re
from pathlib import Path

import numpy as np
import pytest

from recall_learn.lab import chart, scripted
from recall_learn.methods.method import COSTS
from recall_learn.runs.recipe import Recipe
from recall_learn.runs.recordings import Record, Records

COMMON = {"backbone": "tiny", "task": "world/cola", "steps": 300}


def run(seed, score, loss, frontier=None, **settings):
    columns = {"step": [0, 300], "score": [0.0, score], "loss": [None, 0.1], "source_loss": [0.6, loss]}
    columns["facts"] = [1.0, 0.9]
    return Record(Recipe(**COMMON | {"lr": 0.001} | settings, seed=seed), columns, frontier=frontier or {})


FRONTIER = {"alpha": [0.0, 0.5, 1.0], "score": [0.0, 0.5, 1.0], "source_loss": [1.0, 1.5, 2.0]}
RUNS = [
    *(run(seed, score, loss, lr=lr) for seed in (0, 1) for score, loss, lr in ((0.7, 0.6, 1e-4), (0.9, 1.4, 1e-3))),
    *(run(seed, 0.8, 0.7, method="ewc", gamma=100) for seed in (0, 1)),
    run(0, 0.8, 0.7, method="top-k", layers=1),
    run(0, 0.8, 0.7, method="recadam + child-d"),
    run(1, 0.5, 1.5, frontier=FRONTIER, method="wise-ft + lora", task="world/rte"),
]


def contrast(a, b):
    """WCAG's contrast ratio of two colours, #rrggbb."""

    def luminance(colour):
        c = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
        return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722]

    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("page", ["#ffffff", "#121212"])
@pytest.mark.parametrize("colour", chart.COLOURS.values(), ids=lambda colour: colour.strip("#"))
def test_every_family_shows_on_a_light_and_on_a_dark_page(colour, page):
    assert contrast(colour, page) > 2
    assert list(chart.COLOURS.values()).count(colour) == 1


def test_methods_are_in_the_order_of_their_families_and_say_what_they_ask_for():
    found = chart.payload(Records([], RUNS))
    asks = {name: each["asks"] for name, each in found["methods"].items()}
    assert list(asks) == ["vanilla", "top-k", "ewc", "recadam+child-d", "lora+wise-ft"]
    assert asks["vanilla"] == ["all gradients"]
    assert asks["top-k"] == []
    assert asks["ewc"] == ["source", "all gradients", "copy"]
    assert asks["recadam+child-d"] == ["all gradients", "copy"]
    assert found["methods"]["recadam+child-d"]["family"] == chart.JOINED
    assert list(found["asks"]) == ["source", *(cost for cost in COSTS if cost in ("all gradients", "copy"))]


def test_a_point_has_its_seeds_its_runs_and_how_it_stands():
    found = chart.payload(Records([], RUNS))
    (ewc,) = (each for each in found["points"] if each["method"] == "ewc")
    assert (ewc["label"], ewc["seeds"], ewc["score"], ewc["source_loss"]) == ("gamma 100", [0, 1], [0.8] * 2, [0.7] * 2)
    assert ewc["ahead"] == {"source_loss": [2, 2], "facts": [0, 2]}
    # the line goes from (0.7, 0.6) to (0.9, 1.4): at 0.8 it is at 1
    assert ewc["stands"]["source_loss"] == {"0": ["ahead", -0.3], "1": ["ahead", -0.3]}
    assert ewc["stands"]["facts"] == {"0": ["behind", 0.0], "1": ["behind", 0.0]}
    (plain, *_) = found["points"]
    assert (plain["label"], plain["ahead"], plain["stands"]) == ("lr 0.0001", {}, {})
    first = found["runs"][ewc["runs"][1]]
    assert first["source_loss"] == [0.6, 0.7]
    assert found["steps"][first["step"]] == [0, 300]
    again = first["command"].join(found["again"])
    assert again.startswith("recall-learn finetune --backbone tiny --task world/cola --method 'ewc(gamma=100)'")
    assert again.endswith("--seed 1 --out runs/mine")
    assert found["tasks"]["world/cola"] == {
        "metric": "Matthews correlation",
        "before": {"source_loss": 0.6, "facts": 1.0},
        "kept": ["source_loss", "facts"],
    }
    assert list(found["kept"]) == ["source_loss", "facts"]


def test_the_points_of_a_frontier_share_their_run():
    found = chart.payload(Records([], RUNS))
    points = [each for each in found["points"] if each["task"] == "world/rte"]
    assert [each["label"] for each in points] == ["alpha 0", "alpha 0.5", "alpha 1"]
    assert len({each["runs"][0] for each in points}) == 1
    assert [each["frontier"]["alpha"] for each in points] == [0, 0.5, 1]
    assert {each["frontier"]["scored"] for each in points} == {0.5}
    (again,) = points[2]["frontier"]["commands"]
    assert "'lora + wise-ft(alpha=1)'" in again
    assert "--seed 1" in again


def test_times_of_methods_at_once_are_added():
    found = chart.payload(Records([], RUNS), time={"recadam": 1.1, "child-d": 1.2, "ewc": 1.5})["methods"]
    times = {name: each.get("time") for name, each in found.items()}
    assert times == {"vanilla": None, "top-k": None, "ewc": 1.5, "recadam+child-d": 1.3, "lora+wise-ft": None}


def test_without_an_end_there_is_no_chart():
    with pytest.raises(ValueError, match="no runs to draw"):
        chart.payload(Records([], []))


def test_a_page_holds_the_data_and_a_notebook_the_script_too(monkeypatch):
    made = Records([], RUNS)
    whole = chart.chart(made)._repr_html_()
    monkeypatch.setenv(scripted.STATIC, "1")
    html = chart.chart(made)._repr_html_()
    for page in (html, whole):
        data = re.search(r'<script type="application/gzip">([A-Za-z0-9+/=]*)</script>', page)[1]
        assert json.loads(gzip.decompress(base64.b64decode(data))) == chart.payload(made)
        assert "8 settings of 6 methods on world/cola, world/rte" in page.split("<script", 1)[0]  # where none runs
    for file in (chart.STYLE, *chart.Page.scripts):
        text = Path(file).read_text(encoding="utf-8")
        assert (text in whole, text in html) == (True, False)
        assert not re.search(r"</script|<!--|</style", text, flags=re.IGNORECASE)
