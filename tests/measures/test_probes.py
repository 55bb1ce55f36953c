"""What a run asks its model about its pretraining: recorded at every evaluation, without a trace in the training."""

import math

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from alike import each_word_hidden
from safetensors.torch import load_file
from small import refused, save_backbone, save_glue, save_world_backbone, short_text
from transformers import AutoTokenizer, BertForMaskedLM

from recall_learn.measures.minimal_pairs import COLUMNS, grammar
from recall_learn.measures.probes import BLOCKS, PAIRS, PASSAGES
from recall_learn.measures.recovery import recovery
from recall_learn.models import backbones
from recall_learn.models.masked_lm import attach, hide_each, hide_share
from recall_learn.runs import record as runs
from recall_learn.runs.finetune import finetune
from recall_learn.runs.finished import open_run
from recall_learn.runs.pretrain import Batches
from recall_learn.runs.recipe import Recipe
from recall_learn.runs.record import Run
from recall_learn.tasks import stored
from recall_learn.tasks import world as world_files
from recall_learn.world import World
from recall_learn.world.pairs import minimal_pairs

SETTINGS = {"steps": 3, "batch_size": 4, "lr": 5e-3, "evaluate_every": 2, "max_length": 40}


@pytest.fixture(scope="module", autouse=True)
def short():
    with short_text(train=2500, held_out=40):
        yield


@pytest.fixture(scope="module")
def place(short, tmp_path_factory):
    """Models of two worlds, a task of each, a model of no world with its head, one without, a text, and GLUE tasks."""
    root = tmp_path_factory.mktemp("place")
    save_world_backbone(root / "zero")
    save_world_backbone(root / "one", seed=1, steps=1)
    for seed, name in enumerate(("glue", "glue-one")):
        world_files.save(root / name, "cola", 40, World(seed))
    save_glue(root / "glue", "cola", "stsb")
    save_backbone(root / "letters", model_class=BertForMaskedLM)
    save_backbone(root / "headless")
    letters = np.random.default_rng(0).choice(list("abcdefgh"), 4000)
    (root / "text.txt").write_text(" ".join(letters), encoding="utf-8")
    return root


def run(place, on_step=None, *, backbone="zero", task="world/cola", folder="glue", text=None, **changes):
    keep = {name: changes.pop(name) for name in ("out", "resume") if name in changes}
    recipe = Recipe(backbone=str(place / backbone), task=task, **{**SETTINGS, **changes})
    where = {"data_folder": place / folder if folder else None, "source_text": place / text if text else None}
    return finetune(recipe, on_step, device="cpu", **where, **keep)


@pytest.fixture(scope="module")
def probed(place):
    """A run with the probes that a model of the small world has by itself, and its folder."""
    return run(place, out=place / "probed"), place / "probed"


def fine_tuned(place, out, backbone="zero"):
    """The masked language model that transformers reads, its encoder replaced by the fine-tuned one."""
    model = BertForMaskedLM.from_pretrained(place / backbone).eval()
    weights = load_file(out / "model" / "model.safetensors")
    encoder = {name: weight for name, weight in weights.items() if name.startswith("bert.") and "pooler" not in name}
    lacking = model.load_state_dict(encoder, strict=False)
    assert not lacking.unexpected_keys
    assert all(name.startswith("cls.") for name in lacking.missing_keys)
    return model, AutoTokenizer.from_pretrained(place / backbone)


def at_masks(model, tokenizer, rows):
    with torch.no_grad():
        return model(**rows).logits[rows["input_ids"] == tokenizer.mask_token_id].double().log_softmax(-1)


# --- what is recorded ---


