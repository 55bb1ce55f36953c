"""A sweep on a Ray cluster that somebody runs, and addresses where there is none."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from small import acting, refused, save_backbone, save_glue

import recall_learn
from recall_learn.runs import cluster, grids, workers
from recall_learn.runs.sequence import sequence
from recall_learn.runs.sweep import sweep

SHORT = {"steps": 2, "batch_size": 4, "max_length": 24, "probe": "none", "lr": 1e-3, "gamma": 10}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    root = tmp_path_factory.mktemp("cluster")
    save_backbone(root / "bert")
    save_glue(root / "glue", "mrpc", "cola")
    return root


@pytest.fixture
def recipes(place):
    return grids.expand(
        [{"backbone": str(place / "bert"), "task": "mrpc", "method": "recadam", "seed": [0, 1], **SHORT}]
    )


@pytest.mark.parametrize(
    "address", ["", "local", "nonsense", "ray://", "http://127.0.0.1:80", "127.0.0.1:99999", "127.0.0.1:x", "a b:1/c"]
)
def test_what_is_no_address_is_refused(recipes, tmp_path, address):
    refused(
        lambda: sweep(recipes, tmp_path / "runs.jsonl", address=address), ValueError, repr(address), "HOST:PORT", "auto"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1", "no-such-host.invalid:6379"])
def test_where_nothing_listens_is_said_at_once(recipes, tmp_path, address):
    told = refused(lambda: sweep(recipes, tmp_path / "runs.jsonl", address=address), ConnectionError, repr(address))
    assert "nothing answers" in told
    assert "leave --address out" in told
    assert list(tmp_path.iterdir()) == []


def test_without_ray_an_address_names_what_to_install(recipes, tmp_path, monkeypatch):
    monkeypatch.setattr(cluster, "find_spec", lambda name: None)
    refused(
        lambda: sweep(recipes, tmp_path / "runs.jsonl", address="auto"), ValueError, "Ray is not installed", "[sweep]"
    )


ASKS = """
from recall_learn.runs import cluster
cluster.PATIENCE = 3.0
try:
    cluster._join(ADDRESS)
except ConnectionError as error:
    print(error)
"""


def test_a_cluster_that_takes_the_connection_and_says_nothing_is_left_in_time():
    with socket.create_server(("", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        code = ASKS.replace("ADDRESS", repr(address))
        env = {**os.environ, "PYTHONPATH": str(Path(recall_learn.__file__).parents[1])}
        done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=120)
    assert f"address is {address!r}, where no Ray cluster answers within 3 s" in done.stdout
    assert done.returncode == 0


@pytest.fixture
def address(monkeypatch):
    """Of a cluster of this machine, with two cores. Ray gives a node 30 s to start, and a machine that is busy more."""
    from ray._private import services
    from ray.cluster_utils import Cluster

    def patient(*arguments):
        end = time.monotonic() + 240
        while True:
            try:
                return asks(*arguments)
            except RuntimeError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.5)

    asks = services.get_node
    monkeypatch.setattr(services, "get_node", patient)
    monkeypatch.setenv("RAY_agent_register_timeout_ms", "240000")
    running = Cluster(initialize_head=True, head_node_args={"num_cpus": 2, "include_dashboard": False})
    yield running.address
    running.shutdown()


def test_a_cluster_takes_the_same_runs_and_sequences_and_begins_anew_what_died(
    place, recipes, address, tmp_path, monkeypatch
):
    marks, take = tmp_path / "died", workers.take
    marks.mkdir()

    def dies_once(recipe, **more):
        import os

        mark = marks / str(recipe.seed)
        if recipe.seed == 1 and not mark.exists():
            mark.touch()
            os._exit(1)
        return take(recipe, **more)

    dies_once.__module__ = "__main__"  # so that it is sent to the cluster, and not looked for by its name there
    common = {"data_folder": place / "glue", "device": "cpu", "progress": False}
    expected = sweep(recipes, tmp_path / "here.jsonl", workers=1, **common)
    monkeypatch.setattr(workers, "take", dies_once)
    records = sweep(recipes, tmp_path / "there.jsonl", address=address, **common)
    assert (marks / "1").exists()
    columns = {run.recipe: run.columns for run in records.runs}
    assert columns == {run.recipe: run.columns for run in expected.runs}
    block = {"backbone": str(place / "bert"), "tasks": ["mrpc", "cola"], "seed": [0, 1], **acting(SHORT)}
    asked = grids.expand([block])
    (marks / "1").unlink()
    swept = sweep(asked, tmp_path / "sequences.jsonl", address=address, **common)
    assert (marks / "1").exists()
    rows = {run.asked: run.rows for run in swept.runs}
    assert rows == {each: sequence(each.recipe, each.tasks, **common).rows for each in asked}
