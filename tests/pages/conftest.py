"""The built book, and labs that train in a page, which these tests share."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from page_labs import Tab, put

from recall_learn.lab.browser import page

ROOT = Path(__file__).parents[2]

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
