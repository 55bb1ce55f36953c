"""What a page is given is what a run here has: weights, examples, questions, Fisher, and what says which they are."""

import base64
import json
import zlib

import numpy as np
import pytest
import torch

from recall_learn.lab import protocol
from recall_learn.lab.browser import about, data, layout, page
from recall_learn.lab.presets import presets
from recall_learn.measures import probes
from recall_learn.measures.facts import cloze, cloze_rows
from recall_learn.models import backbones
from recall_learn.models.fisher_files import load_fisher
from recall_learn.models.masked_lm import attach, hide_each
from recall_learn.models.places import SOURCE_FISHERS
from recall_learn.runs.recipe import Recipe
from recall_learn.runs.session import Session

RECIPE = Recipe(backbone="tiny", task="world/stsb", method="recadam(k=0.05, t0=150)", steps=300)


def value(script, name):
    head, rest = script.split(" = ", 1)
    assert head == f"globalThis.{name}"
    assert rest.endswith(";\n")
    return json.loads(rest.removesuffix(";\n"))


def inflated(text):
    return zlib.decompress(base64.b64decode(text))


def unpacked(part):
    """What unpack.js reads, again and otherwise: rows of (ids, types, label)."""
    raw, count = inflated(part["packed"]), part["count"]
    labels = np.frombuffer(raw[: 4 * count], "<f4")
    lengths, seconds = (
        np.frombuffer(raw[len(raw) - (2 - n) * count : len(raw) - (1 - n) * count], "u1") for n in (0, 1)
    )
    ids = np.split(np.frombuffer(raw[4 * count : len(raw) - 2 * count], "<u2"), np.cumsum(lengths)[:-1])
    types = [[0] * (n - s) + [1] * s for n, s in zip(lengths.tolist(), seconds.tolist(), strict=True)]
    return list(zip([each.tolist() for each in ids], types, labels.tolist(), strict=True))


@pytest.fixture(scope="module")
def given():
    return value(data.script(), "RecallLabData")


@pytest.fixture(scope="module")
def backbone():
    return backbones.load("tiny", num_labels=2)


def test_the_weights_are_the_packages_to_the_bit(given, backbone):
    planes = np.frombuffer(inflated(given["weights"]), "u1").reshape(4, -1)
    weights = torch.from_numpy(np.ascontiguousarray(planes.T).view("<f4").ravel())
    assert len(weights) == given["layout"]["weights"]
    where, at = layout.places(2), 0
    for name, anchor in backbone.anchors.items():
        at, size = where[name]
        assert torch.equal(weights[at : at + size], anchor.flatten()), name
    word = dict(attach(backbone).model.named_parameters())["cls.predictions.bias"]
    assert torch.equal(weights[given["layout"]["mlm"] :][: word.numel()], word.detach())


@pytest.mark.parametrize("task", protocol.offered_tasks("tiny"))
def test_a_tasks_examples_are_those_of_a_run(given, task):
    session = Session(Recipe(backbone="tiny", task=task, probe="none"), torch.device("cpu"), None, None, say=False)
    there = given["tasks"][task]
    for part in ("train", "validation"):
        rows = [
            (row["input_ids"], row["token_type_ids"], float(np.float32(row["labels"]))) for row in session.data[part]
        ]
        assert unpacked(there[part]) == rows
    assert there["digest"] == session.environment["data"]
    assert there["examples"] == session.environment["examples"]
    assert given["environment"] == {key: session.environment[key] for key in ("backbone", "anchors")}


def test_the_questions_are_those_of_a_runs_probes(given, backbone):
    world, tokenizer = probes.world_of(backbone), backbone.tokenizer
    for part, examples in (
        ("facts", cloze_rows(tokenizer, world.facts)),
        ("source", hide_each(world.text("held-out")[: probes.PASSAGES], tokenizer)),
    ):
        rows = zip(examples.rows, examples.words, strict=True)
        wanted = [(row["input_ids"], row["token_type_ids"], float(word)) for row, (word,) in rows]
        assert unpacked(given[part]) == wanted
        assert all(ids.count(given["mask"]) == 1 for ids, _, _ in wanted)


def test_what_the_model_says_is_spelled_as_in_a_record(given, backbone):
    facts = probes.world_of(backbone).facts
    said = cloze(attach(backbone), backbone.tokenizer, facts).said
    words = unpacked(given["facts"])
    assert [given["words"][int(word)] for _, _, word in words] == [fact.answer for fact in facts]
    assert set(said.values()) <= set(given["words"])


