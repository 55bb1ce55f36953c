"""From Laplace's method to one gamma: every form against dense float64 matrices, loops over labels, and scipy."""

import json
import math

import numpy as np
import pytest
import torch
import transformers
from scipy import stats
from small import refused
from torch import nn
from torch.func import functional_call

from recall_learn import derivation
from recall_learn.derivation import (
    best_gamma,
    diagonal_form,
    fisher_form,
    hessian_form,
    length,
    measure,
    random_like,
    rise,
    scalar_form,
    scaled,
    slope,
    summary,
    with_gamma,
)
from recall_learn.fisher import fisher_diagonal
from recall_learn.masked_lm import MaskedLM


class Classifier(nn.Module):
    """x [M, 3] -> logits [M, 4]; with LayerNorm, whose second derivatives are easy to get wrong, and dropout."""

    def __init__(self, dtype=torch.float64, linear=False):
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.layers = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.LayerNorm(5), nn.Dropout(0.5))
            self.head = nn.Linear(3 if linear else 5, 4)
        self.linear = linear
        self.to(dtype)

    def forward(self, x):
        return self.head(x if self.linear else self.layers(x))


def draw(seed=1):
    return torch.Generator().manual_seed(seed)


def data(sizes=(4, 2, 5), seed=3):
    """Batches of other sizes: a mean of batch means would be another number."""
    g = draw(seed)
    return [({"x": torch.randn(n, 3, generator=g)}, torch.randint(0, 4, (n,), generator=g)) for n in sizes]


def anchors_of(model, part=""):
    return {name: p.detach().clone() for name, p in model.named_parameters() if name.startswith(part)}


def noise(anchors, size=0.3, seed=1):
    g = draw(seed)
    return {name: size * torch.randn(p.shape, generator=g, dtype=torch.float64) for name, p in anchors.items()}


def flat(tensors):
    return torch.cat([t.double().reshape(-1) for t in tensors.values()])


def mean_loss(model, batches, anchors):
    """The slow way: one example after the other, as a function of the flat anchored weights."""
    model = Classifier(linear=model.linear).eval()

    def loss(theta):
        pieces = theta.split([p.numel() for p in anchors.values()])
        weights = {name: piece.view(p.shape) for (name, p), piece in zip(anchors.items(), pieces, strict=True)}
        terms = []
        for inputs, words in batches:
            for x, word in zip(inputs["x"].double(), words, strict=True):
                logits = functional_call(model, weights, (x[None],))[0]
                terms.append(logits.exp().sum().log() - logits[word])
        return sum(terms) / len(terms)

    return loss


def dense_fisher(model, batches):
    """F as a matrix: over examples and over labels, the outer product of the gradient of log p, weighted with p."""
    total, count = 0, 0
    for inputs, _ in batches:
        for x in inputs["x"].double():
            log_p = model(x[None])[0].log_softmax(-1)
            for log_py in log_p:
                gradients = torch.autograd.grad(log_py, tuple(model.parameters()), retain_graph=True)
                g = torch.cat([part.reshape(-1) for part in gradients])
                total = total + log_py.detach().exp() * torch.outer(g, g)
            count += 1
    return total / count


@pytest.fixture(scope="module")
def dense():
    """A classifier with everything about it: gradient, Hessian, Fisher, as dense numbers."""
    model = Classifier().eval()
    batches, anchors = data(), anchors_of(model)
    loss, theta = mean_loss(model, batches, anchors), flat(anchors).requires_grad_()
    (gradient,) = torch.autograd.grad(loss(theta), theta)
    matrix = torch.autograd.functional.hessian(loss, theta.detach())
    fisher = dense_fisher(model, batches)
    return {"at": (model, batches, anchors), "loss": loss, "theta": theta.detach(), "gradient": gradient} | {
        "hessian": matrix,
        "fisher": fisher,
    }


# --- against dense matrices ---