def test_every_evaluation_tells_what_is_known(probed):
    done, _ = probed
    prompts = {fact.prompt for fact in World().facts}
    assert [record["step"] for record in done.evaluations] == [0, 2, 3]
    for record in done.evaluations:
        assert record["source_loss"] > 0
        assert 0 <= record["source_accuracy"] <= 1
        assert record["facts"].keys() == {"known", "lost"}
        assert record["facts"]["known"] == pytest.approx(1 - len(record["facts"]["lost"]) / len(prompts))
        assert set(record["facts"]["lost"]) <= prompts
        assert list(record["layers"]) == ["bert.embeddings", *(f"bert.encoder.layer.{i}" for i in range(3))]
        assert math.hypot(*record["layers"].values()) == pytest.approx(record["distance"], rel=1e-9)
        assert not {"similarity", "recovery"} & record.keys()
    assert len({record["source_loss"] for record in done.evaluations}) == 3
    assert set(done.evaluations[0]["layers"].values()) == {0.0}
    assert {name: done.final[name] for name in done.evaluations[-1]} == done.evaluations[-1]


def test_the_source_loss_is_the_saved_models_own(place, probed):
    done, out = probed
    model, tokenizer = fine_tuned(place, out)
    losses, hits = each_word_hidden(model, tokenizer, World().text("held-out")[:60])
    assert done.final["source_loss"] == pytest.approx(np.mean(losses), rel=1e-5)
    assert done.final["source_accuracy"] == pytest.approx(np.mean(hits), abs=2 / len(hits))


def test_the_facts_are_those_that_the_saved_model_loses(place, probed):
    done, out = probed
    model, tokenizer = fine_tuned(place, out)
    facts = World().facts
    rows = tokenizer([fact.prompt for fact in facts], padding=True, return_tensors="pt")
    said = tokenizer.convert_ids_to_tokens(at_masks(model, tokenizer, rows).argmax(-1))
    lost = {fact.prompt: word for fact, word in zip(facts, said, strict=True) if word != fact.answer.lower()}
    recorded = done.final["facts"]
    assert {prompt: word.lower() for prompt, word in recorded["lost"].items()} == lost
    assert recorded["known"] == pytest.approx(1 - len(lost) / len(facts))
    names = {name.lower(): name for group in vars(World().names).values() for name in group}
    assert all(word == names.get(word.lower(), word) for word in recorded["lost"].values())


def test_probes_leave_the_training_alone(place, probed):
    done, out = probed
    bare = run(place, out=place / "bare", probe="none")
    assert bare.history == done.history
    one, other = (load_file(folder / "model" / "model.safetensors") for folder in (out, place / "bare"))
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)
    probes = {"source_loss", "source_accuracy", "facts"}
    assert bare.evaluations == [{k: v for k, v in r.items() if k not in probes} for r in done.evaluations]


def test_a_probed_run_is_written_and_read_back(probed):
    done, out = probed
    assert Run.from_json(done.to_json()) == done == runs.load(out / "run.json")


@pytest.mark.parametrize(("probe", "names"), [("source", {"source_loss", "source_accuracy"}), ("facts", {"facts"})])
def test_one_probe_alone(place, probed, probe, names):
    done = run(place, probe=probe, steps=2)
    assert done.evaluations[0].keys() - {"step", "metrics", "distance", "layers"} == names
    assert all(done.evaluations[0][name] == probed[0].evaluations[0][name] for name in names)


def test_grammar_is_the_share_of_pairs_that_the_model_of_each_evaluation_has_right(place, tmp_path):
    found = run(place, probe="grammar", steps=2, out=tmp_path / "run")
    backbone = open_run(tmp_path / "run").backbone
    right = grammar(attach(backbone), backbone.tokenizer, minimal_pairs(World(), PAIRS)).all
    assert right.pairs == 200
    assert found.final["grammar"] == pytest.approx(right.right, abs=1e-9)
    assert set(found.evaluations[0]) == {"step", "metrics", "distance", "layers", "grammar"}
    assert runs.load(tmp_path / "run" / "run.json").final["grammar"] == found.final["grammar"]


