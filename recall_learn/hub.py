"""The hub, as a folder: what is cached is used, what is not is fetched, and a hub out of reach says so in seconds.

Models and datasets are both asked for by repository id and both come back as a local folder, so that everything else
in this library reads folders only. The first question to the hub has a time limit of its own: the hub's client alone
retries for minutes where a firewall swallows its packets.
"""

import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

TIMEOUT = 4.0
"""Seconds that the hub has to answer the first question, name resolution included."""


def endpoint() -> str:
    """The hub's address: ``HF_ENDPOINT`` where it is set, else the public hub."""
    return os.environ.get("HF_ENDPOINT", "").rstrip("/") or "https://huggingface.co"


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
        ConnectionError: the hub is switched off (``HF_HUB_OFFLINE``), gave no answer within `TIMEOUT` seconds, or
            broke off.
        FileNotFoundError: the hub has no such repository, or does not show it to this user.
    """
    _ask(repo_id, repo_type, advice)
    from huggingface_hub import snapshot_download

    try:
        folder = snapshot_download(
            repo_id,
            repo_type=repo_type,
            allow_patterns=list(patterns),
            endpoint=endpoint(),
            etag_timeout=TIMEOUT,
        )
    except Exception as error:  # the client's errors have no common base, and change with its http library
        raise ConnectionError(
            f"{repo_id} could not be fetched from {endpoint()} ({_brief(error)}); {advice}"
        ) from error
    return Path(folder)


def _ask(repo_id: str, repo_type: str, advice: str) -> None:
    """Raise unless the hub knows the repository and says so within the time limit."""
    from huggingface_hub import HfApi, constants
    from huggingface_hub.errors import RepositoryNotFoundError

    if constants.HF_HUB_OFFLINE:
        raise ConnectionError(f"{repo_id} is not in the local cache and HF_HUB_OFFLINE switches the hub off; {advice}")
    api = HfApi(endpoint=endpoint())
    try:
        within(TIMEOUT, lambda: api.repo_info(repo_id, repo_type=repo_type, timeout=2 * TIMEOUT))
    except RepositoryNotFoundError as error:
        raise FileNotFoundError(
            f"{endpoint()} has no {repo_type} {repo_id!r}, or it is private or gated; {advice}"
        ) from error
    except TimeoutError as error:
        raise ConnectionError(
            f"the hub {endpoint()} gave no answer within {TIMEOUT:g} s "
            f"and {repo_id} is not in the local cache; {advice}"
        ) from error
    except Exception as error:  # see above
        raise ConnectionError(
            f"the hub {endpoint()} is out of reach ({_brief(error)}) and {repo_id} is not in the local cache; {advice}"
        ) from error


def within(seconds: float, function: Callable[[], Any]) -> Any:
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


def _brief(error: BaseException) -> str:
    """The first line of an error's message, with its type."""
    text = str(error).strip()
    return f"{type(error).__name__}: {text.splitlines()[0][:200]}" if text else type(error).__name__
