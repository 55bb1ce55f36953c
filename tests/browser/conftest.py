"""The page of the lab's view, which these tests share."""

from pathlib import Path

import pytest

from recall_learn.lab import view

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def lab_page(tmp_path_factory):
    """The page as a file; look at it by hand, too."""
    text = (HERE / "lab_view.html").read_text(encoding="utf-8")
    engine = (HERE / "lab_view_engine.js").read_text(encoding="utf-8")
    for mark, part in (("STYLE", view.style()), ("ENGINE", engine), ("VIEW", view.script())):
        text = text.replace(f"/* {mark} */", part)
    path = tmp_path_factory.mktemp("view") / "lab.html"
    path.write_text(text, encoding="utf-8")
    return path.as_uri()


@pytest.fixture(scope="session")
def tabs():
    """A tab for each kind of window; what a test asks for is opened anew in it."""
    made = {}
    yield made
    for tab in made.values():
        tab.context.close()


@pytest.fixture
def opened(browser, lab_page, tabs):
    """A function that opens the page, from the file and nothing else, in a tab that must not complain."""
    used = []

    def opened(hash="", width=1280, height=700, **options):
        kind = (width, height, *options.items())
        if kind not in tabs:
            tabs[kind] = tab = browser.new_context(viewport={"width": width, "height": height}, **options).new_page()
            tab.on("pageerror", lambda error: tab.complaints.append(str(error)))
            tab.on("console", lambda message: message.type == "error" and tab.complaints.append(message.text))
            tab.context.route(
                "**/*", lambda route: (route.continue_ if route.request.url == lab_page else route.abort)()
            )
        tab = tabs[kind]
        tab.complaints = []
        tab.mouse.move(0, 0)
        tab.goto("about:blank")
        tab.goto(lab_page + hash)
        tab.evaluate("frames(2)")
        used.append(tab)
        return tab

    yield opened
    for tab in used:
        assert tab.complaints == []