@pytest.mark.parametrize("seed", [1, 2])
def test_every_form_is_its_matrix(dense, seed):
    away = noise(dense["at"][2], seed=seed)
    d = flat(away)
    assert slope(*dense["at"], away) == pytest.approx(float(dense["gradient"] @ d), rel=1e-10)
    assert hessian_form(*dense["at"], away) == pytest.approx(float(d @ dense["hessian"] @ d) / 2, rel=1e-9)
    assert fisher_form(*dense["at"], away) == pytest.approx(float(d @ dense["fisher"] @ d) / 2, rel=1e-10)
    moved = float(dense["loss"](dense["theta"] + d) - dense["loss"](dense["theta"]))
    assert rise(*dense["at"], away) == pytest.approx(moved, rel=1e-10)
    # otherwise this could not tell H from F
    assert abs(d @ dense["hessian"] @ d - d @ dense["fisher"] @ d) > 0.01 * abs(d @ dense["fisher"] @ d)


def test_along_one_coordinate_they_are_the_entries_of_the_diagonal(dense):
    anchors, size = dense["at"][2], dense["theta"].numel()
    for i in range(0, size, 7):
        one, start, away = torch.zeros(size, dtype=torch.float64), 0, {}
        one[i] = 1
        for name, p in anchors.items():
            away[name], start = one[start : start + p.numel()].view(p.shape), start + p.numel()
        assert slope(*dense["at"], away) == pytest.approx(float(dense["gradient"][i]), rel=1e-9, abs=1e-14)
        assert hessian_form(*dense["at"], away) == pytest.approx(float(dense["hessian"][i, i]) / 2, rel=1e-8, abs=1e-14)
        assert fisher_form(*dense["at"], away) == pytest.approx(float(dense["fisher"][i, i]) / 2, rel=1e-9, abs=1e-14)


def test_the_diagonal_form_is_that_of_the_dense_fishers_diagonal(dense):
    model, batches, anchors = dense["at"]
    away = noise(anchors)
    exact = fisher_diagonal(model, [{"x": inputs["x"].double()} for inputs, _ in batches], progress=False)
    expected = float((dense["fisher"].diagonal() * flat(away).square()).sum()) / 2
    assert diagonal_form(exact, away) == pytest.approx(expected, rel=1e-10)
    assert diagonal_form(exact, away) != pytest.approx(fisher_form(*dense["at"], away), rel=0.01)


def test_the_order_of_the_names_does_not_matter(dense):
    model, batches, anchors = dense["at"]
    away = noise(anchors)
    turned = dict(reversed(away.items()))
    assert list(turned) != list(away)
    for form in (rise, slope, hessian_form, fisher_form):
        assert form(model, batches, anchors, turned) == form(model, batches, anchors, away)
    assert diagonal_form(anchors, turned) == pytest.approx(diagonal_form(anchors, away), rel=1e-12)


def test_how_the_examples_are_batched_does_not_matter(dense):
    model, batches, anchors = dense["at"]
    inputs = {"x": torch.cat([inputs["x"] for inputs, _ in batches])}
    one, away = [(inputs, torch.cat([words for _, words in batches]))], noise(anchors)
    for form in (rise, slope, hessian_form, fisher_form):
        assert form(model, one, anchors, away) == pytest.approx(form(model, batches, anchors, away), rel=1e-11)


def test_weights_without_an_anchor_stay_where_the_model_has_them(dense):
    model, batches, anchors = dense["at"]
    part = {name: p for name, p in anchors.items() if name.startswith("layers.0")}
    away = noise(part)
    padded = {name: away.get(name, torch.zeros_like(p)) for name, p in anchors.items()}
    for form in (rise, slope, hessian_form, fisher_form):
        assert form(model, batches, part, away) == pytest.approx(form(model, batches, anchors, padded), rel=1e-11)


def test_theta_star_is_the_anchors_wherever_the_model_has_gone(dense):
    model, batches, anchors = dense["at"]
    gone, away = Classifier(), noise(anchors)
    with torch.no_grad():
        for p in gone.parameters():
            p.add_(1.0)
    for form in (rise, slope, hessian_form, fisher_form):
        assert form(gone, batches, anchors, away) == form(model, batches, anchors, away)


