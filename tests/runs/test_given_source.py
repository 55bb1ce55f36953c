"""What a run is given of its model's source: never the text that its source loss is measured on."""

import pytest
from small import refused, save_backbone, save_glue
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import BertForMaskedLM, PreTrainedTokenizerFast

from recall_learn import Recipe, finetune
from recall_learn.measures import probes
from recall_learn.models.masked_lm import hide_share
from recall_learn.runs import given_source


@pytest.fixture(scope="module")
def tokenizer():
    """Knows w0, w1, ..., all of one length, so that each token says where it stands; 16 tokens are the most."""
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    words = {word: i for i, word in enumerate([*special, *(f"w{i:05}" for i in range(12000))])}
    raw = Tokenizer(models.WordLevel(words, unk_token="[UNK]"))
    raw.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    ends = [("[CLS]", 2), ("[SEP]", 3)]
    raw.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=ends)
    special = {"pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"}
    return PreTrainedTokenizerFast(tokenizer_object=raw, unk_token="[UNK]", model_max_length=16, **special)


def tokens(examples):
    """The words of examples, hidden or not, without [MASK] and other special ones."""
    seen = {token for row in examples.rows for token in row["input_ids"]} | {w for row in examples.words for w in row}
    return {token for token in seen if token > 4}


@pytest.mark.parametrize("count", [30, 300, 3000, 12000])
def test_what_is_measured_is_never_trained_on(tokenizer, tmp_path, count):
    text = " ".join(f"w{i:05}" for i in range(count))
    (tmp_path / "text.txt").write_text(text, encoding="utf-8")
    if count == 30:
        short = lambda: probes.unmeasured(tmp_path / "text.txt", tokenizer)  # noqa: E731
        refused(short, ValueError, "is too short", "to hold 128 letters")
        return
    blocks = hide_share(text, tokenizer, limit=2 * probes.BLOCKS)
    measured, trained = blocks.take(range(0, len(blocks), 2)), probes.unmeasured(tmp_path / "text.txt", tokenizer)
    assert not tokens(measured) & tokens(trained)
    assert all(len(row["input_ids"]) <= 16 for row in trained.rows)
    assert len(trained) > 0.4 * len(text) / 128 - 1  # and little else is left out
    one = probes.unmeasured(tmp_path / "text.txt", tokenizer, share=0)
    assert [len(words) for words in one.words] == [1] * len(trained)


def test_the_probe_measures_on_those_blocks(tokenizer, tmp_path, monkeypatch):
    """The same blocks as above are what a run's probe is given."""
    text = " ".join(f"w{i:05}" for i in range(3000))
    (tmp_path / "text.txt").write_text(text, encoding="utf-8")
    backbone = type("Backbone", (), {"tokenizer": tokenizer, "name": "own"})
    found = probes._of_text(backbone, tmp_path / "text.txt")["examples"]
    assert not tokens(found) & tokens(probes.unmeasured(tmp_path / "text.txt", tokenizer))
    assert tokens(found)


def test_a_run_on_a_text_file(tmp_path):
    save_backbone(tmp_path / "bert", model_class=BertForMaskedLM)
    save_glue(tmp_path / "glue", "mrpc")
    (tmp_path / "text.txt").write_text("abc def gh ab " * 200, encoding="utf-8")
    recipe = Recipe(str(tmp_path / "bert"), "mrpc", "source-replay", 3, 4, lr=1e-3, max_length=32, probe="source")
    given = {"data_folder": tmp_path / "glue", "device": "cpu", "progress": False}
    run = finetune(recipe, source_text=tmp_path / "text.txt", **given)
    assert all(0 < record["replay"] < 10 for record in run.history)
    assert len(run.environment["source_text"]) == 64
    refused(lambda: finetune(recipe, **given), ValueError, "method source-replay goes on with", "--source-text FILE")
    (tmp_path / "short.txt").write_text("abc def", encoding="utf-8")
    refused(
        lambda: finetune(recipe, source_text=tmp_path / "short.txt", **given), ValueError, "short.txt", "is too short"
    )


def test_without_a_text_there_is_the_head_alone(tmp_path):
    from recall_learn.models import backbones

    save_backbone(tmp_path, model_class=BertForMaskedLM)
    source = given_source.find(backbones.load(str(tmp_path), num_labels=2), None, 4)()
    assert source.batches is None
    assert {source.mask, *source.special} == {0, 1, 2, 3, 4}
