"""What is written in the lab's drawings: no text stands on another, and each line is named."""

import itertools

import pytest
from lab_views import drawn

TEXTS = """() => [...document.querySelectorAll(".rl-curve :is(text, h3, .rl-words, .rl-legend)")].map((each) => {
  const { left, top, right, bottom } = each.getBoundingClientRect();
  return [each.textContent, left, top, right, bottom];
})"""
SLACK = 1.5
"""Pixels that the boxes of two texts may share: a line is higher than its letters."""


def collisions(tab):
    found = [text for text in tab.evaluate(TEXTS) if text[0] and text[3] > text[1]]
    for one, other in itertools.combinations(found, 2):
        across = min(one[3], other[3]) - max(one[1], other[1])
        if across > SLACK and min(one[4], other[4]) - max(one[2], other[2]) > SLACK:
            yield one[0], other[0]


@pytest.mark.parametrize("size", ["#", "#small", "#beside"])
@pytest.mark.parametrize("width", [390, 1280])
def test_no_text_of_the_curve_stands_on_another(opened, width, size):
    tab = opened(size, width=width)
    drawn(tab, "engine.take(90)")
    for t0, k in itertools.product((0, 3, 40, 100, 150, 183, 187, 260, 297, 300), (0, 0.001, 0.05, 1, "inf")):
        side = int(size == "#beside" and t0 % 2)
        drawn(tab, "([side, values]) => engine.tell({ type: 'knobs', side, values })", [side, {"t0": t0, "k": k}])
        assert list(collisions(tab)) == [], (t0, k)
        inside = tab.evaluate(
            """() => [...document.querySelectorAll(".rl-handle text, .rl-hint")].every((each) => {
              const [own, all] = [each, each.closest("svg")].map((one) => one.getBoundingClientRect());
              return own.left >= all.left && own.right <= all.right + 1 && own.top >= all.top - 1;
            })"""
        )
        assert inside, (t0, k)


@pytest.mark.parametrize("size", ["#", "#small"])
@pytest.mark.parametrize(("t0", "k"), [(40, 0.05), (100, 0.1), (150, "inf"), (200, 0.05)])
def test_what_lambda_means_at_its_ends_is_not_written_on_the_curve(opened, size, t0, k):
    tab = opened(size, width=390)
    drawn(tab, "values => engine.tell({ type: 'knobs', side: 0, values })", {"t0": t0, "k": k})
    on_it = tab.evaluate(
        """() => [...document.querySelectorAll(".rl-hint")].filter((hint) => {
          const box = hint.getBoundingClientRect();
          return [...document.querySelectorAll(".rl-coming.rl-side0")].some((line) => {
            const at = line.getScreenCTM(), length = line.getTotalLength();
            return Array.from({ length: 400 }, (_, i) => line.getPointAtLength((i * length) / 399).matrixTransform(at))
              .some(({ x, y }) => x > box.left + 1 && x < box.right - 1 && y > box.top + 2 && y < box.bottom - 2);
          });
        }).map((hint) => hint.textContent)"""
    )
    assert on_it == []


def test_numbers_of_changes_and_names_of_handles_keep_apart(opened):
    tab = opened(width=390)
    for step in (20, 60, 97, 103, 128):
        tab.evaluate("step => engine.changes.push({ step, [step % 2 ? 'k' : 't0']: step })", step)
    rows = "engine.rows = [0, 1].map(side => Array.from({ length: 150 }, (_, i) => engine.row(side, i + 1)))"
    drawn(tab, f"engine.step = 150; {rows}; engine.all()")
    assert tab.locator(".rl-number").count() > 3
    for k in (0.05, 1, "inf"):
        drawn(tab, "k => engine.tell({ type: 'knobs', side: 0, values: { t0: 100, k } })", k)
        assert list(collisions(tab)) == []


@pytest.mark.parametrize("size", ["", "#small"])
@pytest.mark.parametrize("width", [390, 704])
def test_the_heading_of_the_curve_is_one_line(opened, width, size):
    tab = opened(size, width=width)
    heading = tab.locator(".rl-curve h3")
    assert heading.inner_text() == "λ: how much the task counts drag or click"
    line = heading.bounding_box()["height"]
    assert line < 25
    tab.locator(".rl-handle.rl-t0").focus()
    tab.keyboard.press("End")
    drawn(tab)
    assert heading.bounding_box()["height"] == line


@pytest.mark.parametrize(("size", "more"), [("", ["each batch"]), ("#small", [])])
def test_lines_are_named_where_they_are_drawn(opened, size, more):
    tab = opened(size)
    legend = tab.locator(".rl-legend span")
    assert [each.strip() for each in legend.all_text_contents()] == ["RecAdam", "plain fine-tuning", *more]
    tab.locator(".rl-handle.rl-t0").focus()
    tab.keyboard.press("End")
    drawn(tab)
    now = ["RecAdam", "plain fine-tuning", "λ before your last change", *more]
    assert [each.strip() for each in legend.all_text_contents()] == now
    stroke = "el => { const { stroke, strokeDasharray } = getComputedStyle(el); return [stroke, strokeDasharray]; }"
    for name in ("rl-side1", "rl-ghost"):
        sample = tab.locator(f".rl-legend .{name}").evaluate(stroke)
        drawing = ".rl-curve .rl-plot .rl-ghost" if name == "rl-ghost" else ".rl-curve .rl-plot .rl-side1.rl-coming"
        line = tab.locator(drawing).evaluate(stroke)
        assert sample[0] == line[0]
    drawn(tab, "engine.take(300); engine.renew(1); engine.all()")
    assert "earlier runs" in legend.all_inner_texts()[-1 - len(more)]
