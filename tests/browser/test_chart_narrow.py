"""The chart on a phone: marks, and the lines of plain fine-tuning and of the method that is looked at; no tangle."""

import chart_runs
import pytest
from chart_runs import alone, records, spot
from small_page import opened

from recall_learn.lab import chart

file = chart_runs.file
PHONE, DESK = (390, 844), (1280, 900)
LINES = """[...document.querySelectorAll('.main .line')]
    .filter(line => getComputedStyle(line.querySelector('.curve')).display !== 'none')
    .map(line => line.dataset.method)"""
WORDS = """[...document.querySelectorAll('.main svg text, .keys b, .keys button')]
    .map(each => [each.textContent, each.getBoundingClientRect()]).filter(([, box]) => box.width)
    .map(([text, box]) => [text, box.left, box.top, box.right, box.bottom])"""


@pytest.fixture
def phone(browser, file):
    with opened(browser, PHONE, file, ".recall-charted svg") as tab:
        yield tab


def test_a_line_is_drawn_where_it_is_asked_for(phone):
    assert phone.evaluate(LINES) == ["vanilla"]
    assert phone.locator(".main .spot").count() == 3 + 1 + 3 + 1
    alone(phone, "RecAdam")
    assert phone.evaluate(LINES) == ["vanilla", "recadam"]
    alone(phone, "RecAdam")
    spot(phone, "EWC, gamma 100").dispatch_event("click")
    phone.get_by_label("seed", exact=True).focus()  # it stays while its runs are looked at
    assert phone.evaluate(LINES) == ["vanilla", "ewc"]


def test_the_list_has_the_methods_that_are_drawn_by_family(phone):
    groups = "list => [...list.children].map(each => each.label || each.text)"
    field = phone.get_by_label("method", exact=True)
    families = ["all, as marks", "plain fine-tuning", "weights at the start", "a pull to θ*", "a pull by importance"]
    assert field.evaluate(groups) == families
    alone(phone, "EWC")
    has = phone.get_by_label("the data that the model was pretrained on")
    has.uncheck()
    assert field.evaluate(groups) == families[:-1]
    assert field.locator("option:checked").inner_text() == "all, as marks"  # its line is gone, so none is alone
    assert phone.locator(".main.dim").count() == 0
    has.check()
    assert field.input_value() == "ewc"


def test_no_words_lie_over_others_and_none_leave_the_column(phone):
    data = chart.payload(records())
    for method in data["methods"].values():
        method["title"] = f"{method['title']} with a long name that has to be on one line"
    for given in (None, data):
        if given:
            phone.evaluate("data => recallChart.mount(document.querySelector('.recall-chart'), data)", given)
        words = phone.evaluate(WORDS)
        assert len(words) > 12
        assert [text for text, left, _, right, _ in words if left < 0 or right > PHONE[0]] == []
        assert [(a[0], b[0]) for i, a in enumerate(words) for b in words[:i] if over(a, b)] == []
    assert phone.locator(".alone select").evaluate("list => list.getBoundingClientRect().right") <= PHONE[0]


def over(one, other):
    """Whether two boxes share more than a pixel's edge."""
    (_, left, top, right, bottom), (_, west, north, east, south) = one, other
    return min(right, east) - max(left, west) > 1 and min(bottom, south) - max(top, north) > 1


def test_on_a_desk_all_lines_are_drawn_and_each_method_has_a_key(browser, file):
    with opened(browser, DESK, file, ".recall-charted svg") as tab:
        assert tab.evaluate(LINES) == ["vanilla", "top-k", "recadam", "ewc"]
        assert not tab.get_by_label("method", exact=True).is_visible()
        assert tab.get_by_role("button", name="RecAdam", exact=True).is_visible()


def test_what_is_printed_from_a_phone_names_its_marks(phone):
    phone.emulate_media(media="print")
    assert phone.get_by_role("button", name="RecAdam", exact=True).is_visible()
    assert phone.evaluate(LINES) == ["vanilla", "top-k", "recadam", "ewc"]