def test_grammar_of_other_models_is_asked_by_blimp(place, tmp_path):
    settings = {"backbone": "letters", "task": "cola", "probe": "grammar", "steps": 1}
    with pytest.raises(FileNotFoundError, match="holds no minimal pairs"):
        run(place, **settings)
    pairs = [(f"a b {word}", f"a {word} b", "words", "order", "places") for word in ("c", "d", "e", "f")]
    (place / "glue" / "blimp").mkdir()
    table = pa.table(dict(zip(COLUMNS, zip(*pairs, strict=True), strict=True)))
    pq.write_table(table, place / "glue" / "blimp" / "validation-0.parquet")
    found = run(place, **settings)
    assert 3 * found.final["grammar"] in (0, 1, 2, 3)  # three of a paradigm


def test_recovery_is_recorded(place):
    out = place / "recovered"
    done = run(place, out=out, probe="source+recovery")
    first, last = done.evaluations[0], done.final
    assert first["recovery"] == 0
    assert last["source_loss"] > 1.05 * first["source_loss"]
    backbone = backbones.load(str(place / "zero"), num_labels=2)
    backbone.model.load_state_dict(load_file(out / "model" / "model.safetensors"))
    examples = hide_each(World().text("held-out")[:PASSAGES], backbone.tokenizer)
    steps = recovery(attach(backbone), Batches(World(), backbone.tokenizer), examples, first["source_loss"])
    assert last["recovery"] == steps > 0
    assert done.history == run(place, probe="none").history


def test_made_data_needs_no_folder(place, monkeypatch):
    monkeypatch.delenv(stored.VARIABLE, raising=False)
    done = run(place, folder=None, steps=1, limit_train=8)
    assert done.environment["examples"] == {"train": 8, "evaluation": 500}
    assert "facts" in done.final


# --- a run that was stopped ---


class Crash(Exception):
    pass


@pytest.mark.parametrize("probe", ["auto", "source+recovery"])
def test_a_resumed_run_measures_from_the_same_start(place, tmp_path, probe):
    def crash(run, optimizer):
        if len(run.history) == 3:
            raise Crash

    settings = {"steps": 4, "probe": probe}
    with pytest.raises(Crash):
        run(place, crash, out=tmp_path, **settings)
    assert [record["step"] for record in runs.load(tmp_path / "run.json").evaluations] == [0, 2]
    resumed, straight = run(place, out=tmp_path, resume=True, **settings), run(place, **settings)
    assert resumed.history == straight.history
    assert resumed.evaluations == straight.evaluations


# --- other models, by a text ---


LETTERS = {"backbone": "letters", "task": "cola", "text": "text.txt"}


def test_a_text_measures_the_source_loss_of_any_bert(place, tmp_path):
    done = run(place, out=tmp_path, probe="source", **LETTERS)
    model, tokenizer = fine_tuned(place, tmp_path, "letters")
    text = (place / "text.txt").read_text(encoding="utf-8")
    tokenizer.model_max_length = 40
    blocks = hide_share(text, tokenizer, limit=2 * BLOCKS)
    assert len(blocks) > 10
    losses, hits = [], []
    for row, words in list(zip(blocks.rows, blocks.words, strict=True))[::2]:  # the others serve for recovery
        log_p = at_masks(model, tokenizer, {key: torch.tensor([ids]) for key, ids in row.items()})
        losses += (-log_p[range(len(words)), words]).tolist()
        hits += (log_p.argmax(-1) == torch.tensor(words)).tolist()
    assert done.final["source_loss"] == pytest.approx(np.mean(losses), rel=1e-5)
    assert done.final["source_accuracy"] == pytest.approx(np.mean(hits), abs=1e-9)
    assert "facts" not in done.final
    assert len(done.environment["source_text"]) == 64


def test_a_run_goes_on_with_its_own_text_only(place, tmp_path):
    def crash(run, optimizer):
        if len(run.history) == 3:
            raise Crash

    text = tmp_path / "text.txt"
    text.write_text((place / "text.txt").read_text(encoding="utf-8"), encoding="utf-8")
    settings = {**LETTERS, "probe": "source+recovery", "steps": 4, "text": text}
    with pytest.raises(Crash):
        run(place, crash, out=tmp_path / "out", **settings)
    whole = text.read_bytes()
    text.write_bytes(whole + b" a b c")
    refused(lambda: run(place, out=tmp_path / "out", resume=True, **settings), ValueError, "source text is other")
    none = {**settings, "text": None}
    refused(lambda: run(place, out=tmp_path / "out", resume=True, **none), ValueError, "--source-text")
    text.write_bytes(whole)
    resumed, straight = run(place, out=tmp_path / "out", resume=True, **settings), run(place, **settings)
    assert resumed.evaluations == straight.evaluations


