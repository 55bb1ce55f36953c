"""Runs on a file of somebody's own: from one command to a model that answers in words."""

import itertools
import json

import pytest
from small import refused, save_backbone, save_glue
from transformers import AutoConfig, pipeline

from recall_learn import Recipe, Run, finetune
from recall_learn.cli import main
from recall_learn.figures import tables
from recall_learn.lab import explorer
from recall_learn.runs import recordings
from recall_learn.runs.sweep import sweep


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with ``bert``, and ``reviews.csv`` whose classes a model can tell by their letters."""
    root = tmp_path_factory.mktemp("own")
    save_backbone(root / "bert")
    texts = itertools.islice(itertools.product("bcdefg", repeat=2), 20)
    lines = [
        f"{first} {first} {' '.join(rest)},{label}" for rest in texts for first, label in (("a", "yes"), ("h", "no"))
    ]
    (root / "reviews.csv").write_text("review,liked\n" + "\n".join(lines) + "\n")
    return root


def recipe(place, **changes):
    about = {"backbone": str(place / "bert"), "task": str(place / "reviews.csv"), "label": "liked"}
    return Recipe(**about | {"steps": 3, "batch_size": 8, "max_length": 20} | changes)


def test_one_command_from_a_file_to_a_model_that_answers_in_words(place, tmp_path, capsys, caplog):
    arguments = ["finetune", "--backbone", place / "bert", "--task", place / "reviews.csv", "--label", "liked"]
    settings = ["--steps", 40, "--lr", 1e-2, "--batch-size", 8, "--max-length", 20, "--device", "cpu"]
    assert main([str(each) for each in [*arguments, *settings, "--out", tmp_path / "out"]]) == 0
    closing = capsys.readouterr().out.splitlines()[-1]
    assert closing.startswith(f"{place / 'reviews.csv'} vanilla: step 40, accuracy 1.0000")
    said = "text: review; label: liked (2 classes: no, yes); train: 32 rows; validation: 8 rows"
    assert any(said in record.getMessage() for record in caplog.records)

    answer = pipeline("text-classification", str(tmp_path / "out" / "model"), device="cpu")
    assert [answer(text)[0]["label"] for text in ("a a g b", "h h g b")] == ["yes", "no"]
    config = AutoConfig.from_pretrained(tmp_path / "out" / "model")
    assert (config.id2label, config.label2id) == ({0: "no", 1: "yes"}, {"no": 0, "yes": 1})

    run = Run.from_json((tmp_path / "out" / "run.json").read_text())
    assert run.environment["task"] == {
        "text": ["review"],
        "label": "liked",
        "labels": ["no", "yes"],
        "metrics": ["accuracy"],
        "primary": "accuracy",
        "split": "20 % drawn, stratified, seed 0",
    }
    assert run.environment["examples"] == {"train": 32, "evaluation": 8}
    assert (run.recipe.text, run.recipe.label, run.recipe.metric) == (None, "liked", None)
    assert (run.metrics, run.primary) == (("accuracy",), "accuracy")
    assert tables.results({"one": run}).splitlines()[0].endswith("REVIEWS.CSV accuracy | distance |")
    assert "--label liked" in tables.command(run.recipe, "out")


def test_the_classes_of_a_named_task_are_in_the_models_config(place, tmp_path):
    save_glue(tmp_path / "data", "mrpc")
    settings = {"backbone": str(place / "bert"), "steps": 1, "batch_size": 4, "max_length": 20}
    finetune(Recipe(task="mrpc", **settings), out=tmp_path / "out", data_folder=tmp_path / "data", device="cpu")
    config = AutoConfig.from_pretrained(tmp_path / "out" / "model")
    assert config.id2label == {0: "not_equivalent", 1: "equivalent"}
    assert "task" not in Run.from_json((tmp_path / "out" / "run.json").read_text()).environment


def test_a_regression_on_two_texts(place, tmp_path):
    lines = [f"a {'bc'[i % 2]},d {'efgh'[i % 4]},{i / 4}" for i in range(20)]
    (tmp_path / "pairs.csv").write_text("one,two,how much\n" + "\n".join(lines))
    asked = {"task": str(tmp_path / "pairs.csv"), "text": "one,two", "label": "how much", "metric": "spearman"}
    run = finetune(recipe(place, **asked), device="cpu", progress=False)
    assert run.primary == "spearman"
    assert list(run.final["metrics"]) == ["pearson", "spearman"]
    assert run.environment["task"]["labels"] == []


def stop(run, optimizer):
    if len(run.history) == 2:
        raise RuntimeError("enough")


def test_a_stopped_run_goes_on_and_is_refused_when_its_file_was_changed(place, tmp_path):
    own = tmp_path / "own.csv"
    own.write_bytes((place / "reviews.csv").read_bytes())
    asked = recipe(place, task=str(own), steps=4, evaluate_every=1)
    whole = finetune(asked, device="cpu", progress=False)
    with pytest.raises(RuntimeError):
        finetune(asked, stop, out=tmp_path / "out", device="cpu", progress=False)
    text = own.read_text()
    again = {"out": tmp_path / "out", "device": "cpu", "progress": False, "resume": True}
    own.write_text(text.replace("h h b b,no", "h h b c,no", 1))
    refused(lambda: finetune(asked, **again), ValueError, "the data is other than when", "put the former back")
    own.write_text(text.replace(",no", ",not"))  # the numbers are the same, and mean something else
    refused(lambda: finetune(asked, **again), ValueError, "the data is read in another way than when")
    own.unlink()
    refused(lambda: finetune(asked, **again), FileNotFoundError, "own.csv", "no such file")
    own.write_text(text)
    run = finetune(asked, **again)
    assert run.history == whole.history
    assert run.final["metrics"] == whole.final["metrics"]


def test_seeds_are_scored_on_the_same_examples(place):
    runs = [finetune(recipe(place, seed=seed, steps=1), device="cpu", progress=False) for seed in (0, 1)]
    assert runs[0].environment["data"] == runs[1].environment["data"]


def test_a_sweep_over_tasks_of_ones_own(place, tmp_path, caplog):
    file = tmp_path / "reviews.csv"
    file.write_bytes((place / "reviews.csv").read_bytes())
    asked = {"task": str(file), "steps": 2}
    made = [recipe(place, **asked), recipe(place, **asked, metric="f1"), recipe(place, **asked, seed=1)]
    out = tmp_path / "grid.jsonl"
    sweep(made, out, workers=1, device="cpu", progress=False)
    assert sum("reviews.csv: text: review" in record.getMessage() for record in caplog.records) == 2  # once a reading
    records = recordings.load(out)
    assert records.missing(made) == []
    scores = {(run.recipe.metric, run.recipe.seed): records.primary(run) for run in records.runs}
    assert scores == {(None, 0): "accuracy", ("f1", 0): "f1", (None, 1): "accuracy"}
    assert all(len(run.columns["score"]) == 3 for run in records.runs)
    file.write_text(file.read_text() + "a b a b,yes\n" * 2)
    refused(
        lambda: sweep([recipe(place, **asked, lr=0.1)], out, workers=1, device="cpu", progress=False),
        ValueError,
        "has other examples",
    )


def test_the_explorer_names_the_score_of_a_task_of_ones_own(place, tmp_path):
    run = finetune(recipe(place, steps=1, metric="macro_f1"), device="cpu", progress=False)
    records = recordings.Records()
    records.add(run, run.recipe, run.environment)
    records.add(None, recipe(place, steps=1, metric="macro_f1", seed=1), run.environment, "diverged")
    page = explorer.payload(records)
    assert page["metrics"] == {str(place / "reviews.csv"): "macro_f1"}


def test_a_record_that_does_not_say_how_its_data_was_read(place):
    run = finetune(recipe(place, steps=1), device="cpu", progress=False)
    whole = json.loads(run.to_json())
    del whole["environment"]["task"]
    refused(lambda: Run.from_json(json.dumps(whole)), ValueError, "environment lacks task")
    whole["environment"]["task"] = {"text": "review"}
    refused(lambda: Run.from_json(json.dumps(whole)), ValueError, "environment.task.text")


@pytest.mark.parametrize(
    ("more", "parts"),
    [
        (["--task", "none.csv"], ["task is 'none.csv'", "no such file"]),
        (["--task", "reviews.csv", "--text", "body"], ["text is 'body'", "'review', 'liked'"]),
        (["--task", "reviews.csv"], ["no-such-column"]),
        (["--task", "mrpc", "--text", "review"], ["text is 'review'", "mrpc"]),
        (["--task", "reviews.csv", "--metric", "bleu"], ["metric is 'bleu'", "accuracy"]),
        (["--task", "reviews.csv", "--label", ""], ["label is ''"]),
    ],
)
def test_the_command_line_says_what_is_wrong(place, tmp_path, capsys, monkeypatch, more, parts):
    monkeypatch.chdir(place)
    more = [*more, "--label", "no-such-column"] if parts == ["no-such-column"] else more
    arguments = ["finetune", "--backbone", "bert", "--out", str(tmp_path / "out"), "--device", "cpu", *more]
    assert main(arguments) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("recall-learn: error: ")
    assert all(part in error for part in parts)


def test_a_fisher_of_a_task_of_ones_own(place, tmp_path, capsys):
    arguments = ["fisher", "--backbone", place / "bert", "--task", place / "reviews.csv", "--label", "liked"]
    more = ["--device", "cpu", "--max-length", 20, "--out", tmp_path / "fisher.safetensors"]
    assert main([str(each) for each in [*arguments, *more]]) == 0
    assert "32 examples" in capsys.readouterr().out
