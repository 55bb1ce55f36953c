"""Against torch.optim.Adam with an eps of its own at every step, then the pull and the decay, weight by weight."""

import torch

from recall_learn.practice import Mistake, case, wrong
from recall_learn.practice.fixtures import drawn, loud, still, tiny


def cases(rng):
    """Decay and pull are strong, so that their order shows; sizes of the gradients from 1e-9 to 1, for the eps."""
    shares, pulls = rng.permutation([0.2, 0.35, 0.65, 0.8]) + rng.uniform(-0.05, 0.05, size=4), rng.uniform(0.3, 0.9, 4)
    start = drawn(rng, (9,), 1), drawn(rng, (2, 5), 2), drawn(rng, (3, 2, 2), rng.integers(5, 20), dtype=torch.float32)
    usual = [
        (given, rng.uniform(0.2, 0.5), lam, pull, rng.uniform(0.06, 0.4))
        for given, lam, pull in zip((*start, drawn(rng, (8,), rng.integers(50, 300))), shares, pulls, strict=True)
    ]
    edges = [
        (still(rng), rng.uniform(0.1, 0.3), 0.6, 0.0, rng.uniform(0.1, 0.4)),
        (loud(rng), rng.uniform(1, 2), 0.4, rng.uniform(2.2, 2.8), rng.uniform(1.2, 1.6)),  # both overshoot
        (tiny(rng), rng.uniform(1e-5, 2e-5), 0.5, rng.uniform(0.3, 0.9), 0.0),
        (drawn(rng, (5,), 7), rng.uniform(0.2, 0.5), 0.0, rng.uniform(0.3, 0.9), rng.uniform(0.1, 0.4)),
        (drawn(rng, (4, 1), 3), rng.uniform(0.2, 0.5), 1.0, rng.uniform(0.3, 0.9), rng.uniform(0.1, 0.4)),
    ]
    return [
        case(*given, *map(float, (lr, lam, pull / lr, decay / lr)), learning_rate=float(lr), gamma=float(pull / lr))
        for given, lr, lam, pull, decay in [*usual, *edges]
    ]


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


def eps_inside(v):
    return (v + 1e-8) ** 0.5


def by_hand(
    of_g=lambda g, lam, pull: g,
    on_step=lambda lam: lam,
    on_pull=lambda lam, lr, gamma: lr * (1 - lam) * gamma,
    on_decay=lambda lr, decay: lr * decay,
    below=lambda v: v**0.5 + 1e-8,
    betas=(0.9, 0.999),
    enters=lambda g: g * g,
    correction=lambda first, second: second**0.5 / first,
    ahead=0,
    kept=lambda m, v, first, second: (m, v),
):
    """The released step with other sums in its parts."""

    def step(theta, anchor, g, m, v, t, lr, lam, gamma, weight_decay):
        g = of_g(g, lam, (1 - lam) * gamma * (theta - anchor))
        m, v = betas[0] * m + (1 - betas[0]) * g, betas[1] * v + (1 - betas[1]) * enters(g)
        first, second = (1 - beta ** (t + ahead) for beta in betas)
        theta = theta - on_step(lam) * lr * correction(first, second) * m / below(v)
        theta = theta - on_pull(lam, lr, gamma) * (theta - anchor)
        return theta - on_decay(lr, weight_decay) * theta, *kept(m, v, first, second)

    return step


