"""What the folds of the lesson on the neighbours say is what the library does: every number is computed here."""

import math
import re

import numpy as np
import pytest
import torch
from neighbours import FOLDS, FOUND, LESSON, PAIR, QUESTIONS, says
from torch import nn
from transformers import BertConfig, BertModel
from ways import batched, bert, rows

from recall_learn import compose
from recall_learn.measures import probes
from recall_learn.methods import METHODS, lwf, pseudo_rehearsal
from recall_learn.methods.added import Bottleneck, Column, Side
from recall_learn.methods.bss import shrinkage
from recall_learn.methods.mixout import mixed
from recall_learn.methods.neighbour import disagreement
from recall_learn.methods.smart import to_radius
from recall_learn.models import backbones
from recall_learn.theory.kronecker import kronecker_fisher
from recall_learn.theory.path import PathIntegral
from recall_learn.theory.sensitivity import sensitivity


def moved(model, composed):
    """The names of what each of four steps moves."""
    found, batch = [], batched(rows()[:6])
    for _ in range(4):
        before = {name: p.detach().clone() for name, p in model.named_parameters() if p.requires_grad}
        composed.optimizer.zero_grad()
        composed.loss(model(**batch), batch).backward()
        composed.optimizer.step()
        found.append({name for name, p in before.items() if not torch.equal(p, dict(model.named_parameters())[name])})
    return found


def begun(method, **config):
    model = bert(initializer_range=0.4, **config).train()
    return model, compose(method, model, lr=1e-2, new=["classifier"], seed=0)


def base(**config):
    """BERT-base, without memory for its weights."""
    with torch.device("meta"):
        return BertModel(BertConfig(**config))


def numbers(module):
    return sum(p.numel() for p in module.parameters())


def test_each_method_of_the_lesson_has_a_question_with_its_answer():
    own = {method.title for method in METHODS.values() if method.lesson == "11_neighbours"}
    assert set(QUESTIONS) == own | {"Mixout", "Soup", "Synaptic intelligence"}
    assert len(FOUND) == len(QUESTIONS) == LESSON.count("{admonition} Answer: ")
    for name, question, answered, answer in FOUND:
        assert answered == name
        assert "?" in question
        assert 2 <= len(re.findall(r"[.:)](?: |$)", " ".join(answer.split()))) <= 7, name
    for title, inside in FOLDS:
        minutes = int(re.search(r", (\d+) minutes$", title)[1])
        assert minutes == 2 * len(PAIR.findall(inside)), title


def test_kronecker_factors():
    layer = nn.Linear(6, 6, bias=False)
    found = kronecker_fisher(
        nn.Sequential(layer), lambda: [{"input": torch.randn(8, 6)}], {"0.weight": layer.weight}
    ).layers[0]
    kept = found.left.numel() + found.right.numel() + found.values.numel()
    assert kept == 3 * 6**2
    weights = 768**2
    says(
        "EWC with Kronecker factors",
        f"{weights:,}",
        f"{kept // 6**2 * weights:,}",
        f"{weights**2 / 1e11:.1f} \\cdot 10^{{11}}",
    )


class Line(nn.Module):
    """scale (w x + 1.5)."""

    def __init__(self, scale=1.0):
        super().__init__()
        self.w, self.scale = nn.Parameter(torch.zeros(1)), scale

    def forward(self, x):
        return self.scale * (self.w * x + 1.5)


def test_importance_by_the_output():
    x = torch.tensor([[1.0], [-1.0]])
    one, two = (float(sensitivity(each, [{"x": x}], {"w": each.w})["w"]) for each in (Line(), Line(2.0)))
    line = Line()
    (whole,) = torch.autograd.grad(line(x).square().sum(1).mean(), line.w)
    assert float(whole) == 0
    says("Memory-aware synapses", f"mean of the sizes, {one:g}.", f"importance is {two:g}")


