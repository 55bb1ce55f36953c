"""A source of one's own: a checkpoint's head above the model that trains, and a text."""

import pytest
import torch
import transformers
from small import config_of, refused, save_backbone
from torch import nn

from recall_learn import compose, text_source
from recall_learn.methods import METHODS

TEXT = "a b c d e f g h " * 40


@pytest.fixture
def place(tmp_path):
    """A folder with a masked language model, and a text."""
    save_backbone(tmp_path, "bert", transformers.BertForMaskedLM)
    (tmp_path / "text.txt").write_text(TEXT)
    return tmp_path


@pytest.fixture
def script(place):
    """What a script has: the model and its tokenizer."""
    model = transformers.AutoModelForSequenceClassification.from_pretrained(place)
    return model, transformers.AutoTokenizer.from_pretrained(place)


def test_its_loss_is_the_published_model_s_and_falls_on_the_encoder_that_trains(place, script):
    source = text_source(str(place), *script, place / "text.txt", batch_size=3)
    inputs, words = source.batches(1)
    published = transformers.BertForMaskedLM.from_pretrained(place).eval()
    with torch.no_grad():
        logits = published(**inputs).logits[inputs["input_ids"] == source.mask].double()
    assert float(source.loss((inputs, words)).detach()) == pytest.approx(
        float(nn.functional.cross_entropy(logits, words)), 1e-5
    )
    source.loss((inputs, words)).backward()
    assert script[0].bert.embeddings.word_embeddings.weight.grad.abs().sum() > 0
    assert set(source.special) == {0, 1, 2, 3, 4}


def test_its_batches_are_the_text_s_and_the_same_at_each_call(place, script):
    source, again = (text_source(str(place), *script, place / "text.txt", batch_size=2) for _ in range(2))
    for n in (1, 2, 5):
        (inputs, words), (same, others) = source.batches(n), again.batches(n)
        assert torch.equal(inputs["input_ids"], same["input_ids"])
        assert torch.equal(words, others)
        whole = inputs["input_ids"].clone()
        whole[whole == source.mask] = words
        text = script[1].decode(whole[0], skip_special_tokens=True)
        assert text
        assert text in TEXT


@pytest.mark.parametrize("name", [name for name, method in METHODS.items() if method.needs & {"source data"}])
def test_every_method_that_goes_on_with_the_source_takes_a_step(place, script, name):
    model, tokenizer = script
    source = text_source(str(place), model, tokenizer, place / "text.txt", batch_size=4)
    composed = compose(name, model, lr=1e-3, source=source)
    batch = dict(tokenizer(["a b", "c d"], return_tensors="pt")) | {"labels": torch.tensor([0, 1])}
    before = model.classifier.weight.clone()
    composed.loss(model(**batch), batch).backward()
    composed.optimizer.step()
    assert not torch.equal(model.classifier.weight, before)


def test_without_a_text_it_is_enough_for_what_hides_the_task_s_own_words(place, script):
    assert text_source(str(place), *script).batches is None


def test_what_is_no_source_is_one_sentence(place, script, tmp_path):
    model, tokenizer = script
    config = config_of("bert")
    config.hidden_size = 24
    wider = transformers.BertForSequenceClassification(config)
    distil = transformers.DistilBertForSequenceClassification(config_of("distilbert"))
    (tmp_path / "empty.txt").write_text(" \n")
    name = str(place)
    refused(lambda: text_source(name, wider, tokenizer), ValueError, "another encoder than the model, a BertModel")
    refused(lambda: text_source(name, distil, tokenizer), ValueError, "a DistilBertModel: a BertModel is there")
    refused(lambda: text_source("", model, tokenizer), ValueError, "a folder, a hub id, tiny or minilm")
    refused(lambda: text_source(name, model, tokenizer, place / "no.txt"), FileNotFoundError, "is not a file")
    refused(lambda: text_source(name, model, tokenizer, place / "empty.txt"), ValueError, "is empty")
    refused(lambda: text_source(name, model, tokenizer, place / "text.txt", batch_size=0), ValueError, "batch_size")
    save_backbone(tmp_path / "headless")
    refused(lambda: text_source(str(tmp_path / "headless"), model, tokenizer), ValueError, "no masked-language-model")
