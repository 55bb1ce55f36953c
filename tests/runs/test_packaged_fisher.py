"""EWC on tiny takes the Fisher that is in the package, as if that file had been given; nobody else does."""

import shutil

import pytest
from alike import assert_same_run
from small import refused

from recall_learn.models import places
from recall_learn.models.fisher_files import load_fisher, save_fisher
from recall_learn.runs import finetune as finetuning
from recall_learn.runs import given_fisher
from recall_learn.runs.finetune import finetune
from recall_learn.runs.recipe import Recipe
from recall_learn.runs.sweep import sweep
from recall_learn.theory.anchors import fingerprint

FILE = places.SOURCE_FISHERS["tiny"]
SETTINGS = {"task": "world/cola", "steps": 6, "batch_size": 4, "evaluate_every": 3, "limit_train": 24, "probe": "none"}


def recipe(method="ewc", backbone="tiny", **changes):
    return Recipe(backbone=str(backbone), method=method, **{**SETTINGS, **changes})


def go(out, on_step=None, method="ewc", backbone="tiny", **more):
    return finetune(recipe(method, backbone), on_step, out=out, device="cpu", progress=False, **more)


@pytest.fixture(scope="module")
def without(tmp_path_factory):
    """A run that was given no file, and its folder."""
    out = tmp_path_factory.mktemp("without") / "run"
    return go(out), out


@pytest.fixture
def crashed(tmp_path, monkeypatch):
    """A function: the folder of a run that ended after its checkpoint at step 3."""
    monkeypatch.setattr(finetuning, "QUICK", 1e9)  # however slow the disk is

    def crash(run, optimizer):
        if len(run.history) == 4:
            raise KeyboardInterrupt

    def begun(**more):
        with pytest.raises(KeyboardInterrupt):
            go(tmp_path / "stopped", crash, **more)
        assert (tmp_path / "stopped" / "checkpoint-3").is_dir()
        return tmp_path / "stopped"

    return begun


@pytest.fixture
def stopped(crashed):
    """The folder of one that was given no file."""
    return crashed()


@pytest.fixture
def other(tmp_path):
    """A Fisher of tiny that is not the packaged one."""
    fisher, about = load_fisher(FILE)
    save_fisher(tmp_path / "other", {name: 2 * tensor for name, tensor in fisher.items()}, **about)
    return tmp_path / "other"


def test_a_run_without_a_file_is_the_run_with_it(without, tmp_path):
    run, out = without
    given = go(tmp_path / "given", fisher=FILE)
    assert_same_run(out, tmp_path / "given")
    fisher, about = load_fisher(FILE)
    says = {"task": "source", "labels": "sampled", "examples": str(fisher.examples), "tensors": fingerprint(fisher)}
    assert about["task"] == "source"
    assert run.environment["fisher"] == given.environment["fisher"] == says
    assert run.history[-1]["penalty"] > 0


def test_a_stopped_one_goes_on_to_the_bit(without, stopped):
    go(stopped, resume=True)
    assert_same_run(without[1], stopped)


def test_it_goes_on_with_the_packaged_one_where_the_folder_lost_its_copy(without, stopped):
    (stopped / "fisher.safetensors").unlink()
    go(stopped, resume=True)
    assert_same_run(without[1], stopped)


def test_it_does_not_go_on_with_another(stopped, other):
    refused(lambda: go(stopped, resume=True, fisher=other), ValueError, "not the one that", "was begun with")


def test_a_run_begun_with_another_does_not_go_on_with_the_packaged_one(crashed, other):
    out = crashed(fisher=other)
    (out / "fisher.safetensors").unlink()
    refused(lambda: go(out, resume=True), ValueError, "not the one that", "give that one by --fisher")


def test_a_sweep_takes_it_too(without, tmp_path):
    records = sweep([recipe()], tmp_path / "runs.jsonl", device="cpu", workers=1, progress=False)
    (record,) = records.runs
    assert record.columns["distance"][-1] == pytest.approx(without[0].final["distance"], rel=1e-3)
    assert record.data.endswith("+" + without[0].environment["fisher"]["tensors"][:12])


@pytest.mark.parametrize("method", ["ewc", "ewc + child-d"])
def test_all_others_are_refused_as_before(bert, tmp_path, method):
    copy = tmp_path / "tiny"
    shutil.copytree(places.TINY, copy)
    names = method.replace(" ", "")
    asked = [bert, copy, "minilm", *(["tiny"] if method != "ewc" else [])]
    for backbone in asked:
        says = [f"method {names} needs a Fisher of the source; make one with recall-learn fisher, and pass it with"]
        text = refused(lambda backbone=backbone: go(None, method=method, backbone=backbone), ValueError, *says)
        assert text.endswith("--fisher FILE")
        assert given_fisher.packaged(recipe(method).needs, str(backbone)) is None


def test_who_has_it():
    assert given_fisher.packaged(frozenset({"source fisher"}), "tiny") == FILE
    assert given_fisher.packaged(frozenset({"task fisher"}), "tiny") is None
    assert given_fisher.packaged(frozenset(), "tiny") is None
