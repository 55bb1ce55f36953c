"""Against numerical derivatives: each weight is moved a little to either side."""

import copy

import torch
from torch import nn
from torch.nn import functional

from recall_learn.practice import Mistake, built, case, same, wrong


class Twice(nn.Module):
    """One layer that is used twice."""

    def __init__(self, inputs, width, labels):
        super().__init__()
        self.first, self.again = nn.Linear(inputs, width), nn.Linear(width, width)
        self.dropout, self.head = nn.Dropout(0.4), nn.Linear(width, labels)

    def forward(self, x):
        h = torch.tanh(self.first(x))
        h = torch.tanh(self.again(self.dropout(h)))
        h = functional.dropout(torch.tanh(self.again(h)), 0.4, self.training)  # no module: the mode decides
        return self.head(h)


class Words(nn.Module):
    """Words in, the next word out: the table of words is the last layer, too."""

    def __init__(self, words, width):
        super().__init__()
        self.table, self.norm = nn.Embedding(words, width), nn.LayerNorm(width)
        self.dropout, self.out = nn.Dropout(0.3), nn.Linear(width, words)
        self.out.weight = self.table.weight

    def forward(self, x):
        return self.out(self.norm(self.dropout(self.table(x)).mean(1)))


def plain(inputs, width, labels):
    return nn.Sequential(nn.Linear(inputs, width), nn.Tanh(), nn.Dropout(0.5), nn.Linear(width, labels))


def partly(inputs, width, labels):
    """Its first layer's weight stands still, and it is in eval mode."""
    model = plain(inputs, width, labels)
    model[0].weight.requires_grad_(False)
    return model.eval()


def mixed(inputs, width, labels):
    """Two parts are in eval mode, one of them inside a part that is in train mode."""
    model = nn.Sequential(plain(inputs, width, labels), nn.Dropout(0.5))
    model[1].eval(), model[0][2].eval()
    return model


def between(inputs, width, labels):
    """Somebody is between backward() and step()."""
    model = plain(inputs, width, labels)
    for weight in model.parameters():
        weight.grad = torch.ones_like(weight)
    model[0].bias.requires_grad_(False)
    return model


def image(side, width, labels):
    last = (side - 1) ** 2 * width
    return nn.Sequential(nn.Conv2d(1, width, 2), nn.Tanh(), nn.Flatten(), nn.Dropout(0.5), nn.Linear(last, labels))


def averaging(side, width, labels):
    """Its running averages move in each forward pass in train mode."""
    model = image(side, width, labels)
    return nn.Sequential(model[0], nn.BatchNorm2d(width), *model[1:])


def twice_at_rest(inputs, width, labels):
    return Twice(inputs, width, labels).eval()


def resting(inputs, width, labels):
    return plain(inputs, width, labels).eval()


KINDS = (plain, partly, mixed, between, resting, image, averaging, twice_at_rest, Twice, Words)
MODELS = {each.__name__: each for each in KINDS}


def made(kind, seed, *sizes):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return MODELS[kind](*sizes)


def seeded(rng, make, *sizes):
    return built(made, make.__name__, int(rng.integers(2**31)), *sizes)


def rows(rng, *shape):
    return torch.tensor(rng.normal(size=shape), dtype=torch.float32)


def labels(rng, n, count):
    return torch.tensor(rng.integers(count, size=n))


def cases(rng):
    tokens = torch.tensor(rng.integers(6, size=(7, 4)))
    return [
        case(seeded(rng, plain, 3, 4, 3), rows(rng, 70, 3), labels(rng, 70, 3), batch_size=70),
        case(seeded(rng, partly, 3, 4, 2), rows(rng, 5, 3), labels(rng, 5, 2), batch_size=5),
        case(seeded(rng, Twice, 2, 3, 3), rows(rng, 4, 2), labels(rng, 4, 3), batch_size=4),
        case(seeded(rng, Words, 6, 3), tokens, labels(rng, 7, 6), batch_size=7),
        case(seeded(rng, image, 3, 2, 3), rows(rng, 1, 1, 3, 3), labels(rng, 1, 3), batch_size=1),
    ]


