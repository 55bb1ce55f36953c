"""A method that is new: its file and a line of the registry change the lab, the command line and the explorer."""

import math
import shlex
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
from labs import PATIENCE, View

from recall_learn.cli import parser
from recall_learn.figures import tables
from recall_learn.lab import explorer
from recall_learn.lab.live import Lab
from recall_learn.methods import METHODS
from recall_learn.methods.method import Acting, Method, setting
from recall_learn.runs.recipe import Recipe, knobs
from recall_learn.runs.recordings import Record, Records


class _Acting(Acting):
    def terms(self, inputs, outputs):
        return {"lean": 0.0 * outputs.loss + self.method.force}


@dataclass(frozen=True)
class Leaning(Method):
    """A method that nobody has written."""

    name: ClassVar[str] = "leaning"
    title: ClassVar[str] = "Leaning"
    slot: ClassVar[str] = "lean"
    acting: ClassVar[type[Acting]] = _Acting

    force: float = setting(2.0, "how much it leans", low=1, high=3, live=True)
    until: float = setting(5.0, "how long", low=0, live=True, unit="steps")
    p: float = setting(0.5, "a share", low=0, high=1)
    parts: int = setting(3, "how many", low=1, whole=True)
    side: str = setting("left", "where to", choices=("left", "right"))

    def advice(self, lr):
        return "It leans far." if self.force > 2.5 else ""

    def ahead(self, steps):
        return {"lambda": np.full(len(steps), 0.25)}


@pytest.fixture
def registered(monkeypatch):
    """The line of the registry."""
    monkeypatch.setitem(METHODS, Leaning.name, Leaning)


def keys(rows):
    return [row["key"] for row in rows]


def test_the_lab_has_its_controls(registered, world):
    recipe = Recipe(backbone=str(world / "bert"), method="leaning", max_length=40, steps=12, batch_size=4)
    assert knobs(recipe) == ("force", "until", "lr")
    lab = Lab(recipe, "nothing", data_folder=world / "glue", device="cpu")
    view = View(lab)
    (side,), setup = view.told[0]["sides"], {field["key"]: field for field in view.told[0]["setup"]}
    force, until, _ = side["knobs"]
    assert (force["value"], force["low"], force["high"], force["notches"]) == (2.0, 1, 3, None)
    assert (until["value"], until["low"], until["high"], until["unit"]) == (5.0, 0, 12, "steps")
    assert side["curve"] is None
    assert [choice["value"] for choice in setup["side"]["choices"]] == ["left", "right"]
    assert (setup["p"]["value"], setup["parts"]["value"], setup["parts"]["whole"]) == (0.5, 3, True)
    offered = {choice["value"] for choice in setup["method"]["choices"]}
    assert "leaning" in offered
    pairs = [name.split("+") for name in offered if "+" in name]
    assert {(METHODS[one].slot, METHODS[other].slot) for one, other in pairs} == {("pull", "mask")}
    lab.step(2)
    assert lab.wait(PATIENCE) == "paused"
    assert "lean 2" in lab.status
    view.set(force=2.9)
    assert view.text == "It leans far."
    lab.start()
    assert lab.wait(PATIENCE) == "done"
    assert lab.run.changes == [{"step": 3, "force": 2.9}]
    assert [record["lean"] for record in lab.run.history] == pytest.approx([2.0] * 2 + [2.9] * 10)
    view.ask("reset", setup={"method": "child-d+leaning", "side": "right", "parts": 4})
    assert {"child-d.p", "leaning.p"} <= set(keys(view.last("begin")["setup"]))  # two methods have a p
    view.ask("reset", setup={"child-d.p": 0.25})
    assert lab.run.recipe.method == "child-d(p=0.25) + leaning(force=2.9, until=5, p=0.5, parts=4, side=right)"
    (begin, *_) = view.ask("reset", setup={"method": "recadam"})
    assert keys(begin["sides"][0]["knobs"]) == ["k", "t0", "gamma", "lr"]
    assert not {"side", "child-d.p"} & set(keys(begin["setup"]))
    lab.close()


def test_the_command_line_has_its_flags(registered):
    words = ["finetune", "--method", "leaning", "--force", "2.5", "--side", "right", "--out", "x"]
    options = vars(parser().parse_args(words))
    assert (options["force"], options["side"], options["until"], options["k"]) == (2.5, "right", None, None)
    recipe = Recipe(method="leaning", side="right", force=2.5)
    assert "--method 'leaning(force=2.5, side=right)' --out" in tables.command(recipe, "x")
    told = vars(parser().parse_args(shlex.split(tables.command(recipe, "x"))[1:]))
    assert Recipe(method=told["method"]) == recipe
    with pytest.raises(ValueError, match="side is no setting of vanilla; it has none, and side is one of leaning"):
        Recipe(side="right")


def test_the_explorer_has_its_axes(registered):
    columns = {"step": [0, 12], "score": [0.0, 0.5], "loss": [None, 0.7], "distance": [0.0, 1.0]}
    common = {"backbone": "tiny", "task": "world/cola", "steps": 12}
    asked = [
        Recipe(**common, method="leaning", force=force, side=side) for force in (1, 2) for side in ("left", "right")
    ]
    asked += [Recipe(**common), Recipe(**common, method="recadam+leaning", k=math.inf)]
    data = explorer.payload(Records([], [Record(recipe, columns) for recipe in asked]), side="right")
    assert list(data["axes"]) == ["task", "method", "k", "t0", "force", "side", "seed"]
    assert (data["axes"]["force"], data["axes"]["side"]) == ([1, 2], ["left", "right"])
    assert data["ranged"] == ["k", "t0", "force"]
    assert (data["start"]["side"], data["names"]["leaning"]) == ("right", "Leaning")
    assert data["scheduled"] == ["recadam+leaning"]  # the script draws lambda of k and t0, and of nothing else
