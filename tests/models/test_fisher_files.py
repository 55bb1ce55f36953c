"""A Fisher on disk: whole or not at all, and what is damaged or another's."""

import json
import math
import os
import stat
import struct

import pytest
import torch
from kinds import (
    IDS,
    Tied,
)
from safetensors.torch import save_file

from recall_learn.models.fisher_files import load_fisher, save_fisher
from recall_learn.theory.anchors import fingerprint
from recall_learn.theory.fisher import Fisher, fisher_diagonal


def test_save_and_load(tmp_path):
    found = fisher_diagonal(Tied(), [(IDS, None)])
    save_fisher(tmp_path / "f.safetensors", found, weights="abc", seed=3)
    loaded, metadata = load_fisher(tmp_path / "f.safetensors")
    assert metadata == {"labels": "exact", "examples": "4", "weights": "abc", "seed": "3"}
    assert (loaded.labels, loaded.examples) == ("exact", 4)
    assert set(loaded) == set(found)
    assert all(torch.equal(loaded[k], found[k]) and loaded[k].dtype == found[k].dtype for k in found)
    assert os.listdir(tmp_path) == ["f.safetensors"]


def test_a_plain_dictionary_needs_its_labels_and_examples(tmp_path):
    path, plain = tmp_path / "f", {"w": torch.ones(2)}
    with pytest.raises(ValueError, match="labels is not known"):
        save_fisher(path, plain, examples=3)
    with pytest.raises(ValueError, match="examples is not known"):
        save_fisher(path, plain, labels="exact")
    assert not os.listdir(tmp_path)
    save_fisher(path, plain, labels="exact", examples=3)
    assert load_fisher(path)[0].examples == 3


def test_a_failed_save_keeps_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "f"
    save_fisher(path, Fisher({"w": torch.ones(2)}, labels="exact", examples=1))

    def full(tensors, name, metadata):
        name.write_bytes(b"half a f")
        raise OSError("no space left on device")

    monkeypatch.setattr("recall_learn.models.fisher_files.save_file", full)
    with pytest.raises(OSError, match="no space"):
        save_fisher(path, Fisher({"w": torch.zeros(2)}, labels="exact", examples=1))
    assert os.listdir(tmp_path) == ["f"]
    assert torch.equal(load_fisher(path)[0]["w"], torch.ones(2))


def test_damaged_and_foreign_files(tmp_path):
    path = tmp_path / "f"
    with pytest.raises(FileNotFoundError):
        load_fisher(path)
    save_fisher(path, Fisher({"w": torch.ones(20)}, labels="exact", examples=1))
    whole = path.read_bytes()
    for damaged in (b"", whole[:-3], whole[:20], b"a pickle, perhaps" * 9):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match="is damaged or not a safetensors file"):
            load_fisher(path)
    path.write_bytes(whole[:-1] + b"\x00")
    with pytest.raises(ValueError, match="not those that were written"):
        load_fisher(path)
    save_file({"w": torch.ones(2)}, path)
    with pytest.raises(ValueError, match="not a Fisher written by save_fisher"):
        load_fisher(path)


def with_metadata(path, given=None, **changes):
    """A whole file with these tensors, its metadata changed; None leaves a field out."""
    given = {"w": torch.ones(2)} if given is None else given
    about = {"format": "recall-learn fisher 1", "labels": "exact", "examples": "3", "tensors": fingerprint(given)}
    save_file(given, path, metadata={k: v for k, v in (about | changes).items() if v is not None})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": None}, "has labels None; they must be one of exact, sampled"),
        ({"labels": "true"}, "has labels 'true'; they must be one of exact, sampled"),
        ({"examples": None}, "has examples None; it must be a whole number of at least 1"),
        ({"examples": "0"}, "has examples '0'"),
        ({"examples": "-3"}, "has examples '-3'"),
        ({"examples": "2.5"}, r"has examples '2\.5'"),
        ({"examples": "9" * 5000}, "has examples '99999.*"),
        ({"examples": "\u0663"}, "has examples '\u0663'"),
        ({"tensors": None}, "its numbers are not those that were written"),
        ({"format": "recall-learn fisher 2"}, "not a Fisher written by save_fisher"),
        ({"tensors": fingerprint({}), "given": {}}, "holds no tensors"),
        (
            {"given": {"w": torch.ones(2, dtype=torch.int64)}},
            "has torch.int64 under 'w'; it must be a tensor",
        ),
        ({"given": {"w": torch.ones(2, dtype=torch.bool)}}, "has torch.bool under 'w'"),
        ({"given": {"w": torch.ones(2, dtype=torch.float8_e4m3fn)}}, "has torch.float8_e4m3fn under 'w'"),
        ({"given": {"w": torch.tensor([1.0, -1e-30])}}, "under 'w' that are negative, infinite or nan"),
        ({"given": {"w": torch.tensor([1.0, math.nan])}}, "under 'w' that are negative, infinite or nan"),
        (
            {"given": {"a": torch.ones(2), "w": torch.full((1,), math.inf)}},
            "under 'w' that are negative, infinite or nan",
        ),
    ],
)
def test_a_file_with_a_wrong_field_is_refused_with_its_name(tmp_path, changes, message):
    with_metadata(tmp_path / "f", **changes)
    with pytest.raises(ValueError, match=message) as raised:
        load_fisher(tmp_path / "f")
    assert str(raised.value).startswith(str(tmp_path / "f"))
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 400
    if "given" in changes:  # what is not read is not written either
        with pytest.raises(ValueError, match=message):
            save_fisher(tmp_path / "g", changes["given"], labels="exact", examples=1)
        assert os.listdir(tmp_path) == ["f"]


