"""Runs on a Ray cluster that somebody runs; it is joined by its address, and none is started here."""

import socket
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from urllib.parse import urlsplit

from recall_learn.models.hub import within
from recall_learn.runs import workers
from recall_learn.runs.sequence_recipe import Asked
from recall_learn.runs.workers import Outcome
from recall_learn.support.process_wide import variables

KNOCK, PATIENCE = 5.0, 30.0
"""Seconds that a cluster has to take a connection, and to let us in."""


def taken(
    asked: Sequence[Asked], arguments: dict[str, str | None], address: str, gpu_share: float
) -> Iterator[tuple[Asked, Outcome | str]]:
    """Take runs on a cluster.

    Args:
        asked: what to run.
        arguments: the others of `recall_learn.runs.workers.take`.
        address: as Ray names it: ``HOST:PORT``, ``ray://HOST:PORT``, or auto for one that runs on this machine.
        gpu_share: the share of a GPU that a run takes, where the cluster has any.

    Yields:
        The runs as they end; of one whose worker died `workers.TRIES` times, how it died.

    Raises:
        ConnectionError: no cluster answers there in time, or it does not let us in.
    """
    with variables(RAY_BACKEND_LOG_LEVEL="error", RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO="0"):
        yield from _taken(asked, arguments, address, gpu_share)


def _taken(
    asked: Sequence[Asked], arguments: dict[str, str | None], address: str, gpu_share: float
) -> Iterator[tuple[Asked, Outcome | str]]:
    ray = _join(address)
    try:
        on_gpu = ray.cluster_resources().get("GPU", 0) > 0 and arguments["device"] != "cpu"
        share = gpu_share if on_gpu else 0
        calls = 1 if on_gpu else 0  # a process that used one card stays on it; 0: as many runs as come
        begin = ray.remote(num_cpus=1, num_gpus=share, max_retries=0, max_calls=calls)(workers.take)
        waiting = {begin.remote(recipe, **arguments): (recipe, 1) for recipe in asked}
        while waiting:
            (done,), _ = ray.wait(list(waiting), num_returns=1)
            recipe, tries = waiting.pop(done)
            try:
                yield recipe, ray.get(done)
            except (
                ray.exceptions.WorkerCrashedError,
                ray.exceptions.NodeDiedError,
                ray.exceptions.OutOfMemoryError,
            ) as error:
                if tries < workers.TRIES:
                    waiting[begin.remote(recipe, **arguments)] = (recipe, tries + 1)
                else:
                    yield recipe, _first_line(error)
            except ray.exceptions.RayTaskError as error:
                raise error.cause or error from None
    finally:
        ray.shutdown()


def _join(address: str):
    """Ray, once it has joined the cluster."""
    import ray

    try:
        within(PATIENCE, lambda: ray.init(address=address, log_to_driver=False, logging_level="ERROR"))
    except TimeoutError:
        why = f"where no Ray cluster answers within {PATIENCE:g} s"
        raise ConnectionError(f"address is {address!r}, {why}; {_ADVICE}") from None
    except Exception as error:  # Ray's errors have no common base
        why = f"where no Ray cluster can be joined ({_first_line(error)})"
        raise ConnectionError(f"address is {address!r}, {why}; {_ADVICE}") from error
    return ray


_ADVICE = "name one that runs, or leave --address out: then this machine takes the runs"


def check(address: str) -> None:
    """Refuse an address that is none, or where nothing listens, before anything long begins.

    Raises:
        ValueError: it has not the shape of one, or Ray is not installed.
        ConnectionError: nothing takes a connection there.
    """
    try:
        place = urlsplit(address if "://" in address else f"ray://{address}")
        host, port = place.hostname, place.port
    except ValueError:
        host = port = None
    if address != "auto" and (not host or not port or place.scheme != "ray" or place.path):
        raise ValueError(f"address is {address!r}; it has to be HOST:PORT, ray://HOST:PORT, or auto")
    if find_spec("ray") is None:
        raise ValueError(
            f"address is {address!r}, and Ray is not installed: pip install 'recall-learn[sweep]'; {_ADVICE}"
        )
    if address == "auto":
        return
    try:
        socket.create_connection((host, port), timeout=KNOCK).close()
    except OSError as error:
        raise ConnectionError(f"address is {address!r}, where nothing answers ({error}); {_ADVICE}") from None


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].partition(". ")[0]
