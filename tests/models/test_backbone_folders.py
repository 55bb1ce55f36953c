"""Folders that somebody damaged, or filled with what cannot be: one sentence, in no time, and no memory."""

import json
import os
import resource

import pytest
import torch
from safetensors.torch import load_file, save_file
from small import refused, save_backbone

from recall_learn.models import backbones


def edit(folder, name="config.json", **entries):
    stored = json.loads((folder / name).read_text())
    (folder / name).write_text(json.dumps(stored | entries))


def load(folder):
    return backbones.load(str(folder), num_labels=2)


IMPOSSIBLE = [
    ("num_hidden_layers", [-1, 0], "at least 1"),
    ("num_hidden_layers", [10**9, 10**40], "39 tensors"),
    ("num_hidden_layers", [1], "layer.1.", "is stored"),
    ("num_hidden_layers", [3], "layer.2.", "not stored"),
    ("num_hidden_layers", [999], "parameters would be built"),
    ("num_hidden_layers", ["2", 2.0, None, True], "num_hidden_layers"),
    ("vocab_size", [-1, 0], "at least 1"),
    ("vocab_size", [21, 5], "word_embeddings.weight is stored as (22, 16)"),
    ("vocab_size", [10**9, 10**18], "does not fit its config.json"),
    ("max_position_embeddings", [0, 39], "position_embeddings.weight is stored as (40, 16)"),
    ("max_position_embeddings", [-1, 10**9, 10**18], "does not fit its config.json"),
    ("hidden_size", [-1, 0], "at least 1"),
    ("hidden_size", [17, 32, 10**6, 10**18], "does not fit its config.json"),
    ("intermediate_size", [-1, 0, 25, 10**10], "does not fit its config.json"),
    ("num_attention_heads", [0, -2], "at least 1"),
    ("num_attention_heads", [3, 10**9], "multiple of the number of attention heads"),
    ("type_vocab_size", [-1, 0, 3], "does not fit its config.json"),
    ("hidden_act", ["nonsense"], "'nonsense'"),
    ("hidden_act", [3, None], "hidden_act"),
    ("hidden_dropout_prob", [2, "x"], "dropout"),
    ("initializer_range", [-1], "initializer_range is -1", "at least 0"),
    ("initializer_range", [float("inf")], "initializer_range is inf"),
    ("initializer_range", [float("nan")], "NaN"),
    ("initializer_range", ["x", None, [1]], "initializer_range"),
    ("initializer_range", [1e300], "no finite number"),
    ("pad_token_id", ["0", 1.5], "pad_token_id"),
    ("model_type", [None], "no model_type"),
    ("model_type", ["zzz", 3, ["bert"]], "model_type is", "does not know"),
    ("model_type", ["gpt2"], "holds no encoder weights for GPT2ForSequenceClassification"),
    ("quantization_config", [{"quant_method": "bitsandbytes"}, "x"], "quantized"),
    ("world", [[1], "x", 3], "world is", "dictionary"),
    ("world", [{}, {"digest": "x"}], "world.seed is missing"),
    ("world", [{"seed": 1}], "world.digest is missing"),
    ("world", [{"seed": "1", "digest": "x"}, {"seed": True, "digest": "x"}], "world.seed is"),
    ("world", [{"seed": -1, "digest": "x"}, {"seed": 2**33, "digest": "x"}], "seed is"),
]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    save_backbone(folder)
    return folder


@pytest.fixture
def folder(whole, tmp_path):
    """A copy of a small BERT, to be damaged."""
    for file in whole.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    return tmp_path


@pytest.mark.parametrize(
    ("entry", "value", "said"),
    [(entry, value, said) for entry, values, *said in IMPOSSIBLE for value in values],
    ids=lambda part: str(part)[:20] if not isinstance(part, list) else "",
)
def test_a_configuration_that_cannot_be(entry, value, said, folder):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    edit(folder, **{entry: value})
    refused(lambda: load(folder), ValueError, str(folder), *said)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < before + 200_000  # kB: nothing large was allocated