# --- laws ---


def test_softmax_regression_has_the_fisher_as_its_hessian():
    model = Classifier(linear=True)
    anchors, batches = anchors_of(model, "head"), data()
    away = noise(anchors)
    # in closed form: the mean of Var_p(dW x + db) / 2, whatever the words are
    variances = []
    for inputs, _ in batches:
        for x in inputs["x"].double().numpy():
            w, b, dw, db = (t["head." + k].numpy() for t in (anchors, away) for k in ("weight", "bias"))
            p = np.exp(w @ x + b) / np.exp(w @ x + b).sum()
            z = dw @ x + db
            variances.append(p @ z**2 - (p @ z) ** 2)
    expected = np.mean(variances) / 2
    assert fisher_form(model, batches, anchors, away) == pytest.approx(expected, rel=1e-12)
    assert hessian_form(model, batches, anchors, away) == pytest.approx(expected, rel=1e-12)
    turned = [(inputs, (words + 1) % 4) for inputs, words in batches]
    assert hessian_form(model, turned, anchors, away) == pytest.approx(expected, rel=1e-12)
    assert slope(model, turned, anchors, away) != pytest.approx(slope(model, batches, anchors, away), rel=0.01)


def test_the_hessian_form_has_mean_fisher_form_over_words_drawn_from_the_model(dense):
    model, batches, anchors = dense["at"]
    away, x = noise(anchors), batches[0][0]["x"][:2]
    p = model(x.double()).softmax(-1).detach()
    expected = sum(
        float(p[0, a] * p[1, b]) * hessian_form(model, [({"x": x}, torch.tensor([a, b]))], anchors, away)
        for a in range(4)
        for b in range(4)
    )
    any_word = [({"x": x}, torch.tensor([0, 0]))]
    assert fisher_form(model, any_word, anchors, away) == pytest.approx(expected, rel=1e-10)
    assert hessian_form(model, any_word, anchors, away) != pytest.approx(expected, rel=0.01)


def test_forms_scale_with_the_square_and_the_slope_with_s(dense):
    away, anchors = noise(dense["at"][2]), dense["at"][2]
    for s in (-2.0, 0.1):
        far = scaled(away, s)
        assert slope(*dense["at"], far) == pytest.approx(s * slope(*dense["at"], away), rel=1e-10)
        for form in (hessian_form, fisher_form):
            assert form(*dense["at"], far) == pytest.approx(s * s * form(*dense["at"], away), rel=1e-10)
        squares = {name: p.square() for name, p in anchors.items()}
        assert diagonal_form(squares, far) == pytest.approx(s * s * diagonal_form(squares, away), rel=1e-12)
        assert scalar_form(7, far) == pytest.approx(s * s * scalar_form(7, away), rel=1e-12)


def test_slope_and_hessian_leave_a_rest_of_third_order(dense):
    away = noise(dense["at"][2])
    first, second = slope(*dense["at"], away), hessian_form(*dense["at"], away)
    rests = {s: rise(*dense["at"], scaled(away, s)) - s * first - s * s * second for s in (0.02, 0.01, 0.005)}
    assert rests[0.02] / rests[0.01] == pytest.approx(8, rel=0.05)
    assert rests[0.01] / rests[0.005] == pytest.approx(8, rel=0.03)


def test_a_direction_without_effect_costs_nothing(dense):
    model, batches, anchors = dense["at"]
    # the same for every label: the softmax does not see it
    away = {"head.bias": torch.ones(4, dtype=torch.float64)}
    only = {"head.bias": anchors["head.bias"]}
    for form in (rise, slope, hessian_form, fisher_form):
        assert form(model, batches, only, away) == pytest.approx(0, abs=1e-14)
    linear = Classifier(linear=True)  # its logits do not depend on these layers at all
    unused = anchors_of(linear, "layers")
    for form in (rise, slope, hessian_form, fisher_form):
        assert form(linear, batches, unused, noise(unused)) == 0


