"""The Fisher of small Hugging Face models, against batches of one and one backward pass a label, in float64."""

import itertools

import pytest
import torch
import transformers as hf

from recall_learn.theory.fisher import IGNORED, fisher_diagonal

SMALL = {"hidden_size": 12, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 10}
WORDS = {"vocab_size": 11, "max_position_embeddings": 16}

CONFIGS = {
    "bert": lambda **kw: hf.BertConfig(**SMALL, **WORDS, **kw),
    "roberta": lambda **kw: hf.RobertaConfig(**SMALL, **WORDS, pad_token_id=0, **kw),
    "albert": lambda **kw: hf.AlbertConfig(**SMALL, **WORDS, embedding_size=6, classifier_dropout_prob=0.1, **kw),
    "electra": lambda **kw: hf.ElectraConfig(**SMALL, **WORDS, embedding_size=6, **kw),
    "distilbert": lambda **kw: hf.DistilBertConfig(dim=12, n_layers=2, n_heads=2, hidden_dim=10, **WORDS, **kw),
    "xlnet": lambda **kw: hf.XLNetConfig(vocab_size=11, d_model=12, n_layer=2, n_head=2, d_inner=10, **kw),
    "gpt2": lambda **kw: hf.GPT2Config(
        vocab_size=11,
        n_positions=16,
        n_embd=12,
        n_layer=2,
        n_head=2,
        n_inner=10,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
        **kw,
    ),
}
TOGETHER = ["bert", "roberta", "albert", "electra", "distilbert"]
LOOP = ["xlnet", "gpt2"]


def classifier(name, labels=3, dtype=torch.float64):
    torch.manual_seed(0)
    config = CONFIGS[name](num_labels=labels)
    model = hf.AutoModelForSequenceClassification.from_config(config).to(dtype)
    for parameter in model.parameters():  # weights that are not almost zero, so that everything has a gradient
        parameter.data += 0.2 * torch.randn_like(parameter)
    return model.train()


def batch(n=4, length=6, labels=3):
    g = torch.Generator().manual_seed(1)
    ids = torch.randint(1, 11, (n, length), generator=g)
    mask = torch.ones_like(ids)
    for i in range(n):  # some are padded
        mask[i, length - i :] = 0
    y = torch.randint(0, labels, (n,), generator=g) if labels > 1 else torch.randn(n, generator=g, dtype=torch.float64)
    return {"input_ids": ids * mask, "attention_mask": mask, "labels": y}


def rows(whole):
    return [{k: v[i : i + 1] for k, v in whole.items()} for i in range(len(whole["labels"]))]


def definition(model, whole, terms):
    """Mean over batches of one of sum_j w_j (grad l_j)^2, with (w, l) from ``terms(logits, labels)``."""
    weights = dict(model.named_parameters())
    total = {name: torch.zeros_like(w) for name, w in weights.items()}
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    for one in rows(whole):
        y = one.pop("labels")
        for share, value in terms(model(**one).logits, y):
            gradients = torch.autograd.grad(value, tuple(weights.values()), retain_graph=True, allow_unused=True)
            for square, g in zip(total.values(), gradients, strict=True):
                square += 0 if g is None else share * g**2
    for module, training in modes:
        module.training = training
    return {name: square / len(whole["labels"]) for name, square in total.items()}


def exact(logits, y):
    return [(value.exp().item(), value) for value in logits[0].log_softmax(-1)]


def empirical(logits, y):
    return [(1, logits[0].log_softmax(-1)[y[0]])]


def assert_agree(found, right, bound=1e-9):
    assert list(found) == list(right)
    # a softmax over keys does not see their bias: that Fisher is zero, and what is computed for it is rounding
    scale = max(tensor.norm() for tensor in right.values())
    for name in right:
        assert (found[name] - right[name]).norm() <= bound * (right[name].norm() + 1e-6 * scale), name
    assert sum(tensor.norm() > 1e-6 * scale for tensor in right.values()) > len(right) / 2


@pytest.mark.parametrize("name", TOGETHER + LOOP)
@pytest.mark.parametrize("labels", ["exact", "empirical"])
def test_a_classifier(name, labels, caplog):
    model, whole = classifier(name), batch()
    found = fisher_diagonal(model, [whole], labels=labels)
    assert_agree(found, definition(model, whole, exact if labels == "exact" else empirical))
    assert len(caplog.records) == (name in LOOP)
    assert model.training


