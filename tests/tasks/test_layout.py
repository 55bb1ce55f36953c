"""A folder of somebody's own, and a dataset of the hub: which file is which split; and the split that is drawn."""

from collections import Counter

import pytest
from huggingface_hub import constants
from small import refused

from recall_learn.models import hub
from recall_learn.tasks import layout, loading

ROWS = "".join(f"a text {i},{('good', 'bad')[i % 2]}\n" for i in range(10))
OTHER = "".join(f"a new text {i},{('good', 'bad')[i % 2]}\n" for i in range(4))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A function: write files of these names in ./set, and load it."""
    monkeypatch.chdir(tmp_path)

    def load(*names, task="./set", **contents):
        for name in names:
            rows = ROWS if "train" in name.lower() else OTHER
            content = contents.get(name.partition(".")[0], "text,label\n" + rows)
            file = tmp_path / "set" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content.replace(",", "\t") if name.endswith("tsv") else content)
        return loading.load(task)

    return load


@pytest.mark.parametrize(
    "names",
    [
        ("train.csv", "validation.csv"),
        ("train.csv", "valid.tsv"),
        ("TRAIN.csv", "dev.CSV"),
        ("reviews_train.csv", "reviews-val.csv"),
        ("training.csv", "development.csv", "README.md", ".hidden/train.csv", "dataset_info.json"),
        ("data/train-00000-of-00001.csv", "data/validation-00000-of-00001.csv"),
        ("data/train-00000-of-00001-a09b74b3.csv", "data/eval-00000-of-00001-9b74b3a0.csv"),
        ("train/0000.csv", "val/0000.csv"),
        ("deep/train/part.csv", "deep/dev/part.csv"),
    ],
)
def test_splits_by_their_names(folder, names):
    data = folder(*names)
    assert set(data["train"]["text"]) == {f"a text {i}" for i in range(10)}
    assert set(data["validation"]["text"]) == {f"a new text {i}" for i in range(4)}
    assert data.said == (
        "./set: text: text; label: label (2 classes: bad, good); train: 10 rows; validation: 4 rows; score: accuracy",
    )
    assert data.task.split == ""


def test_parts_of_a_split_are_read_in_order(folder):
    half = ("text,label\n" + ROWS).splitlines(keepends=True)
    parts = {f"train-0000{i}-of-00002": half[0] + "".join(half[1 + 5 * i : 6 + 5 * i]) for i in (0, 1)}
    lacks = "1 of the 2 files of train"
    refused(lambda: folder("train-00001-of-00002.csv", "dev.csv", **parts), FileNotFoundError, lacks)
    data = folder("train-00000-of-00002.csv", **parts)
    assert list(data["train"]["text"]) == [f"a text {i}" for i in range(10)]
    broken = half[0] + "odd\n"
    where = ["train-00001-of-00002.csv, line 2", "1 cell"]
    refused(lambda: folder("train-00001-of-00002.csv", **{"train-00001-of-00002": broken}), ValueError, *where)
    other = "text,stars\na b,1\n"
    where = ["train-00000-of-00002.csv and train-00001-of-00002.csv", "'stars'"]
    refused(lambda: folder("train-00001-of-00002.csv", **{"train-00001-of-00002": other}), ValueError, *where)


def test_what_is_wrong_is_said_with_the_part_it_is_in(folder):
    parts = {"train-0-of-2": "text,label\na b,0.5\n", "train-1-of-2": "text,label\na c,word\n"}
    where = ["'0.5' in train-0-of-2.csv, line 2", "'word' in train-1-of-2.csv, line 2"]
    refused(lambda: folder("train-0-of-2.csv", "train-1-of-2.csv", **parts), ValueError, *where)


def test_a_test_split_is_not_used(folder):
    data = folder("train.csv", "dev.csv", "test.csv", test="text\nan unlabelled text\n")
    assert list(data) == ["train", "validation"]
    assert data.said[1:] == ("not used: the split test",)


def test_without_a_validation_split_one_is_drawn(folder):
    data = folder("train.csv", "test.csv", "more.csv")
    assert set(data["train"]["text"]) | set(data["validation"]["text"]) == {f"a text {i}" for i in range(10)}
    assert data.task.split == "20 % drawn, stratified, seed 0"
    assert data.said[1:] == ("not used: the split test, more.csv",)


def test_texts_in_both_splits_are_said(folder):
    data = folder("train.csv", "dev.csv", dev="text,label\na text 1,bad\na text 1,bad\nanother,good\n")
    assert data.said[1:] == ("2 of 3 texts of validation are also in train",)


@pytest.mark.parametrize(
    ("names", "error", "parts"),
    [
        (("README.md",), FileNotFoundError, ["./set holds no file", ".csv", ".parquet"]),
        (("a.csv", "b.csv"), ValueError, ["a.csv, b.csv", "name one of them", "train.csv"]),
        (("train.csv", "train.tsv"), ValueError, ["train twice", "train.csv", "train.tsv"]),
        (("train_a.csv", "train_b.csv"), ValueError, ["train twice", "train_a.csv", "train_b.csv"]),
        (("one/train.csv", "two/train.csv"), ValueError, ["several data sets, one, two", "./set/NAME"]),
        (("dev.csv", "test.csv"), ValueError, ["no training split, only validation, test", "train.csv"]),
    ],
)
def test_a_folder_that_will_not_do(folder, names, error, parts):
    text = refused(lambda: folder(*names), error)
    assert all(part in text for part in parts)


def test_one_of_several_sets_is_named_by_its_folder(folder):
    folder("one/train.csv", "one/dev.csv")
    refused(lambda: folder("two/train.csv", "two/dev.csv"), ValueError, "several data sets")
    assert len(folder(task="./set/two")["train"]) == 10


@pytest.mark.parametrize(
    ("dev", "parts"),
    [
        ("text,label\nnew,nuetral\n", ["dev.csv, line 2", "'nuetral'", "'label'", "bad, good"]),
        ("text,label\nnew,Good\n", ["dev.csv, line 2", "'Good'", "bad, good"]),
        ("text,stars\nnew,good\n", ["dev.csv lacks the column 'label'"]),
        ("text,label,label\nnew,good,good\n", ["dev.csv has more than once", "'label'"]),
        ("text,label\nnew,\n", ["dev.csv: 1 of 1 rows have no label"]),
        ("text,label\n", ["dev.csv has a header and no rows"]),
    ],
)
def test_a_validation_split_that_does_not_fit(folder, dev, parts):
    text = refused(lambda: folder("train.csv", "dev.csv", dev=dev), ValueError)
    assert all(part in text for part in parts)


def test_a_word_among_the_numbers_of_a_validation_split(folder):
    train = "text,label\n" + "".join(f"a text {i},{i / 2}\n" for i in range(6))
    call = lambda: folder("train.csv", "dev.csv", train=train, dev="text,label\na b,3\na c,much\n")  # noqa: E731
    refused(call, ValueError, "dev.csv, line 3", "'much'", "no number")


# --- the draw ---


def test_a_fifth_of_every_class_is_drawn_and_always_the_same():
    texts = [(f"text {i}",) for i in range(200)]
    classes = [0 if i < 100 else 1 if i < 190 else 2 for i in range(200)]
    train, aside = layout.draw(texts, classes)
    assert sorted(train + aside) == list(range(200))
    assert (train, aside) == (sorted(train), sorted(aside))
    assert Counter(classes[row] for row in aside) == {0: 20, 1: 18, 2: 2}
    assert layout.draw(texts, classes) == (train, aside)
    assert aside[:20] != list(range(20))


def test_no_text_is_on_both_sides():
    texts = [(f"text {i % 40}",) for i in range(200)]
    train, aside = layout.draw(texts, [i % 2 for i in range(200)])
    assert len(aside) == 40
    assert {texts[row] for row in train}.isdisjoint(texts[row] for row in aside)


def test_a_class_is_scored_if_it_has_two_texts_and_trained_on_in_any_case():
    train, aside = layout.draw([("a",), ("b",), ("c",)], [0, 0, 1])
    assert 2 in train
    assert len(aside) == 1
    assert layout.draw([("a",), ("b",)], [0, 1]) == ([0, 1], [])


def test_of_a_large_file_five_thousand_are_drawn(tmp_path, monkeypatch):
    _, aside = layout.draw([(str(i),) for i in range(50_000)], [i % 2 for i in range(50_000)])
    assert len(aside) == layout.MOST == 5000
    monkeypatch.setattr(layout, "MOST", 2)
    (tmp_path / "a.csv").write_text("text,label\n" + ROWS * 1 + OTHER.replace("new", "newer") + OTHER)
    assert loading.load(str(tmp_path / "a.csv")).task.split == "11.1 % drawn, stratified, seed 0"


# --- the hub ---


@pytest.fixture
def no_hub(tmp_path, monkeypatch):
    """An empty cache, and a hub that cannot be asked."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "cache"