def test_the_page_knows_the_same_facts_in_the_same_order():
    known = about.about()["facts"]
    wanted = protocol.facts(RECIPE)
    made = [{"prompt": p, "answer": a, "kind": known["kinds"][kind]} for kind, p, a in known["rows"]]
    assert made == wanted


def test_the_fisher_is_the_packages_to_the_bit(backbone):
    there = value(data.fisher(), "RecallLabFisher")
    packed = np.frombuffer(inflated(there["values"]), "<i2")
    values = torch.from_numpy(packed.copy()).view(torch.bfloat16).float()
    stored, metadata = load_fisher(SOURCE_FISHERS["tiny"])
    where = layout.places(2)
    for name in backbone.anchors:
        at, size = where[name]
        assert torch.equal(values[at : at + size], stored[name].float().flatten()), name
    assert values[layout.layout()["anchored"] :].count_nonzero() == 0
    assert there["about"]["labels"] == stored.labels
    assert there["about"]["examples"] == str(stored.examples)
    assert metadata["anchors"] == backbone.fingerprint


def test_the_files_are_small_and_the_same_each_time(tmp_path, given):
    page.write(tmp_path)
    first = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    assert set(first) == {page.SCRIPT, page.DATA, page.FISHER}
    assert sum(len(first[name]) for name in (page.SCRIPT, page.DATA)) <= 3_000_000
    assert len(first[page.SCRIPT]) <= 61 * 1024
    for cached in (data.script, data.fisher, page.script):
        cached.cache_clear()
    page.write(tmp_path)
    assert first == {file.name: file.read_bytes() for file in tmp_path.iterdir()}


def test_an_example_that_cannot_be_packed_is_refused():
    with pytest.raises(ValueError, match="cannot be packed"):
        data.rows([{"input_ids": [1] * 65, "token_type_ids": [0] * 65}], [0])
    with pytest.raises(ValueError, match="cannot be packed"):
        data.rows([{"input_ids": [1, 2, 3], "token_type_ids": [0, 1, 0]}], [0])


def asked(html):
    return json.loads(html.split('<script type="application/json">')[1].removesuffix("</script></div>"))


def test_a_pages_lab_holds_its_recipe_and_the_stories_that_it_can_tell():
    html = page.page(RECIPE, "small")
    assert html.startswith('<div class="recall-lab" data-size="small"><p>The live lab: RecAdam on world/stsb')
    assert html.count("</script>") == 1
    held = asked(html)
    assert Recipe.from_dict(held["recipe"]) == RECIPE
    assert [each["name"] for each in held["presets"]] == [each.name for each in presets(RECIPE)]
    for each, preset in zip(held["presets"], presets(RECIPE), strict=True):
        page.check(Recipe.from_dict(each["recipe"]))
        assert Recipe.from_dict(each["recipe"]) == preset.recipe


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"method": "mixout"}, "the page has no mixout"),
        ({"method": "ewc + child-d"}, "ewc and child-d need two Fishers"),
        ({"backbone": "minilm", "task": "cola"}, "backbone is 'minilm'; in the page it has to be tiny"),
        ({"task": "cola"}, "task is 'cola'; in the page it has to be world/"),
        ({"batch_size": 64}, "batch_size is 64; in the page it has to be at most 32"),
        ({"steps": 200_000}, "steps is 200000; in the page it has to be at most 100000"),
        ({"mixed_precision": "bf16"}, "mixed_precision is 'bf16'; in the page it has to be no"),
        ({"max_length": 20}, "max_length is 20; in the page it has to be at least 64"),
        ({"probe": "recovery"}, "probe is 'recovery'"),
    ],
)
def test_a_recipe_that_the_page_cannot_run_is_refused(wrong, says):
    with pytest.raises(ValueError, match=says.replace("(", r"\(")):
        page.page(Recipe(**{"backbone": "tiny", "task": "world/cola", **wrong}))


def test_a_lab_has_a_size_and_what_is_beside_it():
    with pytest.raises(ValueError, match="size is 'huge'; it has to be one of full, small"):
        page.page(RECIPE, "huge")
    with pytest.raises(ValueError, match="beside is 'me'"):
        page.page(RECIPE, how="me")