def test_the_scalar_form_and_the_length():
    away = {"a": torch.tensor([[3.0, 0.0]]), "b": torch.tensor(4.0)}
    assert length(away) == 5
    assert scalar_form(2.0, away) == 25
    assert diagonal_form({"b": torch.tensor(1.0), "a": torch.tensor([[2.0, 9.0]])}, away) == 17
    # float32 holds 2^24 + 1 no more than it holds this sum of ones
    assert length({"a": torch.ones(2**24 + 4, dtype=torch.float32)}) == math.sqrt(2**24 + 4)


# --- the model stays as it was ---


@pytest.mark.parametrize("fails", [False, True])
def test_the_model_is_left_as_it_was(fails):
    model = Classifier(torch.float32)
    model.layers[3].eval()  # its own mode, other than the rest's
    for p in model.parameters():
        p.grad = torch.full_like(p, 2.0)
    before, anchors, batches = {k: v.clone() for k, v in model.state_dict().items()}, anchors_of(model), data()
    away = noise(anchors)
    flash = torch.backends.cuda.flash_sdp_enabled()
    random = torch.get_rng_state()
    for form in (rise, slope, hessian_form, fisher_form):
        if fails:
            refused(lambda form=form: form(model, [(batches[0][0], torch.tensor([1]))], anchors, away), ValueError)
        else:
            assert math.isfinite(form(model, batches, anchors, away))
    assert {k: v.dtype for k, v in model.state_dict().items()} == dict.fromkeys(before, torch.float32)
    assert all(torch.equal(before[k], v) for k, v in model.state_dict().items())
    assert all(p.requires_grad and p.is_leaf and (p.grad == 2).all() for p in model.parameters())
    assert model.training
    assert model.layers.training
    assert not model.layers[3].training
    assert torch.is_grad_enabled()
    assert torch.backends.cuda.flash_sdp_enabled() == flash
    assert torch.equal(random, torch.get_rng_state())


def test_a_float32_model_is_measured_in_float64():
    small, exact, batches = Classifier(torch.float32), Classifier(), data()
    anchors = anchors_of(small)
    exact.load_state_dict(small.state_dict())
    away = noise(anchors, size=1e-5)
    for form in (rise, slope, hessian_form, fisher_form):
        value = form(small, batches, anchors, away)
        assert value == form(exact, batches, anchors_of(exact), away)
        assert 0 < abs(value) < 1e-4  # of a loss above 1: single precision would leave two digits


def test_displacements_may_want_gradients(dense):
    model, batches, anchors = dense["at"]
    away = noise(anchors)
    wanting = {name: d.clone().requires_grad_() for name, d in away.items()}
    for form in (rise, slope, hessian_form, fisher_form):
        assert form(model, batches, anchors, wanting) == form(model, batches, anchors, away)
    assert all(d.grad is None for d in wanting.values())


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


# --- random directions and gamma ---


def test_random_like_is_as_long_and_elsewhere():
    away = noise({"a": torch.zeros(300, 7), "b": torch.zeros(()), "c": torch.zeros(400)})
    away = {name: d.float() for name, d in away.items()}
    other = random_like(away, draw(4))
    assert {name: d.shape for name, d in other.items()} == {name: d.shape for name, d in away.items()}
    assert length(other) == pytest.approx(length(away), rel=1e-14)
    again, third = random_like(away, draw(4)), random_like(away, draw(5))
    assert all(torch.equal(other[name], again[name]) for name in away)
    for one in (flat(away), flat(third)):  # 2501 dimensions: cosines of about 0.02
        assert abs(float(torch.nn.functional.cosine_similarity(flat(other), one, dim=0))) < 0.1
    # isotropic: every coordinate has the same share, whatever its tensor's size or the length of away there
    lopsided = {"a": 100 * away["a"], "c": away["c"]}
    share = random_like(lopsided, draw(4))["c"].square().sum() / length(lopsided) ** 2
    assert float(share) == pytest.approx(400 / 2500, rel=0.2)
    values = flat(other) / length(other) * math.sqrt(2501)
    assert stats.kstest(values.numpy(), "norm").pvalue > 0.01


