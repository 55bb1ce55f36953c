"""The book is light or dark as the reader's system asks, until the reader says otherwise."""

from pathlib import Path

import pytest
import yaml
from sphinx.application import Sphinx

ROOT = Path(__file__).parents[2]
THEME = "document.documentElement.dataset.theme"
GROUND = "getComputedStyle(document.body).backgroundColor"
SCRIPTS = "**/*theme*.js"


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """A page with the book's theme and its mode, mended as the book's are; the book itself takes minutes."""
    root = tmp_path_factory.mktemp("scheme")
    (root / "index.rst").write_text("A page\n======\n\nWith text.\n")
    config = yaml.safe_load((ROOT / "jupyter_book.yml").read_text(encoding="utf-8"))["sphinx"]["config"]
    own = {
        "extensions": ["recall_learn.book.pages"],
        "html_theme": "sphinx_book_theme",
        "html_context": config["html_context"],
    }
    Sphinx(root, None, root / "html", root / "trees", "html", confoverrides=own, status=None, warning=None).build()
    return (root / "html" / "index.html").as_uri()


@pytest.fixture
def opened(browser, page):
    """A function that opens the page for a system of a scheme, with the theme's scripts or before they have come."""
    made = []

    def opened(scheme, scripts=True):
        context = browser.new_context(color_scheme=scheme)
        made.append(context)
        if not scripts:
            context.route(SCRIPTS, lambda route: route.abort())
        tab = context.new_page()
        tab.goto(page)
        return tab

    yield opened
    for context in made:
        context.close()


@pytest.mark.parametrize("scripts", [True, False])
@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_a_page_is_at_once_as_the_system_asks(opened, scheme, scripts):
    tab = opened(scheme, scripts)
    assert tab.evaluate(THEME) == scheme
    red, *_ = map(int, tab.evaluate(GROUND).removeprefix("rgb(").rstrip(")").split(","))
    assert red < 80 if scheme == "dark" else red > 200


def test_it_follows_the_system_until_the_switch_is_pressed(opened):
    tab = opened("light")
    tab.emulate_media(color_scheme="dark")
    tab.wait_for_function(f"{THEME} === 'dark'")
    tab.reload()
    assert tab.evaluate(THEME) == "dark"
    while tab.evaluate("document.documentElement.dataset.mode") != "light":
        tab.locator(".theme-switch-button").first.click()
    tab.reload()  # the system still asks for dark
    assert tab.evaluate(THEME) == "light"
