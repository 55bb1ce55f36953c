"""Soups: the mean by numpy, copies, greedy's promise on the set that it selects on, and what is refused."""

import json
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from small import refused, save_glue

from recall_learn.cli import main
from recall_learn.runs.finetune import finetune
from recall_learn.runs.recipe import Recipe
from recall_learn.runs.soup import mean, soup

SEEDS = 3


@pytest.fixture(scope="module")
def runs(world, tmp_path_factory):
    """Folders of runs that differ in their seeds, and in what they have learned."""
    root = tmp_path_factory.mktemp("runs")
    for seed in range(SEEDS):
        steps = (12, 8, 1)[seed]
        recipe = Recipe(
            str(world / "bert"), "mrpc", "recadam(t0=2)", steps=steps, batch_size=4, lr=5e-3, max_length=40, seed=seed
        )
        finetune(recipe, out=root / str(seed), data_folder=world / "glue", device="cpu", progress=False)
    return root


def cook(world, folders, out, **more):
    return soup(folders, out, data_folder=world / "glue", device="cpu", **more)


def read(folder):
    return load_file(folder / "model" / "model.safetensors")


def final(folder):
    return json.loads((folder / "run.json").read_text())["final"]


def test_the_uniform_mean_by_numpy(world, runs, tmp_path):
    folders = [runs / str(seed) for seed in range(SEEDS)]
    made = cook(world, folders, tmp_path)
    each, found = [read(folder) for folder in folders], read(tmp_path)
    for name, weight in found.items():
        np.testing.assert_allclose(weight.numpy(), np.mean([one[name].double().numpy() for one in each], 0), rtol=1e-6)
    assert (made.members, made.chosen, made.greedy, made.scores) == (made.chosen, made.members, False, [])
    assert json.loads((tmp_path / "soup.json").read_text())["evaluation"] == made.evaluation
    home, _ = read_home(world)
    away = sum(float((found[name] - home[name]).double().square().sum()) for name in found if name in home) ** 0.5
    assert made.evaluation["distance"] == pytest.approx(away, rel=1e-5)
    assert away < max(final(folder)["distance"] for folder in folders)


def read_home(world):
    held = load_file(world / "bert" / "model.safetensors")
    return {f"bert.{name}": tensor for name, tensor in held.items()}, held


def test_a_soup_of_copies_is_the_copy(world, runs, tmp_path):
    for copy in ("b", "c"):
        shutil.copytree(runs / "0", tmp_path / copy)
    for greedy in (False, True):
        out = tmp_path / f"out-{greedy}"
        made = cook(world, [runs / "0", tmp_path / "b", tmp_path / "c"], out, greedy=greedy)
        one, other = read(out), read(runs / "0")
        assert one.keys() == other.keys()
        assert all(torch.equal(one[name], other[name]) for name in one)
        assert len(made.chosen) == 3
        assert made.evaluation["metrics"] == final(runs / "0")["metrics"]
        assert made.evaluation["distance"] == final(runs / "0")["distance"]
    one, other = (json.loads((folder / "model" / "config.json").read_text()) for folder in (out, runs / "0"))
    assert {**one, "use_cache": 0} == {**other, "use_cache": 0}  # Trainer's, of a model that generates


def test_greedy_is_never_under_the_best_single_on_the_set_it_selects_on(world, runs, tmp_path):
    folders = [runs / str(seed) for seed in reversed(range(SEEDS))]
    made = cook(world, folders, tmp_path / "greedy", greedy=True)
    assert made.scores == [final(folder)["metrics"][made.metric] for folder in folders]
    assert made.evaluation["metrics"][made.metric] >= max(made.scores)
    assert made.split == "validation"
    assert made.scores[made.members.index(made.chosen[0])] == max(made.scores)
    # the same, by hand
    order = sorted(range(SEEDS), key=lambda n: -made.scores[n])
    kept, reached = [order[0]], made.scores[order[0]]
    for n in order[1:]:
        tried = cook(world, [folders[k] for k in [*kept, n]], tmp_path / f"tried-{n}").evaluation["metrics"]
        if tried[made.metric] >= reached:
            kept, reached = [*kept, n], tried[made.metric]
    assert made.chosen == [str(folders[n]) for n in kept]
    assert made.evaluation["metrics"][made.metric] == reached


