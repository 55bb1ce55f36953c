"""The browser and the built book, which these tests share."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from page_labs import Tab, put
from playwright.sync_api import sync_playwright

from recall_learn.lab import view
from recall_learn.lab.browser import page

HERE = Path(__file__).parent
ROOT = HERE.parents[1]

# Python runs a file of this name first: every process of the build, kernels included, notes what it asks of a socket.
WATCH = """
import os, sys

def note(event, args):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname"):
        with open(os.environ["ASKED"], "a") as out:
            out.write(f"{event} {args}\\n")

with open(os.environ["ASKED"], "a") as out:
    out.write("a process\\n")
sys.addaudithook(note)
"""


@pytest.fixture(scope="session")
def browser():
    names = ("chromium", "chromium-browser", "google-chrome")
    path = next(filter(None, map(shutil.which, names)), None)
    if path is None:
        missing = f"no browser: install one of {', '.join(names)}"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def html(tmp_path_factory):
    """The book, built from a copy so that the reader's own build stays as it is; what that one executed is used."""
    root = tmp_path_factory.mktemp("book")
    shutil.copytree(ROOT / "book", root / "book", ignore=shutil.ignore_patterns("html", ".doctrees"))
    for name in ("jupyter_book.yml", "requirements.txt"):
        shutil.copy(ROOT / name, root)
    command = Path(sys.executable).parent / "jupyter-book"
    build = [command, "build", "book", "--config", "jupyter_book.yml", "-W", "--keep-going"]
    (root / "watch").mkdir()
    (root / "watch" / "sitecustomize.py").write_text(WATCH)
    paths = os.pathsep.join(filter(None, (str(root / "watch"), os.environ.get("PYTHONPATH"))))
    env = {**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONPATH": paths, "ASKED": str(root / "asked")}
    done = subprocess.run(build, cwd=root, capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    return root / "book" / "_build" / "html"


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


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lab")
    page.write(folder)
    return folder


@pytest.fixture
def open_tab(browser, files):
    made = []

    def go(*labs, folder=files, before=""):
        made.append(Tab(browser, put(folder, *labs), before))
        return made[-1]

    yield go
    for each in made:
        each.tab.close()
        assert not each.errors
