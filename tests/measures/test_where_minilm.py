"""The recording of where MiniLM forgets, on made-up data and a model that is no larger than it has to be."""

import itertools
import json
import math
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import record
import where
import where_minilm
from sentence_sets import save_sentences
from small import config_of, save_backbone, save_glue
from transformers import BertForMaskedLM
from treebank import save_treebank

from recall_learn.measures import sentence_questions, treebank_questions
from recall_learn.measures.minimal_pairs import COLUMNS
from recall_learn.tasks import loading


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    config = config_of("bert")
    config.max_position_embeddings = 64
    save_backbone(root / "bert", model_class=BertForMaskedLM, config=config)
    save_glue(root / "glue", "mrpc", "stsb", "cola", "rte")
    save_treebank(root)
    save_sentences(root)
    (root / "blimp").mkdir()
    pairs = [("ab cd", "cd ef", "one", "syntax", "order"), ("ef gh", "gh gh ab", "two", "semantics", "number")]
    pq.write_table(
        pa.table(dict(zip(COLUMNS, zip(*pairs, strict=True), strict=True))), root / "blimp" / "validation-0.parquet"
    )
    (root / "text.txt").write_text("abc def gh ab " * 300, encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def rows(places):
    run = replace(where_minilm.RUN, backbone=str(places / "bert"), steps=3, lr=1e-2, batch_size=4, limit_train=20)
    jobs = where_minilm.jobs(places / "glue", places, places / "text.txt", run)
    of_mrpc = (job for job in jobs if job[0].get("task", job[0].get("tried", "mrpc")) == "mrpc")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(where_minilm, "EXAMPLES", 60)
        patch.setattr(where_minilm, "TEXTS", 40)
        record.record("where-minilm", itertools.islice(of_mrpc, 4), run.backbone, places)
    return json.loads((places / "where-minilm.json").read_text())["rows"]


def test_a_row_has_every_measure(rows):
    home, random, plain, slower = rows
    assert [row["method"] for row in rows] == ["theta*", "random", "vanilla", "vanilla"]
    assert (plain["task"], plain["seed"]) == ("mrpc", 0)
    assert slower["lr"] == pytest.approx(where_minilm.LR / 5)
    assert plain["distance"] > 2 * slower["distance"] > 0
    for row in rows:
        assert set(row["probes"]) == set(home["counted"])
        assert set(row["probes"]) == {*treebank_questions.NAMES, *sentence_questions.NAMES}
        assert all(len(layers) == 3 for layers in row["probes"].values())  # the embeddings, and two layers
        accuracy, _, control, selectivity, _ = np.array(row["probes"]["length"]).T
        np.testing.assert_allclose(selectivity, accuracy - control, atol=2e-4)
    assert "source_loss" not in random
    for row in (home, plain, slower):
        assert 0 < row["source_loss"] < math.log(30)
        assert -1 <= row["similarity"] <= 1
        assert {field: share[2] for field, share in row["grammar"].items()} == {"syntax": 1, "semantics": 1}


def test_what_is_put_back_begins_and_ends_where_it_has_to(rows):
    for row in rows[2:]:
        found = row["put_back"]
        layers = [f"bert.encoder.layer.{i}" for i in range(2)]
        assert found["parts"] == ["bert.embeddings", *layers]
        assert found["from_top"][0] == found["alone"][layers[-1]]
        assert found["from_top"][-1] == found["from_bottom"][-1] == found["pretrained"]
        assert found["tuned"]["score"] == pytest.approx(row["score"], abs=1e-4)  # all ten examples are few enough
        assert found["tuned"]["source_loss"] == pytest.approx(row["source_loss"], abs=1e-4)
        assert found["pretrained"]["source_loss"] == pytest.approx(rows[0]["source_loss"], abs=1e-4)


def test_the_farther_a_model_is_from_home_the_less_alike_it_is(rows):
    plain, slower = (np.array(row["alike"]) for row in rows[2:])
    assert plain.shape == (3, 3)
    assert (plain[:, 1] < slower[:, 1]).all()
    assert (slower[:, 1] > 0.99).all()  # three steps at so small a rate are next to none


def test_what_is_there_is_not_taken_again(rows, places):
    def taken():
        pytest.fail("it was taken again")

    keys = [{"method": "theta*"}, {"method": "random"}]
    before = (places / "where-minilm.json").read_text()
    record.record("where-minilm", ((key, taken) for key in keys), str(places / "bert"), places)
    assert (places / "where-minilm.json").read_text() == before


def test_the_settings_are_seed_by_seed_and_each_once():
    ends, tried, keys = [], [], []
    for key, _ in where_minilm.jobs("glue", "data", "text.txt"):
        (keys if "seed" in key else tried if "tried" in key else ends).append(key)
    assert ends == [{"method": "theta*"}, {"method": "random"}]
    assert tried == [{"tried": task} for task in where_minilm.TRIED]
    assert [key["seed"] for key in keys] == sorted(key["seed"] for key in keys)
    assert len({json.dumps(key, sort_keys=True) for key in keys}) == len(keys) == 3 * (3 + 2 * 5)
    assert {key["task"] for key in keys[:13]} == set(where_minilm.TASKS)
    assert {key["task"] for key in keys if key["method"] != "vanilla"} == set(where_minilm.HELD)
    for key in keys:
        assert replace(where_minilm.RUN, **key).lr == key["lr"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["minilm", "--glue", "G"], "minilm needs --data, --source-text"),
        (["where", "--data", "D"], "where takes no --data"),
    ],
)
def test_places_are_asked_for_where_they_are_read(monkeypatch, capsys, arguments, words):
    monkeypatch.setattr("sys.argv", ["where.py", *arguments])
    with pytest.raises(SystemExit):
        where.main()
    assert words in capsys.readouterr().err


def test_what_was_tried_is_beside_a_guess(places):
    """The most frequent class of the split that is scored, where the score is a share; 0 for Matthews."""
    run = replace(where_minilm.RUN, backbone=str(places / "bert"), steps=2, batch_size=4, limit_train=20)
    jobs = where_minilm.jobs(places / "glue", places, places / "text.txt", run)
    made = {key["tried"]: take() for key, take in jobs if key.get("tried") in ("cola", "rte")}
    labels = loading.load("rte", places / "glue", training=False)["validation"]["label"]
    assert made["rte"]["guess"] == max(labels.count(each) for each in set(labels)) / len(labels)
    assert made["cola"]["guess"] == 0
    for row in made.values():
        assert -1 <= row["score"] <= 1
