"""A Fisher on disk: whole or not at all, and what is damaged or another's."""

import os

import pytest
import torch
from kinds import (
    IDS,
    Tied,
)
from safetensors.torch import save_file

from recall_learn.fisher import Fisher, fisher_diagonal, load_fisher, save_fisher


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

    monkeypatch.setattr("recall_learn.fisher.save_file", full)
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
