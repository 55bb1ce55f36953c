"""What a run's folder holds: no pickle, nothing half, nothing that somebody exchanged; and one process at a time."""

import json
import os
import pickle
import pickletools
import stat
import tracemalloc
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
import torch
from alike import assert_same_run
from safetensors.torch import load_file, save_file
from small import acting

from recall_learn.runs import checkpoints
from recall_learn.runs.finetune import finetune
from recall_learn.runs.recipe import Recipe
from recall_learn.runs.trainer import Order
from recall_learn.support.lock import TakenError

SETTINGS = {"max_length": 40, "steps": 8, "batch_size": 4, "lr": 1e-3, "k": 0.5, "t0": 6, "evaluate_every": 4}


def go(world, out, on_step=None, resume=False, method="recadam", **options):
    recipe = Recipe(backbone=str(world / "bert"), **acting({**SETTINGS, "method": method, "gamma": 100.0}))
    return finetune(recipe, on_step, out=out, data_folder=world / "glue", device="cpu", resume=resume, **options)


class Crash(Exception):
    pass


def crash(run, optimizer):
    if len(run.history) == 5:
        raise Crash


@pytest.fixture(scope="module")
def crashed(world):
    """By method: the folder of a run that stopped after its checkpoint at step 4."""
    made = {}

    def make(method):
        if method not in made:
            made[method] = world / f"crashed-{method}"
            with pytest.raises(Crash):
                go(world, made[method], crash, method=method)
        return made[method]

    return make


@pytest.fixture
def stopped(crashed, tmp_path):
    """A copy of such a folder, to be spoiled."""
    from shutil import copytree

    return lambda method="recadam": copytree(crashed(method), tmp_path / "run")


def files(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def is_pickle(path):
    try:
        list(pickletools.genops(path.read_bytes()))
    except ValueError:
        return path.read_bytes()[:2] == b"PK"  # torch's are in a zip
    return True


def test_no_file_of_a_run_is_a_pickle(world, stopped, tmp_path):
    out = stopped("recadam")
    checkpoint = {f"checkpoint-4/{name}" for name in (*checkpoints.PARTS, checkpoints.SEAL)}
    assert files(out) == {"run.json", *checkpoint}
    assert not any(is_pickle(out / file) for file in files(out))
    go(world, out, resume=True)
    model = {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}
    assert files(out) == {".lock", "run.json", *(f"model/{name}" for name in model)}
    assert not any(is_pickle(out / file) for file in files(out))


class Bomb:
    """Whoever unpickles one has exploded.txt beside the run."""

    def __init__(self, folder):
        self.place = folder.parents[1] / "exploded.txt"

    def __reduce__(self):
        return os.mkdir, (str(self.place),)


def rewrite(path, change):
    """Change a JSON file."""
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))


def retensor(path, change):
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path)


def moment(tensors, name="optimizer.state.3.exp_avg"):
    return tensors[name]


