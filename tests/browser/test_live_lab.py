"""The live lab as a reader uses it: the lesson's own notebook, in JupyterLab, in a browser."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from jupyter_page import Notebook, serving, until
from samples import sample

from recall_learn.models import places
from recall_learn.runs import record as runs
from recall_learn.runs.recipe import Recipe
from recall_learn.tasks import stored
from recall_learn.theory.annealing import Sigmoid

BOOK = Path(__file__).parents[2] / "book"
REAL = Path(os.environ.get(stored.VARIABLE) or Path(__file__).parents[3] / "shared" / "glue")
CELL, NEXT = "lab = Lab(", "lab.run.history[-1:], lab.run.changes"
STEPS, LR = 300, 1e-3  # of what the lesson begins with
NOT_OURS = ("Could not restore the debugger state",)  # JupyterLab's, when a kernel is restarted
THREADS = "sorted(t.name for t in __import__('threading').enumerate() if t.name.startswith('recall-learn'))"


class Shown:
    """The lab in the page, and its kernel's account of it."""

    def __init__(self, notebook):
        self.notebook, self.ask = notebook, notebook.ask

    @property
    def view(self):
        return self.notebook.tab.locator(".rl")

    def press(self, name):
        large = name in ("Start", "Pause", "Go on")  # one button, which has a sign before its name
        self.view.locator(".rl-go", has_text=name).click() if large else self.view.get_by_text(name, exact=True).click()

    def slider(self, name):
        return self.view.get_by_role("slider", name=name, exact=True).last

    def key(self, name, *keys):
        for key in keys:
            self.slider(name).press(key)

    def says(self, text):
        self.view.locator(f"text={text}").first.wait_for()

    def steps(self):
        return self.ask("len(lab.run.history)")

    def train_to(self, step):
        return until(lambda: max(0, self.steps() - step + 1)) + step - 1

    def pause(self):
        """Pause, and return the steps taken."""
        self.press("Pause")
        until(lambda: self.ask("lab.state") == "paused")
        return self.steps()


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with the lesson's notebook."""
    folder = tmp_path_factory.mktemp("lessons")
    shutil.copy(BOOK / "08_lab.ipynb", folder)
    return folder


@pytest.fixture(scope="module")
def notebook(browser, place, tmp_path_factory):
    own = tmp_path_factory.mktemp("server")
    with serving(place, own) as address:
        context = browser.new_context(viewport={"width": 1300, "height": 1100})
        notebook = Notebook(context, address, "08_lab.ipynb")
        notebook.temporary = own / "tmp"
        yield notebook
        context.close()


@pytest.fixture
def lab(notebook):
    """The lesson's lab, just shown: its cell has been run, perhaps again."""
    show(notebook)
    yield Shown(notebook)
    assert [error for error in notebook.errors if not error.startswith(NOT_OURS)] == []


def show(notebook):
    (output,) = notebook.run(notebook.find(CELL))
    assert "application/vnd.jupyter.widget-view+json" in output["data"], output
    until(lambda: notebook.tab.locator(".rl .rl-curve").count() == 1)


def test_a_knob_acts_from_the_next_step_on(lab):
    assert lab.view.locator(".rl-city i").count() == 640  # all is there before the first step
    lab.press("Start")
    lab.train_to(3)
    assert lab.ask("lab.state") == "running"  # and the kernel answers
    done = lab.pause()
    assert 3 <= done < STEPS
    lab.key("k, per step", "ArrowRight", "ArrowRight")
    lab.key("lr", "ArrowLeft")
    until(lambda: lab.ask("len(lab.run.changes[0]) if lab.run.changes else 0") == 3)
    assert lab.steps() == done  # nothing trained meanwhile
    assert lab.ask("lab.run.changes") == [{"step": done + 1, "k": 0.3, "lr": LR / 2}]
    lab.press("Go on")
    lab.train_to(done + 2)
    lab.pause()
    history = lab.ask("lab.run.history")
    assert [record["step"] for record in history] == list(range(1, len(history) + 1))
    for record in history:
        k, lr = (0.1, LR) if record["step"] <= done else (0.3, LR / 2)
        lr *= 1 - (record["step"] - 1) / STEPS
        expected = {"lambda": Sigmoid(k, 100)(record["step"]), "lr": lr}
        expected["pull"] = lr * 100 * (1 - expected["lambda"])
        assert {name: record[name] for name in expected} == pytest.approx(expected, rel=1e-9)
    beside = lab.ask("lab.beside.history")
    assert beside[-1]["lr"] == pytest.approx(LR * (1 - (beside[-1]["step"] - 1) / STEPS))  # plain, as it was
    output = lab.notebook.run(lab.notebook.find(NEXT))
    assert f"'step': {len(history) + 5}" in output[0]["data"]["text/plain"]


def test_a_preset_tells_its_story_and_the_cell_run_again_ends_it(lab):
    lab.press("Multi-task")
    lab.says("the spring never lets go")
    lab.train_to(2)
    assert lab.ask("[lab.run.recipe.k, lab.run.recipe.names]") == [0, "recadam"]
    assert {record["lambda"] for record in lab.ask("lab.run.history")} == {0.5}
    assert lab.ask(THREADS) == ["recall-learn-beside", "recall-learn-run"]
    lab.ask("globals().update(former=lab)")
    show(lab.notebook)
    assert lab.ask("[former.state, lab.state, former is lab]") == ["closed", "new", False]
    until(lambda: lab.ask(THREADS) == [])
    done = lab.ask("len(former.run.history)")
    lab.press("Start")
    lab.train_to(1)
    lab.pause()
    assert lab.ask("len(former.run.history)") == done