def test_auto_asks_nothing_of_a_model_of_no_world(place):
    done = run(place, backbone="letters", task="cola", probe="auto", steps=1)
    assert done.final.keys() == {"step", "metrics", "distance", "layers", "seconds"}


def test_probes_join(place):
    done = run(place, probe="stsb+source", steps=1, **LETTERS)
    assert {"similarity", "source_loss", "source_accuracy"} <= done.final.keys()


# --- what is refused ---


@pytest.mark.parametrize(
    ("settings", "parts"),
    [
        ({"backbone": "letters", "task": "cola", "probe": "facts"}, ["probe facts", "letters", "--backbone tiny"]),
        ({"backbone": "letters", "task": "cola", "probe": "source"}, ["letters", "--source-text"]),
        ({"backbone": "letters", "task": "cola", "probe": "recovery"}, ["letters", "--source-text"]),
        ({**LETTERS, "backbone": "headless", "probe": "source"}, ["headless", "no masked-language-model head"]),
        ({"task": "cola"}, ["zero", "small world only", "cola", "world/"]),
        ({"backbone": "one"}, ["world of seed 1", "seed 0", "--seed 1"]),
        ({"backbone": "zero", "folder": "glue-one"}, ["world of seed 0", "seed 1", "--seed 0"]),
    ],
)
def test_what_cannot_be_asked_is_said_in_one_sentence(place, settings, parts):
    refused(lambda: run(place, **{"steps": 1, **settings}), ValueError, *parts)


@pytest.mark.parametrize(
    ("content", "part"), [(b"", "is empty"), (b" \n", "is empty"), (b"\x89PNG\xff", "not text"), (b"a\0b", "not text")]
)
def test_a_text_that_is_none_is_refused(place, tmp_path, content, part):
    (tmp_path / "none.txt").write_bytes(content)
    settings = {**LETTERS, "text": tmp_path / "none.txt", "probe": "source", "steps": 1}
    refused(lambda: run(place, **settings), ValueError, "none.txt", part)


def test_a_text_that_is_missing_is_refused(place, tmp_path):
    settings = {**LETTERS, "text": tmp_path / "none.txt", "probe": "source", "steps": 1}
    refused(lambda: run(place, **settings), FileNotFoundError, "none.txt")


def test_a_text_too_short_for_recovery_is_refused(place, tmp_path):
    """Half of the blocks are trained on; of one block there is no half."""
    (tmp_path / "short.txt").write_text("a b c d e", encoding="utf-8")
    settings = {**LETTERS, "text": tmp_path / "short.txt", "steps": 2, "lr": 0.05}
    assert run(place, probe="source", **settings).final["source_loss"] > 0
    refused(lambda: run(place, probe="recovery", **settings), ValueError, "short")


def test_worlds_that_agree_are_accepted(place):
    done = run(place, backbone="one", folder="glue-one", steps=1)
    answers = {fact.prompt for fact in World(1).facts}
    assert set(done.final["facts"]["lost"]) <= answers


def test_a_world_that_is_made_no_more_is_refused(place):
    with short_text(train=2501, held_out=40):
        refused(lambda: run(place, steps=1), ValueError, "another world of seed 0", "recall-learn world pretrain")


@pytest.mark.parametrize("probe", ["", "sources", "source+fact", "source+auto", "none+facts", "source,facts", None, 3])
def test_unknown_probes_are_refused(probe):
    known = ["auto", "none", "stsb", "source", "facts", "recovery"]
    refused(lambda: Recipe(probe=probe), ValueError, f"probe is {probe!r}", *known)
