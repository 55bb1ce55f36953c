"""What the page's engine knows without a model: messages are the protocol's, refusals Python's, links whole."""

import itertools
import json

import pytest

from recall_learn.lab import protocol
from recall_learn.lab.browser import about, page
from recall_learn.runs import steering
from recall_learn.runs.recipe import Recipe
from recall_learn.runs.record import Run

TASKS = protocol.offered_tasks("tiny")


@pytest.fixture(scope="module")
def tab(browser):
    """A page in which the worker's scripts run, without a worker."""
    tab = browser.new_page()
    tab.evaluate(f"() => {{ {page.worker()} }}")
    tab.evaluate("(about) => { window.about = about; }", about.about())
    tab.evaluate(
        """() => {
          window.recipes = RecallRecipes.make(about);
          window.messages = RecallMessages.make(about, recipes);
          window.tried = (act) => { try { return act(); } catch (error) {
            if (!(error instanceof RecallRecipes.Refused)) throw error;
            return { refused: error.message };
          } };
          window.sessionOf = (asked, told = []) => new RecallSession(about, asked,
            { tell: (message) => told.push(message), need() {}, link: (link) => told.push({ link }) });
        }"""
    )
    yield tab
    tab.close()


def begun(tab, recipe, beside, how):
    asked = [each.to_dict() for each in (recipe, beside) if each is not None]
    return tab.evaluate("([sides, how]) => messages.begin(sides.map(recipes.recipe), how)", [asked, how])


def some_recipes():
    for task, method in itertools.product(TASKS[:2], ("vanilla", *about.offered())):
        yield Recipe(backbone="tiny", task=task, method=method, steps=40)
    odd = "recadam(k=inf, t0=0, gamma=0.00001234, algorithm=coupled)"
    yield Recipe(backbone="tiny", task=TASKS[2], method=odd, steps=300, lr=0.000012, seed=7, init="random", warmup=0.1)
    yield Recipe(backbone="tiny", task=TASKS[3], method="l2sp(beta=1e-7)", steps=7, batch_size=3, probe="none")
    yield Recipe(backbone="tiny", task=TASKS[4], method="ewc(gamma=123456789) + child-f", probe="source", steps=1)


@pytest.mark.parametrize("how", [protocol.PLAIN, protocol.OTHER, protocol.NOTHING])
def test_a_page_begins_as_the_protocol_says(tab, how):
    for recipe in some_recipes():
        plain = Recipe(backbone="tiny", task=recipe.task, steps=recipe.steps, lr=recipe.lr)
        beside = {protocol.PLAIN: plain, protocol.OTHER: recipe, protocol.NOTHING: None}[how]
        wanted = protocol.begin(recipe, beside, how, engine="page", can=about.CAN)
        field = {each["key"]: each for each in wanted["setup"]}
        field["batch_size"]["high"] = about.MOST_BATCH
        offered = about.offered() | {recipe.names: field["method"]["value"]}
        field["method"]["choices"] = [each for each in field["method"]["choices"] if each["value"] in offered]
        made = begun(tab, recipe, beside, how)
        assert made == json.loads(json.dumps(wanted)), recipe.method


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"method": "recadam(k=-1)"}, "k is -1; it has to be a number of at least 0, or inf"),
        ({"method": "recadam + l2sp"}, "method joins recadam and l2sp, which are each a pull; take one of them"),
        ({"method": "recadam(gamma=3000)", "lr": 0.001}, "lr * gamma is 3 at the first step; the pull diverges at 2"),
        ({"method": "child-f(p=0)"}, "p is 0; it has to be a number in (0, 1]"),
        ({"method": "mixout(p=0.5)"}, "the page has no mixout; Python does"),
        ({"method": "recadma"}, "method 'recadma' is unknown; the page has vanilla, recadam"),
        ({"method": "recadam(k=0.1, k=0.2)"}, "recadam has k twice; give it once"),
        ({"method": "ewc + child-d"}, "ask for two Fishers"),
        ({"backbone": "minilm"}, "backbone is 'minilm'; the page trains tiny only"),
        ({"task": "cola"}, "task is 'cola'; the page has world/"),
        ({"batch_size": 33}, "batch_size is 33; it has to be a whole number from 1 to 32 in the page"),
        ({"steps": 10**9}, "steps is 1000000000; it has to be a whole number from 1 to 100000"),
        ({"limit_train": 10}, "limit_train is 10; the page has none"),
        ({"mixed_precision": "bf16"}, "mixed_precision is 'bf16'; the page has no"),
        ({"warmup": 1}, "warmup is 1; it has to be a share of the steps, in [0, 1)"),
        ({"lr": 0}, "lr is 0; it has to be a number above 0"),
        ({"colour": "red"}, "recipe has the unknown key 'colour'"),
        ({"constructor": 1}, "recipe has the unknown key 'constructor'"),
        ({"": 1}, "recipe has the unknown key ''"),
    ],
)
def test_what_the_page_cannot_run_is_refused_in_a_sentence(tab, asked, says):
    values = Recipe(backbone="tiny", task="world/cola").to_dict() | asked
    assert says in tab.evaluate("(values) => tried(() => recipes.recipe(values))", values)["refused"]