def test_best_gamma_finds_the_gamma_of_a_quadratic():
    distances = [0.1, 2.0, 30.0]
    assert best_gamma([0.5 * 12.5 * r**2 for r in distances], distances) == pytest.approx(12.5, rel=1e-12)


def test_best_gamma_is_least_squares_of_logarithms_over_the_rises_above_zero():
    rises, distances = [0.3, -0.5, 4.0, 0.0, 0.7], [0.5, 1.0, 2.0, 3.0, 1.5]
    gamma = best_gamma(rises, distances)
    up = [(r, d) for r, d in zip(rises, distances, strict=True) if r > 0]

    def squares(g):
        return sum((math.log(0.5 * g * d**2) - math.log(r)) ** 2 for r, d in up)

    assert gamma == pytest.approx(math.prod(2 * r / d**2 for r, d in up) ** (1 / 3), rel=1e-12)
    assert squares(gamma) < min(squares(0.999 * gamma), squares(1.001 * gamma))


# --- tables ---


def ways(anchors, count=3):
    return {f"way {k}": noise(anchors, size=0.1 * (k + 1), seed=k) for k in range(count)}


def test_measure_gives_what_the_functions_give(dense):
    model, batches, anchors = dense["at"]
    squares = {name: p.square() for name, p in anchors.items()}
    displacements, scales = ways(anchors, 2), [1, -0.5]
    rows = measure(model, batches, anchors, displacements, {"mine": squares}, scales, generator=draw(8))
    order = [(f"way {k}", kind, s) for k in range(2) for kind in ("real", "random") for s in scales]
    assert [(row["name"], row["kind"], row["scale"]) for row in rows] == order
    assert json.loads(json.dumps(rows)) == rows
    g = draw(8)
    expected = {
        (name, kind): away
        for name, real in displacements.items()
        for kind, away in (("real", real), ("random", random_like(real, g)))
    }
    for row in rows:
        away = scaled(expected[row["name"], row["kind"]], row["scale"])
        assert row["distance"] == pytest.approx(length(away), rel=1e-12)
        assert row["distance"] == pytest.approx(abs(row["scale"]) * length(displacements[row["name"]]), rel=1e-12)
        assert row["mine"] == pytest.approx(diagonal_form(squares, away), rel=1e-12)
        for column, form in {"rise": rise, "slope": slope, "hessian": hessian_form, "fisher": fisher_form}.items():
            assert row[column] == pytest.approx(form(model, batches, anchors, away), rel=1e-9)
        assert set(row) == {*derivation.COLUMNS, "mine"} - {"gamma"}


def test_measure_without_a_generator_has_the_real_ones_only(dense, capsys):
    model, batches, anchors = dense["at"]
    rows = measure(model, batches, anchors, ways(anchors, 2), {}, [1.0], progress=False)
    assert [row["kind"] for row in rows] == ["real", "real"]
    assert "displacements" not in capsys.readouterr().err
    measure(model, batches, anchors, ways(anchors, 1), {}, [1.0], progress=True)
    assert "displacements" in capsys.readouterr().err


def row(name, rise_, form, kind="real", scale=1.0, distance=1.0):
    return {"name": name, "kind": kind, "scale": scale, "distance": distance, "rise": rise_, "form": form}


def test_with_gamma_is_fitted_to_the_real_rows_only():
    rows = [row("a", 2.0, 0, distance=2.0), row("b", 8.0, 0, distance=1.0), row("a", 99.0, 0, "random", distance=3.0)]
    gamma = math.sqrt(1.0 * 16.0)  # 2 * 2 / 2^2 and 2 * 8 / 1^2
    done = with_gamma(rows)
    assert [r["gamma"] for r in done] == pytest.approx([0.5 * gamma * d**2 for d in (2, 1, 3)])
    assert all("gamma" not in r for r in rows)
    assert [{**r, "gamma": 0} for r in rows] == [{**r, "gamma": 0} for r in done]


