"""The Fisher of its own pretraining that tiny brings: it fits the model, and it is what its tool makes."""

import re

import pytest
import source_fisher as tool
import torch

from recall_learn.measures.probes import world_of
from recall_learn.models import backbones
from recall_learn.models.fishers import read_fisher, source_fisher
from recall_learn.models.masked_lm import attach
from recall_learn.models.places import SOURCE_FISHERS
from recall_learn.theory.fisher import Fisher
from recall_learn.world.batches import BATCH, Batches

FILE = SOURCE_FISHERS["tiny"]


@pytest.fixture(scope="module")
def tiny():
    return backbones.load("tiny", num_labels=2)


@pytest.fixture(scope="module")
def stored(tiny):
    return read_fisher(FILE, tiny)


@pytest.fixture(scope="module")
def batches(tiny):
    return Batches(world_of(tiny), tiny.tokenizer, BATCH)


def test_it_fits_the_packaged_model(tiny, batches, stored):
    fisher, about = stored
    assert fisher.keys() == tiny.anchors.keys()
    assert all(fisher[name].shape == anchor.shape for name, anchor in tiny.anchors.items())
    assert {tensor.dtype for tensor in fisher.values()} == {torch.bfloat16}
    assert FILE.stat().st_size < 2**20
    assert (fisher.labels, fisher.examples) == ("sampled", tool.EPOCHS * batches.an_epoch * BATCH)
    assert (about["task"], about["backbone"]) == ("source", "tiny")
    assert about["how"] == f"python tools/source_fisher.py --epochs {tool.EPOCHS}"
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", about["date"])
    correlation, off = map(float, re.findall(r"\d\.\d+", about["halves"]))
    assert correlation > 0.99
    assert off < 0.12


def test_a_few_passages_asked_anew_agree_with_it(tiny, batches, stored):
    generator = torch.Generator().manual_seed(11)
    stream = (batches(step) for step in range(7001, 7017))  # beyond what it was taken of
    few = source_fisher(tiny, attach(tiny), stream, "sampled", generator, progress=False)
    correlation, off = tool.agreement(few, stored[0])
    assert correlation > 0.7  # 2,048 examples give 0.77 to 0.79, and 0.44 to 0.48
    assert off < 0.6
    traces = [sum(float(tensor.double().sum()) for tensor in each.values()) for each in (few, stored[0])]
    assert traces[0] == pytest.approx(traces[1], rel=0.35)  # three standard errors


def test_agreement_is_what_it_says():
    a = {"w": torch.tensor([1.0, 2.0, 0.0]), "b": torch.tensor([4.0])}
    assert tool.agreement(a, a) == pytest.approx((1.0, 0.0))
    b = {"w": torch.tensor([3.0, 2.0, 8.0]), "b": torch.tensor([4.0])}
    correlation, off = tool.agreement(a, b)
    logs = torch.tensor([[1.0, 2.0, 4.0], [3.0, 2.0, 4.0]]).log()
    assert correlation == pytest.approx(float(torch.corrcoef(logs)[0, 1]), abs=1e-6)
    assert off == pytest.approx((2 + 0 + 8 + 0) / ((7 + 17) / 2))


def test_the_mean_of_the_halves_is_rounded_once():
    first, second = (Fisher({"w": torch.tensor(w)}, labels="sampled", examples=2) for w in ([1.0, 0.003], [2.0, 0.001]))
    made = tool.merged(first, second)
    assert (made.labels, made.examples) == ("sampled", 4)
    assert made["w"].dtype == torch.bfloat16
    assert made["w"].tolist() == [1.5, float(torch.tensor(0.002).bfloat16())]


def test_the_second_half_goes_on_where_the_first_ends(tiny, batches):
    found = [tool.half(tiny, batches, which, 2) for which in (0, 1)]
    for which, half in enumerate(found):
        stream, generator = (batches(2 * which + step) for step in (1, 2)), torch.Generator().manual_seed(which)
        same = source_fisher(tiny, attach(tiny), stream, "sampled", generator, progress=False)
        assert half.examples == 256
        assert all(torch.equal(half[name], tensor) for name, tensor in same.items())
