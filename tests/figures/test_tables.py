"""Tables of runs: the figures are those of the run, and the command line records the same recipe again."""

import math
import shlex

import pytest

from recall_learn.cli import parser
from recall_learn.figures import tables
from recall_learn.figures.plots import over_time, tradeoff
from recall_learn.runs.recipe import Recipe
from recall_learn.runs.record import Run


def a_run(**changes):
    final = {"step": 9, "metrics": {"accuracy": 0.75, "f1": 0.8125}, "similarity": 0.9004, "distance": 1.23456}
    environment = {"device": "CPU", "versions": {"torch": "2", "transformers": "5"}, "date": "2026-01-02T03:04:05Z"}
    return Run(Recipe(**changes), {**environment, "commit": "abc"}, final={**final, "seconds": 1})


def test_results_has_a_line_for_each_run():
    table = tables.results({"one": a_run(), "other": a_run(seed=3)}).splitlines()
    assert table[0] == "| run | seed | MRPC accuracy | MRPC f1 | zero-shot STS-B | distance |"
    assert table[2:] == [
        "| one | 0 | 0.750 | 0.812 | 0.900 | 1.235 |",
        "| other | 3 | 0.750 | 0.812 | 0.900 | 1.235 |",
    ]


def test_provenance_names_device_versions_date_and_commit():
    assert tables.provenance({"one": a_run()}).splitlines()[2] == (
        "| one | CPU | torch 2, transformers 5 | 2026-01-02 | `abc` |"
    )


@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(),
        Recipe(backbone="some where/bert", task="rte", method="recadam+child-d", k=math.inf, t0=100.5, gamma=1e-4),
        Recipe(lr=1.23456789e-5, limit_train=7, init="random", probe="stsb", seed=4, warmup=0.1),
    ],
)
def test_the_command_records_the_same_recipe(recipe):
    words = shlex.split(tables.command(recipe, "out"))
    assert words[:2] == ["recall-learn", "finetune"]
    options = vars(parser().parse_args(words[1:]))
    assert Recipe(**{name: options[name] for name in recipe.to_dict()}) == recipe


def test_over_time_holds_the_curves_as_given():
    fig = over_time({"a": ([0, 5], [0.1, 0.2]), "b": ([0, 9], [1, 2])}, "metres", "it rises", "two lines")
    assert [(t.name, list(t.x), list(t.y)) for t in fig.data] == [("a", [0, 5], [0.1, 0.2]), ("b", [0, 9], [1, 2])]
    assert fig.layout.yaxis.title.text == "metres"
    with pytest.raises(ValueError, match="7 curves"):
        over_time({str(i): ([0], [0]) for i in range(7)}, "y", "claim", "alt")


def test_tradeoff_shows_each_path_as_far_as_the_slider():
    fig = tradeoff({"a": ([0, 5, 9], [1, 2, 3], [9, 8, 7]), "b": ([0, 5, 9], [1, 1, 1], [9, 9, 9])}, "x", "y", "c", "d")
    stops = fig.layout.sliders[0].steps
    assert [stop.label for stop in stops] == ["0", "5", "9"]
    assert stops[1].args[0] == {"x": [[1, 2], [1, 1]], "y": [[9, 8], [9, 9]]}
    assert fig.layout.sliders[0].active == 2
    assert list(fig.data[0].x) == [1, 2, 3]
    other = tradeoff({"a": ([0, 9], [1, 2], [3, 4]), "b": ([0, 5], [5, 6], [7, 8])}, "x", "y", "c", "d")
    stops = other.layout.sliders[0].steps
    assert [stop.label for stop in stops] == ["0", "5", "9"]
    assert stops[1].args[0]["x"] == [[1], [5, 6]]
