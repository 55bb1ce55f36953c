"""Measures of forgetting against numpy, and their laws."""

import numpy as np
import pytest
import torch
from scipy import stats
from small import save_backbone
from transformers import AutoTokenizer

from recall_learn.measures.distance import distance
from recall_learn.measures.similarity import embed, sentence_similarity


@pytest.fixture
def encoder(tmp_path):
    model = save_backbone(tmp_path)
    return model.eval(), AutoTokenizer.from_pretrained(tmp_path)


def test_distance_is_the_norm_of_all_differences(encoder):
    model, _ = encoder
    named = {name: p for name, p in model.named_parameters() if "layer" in name}
    noise = {name: torch.randn_like(p) for name, p in named.items()}
    anchors = {name: p.detach() + noise[name] for name, p in named.items()}
    flat = np.concatenate([e.double().numpy().ravel() for e in noise.values()])
    assert distance(model, anchors) == pytest.approx(np.sqrt((flat**2).sum()), rel=1e-5)
    assert distance(model, {name: p.detach().clone() for name, p in named.items()}) == 0
    with pytest.raises(ValueError, match="nothing_here"):
        distance(model, {"nothing_here": torch.zeros(1)})


def test_embedding_is_the_masked_mean_of_one_sentence_alone(encoder):
    model, tokenizer = encoder
    texts = ["a b c d e", "a", "h g f", "a b"]
    rows = embed(model, tokenizer, texts, batch_size=2)
    for text, row in zip(texts, rows, strict=True):
        with torch.no_grad():
            hidden = model(**tokenizer(text, return_tensors="pt")).last_hidden_state[0].double().numpy()
        mean = hidden.mean(0)
        np.testing.assert_allclose(row, mean / np.linalg.norm(mean), atol=1e-6)


def test_similarity_is_spearmans_and_needs_no_dropout(encoder):
    model, tokenizer = encoder
    generator = np.random.default_rng(0)
    pairs = [tuple(" ".join(generator.choice(list("abcdefgh"), 4)) for _ in "12") for _ in range(20)]
    scores = generator.uniform(0, 5, 20)
    first, second = (embed(model, tokenizer, [pair[i] for pair in pairs]) for i in (0, 1))
    expected = stats.spearmanr((first * second).sum(1), scores).statistic
    model.train()
    assert sentence_similarity(model, tokenizer, pairs, scores, batch_size=7) == pytest.approx(expected, abs=1e-6)
    assert model.training  # left as it was found
    assert sentence_similarity(model, tokenizer, pairs, np.ones(20)) == 0


def test_bad_inputs_are_refused(encoder):
    model, tokenizer = encoder
    with pytest.raises(ValueError, match="texts is empty"):
        embed(model, tokenizer, [])
    with pytest.raises(ValueError, match="equally many"):
        sentence_similarity(model, tokenizer, [("a", "b")], [1.0, 2.0])