def test_it_goes_on_while_its_tab_is_closed(lab):
    lab.press("Start")
    lab.train_to(2)
    lab.notebook.save()
    done = lab.steps()
    lab.notebook.tab.close()
    lab.notebook.open()
    assert lab.train_to(done + 1) > done
    assert lab.ask("lab.state") == "running"
    lab.press("Pause")  # the same lab is shown again, and obeys
    until(lambda: lab.ask("lab.state") == "paused")


def test_the_kernel_is_restarted_while_it_trains(lab):
    lab.press("Start")
    lab.train_to(2)
    former = lab.ask("__import__('os').getpid()")
    lab.notebook.restart()
    assert lab.ask(f"[__import__('os').getpid() != {former}, 'lab' in globals()]") == [True, False]
    show(lab.notebook)
    assert lab.ask("[lab.state, len(lab.run.history)]") == ["new", 0]
    lab.press("Start")
    lab.train_to(2)
    lab.pause()
    assert len(list(lab.notebook.temporary.glob("recall-learn-lab-*"))) == 1  # the former one's files are gone


def test_a_strangers_session_runs_nothing(lab, place):
    """Its names are shown as they are, in every control."""
    hostile = "<img src=x onerror=window.ran=1>"
    recipe = Recipe(backbone=hostile, task="world/cola", steps=5, lr=1e-3)
    asked = {"facts": {"known": 0.5, "lost": {hostile: hostile}}, "source_loss": 1.0}
    told = {"step": 5, "metrics": {"matthews_correlation": 0.5}, "distance": 1.0, **asked}
    records = [{"step": step, "loss": 1.0, "lambda": 1.0, "lr": 1e-3, "pull": 0.0} for step in range(1, 6)]
    gift = runs.Run(recipe, {"device": hostile}, records, [{**told, "step": 0}, told], {**told, "seconds": 1.0})
    gift.save(place / "gift" / "run.json")
    source = "lab.close()\nfrom recall_learn.lab.live import Lab\nlab = Lab(folder='gift')\nlab"
    cell = lab.notebook.write(source)
    lab.notebook.run(cell)
    until(lambda: lab.notebook.tab.locator("select option", has_text=hostile).count() > 0)
    assert lab.notebook.tab.evaluate("window.ran") is None
    assert lab.notebook.tab.locator("img[src=x]").count() == 0
    lab.notebook.remove(cell)


def test_jupyter_draws_what_others_are_told(lab):
    """A figure by plotly, an explorer by its script, and no words beside them."""
    source = "from recall_learn.figures.plots import lambda_curve\nlambda_curve()"
    cell, tab = lab.notebook.write(source), lab.notebook.tab
    lab.notebook.run(cell)
    drawn = tab.locator(".jp-OutputArea-output.js-plotly-plot", has_text="k says how fast")
    drawn.locator(".trace").first.wait_for()
    assert tab.locator(".jp-OutputArea-output", has_text="The figure itself is drawn in").count() == 0
    lab.notebook.remove(cell)
    source = """
from recall_learn.runs.recordings import Record, Records
from recall_learn.lab.explorer import explore
from recall_learn.runs.recipe import Recipe
columns = {"step": [0, 300], "score": [0.0, 0.9], "loss": [None, 0.2], "distance": [0.0, 2.0]}
recipes = [Recipe(backbone="tiny", task="world/cola", steps=300, seed=seed) for seed in (0, 1)]
explore(Records([], [Record(recipe, columns) for recipe in recipes]))
"""
    lab.notebook.run(lab.notebook.write(source))
    explorer = tab.locator(".jp-OutputArea-output .recall-explorer")
    explorer.get_by_label("seed", exact=True).select_option("1")
    explorer.locator(".which", has_text="method vanilla, seed 1").wait_for()
    assert explorer.locator("svg").count() == 5


@pytest.mark.skipif(places.minilm_package() is None, reason="MiniLM's package is missing")
@pytest.mark.skipif(not (REAL / "cola").is_dir(), reason="no folder with the real GLUE data")
def test_minilm_learns_cola(lab, tmp_path):
    data = sample(["cola"], str(REAL), tmp_path, 32)
    recipe = "backbone='minilm', task='cola', method='recadam', steps=6, batch_size=8, evaluate_every=6, k=2.0, t0=3.0"
    source = "from recall_learn.lab.live import Lab\nfrom recall_learn.runs.recipe import Recipe\n"
    source += f"lab.close()\nlab = Lab(Recipe({recipe}, probe='none'), data_folder={str(data)!r})\nlab"
    lab.notebook.run(lab.notebook.write(source))
    until(lambda: lab.view.locator(".rl-curve").count() == 1)
    lab.press("Start")
    until(lambda: lab.ask("lab.state") in ("done", "failed"))
    history = lab.ask("lab.run.history")
    assert len(history) == 6
    assert all(np.isfinite(record["loss"]) and record["loss"] > 0 for record in history)
    assert [record["lambda"] for record in history] == pytest.approx(list(Sigmoid(2.0, 3.0)(np.arange(1, 7))))
    ends = [lab.ask(f"lab.{which}.evaluations[-1]['distance']") for which in ("run", "beside")]
    assert 0 < ends[0] < ends[1]  # the spring held it nearer to home
