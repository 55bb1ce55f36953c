"""Sweeps: what is missing is run, in this process, side by side or on Ray, and nothing that is there is lost."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
import torch
from filelock import FileLock
from small import acting, refused, save_backbone, save_glue

import recall_learn
from recall_learn.models.fisher_files import save_fisher
from recall_learn.runs import grids, recordings, workers
from recall_learn.runs.finetune import finetune
from recall_learn.runs.sweep import sweep
from recall_learn.support.lock import TakenError

SHORT = {"steps": 2, "batch_size": 4, "max_length": 24, "probe": "none", "lr": 1e-3, "gamma": 10}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    root = tmp_path_factory.mktemp("sweep")
    save_backbone(root / "bert")
    save_glue(root / "glue", "mrpc")
    return root


HERE = {**os.environ, "PYTHONPATH": str(Path(recall_learn.__file__).parents[1])}


def wait_for(holds, seconds=120.0):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


def grid(place, seeds=(0, 1)):
    return grids.expand(
        [{"backbone": str(place / "bert"), "task": "mrpc", "method": "recadam", "seed": list(seeds), **SHORT}]
    )


def in_this_process(place, recipes, out, **more):
    return sweep(recipes, out, data_folder=place / "glue", workers=1, device="cpu", progress=False, **more)


def test_a_sweep_records_what_finetune_does(place, tmp_path):
    (recipe,) = grid(place, [3])
    in_this_process(place, [recipe], tmp_path / "runs.jsonl")
    (record,) = recordings.load(tmp_path / "runs.jsonl").runs
    run = finetune(recipe, data_folder=place / "glue", device="cpu", progress=False)
    assert record.recipe == recipe
    assert record.columns == recordings.summarise(run)
    assert record.stopped == ""


def test_what_is_there_is_not_run_again(place, tmp_path, monkeypatch):
    out, begun, take = tmp_path / "runs.jsonl", [], workers.take
    monkeypatch.setattr(workers, "take", lambda recipe, **more: begun.append(recipe) or take(recipe, **more))
    recipes = grid(place)
    in_this_process(place, recipes[:1], out)
    before = out.read_text().splitlines()
    in_this_process(place, recipes, out)
    assert begun == recipes
    assert out.read_text().splitlines()[: len(before)] == before
    in_this_process(place, recipes, out)
    assert begun == recipes


def test_a_sweep_that_is_stopped_keeps_what_it_has(place, tmp_path, monkeypatch):
    out, take, recipes = tmp_path / "runs.jsonl", workers.take, grid(place)

    def stopped_at_the_second(recipe, **more):
        if recipe.seed == 1:
            raise KeyboardInterrupt
        return take(recipe, **more)

    monkeypatch.setattr(workers, "take", stopped_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        in_this_process(place, recipes, out)
    assert recordings.load(out).missing(recipes) == recipes[1:]
    monkeypatch.setattr(workers, "take", take)
    assert in_this_process(place, recipes, out).missing(recipes) == []


def test_a_run_that_diverges_is_a_result(place, tmp_path):
    (recipe,) = grids.expand(
        [
            {
                "backbone": str(place / "bert"),
                "task": "mrpc",
                "method": "vanilla",
                **acting(SHORT),
                "lr": 1e30,
                "steps": 6,
                "clip": 0,
            }
        ]
    )
    (record,) = in_this_process(place, [recipe], tmp_path / "runs.jsonl").runs
    assert "the loss is" in record.stopped or "at step" in record.stopped
    assert recordings.load(tmp_path / "runs.jsonl").runs == [record]


DIES = """
import os, signal
from recall_learn.runs import finetune
whole = finetune.finetune

def dies(recipe, *rest, **more):
    if recipe.seed == 0:
        print("taken ill", file=__import__("sys").stderr, flush=True)
        open(os.path.join({marks!r}, str(os.getpid())), "w").close()
        os.kill(os.getpid(), signal.SIGKILL)
    return whole(recipe, *rest, **more)

