"""A treebank's questions: made-up sentences whose columns are known, what is refused, and the real one."""

import os
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from small import refused
from treebank import save_treebank

from recall_learn.measures.treebank_questions import NAMES, TAGS, locate, sentences, treebank_questions
from recall_learn.tasks import stored

REAL = Path(os.environ.get(stored.VARIABLE) or Path(__file__).parents[3] / "shared")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with a treebank, and its rows by sentence."""
    folder = tmp_path_factory.mktemp("data")
    return folder, {row["sentence"]: row for split in save_treebank(folder).values() for row in split}


@pytest.fixture(scope="module")
def asked(made):
    return {question.name: question for question in treebank_questions(made[0])}


def labelled(question):
    for part in (question.train, question.validation):
        yield from zip(part.texts, part.labels, strict=True)


def test_every_class_is_as_frequent_and_no_text_is_in_both_splits(asked):
    assert tuple(asked) == NAMES
    for question in asked.values():
        for part in (question.train, question.validation):
            assert set(part.labels) == set(range(len(question.labels)))
            assert len(set(Counter(part.labels).values())) == 1
        assert not {*question.train.texts} & {*question.validation.texts}


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("length", lambda row: sum(row["words"] >= least for least in (9, 14, 19))),
        ("depth", lambda row: int(row["depth"] > 4)),
        ("tense", lambda row: ["Past", "Pres"].index(row["tense"])),
        ("subject-number", lambda row: ["Sing", "Plur"].index(row["subject_number"])),
        ("object-number", lambda row: ["Sing", "Plur"].index(row["object_number"])),
    ],
)
def test_labels_are_the_columns(made, asked, name, right):
    for text, label in labelled(asked[name]):
        assert label == right(made[1][text])


def test_depth_tells_nothing_of_length(made, asked):
    for part in (asked["depth"].train, asked["depth"].validation):
        lengths = Counter(), Counter()
        for text, label in zip(part.texts, part.labels, strict=True):
            lengths[label][made[1][text]["words"]] += 1
        assert lengths[0] == lengths[1]


def test_content_is_the_one_of_ten_words(asked):
    question = asked["content"]
    assert len(question.labels) == 10
    for text, label in labelled(question):
        assert {*text.rstrip(".").split()} & {*question.labels} == {question.labels[label]}


def test_shift_exchanges_two_neighbours_and_keeps_both(asked):
    for part in (asked["shift"].train, asked["shift"].validation):
        for one, other in zip(part.texts[::2], part.texts[1::2], strict=True):
            a, b = one.split(), other.split()
            apart = [i for i in range(len(a)) if a[i] != b[i]]
            assert apart[1] == apart[0] + 1
            assert sorted(one.replace(".", "").split()) == sorted(other.replace(".", "").split())
            assert a[0] == b[0]
        assert part.labels[:4] == (0, 1, 0, 1)
        assert part.groups[:4] == (0, 0, 1, 1)


def test_parts_of_speech_are_those_of_the_words(made, asked):
    question = asked["pos"]
    assert question.labels == TAGS
    for part, types in zip((question.train, question.validation), question.types, strict=True):
        for (text, word), label, kind, group in zip(part.places, part.labels, types, part.groups, strict=True):
            sentence = " ".join(part.texts[text]).replace(" .", ".")
            assert made[1][sentence]["pos"].split()[word] == question.labels[label]
            assert kind == part.texts[text][word].lower()
            assert group == text


def test_words_that_do_not_fit_the_tags_are_left_out(tmp_path):
    """Contractions are split as the treebank splits them; what a rule splits otherwise is in no example."""
    rows = save_treebank(tmp_path)
    row = dict(rows["train"][0])
    fits = [
        ("I don't think it's ab.", "PRON AUX PART VERB PRON AUX NOUN PUNCT"),
        ("They'll ab, we won’t.", "PRON AUX VERB PUNCT PRON AUX PART PUNCT"),
    ]
    out = [("An F-16 ab it ab.", "DET NOUN VERB PRON NOUN PUNCT"), ("ab , cd ef gh", "NOUN NOUN PUNCT VERB NOUN")]
    more = [row | {"sentence": text, "pos": tags, "words": len(tags.split())} for text, tags in fits + out]
    pq.write_table(pa.Table.from_pylist(rows["train"] + more), tmp_path / "ud" / "train-00000-of-00001.parquet")
    (question,) = treebank_questions(tmp_path, "pos")
    for text, tags in fits:
        assert len(
            [
                its
                for its in question.train.texts
                if len(its) == len(tags.split()) and its[0] == text.split("'")[0].split()[0]
            ]
        )
    assert ("I", "do", "n't", "think", "it", "'s", "ab", ".") in question.train.texts
    assert ("They", "'ll", "ab", ",", "we", "wo", "n't", ".") in question.train.texts
    assert not [text for text in question.train.texts if "16" in text or text[:2] == ("ab", ",")]


def test_a_size_is_the_most_and_a_seed_decides(made):
    few, again, other = (
        treebank_questions(made[0], ["shift", "pos", "depth", "length"], 40, seed) for seed in (0, 0, 1)
    )
    assert few == again
    assert few != other
    for question in few:
        assert len(question.train) <= 40
        assert len(question.train) >= 20


def test_sentences_that_are_in_both_files_are_trained_on_alone(tmp_path):
    rows = save_treebank(tmp_path)
    both = rows["validation"] + rows["train"][:50]
    pq.write_table(pa.Table.from_pylist(both), tmp_path / "ud" / "validation-00000-of-00001.parquet")
    for question in treebank_questions(tmp_path, "length,shift"):
        assert not {*question.train.texts} & {*question.validation.texts}
    assert sentences(tmp_path) == [row["sentence"] for row in both]


def test_bad_inputs_are_refused(made, tmp_path, monkeypatch):
    monkeypatch.delenv(stored.VARIABLE, raising=False)
    refused(lambda: treebank_questions(), FileNotFoundError, "--data", "RECALL_LEARN_DATA", "ud/train")
    refused(lambda: locate(tmp_path), FileNotFoundError, f"{tmp_path} has no treebank", "FOLDER/ud/train-")
    refused(lambda: treebank_questions(made[0], "kin"), ValueError, "questions name 'kin'", "the treebank", "tense, ")
    refused(lambda: treebank_questions(made[0], size=3), ValueError, "size is 3", "at least 20")
    monkeypatch.setenv(stored.VARIABLE, str(made[0]))
    assert locate() == made[0] / "ud"
    rows = save_treebank(tmp_path)["train"]
    file = tmp_path / "ud" / "train-00000-of-00001.parquet"

    def written(table):
        pq.write_table(table, file)
        return lambda: treebank_questions(tmp_path, "length")

    table = pa.Table.from_pylist(rows)
    refused(written(table.drop_columns("depth")), ValueError, "lacks the column 'depth'")
    refused(written(table.set_column(1, "words", [["x"] * len(rows)])), ValueError, "a column of another kind")
    refused(written(table.set_column(3, "tense", [[None] * len(rows)])), ValueError, "'tense'", f"{len(rows)} gaps")
    refused(written(table.slice(0, 0)), ValueError, "no sentences in its split train")
    refused(written(table.slice(0, 3)), ValueError, "too few sentences for question length in its split train")
    for question in ("length", "content"):  # of so few no word is of middling frequency
        refused(lambda name=question: treebank_questions(tmp_path, name), ValueError, f"question {question} in")
    refused(lambda: locate("~nobody-of-that-name"), FileNotFoundError, "--data", "not a folder")
    file.write_bytes(b"no parquet")
    refused(lambda: treebank_questions(tmp_path, "length"), ValueError, "cannot be read as parquet")
    file.unlink()
    refused(lambda: treebank_questions(tmp_path, "length"), FileNotFoundError, "no split ud/train")


@pytest.mark.skipif(not (REAL / "ud").is_dir(), reason="no folder with the real treebank")
def test_the_real_one_answers_every_question():
    asked = {question.name: question for question in treebank_questions(REAL)}
    assert tuple(asked) == NAMES
    for name, least in (("shift", 1000), ("pos", 1000), ("tense", 400), ("object-number", 150), ("content", 150)):
        assert min(len(asked[name].train), len(asked[name].validation)) >= least
    taught, own = {}, np.array(asked["pos"].validation.labels)
    for word, label in zip(asked["pos"].train.types, asked["pos"].train.labels, strict=True):
        taught.setdefault(word, []).append(label)
    known = np.array([Counter(taught.get(word, [-1])).most_common(1)[0][0] for word in asked["pos"].validation.types])
    assert (known == own)[known >= 0].mean() > 0.85  # a word mostly keeps its part: words and tags stand side by side
