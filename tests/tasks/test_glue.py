"""GLUE: the table of tasks, and reading a folder."""

import dataclasses
import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from small import refused

from recall_learn.tasks import glue, loading, registry, stored

REAL = Path(os.environ.get(stored.VARIABLE) or Path(__file__).parents[3] / "shared" / "glue")

# The hub's nyu-mll/glue, read from its dataset card; written here a second time on purpose.
TABLE = {
    "cola": (["sentence"], 2, "matthews_correlation", ["train", "validation"]),
    "sst2": (["sentence"], 2, "accuracy", ["train", "validation"]),
    "mrpc": (["sentence1", "sentence2"], 2, "accuracy", ["train", "validation"]),
    "stsb": (["sentence1", "sentence2"], 1, "pearson", ["train", "validation"]),
    "qqp": (["question1", "question2"], 2, "accuracy", ["train", "validation"]),
    "mnli": (["premise", "hypothesis"], 3, "accuracy", ["train", "validation_matched", "validation_mismatched"]),
    "qnli": (["question", "sentence"], 2, "accuracy", ["train", "validation"]),
    "rte": (["sentence1", "sentence2"], 2, "accuracy", ["train", "validation"]),
    "wnli": (["sentence1", "sentence2"], 2, "accuracy", ["train", "validation"]),
}


def rows(task, count=6):
    """Columns of ``count`` examples, with every label of the task among them."""
    columns, num_labels, _, _ = TABLE[task]
    data = {name: [f"{name} {i}" for i in range(count)] for name in columns}
    data["label"] = (
        [5.0 * i / (count - 1) for i in range(count)] if num_labels == 1 else [i % num_labels for i in range(count)]
    )
    data["idx"] = list(range(count))
    return data


def write(folder, task, split, data, shard="00000-of-00001"):
    (folder / task).mkdir(parents=True, exist_ok=True)
    table = data if isinstance(data, pa.Table) else pa.table(data)
    pq.write_table(table, folder / task / f"{split}-{shard}.parquet")


@pytest.fixture
def folder(tmp_path):
    """All nine tasks, a few rows each."""
    for task, (_, _, _, splits) in TABLE.items():
        for split in splits:
            write(tmp_path, task, split, rows(task))
    return tmp_path


# --- the table ---


def test_there_are_nine_tasks():
    assert [task.name for task in glue.TASKS] == list(TABLE)


@pytest.mark.parametrize("task", TABLE)
def test_the_table(task):
    columns, num_labels, primary, splits = TABLE[task]
    spec = registry.named(task)
    assert (spec.name, list(spec.columns), spec.num_labels, spec.primary) == (task, columns, num_labels, primary)
    assert list(spec.splits) == splits
    assert spec.evaluation == splits[1]
    assert spec.primary in spec.metrics
    with pytest.raises(dataclasses.FrozenInstanceError):
        spec.primary = "f1"


def test_an_unknown_task_lists_them(folder):
    refused(lambda: loading.load("snli", folder), ValueError, "'snli'", *TABLE)


# --- reading ---


@pytest.mark.parametrize("task", TABLE)
def test_every_task_is_read_from_a_folder(task, folder):
    data = loading.load(task, folder)
    assert list(data) == TABLE[task][3]
    for split in data.values():
        for column, values in rows(task).items():
            assert list(split[column]) == values


def test_the_variable_names_the_folder_and_the_argument_goes_first(folder, tmp_path, monkeypatch):
    monkeypatch.setenv(stored.VARIABLE, str(folder))
    assert len(loading.load("rte")["train"]) == 6
    write(tmp_path / "other", "rte", "train", rows("rte", 3))
    write(tmp_path / "other", "rte", "validation", rows("rte", 2))
    assert len(loading.load("rte", tmp_path / "other")["train"]) == 3


def test_nothing_is_written_into_the_folder(folder):
    before = sorted(folder.rglob("*"))
    loading.load("rte", folder)
    assert sorted(folder.rglob("*")) == before


def test_shards_are_read_in_order_and_a_missing_one_is_noticed(folder):
    (folder / "rte" / "train-00000-of-00001.parquet").unlink()
    write(folder, "rte", "train", rows("rte", 3), "00000-of-00002")
    refused(lambda: loading.load("rte", folder), FileNotFoundError, "1 of the 2 files", "rte/train")
    write(folder, "rte", "train", rows("rte", 5), "00001-of-00002")
    assert list(loading.load("rte", folder)["train"]["idx"]) == [0, 1, 2, 0, 1, 2, 3, 4]


