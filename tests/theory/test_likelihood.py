"""The Fisher of several numbers and of several yes-or-no answers, against enumerations; and what labels may not be."""

import itertools
import math
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
import transformers as hf
from torch import nn

from recall_learn.theory.fisher import fisher_diagonal

LABELS = ("exact", "sampled", "empirical", "batched")
K = 3


def net(outputs=K, problem=None, loop=False):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, outputs)).double()
    if problem is not None:
        model.config = SimpleNamespace(problem_type=problem)
    if loop:
        model[1].scale = nn.Parameter(torch.ones(1, dtype=torch.float64))
    return model


def data(n=6, outputs=K):
    g = torch.Generator().manual_seed(1)
    x = torch.randn(n, 4, generator=g, dtype=torch.float64)
    numbers = torch.randn(n, outputs, generator=g, dtype=torch.float64)
    answers = (torch.rand(n, outputs, generator=g) < 0.5).double()
    return x, numbers, answers


def log_p(kind, z, y):
    if kind == "gaussian":
        return -0.5 * (y - z).square().sum()
    return -F.binary_cross_entropy_with_logits(z, y, reduction="sum")


def outcomes(kind, z):
    """Every y with its probability; of a Gaussian three nodes an output, exact for squares of what is linear in y."""
    z = z.detach()
    if kind == "bernoulli":
        for y in itertools.product((0.0, 1.0), repeat=len(z)):
            y = torch.tensor(y, dtype=z.dtype)
            yield y, math.prod((q if one else 1 - q) for q, one in zip(z.sigmoid().tolist(), y.tolist(), strict=True))
    else:
        for steps in itertools.product((-1, 0, 1), repeat=len(z)):
            y = z + math.sqrt(3) * torch.tensor(steps, dtype=z.dtype)
            yield y, math.prod(2 / 3 if step == 0 else 1 / 6 for step in steps)


def mean_of_squares(model, x, terms):
    """1/N sum_n sum_y w (grad log p)^2, one example and one y after the other; ``terms(z, n)`` gives (log p, w)."""
    names, weights = zip(*model.named_parameters(), strict=True)
    total = [torch.zeros_like(w) for w in weights]
    for n, one in enumerate(x):
        for value, share in terms(model(one[None])[0], n):
            found = torch.autograd.grad(value, weights, retain_graph=True, allow_unused=True)
            for square, g in zip(total, found, strict=True):
                square += 0 if g is None else share * g**2 / len(x)
    return dict(zip(names, total, strict=True))


def exact(kind, model, x):
    return mean_of_squares(model, x, lambda z, n: [(log_p(kind, z, y), share) for y, share in outcomes(kind, z)])


def empirical(kind, model, x, y):
    return mean_of_squares(model, x, lambda z, n: [(log_p(kind, z, y[n]), 1.0)])


def assert_agree(found, right, bound=1e-10):
    assert list(found) == list(right)
    for name in right:
        assert (found[name] - right[name]).norm() <= bound * right[name].norm(), name


KINDS = ("gaussian", "bernoulli")