finetune.finetune = dies
"""


@pytest.fixture
def listening(begun):
    """The addresses on which this process or a child of it listens, to the end of the test; the set grows."""
    found, done = set(), threading.Event()

    def look():
        while not done.wait(0.05):
            for process in (here, *begun()):
                try:
                    heard = process.net_connections(kind="all")
                except (psutil.NoSuchProcess, psutil.AccessDenied):
                    continue
                found.update(each.laddr for each in heard if each.status == psutil.CONN_LISTEN)

    here = psutil.Process()
    watch = threading.Thread(target=look)
    watch.start()
    yield found
    done.set()
    watch.join()


def test_workers_take_the_same_runs_open_no_port_and_one_that_dies_costs_its_run_alone(
    place, tmp_path, monkeypatch, listening, begun
):
    """A process that is killed in the middle of a run is followed by another, and in the end given up."""
    recipes, marks, out = grid(place), tmp_path / "died", tmp_path / "runs.jsonl"
    expected = in_this_process(place, recipes, tmp_path / "here.jsonl")
    marks.mkdir()
    (tmp_path / "sitecustomize.py").write_text(DIES.format(marks=str(marks)))  # Python reads it as it starts
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(workers, "TRIES", 2)
    with socket.create_server(("127.0.0.1", 0)) as seen:
        wait_for(lambda: seen.getsockname() in map(tuple, listening))
    time.sleep(0.2)
    listening.clear()
    with pytest.raises(workers.DiedError, match=r"died 2 times in 1 runs.*seed=0.*by SIGKILL; it said 'taken ill'\)"):
        sweep(recipes, out, data_folder=place / "glue", workers=2, device="cpu", progress=False)
    assert len(list(marks.iterdir())) == 2
    assert not begun()
    assert listening == set()
    (survivor,) = recordings.load(out).runs
    (same,) = expected.find(seed=1)
    assert (survivor.columns, survivor.data) == (same.columns, same.data)
    assert in_this_process(place, recipes, out).missing(recipes) == []


def test_a_worker_that_cannot_start_ends_the_sweep_in_a_sentence(place, tmp_path, monkeypatch, begun):
    (tmp_path / "sitecustomize.py").write_text("import os, sys\nprint('no room', file=sys.stderr)\nos._exit(1)")
    monkeypatch.syspath_prepend(tmp_path)
    here = {"data_folder": place / "glue", "workers": 2, "device": "cpu", "progress": False}
    refused(
        lambda: sweep(grid(place), tmp_path / "r", **here),
        workers.DiedError,
        "cannot start (exit status 1; it said 'no room')",
        "--workers 1",
    )
    assert not begun()


QUICK = """
import json, os, sys, time
print("ready", flush=True)
for line in sys.stdin:
    seed = json.loads(line)["recipe"]["seed"]
    open(os.path.join(MARKS, str(seed)), "w").write(str(os.getpid()))
    while seed == 1 and not os.path.exists(os.path.join(MARKS, "go on")):
        time.sleep(0.01)
    print(json.dumps({"run": None, "environment": {}, "stopped": f"seed {seed}"}), flush=True)
