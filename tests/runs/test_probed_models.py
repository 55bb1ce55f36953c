"""recall-learn probe: a run beside its theta*, a model alone, tables and JSON, and what is refused."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from sentence_sets import save_sentences
from small import config_of, refused, save_backbone, save_glue, save_world_backbone, short_text
from treebank import save_treebank

from recall_learn.cli import main
from recall_learn.measures import rsa, sentence_questions, suite, treebank_questions
from recall_learn.measures.probing import Probed
from recall_learn.measures.states import token_states
from recall_learn.measures.world_questions import world_questions
from recall_learn.models.backbones import load
from recall_learn.runs import probing
from recall_learn.runs.finetune import finetune
from recall_learn.runs.probing import probe_model
from recall_learn.runs.recipe import Recipe
from recall_learn.tasks import stored
from recall_learn.tasks import world as world_files
from recall_learn.world import World

SETTINGS = {"steps": 3, "batch_size": 4, "lr": 5e-2, "evaluate_every": 3, "max_length": 40, "probe": "none"}


@pytest.fixture(scope="module", autouse=True)
def short():
    with short_text(train=2500, held_out=40):
        yield


@pytest.fixture(scope="module")
def place(short, tmp_path_factory):
    """A model of a world with two runs, one of which added modules; a model of letters, a run of it, and a treebank."""
    root = tmp_path_factory.mktemp("place")
    save_world_backbone(root / "zero")
    world_files.save(root / "data", "cola", 40, World(0))
    save_glue(root / "data", "cola")
    save_treebank(root / "data", train=150, validation=100)
    longer = config_of("bert")
    longer.max_position_embeddings = 100
    save_backbone(root / "letters", config=longer)
    for name, backbone, task, method in (
        ("run", "zero", "world/cola", "vanilla"),
        ("added", "zero", "world/cola", "adapters"),
        ("english", "letters", "cola", "vanilla"),
    ):
        recipe = Recipe(backbone=str(root / backbone), task=task, method=method, **SETTINGS)
        finetune(recipe, device="cpu", data_folder=root / "data", out=root / name, progress=False)
    return root


def probed(place, name, **options):
    options = {"size": 40, "device": "cpu", "kinds": "linear", "progress": False} | options
    return probe_model(place / name if name != "tiny" else name, **options)


def test_a_run_is_asked_beside_its_theta_star(place):
    found = probed(place, "run", questions="depth,kin")
    home, after = (load(str(place / each), num_labels=2) for each in ("zero", "run/model"))
    questions = world_questions(World(0), "depth,kin", 40)
    for its, backbone in ((found.home, home), (found.now, after)):
        right = suite.ask(backbone.model.base_model, home.tokenizer, questions, kinds=["linear"], progress=False)
        assert its == right
    assert found.now != found.home
    texts = [sentence for passage in World(0).text("held-out") for sentence in passage]
    x, y = (token_states(each.model.base_model, home.tokenizer, texts).values for each in (home, after))
    assert found.tokens == min(x.shape[1], probing.TOKENS)
    for alike, right in zip(found.alike, rsa.by_layer(x, y), strict=True):
        if x.shape[1] == found.tokens:
            assert alike.rsa == pytest.approx(right.rsa, abs=1e-6)
            assert alike.cka == pytest.approx(right.cka, abs=1e-6)
        assert alike.rsa < 1
    assert found.questions["kin"]["labels"] == ["false", "true"]
    assert found.questions["kin"]["train"] == 40


def test_tokens_are_the_first_of_the_text(place, monkeypatch):
    monkeypatch.setattr(probing, "TOKENS", 30)
    found = probed(place, "run", questions="shift")
    home, after = (load(str(place / each), num_labels=2) for each in ("zero", "run/model"))
    texts = [sentence for passage in World(0).text("held-out") for sentence in passage]
    x, y = (token_states(each.model.base_model, home.tokenizer, texts).values[:, :30] for each in (home, after))
    assert found.tokens == 30
    assert [each.cka for each in found.alike] == pytest.approx([each.cka for each in rsa.by_layer(x, y)], abs=1e-6)


def test_a_model_alone_has_no_now(place):
    found = probed(place, "zero", questions=["length"])
    assert found.now is None
    assert found.alike is None
    assert [each.layer for each in found.home] == list(range(len(found.home)))


def test_a_random_start_is_asked_as_it_is_drawn(place, capsys):
    found = probed(place, "zero", questions="content", init="random", seed=2)
    drawn = load(str(place / "zero"), num_labels=2, init="random", seed=2)
    (question,) = world_questions(World(0), "content", 40, 2)
    options = {"kinds": ["linear"], "seed": 2, "progress": False}
    assert found.home == suite.ask(drawn.model.base_model, drawn.tokenizer, [question], **options)
    command = ["probe", place / "zero", "--questions", "content", "--size", 40, "--kinds", "linear", "--init", "random"]
    assert main([str(each) for each in (*command, "--device", "cpu")]) == 0
    assert " random " in capsys.readouterr().out


def test_what_a_method_added_acts(place):
    plain = probed(place, "added", questions="length")
    file = place / "added" / "model" / "model.safetensors"
    kept = load_file(file)
    assert any("adapter" in name for name in kept)
    try:
        save_file({n: t if "adapter" not in n else t + 1 for n, t in kept.items()}, file, metadata={"format": "pt"})
        changed = probed(place, "added", questions="length")
    finally:
        save_file(kept, file, metadata={"format": "pt"})
    assert changed.home == plain.home
    assert changed.alike != plain.alike


def test_another_language_is_asked_by_a_treebank(place, monkeypatch):
    found = probed(place, "english", questions="shift,pos", data_folder=place / "data", kinds=["linear", "mlp"])
    assert {each.question for each in found.now} == {"shift", "pos"}
    assert {each.controls for each in found.now if each.question == "pos"} == {"by type"}
    assert len(found.now) == 2 * 2 * 3
    monkeypatch.setenv(stored.VARIABLE, str(place / "data"))
    assert probed(place, "english", questions="shift,pos", kinds=["linear", "mlp"]).now == found.now


def sets_alone(place):
    """A folder without a treebank."""
    save_sentences(place / "sets", train=150, validation=100)
    return place / "sets"


def test_names_decide_which_data_have_to_be_there(place):
    folder = sets_alone(place)
    found = probed(place, "english", questions="question-kind,reviews-shift", data_folder=folder)
    assert list(found.questions) == ["question-kind", "reviews-shift"]
    asked = sentence_questions.sentence_questions(folder, "question-kind,reviews-shift", 40)
    home = load(str(place / "letters"), num_labels=2)
    options = {"kinds": ["linear"], "progress": False}
    assert found.home == suite.ask(home.model.base_model, home.tokenizer, asked, **options)
    ids = home.tokenizer(sentence_questions.sentences(folder), add_special_tokens=False)["input_ids"]
    assert found.tokens == min(sum(map(len, ids)), probing.TOKENS)
    with pytest.raises(FileNotFoundError, match="has no treebank"):
        probed(place, "english", questions="polarity,tense", data_folder=folder)
    with pytest.raises(FileNotFoundError, match="has no task sentences/mpqa"):
        probed(place, "english", questions="polarity,tense", data_folder=place / "data")


def test_without_names_all_is_asked_whose_data_are_there(place, tmp_path):
    trees, sets = treebank_questions.NAMES, sentence_questions.NAMES
    names = lambda where: tuple(probed(place, "letters", data_folder=where, size=20).questions)  # noqa: E731
    save_treebank(tmp_path / "trees")
    save_sentences(tmp_path / "sets")
    assert names(tmp_path / "trees") == trees
    assert names(tmp_path / "sets") == sets
    (tmp_path / "trees" / "sentences").mkdir()
    (tmp_path / "trees" / "sentences" / "trec").symlink_to(tmp_path / "sets" / "sentences" / "trec")
    assert names(tmp_path / "trees") == (*trees, "question-kind")


def test_both_are_asked_together_in_the_order_of_their_names(place, tmp_path):
    (tmp_path / "ud").symlink_to(place / "data" / "ud")
    (tmp_path / "sentences").symlink_to(sets_alone(place) / "sentences")
    found = probed(place, "english", questions="sentiment,length,reviews-length", data_folder=tmp_path)
    assert list(found.questions) == ["sentiment", "length", "reviews-length"]
    (alone,) = treebank_questions.treebank_questions(tmp_path, "length", 40)
    assert found.questions["length"]["labels"] == list(alone.labels)
    assert found.alike == probed(place, "english", questions="length", data_folder=tmp_path).alike


def test_nothing_global_is_drawn(place):
    before = torch.random.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    probed(place, "run", questions="depth", kinds=["mlp"])
    assert torch.equal(torch.random.get_rng_state(), before[0])
    assert np.array_equal(np.random.get_state()[1], before[1])  # noqa: NPY002


def test_the_command_prints_tables_and_writes_json(place, tmp_path, capsys):
    out = tmp_path / "found.json"
    command = ["probe", place / "run", "--questions", "depth,content", "--size", 40, "--kinds", "linear", "--out", out]
    assert main([str(each) for each in (*command, "--device", "cpu")]) == 0
    lines = capsys.readouterr().out.splitlines()
    written = json.loads(out.read_text())
    assert [Probed(**each) for each in written["now"]] == probed(place, "run", questions="depth,content").now
    assert set(written["counted"]) == {"depth", "content"}
    assert len(written["alike"]) == len({each["layer"] for each in written["home"]})
    (row,) = [line for line in lines if line.startswith("content")]
    first = next(each for each in written["home"] if each["question"] == "content")
    assert f"{first['accuracy']:.2f} {first['selectivity']:+.2f} ±{2 * first['selectivity_error']:.2f}" in row
    assert row.split()[1:3] == ["theta*", f"{written['counted']['content']:.2f}"]
    assert lines[lines.index(row) + 1].split()[0] == "now"
    (line,) = [line for line in lines if line.startswith("CKA debiased")]
    assert [float(each) for each in line.split()[2:]] == pytest.approx(
        [each["cka_debiased"] for each in written["alike"]], abs=6e-4
    )
    assert lines[-1].startswith(f"{place / 'run'}: 2 questions, ")
    assert lines[-1].endswith(f" s -> {out}")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere/at/all"], ["nowhere/at/all"]),
        (["run", "--questions", "tense"], ["questions name 'tense'", "the small world", "length, content"]),
        (["english", "--questions", "kin", "--data", "data"], ["questions name 'kin'", "the treebank"]),
        (["english", "--questions", "kin", "--data", "data"], ["the sets of sentences", "tense, ", "question-kind"]),
        (["english", "--questions", "polarity", "--data", "data"], ["data has no task sentences/mpqa"]),
        (["english"], ["--data", "RECALL_LEARN_DATA", "ud/train"]),
        (["english", "--data", "zero"], ["has no treebank"]),
        (["run", "--init", "random"], ["init is 'random'", "run is a run"]),
        (["zero", "--init", "cold"], ["init must be one of pretrained, random"]),
        (["run", "--kinds", "tree"], ["kinds are ['tree']", "linear, mlp"]),
        (["run", "--kinds", "mlp,mlp"], ["kinds are ['mlp', 'mlp']"]),
        (["run", "--size", "3"], ["size is 3", "at least 20"]),
        (["run", "--seed", "-1"], ["seed is -1"]),
        (["run", "--out", "zero"], ["out is 'zero', which is a folder"]),
        (["run", "--device", "tpu"], ["device is 'tpu'"]),
    ],
)
def test_a_bad_input_gives_one_sentence(place, monkeypatch, capsys, arguments, words):
    monkeypatch.chdir(place)
    monkeypatch.delenv(stored.VARIABLE, raising=False)
    assert main(["probe", *arguments]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    line = said.err.strip().splitlines()[-1]
    assert line.startswith("recall-learn: error: ")
    for word in words:
        assert word in line


def test_runs_that_cannot_be_compared_are_refused(place, tmp_path):
    run = json.loads((place / "run" / "run.json").read_text())

    def kept(name, **changes):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "run.json").write_text(json.dumps(run | changes))
        return folder

    half = kept("half", final=None)
    refused(lambda: probe_model(half), ValueError, f"the run in {half} has not ended", "--resume")
    bare = kept("bare")
    refused(lambda: probe_model(bare), FileNotFoundError, f"{bare / 'model'} holds no *.safetensors")
    other = kept("other", environment=run["environment"] | {"anchors": "0" * 64})
    (other / "model").symlink_to(place / "run" / "model")
    refused(lambda: probe_model(other), ValueError, "zero has other pretrained weights than when the run in")
    strange = kept("strange")
    (strange / "model").symlink_to(place / "letters")
    refused(lambda: probe_model(strange), ValueError, f"the model of {strange} does not fit")