def test_changes_are_noted_as_python_notes_them(tab):
    recipe = Recipe(backbone="tiny", task="world/cola", method="recadam(k=0.05, t0=20)", steps=60)
    later = [{"step": 30, "k": "inf"}, {"step": 50, "gamma": 300.0, "lr": 0.0002}]
    asked = [
        (3, {"k": 0.2}),
        (5, {"k": 0.2, "t0": 20}),
        (5, {"t0": 44.5}),
        (30, {"lr": 0.01}),
        (31, {"k": 0.0}),
        (40, {"gamma": 0.5}),
        (3, {"k": 0.05}),
        (60, {"k": 1}),
        (2, {"gamma": 1e9}),
    ]
    run, changes = Run(recipe, changes=later), later
    for step, values in asked:
        try:
            steering.note(run, step, values)
            expected = run.changes
        except ValueError:
            expected = None
        given = [recipe.to_dict(), changes, step, values]
        made = tab.evaluate("([r, c, s, v]) => tried(() => recipes.note(recipes.recipe(r), c, s, v))", given)
        assert (None if expected is None else expected) == (made if isinstance(made, list) else None), (step, values)
        changes = run.changes
        for at in (1, 10, 35, 60):
            now = steering.at(recipe, changes, at)
            there = tab.evaluate(
                "([r, c, s]) => recipes.dict(recipes.at(recipes.recipe(r), c, s))", [given[0], changes, at]
            )
            assert Recipe.from_dict(there) == now


def test_an_address_holds_a_session_whole(tab):
    asked = {
        "recipe": Recipe(backbone="tiny", task="world/rte", method="recadam(k=inf, t0=3) + child-f", steps=9).to_dict(),
        "beside": Recipe(backbone="tiny", task="world/rte", method="l2sp", lr=1e-5, steps=9).to_dict(),
        "how": protocol.OTHER,
        "presets": [],
    }
    found = tab.evaluate(
        """(asked) => {
          const one = sessionOf(asked);
          one.runs[0].changes = [{ step: 4, k: 0.25, t0: 7 }, { step: 9, lr: 0.00001 }];
          one.runs[1].changes = [{ step: 2, beta: 0.5 }];
          const link = RecallLink.write(one);
          const other = sessionOf({ ...asked, recipe: recipes.dict(recipes.recipe({})), how: messages.plain });
          const { recipe, other: b, how, changes } = RecallLink.read(link, other);
          other.begin(recipe, b, how, { changes });
          return { link, again: RecallLink.write(other), recipe: recipes.dict(recipe), b: recipes.dict(b), changes };
        }""",
        asked,
    )
    assert found["link"] == found["again"]
    assert found["link"].startswith("#lab&")
    assert found["changes"] == [
        [{"step": 4, "k": 0.25, "t0": 7}, {"step": 9, "lr": 0.00001}],
        [{"step": 2, "beta": 0.5}],
    ]
    assert Recipe.from_dict(found["recipe"]) == Recipe.from_dict(asked["recipe"])
    assert Recipe.from_dict(found["b"]) == Recipe.from_dict(asked["beside"])


@pytest.mark.parametrize(
    ("link", "says"),
    [
        ("#lab&task=world/mnli", "task is 'world/mnli'"),
        ("#lab&steps=ten", "steps is 'ten'"),
        ("#lab&steps=10&changes=11:k=1", "its changes name the step 11; it has to be one from 1 to 10"),
        ("#lab&method=recadam&changes=1:p=1", "p cannot change while recadam trains"),
        ("#lab&method=recadam&changes=1:k=", "k is"),
        ("#lab&method=recadam&changes=3:", "its change at step 3 names no setting; say which, or leave it out"),
        ("#lab&method=recadam&changes=3:=1", "a setting without a name cannot change while recadam trains"),
        ("#lab&colour=red", "the address names colour, which the lab does not have"),
        ("#lab&beside=me", "the address has me beside the run"),
        ("#lab&task=%E0%A4%A", "the address is torn"),
    ],
)
def test_an_address_that_names_what_is_not_there_is_refused(tab, link, says):
    asked = {"recipe": Recipe(backbone="tiny", task="world/cola").to_dict(), "beside": None, "how": protocol.PLAIN}
    found = tab.evaluate("([link, asked]) => tried(() => RecallLink.read(link, sessionOf(asked)))", [link, asked])
    assert says in found["refused"]


