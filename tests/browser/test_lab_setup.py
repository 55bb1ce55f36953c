"""What a new run begins with, in the lab's view: what is right stands beside a field, what is wrong is told at once."""

import pytest
from lab_views import drawn


@pytest.fixture
def setup(opened):
    tab = opened()
    tab.locator("summary").click()
    return tab


def about(tab, label):
    """Whether a field is marked, and what stands beside it."""
    field = tab.get_by_label(label, exact=True)
    beside = tab.locator(f"#{field.get_attribute('aria-describedby')}")
    return field.get_attribute("aria-invalid"), beside.inner_text()


def test_what_is_right_stands_beside_a_field_before_any_error(setup):
    assert about(setup, "steps") == ("false", "a whole number from 1 to 2000")
    assert about(setup, "seed") == ("false", "a whole number of at least 0")
    assert setup.get_by_label("task").get_attribute("aria-describedby") is None


@pytest.mark.parametrize("wrong", ["0", "2001", "1.5", "", "-3"])
def test_a_wrong_value_is_marked_at_once_and_no_run_begins_with_it(setup, wrong):
    setup.get_by_label("steps", exact=True).fill(wrong)
    drawn(setup)
    assert about(setup, "steps") == ("true", "has to be a whole number from 1 to 2000")
    why = f"steps is {wrong or 'no number'}; it has to be a whole number from 1 to 2000."
    assert setup.locator(".rl-told .rl-wrong").inner_text() == why
    buttons = [setup.get_by_role("button", name=name) for name in ("Reset", "Start with these")]
    for button in (setup.locator(".rl-go"), *buttons):
        assert button.is_disabled()
        assert button.get_attribute("title") == why
    setup.get_by_label("steps", exact=True).fill("90")
    drawn(setup)
    assert about(setup, "steps") == ("false", "a whole number from 1 to 2000")
    assert setup.locator(".rl-wrong").count() == 0
    assert setup.locator(".rl-top button:disabled").all_inner_texts() == ["Undo"]
    setup.get_by_role("button", name="Start with these").click()
    assert setup.evaluate("engine.sent.at(-1)") == {"type": "reset", "setup": {"steps": 90}, "start": True}


def test_a_run_that_trains_can_be_paused_whatever_stands_in_a_field(setup):
    drawn(setup, "engine.do_start = () => engine.say('running'); engine.say('running')")
    setup.get_by_label("steps", exact=True).fill("0")
    drawn(setup)
    assert setup.get_by_role("button", name="Reset").is_disabled()
    setup.locator(".rl-go").click()
    assert setup.evaluate("engine.sent.at(-1)") == {"type": "pause"}


@pytest.mark.parametrize(
    ("ends", "says", "fits", "fails"),
    [
        ({"low": 0, "high": 1, "open_low": True}, "a number in (0, 1]", ["1", "0.001"], ["0", "1.01"]),
        ({"low": 0, "high": 1, "open_high": True}, "a number in [0, 1)", ["0", "0.999"], ["1", "-0.1"]),
        ({"low": 0, "high": None, "open_low": True}, "a number above 0", ["1e-9", "1e9"], ["0", "-1"]),
        ({"low": None, "high": 3}, "a number of at most 3", ["-7", "3"], ["3.5"]),
        ({"low": None, "high": None}, "a number", ["-1e9"], [""]),
    ],
)
def test_ends_that_are_wrong_themselves_are_told(opened, ends, says, fits, fails):
    tab = opened()
    drawn(
        tab,
        """(ends) => {
        const field = { key: "p", label: "p", help: "a share", value: 0.5, choices: null, whole: false, ...ends };
        engine.tell({ ...engine.begin(), id: 9, setup: [field] });
    }""",
        ends,
    )
    tab.locator("summary").click()
    for words, typed, wrong in (("", fits, "false"), ("has to be ", fails, "true")):
        for text in typed:
            tab.get_by_label("p", exact=True).fill(text)
            drawn(tab)
            assert about(tab, "p") == (wrong, words + says), text


def test_what_keeps_and_opens_runs_is_in_sight_and_a_name_where_one_is_needed(opened):
    tab = opened(width=704)
    boxes = [tab.get_by_role("button", name=name).bounding_box() for name in ("Reset", "Save", "Open", "Link")]
    assert {box["y"] for box in boxes} == {boxes[0]["y"]}  # on one line
    assert not tab.get_by_label("name of what is saved").is_visible()  # the browser has its own way
    drawn(tab, "engine.tell({ ...engine.begin(), engine: 'python', id: 9 })")
    tab.get_by_label("name of what is saved").fill("runs/mine")
    tab.get_by_role("button", name="Save").click()
    assert tab.evaluate("engine.sent.at(-1)") == {"type": "save", "name": "runs/mine"}
