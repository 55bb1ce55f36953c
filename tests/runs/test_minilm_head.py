"""MiniLM's head for hidden words: how it is trained, and the one that is packaged."""

import math
from collections import Counter
from functools import partial

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from small import refused

from recall_learn.measures.source import source_loss
from recall_learn.models import backbones, masked_lm
from recall_learn.models.masked_lm import Examples, attach, hide_share
from recall_learn.runs import minilm_head
from recall_learn.support.lock import TakenError, owning
from recall_learn.world import World

TEXT = " ".join(sentence for passage in World().text("held-out")[:600] for sentence in passage)


@pytest.fixture(scope="module")
def minilm():
    return backbones.load("minilm", num_labels=2)


@pytest.fixture
def files(tmp_path):
    for name, part in (("train.txt", TEXT[:24_000]), ("held.txt", TEXT[24_000:30_000])):
        (tmp_path / name).write_text(part, encoding="utf-8")
    return tmp_path


def test_frequencies_are_counted_with_one_added():
    words = torch.tensor([3, 3, 3, 1])
    examples = Examples([], [[3, 0], [1]], 0)
    p = {word: (count + 1) / (4 + 5) for word, count in Counter({0: 0, 1: 1, 3: 3}).items()}
    expected = -(math.log(p[3]) + math.log(p[0]) + math.log(p[1])) / 3
    assert minilm_head.frequency_loss(words, examples, 5) == pytest.approx(expected, rel=1e-6)


def test_training_beats_frequencies_and_goes_on_where_it_was(files, minilm, monkeypatch):
    monkeypatch.setattr(minilm_head, "SHARD", 8)
    monkeypatch.setattr(minilm_head, "BATCH", 32)
    monkeypatch.setattr(minilm_head, "EPOCHS", 6)
    out = files / "head.safetensors"
    fit = minilm_head._fit

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(minilm_head, "_fit", stop)
    with pytest.raises(KeyboardInterrupt):
        minilm_head.train(files / "train.txt", files / "held.txt", out, blocks=16)
    assert not out.exists()
    make = minilm_head._new

    def silent(*arguments):
        made = make(*arguments)
        made.model.base_model.forward = lambda *_, **__: pytest.fail("the encoder reads again")
        return made

    monkeypatch.setattr(minilm_head, "_new", silent)
    monkeypatch.setattr(minilm_head, "_fit", fit)
    monkeypatch.setattr(minilm_head, "source_loss", lambda *_: 0.0)
    minilm_head.train(files / "train.txt", files / "held.txt", out, blocks=16)
    monkeypatch.undo()
    left = sorted(path.name for path in files.iterdir() if not path.name.endswith(".lock"))
    assert left == ["head.safetensors", "held.txt", "train.txt"]
    assert out.stat().st_mode == (files / "train.txt").stat().st_mode
    monkeypatch.setattr(masked_lm, "MINILM_HEAD", out)
    trained = source_loss(attach(minilm), hide_share(TEXT[24_000:30_000], minilm.tokenizer, limit=20))
    with safe_open(out, "pt") as file:
        assert trained < float(file.metadata()["frequency_loss"])


def test_the_packaged_head_is_minilm_s(minilm):
    model = attach(minilm).model
    assert model.cls.predictions.decoder.weight is minilm.model.get_input_embeddings().weight
    stored = load_file(masked_lm.MINILM_HEAD)
    own = dict(model.named_parameters())
    assert all(torch.equal(own[name], tensor.float()) for name, tensor in stored.items())
    hidden = {name for name in own if name.startswith("cls.") and "decoder" not in name}
    assert set(stored) == hidden


def test_the_packaged_head_says_words_better_than_frequencies_do(minilm):
    """In plain English that it was not trained on, against the frequencies of that very text."""
    text = (
        "The old man walked slowly down the street to the house of his brother, and when he came to the door he saw "
        "that it was open. There was no light in the window. He did not know what to think of it, for he had never "
        "seen the place so dark and so still before. At last he went in, and called her name, but nobody answered. "
    )
    examples = hide_share(text, minilm.tokenizer, limit=1, share=0.3)
    with safe_open(masked_lm.MINILM_HEAD, "pt") as file:
        assert source_loss(attach(minilm), examples) < float(file.metadata()["frequency_loss"])


def test_bad_arguments_are_refused(files):
    train, held, out = files / "train.txt", files / "held.txt", files / "head.safetensors"
    for blocks in (0, -1, 2.0, True, 10**30):
        refused(lambda n=blocks: minilm_head.train(train, held, out, blocks=n), ValueError, "blocks is")
    refused(lambda: minilm_head.train(train, held, out, seed=2**64), ValueError, "seed is")
    refused(lambda: minilm_head.train(train, held, ""), ValueError, "out is ''")
    refused(lambda: minilm_head.train(train, held, files), IsADirectoryError, "out is", "name a file")
    refused(lambda: minilm_head.train(train, held, train / "x"), NotADirectoryError, "out is", "is a file")
    refused(lambda: minilm_head.train(train, held, "/dev/null"), OSError, "out is", "a device")
    with owning(out, "wait"):
        refused(lambda: minilm_head.train(train, held, out), TakenError, str(out), "another --out")
    refused(lambda: minilm_head.train(files / "no.txt", held, out), FileNotFoundError, "no.txt")
    (files / "empty.txt").write_text("")
    refused(lambda: minilm_head.train(files / "empty.txt", held, out), ValueError, "empty.txt", "is empty")


def test_what_an_interrupted_training_left_is_looked_at(files, monkeypatch):
    go = partial(minilm_head.train, files / "train.txt", files / "held.txt", files / "head.safetensors", blocks=4)
    with monkeypatch.context() as patch:
        patch.setattr(minilm_head, "_fit", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            go()
    (part,) = files.glob(".head.safetensors.*/*.safetensors")
    kept = load_file(part)
    for damaged in (
        kept | {"words": kept["words"] + 1},
        kept | {"hidden": kept["hidden"] / 0},
        {name: tensor[:-1] for name, tensor in kept.items()},
        {"words": kept["words"]},
    ):
        save_file(damaged, part)
        refused(go, ValueError, str(part), "is damaged", "delete it")
    part.write_bytes(b"garbage")
    refused(go, ValueError, str(part), "cannot be read", "delete it")
