"""The questions of sets of sentences: made-up sets whose labels are known, what is refused, and the real ones."""

import os
import shutil
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest
from sentence_sets import RARE, save_sentences, write
from small import refused

from recall_learn.measures import treebank_questions
from recall_learn.measures.sentence_questions import NAMES, sentence_questions, sentences, there
from recall_learn.tasks import stored

REAL = Path(os.environ.get(stored.VARIABLE) or Path(__file__).parents[3] / "shared")
REVIEWS = NAMES[:3]
SETS = {"sentiment": "mr", "subjectivity": "subj", "polarity": "mpqa", "question-kind": "trec"}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with the sets, and their rows."""
    folder = tmp_path_factory.mktemp("data")
    return folder, save_sentences(folder)


@pytest.fixture(scope="module")
def asked(made):
    return {question.name: question for question in sentence_questions(made[0])}


def parts(question):
    return {"train": question.train, "validation": question.validation}


def of_split(made, names, split):
    return [row for name in names for row in made[1][name][split]]


def test_every_class_is_as_frequent_and_no_text_is_in_both_splits(asked):
    assert tuple(asked) == NAMES
    assert not {*NAMES} & {*treebank_questions.NAMES}
    for question in asked.values():
        for part in parts(question).values():
            assert set(part.labels) == set(range(len(question.labels)))
            assert len(set(Counter(part.labels).values())) == 1
            assert question.name == "reviews-shift" or len(set(part.texts)) == len(part.texts)
        assert not {*question.train.texts} & {*question.validation.texts}


@pytest.mark.parametrize("name", SETS)
def test_labels_are_those_of_the_set_and_all_of_the_rarest_are_asked(made, asked, name):
    trained = {row["sentence"] for row in made[1][SETS[name]]["train"]}
    for split, part in parts(asked[name]).items():
        labels = {}
        for row in made[1][SETS[name]][split]:
            labels.setdefault(row["sentence"], set()).add(row["label"])
        for text, label in zip(part.texts, part.labels, strict=True):
            assert labels[text] == {label + (name == "question-kind")}  # trec's first kind is not asked for
        able = [min(its) for text, its in labels.items() if len(its) == 1 and (split == "train" or text not in trained)]
        able = [label for label in able if name != "question-kind" or label]
        assert len(part) == len(asked[name].labels) * min(Counter(able).values())


def test_classes_are_called_as_the_sets_call_them(asked):
    assert asked["sentiment"].labels == asked["polarity"].labels == ("negative", "positive")
    assert asked["subjectivity"].labels == ("subjective", "objective")
    assert asked["question-kind"].labels == ("entity", "description", "human", "location", "number")


def test_rules_are_asked_of_reviews_and_plots_that_are_neither_short_nor_long(made, asked):
    for split in ("train", "validation"):
        whole = {name: {row["sentence"] for row in made[1][name][split]} for name in ("subj", "mr")}
        for name in REVIEWS:
            texts = parts(asked[name])[split].texts[:: 2 if name == "reviews-shift" else 1]
            assert {*texts} <= whole["subj"] | whole["mr"]
            assert {*texts} - whole["subj"]
            assert {*texts} - whole["mr"]
            assert all(10 <= len(text.split()) <= 40 for text in texts)


def test_length_is_the_number_of_words_and_marks(asked):
    spans = (10, 15), (16, 21), (22, 27), (28, 40)
    for part in parts(asked["reviews-length"]).values():
        for text, label in zip(part.texts, part.labels, strict=True):
            assert spans[label][0] <= text.count(" ") + 1 <= spans[label][1]


def test_content_is_the_one_of_ten_words_and_they_are_of_middling_frequency(made, asked):
    question = asked["reviews-content"]
    trained = {row["sentence"] for row in of_split(made, ("subj", "mr"), "train")}
    trained = [text for text in trained if 10 <= len(text.split()) <= 40]
    counts = {word: sum(word in text.split() for text in trained) for word in RARE}
    able = sorted((count for count in counts.values() if count <= 0.03 * len(trained)), reverse=True)
    assert sorted((counts[word] for word in question.labels), reverse=True) == able[:10]
    for part in parts(question).values():
        for text, label in zip(part.texts, part.labels, strict=True):
            assert {*text.split()} & {*question.labels} == {question.labels[label]}


def test_shift_exchanges_two_neighbours_and_keeps_both(asked):
    for part in parts(asked["reviews-shift"]).values():
        for one, other in zip(part.texts[::2], part.texts[1::2], strict=True):
            a, b = one.split(), other.split()
            i, j = (i for i in range(len(a)) if a[i] != b[i])
            assert (j, a[i], a[j]) == (i + 1, b[j], b[i])
            assert i > 0
        assert part.labels == (0, 1) * (len(part) // 2)
        assert part.groups == tuple(i // 2 for i in range(len(part)))


def test_a_size_is_the_most_and_a_seed_decides(made, asked):
    few, again, other = (sentence_questions(made[0], size=60, seed=seed) for seed in (0, 0, 1))
    assert few == again
    for one, its in zip(few, other, strict=True):
        assert one.train != its.train
        assert one.about == its.about
        full, classes = asked[one.name], len(one.labels)
        for split, part in parts(one).items():
            assert len(part) == min(60 // classes * classes, len(parts(full)[split]))


def test_only_the_sets_of_a_question_are_read_and_there_tells_which(made, tmp_path, monkeypatch):
    save_sentences(tmp_path)
    for name in ("mr", "mpqa"):
        shutil.rmtree(tmp_path / "sentences" / name)
    (tmp_path / "sentences" / "mpqa").mkdir()  # with nothing in it
    assert there(tmp_path) == ("subjectivity", "question-kind")
    assert [each.name for each in sentence_questions(tmp_path, "question-kind,subjectivity")] == [
        "question-kind",
        "subjectivity",
    ]
    missing = lambda names: lambda: sentence_questions(tmp_path, names)  # noqa: E731
    refused(missing("sentiment"), FileNotFoundError, f"{tmp_path} has no task sentences/mr", "sentences/subj")
    refused(missing("reviews-length"), FileNotFoundError, f"{tmp_path} has no task sentences/mr")
    refused(missing(None), FileNotFoundError, f"{tmp_path} has no task sentences/mr")
    monkeypatch.delenv(stored.VARIABLE, raising=False)
    assert there() == ()
    monkeypatch.setenv(stored.VARIABLE, str(made[0]))
    assert there() == NAMES


def test_sentences_are_those_of_the_sets_each_once(made):
    texts = lambda *names: [row["sentence"] for row in of_split(made, names, "validation")]  # noqa: E731
    assert sentences(made[0], "question-kind") == texts("trec")
    assert sentences(made[0], ["polarity"]) == list(dict.fromkeys(texts("mpqa")))
    assert sentences(made[0]) == list(dict.fromkeys(texts("subj", "mr", "mpqa", "trec")))


def test_bad_inputs_are_refused(made, tmp_path, monkeypatch):
    monkeypatch.delenv(stored.VARIABLE, raising=False)
    refused(
        lambda: sentence_questions(), FileNotFoundError, "--data", "RECALL_LEARN_DATA", "FOLDER/sentences/subj/train"
    )
    nowhere = tmp_path / "nowhere"
    refused(lambda: sentence_questions(nowhere), FileNotFoundError, f"--data names '{nowhere}'", "not a folder")
    refused(
        lambda: sentence_questions(made[0], "tense"),
        ValueError,
        *("questions name 'tense'", "the sets of sentences", "sentiment, "),
    )
    refused(lambda: sentence_questions(made[0], "sentiment,sentiment"), ValueError, "each once")
    refused(lambda: sentence_questions(made[0], size=3), ValueError, "size is 3", "at least 20")
    refused(lambda: sentence_questions(made[0], seed=-1), ValueError, "seed is -1")


def test_damaged_files_are_refused(tmp_path):
    table = pa.Table.from_pylist(save_sentences(tmp_path)["trec"]["train"])

    def written(its):
        write(tmp_path, "trec", "train", its)
        return lambda: sentence_questions(tmp_path, "question-kind")

    refused(written(table.drop_columns("label")), ValueError, "trec/train", "lacks the column 'label'")
    beyond = table.set_column(1, "label", [[6] * len(table)])
    refused(written(beyond), ValueError, "the labels of sentences/trec run from 0 to 5", "has 6 in row 0")
    refused(written(table.slice(0, 0)), ValueError, "trec/train", "has no rows")
    few = "sentences/trec has too few sentences for question question-kind in its split train"
    refused(written(table.slice(0, 3)), ValueError, few)
    write(tmp_path, "trec", "train", table).write_bytes(b"no parquet")
    refused(
        lambda: sentence_questions(tmp_path, "question-kind"), ValueError, "trec/train", "cannot be read as parquet"
    )
    (tmp_path / "sentences" / "trec" / "train-00000-of-00001.parquet").unlink()
    refused(lambda: sentence_questions(tmp_path, "question-kind"), FileNotFoundError, "no split trec/train")


@pytest.mark.skipif(there(REAL) != NAMES, reason="no folder with the real sets")
def test_the_real_ones_answer_every_question():
    asked = {question.name: question for question in sentence_questions(REAL)}
    assert tuple(asked) == NAMES
    for name, its in asked.items():
        assert not {*its.train.texts} & {*its.validation.texts}
        assert len(its.train) >= 500
        assert len(its.validation) >= {"reviews-content": 200, "question-kind": 300}.get(name, 800)
    begins = {label: Counter() for label in asked["question-kind"].labels}
    train = asked["question-kind"].train
    for text, label in zip(train.texts, train.labels, strict=True):
        begins[asked["question-kind"].labels[label]][text.split()[0]] += 1
    assert max(begins, key=lambda label: begins[label]["Who"]) == "human"
    assert max(begins, key=lambda label: begins[label]["Where"]) == "location"
    assert max(begins, key=lambda label: begins[label]["When"]) == "number"
