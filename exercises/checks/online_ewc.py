"""Against sums written out number by number, and autograd for the tug."""

import torch

from recall_learn.practice import Mistake, case, wrong


def drawn(rng, tasks, weights):
    """Ends that wander, Fisher information that is unequal and now and then 0, and weights to be asked."""
    ended = torch.tensor(rng.normal(size=(tasks, weights)).cumsum(0))
    fisher = torch.tensor(rng.gamma(1.5, 1.0, size=(tasks, weights)))
    fisher[int(rng.integers(tasks)), int(rng.integers(weights))] = 0.0
    return ended, fisher, ended[-1] + torch.tensor(rng.normal(size=weights))


def cases(rng):
    shapes = ((3, 4), (4, 3), (5, 6), (2, 5))
    found = [case(*drawn(rng, *shape), float(rng.uniform(2, 9)), float(rng.uniform(0.5, 0.9))) for shape in shapes]
    return [
        *found,
        case(*drawn(rng, 4, 4), 3.0, 1.0),
        case(*drawn(rng, 3, 3), 5.0, 0.0),
        case(*drawn(rng, 1, 4), 7.0, 0.8),
    ]


def penalty(springs, theta, half=0.5):
    """Of springs ``(strength, Fisher information, anchors)``."""
    return sum(
        half * strength * float(f[k]) * (float(theta[k]) - float(a[k])) ** 2
        for strength, f, a in springs
        for k in range(len(theta))
    )


def running(fisher, decay, new=1.0, start=None, old=None):
    """The running Fisher information, number by number."""
    total = [0.0] * fisher.shape[1] if start is None else start
    for each in fisher.tolist():
        total = [(decay if old is None else old) * t + new * x for t, x in zip(total, each, strict=True)]
    return total


def pulled(ended, fisher, gamma, at=None):
    theta = (ended[-1] if at is None else at).clone().requires_grad_()
    loss = (0.5 * gamma * fisher * (theta[None] - ended).square()).sum()
    return torch.autograd.grad(loss, theta)[0]


def found_by(separate=None, merged=None, tug=None):
    """The three, with a mistaken rule in place of a right one."""

    def found(ended, fisher, theta, gamma, decay):
        given = ended, fisher, theta, gamma, decay
        springs = [(gamma, f, a) for f, a in zip(fisher, ended, strict=True)]
        one = [(gamma, running(fisher, decay), ended[-1])]
        return {
            "separate": separate(*given) if separate else penalty(springs, theta),
            "merged": merged(*given) if merged else penalty(one, theta),
            "tug": tug(*given) if tug else pulled(ended, fisher, gamma),
        }

    return found


reference = found_by()


def one_spring(stiffness, anchors=lambda ended, fisher: ended[-1]):
    """A merged spring of another stiffness, or around other weights."""
    return lambda ended, fisher, theta, gamma, decay: penalty(
        [(gamma, stiffness(fisher, decay), anchors(ended, fisher))], theta
    )


def as_many(weight=lambda i, n, decay: 1.0, half=0.5):
    """Separate springs, each with a weight."""
    return lambda ended, fisher, theta, gamma, decay: penalty(
        [(gamma * weight(i, len(ended), decay), fisher[i], ended[i]) for i in range(len(ended))], theta, half
    )


def decayed(i, n, decay):
    return decay ** (n - 1 - i)


def weighted(ended, fisher):
    total = fisher.sum(0)
    return torch.where(total > 0, (fisher * ended).sum(0) / total.clamp_min(1e-300), ended[-1])