@pytest.mark.parametrize("architecture", ["gpt2", "xlnet", "albert", "distilbert"])
def test_every_architecture_has_names_of_its_own_for_its_sizes(architecture, tmp_path):
    save_backbone(tmp_path, architecture)
    kept = (tmp_path / "config.json").read_text()
    names = {"gpt2": "n_layer", "xlnet": "n_layer", "distilbert": "n_layers"}
    layers = names.get(architecture, "num_hidden_layers")
    for value in (10**9, 0, -1):
        edit(tmp_path, **{layers: value})
        refused(lambda: load(tmp_path), ValueError, layers, str(value))
    if architecture == "albert":  # whose layers share their weights
        (tmp_path / "config.json").write_text(kept)
        edit(tmp_path, num_hidden_groups=10**9)
        refused(lambda: load(tmp_path), ValueError, "parameters would be built")
        edit(tmp_path, num_hidden_groups=1, embedding_size=10**6)
        refused(lambda: load(tmp_path), ValueError, "weights, and", "are stored")


DAMAGED = {
    "[1]": "it is [1]; it has to be a valid dictionary",
    "null": "it is None",
    "3": "it is 3",
    "": "not JSON",
    "[" * 10_000: "nested too deeply",
    '{"a":' * 10_000: "nested too deeply",
    '{"a": NaN}': "NaN",
    '{"a": 1' + "0" * 5000 + "}": "thousands of digits",
}


@pytest.mark.parametrize("text", DAMAGED, ids=lambda text: text[:8])
@pytest.mark.parametrize(
    "name", ["config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"]
)
def test_a_file_that_is_no_json_object(name, text, folder):
    (folder / name).write_text(text)
    refused(lambda: load(folder), ValueError, str(folder / name), "is damaged", DAMAGED[text])


def test_files_that_are_not_text_or_no_files(folder):
    (folder / "config.json").write_bytes(b"\xff\xfe")
    refused(lambda: load(folder), ValueError, str(folder / "config.json"), "not UTF-8")
    for name, lacks in (("config.json", "no config.json"), ("model.safetensors", "no weights")):
        (folder / name).unlink(missing_ok=True)
        os.mkfifo(folder / name)  # opening one waits for ever
        refused(lambda: load(folder), FileNotFoundError, str(folder), lacks)
        (folder / name).unlink()
        (folder / name).mkdir()
        refused(lambda: load(folder), FileNotFoundError, str(folder), lacks)
        (folder / name).rmdir()
        (folder / name).write_text("{}")


@pytest.mark.parametrize("name", ["tokenizer.json", "tokenizer_config.json", "vocab.txt"])
def test_a_pipe_among_the_tokenizers_files_is_not_read(name, folder):
    (folder / name).unlink(missing_ok=True)
    os.mkfifo(folder / name)
    if name == "tokenizer.json":
        refused(lambda: load(folder), FileNotFoundError, "no tokenizer")
    else:
        assert len(load(folder).tokenizer) == 22


# --- weights ---


@pytest.mark.parametrize(
    ("index", "said"),
    [
        ([1], "it is [1]"),
        ({}, "weight_map is missing"),
        ({"weight_map": {"a": 3}}, "weight_map.a is 3"),
        ({"weight_map": {}}, "names no file"),
        ({"weight_map": {"a": "../model.safetensors"}}, "'../model.safetensors'"),
        ({"weight_map": {"a": "/etc/passwd"}}, "'/etc/passwd'"),
        ({"weight_map": {"a": "pytorch_model.bin"}}, "'pytorch_model.bin'"),
    ],
)
def test_an_index_of_shards_that_is_none(index, said, folder):
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").touch()
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    refused(lambda: load(folder), ValueError, "model.safetensors.index.json", "is damaged", said)


@pytest.mark.parametrize("data", [b"", b"\xff" * 100, b"cut"], ids=["empty", "garbage", "cut"])
def test_weights_that_are_none(data, folder):
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-1000] if data == b"cut" else data)
    refused(lambda: load(folder), ValueError, str(file), "cannot be read as safetensors")


def test_weights_that_are_not_those_of_the_configuration(folder):
    file, name = folder / "model.safetensors", "encoder.layer.0.output.dense.weight"
    weights = load_file(file)
    for changed, said in (
        ({key: value for key, value in weights.items() if key != name}, [name, "not stored"]),
        (weights | {name: torch.tensor(1.0)}, [name, "stored as ()", "(16, 24)"]),
        (weights | {name: weights[name] * float("nan")}, ["no finite number"]),
        ({"other": torch.zeros(2)}, ["no encoder weights for BertForSequenceClassification"]),
    ):
        save_file(changed, file, metadata={"format": "pt"})
        refused(lambda: load(folder), ValueError, str(folder), *said)


def test_a_model_that_memory_does_not_hold(folder, monkeypatch):
    class Little:
        available = 10_000

    monkeypatch.setattr("psutil.virtual_memory", lambda: Little)
    refused(lambda: load(folder), ValueError, str(folder), "GB in float32")