SPOILS = {
    "a pickle for the rest": (
        lambda c: (c / "state.json").write_bytes(pickle.dumps(Bomb(c))),
        "state.json|not JSON|UTF-8",
    ),
    "a pickle for the state": (lambda c: (c / "state.safetensors").write_bytes(pickle.dumps(Bomb(c))), "header"),
    "a pickle for the weights": (lambda c: (c / "model.safetensors").write_bytes(pickle.dumps(Bomb(c))), "header"),
    "nothing": (lambda c: (c / "state.safetensors").write_bytes(b""), "header"),
    "deep JSON": (lambda c: (c / "state.json").write_text("[" * 10_000), "nested too deeply"),
    "a list": (lambda c: (c / "state.json").write_text("[]"), r"it is \[\]; it has to be a valid dictionary"),
    "no optimizer": (lambda c: rewrite(c / "state.json", lambda d: d.pop("optimizer")), "optimizer is missing"),
    "no schedule": (lambda c: rewrite(c / "state.json", lambda d: d.pop("schedule")), "schedule is missing"),
    "no random state": (lambda c: rewrite(c / "state.json", lambda d: d.pop("random")), "random is missing"),
    "a text for a rate": (
        lambda c: rewrite(c / "state.json", lambda d: d["optimizer"]["param_groups"][0].update(lr="fast")),
        "optimizer.param_groups.0.lr is of type str; it has to be of type float",
    ),
    "a group less": (
        lambda c: rewrite(c / "state.json", lambda d: d["optimizer"]["param_groups"].pop()),
        "optimizer.param_groups is a list of 1; it has to be a list of 2",
    ),
    "other parameters": (
        lambda c: rewrite(c / "state.json", lambda d: d["optimizer"]["param_groups"][0]["param_names"].reverse()),
        "optimizer.param_groups are of other parameters",
    ),
    "a schedule of text": (
        lambda c: rewrite(c / "state.json", lambda d: d["schedule"].update(last_epoch="4")),
        "schedule.last_epoch is of type str",
    ),
    "a tensor that is gone": (
        lambda c: retensor(c / "state.safetensors", lambda t: t.pop("optimizer.state.3.exp_avg")),
        "optimizer.state.3.exp_avg",
    ),
    "moments of another shape": (
        lambda c: retensor(c / "state.safetensors", lambda t: t.update({"optimizer.state.3.exp_avg": torch.zeros(3)})),
        r"optimizer.state.3.exp_avg is a tensor of shape \[3\] and float32",
    ),
    "moments of another type": (
        lambda c: retensor(
            c / "state.safetensors", lambda t: t.update({"optimizer.state.3.exp_avg": moment(t).double()})
        ),
        "optimizer.state.3.exp_avg is .* float64",
    ),
    "a moment less": (
        lambda c: rewrite(c / "state.json", lambda d: d["optimizer"]["state"]["dict"][3][1].pop("exp_avg_sq")),
        "optimizer.state.3 is not exp_avg, exp_avg_sq, step",
    ),
    "moments of nobody": (
        lambda c: rewrite(c / "state.json", lambda d: d["optimizer"]["state"]["dict"][3].__setitem__(0, 99)),
        "optimizer.state.99 is not",
    ),
    "dice of another size": (
        lambda c: retensor(c / "state.safetensors", lambda t: t.update({"random.cpu": torch.zeros(7).byte()})),
        r"random.cpu is a tensor of shape \[7\]",
    ),
    "dice of text": (
        lambda c: rewrite(c / "state.json", lambda d: d["random"].update(cpu="six")),
        "random.cpu is .*; it has to be a tensor",
    ),
    "a weight less": (
        lambda c: retensor(c / "model.safetensors", lambda t: t.pop("classifier.weight")),
        "model.safetensors has the keys .*; it has to have",
    ),
    "weights of another shape": (
        lambda c: retensor(c / "model.safetensors", lambda t: t.update({"classifier.weight": torch.zeros(3, 16)})),
        r"model.safetensors.classifier.weight is a tensor of shape \[3, 16\]",
    ),
    "weights of another type": (
        lambda c: retensor(c / "model.safetensors", lambda t: t.update({"classifier.bias": torch.zeros(2).half()})),
        "model.safetensors.classifier.bias is .* float16",
    ),
}


@pytest.mark.parametrize("spoil", SPOILS)
def test_a_checkpoint_that_was_exchanged_and_sealed_again_is_refused(world, stopped, tmp_path, spoil):
    out = stopped()
    do, words = SPOILS[spoil]
    do(out / "checkpoint-4")
    checkpoints.seal(out / "checkpoint-4")
    before = (out / "run.json").read_bytes()
    with pytest.raises(ValueError, match=words) as raised:
        go(world, out, resume=True)
    text = str(raised.value)
    assert "checkpoint-4 is damaged" in text
    assert text.endswith("delete this folder to go on from the checkpoint before it, or from the start")
    assert "\n" not in text
    assert (out / "run.json").read_bytes() == before
    assert (out / "checkpoint-4").exists()
    assert not (tmp_path / "exploded.txt").exists()


def test_a_checkpoint_that_was_renamed_is_refused(world, stopped):
    out = stopped()
    (out / "checkpoint-4").rename(out / "checkpoint-3")
    with pytest.raises(ValueError, match="checkpoint-3 is damaged: it was written after step 4, and its name says 3"):
        go(world, out, resume=True)


def test_a_mask_that_is_gone_is_refused(world, stopped):
    out = stopped("child-f")
    rewrite(out / "checkpoint-4" / "state.json", lambda data: data.pop("methods"))
    checkpoints.seal(out / "checkpoint-4")
    with pytest.raises(ValueError, match=r"state\.json has the parts optimizer, random, schedule, not methods"):
        go(world, out, resume=True, method="child-f")


@pytest.mark.parametrize("part", checkpoints.PARTS)
def test_a_checkpoint_without_one_of_its_parts_is_refused(world, stopped, part):
    out = stopped()
    seal = out / "checkpoint-4" / checkpoints.SEAL
    (out / "checkpoint-4" / part).unlink()
    with pytest.raises(ValueError, match=f"{part} is not what was written"):
        go(world, out, resume=True)
    rewrite(seal, lambda data: data.pop(part))
    with pytest.raises(ValueError, match=f"its {checkpoints.SEAL} names no {part}"):
        go(world, out, resume=True)


