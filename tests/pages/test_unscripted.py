"""The pages where no script runs: every formula is MathML, in the text, in tables, in folds and in what cells print."""

import re

import pytest
from tabs import PAGES, WINDOWS

LATEX = re.compile(r"\\[(\[]|\\[a-zA-Z]{2,}|\$")
# All words that can be seen, once every fold is open; code is no formula.
SEEN = """() => {
    document.querySelectorAll("details").forEach((fold) => { fold.open = true; });
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const seen = [];
    while (texts.nextNode()) {
        const around = texts.currentNode.parentElement;
        if (around.checkVisibility() && !around.closest("pre, code, dt.sig")) seen.push(texts.currentNode.data);
    }
    return seen;
}"""
FORMULAS = """() => ({
    latex: [...document.querySelectorAll(".math.notranslate")].map((formula) => formula.textContent),
    shown: [...document.querySelectorAll("math")].filter((formula) => formula.getBoundingClientRect().width > 0).length,
    failed: document.querySelectorAll("merror").length,
})"""
CUT_OFF = """() => {
    const scrolls = (e) => e && (getComputedStyle(e).overflowX === "auto" || scrolls(e.parentElement));
    const edge = document.documentElement.clientWidth;
    return [...document.querySelectorAll("article math")]
        .filter((formula) => formula.getBoundingClientRect().right > edge && !scrolls(formula.parentElement))
        .map((formula) => formula.textContent);
}"""


@pytest.fixture(scope="module", params=WINDOWS)
def tab(request, browser):
    context = browser.new_context(viewport=WINDOWS[request.param], java_script_enabled=False)
    yield context.new_page()
    context.close()


@pytest.fixture(scope="module", params=PAGES)
def page(request, tab, html):
    tab.goto((html / f"{request.param}.html").as_uri())
    return tab


def test_no_latex_is_seen(page):
    seen = page.evaluate(SEEN)
    assert seen
    assert [text for text in seen if LATEX.search(text)] == []


def test_each_formula_is_shown_once(page):
    page.evaluate(SEEN)  # with all folds open
    found = page.evaluate(FORMULAS)
    pieces = sum(len(re.findall(r"(?<!\\)\\[(\[]", latex)) for latex in found["latex"])
    assert pieces >= len(found["latex"])
    assert (found["shown"], found["failed"]) == (pieces, 0)


def test_what_is_wider_than_its_column_scrolls(page):
    page.evaluate(SEEN)
    assert page.evaluate(CUT_OFF) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]


def test_a_lesson_has_formulas_to_show(browser, html):
    context = browser.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto((html / "02_laplace.html").as_uri())
    assert tab.evaluate(FORMULAS)["shown"] > 100
    assert tab.locator(".cell_output math").count() > 0
    context.close()
