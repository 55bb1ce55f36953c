"""A figure as a notebook shows it, by plotly alone: its claim and its slider's labels lie within it."""

import re
from pathlib import Path

import plotly
import pytest

import recall_learn.book
from recall_learn.book.figures import figure_html
from recall_learn.figures.heat import heat
from recall_learn.figures.matrix import matrix
from recall_learn.figures.plots import dragged, over_time

PLOTLY = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
STATIC = Path(recall_learn.book.__file__).parent / "static"
STYLE = STATIC / "figures.css"
LINE = "a claim such as many of the book's figures have "
BOXES = """async (figure) => {
    const { data, layout } = JSON.parse(figure);
    await Plotly.newPlot("plot", data, layout);
    const boxes = (what) => [...document.querySelectorAll(what)].map((each) => each.getBoundingClientRect().toJSON());
    const [[frame], [title], [legend], labels] = [".main-svg", ".gtitle", ".legend", ".slider-label"].map(boxes);
    return { frame, title, legend, labels };
}"""


@pytest.fixture
def tab(browser):
    tab = browser.new_page(viewport={"width": 1000, "height": 900})
    tab.set_content('<div id="plot" style="width: 960px; margin-top: 100px"></div>')
    tab.add_script_tag(path=PLOTLY)
    yield tab
    tab.close()


TICKS = """async (figure) => {
    const { data, layout } = JSON.parse(figure);
    await Plotly.newPlot("plot", data, layout);
    return [...document.querySelectorAll(".xtick text, .ytick text")].map((tick) => tick.textContent);
}"""


@pytest.mark.parametrize("log", ["", "xy"])
@pytest.mark.parametrize("values", [(1e-6, 1e-4), (1e-4, 3e-4), (3e3, 2e4), (0.01, 2e9)])
def test_ticks_are_plain_numbers_or_powers(tab, values, log):
    figure = over_time({"one": (values, values)}, "y", claim="it rises", alt="a line", log=log)
    ticks = tab.evaluate(TICKS, figure.to_json())
    assert len(ticks) > 3
    assert all(re.fullmatch(r"[\d.,×−⁰¹²³⁴⁵⁶⁷⁸⁹⁻\u200b]+", tick) for tick in ticks), ticks


@pytest.mark.parametrize("lines", [1, 2, 3])
def test_the_claim_lies_between_the_figures_edge_and_its_legend(tab, lines):
    curves = {"one": ([0, 1], [0, 1]), "two": ([0, 1], [1, 0])}
    boxes = tab.evaluate(BOXES, over_time(curves, "y", claim=LINE * lines, alt="two lines").to_json())
    assert boxes["frame"]["top"] <= boxes["title"]["top"]
    assert boxes["title"]["bottom"] <= boxes["legend"]["top"]


def test_a_sliders_last_label_is_whole(tab):
    stops = {f"direction {i} of 17": {"rise": [0, i]} for i in (1, 9, 17)}
    figure = dragged([0, 1], stops, "", "x", "y", claim="it rises", alt="a line")
    boxes = tab.evaluate(BOXES, figure.to_json())
    assert len(boxes["labels"]) == 4  # the value that is set, and one at each stop
    assert all(label["right"] <= boxes["frame"]["right"] for label in boxes["labels"])


INKS = """async (figure) => {
    const { data, layout } = JSON.parse(figure);
    await Plotly.newPlot("plot", data, layout);
    const inks = (what) => [...document.querySelectorAll(what)].map((each) => getComputedStyle(each).fill);
    return { cells: inks(".heatmap-label text"), ticks: inks(".ytick text") };
}"""


def test_the_numbers_in_the_cells_stay_dark_on_a_dark_page(tab):
    tab.add_style_tag(path=STYLE)
    tab.add_style_tag(content=":root { --pst-color-text-base: rgb(200, 210, 220); }")
    tab.evaluate("document.getElementById('plot').className = 'recall-plot'")
    maps = heat({"": [[0.25]]}, ["a"], ["b"], "c", "a"), matrix([["0.25"]], [[0.25]], ["a"], ["b"], "c", "a")
    for figure in maps:
        inks = tab.evaluate(INKS, figure.to_json())
        assert inks == {"cells": ["rgb(27, 31, 35)"], "ticks": ["rgb(200, 210, 220)"]}


@pytest.fixture
def page(tab):
    """A page with a figure as the book draws it."""
    curves = {"RecAdam": ([0, 1], [0, 1]), "plain": ([0, 1], [1, 0])}
    body = figure_html(over_time(curves, "y", claim="it rises", alt="two lines").to_plotly_json())
    tab.set_content(f'<html data-theme="light"><body><div style="max-width: 900px">{body}</div></body></html>')
    tab.add_style_tag(path=STYLE)
    tab.add_style_tag(content="html[data-theme=dark] { --book-hue-0: rgb(1, 2, 3); --book-hue-1: rgb(4, 5, 6); }")
    tab.add_script_tag(path=PLOTLY)
    tab.add_script_tag(path=STATIC / "figures.js")
    tab.wait_for_selector(".recall-figure[data-drawn]")
    return tab


def test_on_narrow_paper_a_drawing_is_set_smaller_and_not_cut(page):
    screen = page.evaluate("document.querySelector('.main-svg').getBoundingClientRect().width")
    assert screen > 800
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    page.evaluate("document.querySelector('body > div').style.maxWidth = '600px'")
    drawings = "[...document.querySelectorAll('.main-svg')]"
    assert max(page.evaluate(f"{drawings}.map((each) => each.getBoundingClientRect().width)")) <= 600
    boxes = page.evaluate(f"{drawings}.map((each) => each.getAttribute('viewBox'))")
    assert all(box.startswith(f"0 0 {screen:g} ") for box in boxes)
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert page.locator(".main-svg[viewBox]").count() == 0


def test_by_night_the_curves_have_the_books_brighter_colours(page):
    strokes = "[...document.querySelectorAll('.scatterlayer .js-line')].map((each) => getComputedStyle(each).stroke)"
    assert page.evaluate(strokes) == ["rgb(0, 114, 178)", "rgb(213, 94, 0)"]
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    assert page.evaluate(strokes) == ["rgb(1, 2, 3)", "rgb(4, 5, 6)"]
    page.emulate_media(media="print")
    assert page.evaluate(strokes) == ["rgb(0, 114, 178)", "rgb(213, 94, 0)"]
