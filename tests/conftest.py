"""What all tests share: small tensors on one thread each, no model hub, and what a run trains, made when asked for."""

import gc
import os
import shutil
import signal

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported; inherited by the processes that tests start
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import psutil
import pytest

# A job in a script's background ignores Ctrl-C, one under nohup the end of its terminal, and so do the processes that
# it starts; tests ask what these do at either. A handler here is the default there.
for number, handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, lambda *_: None)):
    if signal.getsignal(number) == signal.SIG_IGN:
        signal.signal(number, handler)

# `small` imports transformers, which most rooms do without: so each fixture imports it for itself.


@pytest.fixture(scope="module", autouse=True)
def _settled():
    """What stands before a file's first test is left out of garbage collections: a run asks for a whole one, and goes
    through the million objects of torch and transformers each time."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def browser():
    """Chromium; without one these tests are left out, but not in CI."""
    from playwright.sync_api import sync_playwright

    names = ("chromium", "chromium-browser", "google-chrome")
    path = next(filter(None, map(shutil.which, names)), None)
    if path is None:
        missing = f"no browser: install one of {', '.join(names)}"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture
def begun():
    """A function: the processes that this test has started, directly or not, and that are still there."""
    before = set(psutil.Process().children(recursive=True))  # the browser of other tests may be among them
    return lambda: set(psutil.Process().children(recursive=True)) - before


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A folder with ``bert`` and ``glue``; a file that needs others has a fixture of its own by this name."""
    from small import save_backbone, save_glue

    root = tmp_path_factory.mktemp("world")
    save_backbone(root / "bert")
    save_glue(root / "glue", "mrpc")
    return root


@pytest.fixture
def bert(tmp_path):
    """A folder with a small BERT."""
    from small import save_backbone

    save_backbone(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def short_world():
    """The small world with little text."""
    from small import short_text

    from recall_learn.world import World

    with short_text():
        made = World()
        made.text("train")
        yield made


@pytest.fixture
def own_progress(tmp_path, monkeypatch):
    """A progress file and a folder of answers that no learner has."""
    monkeypatch.setenv("RECALL_LEARN_PROGRESS", str(tmp_path / "progress.json"))
    monkeypatch.setenv("RECALL_LEARN_ANSWERS", str(tmp_path / "answers"))
    return tmp_path