def test_what_kills_left_is_swept_and_what_is_not_ours_stays(world, stopped, tmp_path):
    out = stopped()
    for left in (".run.json.999999999.0.tmp", ".tmpAb3xYz"):
        (out / left).write_text("half")
    for step, file in ((5, "model.safetensors"), (6, ".model.safetensors.999999999.0.tmp"), (7, ".tmpQwErTy")):
        (out / f"checkpoint-{step}").mkdir()
        (out / f"checkpoint-{step}" / file).write_text("half")
    (out / "model").mkdir()
    (out / "model" / "half.safetensors").write_text("half")
    (out / ".tmp-of-mine").write_text("mine")
    (out / "notes.txt").write_text("mine")
    go(world, out, resume=True)
    go(world, tmp_path / "whole")
    assert_same_run(tmp_path / "whole", out)
    assert files(out) - files(tmp_path / "whole") == {".tmp-of-mine", "notes.txt"}


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600)])
def test_all_files_have_the_modes_that_the_process_gives(world, tmp_path, umask, mode):
    former = os.umask(umask)
    try:
        with pytest.raises(Crash):
            go(world, tmp_path / "stopped", crash, method="child-d")
        go(world, tmp_path / "run", method="child-d")
    finally:
        os.umask(former)
    for folder in (tmp_path / "stopped", tmp_path / "run"):
        seen = {file: stat.S_IMODE((folder / file).stat().st_mode) for file in files(folder) - {".lock"}}
        assert set(seen.values()) == {mode}, seen


def test_a_second_process_is_refused_and_the_first_goes_on(world, tmp_path):
    whole, out, said = go(world, tmp_path / "whole"), tmp_path / "run", []

    def second(run, optimizer):
        if len(run.history) in (2, 6):
            held = sorted(files(out))
            for options in ({"resume": True}, {}):
                with pytest.raises(TakenError) as raised:
                    go(world, out, **options)
                said.append(str(raised.value))
            assert sorted(files(out)) == held

    done = go(world, out, second)
    assert done.history == whole.history
    assert_same_run(tmp_path / "whole", out)
    assert len(said) == 4
    assert all(f"{out} is being written by process {os.getpid()} on " in text for text in said)
    assert all(text.endswith("wait for it, or choose another --out") for text in said)
    assert go(world, out, resume=True).history == whole.history  # it was given back


@pytest.mark.parametrize("options", [{"source_text": "nothing.txt"}, {"fisher": "nothing.safetensors"}])
def test_a_run_that_never_began_leaves_no_folder(world, tmp_path, options):
    with pytest.raises((ValueError, OSError)):
        go(world, tmp_path / "deep" / "run", method="child-d", **options)
    assert not (tmp_path / "deep").exists()


@pytest.mark.parametrize(("rows", "steps", "size"), [(10, 7, 4), (3, 5, 7), (24, 6, 24), (1, 3, 2)])
def test_the_order_is_one_permutation_after_another(rows, steps, size):
    recipe, generator = Recipe(steps=steps, batch_size=size, seed=5), np.random.default_rng([5, 1])
    drawn = np.concatenate([generator.permutation(rows) for _ in range(steps * size // rows + 1)])
    batches = drawn[: steps * size].reshape(steps, size).tolist()
    assert list(Order(rows, recipe)) == batches
    for done in range(steps + 1):
        assert len(Order(rows, recipe, done)) == steps - done
        assert list(Order(rows, recipe, done)) == batches[done:]


def test_the_order_is_drawn_as_it_is_needed():
    tracemalloc.start()
    try:
        order = Order(1000, Recipe(steps=5_000_000, batch_size=32))
        assert len(list(islice(iter(order), 100))) == 100
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


def test_nothing_of_a_run_grows_with_the_steps_to_come(world):
    def crash(run, optimizer):
        raise Crash

    recipe, peaks = Recipe(backbone=str(world / "bert"), max_length=40, batch_size=4, steps=10, evaluate_every=10), []
    for steps in (10, 10, 5_000_000):  # the first is to warm up
        tracemalloc.start()
        try:
            with pytest.raises(Crash):
                finetune(replace(recipe, steps=steps), crash, data_folder=world / "glue", device="cpu", progress=False)
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    assert peaks[2] < peaks[1] + 2**20


def test_a_batch_that_cannot_fit_is_refused_before_anything_is_written(world, tmp_path):
    recipe = Recipe(backbone=str(world / "bert"), max_length=40, steps=2, batch_size=10**9)
    with pytest.raises(ValueError, match=r"batch_size is 1000000000; .* needs at least [\d,.]+ GB, and [\d,.]+ GB are"):
        finetune(recipe, out=tmp_path / "run", data_folder=world / "glue", device="cpu")
    assert not (tmp_path / "run").exists()