def test_the_sum_along_a_way():
    found = {}
    for n in (1, 10, 100):
        p = nn.Parameter(torch.ones(1, dtype=torch.float64))
        path = PathIntegral({"p": p})
        for _ in range(n):
            p.grad = 3.0 * p.detach().clone()
            path.before()
            with torch.no_grad():
                p -= 1 / n
            path.after()
        found[n] = float(path.contributions()["p"]) / (3.0 / 2)
        assert found[n] == pytest.approx(1 + 1 / n)
    says("Synaptic intelligence", "{:.2f}, {:.2f} and {:.2f}".format(*found.values()))


def test_what_a_random_layer_leaves():
    home = backbones.load("tiny", num_labels=2, seed=0)
    (probe,) = probes.build("source", home)
    before, every = probe()["source_loss"], dict(home.model.named_parameters())
    drawn = METHODS["reinit"](layers=1).prepare(home.model, 0)
    share = sum(every[name].numel() for name in drawn) / numbers(home.model.base_model)
    config = home.model.config
    nothing = f"$\\ln {config.vocab_size} = {math.log(config.vocab_size):.2f}$"
    layers = {3: "three"}[config.num_hidden_layers]
    says(
        "Re-initialisation",
        f"{layers} layers",
        f"{share:.0%}".replace("%", " %"),
        f"{before:.2f} nats",
        nothing,
        where=QUESTIONS,
    )
    says("Re-initialisation", f"It is {probe()['source_loss']:.2f} nats")


def test_the_two_values_of_a_mixed_weight():
    p, one, zero = 0.9, torch.ones((), dtype=torch.float64), torch.zeros((), dtype=torch.float64)
    away, home = (float(mixed(one, zero, kept, p)) for kept in (one, zero))
    average = (1 - p) * away + p * home
    variance = (1 - p) * (away - average) ** 2 + p * (home - average) ** 2
    assert home == 0
    assert variance == pytest.approx(p / (1 - p))
    says("Mixout", f"else {away:.0f} from it", f"mean is {average:.0f}", f"variance {variance:.0f}", "three times")


def test_the_first_step_of_thin_matrices():
    first, second, *_ = moved(*begun("lora"))
    assert any("lora_B" in name for name in first)
    assert not any("lora_A" in name for name in first)
    assert any("lora_A" in name for name in second)
    model, composed = begun("lora")
    with torch.no_grad():
        for name, p in model.named_parameters():
            if "lora_A" in name:
                p.zero_()
    assert not any("lora_" in name for step in moved(model, composed) for name in step)
    trains, all_ = 2 * 768 * 8, 768**2
    says("LoRA", f"{all_:,} numbers {trains:,} train, {100 * trains / all_:.1f} %")


def test_what_adapters_add():
    model = base()
    added = 24 * numbers(Bottleneck(768, 64, 1e-3))
    norms = [each for each in model.modules() if isinstance(each, nn.LayerNorm)]
    inside = sum(map(numbers, norms))
    says(
        "Adapters",
        f"{added:,} numbers, {100 * added / numbers(model):.1f} %",
        f"its {len(norms)} norms",
        f"{inside:,} numbers",
    )
    small = bert()
    before = set(dict(small.named_parameters()))
    METHODS["adapters"]().prepare(small, 0)
    places = {name.partition(".dropout.adapter")[0] for name in set(dict(small.named_parameters())) - before}
    assert len(places) == 2 * small.config.num_hidden_layers


def test_the_slope_of_a_share():
    slopes = []
    for a in (0.5, 0.99, 1.0):
        side = Side(bert().bert.encoder.layer, 1, a)
        (slope,) = torch.autograd.grad(torch.sigmoid(side.mix), side.mix)
        slopes.append(f"{float(slope):.2g}")
    says("Side-tuning", "{}, {} and {}".format(*slopes))


def test_who_moves_when_beside_the_encoder():
    steps = moved(*begun("k-adapter(width=8)"))
    inner = [any(re.search(r"adapters.*(down|layers)", name) for name in step) for step in steps]
    upward = [any(re.search(r"adapters.*up", name) for name in step) for step in steps]
    assert inner == [False, False, True, True]
    assert upward == [False, True, True, True]
    says("K-Adapter", "In the third.", "In the second $W_2$ does")
    steps = moved(*begun("parallel-columns"))
    assert [any("beside.layers" in name for name in step) for step in steps] == [False, True, True, True]
    says("Parallel columns", "In the second, once V has moved")