H = "a09b74b3"  # the hub's old files have a hash in their names


@pytest.mark.parametrize(
    ("names", "error", "said"),
    [
        ([f"00000-of-00002-{H}"], FileNotFoundError, "1 of the 2 files"),
        ([f"00001-of-00002-{H}"], FileNotFoundError, "1 of the 2 files"),
        ([f"{H}-0-of-2"], FileNotFoundError, "1 of the 2 files"),
        (["00000_of_00003.zstd", "00002_of_00003.zstd"], FileNotFoundError, "2 of the 3 files"),
        (["00000-of-999999999999"], FileNotFoundError, "1 of the 999999999999 files"),
        ([f"00000-of-00002-{H}", "00001-of-00003"], ValueError, "two sets"),
        (["00000-of-00001", f"00000-of-00001-{H}"], ValueError, "two sets"),
        (["00000-of-00001", "more"], ValueError, "two sets"),
        (["a", "00000-of-00001"], ValueError, "two sets"),
        (["a", "b"], ValueError, "does not say how many"),
        (["00001"], ValueError, "does not say how many"),
        (["00000-of-00002", "00002-of-00002"], ValueError, "numbered beyond"),
    ],
)
def test_a_set_of_files_that_is_not_whole_is_noticed(names, error, said, folder):
    (folder / "rte" / "train-00000-of-00001.parquet").unlink()
    for name in names:
        write(folder, "rte", "train", rows("rte"), name)
    refused(lambda: loading.load("rte", folder), error, said, "rte")


@pytest.mark.parametrize(
    "names",
    [
        [f"00000-of-00002-{H}", f"00001-of-00002-{H[::-1]}"],
        ["1-of-2", "2-of-2"],
        [f"{i}-of-12" for i in range(12)],  # by number: 2 before 10
        ["data"],
        ["00000"],
    ],
)
def test_a_whole_set_of_files_is_read_in_order(names, folder):
    (folder / "rte" / "train-00000-of-00001.parquet").unlink()
    for i, name in enumerate(names):
        write(folder, "rte", "train", rows("rte", 2) | {"idx": [2 * i, 2 * i + 1]}, name)
    assert list(loading.load("rte", folder)["train"]["idx"]) == list(range(2 * len(names)))


@pytest.mark.parametrize(
    "made",
    [pa.string_view(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())],
    ids=["view", "large", "words"],
)
def test_text_is_text_under_every_type(made, folder):
    data = pa.table(rows("rte"))
    place = data.schema.get_field_index("sentence2")
    write(folder, "rte", "train", data.set_column(place, "sentence2", data["sentence2"].cast(made)))
    assert list(loading.load("rte", folder)["train"]["sentence2"]) == rows("rte")["sentence2"]


def test_files_of_one_set_may_differ_in_their_types(folder):
    (folder / "rte" / "train-00000-of-00001.parquet").unlink()
    data = pa.table(rows("rte"))
    write(folder, "rte", "train", data, "0-of-2")
    other = data.set_column(2, "label", data["label"].cast(pa.int8())).set_column(
        1, "sentence2", data[1].cast("large_string")
    )
    write(folder, "rte", "train", other.append_column("more", data["idx"]), "1-of-2")
    read = loading.load("rte", folder)["train"]
    assert list(read["label"]) == 2 * rows("rte")["label"]
    assert list(read["sentence2"]) == 2 * rows("rte")["sentence2"]


def test_a_column_that_is_there_twice(folder):
    data = pa.table(rows("rte"))
    write(folder, "rte", "train", data.append_column("label", data["label"]))
    refused(lambda: loading.load("rte", folder), ValueError, "'label' 2 times", "rte/train")
    write(
        folder,
        "rte",
        "train",
        data.append_column("idx", data["idx"]).append_column("x", data[0]).append_column("x", data[0]),
    )
    assert (
        list(loading.load("rte", folder)["train"]["sentence1"]) == rows("rte")["sentence1"]
    )  # nobody asks for idx or x


def test_what_a_file_says_of_its_features_is_not_believed(folder):
    about = {"huggingface": '{"info": {"features": {"label": {"dtype": "string", "_type": "Value"}}}}'}
    write(folder, "rte", "train", pa.table(rows("rte")).replace_schema_metadata(about))
    assert list(loading.load("rte", folder)["train"]["label"]) == rows("rte")["label"]


