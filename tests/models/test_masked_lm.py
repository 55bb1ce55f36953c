"""The source task: hidden words, the head they are said with, and texts that are none."""

import lzma
import os

import numpy as np
import pytest
import torch
import transformers
from small import ARCHITECTURES, refused, save_backbone, save_tokenizer

from recall_learn.measures.source import say_hidden, source_loss
from recall_learn.models import backbones, masked_lm
from recall_learn.models.masked_lm import MaskedLM, attach, hide_each, hide_share, read_text

MASKED = {
    "bert": transformers.BertForMaskedLM,
    "roberta": transformers.RobertaForMaskedLM,
    "distilbert": transformers.DistilBertForMaskedLM,
    "albert": transformers.AlbertForMaskedLM,
    "electra": transformers.ElectraForMaskedLM,
}


@pytest.fixture(params=MASKED)
def pretrained(request, tmp_path):
    """A masked language model of an architecture, saved; and the classifier that is loaded from it."""
    model = save_backbone(tmp_path, request.param, MASKED[request.param]).eval()
    return model, backbones.load(str(tmp_path), num_labels=2)


def one_by_one(model, tokenizer, texts):
    """The definition: hide a word, run the published model on this one text, read off -log p."""
    losses, hits = [], []
    for text in texts:
        ids = tokenizer(text)["input_ids"]
        for place, word in enumerate(ids):
            if word in tokenizer.all_special_ids:
                continue
            hidden = torch.tensor([[*ids[:place], tokenizer.mask_token_id, *ids[place + 1 :]]])
            with torch.no_grad():
                log_p = model(hidden).logits[0, place].double().log_softmax(-1)
            losses.append(-float(log_p[word]))
            hits.append(int(log_p.argmax()) == word)
    return np.mean(losses), np.mean(hits)


def test_the_source_loss_is_the_published_model_s_own(pretrained):
    model, backbone = pretrained
    texts = ["a b c", "d", "e f g h a b"]
    found = say_hidden(attach(backbone), hide_each(texts, backbone.tokenizer), batch_size=4)
    loss, accuracy = one_by_one(model, backbone.tokenizer, texts)
    assert found.loss == pytest.approx(loss, rel=1e-5)
    assert found.accuracy == accuracy


def test_it_follows_the_classifier_s_weights_and_its_head_stays(pretrained):
    model, backbone = pretrained
    masked_lm, examples = attach(backbone), hide_each(["a b c d"], backbone.tokenizer)
    before = source_loss(masked_lm, examples)
    with torch.no_grad():
        for name, parameter in backbone.model.named_parameters():
            parameter.add_(torch.linspace(-0.1, 0.1, parameter.numel()).view_as(parameter))
            if name in dict(model.named_parameters()):
                dict(model.named_parameters())[name].copy_(parameter)
    after = source_loss(masked_lm, examples)
    assert after != pytest.approx(before, rel=1e-3)
    assert after == pytest.approx(one_by_one(model, backbone.tokenizer, ["a b c d"])[0], rel=1e-5)
    inside = {id(parameter) for parameter in backbone.model.base_model.parameters()}
    for parameter in masked_lm.parameters():
        assert parameter.requires_grad == (id(parameter) in inside)


def test_modes_and_random_state_are_left_as_they_were(pretrained):
    _, backbone = pretrained
    masked_lm, examples = attach(backbone), hide_each(["a b c d"], backbone.tokenizer)
    backbone.model.train()
    state = torch.random.get_rng_state()
    assert source_loss(masked_lm, examples) == source_loss(masked_lm, examples)
    assert backbone.model.base_model.training
    assert torch.equal(torch.random.get_rng_state(), state)


def test_several_hidden_words_a_row_come_row_by_row(tmp_path):
    save_backbone(tmp_path, "bert", transformers.BertForMaskedLM)
    backbone = backbones.load(str(tmp_path), num_labels=2)
    tokenizer, masked_lm = backbone.tokenizer, attach(backbone)
    mask = tokenizer.mask_token_id
    ids = torch.tensor([[2, mask, 7, mask, 3, 0], [2, 8, mask, mask, mask, 3]])
    attention = (ids != 0).long()
    with torch.no_grad():
        whole = masked_lm.model(input_ids=ids, attention_mask=attention).logits
        some = masked_lm(ids, attention_mask=attention)
    assert torch.allclose(some, whole[ids == mask], atol=1e-6)


def test_pairs_hide_words_of_both_sentences(tmp_path):
    save_tokenizer(tmp_path)
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path)
    examples = hide_each([("a b", "c"), "d"], tokenizer)
    assert tokenizer.convert_ids_to_tokens([word for row in examples.words for word in row]) == ["a", "b", "c", "d"]
    assert all(row["input_ids"].count(tokenizer.mask_token_id) == 1 for row in examples.rows)
    batch, words = next(examples.batches(4))
    assert batch["input_ids"].shape == (4, max(len(row["input_ids"]) for row in examples.rows))
    assert len(words) == 4


