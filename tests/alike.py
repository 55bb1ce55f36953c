"""What the tests of models and runs hold them against: read again from the disk, computed one word at a time."""

import torch
from safetensors.torch import load_file

from recall_learn.models import backbones
from recall_learn.runs import record as runs

MARKS = ("[CLS]", "[SEP]", ".", ",")


def assert_same_run(one, other):
    """Two folders hold the same weights and the same history, to the bit."""
    a, b = (load_file(folder / "model" / "model.safetensors") for folder in (one, other))
    assert a.keys() == b.keys()
    assert all(torch.equal(a[name], b[name]) for name in a)
    a, b = (runs.load(folder / "run.json") for folder in (one, other))
    assert a.history == b.history
    assert a.evaluations == b.evaluations
    assert a.changes == b.changes
    assert {**a.final, "seconds": 0} == {**b.final, "seconds": 0}


def head(backbone):
    """The parameters that are not of the encoder, by name."""
    encoder = backbones.encoder_parameters(backbone.model)
    return {name: p for name, p in backbone.model.named_parameters() if name not in encoder}


def each_word_hidden(model, tokenizer, passages):
    """Each word of the passages hidden once, of a masked language model: its loss, and whether it is said."""
    losses, hits = [], []
    for passage in passages:
        encoded = tokenizer(*passage, return_tensors="pt")
        tokens = tokenizer.convert_ids_to_tokens(encoded["input_ids"][0])
        places = [i for i, token in enumerate(tokens) if token not in MARKS]
        rows = {key: value.repeat(len(places), 1) for key, value in encoded.items()}
        words = rows["input_ids"][range(len(places)), places].clone()
        rows["input_ids"][range(len(places)), places] = tokenizer.mask_token_id
        with torch.no_grad():
            log_p = model(**rows).logits[range(len(places)), places].double().log_softmax(-1)
        losses += (-log_p[range(len(places)), words]).tolist()
        hits += (log_p.argmax(-1) == words).tolist()
    return losses, hits
