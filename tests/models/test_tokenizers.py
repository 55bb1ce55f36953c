"""Tokenizers are what transformers reads: words from any file that it knows, bytes, characters; and no empty ones."""

import io
import json

import numpy as np
import pytest
import sentencepiece
import torch
import transformers
from small import ARCHITECTURES, SIZE, VOCABULARY, WIDE, refused, save_backbone, save_glue, save_tokenizer
from transformers.models.auto.tokenization_auto import TOKENIZER_MAPPING_NAMES, tokenizer_class_from_name

from recall_learn.models import backbones, folders
from recall_learn.runs.finetune import finetune
from recall_learn.runs.recipe import Recipe


def load(folder):
    return backbones.load(str(folder), num_labels=2)


def save(folder, config):
    transformers.MODEL_MAPPING[type(config)](config).save_pretrained(folder)


def trains(folder, tmp_path):
    """Whether a run of two steps reads texts through the folder's tokenizer, and moves the encoder."""
    save_glue(tmp_path / "glue", "mrpc")
    recipe = Recipe(backbone=str(folder), task="mrpc", steps=2, batch_size=4, max_length=32, lr=1e-3)
    done = finetune(recipe, data_folder=tmp_path / "glue", device="cpu", progress=False)
    return np.isfinite(done.history[-1]["loss"]) and 0 < done.final["distance"] < 1


# --- without a vocabulary ---


def test_characters_need_no_file(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr("transformers.models.canine.tokenization_canine.UNICODE_VOCAB_SIZE", 512)  # all takes seconds
    small = {"num_hash_buckets": 32, "local_transformer_stride": 16, "max_position_embeddings": 64}
    save(tmp_path / "canine", transformers.CanineConfig(**WIDE, **small))
    assert not folders.has_vocabulary(tmp_path / "canine")
    assert trains(tmp_path / "canine", tmp_path)
    assert "reads its padding" in caplog.text  # its convolution sees what is beside a character
    assert load(tmp_path / "canine").tokenizer("aé")["input_ids"][1:-1] == [ord("a"), ord("é")]


def test_bytes_need_no_file(tmp_path):
    config = transformers.T5Config(vocab_size=384, d_model=16, d_kv=8, d_ff=24, num_layers=2, num_heads=2)
    save(tmp_path / "byt5", config)
    transformers.ByT5Tokenizer().save_pretrained(tmp_path / "byt5")
    for name in ("added_tokens.json", "special_tokens_map.json"):
        (tmp_path / "byt5" / name).unlink(missing_ok=True)
    assert trains(tmp_path / "byt5", tmp_path)
    assert load(tmp_path / "byt5").tokenizer("a")["input_ids"] == [ord("a") + 3, 1]


# --- files ---


@pytest.fixture
def deberta(tmp_path):
    """A small DeBERTa-v3: its words are in spm.model, and nowhere else."""
    names = {"pad": "[PAD]", "bos": "[CLS]", "eos": "[SEP]", "unk": "[UNK]"}
    made = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(["a b c d e f g h"] * 20),
        model_writer=made,
        vocab_size=14,
        hard_vocab_limit=False,
        user_defined_symbols=["[MASK]"],
        minloglevel=2,
        **{f"{name}_id": number for number, name in enumerate(names)},
        **{f"{name}_piece": piece for name, piece in names.items()},
    )
    save(tmp_path / "deberta", transformers.DebertaV2Config(**SIZE, **WIDE, type_vocab_size=0))
    (tmp_path / "deberta" / "spm.model").write_bytes(made.getvalue())
    return tmp_path / "deberta"


def test_deberta_v3_has_its_words_in_spm_model(deberta, tmp_path):
    backbone = load(deberta)
    assert type(backbone.tokenizer).__name__ == "DebertaV2Tokenizer"
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(deberta / "spm.model")).encode("a h", out_type=str)
    assert backbone.tokenizer.convert_ids_to_tokens(backbone.tokenizer("a h")["input_ids"])[1:-1] == pieces
    assert trains(deberta, tmp_path)