def test_summary_against_scipy():
    g = np.random.default_rng(0)
    table = {}
    for key in (("real", 1.0), ("random", 1.0), ("real", 0.5)):
        rises = g.normal(size=7)
        table[key] = rises, rises + g.normal(size=7), g.normal(size=7)
    rows = [
        {**row(str(i), float(rises[i]), float(a[i]), kind, scale), "other": float(b[i])}
        for (kind, scale), (rises, a, b) in table.items()
        for i in range(7)
    ]
    lines = summary(rows, ["form", "other"])
    assert [(line["form"], line["kind"], line["scale"]) for line in lines] == [
        (form, *key) for form in ("form", "other") for key in table
    ]
    assert json.loads(json.dumps(lines)) == lines
    for line in lines:
        rises, *forms = table[line["kind"], line["scale"]]
        form = forms[line["form"] == "other"]
        assert line["displacements"] == 7
        assert line["error"] == pytest.approx(float(np.median(abs((form - rises) / rises))), rel=1e-12)
        ranks = [stats.rankdata(v) for v in (form, rises)]
        assert line["rank"] == pytest.approx(np.corrcoef(*ranks)[0, 1], rel=1e-12)


def test_a_rank_correlation_that_is_not_defined_is_none():
    few = [row("a", 1.0, 2.0), row("b", 2.0, 1.0)]
    assert summary(few, ["form"]) == [
        {"form": "form", "kind": "real", "scale": 1.0, "displacements": 2, "error": 0.75, "rank": None}
    ]
    assert summary([row(str(k), float(k + 1), 5.0) for k in range(4)], ["form"])[0]["rank"] is None
    assert summary([row(str(k), 5.0, float(k + 1)) for k in range(4)], ["form"])[0]["rank"] is None
    assert summary([row(str(k), -float(k + 1), float(k + 1)) for k in range(3)], ["form"])[0]["rank"] == -1


# --- bad input ---

FORMS = [rise, slope, hessian_form, fisher_form]


@pytest.mark.parametrize("form", FORMS)
def test_forms_refuse_what_does_not_fit(form):
    model, batches = Classifier(), data()
    anchors = anchors_of(model, "layers.0")
    away, x = noise(anchors), {"x": torch.randn(3, 3)}
    name = "layers.0.bias"

    def call(batches=batches, anchors=anchors, away=away):
        return lambda: form(model, batches, anchors, away)

    refused(call(away={name: away[name]}), ValueError, "away lacks 'layers.0.weight'")
    refused(call(away={**away, "head.bias": torch.zeros(4)}), ValueError, "away has 'head.bias'")
    refused(call(away={**away, name: torch.zeros(4)}), ValueError, "away['layers.0.bias'] has shape (4,)")
    refused(call(away={**away, name: torch.full((5,), math.nan)}), ValueError, "away['layers.0.bias']", "finite")
    refused(call(away={**away, name: torch.zeros(5, dtype=torch.long)}), ValueError, "torch.int64", "floating")
    refused(call(away=torch.zeros(5)), ValueError, "away is a Tensor")
    refused(call(anchors={}, away={}), ValueError, "anchors is empty")
    refused(call(anchors={"no": away[name]}, away={"no": away[name]}), ValueError, "anchors has 'no'")
    refused(call(batches=[]), ValueError, "batches holds no examples")
    refused(call(batches=iter(batches)), ValueError, "batches is a list_iterator", "make it a list")
    refused(call(batches=[(x, torch.tensor([0, 1]))]), ValueError, "words are (2,)", "3 rows of logits need 3")
    refused(call(batches=[(x, torch.zeros(3, 1, dtype=torch.long))]), ValueError, "words are (3, 1)")
    refused(call(batches=[(x, torch.zeros(3))]), ValueError, "torch.float32")
    refused(call(batches=[(x, torch.tensor([0, 4, 1]))]), ValueError, "words hold 4", "from 0 to 3")
    refused(call(batches=[(x, torch.tensor([0, -100, 1]))]), ValueError, "words hold -100")
    refused(call(batches=[({"x": torch.full((1, 3), math.nan)}, torch.tensor([0]))]), ValueError, "nan", "look at")