def play(entry, model, x, y, watched=""):
    """The Fisher; or whether the model's modes, gradients or averages are left, put back for whoever looks next."""
    modes = {module: module.training for module in model.modules()}
    grads = {weight: weight.grad for weight in model.parameters()}
    averages = {buffer: buffer.clone() for buffer in model.buffers()}
    found = entry(model, x, y)
    if watched == "averages":
        kept = all(torch.equal(buffer, before) for buffer, before in averages.items())
        for buffer, before in averages.items():
            buffer.copy_(before)
        return kept
    if watched == "modes":
        kept = all(module.training == mode for module, mode in modes.items())
        for module, mode in modes.items():
            module.training = mode
        return kept
    if watched == "gradients":
        kept = all(weight.grad is not None and bool((weight.grad == 1).all()) for weight in grads)
        for weight in grads:
            weight.grad = torch.ones_like(weight)
        return kept
    return found


def surprise(logits, y):
    return functional.cross_entropy(logits, y, reduction="none")


def derivatives(model, x, y, step=1e-5, loss=surprise):
    """Central differences of each example's loss, ``name -> [N, *shape]``."""
    model = copy.deepcopy(model).eval().double()
    x = x.double() if x.is_floating_point() else x
    found = {}
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if not weight.requires_grad:
                continue
            flat, columns = weight.view(-1), []
            for i in range(len(flat)):
                before, losses = flat[i].item(), []
                for value in (before + step, before - step):
                    flat[i] = value
                    losses.append(loss(model(x), y))
                flat[i] = before
                columns.append((losses[0] - losses[1]) / (2 * step))
            found[name] = torch.stack(columns, 1).view(len(x), *weight.shape)
    return found


def of_each(model, x, y, function, loss=surprise):
    return {name: function(g) for name, g in derivatives(model, x, y, loss=loss).items()}


def mean_square(g):
    return g.square().mean(0)


def reference(model, x, y):
    return of_each(model, x, y, mean_square)


def of_loss(loss):
    """What comes out with another loss than -log p(y | x)."""
    return lambda model, x, y: of_each(model, x, y, mean_square, loss)


def picked(values, y):
    return values.gather(1, y[:, None])[:, 0]


def exact(model, x, y):
    """All labels, each with the model's probability, in place of those of the data."""
    total = {}
    with torch.no_grad():
        shares = copy.deepcopy(model).eval()(x).softmax(1).double()
    for label in range(shares.shape[1]):
        for name, g in derivatives(model, x, torch.full_like(y, label)).items():
            total[name] = total.get(name, 0) + torch.einsum("n,n...->...", shares[:, label], g**2) / len(x)
    return total


def of_favourites(model, x, y):
    with torch.no_grad():
        return reference(model, x, copy.deepcopy(model).eval()(x).argmax(1))


