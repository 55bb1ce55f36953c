"""The command line: one closing line of figures, one sentence for what is wrong."""

import pytest
import torch
from small import save_backbone, save_glue

from recall_learn.cli import main
from recall_learn.models import hub
from recall_learn.models.fisher_files import load_fisher


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    root = tmp_path_factory.mktemp("world")
    save_backbone(root / "bert")
    save_glue(root / "glue", "mrpc", "cola")
    return root


def arguments(world, out, *more, task="mrpc"):
    basic = ["--backbone", world / "bert", "--task", task, "--data", world / "glue", "--device", "cpu"]
    sizes = ["--steps", 3, "--batch-size", 4, "--max-length", 40]
    return [str(a) for a in ["finetune", *basic, *sizes, "--out", out, *more]]


def test_finetune_prints_one_line_of_figures(world, tmp_path, capsys):
    assert main(arguments(world, tmp_path / "run", "--method", "recadam", "--k", "inf", "--t0", "1")) == 0
    line = capsys.readouterr().out.splitlines()[-1]
    assert line.startswith("mrpc recadam: step 3, accuracy 0.")
    assert "distance 0." in line
    assert line.endswith(str(tmp_path / "run" / "run.json"))


def test_fisher_writes_a_file_that_ewc_takes(world, tmp_path, capsys):
    file = str(tmp_path / "fisher.safetensors")
    made = main(
        [
            *("fisher", "--backbone", str(world / "bert"), "--task", "cola", "--data", str(world / "glue")),
            *("--device", "cpu", "--max-length", "40", "--labels", "exact", "--limit-train", "20", "--out", file),
        ]
    )
    assert made == 0
    assert "20 examples" in capsys.readouterr().out
    _, metadata = load_fisher(file)
    assert metadata["task"] == "cola"
    assert main(arguments(world, tmp_path / "run", "--method", "ewc", "--fisher", file)) == 0


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--task", "glue"], ["task 'glue' is unknown", "cola"]),
        (["--task", "rte"], ["has no task rte", "mrpc"]),
        (["--method", "sgd"], ["method 'sgd' is unknown", "recadam"]),
        (["--method", "ewc"], ["--fisher"]),
        (["--method", "ewc", "--fisher", "nowhere.safetensors"], ["nowhere.safetensors"]),
        (["--backbone", "no/such/model/at/all"], ["no/such/model/at/all", "minilm"]),
        (["--data", "nowhere"], ["--data names 'nowhere'"]),
        (["--steps", "0"], ["steps is 0"]),
        (["--lr", "-1"], ["lr is -1.0"]),
        (["--method", "recadam", "--k", "nan"], ["k", "nan"]),
        (["--method", "recadam", "--t0", "-3"], ["t0", "-3"]),
        (["--method", "child-f", "--p", "2"], ["p is 2.0"]),
        (["--method", "ewc", "--p", "0.2"], ["p is no setting of ewc", "it has gamma"]),
        (["--method", "l2sp", "--gamma", "-1"], ["gamma is -1.0"]),
        (["--method", "recadam(gamma=5000)", "--lr", "1e-3"], ["lr * gamma is 5"]),
        (["--limit-train", "1000"], ["limit_train", "1 to 24"]),
        (["--max-length", "2"], ["max_length"]),
        (["--device", "tpu"], ["device is 'tpu'"]),
        (["--probe", "stsb"], ["has no task stsb"]),
    ],
)
def test_a_bad_input_gives_one_sentence_and_a_status(world, tmp_path, capsys, more, words):
    assert main(arguments(world, tmp_path / "run", *more)) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("recall-learn: error: ")
    for word in words:
        assert word in error
    assert not (tmp_path / "run" / "run.json").exists()


def test_cuda_without_a_gpu_is_refused(world, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert main(arguments(world, tmp_path / "run", "--device", "cuda")) == 2
    assert "--device cpu or auto" in capsys.readouterr().err


def test_a_hub_out_of_reach_names_the_way_out(world, tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("RECALL_LEARN_DATA", raising=False)

    def unreachable(*args, advice, **kwargs):
        raise ConnectionError(f"the hub is out of reach; {advice}")

    monkeypatch.setattr(hub, "cached", lambda *args, **kwargs: None)
    monkeypatch.setattr(hub, "fetch", unreachable)
    without = [a for a in arguments(world, tmp_path / "run") if a not in ("--data", str(world / "glue"))]
    assert main(without) == 2
    error = capsys.readouterr().err
    assert "--data" in error
    assert "RECALL_LEARN_DATA" in error


def test_a_run_that_diverges_fails_with_another_status(world, tmp_path, capsys):
    assert main(arguments(world, tmp_path / "run", "--lr", "1e30", "--steps", "6")) == 1
    assert "lower --lr" in capsys.readouterr().err
    assert (tmp_path / "run" / "run.json").exists()
