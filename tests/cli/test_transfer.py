"""``recall-learn transfer`` and ``recall-learn ablate`` on the folder of a run."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file
from small import save_backbone, save_glue

from recall_learn.cli import main
from recall_learn.runs.finetune import finetune
from recall_learn.runs.finished import asking, open_run
from recall_learn.runs.recipe import Recipe


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    root = tmp_path_factory.mktemp("world")
    save_backbone(root / "bert")
    save_glue(root / "data", "mnli", "rte", "mrpc", "sst2", "stsb", train=30, evaluation=20)
    settings = {"steps": 4, "batch_size": 4, "lr": 1e-2, "max_length": 40, "probe": "stsb"}
    recipe = Recipe(str(root / "bert"), "mnli", **settings)
    finetune(recipe, out=root / "run", data_folder=root / "data", device="cpu", progress=False)
    return root


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    root = tmp_path_factory.mktemp("tiny")
    recipe = Recipe("tiny", "world/rte", steps=3, batch_size=8, limit_train=20)
    finetune(recipe, out=root / "run", device="cpu", progress=False)
    return root / "run"


def said(capsys, *arguments):
    assert main([str(each) for each in arguments]) == 0
    return capsys.readouterr().out.splitlines()


def test_a_score_for_each_target_and_the_majority_beside_it(world, capsys, tmp_path):
    file = tmp_path / "found.json"
    lines = said(
        capsys, "transfer", world / "run", "--to", "rte, mrpc,mnli", "--data", world / "data", "--out", file,
        "--device", "cpu",
    )  # fmt: skip
    found = json.loads(file.read_text())
    assert found["run"] == str(world / "run")
    assert list(found["tasks"]) == ["rte", "mrpc", "mnli"]
    for line, (task, each) in zip(lines, found["tasks"].items(), strict=True):
        assert line.startswith(f"{task}: accuracy {each['metrics']['accuracy']:.4f}")
        assert f"(majority {each['majority']:.4f}), {each['examples']} examples" in line
    assert lines[0].endswith("; neutral as not_entailment, contradiction as not_entailment")
    assert "entailment as equivalent, neutral as not_equivalent" in lines[1]
    final = open_run(world / "run").run.final["metrics"]
    assert found["tasks"]["mnli"]["metrics"] == final  # where it was tuned, it is what the run recorded
    assert {name for name in final if name.endswith("_mm")} == {"accuracy_mm"}


def test_new_heads_on_three_encoders(world, capsys, tmp_path):
    file = tmp_path / "found.json"
    lines = said(
        capsys, "transfer", world / "run", "--to", "sst2,stsb", "--new-head", "--limit-train", 25,
        "--data", world / "data", "--out", file, "--device", "cpu",
    )  # fmt: skip
    found = json.loads(file.read_text())["tasks"]
    assert set(found["sst2"]) == {"tuned", "pretrained", "random"}
    assert found["stsb"]["tuned"]["trained_on"] == 25
    accuracy = found["sst2"]["random"]["metrics"]["accuracy"]
    assert lines[0].startswith("sst2: accuracy tuned ")
    assert f"random {accuracy:.4f} (majority " in lines[0]
    assert lines[0].endswith("25 examples to fit, 20 to score")
    assert lines[1].startswith("stsb: pearson tuned ")
    assert "majority" not in lines[1]


def test_layers_go_back_and_the_folder_stays_as_it_is(world, capsys, tmp_path):
    before = load_file(world / "run" / "model" / "model.safetensors")
    lines = said(
        capsys, "ablate", world / "run", "--data", world / "data", "--out", tmp_path / "found.json", "--device", "cpu"
    )
    parts = ["bert.embeddings", "bert.encoder.layer.0", "bert.encoder.layer.1", "bert.pooler"]
    shares = [f"{count} from {end}" for end in ("the top", "below") for count in (2, 3)]
    names = lines[0].split()
    assert names == ["at", "theta*", "accuracy", "accuracy_mm", "similarity"]
    assert [line.split("  ")[0] for line in lines[1:]] == ["none", *parts, *shares, "all"]
    found = json.loads((tmp_path / "found.json").read_text())
    final = open_run(world / "run").run.final
    assert found["tuned"] == {**final["metrics"], "similarity": final["similarity"]}
    assert float(lines[-1].split()[-1]) == pytest.approx(found["pretrained"]["similarity"], abs=1e-4)
    after = load_file(world / "run" / "model" / "model.safetensors")
    assert all(torch.equal(after[name], before[name]) for name in before)


def test_what_a_small_world_run_is_asked(tiny):
    opened = open_run(tiny)
    found = asking(opened)()
    final = opened.run.final
    assert found == {
        **final["metrics"],
        "source_loss": final["source_loss"],
        "source_accuracy": final["source_accuracy"],
        "facts": final["facts"]["known"],
    }
    assert asking(opened, probe="none")() == final["metrics"]


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("transfer RUN --to nope", ["task 'nope' is unknown", "rte"]),
        ("transfer RUN --to sst2", ["sst2: no map leads", "negative, positive"]),
        ("transfer RUN --to stsb", ["answers in classes", "stsb asks for numbers"]),
        ("transfer RUN --to sick", ["has no task sick", "rte"]),
        ("transfer RUN --to rte --limit-train 5", ["limit_train is 5", "--new-head"]),
        ("transfer RUN --to rte --new-head --pool last", ["pool is 'last'"]),
        ("transfer RUN --to rte --new-head --limit-train 50", ["limit_train", "1 to 30"]),
        ("transfer NOWHERE --to rte", ["run.json", "not there"]),
        ("ablate NOWHERE", ["run.json", "not there"]),
        ("ablate RUN --probe wishes", ["probe is 'wishes'"]),
        ("ablate RUN --probe recovery", ["recovery trains for each answer"]),
        ("ablate RUN --probe facts", ["small world"]),
        ("ablate RUN --probe source", ["no masked-language-model head", "bert"]),
        ("ablate RUN --device tpu", ["device is 'tpu'"]),
    ],
)
def test_a_bad_input_gives_one_sentence(world, capsys, command, words):
    places = {"RUN": str(world / "run"), "NOWHERE": str(world / "nowhere")}
    arguments = [places.get(word, word) for word in command.split()]
    assert main([*arguments, "--data", str(world / "data")]) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("recall-learn: error: ")
    for word in words:
        assert word in error


def test_a_run_that_has_not_ended_and_a_world_that_is_another(world, tiny, capsys, tmp_path):
    shutil.copytree(world / "run", tmp_path / "run")
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    (tmp_path / "run" / "run.json").write_text(json.dumps(record | {"final": None}))
    assert main(["ablate", str(tmp_path / "run"), "--data", str(world / "data")]) == 2
    assert "has not ended" in capsys.readouterr().err
    assert main(["transfer", str(tiny), "--to", "rte", "--data", str(world / "data")]) == 2
    assert "tiny reads the small world only" in capsys.readouterr().err
    assert main(["transfer", str(tiny), "--to", "world/mrpc"]) == 0
    assert capsys.readouterr().out.startswith("world/mrpc: accuracy ")