MISTAKES = [
    Mistake(
        "the factor one half is missing in both penalties.",
        found_by(
            as_many(half=1.0),
            lambda ended, f, theta, gamma, d: penalty([(gamma, running(f, d), ended[-1])], theta, 1.0),
        ),
    ),
    Mistake("the factor one half is missing in the separate springs.", found_by(as_many(half=1.0))),
    Mistake(
        "the merged spring has a share of each task's own weights in yours: it is the separate springs, decayed. "
        "There is one spring, around the weights where the last task ended.",
        found_by(merged=as_many(decayed)),
    ),
    Mistake(
        "your merged spring stands around the first task's weights. It stands where the last task ended.",
        found_by(merged=one_spring(running, lambda ended, f: ended[0])),
    ),
    Mistake(
        "your merged spring stands around a mean of the tasks' weights. The last task ended with the springs of the "
        "others in its loss: take its weights as they are.",
        found_by(merged=one_spring(running, lambda ended, f: ended.mean(0))),
    ),
    Mistake(
        "your merged spring stands around a mean of the tasks' weights, weighted by their Fisher information. The last "
        "task ended with the springs of the others in its loss: take its weights as they are.",
        found_by(merged=one_spring(running, weighted)),
    ),
    Mistake(
        "the running Fisher information is a running mean in yours: the new one comes in whole, the old one fades.",
        found_by(merged=one_spring(lambda f, d: running(f, d, new=1 - d))),
    ),
    Mistake(
        "decay is on the new Fisher information in yours. The old one fades.",
        found_by(merged=one_spring(lambda f, d: running(f, 1.0, new=d))),
    ),
    Mistake(
        "decay is missing: each new task leaves the share d of the running Fisher information.",
        found_by(merged=one_spring(lambda f, d: running(f, 1.0))),
    ),
    Mistake(
        "the last task's Fisher information has faded once, too, in yours. It comes in whole.",
        found_by(merged=one_spring(lambda f, d: [d * x for x in running(f, d)])),
    ),
    Mistake(
        "your merged spring has the last task's Fisher information alone. Those before are in it, decayed.",
        found_by(merged=one_spring(lambda f, d: f[-1].tolist())),
    ),
    Mistake(
        "your merged spring lacks the last task's Fisher information.",
        found_by(merged=one_spring(lambda f, d: running(f[:-1], d))),
    ),
    Mistake(
        "your merged spring has the mean of the Fisher information. It adds up: more tasks hold more firmly.",
        found_by(merged=one_spring(lambda f, d: [x / len(f) for x in running(f, d)])),
    ),
    Mistake("decay is for the merged spring alone; your separate springs fade, too.", found_by(as_many(decayed))),
    Mistake(
        "your separate springs are averaged over the tasks. They add up.",
        found_by(as_many(lambda i, n, decay: 1 / n)),
    ),
    Mistake(
        "the tug is taken at theta. Asked for is the one where the last task ended.",
        found_by(tug=lambda ended, f, theta, gamma, d: pulled(ended, f, gamma, theta)),
    ),
    Mistake(
        "your tug has the wrong sign: asked for is the gradient, which points uphill.",
        found_by(tug=lambda ended, f, theta, gamma, d: -pulled(ended, f, gamma)),
    ),
    Mistake(
        "your tug is half of the gradient: the square's 2 takes the half away.",
        found_by(tug=lambda ended, f, theta, gamma, d: pulled(ended, f, gamma) / 2),
    ),
    Mistake("the tug lacks the strength gamma.", found_by(tug=lambda ended, f, theta, gamma, d: pulled(ended, f, 1.0))),
    Mistake(
        "your tug has the running Fisher information's decay in it. The separate springs do not fade.",
        found_by(
            tug=lambda ended, f, theta, gamma, d: pulled(
                ended, f * torch.tensor([[decayed(i, len(f), d)] for i in range(len(f))]), gamma
            )
        ),
    ),
    Mistake(
        "your tug is that of the merged spring, which is 0 there. Asked for is that of the separate ones.",
        found_by(tug=lambda ended, f, theta, gamma, d: torch.zeros_like(theta)),
    ),
]


def one_task_has_one_spring(answer, rng):
    found = answer(*drawn(rng, 1, 3), 4.0, 0.5)
    if (
        abs(found["separate"] - found["merged"]) > 1e-6 * max(1.0, abs(found["separate"]))
        or found["tug"].abs().max() > 1e-9
    ):
        wrong(
            "after one task there is one spring either way: both penalties are equal, and nothing tugs where it ended"
        )


def they_differ_by_the_tug_alone(answer, rng):
    """With nothing decayed: separate(theta) - merged(theta) is linear in the way from the last end."""
    ended, fisher, theta = drawn(rng, 4, 3)
    far = answer(ended, fisher, theta, 3.0, 1.0)
    near = answer(ended, fisher, ended[-1].clone(), 3.0, 1.0)
    gap = (far["separate"] - far["merged"]) - (near["separate"] - near["merged"])
    want = float((far["tug"] * (theta - ended[-1])).sum())
    if abs(gap - want) > 1e-5 * max(1.0, abs(want)):
        wrong(
            "with a decay of 1 both kinds of springs have the same stiffness, and differ by a constant and the tug "
            "times the way from the last end; yours do not"
        )


LAWS = [one_task_has_one_spring, they_differ_by_the_tug_alone]