"""


def test_a_worker_that_dies_at_rest_is_not_missed(place, tmp_path, monkeypatch, begun):
    monkeypatch.setattr(workers, "COMMAND", [sys.executable, "-c", QUICK.replace("MARKS", repr(str(tmp_path)))])
    outcomes = workers.taken(grid(place), {}, [None, None])
    recipe, outcome = next(outcomes)
    assert (recipe.seed, outcome) == (0, (None, {}, "seed 0"))
    wait_for((tmp_path / "1").exists)
    os.kill(int((tmp_path / "0").read_text()), signal.SIGKILL)
    threading.Timer(0.5, (tmp_path / "go on").touch).start()
    assert [outcome[2] for _, outcome in outcomes] == ["seed 1"]
    assert not begun()


def test_what_a_worker_cannot_do_comes_back_as_what_it_was():
    for kind, shown in ((FileNotFoundError, FileNotFoundError), (UnicodeError, ValueError), (KeyError, RuntimeError)):

        def fails(kind=kind, **more):
            raise kind("no such thing")

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(workers, "take", lambda recipe, **more: fails())
            answer = json.loads(json.dumps(workers._answer({"recipe": {}})))
        with pytest.raises(shown, match="no such thing") as raised:
            workers._outcome(answer)
        assert type(raised.value) is shown
        assert "in fails" in raised.value.__notes__[0]


def test_a_card_has_as_many_workers_as_its_share_allows(monkeypatch):
    monkeypatch.setattr(workers.environment, "choose_device", lambda name: torch.device("cuda"))
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert workers.cards(9, "auto", 1.0) == ["0", "1"]
    assert workers.cards(9, "auto", 0.3) == ["0", "1"] * 3
    assert len(workers.cards(99, "auto", 0.1)) == 20
    assert workers.cards(3, "auto", 0.5) == ["0", "1", "0"]
    assert workers.cards(3, "auto", 1e-300) == ["0", "1", "0"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-a,7")
    assert workers.cards(9, "auto", 1.0) == ["GPU-a", "7"]


def gone(processes, seconds=60.0):
    """Whether all of them end in time."""
    return not psutil.wait_procs(processes, seconds)[1]


@contextmanager
def begun_by(command, **more):
    """A process that is no longer there afterwards, whatever a test found: its run would not end by itself."""
    with subprocess.Popen(list(map(str, command)), **more) as process:
        try:
            yield process
        finally:
            process.kill()


def test_a_sweep_that_is_told_to_end_leaves_its_records_and_no_process(place, tmp_path):
    blocks = [
        {"seed": 0},
        {"seed": [1, 2], "steps": 10**6, "evaluate_every": 10**6},
    ]  # the first ends, the others do not
    blocks = [acting({"backbone": str(place / "bert"), "task": "mrpc", **SHORT, **block}) for block in blocks]
    (tmp_path / "grid.json").write_text(json.dumps(blocks))
    out, scratch = tmp_path / "runs.jsonl", tmp_path / "scratch"
    scratch.mkdir()
    arguments = ["--out", out, "--data", place / "glue", "--workers", 2, "--device", "cpu"]
    command = [sys.executable, "-m", "recall_learn.cli", "sweep", tmp_path / "grid.json", *arguments]
    with begun_by(command, env={**HERE, "TMPDIR": str(scratch)}, stderr=subprocess.PIPE) as process:
        wait_for(lambda: out.exists() and len(recordings.load(out).runs) == 1)
        wait_for(lambda: len(list(scratch.iterdir())) == 2)  # two runs are under way, a folder each
        children = psutil.Process(process.pid).children(recursive=True)
        assert len(children) == 2
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 128 + signal.SIGTERM
        assert process.stderr.read().decode().splitlines()[-1] == "stopped"
    assert gone(children)
    assert list(scratch.iterdir()) == []
    assert [run.recipe.seed for run in recordings.load(out).runs] == [0]


def test_a_signal_that_python_dropped_ends_the_run_after_its_step(place, monkeypatch):
    monkeypatch.setattr(workers, "_ENDS", [143])  # it came in a __del__, where nothing that is raised gets out
    (recipe,) = grids.expand([acting({"backbone": str(place / "bert"), "task": "mrpc", **SHORT, "steps": 10**6})])
    with pytest.raises(SystemExit) as ended:
        workers.take(recipe, str(place / "glue"), None, None, "cpu")
    assert ended.value.code == 143


ASKS = """
from recall_learn.runs import workers
from recall_learn.runs.recipe import Recipe
for _ in workers.taken([Recipe("tiny", "world/rte", steps=10**6)], dict.fromkeys(NAMES) | {"device": "cpu"}, [None]):
    pass