@pytest.fixture
def words_alone(bert):
    """A BERT whose only file for a tokenizer is vocab.txt."""
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (bert / name).unlink()
    (bert / "vocab.txt").write_text("\n".join(VOCABULARY))
    return bert


def test_a_list_of_words_alone(words_alone):
    assert load(words_alone).tokenizer("a bc")["input_ids"] == [
        VOCABULARY.index(w) for w in ("[CLS]", "a", "b", "##c", "[SEP]")
    ]


@pytest.mark.parametrize("text", ["", "\n", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]"])
def test_a_tokenizer_that_knows_no_word_is_none(text, words_alone):
    (words_alone / "vocab.txt").write_text(text)
    refused(
        lambda: load(words_alone), FileNotFoundError, str(words_alone), "no tokenizer that knows a word", "vocab.txt"
    )


def test_nor_is_one_that_transformers_makes_up(bert):
    """Without a file its BertTokenizer has five tokens."""
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (bert / name).unlink()
    refused(lambda: load(bert), FileNotFoundError, str(bert), "no tokenizer")
    (bert / "vocab.json").write_text(json.dumps({"a": 0}))  # another class's
    refused(lambda: load(bert), FileNotFoundError, str(bert), "no tokenizer", "vocab.txt")


def test_a_model_with_one_kind_of_token_is_given_no_kinds(tmp_path):
    """klue/roberta-base has BERT's tokenizer, which tells a pair's second text by a number that RoBERTa lacks."""
    save(tmp_path, ARCHITECTURES["roberta"][0])
    save_tokenizer(tmp_path, pair_types=True)
    backbone = load(tmp_path)
    assert set(backbone.tokenizer("a", "b")) == {"input_ids", "attention_mask"}


def test_every_file_that_a_tokenizer_of_transformers_reads_is_fetched():
    names = set()
    for name in filter(None, TOKENIZER_MAPPING_NAMES.values()):
        names |= set(getattr(tokenizer_class_from_name(name), "vocab_files_names", {}).values())
    assert len(names) > 15
    assert names <= set(folders.PATTERNS)


# --- what does not go together ---


def test_a_padding_token_that_the_model_has_no_embedding_for(bert):
    stored = json.loads((bert / "tokenizer_config.json").read_text())
    (bert / "tokenizer_config.json").write_text(json.dumps(stored | {"pad_token": "[NEW]"}))
    refused(lambda: load(bert), ValueError, "a tokenizer of 23 tokens", "embeddings")


def test_a_model_that_fails_at_the_first_text_is_refused_at_once(tmp_path):
    """X-MOD has to be told a language."""
    save(tmp_path, transformers.XmodConfig(**SIZE, **WIDE, languages=["en_XX"]))
    save_tokenizer(tmp_path)
    refused(lambda: load(tmp_path), ValueError, str(tmp_path), "cannot read text", "set_default_language")


def test_trying_a_model_draws_no_number(tmp_path):
    """YOSO hashes at random when it reads."""
    save(tmp_path, transformers.YosoConfig(**SIZE, **WIDE))
    save_tokenizer(tmp_path)
    torch.manual_seed(5)
    state = torch.get_rng_state()
    load(tmp_path)
    assert torch.equal(torch.get_rng_state(), state)


def test_a_tokenizer_is_read_back_as_it_was_saved(tmp_path):
    """XLNet's texts have no end, which was written as Infinity."""
    save_backbone(tmp_path / "xlnet", "xlnet")
    stored = json.loads((tmp_path / "xlnet" / "tokenizer_config.json").read_text())
    (tmp_path / "xlnet" / "tokenizer_config.json").write_text(json.dumps(stored | {"model_max_length": float("inf")}))
    backbone = load(tmp_path / "xlnet")
    backbone.model.save_pretrained(tmp_path / "again")
    backbone.tokenizer.save_pretrained(tmp_path / "again")
    json.loads((tmp_path / "again" / "tokenizer_config.json").read_text(), parse_constant=pytest.fail)
    assert load(tmp_path / "again").tokenizer.get_vocab() == backbone.tokenizer.get_vocab()