def test_a_share_of_a_text_is_hidden_in_blocks_that_are_always_the_same(tmp_path):
    save_tokenizer(tmp_path)
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path)
    text = " ".join(np.random.default_rng(0).choice(list("abcdefgh"), 5000))
    blocks = hide_share(text, tokenizer, limit=10, length=32, seed=3)
    assert len(blocks) == 10
    for row, words in zip(blocks.rows, blocks.words, strict=True):
        assert len(row["input_ids"]) == 32
        assert row["input_ids"].count(tokenizer.mask_token_id) == len(words) == round(0.15 * 30)
    again, other = (hide_share(text, tokenizer, limit=10, length=32, seed=seed) for seed in (3, 4))
    assert again == blocks != other
    whole = hide_share(text, tokenizer, limit=10**6, length=32)
    assert len(whole) == len(text) // (8 * 32)


def test_a_short_text_is_one_block(tmp_path):
    save_tokenizer(tmp_path)
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path)
    blocks = hide_share("a b c", tokenizer, limit=10)
    assert (len(blocks), len(blocks.words[0])) == (1, 1)


def test_training_batches_take_each_row_once_an_epoch(tmp_path):
    save_tokenizer(tmp_path)
    examples = hide_each(["a b c d e f"], transformers.AutoTokenizer.from_pretrained(tmp_path))
    batch = examples.cycle(2, seed=1)
    for epoch in range(3):
        seen = torch.cat([batch(3 * epoch + step)[1] for step in (1, 2, 3)])
        assert sorted(seen.tolist()) == sorted(word for words in examples.words for word in words)
    assert torch.equal(batch(2)[1], examples.cycle(2, seed=1)(2)[1])


@pytest.mark.parametrize("architecture", ["bert", "gpt2", "xlnet"])
def test_a_backbone_without_the_head_is_refused(tmp_path, architecture):
    save_backbone(tmp_path, architecture)
    backbone = backbones.load(str(tmp_path), num_labels=2)
    with pytest.raises(ValueError, match=r"masked-language-model head|AutoModelForMaskedLM") as raised:
        attach(backbone)
    assert "\n" not in str(raised.value)


def test_a_mask_token_is_needed(tmp_path):
    save_backbone(tmp_path, "gpt2")
    backbone = backbones.load(str(tmp_path), num_labels=2)
    refused(lambda: attach(backbone), ValueError, str(tmp_path), "no mask token")


def test_reading_text(tmp_path):
    plain, packed = tmp_path / "t.txt", tmp_path / "t.txt.xz"
    plain.write_text("Çava?\nYes.", encoding="utf-8")
    with lzma.open(packed, "wt", encoding="utf-8") as file:
        file.write("Çava?\nYes.")
    assert read_text(plain) == read_text(packed) == "Çava?\nYes."


@pytest.mark.parametrize(
    ("name", "content", "part"),
    [
        ("empty.txt", b"", "is empty"),
        ("blank.txt", b" \n\t ", "is empty"),
        ("image.png", b"\x89PNG\r\n\x1a\n", "not text"),
        ("zeros.txt", b"abc\0def", "not text"),
        ("broken.xz", b"not compressed", "not text"),
    ],
)
def test_a_file_that_is_no_text_is_refused(tmp_path, name, content, part):
    path = tmp_path / name
    path.write_bytes(content)
    refused(lambda: read_text(path), ValueError, repr(str(path)), part)


def test_a_missing_text_is_refused(tmp_path):
    refused(lambda: read_text(tmp_path / "none.txt"), FileNotFoundError, "none.txt", "give a text file")
    refused(lambda: read_text(tmp_path), FileNotFoundError, "is not a file")
    refused(lambda: read_text("a" * 5000), FileNotFoundError, "is not a file")
    os.mkfifo(tmp_path / "pipe.txt")
    refused(lambda: read_text(tmp_path / "pipe.txt"), FileNotFoundError, "is not a file")


def test_a_text_that_unpacks_without_an_end_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(masked_lm, "LONGEST", 1 << 20)
    (tmp_path / "long.txt").write_bytes(b"a " * (1 << 20))
    (tmp_path / "long.xz").write_bytes(lzma.compress(bytes(1 << 26)))
    for path in (tmp_path / "long.txt", tmp_path / "long.xz"):
        refused(lambda path=path: read_text(path), ValueError, repr(str(path)), "longer than 1 MB")


def test_line_ends_and_marks_of_other_systems_are_not_part_of_a_text(tmp_path):
    (tmp_path / "t.txt").write_bytes(b"\xef\xbb\xbfone\r\ntwo\rthree\n")
    assert read_text(tmp_path / "t.txt") == "one\ntwo\nthree\n"


def test_nothing_to_hide_is_refused(tmp_path):
    save_tokenizer(tmp_path)
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path)
    refused(lambda: hide_each([], tokenizer), ValueError, "texts is empty")
    refused(lambda: hide_share("  ", tokenizer, limit=3), ValueError, "no word")


def test_the_small_architectures_that_are_tested_have_a_mask():
    assert set(MASKED) <= set(ARCHITECTURES)
    assert issubclass(MaskedLM, torch.nn.Module)