@pytest.mark.parametrize("name", TOGETHER + LOOP)
def test_batches_of_any_size(name):
    model, whole = classifier(name), batch(n=5)
    one = fisher_diagonal(model, [whole])
    parts = [{k: v[s] for k, v in whole.items()} for s in (slice(1), slice(1, 4), slice(4, 5))]
    assert_agree(fisher_diagonal(model, iter(parts)), one)


def test_as_many_tokens_as_examples():
    for name in TOGETHER + LOOP:
        model, whole = classifier(name), batch(n=4, length=4)
        assert_agree(fisher_diagonal(model, [whole]), definition(model, whole, exact))


@pytest.mark.parametrize("name", TOGETHER)
def test_a_regression(name):
    model, whole = classifier(name, labels=1), batch(labels=1)
    right = definition(model, whole, lambda f, y: [(1, f[0, 0])])
    assert_agree(fisher_diagonal(model, [whole]), right)
    right = definition(model, whole, lambda f, y: [(1, 0.5 * (y[0] - f[0, 0]) ** 2)])
    assert_agree(fisher_diagonal(model, [whole], labels="empirical"), right)


def test_batched_is_the_model_s_own_loss_squared():
    model, whole = classifier("bert").eval(), batch()
    names, weights = zip(*model.named_parameters(), strict=True)
    gradients = torch.autograd.grad(model(**whole).loss, weights)
    right = {name: g**2 for name, g in zip(names, gradients, strict=True)}
    assert_agree(fisher_diagonal(model, [whole], labels="batched"), right)
    assert fisher_diagonal(model, [whole], labels="empirical")["classifier.bias"].sum() > right["classifier.bias"].sum()


@pytest.mark.parametrize("name", ["bert", "xlnet"])
def test_sampled_draws_the_labels_of_its_generator(name):
    model, whole = classifier(name), batch()
    del whole["labels"]
    p = model.eval()(**whole).logits.softmax(-1)
    u = torch.rand(4, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    drawn = (p.cumsum(1) <= u[:, None]).sum(1)
    found = fisher_diagonal(model, [whole], labels="sampled", generator=torch.Generator().manual_seed(3))
    assert len(set(drawn.tolist())) > 1
    assert_agree(found, definition(model, whole | {"labels": drawn}, empirical))


def test_masked_words_with_tied_weights(caplog):
    torch.manual_seed(0)
    model = hf.BertForMaskedLM(CONFIGS["bert"]()).double()
    whole = batch(n=3)
    whole["labels"] = torch.full((3, 6), IGNORED)
    for i, t in ((0, 1), (0, 4), (1, 2)):
        whole["labels"][i, t] = whole["input_ids"][i, t]

    def all_answers(logits, y):
        log_p = logits[0].log_softmax(-1)[y[0] != IGNORED]
        if not len(log_p):
            return []
        answers = itertools.product(range(11), repeat=len(log_p))
        values = [sum(log_p[t, word] for t, word in enumerate(words)) for words in answers]
        return [(value.exp().item(), value) for value in values]

    def the_answer(logits, y):
        marked = y[0] != IGNORED
        return [(1, logits[0].log_softmax(-1)[marked].gather(1, y[0][marked][:, None]).sum())]

    found = fisher_diagonal(model, [whole])
    assert model.cls.predictions.decoder.weight is model.bert.embeddings.word_embeddings.weight
    assert [name for name in found if "decoder" in name] == []
    assert_agree(found, definition(model, whole, all_answers))
    assert_agree(fisher_diagonal(model, [whole], labels="empirical"), definition(model, whole, the_answer))
    assert not caplog.records


def test_bfloat16_is_close_to_float64():
    whole = batch()
    right = fisher_diagonal(classifier("bert"), [whole])
    found = fisher_diagonal(classifier("bert").to(torch.bfloat16), [whole])
    assert all(tensor.dtype == torch.float32 for tensor in found.values())
    flat, flat_right = (torch.cat([t.double().flatten() for t in f.values()]) for f in (found, right))
    assert (flat - flat_right).norm() < 0.1 * flat_right.norm()


def test_float32_is_close_to_float64():
    whole = batch()
    found = fisher_diagonal(classifier("albert").float(), [whole])
    assert_agree({k: f.double() for k, f in found.items()}, fisher_diagonal(classifier("albert"), [whole]), 1e-4)


def test_what_a_collator_gives():
    model, whole = classifier("bert"), batch()
    collated = hf.BatchEncoding(whole)
    assert_agree(fisher_diagonal(model, [collated]), fisher_diagonal(model, [whole]))
    assert "labels" in collated