"""


def test_a_sweep_that_is_killed_leaves_no_process(tmp_path):
    code = ASKS.replace("NAMES", '["data_folder", "fisher", "source_text"]')
    with begun_by([sys.executable, "-c", code], env={**HERE, "TMPDIR": str(tmp_path)}) as process:
        wait_for(lambda: list(tmp_path.iterdir()))  # the run is under way
        children = psutil.Process(process.pid).children(recursive=True)
        assert len(children) == 1
        process.kill()
    assert gone(children)
    assert list(tmp_path.iterdir()) == []


def test_a_bad_task_ends_the_sweep_in_a_sentence(place, tmp_path):
    recipes = grids.expand([acting({"backbone": str(place / "bert"), "task": "rte", **SHORT})])
    refused(lambda: in_this_process(place, recipes, tmp_path / "runs.jsonl"), FileNotFoundError, "rte")


@pytest.mark.parametrize(
    ("more", "parts"),
    [
        ({"workers": 0}, ["workers is 0"]),
        ({"workers": 1.5}, ["workers is 1.5"]),
        ({"workers": True}, ["workers is True"]),
        ({"gpu_share": "half"}, ["gpu_share is 'half'"]),
        ({"gpu_share": 0}, ["gpu_share is 0"]),
        ({"gpu_share": float("nan")}, ["gpu_share is nan"]),
        ({"workers": 2, "address": "auto"}, ["workers is 2", "'auto'"]),
    ],
)
def test_what_is_out_of_range_is_refused(place, tmp_path, more, parts):
    refused(lambda: sweep(grid(place), tmp_path / "runs.jsonl", **{"device": "cpu", **more}), ValueError, *parts)


def test_what_no_recipe_takes_is_refused(place, tmp_path):
    here = {"device": "cpu", "workers": 1, "data_folder": place / "glue"}
    refused(
        lambda: sweep(grid(place), tmp_path / "r.json", fisher="f", **here), ValueError, "fisher is 'f'", "no recipe"
    )
    refused(lambda: sweep(grid(place), tmp_path / "r.json", source_text="t", **here), FileNotFoundError, "'t'")
    refused(lambda: sweep(grid(place), tmp_path, **here), IsADirectoryError, "which is a folder")
    (tmp_path / "file").touch()
    refused(lambda: sweep(grid(place), tmp_path / "file" / "r.json", **here), NotADirectoryError, "is a file")


@pytest.mark.parametrize("text", ["mine", '{"schema":2', "", "[1]\n", '{"schema":1,"environments":[\n'])
def test_what_no_sweep_wrote_is_never_written_over(place, tmp_path, text):
    out = tmp_path / "notes"
    out.write_text(text)
    refused(lambda: in_this_process(place, grid(place), out), ValueError, "notes is damaged, or holds no runs")
    assert out.read_text() == text


def test_two_sweeps_do_not_write_one_file(place, tmp_path):
    out = tmp_path / "runs.jsonl"
    with FileLock(tmp_path / ".runs.jsonl.lock"):
        refused(lambda: in_this_process(place, grid(place), out), TakenError, "runs.jsonl", "is being written by")
    assert not out.exists()


def test_all_recipes_are_checked_before_the_first_is_run(place, tmp_path, monkeypatch):
    monkeypatch.setattr(workers, "take", lambda recipe, **more: pytest.fail("a run was begun"))
    good = acting({"backbone": str(place / "bert"), "task": "mrpc", **SHORT})
    other = tmp_path / "other.safetensors"
    save_fisher(other, {"w": torch.ones(1)}, labels="exact", examples=1, anchors="others", backbone="another")
    for bad, more, error, parts in (
        ({"method": "ewc"}, {}, ValueError, ["ewc", "needs a Fisher"]),
        ({"method": "ewc"}, {"fisher": other}, ValueError, ["is a Fisher of another"]),
        ({"task": "cola"}, {}, FileNotFoundError, ["has no task cola"]),
        ({"backbone": "no/where/at all"}, {}, ValueError, ["no/where/at all"]),
        ({"probe": "facts"}, {}, ValueError, ["probe facts", "small world"]),
        ({"probe": "stsb"}, {}, FileNotFoundError, ["has no task stsb"]),
        ({"limit_train": 10**6}, {}, ValueError, ["limit_train", "1 to 24"]),
        ({"max_length": 2}, {}, ValueError, ["max_length"]),
        ({"mixed_precision": "fp16"}, {}, ValueError, ["fp16", "GPU"]),
        ({"backbone": "tiny"}, {}, ValueError, ["tiny reads the small world only, not mrpc"]),
    ):
        recipes, out = grids.expand([good, {**good, "seed": 9, **bad}]), tmp_path / "runs.jsonl"
        refused(lambda recipes=recipes, more=more, out=out: in_this_process(place, recipes, out, **more), error, *parts)
        assert not out.exists()


@pytest.mark.parametrize("name", ["runs.jsonl", "link.jsonl"])
def test_a_sweep_through_a_link_is_a_sweep_of_the_same_file(place, tmp_path, name):
    (tmp_path / "link.jsonl").symlink_to(tmp_path / "runs.jsonl")
    other = next(each for each in ("runs.jsonl", "link.jsonl") if each != name)

    def while_another_runs(recipe, **more):
        said = refused(lambda: in_this_process(place, [recipe], tmp_path / other), TakenError, "is being written by")
        assert f"process {os.getpid()}" in said
        return take(recipe, **more)

    take = workers.take
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workers, "take", while_another_runs)
        assert len(in_this_process(place, grid(place, [0]), tmp_path / name).runs) == 1
    assert (tmp_path / "link.jsonl").is_symlink()
    assert len(recordings.load(tmp_path / "runs.jsonl").runs) == 1
