"""Against torch.optim.Adam with an eps of its own at every step, then the pull and the decay, weight by weight."""

import torch

from recall_learn.practice import Mistake, case, wrong

TOLERANCE = 1e-5


def cases(rng):
    """Decay and pull are strong, so that their order shows; sizes of the gradients from 1e-9 to 1, for the eps."""
    drawn = []
    steps, lams = (1, 2, int(rng.integers(5, 20)), int(rng.integers(50, 300))), rng.permutation([0.2, 0.35, 0.65, 0.8])
    for shape, t, lam in zip(((9,), (2, 5), (3, 2, 2), (8,)), steps, lams, strict=True):
        theta, anchor, g, m = (torch.tensor(rng.normal(size=shape)) for _ in range(4))
        size = torch.tensor(rng.permutation(10 ** rng.uniform(-9, 0, size=shape)))
        size.view(-1)[:3] = torch.tensor([1e-9, 1e-8, 1e-7])
        v = size**2 * torch.tensor(rng.uniform(0.5, 2, size=shape)) * (1 - 0.999 ** (t - 1))
        lr, lam = float(rng.uniform(0.2, 0.5)), float(lam + rng.uniform(-0.05, 0.05))
        gamma, decay = float(rng.uniform(0.3, 0.9)) / lr, float(rng.uniform(0.3, 1))
        m = size * m * (1 - 0.9 ** (t - 1))
        drawn.append(case(theta, anchor, size * g, m, v, t, lr, lam, gamma, decay, learning_rate=lr, gamma=gamma))
    return drawn


def adam(theta, g, m, v, t, lr, eps):
    weights = torch.nn.Parameter(theta.clone())
    optimizer = torch.optim.Adam([weights], lr=lr, betas=(0.9, 0.999), eps=eps, foreach=False)
    state = {"step": torch.tensor(float(t - 1)), "exp_avg": m.clone(), "exp_avg_sq": v.clone()}
    optimizer.state[weights] = state
    weights.grad = g.clone()
    optimizer.step()
    return weights.detach(), state["exp_avg"], state["exp_avg_sq"]


def form(eps="released", pull="after", decay="last", reverse=False, home=1.0):
    """A step with some of its places as in the paper."""

    def step(theta, anchor, g, m, v, t, lr, lam, gamma, weight_decay):
        lam = 1 - lam if reverse else lam
        if decay == "first":
            theta = theta * (1 - lr * weight_decay)
        size = 1e-8 / (1 - 0.999**t) ** 0.5 if eps == "released" else 1e-8
        at, m, v = adam(theta, g, m, v, t, lr * lam, size)
        moved = []
        for old, new, to in zip(*(x.flatten().tolist() for x in (theta, at, home * anchor)), strict=True):
            end = new - lr * (1 - lam) * gamma * ((new if pull == "after" else old) - to)
            shrunk = {"last": end, "first": 0.0, "old": old, "scaled": lam * end, "before the pull": new, "none": 0.0}
            moved.append(end - lr * weight_decay * shrunk[decay])
            if decay == "before the pull":
                new -= lr * weight_decay * new
                moved[-1] = new - lr * (1 - lam) * gamma * (new - to)
        return torch.tensor(moved, dtype=theta.dtype).reshape(theta.shape), m, v

    return step


reference = form()


def by_hand(
    of_g=lambda g, lam, pull: g, on_step=lambda lam: lam, root=0.5, correct_m=True, on_pull=lambda lam: 1 - lam
):
    """The released step with other sums in its parts."""

    def step(theta, anchor, g, m, v, t, lr, lam, gamma, weight_decay):
        g = of_g(g, lam, (1 - lam) * gamma * (theta - anchor))
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        rate = lr * (1 - 0.999**t) ** root / (1 - 0.9**t if correct_m else 1)
        theta = theta - on_step(lam) * rate * m / (v**0.5 + 1e-8)
        theta = theta - lr * on_pull(lam) * gamma * (theta - anchor)
        return theta - lr * weight_decay * theta, m, v

    return step