def test_text_that_is_not_utf8(folder):
    bad = pa.Array.from_buffers(pa.string(), 6, pa.array([b"\xff"] * 6, pa.binary()).buffers())
    write(folder, "rte", "train", pa.table(rows("rte")).set_column(0, "sentence1", bad))
    refused(lambda: loading.load("rte", folder), ValueError, "rte/train", "UTF8")


def test_a_folder_or_a_pipe_under_the_name_of_a_file(folder):
    name = folder / "rte" / "train-00000-of-00001.parquet"
    name.unlink()
    name.mkdir()
    refused(lambda: loading.load("rte", folder), ValueError, str(name), "a folder")
    name.rmdir()
    os.mkfifo(name)
    refused(lambda: loading.load("rte", folder), ValueError, str(name), "no file")


def test_a_folder_name_with_an_equals_sign_adds_no_column(tmp_path):
    for split in ("train", "validation"):
        write(tmp_path / "seed=1", "rte", split, rows("rte"))
    assert "seed" not in loading.load("rte", tmp_path / "seed=1")["train"].column_names


def test_limit_train_is_a_seeded_subset_that_grows(tmp_path):
    write(tmp_path, "rte", "train", rows("rte", 200))
    write(tmp_path, "rte", "validation", rows("rte", 7))

    def kept(limit, seed):
        data = loading.load("rte", tmp_path, limit_train=limit, seed=seed)
        assert len(data["validation"]) == 7
        return list(data["train"]["idx"])

    assert len(set(kept(50, 0))) == 50
    assert kept(50, 0) == kept(50, 0) == sorted(kept(50, 0))
    assert kept(50, 0) != kept(50, 1)
    assert kept(50, 0) != list(range(50))
    assert set(kept(20, 0)) < set(kept(50, 0))
    assert kept(200, 0) == list(range(200))


def test_limit_train_leaves_the_share_of_a_label_alone(tmp_path):
    data = rows("rte", 1000)
    data["label"] = [int(i >= 800) for i in range(1000)]
    write(tmp_path, "rte", "train", data)
    write(tmp_path, "rte", "validation", rows("rte"))
    means = [np.mean(loading.load("rte", tmp_path, limit_train=100, seed=seed)["train"]["label"]) for seed in range(20)]
    # hypergeometric: the mean of 20 draws of 100 has a standard error of 0.0085
    assert abs(np.mean(means) - 0.2) < 0.034
    assert np.std(means) > 0


@pytest.mark.parametrize("limit", [0, -1, 7, 2.0, True, "3"])
def test_limit_train_out_of_range(limit, folder):
    refused(lambda: loading.load("rte", folder, limit_train=limit), ValueError, "limit_train", "1 to 6", repr(limit))


@pytest.mark.parametrize("seed", [-1, 0.5, True, 2**64])
def test_seed_out_of_range(seed, folder):
    refused(lambda: loading.load("rte", folder, limit_train=2, seed=seed), ValueError, "seed", repr(seed))


def test_a_folder_that_is_not_there(tmp_path, monkeypatch):
    gone = str(tmp_path / "gone")
    refused(lambda: loading.load("rte", gone), FileNotFoundError, "--data", gone)
    monkeypatch.setenv(stored.VARIABLE, gone)
    refused(lambda: loading.load("rte"), FileNotFoundError, stored.VARIABLE, gone)


@pytest.mark.parametrize("gone", ["~nobody_of_that_name/glue", "a" * 5000, "a\0b"], ids=["home", "long", "nul"])
def test_a_folder_that_cannot_be(gone, monkeypatch):
    refused(lambda: loading.load("rte", gone), FileNotFoundError, "--data", "not a folder")
    if "\0" not in gone:
        monkeypatch.setenv(stored.VARIABLE, gone)
        refused(lambda: loading.load("rte"), FileNotFoundError, stored.VARIABLE, "not a folder")


def test_numpys_whole_numbers_are_whole_numbers(folder):
    few = loading.load("rte", folder, limit_train=np.int64(3), seed=np.uint8(5))
    assert few["train"][:] == loading.load("rte", folder, limit_train=3, seed=5)["train"][:]