def test_what_a_column_adds():
    model = base()
    with torch.device("meta"):
        column = Column(model.encoder.layer, 768, 0.02, True)
    million = [numbers(each) / 1e6 for each in (column.layers, column.lateral, column.out, column)]
    says("Parallel columns", f"{numbers(model) / 1e6:.1f} million weights", where=QUESTIONS)
    says(
        "Parallel columns",
        f"{million[0]:.1f} million weights in its layers",
        f"{million[1]:.1f} million in the {len(column.lateral)} links",
    )
    says(
        "Parallel columns",
        f"{million[2]:.1f} million in V",
        f"{million[3]:.1f} million, {1e8 * million[3] / numbers(model):.0f} % more",
    )


def test_small_noise_costs_its_square():
    even = torch.zeros(1, 2, dtype=torch.float64)
    for s, text in (
        (1e-5, r"{:.1f} \cdot 10^{{-10}}$ nats for $10^{{-5}}$"),
        (1e-2, r"{:.1f} \cdot 10^{{-4}}$ for 0.01"),
    ):
        found = float(disagreement(even, torch.tensor([[s, -s]], dtype=torch.float64)))
        assert found == pytest.approx(s**2, rel=1e-3)
        says("R3F", text.format(found / 10 ** round(math.log10(found))))
    assert METHODS["r3f"]().size == 1e-5


def test_a_direction_s_length_is_forgotten():
    for radius in (1.0, 0.01):
        found = to_radius(torch.tensor([3e-6, -1e-6, 5e-7]), radius).tolist()
        says("SMART", "({})".format(", ".join(f"{each:.2g}" for each in found)))
    assert METHODS["smart"]().radius == 0.01
    words = backbones.load("tiny", num_labels=2, seed=0).model.get_input_embeddings().weight
    says("SMART", f"entries of about {words.detach().std():.2f}")


def test_the_weakest_direction():
    features = torch.tensor([[3.0, 0.0], [0.0, 1.0]], requires_grad=True)
    (slope,) = torch.autograd.grad(shrinkage(features, 1), features)
    assert slope.tolist() == [[0, 0], [0, 2]]
    assert (features - 0.25 * slope).tolist() == [[3, 0], [0, 0.5]]
    says("BSS", "2 at its entry, and 0 at the three others", "(0, 0.5)")


def slopes(distillation, temperatures):
    """Of a divergence at the student's first logit."""
    found = []
    for temperature in temperatures:
        student = torch.zeros(1, 2, dtype=torch.float64, requires_grad=True)
        (slope,) = torch.autograd.grad(distillation(student, torch.tensor([[2.0, 0.0]]), temperature), student)
        found.append(float(slope[0, 0]))
    return found


def test_gradients_of_two_distillations():
    found = slopes(lwf.distillation, (1, 2, 4, 8))
    says("LwF", "{:.3f}, {:.3f}, {:.3f} and {:.3f}.".format(*found))
    says("LwF", f"factor of {found[2] / found[3]:.1f}")
    one, hot, hotter = slopes(pseudo_rehearsal.distillation, (1, 8, 1000))
    assert hotter == pytest.approx(-1 / 2, abs=1e-4)
    says("Pseudo-rehearsal", f"{one:.3f} and {hot:.3f}", "tends to -1/2")


def test_a_weight_that_falls():
    method = METHODS["siatl"]()
    assert (method.weight, method.left, method.fall) == (0.2, 0.5, 250)
    steps = method.gamma(np.arange(250))
    says("SiATL", f"Half-way gamma is {method.gamma(125):.3f}", f"{steps.mean():.3f} in the mean")
    says("SiATL", f"from {math.exp(-1.6):.4f} to {math.exp(-2.3):.4f}")
