"""What a tokenizer makes of a task's rows: pairs and single sentences, labels, the order, the longest."""

import pytest
from datasets import Dataset
from small import refused
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from recall_learn.tasks import loading


@pytest.fixture(scope="module")
def tokenizer():
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *"abcdefgh"]
    raw = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="[UNK]"))
    raw.pre_tokenizer = pre_tokenizers.Whitespace()
    raw.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=raw,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        model_max_length=16,
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
    )


def pairs():
    return Dataset.from_dict(
        {"sentence2": ["c", "b b b b"], "sentence1": ["a b", "a"], "label": [1, 0], "idx": [7, 8], "more": ["x", "y"]}
    )


def test_tokens_of_a_pair(tokenizer):
    tokens = loading.tokenize(pairs(), "rte", tokenizer, max_length=16)
    assert sorted(tokens.column_names) == ["attention_mask", "input_ids", "labels", "token_type_ids"]
    assert list(tokens["input_ids"]) == [[2, 4, 5, 3, 6, 3], [2, 4, 3, 5, 5, 5, 5, 3]]
    assert list(tokens["token_type_ids"]) == [[0, 0, 0, 0, 1, 1], [0, 0, 0, 1, 1, 1, 1, 1]]
    assert list(tokens["labels"]) == [1, 0]
    assert all(type(label) is int for label in tokens["labels"])


def test_tokens_of_a_single_sentence(tokenizer):
    data = Dataset.from_dict({"sentence": ["a b", ""], "label": [1, 0]})
    assert list(loading.tokenize(data, "cola", tokenizer, 16)["input_ids"]) == [[2, 4, 5, 3], [2, 3]]


def test_a_long_pair_loses_from_its_longer_text(tokenizer):
    assert list(loading.tokenize(pairs(), "rte", tokenizer, max_length=6)["input_ids"])[1] == [2, 4, 3, 5, 5, 3]


def test_a_regression_has_floats_for_labels(tokenizer):
    data = Dataset.from_dict({"sentence1": ["a"], "sentence2": ["b"], "label": [5]})
    (label,) = loading.tokenize(data, "stsb", tokenizer, 16)["labels"]
    assert label == 5.0
    assert type(label) is float


def test_tokens_keep_the_order_across_batches(tokenizer):
    count = 2500  # more than two of the batches that datasets works in
    data = Dataset.from_dict(
        {"sentence": ["a " * (i % 7) for i in range(count)], "label": [i % 2 for i in range(count)]}
    )
    tokens = loading.tokenize(data, "cola", tokenizer, 16)
    assert [len(ids) - 2 for ids in tokens["input_ids"]] == [i % 7 for i in range(count)]


def test_only_the_inputs_that_the_model_takes(tokenizer, monkeypatch):
    monkeypatch.setattr(tokenizer, "model_input_names", ["input_ids", "attention_mask"])
    assert "token_type_ids" not in loading.tokenize(pairs(), "rte", tokenizer, 16).column_names


def test_max_length_out_of_range(tokenizer):
    refused(lambda: loading.tokenize(pairs(), "rte", tokenizer, 4), ValueError, "max_length", "at least 5", "got 4")
    refused(
        lambda: loading.tokenize(pairs(), "rte", tokenizer, 17), ValueError, "max_length", "at most", "16", "got 17"
    )
    assert [len(ids) for ids in loading.tokenize(pairs(), "rte", tokenizer, 5)["input_ids"]] == [5, 5]


def test_tokens_of_another_task(tokenizer):
    refused(lambda: loading.tokenize(pairs(), "qqp", tokenizer, 16), ValueError, "'question1'", "sentence1")
    refused(lambda: loading.tokenize(pairs(), "nope", tokenizer, 16), ValueError, "'nope'")
