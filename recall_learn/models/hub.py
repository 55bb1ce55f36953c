"""The hub, as a folder: what is cached is used, what is not is fetched, and a hub out of reach says so in seconds.

Models and datasets are both asked for by repository id and both come back as a local folder, so that everything else
in this library reads folders only. The hub's client alone retries for minutes where a firewall swallows its packets or
a server falls silent, and some of its waits cannot be interrupted. So it runs in a process of its own, which is ended
when nothing comes.
"""

import json
import os
import queue
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from http.client import HTTPException
from pathlib import Path
from typing import Any, TypeVar

from recall_learn.support.checks import one_line

T = TypeVar("T")

TIMEOUT = 4.0
"""Seconds that the hub has to answer the first question, name resolution included."""
SILENCE = 15.0
"""Seconds without a byte after which a download is given up; of 64 kB at a time."""
START = 60.0
"""Seconds that the client has to be loaded."""


def endpoint() -> str:
    """The hub's address: ``HF_ENDPOINT`` where it is set, else the public hub."""
    return os.environ.get("HF_ENDPOINT", "").rstrip("/") or "https://huggingface.co"


def offline() -> bool:
    """Whether ``HF_HUB_OFFLINE`` (or ``TRANSFORMERS_OFFLINE``) switches the hub off for this process."""
    from huggingface_hub import constants

    return constants.HF_HUB_OFFLINE


def out_of_reach() -> str:
    """Why the hub is out of reach, in words; empty where it answers within `TIMEOUT` seconds. One short request."""
    try:
        asked = urllib.request.Request(endpoint(), method="HEAD")
        # The socket waits longer, so that there is one sentence for an answer that does not come.
        within(TIMEOUT, lambda: urllib.request.urlopen(asked, timeout=2 * TIMEOUT).close())
    except (OSError, ValueError, HTTPException) as error:  # no answer in time, an answer that says no, no address
        said = error if isinstance(error, urllib.error.HTTPError) else getattr(error, "reason", error)
        return one_line(said) if isinstance(said, BaseException) else str(said)
    return ""


def is_repo_id(text: str) -> bool:
    """Whether ``text`` has the shape of a repository id: ``NAME`` or ``OWNER/NAME``. Says nothing of its existence."""
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id

    try:
        validate_repo_id(text)
    except HFValidationError:
        return False
    return True


def cached(repo_id: str, *, repo_type: str, patterns: Sequence[str]) -> Path | None:
    """The newest snapshot of a repository in the local cache, or None. Never touches the network.

    The folder may hold less than ``patterns`` ask for; the caller checks for the files it needs.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        return Path(
            snapshot_download(repo_id, repo_type=repo_type, allow_patterns=list(patterns), local_files_only=True)
        )
    except LocalEntryNotFoundError:
        return None


def fetch(repo_id: str, *, repo_type: str, patterns: Sequence[str], advice: str) -> Path:
    """Download the files of a repository that match ``patterns`` into the local cache.

    Args:
        repo_id: ``NAME`` or ``OWNER/NAME``.
        repo_type: "model" or "dataset".
        patterns: file names to fetch, ``*`` stands for anything; a file that is cached is not fetched again.
        advice: what to do without the hub; ends the sentence of a ConnectionError.

    Returns:
        The snapshot's folder; its name is the commit.

    Raises:
        ConnectionError: the hub is switched off (``HF_HUB_OFFLINE``), gave no answer within `TIMEOUT` seconds, sent
            nothing for `SILENCE` seconds, or broke off. What has come by then is not fetched again.
        FileNotFoundError: the hub has no such repository, or does not show it to this user.
    """
    from huggingface_hub import constants

    if offline():
        raise ConnectionError(f"{repo_id} is not in the local cache and HF_HUB_OFFLINE switches the hub off; {advice}")
    asked = {"repo_id": repo_id, "repo_type": repo_type, "patterns": list(patterns), "endpoint": endpoint()}
    as_here = {"HF_HUB_CACHE": str(constants.HF_HUB_CACHE), "HF_HUB_OFFLINE": "0", "TRANSFORMERS_OFFLINE": "0"}
    as_here["HF_HUB_DISABLE_XET"] = str(int(constants.HF_HUB_DISABLE_XET))
    last, waited = _client(asked, os.environ | as_here)
    if "folder" in last:
        return Path(last["folder"])
    hub, lacks = f"the hub {endpoint()}", f"and {repo_id} is not in the local cache; {advice}"
    if last.get("missing"):
        raise FileNotFoundError(f"{endpoint()} has no {repo_type} {repo_id!r}, or it is private or gated; {advice}")
    if "error" in last and last["found"]:
        raise ConnectionError(f"{repo_id} could not be fetched from {endpoint()} ({last['error']}); {advice}")
    if "error" in last:
        raise ConnectionError(f"{hub} is out of reach ({last['error']}) {lacks}")
    if waited is None:
        raise ConnectionError(f"the client of {hub} ended without a word {lacks}")
    if "ready" in last:
        raise ConnectionError(f"{hub} gave no answer within {waited:g} s {lacks}")
    raise ConnectionError(f"{hub} answered, and then sent nothing for {waited:g} s {lacks}")


def _client(asked: dict[str, Any], environment: dict[str, str]) -> tuple[dict[str, Any], float | None]:
    """Run `fetching`: the last that it said, and the seconds of silence after which it was ended."""
    script = str(Path(__file__).with_name("fetching.py"))
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-P", script], env=environment, **pipes) as process:
        said: queue.Queue[str] = queue.Queue()

        def read() -> None:
            for line in process.stdout:
                said.put(line)
            said.put("")

        reader = threading.Thread(target=read, daemon=True, name="recall-learn-hub")
        reader.start()
        last, limit = {}, START
        try:
            process.stdin.write(json.dumps(asked))
            process.stdin.close()
            while line := said.get(timeout=limit):
                last = json.loads(line)
                limit = TIMEOUT if "ready" in last else SILENCE
            return last, None
        except BrokenPipeError:  # it could not even be loaded
            return last, None
        except queue.Empty:
            return last, limit
        finally:
            process.kill()  # also at Ctrl-C
            reader.join()


def within(seconds: float, function: Callable[[], T]) -> T:
    """Call ``function`` and give its result or its error, or raise TimeoutError after ``seconds``.

    A thread that is late is left behind: the system's name resolution takes no timeout and cannot be interrupted.
    """
    outcome: dict[str, Any] = {}

    def work() -> None:
        try:
            outcome["result"] = function()
        except BaseException as error:  # handed to the caller below
            outcome["error"] = error

    thread = threading.Thread(target=work, daemon=True, name="recall-learn-hub")
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise TimeoutError(f"no answer within {seconds:g} s")
    if "error" in outcome:
        raise outcome["error"]
    return outcome["result"]