class Scalar(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.weight, self.shape = nn.Parameter(torch.ones(1)), shape

    def forward(self, x):
        return (x.sum() * self.weight).expand(self.shape) if self.shape else {"logits": self.weight}


@pytest.mark.parametrize(("shape", "given"), [((3, 1), "(3, 1)"), ((3, 2, 2), "(3, 2, 2)"), (None, "dict")])
def test_forms_refuse_logits_of_another_kind(shape, given):
    weight = {"weight": torch.ones(1)}
    batches = [({"x": torch.ones(3, 1)}, torch.zeros(3, dtype=torch.long))]
    for form in FORMS:
        refused(lambda form=form: form(Scalar(shape), batches, weight, weight), ValueError, "logits are", given)


def test_numbers_that_are_none_are_refused():
    away = {"a": torch.ones(2)}
    for gamma in (-1.0, math.nan, math.inf, "2", True, None):
        refused(lambda gamma=gamma: scalar_form(gamma, away), ValueError, "gamma", repr(gamma), "at least 0")
    for s in (math.nan, -math.inf, "2", False):
        refused(lambda s=s: scaled(away, s), ValueError, "s is", repr(s), "finite")
    refused(lambda: length({"a": [1.0]}), ValueError, "away['a']", "list")
    refused(lambda: length({}), ValueError, "away is empty")
    refused(lambda: random_like({"a": torch.tensor([math.inf])}), ValueError, "away['a']", "finite")
    refused(lambda: diagonal_form({"a": torch.ones(3)}, away), ValueError, "fisher['a'] has shape (3,)")
    refused(lambda: diagonal_form({"a": torch.tensor([1.0, math.nan])}, away), ValueError, "fisher['a']", "finite")


@pytest.mark.parametrize(
    ("rises", "distances", "part"),
    [
        ([0.0, -1.0], [1.0, 1.0], "rises are [0.0, -1.0]"),
        ([], [], "rises are []"),
        ([1.0, 2.0], [1.0], "equally many"),
        ([1.0], [0.0], "above 0"),
        ([1.0], [-2.0], "above 0"),
        ([1.0, math.nan], [1.0, 1.0], "nan"),
        ([1.0], [math.inf], "inf"),
    ],
)
def test_best_gamma_refuses(rises, distances, part):
    refused(lambda: best_gamma(rises, distances), ValueError, part)


def test_measure_refuses_before_it_computes():
    model = Classifier()
    anchors = anchors_of(model)
    good = {"mine": anchors}

    def call(displacements=None, fishers=good, scales=(1.0,)):
        # no batches: whatever is computed first would complain of them
        displacements = ways(anchors) if displacements is None else displacements
        return lambda: measure(model, [], anchors, displacements, fishers, scales, progress=False)

    zero = {name: torch.zeros_like(p) for name, p in anchors.items()}
    refused(call({}), ValueError, "displacements is empty")
    refused(call({"a": zero}), ValueError, "displacements['a'] has length 0")
    refused(call({"a": {}}), ValueError, "displacements['a'] lacks")
    refused(call(fishers={"f": {}}), ValueError, "fishers['f'] lacks")
    for taken in ("fisher", "rise", "gamma"):
        refused(call(fishers={taken: anchors}), ValueError, f"fishers has {taken!r}")
    refused(call(scales=[]), ValueError, "scales are []")
    refused(call(scales=[1.0, 0]), ValueError, "scales are [1.0, 0.0]")
    refused(call(scales=[math.nan]), ValueError, "scales is nan")
    refused(call(), ValueError, "batches holds no examples")


def test_summary_refuses_a_missing_column_and_a_rise_of_zero():
    refused(lambda: summary([row("a", 1.0, 1.0)], ["gamma"]), ValueError, "forms has 'gamma'", "'a'")
    refused(lambda: summary([row("a", 0.0, 1.0)], ["form"]), ValueError, "rise of 'a' is 0")