def test_a_folder_without_the_task(tmp_path):
    for split in ("train", "validation"):
        write(tmp_path, "cola", split, rows("cola"))
    refused(lambda: loading.load("rte", tmp_path), FileNotFoundError, "no task rte", "cola")


@pytest.mark.parametrize("split", ["train", "validation_matched"])
def test_a_task_without_a_split(split, folder):
    (folder / "mnli" / f"{split}-00000-of-00001.parquet").unlink()
    refused(lambda: loading.load("mnli", folder), FileNotFoundError, f"mnli/{split}-*.parquet")


def test_mnli_is_scored_on_both_of_its_splits_or_says_that_one_is_absent(folder, caplog):
    data = loading.load("mnli", folder)
    assert loading.scored(data) == {"validation_matched": "", "validation_mismatched": "_mm"}
    assert loading.scored(loading.load("rte", folder)) == {"validation": ""}
    assert not caplog.records
    (folder / "mnli" / "validation_mismatched-00000-of-00001.parquet").unlink()
    data = loading.load("mnli", folder)
    assert list(data) == ["train", "validation_matched"]
    assert loading.scored(data) == {"validation_matched": ""}
    (record,) = caplog.records
    assert "mnli/validation_mismatched" in record.getMessage()
    write(folder, "mnli", "validation_mismatched", rows("mnli"), "00000-of-00002")  # half of it is not "absent"
    refused(lambda: loading.load("mnli", folder), FileNotFoundError, "1 of the 2 files")


@pytest.mark.parametrize("column", ["sentence1", "sentence2", "label"])
def test_a_file_without_a_column(column, folder):
    data = rows("rte")
    del data[column]
    write(folder, "rte", "train", data)
    refused(lambda: loading.load("rte", folder), ValueError, "rte/train", repr(column))


def test_an_empty_split(folder):
    write(folder, "rte", "validation", pa.table(rows("rte")).slice(0, 0))
    refused(lambda: loading.load("rte", folder), ValueError, "rte/validation", "no rows")


def test_a_file_that_is_not_parquet(folder):
    for data in (b"version https://git-lfs.github.com/spec/v1", b"", b"PAR1", b"PAR1PAR1PAR1"):
        (folder / "rte" / "train-00000-of-00001.parquet").write_bytes(data)
        refused(lambda: loading.load("rte", folder), ValueError, "rte/train", "parquet")


@pytest.mark.parametrize(
    ("task", "value"),
    [("rte", -1), ("rte", 2), ("rte", 2**63 - 1), ("mnli", 3), ("stsb", -1.0), ("stsb", 5.1), ("stsb", float("nan"))],
)
def test_a_label_out_of_range(task, value, folder):
    data = rows(task)
    data["label"][4] = value
    write(folder, task, "train", data)
    text = refused(lambda: loading.load(task, folder), ValueError, f"{task}/train", f"{value} in row 4")
    assert ("withheld" in text) == (value == -1)


def test_labels_of_another_kind(folder):
    write(folder, "rte", "train", rows("rte") | {"label": [0.0, 1.0] * 3})
    refused(lambda: loading.load("rte", folder), ValueError, "whole numbers", "float64")
    write(folder, "rte", "train", rows("rte") | {"label": ["yes", "no"] * 3})
    refused(lambda: loading.load("rte", folder), ValueError, "whole numbers", "object")


def test_gaps(folder):
    write(folder, "rte", "train", rows("rte") | {"label": [0, None] * 3})
    refused(lambda: loading.load("rte", folder), ValueError, "'label'", "3 gaps")
    write(folder, "rte", "train", rows("rte") | {"sentence2": ["a", None] * 3})
    refused(lambda: loading.load("rte", folder), ValueError, "'sentence2'", "3 gaps")
    write(folder, "rte", "train", rows("rte") | {"sentence2": [1, 2] * 3})
    refused(lambda: loading.load("rte", folder), ValueError, "'sentence2'", "int64")


# --- tokens ---


# --- the real data, where it is ---

COUNTS = {"cola": (8551, 1043), "mrpc": (3668, 408), "rte": (2490, 277), "stsb": (5749, 1500)}
PRESENT = [task for task in COUNTS if (REAL / task).is_dir()]


@pytest.mark.skipif(not PRESENT, reason="no folder with the real GLUE data")
def test_the_real_data_has_the_published_counts():
    for task in PRESENT:
        data = loading.load(task, REAL)
        assert (len(data["train"]), len(data["validation"])) == COUNTS[task], task