def test_headers_of_other_kinds_are_refused(tmp_path):
    def header(content):
        raw = content if isinstance(content, bytes) else json.dumps(content).encode()
        (tmp_path / "f").write_bytes(struct.pack("<Q", len(raw)) + raw + bytes(8))

    for content in (
        b'{"w":' + b"[" * 10_000 + b"]" * 10_000 + b"}",
        {"w": {"dtype": "F32", "shape": [-2], "data_offsets": [0, 8]}},
        {"w": {"dtype": "F32", "shape": [2**62, 4], "data_offsets": [0, 8]}},
        {"w": {"dtype": "F6_E2M3", "shape": [4], "data_offsets": [0, 8]}},
        {"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}, "__metadata__": ["format"]},
        {"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}, "__metadata__": {"examples": 3}},
    ):
        header(content)
        with pytest.raises(ValueError, match="is damaged or not a safetensors file") as raised:
            load_fisher(tmp_path / "f")
        assert "\n" not in str(raised.value)


def test_folders_pipes_devices_and_loops_are_no_fishers(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "nowhere").symlink_to(tmp_path / "not there")
    for place in (tmp_path, tmp_path / "pipe", tmp_path / "loop", tmp_path / "nowhere", "/dev/zero", "a\0b"):
        with pytest.raises(FileNotFoundError, match="is not a file; recall-learn fisher makes one"):
            load_fisher(place)
    fisher = Fisher({"w": torch.ones(2)}, labels="exact", examples=1)
    for place, error in (
        (tmp_path, IsADirectoryError),
        (tmp_path / "pipe", OSError),
        (tmp_path / "loop", OSError),
        ("/dev/full", OSError),
        ("", ValueError),
        ("a\0b", ValueError),
    ):
        with pytest.raises(error, match="out is") as raised:
            save_fisher(place, fisher)
        assert type(raised.value) is error
    assert stat.S_ISFIFO(os.stat(tmp_path / "pipe").st_mode)
    save_fisher(tmp_path / "nowhere", fisher)  # a link to a place that can be written to
    assert (tmp_path / "nowhere").is_symlink()
    assert load_fisher(tmp_path / "not there")[0].examples == 1


def test_a_file_has_the_mode_of_its_neighbours_and_takes_leftovers_along(tmp_path):
    fisher = Fisher({"w": torch.ones(2)}, labels="exact", examples=1)
    (tmp_path / "plain").touch()
    left = tmp_path / ".f.4194305.0.tmp"  # of a process that is gone: no process has so high a number
    left.write_bytes(b"half a f")
    save_fisher(tmp_path / "f", fisher)
    assert (tmp_path / "f").stat().st_mode == (tmp_path / "plain").stat().st_mode
    assert sorted(os.listdir(tmp_path)) == ["f", "plain"]


@pytest.mark.parametrize(
    ("about", "message"),
    [
        ({"labels": "true", "examples": 3}, "fisher has labels 'true'"),
        ({"labels": "exact", "examples": 0}, "fisher has examples '0'"),
        ({"labels": "exact", "examples": "all"}, "fisher has examples 'all'"),
    ],
)
def test_what_could_not_be_read_again_is_not_written(tmp_path, about, message):
    with pytest.raises(ValueError, match=message):
        save_fisher(tmp_path / "f", {"w": torch.ones(2)}, **about)
    for odd in (None, {}, {"w": 3}, [1.0]):
        with pytest.raises(ValueError, match=r"holds no tensors|has 3 under 'w'"):
            save_fisher(tmp_path / "f", odd, labels="exact", examples=1)
    assert not os.listdir(tmp_path)