def into_cache(cache, repo_id, files, commit="c" * 40):
    """Lay a dataset out as the hub's client caches it."""
    repo = cache / f"datasets--{repo_id.replace('/', '--')}"
    for name, content in files.items():
        file = repo / "snapshots" / commit / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    (repo / "refs").mkdir(exist_ok=True)
    (repo / "refs" / "main").write_text(commit)
    return repo / "snapshots" / commit


def test_a_dataset_of_the_hub(no_hub):
    into_cache(no_hub, "who/reviews", {"data/train.csv": "text,label\n" + ROWS, "data/dev.csv": "text,label\n" + OTHER})
    data = loading.load("who/reviews")
    assert (len(data["train"]), len(data["validation"])) == (10, 4)
    assert data.task.repository == "who/reviews@" + "c" * 40
    assert data.task.describe()["repository"] == "who/reviews@" + "c" * 40


def test_a_folder_of_a_dataset_of_the_hub(no_hub, monkeypatch):
    files = {f"{name}/train.csv": "text,label\n" + ROWS for name in ("plain", "raw")}
    place = into_cache(no_hub, "who/reviews", files)
    refused(lambda: loading.load("who/reviews"), ValueError, "plain, raw", "--task who/reviews/NAME")
    assert len(loading.load("who/reviews/raw")["train"]) == 8
    asked = []
    monkeypatch.setattr(hub, "fetch", lambda name, **how: asked.append((name, how)) or place)
    refused(lambda: loading.load("who/reviews/none"), FileNotFoundError, "who/reviews", "'none'")
    assert asked[0][0] == "who/reviews"
    assert "none/*.parquet" in asked[0][1]["patterns"]


def test_a_dataset_that_is_not_cached(no_hub, monkeypatch):
    refused(lambda: loading.load("who/else"), ConnectionError, "who/else", "no file or folder has that name")
    into_cache(no_hub, "who/else", {"README.md": "nothing of it yet"})
    refused(lambda: loading.load("who/else"), ConnectionError, "who/else")
    refused(lambda: loading.load("who/el se"), FileNotFoundError, "'who/el se'", "OWNER/NAME")


def test_a_folder_goes_before_the_hub(no_hub, tmp_path):
    into_cache(no_hub, "who/reviews", {"train.csv": "text,label\n" + ROWS})
    (tmp_path / "who" / "reviews").mkdir(parents=True)
    (tmp_path / "who" / "reviews" / "a.csv").write_text("text,label\n" + OTHER)
    data = loading.load("who/reviews")
    assert len(data["train"]) + len(data["validation"]) == 4
    assert data.task.repository == ""