MISTAKES = [
    Mistake(
        "you squared the gradient of the batch's mean loss, and your Fisher is {ratio} times the right one (the batch "
        "has {batch_size} examples). Take each example's gradient on its own and square it; the mean comes last.",
        lambda model, x, y: of_each(model, x, y, lambda g: g.mean(0).square()),
    ),
    Mistake(
        "you squared the gradient of the batch's summed loss. Take each example's gradient on its own, square it, and "
        "take the mean.",
        lambda model, x, y: of_each(model, x, y, lambda g: g.sum(0).square()),
    ),
    Mistake(
        "you squared the mean of the gradients and took it N times. That is right on average where the labels are "
        "drawn from the model, and not for one batch of data: square each example's gradient on its own.",
        lambda model, x, y: of_each(model, x, y, lambda g: g.mean(0).square() * len(g)),
    ),
    Mistake(
        "the gradients pile up: each example's still holds those before it. `backward()` adds to `.grad`, so empty it "
        "before each example, or use `torch.autograd.grad`.",
        lambda model, x, y: of_each(model, x, y, lambda g: g.cumsum(0).square().mean(0)),
    ),
    Mistake(
        "you have the sum over the examples; the Fisher is their mean. Divide by N.",
        lambda model, x, y: of_each(model, x, y, lambda g: g.square().sum(0)),
    ),
    Mistake(
        "you divide by N too often. Is the loss of one example a mean over more than that example?",
        lambda model, x, y: of_each(model, x, y, lambda g: (g / len(x)).square().mean(0)),
    ),
    Mistake(
        "you have the mean of the gradients' sizes; the Fisher is the mean of their squares.",
        lambda model, x, y: of_each(model, x, y, lambda g: g.abs().mean(0)),
    ),
    Mistake(
        "you have the mean of the gradients, without any square.",
        lambda model, x, y: of_each(model, x, y, lambda g: g.mean(0)),
    ),
    Mistake(
        "your labels are the model's favourites (argmax). The empirical Fisher takes the labels of the data, y.",
        of_favourites,
    ),
    Mistake(
        "this is the exact Fisher: all labels, each with the model's probability. The empirical Fisher takes the "
        "labels of the data, y, and no others.",
        exact,
    ),
    Mistake(
        "this is what comes out with the softmax taken twice. `cross_entropy` and `log_softmax` take logits and do it "
        "themselves: hand them model(x).",
        of_loss(lambda logits, y: surprise(logits.softmax(1), y)),
    ),
    Mistake(
        "you take the logit of y_n for its log probability. `nll_loss` wants `log_softmax` of the logits; "
        "`cross_entropy` takes it itself.",
        of_loss(picked),
    ),
    Mistake(
        "you differentiate the probability itself. Wanted is the derivative of its logarithm, log p(y_n | x_n).",
        of_loss(lambda logits, y: picked(logits.softmax(1), y)),
    ),
    Mistake(
        "you take the variance of the gradients: their mean is taken off before the squares. Leave it in.",
        lambda model, x, y: of_each(model, x, y, lambda g: g.var(0, unbiased=False)),
    ),
]


def drops_nothing(answer, rng):
    seed, x, y = int(rng.integers(2**31)), rows(rng, 6, 3), labels(rng, 6, 3)
    for kinds in (("plain", "resting"), ("Twice", "twice_at_rest")):
        found = [answer(built(made, kind, seed, 3, 4, 3), x, y) for kind in (*kinds, kinds[1])]
        if not all(same(found[1][name], found[2][name]) for name in found[1]):
            wrong(
                "one model in eval mode gets another Fisher each time. Something in yours is drawn at random: the "
                "labels, or what dropout leaves out. Take the labels y, and call model.eval() before the first "
                "forward pass"
            )
        if not all(same(found[0][name], found[1][name]) for name in found[1]):
            wrong(
                "a model in train mode gets another Fisher than the same model in eval mode: dropout is left on. Call "
                "model.eval() before the first forward pass"
                if kinds[0] == "plain"
                else "a model whose forward pass calls `functional.dropout(..., training=self.training)`, without a "
                "module nn.Dropout, gets another Fisher in train mode. Call model.eval(): it switches all modules"
            )


def keeps_each_mode(answer, rng):
    if not answer(seeded(rng, mixed, 3, 4, 3), rows(rng, 4, 3), labels(rng, 4, 3), "modes"):
        wrong(
            "a part of the model was in eval mode while the rest was in train mode, and now it is not so any more. "
            "`model.train()` switches every module: remember the mode of each, and give it back"
        )


def leaves_grad_alone(answer, rng):
    if not answer(seeded(rng, between, 3, 4, 3), rows(rng, 4, 3), labels(rng, 4, 3), "gradients"):
        wrong(
            "the gradients that stood in `.grad` before your function are gone or changed. Somebody may be between "
            "backward() and step(): `torch.autograd.grad` does not touch them"
        )


def moves_no_average(answer, rng):
    if not answer(seeded(rng, averaging, 3, 2, 3), rows(rng, 4, 1, 3, 3), labels(rng, 4, 3), "averages"):
        wrong(
            "the running averages of a BatchNorm have moved: the model was called in train mode. Call model.eval() "
            "before the first forward pass, also before one that only asks for the number of labels"
        )


LAWS = [drops_nothing, keeps_each_mode, leaves_grad_alone, moves_no_average]