MISTAKES = [
    Mistake("lambda is missing on Adam's step.", by_hand(on_step=lambda lam: 1)),
    Mistake(
        "lambda is in your gradient, before the averages. Here it scales the step.",
        by_hand(of_g=lambda g, lam, pull: lam * g, on_step=lambda lam: 1),
    ),
    Mistake(
        "the spring is in your averages: that is the coupled form. Here it is a step of its own.",
        by_hand(of_g=lambda g, lam, pull: lam * g + pull, on_step=lambda lam: 1, on_pull=lambda lam: 0),
    ),
    Mistake("your pull is there in full: multiply it by 1 - lambda.", by_hand(on_pull=lambda lam: 1)),
    Mistake("lambda is on your pull. The pull has 1 - lambda.", by_hand(on_pull=lambda lam: lam)),
    Mistake("the root over 1 - beta2^t is missing: it corrects the root of v.", by_hand(root=1)),
    Mistake("the bias correction is missing.", by_hand(root=0, correct_m=False)),
    Mistake(
        "you give back the weights alone. The next step needs the averages as well: return theta, m, v.",
        lambda *given: reference(*given)[0],
    ),
    Mistake(
        "you give back the step in place of the weights. Take it off theta.",
        lambda theta, *given: (theta - reference(theta, *given)[0], *reference(theta, *given)[1:]),
    ),
    Mistake(
        "you give back the step in place of the weights. Add it to theta.",
        lambda theta, *given: (reference(theta, *given)[0] - theta, *reference(theta, *given)[1:]),
    ),
    Mistake(
        "your eps is the paper's: added to the root of v_hat, after the correction. The released code adds it to the "
        "root of v, so put the correction of v into the rate.",
        form(eps="paper"),
    ),
    Mistake(
        "you pull at the old weights, as the paper does. The released code pulls at those that Adam has moved.",
        form(pull="before"),
    ),
    Mistake(
        "you decay the old weights, as AdamW and the library's paper form do. Here decay comes last, on what Adam and "
        "the pull have left.",
        form(decay="old"),
    ),
    Mistake("your decay comes first. Here it comes last, on what Adam and the pull have left.", form(decay="first")),
    Mistake("your decay comes before the pull. Here it comes last, after it.", form(decay="before the pull")),
    Mistake(
        "lambda scales your decay. In the released code it does not: decay is there at full strength from the first "
        "step.",
        form(decay="scaled"),
    ),
    Mistake(
        "there is no weight decay in your step. It comes last: less lr * weight_decay * theta.", form(decay="none")
    ),
    Mistake(
        "lambda is reversed: it is the share of the task, so it stands on Adam's step, and 1 - lambda on the pull.",
        form(reverse=True),
    ),
    Mistake("you pull towards 0. The pull goes to the pretrained weights: theta - anchor.", form(home=0.0)),
    Mistake(
        "eps and the place of the pull are the paper's. The released code adds eps to the root of v, and pulls at the "
        "weights that Adam has moved.",
        form(eps="paper", pull="before"),
    ),
    Mistake(
        "this is the paper's form in all three places: eps, the pull and the decay. Take the three steps one after the "
        "other, each where the one before it has ended.",
        form(eps="paper", pull="before", decay="old"),
    ),
]


def drawn_at(rng):
    theta, anchor, g, m = (torch.tensor(rng.normal(size=6)) for _ in range(4))
    return theta, anchor, g, m, torch.tensor(rng.uniform(0.5, 2, size=6)), int(rng.integers(2, 9))


def a_full_pull_ends_at_home(answer, rng):
    """Where lr gamma (1 - lambda) is 1, the pull after the step undoes the step, whatever it was."""
    theta, anchor, g, m, v, t = drawn_at(rng)
    got = torch.as_tensor(answer(theta, anchor, g, m, v, t, 0.1, 0.5, 20.0, 0.0)[0]).double()
    if not torch.allclose(got, anchor, atol=1e-4):
        wrong("with lr * (1 - lambda) * gamma = 1 and no decay the step has to end at the anchors; yours does not")


def a_full_decay_ends_at_zero(answer, rng):
    theta, anchor, g, m, v, t = drawn_at(rng)
    got = torch.as_tensor(answer(theta, anchor, g, m, v, t, 0.1, 0.3, 5.0, 10.0)[0]).double()
    if not torch.allclose(got, torch.zeros_like(got), atol=1e-4):
        wrong("with lr * weight_decay = 1 a decay that comes last leaves nothing; yours leaves something")


LAWS = [a_full_pull_ends_at_home, a_full_decay_ends_at_zero]