def test_the_mean_of_half_precision_and_of_what_is_no_float():
    one = {"w": torch.tensor([1.0, 3.0]).bfloat16(), "n": torch.tensor([3])}
    other = {"w": torch.tensor([2.0, 3.0]).bfloat16(), "n": torch.tensor([5])}
    found = mean([one, other])
    assert found["w"].dtype == torch.bfloat16
    assert found["w"].tolist() == [1.5, 3.0]
    assert found["n"].tolist() == [3]
    third = {"w": torch.full((4,), 0.1)}
    assert torch.equal(mean([third] * 7)["w"], third["w"])


def test_the_command_line(world, runs, tmp_path, capsys):
    arguments = ["soup", str(runs / "0"), str(runs / "2"), "--out", str(tmp_path), "--data", str(world / "glue")]
    assert main([*arguments, "--greedy", "--device", "cpu"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert lines[0].startswith(f"{runs / '0'}: ")
    assert "chosen by accuracy on validation, where no member alone is better: " in lines[2]
    assert lines[2].endswith(f" -> {tmp_path / 'model'}")
    assert main([*arguments, "--device", "cpu"]) == 2
    assert capsys.readouterr().err == f"recall-learn: error: {tmp_path} holds soup.json already; choose another --out\n"


def changed(folder, other, **environment):
    """A copy of a run whose recipe or start differs."""
    shutil.copytree(folder, other)
    record = json.loads((other / "run.json").read_text())
    final = environment.pop("final", True)
    record["recipe"] |= {key: value for key, value in environment.items() if key != "anchors"}
    record["environment"] |= {key: value for key, value in environment.items() if key == "anchors"}
    if not final:
        record["final"] = None
    (other / "run.json").write_text(json.dumps(record))
    return other


def test_what_does_not_go_together_is_refused(world, runs, tmp_path):
    one, out = runs / "0", tmp_path / "out"
    refused(lambda: cook(world, [one], out), ValueError, "folders is ", "the folders of two runs or more")
    refused(lambda: cook(world, str(one), out), ValueError, "folders is ", "the folders of two runs or more")
    refused(lambda: cook(world, [one, tmp_path / "no"], out), FileNotFoundError, "no/run.json is not there")
    other = changed(one, tmp_path / "task", task="rte")
    refused(lambda: cook(world, [one, other], out), ValueError, "task of the run in", "is 'rte'", "it is 'mrpc'")
    other = changed(one, tmp_path / "random", init="random")
    refused(lambda: cook(world, [one, other], out), ValueError, "init of the run in", "from one start")
    other = changed(one, tmp_path / "anchors", anchors="0" * 64)
    refused(lambda: cook(world, [one, other], out), ValueError, "had other pretrained weights when the run in")
    other = changed(one, tmp_path / "running", final=False)
    refused(lambda: cook(world, [one, other], out), ValueError, "has not ended; go on with it first, with --resume")
    refused(lambda: cook(world, [one, one], one), ValueError, "holds run.json already; choose another --out")
    other = changed(one, tmp_path / "empty")
    shutil.rmtree(other / "model")
    refused(lambda: cook(world, [one, other], out), FileNotFoundError, "holds no *.safetensors: no model was kept")
    assert not out.exists() or not any(out.iterdir())


def test_models_that_are_not_what_the_run_says_are_refused(world, runs, tmp_path):
    one, out = runs / "0", tmp_path / "out"
    for kind, change in (
        ("more", lambda held: held | {"bert.more": torch.zeros(2)}),
        ("less", lambda held: {key: tensor for key, tensor in held.items() if "classifier" not in key}),
    ):
        other, again = (changed(one, tmp_path / f"{kind}-{n}") for n in range(2))
        for each in (other, again):
            save_file(change(read(one)), each / "model" / "model.safetensors")
        for pair, says in (((other, again), "not in the other"), ((one, other), "of models of different shapes")):
            refused(lambda pair=pair: cook(world, pair, out), ValueError, f"do not fit {world / 'bert'}: ", says)
    (other / "model" / "model.safetensors").write_bytes(b"nothing")
    refused(lambda: cook(world, [one, other], out), ValueError, "model.safetensors is damaged")
    assert not (out / "model").exists()


def test_data_that_is_elsewhere_is_said(world, runs, tmp_path):
    save_glue(tmp_path / "glue", "rte")
    with pytest.raises((ValueError, OSError), match="mrpc"):
        soup([runs / "0", runs / "1"], tmp_path / "out", data_folder=tmp_path / "glue", device="cpu")