def test_before_the_first_step_what_is_set_is_the_recipe_and_reset_takes_it(tab):
    asked = {
        "recipe": Recipe(backbone="tiny", task="world/cola", method="recadam", steps=50).to_dict(),
        "beside": None,
        "how": protocol.PLAIN,
        "presets": [],
    }
    found = tab.evaluate(
        """(asked) => {
          const told = [], one = sessionOf(asked, told);
          const say = (message) => one.receive(message);
          say({ type: "hello" });
          say({ type: "set", side: 0, values: { k: "inf", lr: 0.002 } });
          say({ type: "set", side: 0, values: { k: -1 } });
          say({ type: "set", side: 0, values: { p: 1 } });
          say({ type: "set", side: 0, values: { "": 1 } });
          say({ type: "reset", setup: { "": 1 } });
          say({ type: "set", side: 1, values: { k: 1 } });
          say({ type: "save", name: "x" });
          say({ type: "step", steps: 0 });
          say({ type: "reset", setup: { method: "l2sp", steps: 100, seed: 3, beside: "nothing" } });
          say({ type: "reset", setup: { method: "recadam+child-d", p: 0.5, algorithm: "released" } });
          say({ type: "reset", setup: { batch_size: 64 } });
          say({ type: "reset", setup: { method: "recadam", p: 0.5 } });
          say({ type: "nonsense" });
          return told;
        }""",
        asked,
    )
    begins = [each for each in found if each.get("type") == "begin"]
    assert [each["id"] for each in begins] == [1, 2, 3]
    refused = [each["text"] for each in found if each.get("type") == "refused"]
    for text, says in zip(
        refused,
        (
            "k is -1",
            "p cannot change while recadam trains",
            "a setting without a name cannot change",
            "a setting without a name is no setting of recadam",
            "k cannot change while vanilla trains",
            "nothing to save",
            "steps is 0",
            "batch_size is 64",
            "p is no setting of recadam",
        ),
        strict=True,
    ):
        assert text.startswith("Refused: ")
        assert says in text
    knobs = [(each["side"], each["values"]) for each in found if each.get("type") == "knobs"]
    assert knobs[2] == (0, {"k": "inf", "t0": 250, "gamma": 100, "lr": 0.002})
    second, third = (Recipe.from_dict(each["recipe"]) for each in begins[1:])
    assert (second.names, second.steps, second.seed, second.lr, second.evaluate_every) == ("l2sp", 100, 3, 0.002, 10)
    assert len(begins[1]["sides"]) == 1
    assert third == Recipe(
        backbone="tiny", task="world/cola", steps=100, seed=3, lr=0.002, evaluate_every=10,
        method="recadam(k=inf, t0=250, gamma=100, algorithm=released) + child-d(p=0.5)",
    )  # fmt: skip


def test_a_file_that_is_no_run_of_the_page_is_refused(tab):
    recipe = Recipe(backbone="tiny", task="world/cola", method="recadam", steps=3)
    good = json.loads(Run(recipe).to_json())
    record = {"step": 1, "loss": 0.5}
    bad = {
        "{": "this file is no JSON",
        "[1]": "this file is no recorded run",
        "null": "this file is no recorded run",
        json.dumps(good | {"schema": 1}): "this file is of schema 1",
        json.dumps(good | {"history": [record | {"step": 2}]}): "its history does not count",
        json.dumps(good | {"history": [{"step": 1}]}): "its history does not count",
        json.dumps(good | {"changes": [{"step": 9, "k": 1}]}): "its changes name the step 9",
        json.dumps(good | {"changes": [{"step": 1, "p": 1}]}): "p cannot change",
        json.dumps(good | {"recipe": good["recipe"] | {"task": "mrpc"}}): "task is 'mrpc'",
    }
    for text, says in bad.items():
        found = tab.evaluate("(text) => tried(() => RecallLink.file(text, recipes))", text)
        assert says in found["refused"]
    assert Recipe.from_dict(
        tab.evaluate("(text) => recipes.dict(RecallLink.file(text, recipes).recipe)", json.dumps(good))
    ) == recipe  # fmt: skip
