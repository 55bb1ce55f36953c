"""The forms of the derivation on a masked language model of transformers, against central differences."""

import pytest
import torch
import transformers
from classifier import draw, flat, noise
from torch import nn
from torch.func import functional_call

from recall_learn.models.masked_lm import MaskedLM
from recall_learn.theory.derivation import (
    fisher_form,
    hessian_form,
    rise,
    slope,
)

# --- a real masked language model ---


def small_bert(attention="sdpa"):
    """A BertForMaskedLM in float32, its head tied to its embeddings, and rows with one hidden word each."""
    config = transformers.BertConfig(
        vocab_size=20,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=24,
        max_position_embeddings=12,
        initializer_range=0.3,
        attn_implementation=attention,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        model = MaskedLM(transformers.BertForMaskedLM(config), 4)
    g, batches = draw(6), []
    for n, tokens in ((3, 6), (4, 9)):
        ids = torch.randint(5, 20, (n, tokens), generator=g)
        mask = torch.ones_like(ids)
        mask[1, -2:], ids[1, -2:] = 0, 0
        ids[torch.arange(n), torch.randint(1, tokens - 2, (n,), generator=g)] = 4
        types = (torch.arange(tokens) > 3).long().expand(n, tokens)
        batches.append(
            (
                {"input_ids": ids, "attention_mask": mask, "token_type_ids": types},
                torch.randint(5, 20, (n,), generator=g),
            )
        )
    # a classifier's names: no "model." in front; the encoder only
    anchors = {name: p.detach().clone() for name, p in model.model.named_parameters() if name.startswith("bert.")}
    return model, batches, anchors


def bert_by_hand(model, batches, anchors, away):
    """(losses, log p of every word) at theta* + t d, by moving the weights of a float64 model themselves."""
    config = type(model.model.config).from_dict({**model.model.config.to_dict(), "attn_implementation": "eager"})
    copy = transformers.BertForMaskedLM(config).double().eval()
    copy.load_state_dict(model.model.state_dict())

    def at(t):
        weights = dict(copy.named_parameters())
        with torch.no_grad():
            for name, anchor in anchors.items():
                weights[name].copy_(anchor.double() + t * away[name])
            rows, words_ = [], []
            for inputs, words in batches:
                logits = copy(**inputs).logits
                rows.append(logits[inputs["input_ids"] == 4].log_softmax(-1))
                words_.append(words)
            log_p, words = torch.cat(rows), torch.cat(words_)
            return float(-log_p[torch.arange(len(words)), words].mean()), log_p

    return at


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_forms_of_a_masked_language_model_are_central_differences(attention):
    model, batches, anchors = small_bert(attention)
    away = noise(anchors, size=0.02)
    at = bert_by_hand(model, batches, anchors, away)
    assert rise(model, batches, anchors, away) == pytest.approx(at(1)[0] - at(0)[0], rel=1e-9)
    # fourth order: h = 0.01 leaves about 1e-9 of a first and 1e-8 of a second derivative
    h = 0.01
    (l2, q2), (l1, q1), (c, q), (r1, s1), (r2, s2) = (at(k * h) for k in (-2, -1, 0, 1, 2))
    assert slope(model, batches, anchors, away) == pytest.approx((l2 - 8 * l1 + 8 * r1 - r2) / (12 * h), rel=1e-6)
    second = (-l2 + 16 * l1 - 30 * c + 16 * r1 - r2) / (12 * h * h)
    assert hessian_form(model, batches, anchors, away) == pytest.approx(second / 2, rel=1e-6)
    # the definition: over all words, p times the squared derivative of log p
    score = (q2 - 8 * q1 + 8 * s1 - s2) / (12 * h)
    expected = float((q.exp() * score.square()).sum(-1).mean()) / 2
    assert fisher_form(model, batches, anchors, away) == pytest.approx(expected, rel=1e-6)
    assert abs(second / 2 - expected) > 0.05 * expected
    assert model.model.config._attn_implementation == attention
    assert model.training


def test_dense_oracle_of_a_few_weights_of_a_masked_language_model():
    model, batches, anchors = small_bert()
    names = ["bert.encoder.layer.0.attention.self.query.bias", "bert.embeddings.LayerNorm.weight"]
    few = {name: anchors[name] for name in names}
    away = noise(few, size=0.1)
    copy, d = small_bert("eager")[0].double().eval(), flat(away)

    def logits(theta):
        weights = {"model." + name: part for name, part in zip(names, theta.split(16), strict=True)}
        return torch.cat([functional_call(copy, weights, kwargs=inputs) for inputs, _ in batches])

    words, theta = torch.cat([words for _, words in batches]), flat(few)
    matrix = torch.autograd.functional.hessian(lambda w: nn.functional.cross_entropy(logits(w), words), theta)
    jacobian = torch.autograd.functional.jacobian(lambda w: logits(w).log_softmax(-1), theta)
    fisher = torch.einsum("ny,nyi,nyj->ij", logits(theta).softmax(-1), jacobian, jacobian) / len(words)
    fisher = fisher.detach()
    assert hessian_form(model, batches, few, away) == pytest.approx(float(d @ matrix @ d) / 2, rel=1e-8)
    assert fisher_form(model, batches, few, away) == pytest.approx(float(d @ fisher @ d) / 2, rel=1e-8)


def test_a_tied_head_moves_with_the_embeddings():
    model, batches, anchors = small_bert()
    name = "bert.embeddings.word_embeddings.weight"
    only = {name: anchors[name]}
    away = noise(only, size=0.1)
    with_prefix = [{"model." + name: t[name]} for t in (only, away)]
    tied, untied = rise(model, batches, only, away), small_bert()[0]
    assert tied == rise(model, batches, *with_prefix)
    untied.model.cls.predictions.decoder.weight = nn.Parameter(anchors[name].clone())
    assert rise(untied, batches, only, away) != pytest.approx(tied, rel=0.1)