@pytest.mark.parametrize("loop", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_exact_sums_over_every_outcome(kind, loop):
    model, (x, numbers, answers) = net(loop=loop), data()
    right = exact(kind, model, x)
    y = numbers if kind == "gaussian" else answers
    assert_agree(fisher_diagonal(model, [(x, y)]), right)  # the labels say it
    assert_agree(fisher_diagonal(model, [(x[:1], y[:1]), (x[1:], y[1:])]), right)
    assert_agree(fisher_diagonal(model, [(x,)], likelihood=kind), right)
    problem = {"gaussian": "regression", "bernoulli": "multi_label_classification"}[kind]
    assert_agree(fisher_diagonal(net(problem=problem, loop=loop), [(x,)]), right)


@pytest.mark.parametrize("kind", KINDS)
def test_empirical_and_batched_take_the_labels(kind):
    model, (x, numbers, answers) = net(), data()
    y = numbers if kind == "gaussian" else answers
    assert_agree(fisher_diagonal(model, [(x, y)], labels="empirical"), empirical(kind, model, x, y))
    names, weights = zip(*model.named_parameters(), strict=True)
    means = torch.autograd.grad(sum(log_p(kind, z, b) for z, b in zip(model(x), y, strict=True)) / len(x), weights)
    right = dict(zip(names, [g**2 for g in means], strict=True))
    assert_agree(fisher_diagonal(model, [(x, y)], labels="batched"), right)


def test_sampled_answers_are_those_of_the_generator():
    model, (x, _, _) = net(), data(40)
    u = torch.rand(40, K, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    drawn = (u < model(x).sigmoid()).double()
    for size in (40, 7):
        found = fisher_diagonal(
            model,
            [(part,) for part in x.split(size)],
            labels="sampled",
            likelihood="bernoulli",
            generator=torch.Generator().manual_seed(3),
        )
        assert_agree(found, empirical("bernoulli", model, x, drawn))


@pytest.mark.parametrize("kind", KINDS)
def test_sampled_is_exact_in_the_mean(kind):
    model, (x, _, _) = net(), data(8)
    g, right = torch.Generator().manual_seed(5), exact(kind, model, x)
    draws = [fisher_diagonal(model, [(x,)], labels="sampled", likelihood=kind, generator=g) for _ in range(300)]
    flat = torch.stack([torch.cat([t.flatten() for t in draw.values()]) for draw in draws])
    right = torch.cat([t.flatten() for t in right.values()])

    def score(estimates):
        return ((estimates.mean(0) - right) / (estimates.std(0) / math.sqrt(len(estimates)))).abs().max()

    assert score(flat) < 5
    assert score(1.5 * flat) > 5  # a wrong factor is seen


def test_a_softmax_of_numbers_is_four_times_off():
    x = torch.randn(16, 3, generator=torch.Generator().manual_seed(0))
    torch.manual_seed(0)
    model = nn.Linear(3, 2)
    nn.init.zeros_(model.weight)
    nn.init.zeros_(model.bias)
    y = torch.randn(16, 2)
    found = fisher_diagonal(model, [(x, y)])
    torch.testing.assert_close(found["weight"], x.square().mean(0).expand(2, 3))
    softmax = fisher_diagonal(model, [(x, y[:, 0].gt(0).long())])
    torch.testing.assert_close(found["weight"], 4 * softmax["weight"])


def test_one_yes_or_no_is_a_softmax_of_two():
    x, _, _ = data()
    one, two = net(1), net(2)
    two.load_state_dict({**one.state_dict(), "2.weight": torch.zeros(2, 5), "2.bias": torch.zeros(2)})
    with torch.no_grad():
        two[2].weight[1], two[2].bias[1] = one[2].weight[0], one[2].bias[0]
    right = fisher_diagonal(two, [(x,)])
    y = torch.tensor([0, 1, 1, 0, 1, 0])
    for given in (None, y, y[:, None], y.double(), y.bool()):
        found = fisher_diagonal(one, [(x, given)], likelihood="bernoulli")
        for name in ("0.weight", "0.bias"):
            torch.testing.assert_close(found[name], right[name])
        torch.testing.assert_close(found["2.bias"][0], right["2.bias"][1])
    assert_agree(fisher_diagonal(one, [(x, y)], labels="empirical", likelihood="bernoulli"),
                 empirical("bernoulli", one, x, y.double()[:, None]))  # fmt: skip


@pytest.mark.parametrize(("problem", "factor"), [("regression", K / 2), ("multi_label_classification", K)])
def test_the_losses_of_transformers_differ_by_the_stated_factor(problem, factor):
    torch.manual_seed(0)
    small = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8}
    config = hf.BertConfig(vocab_size=11, num_labels=K, problem_type=problem, **small)
    model = hf.BertForSequenceClassification(config).double().eval()
    ids, (_, numbers, answers) = torch.randint(1, 11, (4, 5)), data(4)
    y = numbers if problem == "regression" else answers
    found = fisher_diagonal(model, [{"input_ids": ids, "labels": y}], labels="empirical")
    names, weights = zip(*model.named_parameters(), strict=True)
    total = [torch.zeros_like(w) for w in weights]
    for one, label in zip(ids, y, strict=True):
        loss = model(input_ids=one[None], labels=label[None]).loss
        for square, g in zip(total, torch.autograd.grad(loss, weights), strict=True):
            square += (factor * g) ** 2 / len(ids)
    right = dict(zip(names, total, strict=True))
    for name in right:
        assert (found[name] - right[name]).norm() <= 1e-9 * (right[name].norm() + 1e-6), name


X = data()[0]
CLASSES = torch.tensor([0, 1, 2, 0, 1, 2])


@pytest.mark.parametrize("labels", LABELS)
@pytest.mark.parametrize(
    ("model", "y", "said", "message"),
    [
        # classes where the model has numbers or answers
        (
            net(problem="regression"),
            CLASSES,
            None,
            r"are gaussian, as model.config.* 'regression' says, and",
        ),
        (net(1, "regression"), CLASSES, None, "torch.int64: classes.* say likelihood='gaussian'"),
        (net(problem="regression"), CLASSES[:, None].expand(-1, K), None, "torch.int64: classes"),
        (net(problem="multi_label_classification"), CLASSES, None, "are bernoulli, as model.config.* one number for"),
        (net(1), CLASSES % 2, None, "one logit, which may mean two things; say likelihood='bernoulli'"),
        # and the other way round
        (net(problem="single_label_classification"), data()[2], None, r"are categorical, as .*need integers \(6,\)"),
        (net(), data()[1][:, 0], None, r"shape \(6,\) and torch.float64; .*need integers \(6,\)"),
        (net(), data()[1], "categorical", "are categorical, as you said, and need integers"),
        (net(1, "single_label_classification"), CLASSES * 0, None, "are categorical, .*that needs 2 of them or more"),
        (net(1), None, "categorical", "that needs 2 of them or more"),
        # shapes
        (net(), data()[1][:, :2], "gaussian", r"labels have shape \(6, 2\).* one number for each logit"),
        (net(), data()[2][:, :2], "bernoulli", r"labels have shape \(6, 2\).* one number for each logit"),
        (net(), CLASSES, "bernoulli", "one number for each logit"),
        # values
        (net(), CLASSES + 1, None, "labels hold 3; with 3 logits they go from 0 to 2"),
        (net(), CLASSES - 1, None, "labels hold -1; with 3 logits they go from 0 to 2"),
        (net(problem="multi_label_classification"), data()[2] * 2, None, "labels hold 2.0; they are bernoulli"),
        (net(), data()[2] - 1, "bernoulli", "labels hold -1.0; they are bernoulli, as you said: 0 or 1"),
        (net(), data()[1] / 0, "gaussian", "must be finite numbers"),
        (net(), CLASSES[:, None].expand(-1, K), None, "not all 0 or 1; say likelihood='gaussian'"),
        (net(), data()[1].softmax(-1), None, "look like the probabilities of 3 classes.* say likelihood='gaussian'"),
        (net(), data()[1].softmax(-1).half(), None, r"probabilities of 3 classes.* give integers \(6,\)"),
        # what there is
        (
            net(problem="ranking"),
            CLASSES,
            None,
            "problem_type is 'ranking'; it must be one of single_label",
        ),
        (net(), CLASSES, "poisson", "likelihood is 'poisson'; it must be None or one of categorical"),
    ],
)
def test_labels_and_likelihoods_at_odds(model, y, said, message, labels):
    with pytest.raises(ValueError, match=message) as raised:
        fisher_diagonal(model, [(X, y)], labels=labels, likelihood=said)
    assert "\n" not in str(raised.value)


def test_what_is_said_counts_more_than_a_config():
    x, numbers, _ = data()
    model = net(problem="single_label_classification")
    assert_agree(fisher_diagonal(model, [(x, numbers)], likelihood="gaussian"), exact("gaussian", net(), x))
    whole = CLASSES[:, None].expand(-1, K)
    assert_agree(
        fisher_diagonal(model, [(x, whole)], labels="empirical", likelihood="gaussian"),
        empirical("gaussian", net(), x, whole.double()),
    )


def test_batches_that_look_unlike_are_refused():
    x, numbers, answers = data()
    for first, second in ((numbers, answers), (answers, numbers), (None, numbers)):
        with pytest.raises(ValueError, match=r"labels look .* in one batch and .* in another; say likelihood="):
            fisher_diagonal(net(), [(x, first), (x, second)])
    found = fisher_diagonal(net(), [(x, numbers), (x, answers)], likelihood="gaussian")
    assert_agree(found, exact("gaussian", net(), x))


def test_a_sequence_of_logits_is_categorical_whatever_the_config_says():
    class Tagger(nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(0)
            self.head, self.config = nn.Linear(4, 3).double(), SimpleNamespace(problem_type="regression")

        def forward(self, x):
            return self.head(x[:, None].expand(-1, 2, -1))

    y = torch.tensor([[0, -100], [1, 2], [2, 2], [-100, 0], [1, 1], [0, 0]])
    right = mean_of_squares(
        Tagger(), X, lambda z, n: [(sum(z[t].log_softmax(-1)[y[n, t]] for t in range(2) if y[n, t] >= 0), 1.0)]
    )
    assert_agree(fisher_diagonal(Tagger(), [(X, y)], labels="empirical"), right)
    for said in KINDS:
        with pytest.raises(ValueError, match=r"logits have shape \(6, 2, 3\); .* needs \[N, 1\] or \[N, K\]"):
            fisher_diagonal(Tagger(), [(X, y)], likelihood=said)