MISTAKES = [
    Mistake("lambda is missing on Adam's step.", by_hand(on_step=lambda lam: 1)),
    Mistake(
        "lambda is in your gradient, before the averages. Here it scales the step.",
        by_hand(of_g=lambda g, lam, pull: lam * g, on_step=lambda lam: 1),
    ),
    Mistake(
        "the spring is in your averages: that is the coupled form. Here it is a step of its own.",
        by_hand(of_g=lambda g, lam, pull: lam * g + pull, on_step=lambda lam: 1, on_pull=lambda lam, lr, gamma: 0),
    ),
    Mistake(
        "your pull is there in full: multiply it by 1 - lambda.", by_hand(on_pull=lambda lam, lr, gamma: lr * gamma)
    ),
    Mistake(
        "lambda is on your pull. The pull has 1 - lambda.", by_hand(on_pull=lambda lam, lr, gamma: lr * lam * gamma)
    ),
    Mistake(
        "the learning rate is missing in your pull: it is lr * (1 - lam) * gamma * (theta - anchor).",
        by_hand(on_pull=lambda lam, lr, gamma: (1 - lam) * gamma),
    ),
    Mistake(
        "gamma is missing in your pull: it is lr * (1 - lam) * gamma * (theta - anchor).",
        by_hand(on_pull=lambda lam, lr, gamma: lr * (1 - lam)),
    ),
    Mistake("your pull is half of the right one.", by_hand(on_pull=lambda lam, lr, gamma: lr * (1 - lam) * gamma / 2)),
    Mistake(
        "your pull pushes the weights away from home. It is taken off, or it goes along anchor - theta.",
        by_hand(on_pull=lambda lam, lr, gamma: -lr * (1 - lam) * gamma),
    ),
    Mistake(
        "the learning rate is missing in your decay: it is lr * weight_decay * theta.",
        by_hand(on_decay=lambda lr, decay: decay),
    ),
    Mistake("your decay makes the weights larger: take it off.", by_hand(on_decay=lambda lr, decay: -lr * decay)),
    Mistake(
        "the root of 1 - beta2^t is missing: it corrects the root of v.",
        by_hand(correction=lambda first, second: second / first),
    ),
    Mistake(
        "the root of 1 - beta2^t stands on the wrong side of the fraction: v / (1 - beta2^t) is in the denominator, so "
        "the root of 1 - beta2^t multiplies the step.",
        by_hand(correction=lambda first, second: 1 / second**0.5 / first),
    ),
    Mistake("the bias correction is missing.", by_hand(correction=lambda first, second: 1)),
    Mistake(
        "you correct m and not v: the rate also has the root of 1 - beta2^t.",
        by_hand(correction=lambda first, second: 1 / first),
    ),
    Mistake(
        "you correct v and not m: the rate is also divided by 1 - beta1^t.",
        by_hand(correction=lambda first, second: second**0.5),
    ),
    Mistake("your bias correction takes t + 1. t is 1 at the first step already.", by_hand(ahead=1)),
    Mistake("your bias correction takes t - 1. t is 1 at the first step.", by_hand(ahead=-1)),
    Mistake("your eps is inside the root. Take the root of v first, then add eps.", by_hand(below=eps_inside)),
    Mistake(
        "eps is the least that your denominator can be. It has to be added to the root of v, for every weight.",
        by_hand(below=lambda v: (v**0.5).clamp(min=1e-8)),
    ),
    Mistake(
        "your step is the one without eps. Add it to the root of v, for every weight: one whose gradients are "
        "about 1e-8 shows it.",
        by_hand(below=lambda v: v**0.5),
    ),
    Mistake("the root of v is missing.", by_hand(below=lambda v: v + 1e-8)),
    Mistake("your betas are swapped: m has to keep 0.9 of its old value, and v 0.999.", by_hand(betas=(0.999, 0.9))),
    Mistake(
        "your v averages the gradients themselves. It has to average their squares, g**2.",
        by_hand(enters=lambda g: g),
    ),
    Mistake(
        "you give back the corrected averages. The next step would correct them once more: give back m and v as they "
        "are before the correction.",
        by_hand(kept=lambda m, v, first, second: (m / first, v / second)),
    ),
    Mistake(
        "beside the new weights you return the averages from before this step. The next step needs the new ones, m_t "
        "and v_t.",
        lambda theta, anchor, g, m, v, *rest: (reference(theta, anchor, g, m, v, *rest)[0], m, v),
    ),
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
