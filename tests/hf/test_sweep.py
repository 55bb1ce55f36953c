"""Sweeps: what is missing is run, in this process or on Ray, and nothing that is there is lost."""

import pytest
from filelock import FileLock
from small import refused, save_backbone, save_glue

from recall_learn import grids
from recall_learn import sweep as sweeps
from recall_learn.finetune import finetune
from recall_learn.lock import TakenError
from recall_learn.sweep import sweep

SHORT = {"steps": 2, "batch_size": 4, "max_length": 24, "probe": "none", "lr": 1e-3, "gamma": 10}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    root = tmp_path_factory.mktemp("sweep")
    save_backbone(root / "bert")
    save_glue(root / "glue", "mrpc")
    return root


def grid(place, seeds=(0, 1)):
    return grids.expand(
        [{"backbone": str(place / "bert"), "task": "mrpc", "method": "recadam", "seed": list(seeds), **SHORT}]
    )


def in_this_process(place, recipes, out, **more):
    return sweep(recipes, out, glue_folder=place / "glue", workers=1, device="cpu", progress=False, **more)


def test_a_sweep_records_what_finetune_does(place, tmp_path):
    (recipe,) = grid(place, [3])
    in_this_process(place, [recipe], tmp_path / "runs.json")
    (record,) = grids.load(tmp_path / "runs.json").runs
    run = finetune(recipe, glue_folder=place / "glue", device="cpu", progress=False)
    assert record.recipe == recipe
    assert record.columns == grids.summarise(run)
    assert record.stopped == ""


def test_what_is_there_is_not_run_again(place, tmp_path, monkeypatch):
    out, begun, take = tmp_path / "runs.json", [], sweeps.take
    monkeypatch.setattr(sweeps, "take", lambda recipe, **more: begun.append(recipe) or take(recipe, **more))
    recipes = grid(place)
    in_this_process(place, recipes[:1], out)
    before = out.read_text().splitlines()
    in_this_process(place, recipes, out)
    assert begun == recipes
    assert out.read_text().splitlines()[: len(before)] == before
    in_this_process(place, recipes, out)
    assert begun == recipes


def test_a_sweep_that_is_stopped_keeps_what_it_has(place, tmp_path, monkeypatch):
    out, take, recipes = tmp_path / "runs.json", sweeps.take, grid(place)

    def stopped_at_the_second(recipe, **more):
        if recipe.seed == 1:
            raise KeyboardInterrupt
        return take(recipe, **more)

    monkeypatch.setattr(sweeps, "take", stopped_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        in_this_process(place, recipes, out)
    assert grids.load(out).missing(recipes) == recipes[1:]
    monkeypatch.setattr(sweeps, "take", take)
    assert in_this_process(place, recipes, out).missing(recipes) == []


def test_a_run_that_diverges_is_a_result(place, tmp_path):
    (recipe,) = grids.expand(
        [
            {
                "backbone": str(place / "bert"),
                "task": "mrpc",
                "method": "vanilla",
                **SHORT,
                "lr": 1e30,
                "steps": 6,
                "clip": 0,
            }
        ]
    )
    (record,) = in_this_process(place, [recipe], tmp_path / "runs.json").runs
    assert "the loss is" in record.stopped or "at step" in record.stopped
    assert grids.load(tmp_path / "runs.json").runs == [record]


def test_ray_takes_the_same_runs_and_begins_anew_what_died(place, tmp_path, monkeypatch):
    ray = pytest.importorskip("ray")
    recipes, marks, take = grid(place), tmp_path / "died", sweeps.take
    marks.mkdir()

    def dies_once(recipe, **more):
        import os

        mark = marks / str(recipe.seed)
        if recipe.seed == 1 and not mark.exists():
            mark.touch()
            os._exit(1)
        return take(recipe, **more)

    dies_once.__module__ = "__main__"  # so that it is sent to the workers, and not looked for by its name there
    expected = in_this_process(place, recipes, tmp_path / "here.json")
    monkeypatch.setattr(sweeps, "take", dies_once)
    records = sweep(recipes, tmp_path / "ray.json", glue_folder=place / "glue", workers=2, device="cpu", progress=False)
    assert not ray.is_initialized()
    assert (marks / "1").exists()
    columns = {run.recipe: run.columns for run in records.runs}
    assert columns == {run.recipe: run.columns for run in expected.runs}


def test_a_run_that_dies_each_time_costs_itself_alone(place, tmp_path, monkeypatch):
    pytest.importorskip("ray")
    recipes, out, take = grid(place), tmp_path / "runs.json", sweeps.take

    def dies(recipe, **more):
        import os

        return os._exit(1) if recipe.seed == 0 else take(recipe, **more)

    dies.__module__ = "__main__"
    monkeypatch.setattr(sweeps, "take", dies)
    with pytest.raises(RuntimeError, match=r"died 3 times in 1 runs.*seed=0"):
        sweep(recipes, out, glue_folder=place / "glue", workers=2, device="cpu", progress=False)
    assert [run.recipe.seed for run in grids.load(out).runs] == [1]


def test_a_bad_task_ends_the_sweep_in_a_sentence(place, tmp_path):
    recipes = grids.expand([{"backbone": str(place / "bert"), "task": "rte", **SHORT}])
    refused(lambda: in_this_process(place, recipes, tmp_path / "runs.json"), FileNotFoundError, "rte")


@pytest.mark.parametrize(
    ("more", "parts"),
    [
        ({"workers": 0}, ["workers is 0"]),
        ({"workers": 1.5}, ["workers is 1.5"]),
        ({"gpu_share": 0}, ["gpu_share is 0"]),
    ],
)
def test_what_is_out_of_range_is_refused(place, tmp_path, more, parts):
    refused(lambda: sweep(grid(place), tmp_path / "runs.json", **{"device": "cpu", **more}), ValueError, *parts)


def test_what_no_recipe_takes_is_refused(place, tmp_path):
    here = {"device": "cpu", "workers": 1, "glue_folder": place / "glue"}
    refused(
        lambda: sweep(grid(place), tmp_path / "r.json", fisher="f", **here), ValueError, "fisher is 'f'", "no recipe"
    )
    refused(lambda: sweep(grid(place), tmp_path / "r.json", source_text="t", **here), FileNotFoundError, "'t'")
    refused(lambda: sweep(grid(place), tmp_path, **here), IsADirectoryError, "which is a folder")
    (tmp_path / "file").touch()
    refused(lambda: sweep(grid(place), tmp_path / "file" / "r.json", **here), NotADirectoryError, "is a file")


def test_two_sweeps_do_not_write_one_file(place, tmp_path):
    out = tmp_path / "runs.json"
    with FileLock(tmp_path / ".runs.json.lock"):
        refused(lambda: in_this_process(place, grid(place), out), TakenError, "runs.json", "is being written by")
    assert not out.exists()


def test_without_ray_one_worker_does(place, tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "ray", None)
    recipes = grid(place, [0])
    records = sweep(recipes, tmp_path / "runs.json", glue_folder=place / "glue", device="cpu", progress=False)
    assert len(records.runs) == 1
    refused(
        lambda: sweep(
            grid(place), tmp_path / "o.json", glue_folder=place / "glue", workers=2, device="cpu", progress=False
        ),
        ValueError,
        "Ray",
        "--workers 1",
    )
