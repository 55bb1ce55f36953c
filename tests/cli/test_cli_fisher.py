"""recall-learn fisher: what it refuses, it refuses before anything long, and says nothing was written."""

import os

import pytest
from small import save_backbone, save_glue
from transformers import BertForMaskedLM

from recall_learn.cli import main
from recall_learn.models import fishers
from recall_learn.models.fisher_files import load_fisher
from recall_learn.tasks import loading
from recall_learn.tasks import world as world_files
from recall_learn.world import World


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    save_backbone(root / "bert")
    save_glue(root / "glue", "cola")
    for seed in (0, 1):
        world_files.save(root / f"world{seed}", "cola", 40, World(seed))
    return root


@pytest.fixture
def command(data, capsys):
    def run(*more, backbone="tiny", task="world/cola", folder="world0", size=32):
        basic = ["fisher", "--backbone", backbone, "--task", task, "--data", data / folder, "--device", "cpu"]
        status = main([str(a) for a in (*basic, "--max-length", 32, "--limit-train", 20, "--batch-size", size, *more)])
        output = capsys.readouterr()
        return status, output.out.strip(), output.err.strip()

    return run


def refused(found, *words):
    status, out, error = found
    assert status == 2
    assert out == ""
    line = error.splitlines()[-1]
    assert line.startswith("recall-learn: error: ")
    for word in words:
        assert word in line


def test_a_task_of_ones_own_world_gives_a_fisher(command, tmp_path):
    status, out, _ = command("--out", tmp_path / "f")
    assert status == 0
    assert out.startswith("world/cola exact: 20 examples")
    assert load_fisher(tmp_path / "f")[1]["task"] == "world/cola"


def test_a_model_s_own_text_gives_the_fisher_of_its_pretraining(command, tmp_path):
    save_backbone(tmp_path / "bert", model_class=BertForMaskedLM)
    (tmp_path / "text.txt").write_text("abc def gh ab " * 400, encoding="utf-8")
    options = {"backbone": tmp_path / "bert", "task": "source", "size": 4}
    given = ("--source-text", tmp_path / "text.txt", "--labels", "sampled")
    assert command(*given, "--out", tmp_path / "f", **options)[1].startswith("source sampled: 20 examples, trace ")
    fisher, metadata = load_fisher(tmp_path / "f")
    assert metadata["task"] == "source"
    assert all(float(each.min()) >= 0 for each in fisher.values())
    assert float(fisher["bert.encoder.layer.0.output.dense.weight"].sum()) > 0
    refused(command(*given, "--out", tmp_path / "g"), "is for --task source, not world/cola")
    refused(command(*given, "--out", tmp_path / "g", task="source", size=4), "tiny has its own; leave it out")
    assert not (tmp_path / "g").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"folder": "world1"}, ["tiny was pretrained in the world of seed 0", "world/cola is about that of seed 1"]),
        ({"task": "cola", "folder": "glue"}, ["tiny reads the small world only, not cola; choose a task world/..."]),
        ({"task": "source", "backbone": "bert"}, ["bert was pretrained on needs a text", "--source-text"]),
        ({"size": 10**9}, ["batch_size is 1000000000; a step on so many examples needs", "lower --batch-size"]),
    ],
)
def test_what_finetune_would_refuse_is_refused(command, data, tmp_path, monkeypatch, options, words):
    if "backbone" in options:
        options = {**options, "backbone": data / "bert"}
    monkeypatch.setattr(fishers, "fisher_diagonal", lambda *_, **__: pytest.fail("a Fisher was taken"))
    refused(command("--out", tmp_path / "f", **options), *words)
    assert not os.listdir(tmp_path)


def test_a_place_that_cannot_be_written_to_is_refused_at_once(command, tmp_path, monkeypatch):
    monkeypatch.setattr(loading, "load", lambda *_: pytest.fail("data was read"))
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    os.mkfifo(tmp_path / "pipe")
    before = sorted(os.listdir(tmp_path))
    for place, words in (
        (tmp_path / "loop", ["loop", "cannot be followed to a file"]),
        (tmp_path / "pipe", ["pipe", "is a device or a pipe"]),
        ("/dev/full", ["'/dev/full', which is a device or a pipe"]),
        (tmp_path, ["which is a folder"]),
        (tmp_path / "pipe" / "f", ["pipe", "is a file"]),
        ("", ["out is ''"]),
    ):
        refused(command("--out", place), *words)
    assert sorted(os.listdir(tmp_path)) == before


def test_a_link_to_nothing_is_followed_to_where_it_points(command, tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "target")
    assert command("--out", tmp_path / "link")[0] == 0
    assert (tmp_path / "link").is_symlink()
    assert load_fisher(tmp_path / "target")[0].examples == 20
    assert sorted(os.listdir(tmp_path)) == ["link", "target"]
