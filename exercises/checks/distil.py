"""Row by row in NumPy; the gradient against (q - p) / T."""

import numpy as np
import torch

from recall_learn.practice import Mistake, case, wrong


def drawn(rng, rows, classes, temperature, dtype=torch.float64):
    student, teacher = (torch.tensor(2.5 * rng.normal(size=(rows, classes)), dtype=dtype) for _ in range(2))
    known = {"rows": rows, "classes": classes, "temperature": temperature}
    return case(student.requires_grad_(), teacher.requires_grad_(), temperature, **known)


def cases(rng):
    return [
        drawn(rng, 4, 3, 2.0),
        drawn(rng, 3, 7, 3.5, torch.float32),
        drawn(rng, 5, 2, 0.7),
        drawn(rng, 6, 4, 5.0),
        drawn(rng, 1, 9, 1.5),
    ]


def shares(logits, temperature):
    """Softmax of the rows, by plain exponentials."""
    raised = np.exp(np.array(logits.tolist()) / temperature)
    return raised / raised.sum(1, keepdims=True)


def divergences(p, q):
    """One a row."""
    return (p * (np.log(p) - np.log(q))).sum(1)


def reference(student, teacher, temperature):
    return torch.tensor(divergences(shares(teacher, temperature), shares(student, temperature)).mean())


def varied(of, temperatures=lambda t: (t, t)):
    """Something else of the teacher's p and the student's q."""

    def function(student, teacher, temperature):
        hot, own = temperatures(temperature)
        return of(shares(teacher, hot), shares(student, own), temperature)

    return function


def powers(student, teacher, temperature):
    """p^(1/T) that is not normalised again."""
    p, q = (shares(each, 1.0) ** (1 / temperature) for each in (teacher, student))
    return divergences(p, q).mean()


MISTAKES = [
    Mistake(
        "you multiply by T squared. It is a common factor, and not in this loss: the weight is set by whoever adds it.",
        varied(lambda p, q, t: t**2 * divergences(p, q).mean()),
    ),
    Mistake(
        "your loss is also divided by the number of classes ({classes}). `F.kl_div` does that by default: sum over the "
        "classes, and take the mean over the rows alone.",
        varied(lambda p, q, t: divergences(p, q).mean() / p.shape[1]),
    ),
    Mistake(
        "you sum over the rows. Take their mean, or the loss grows with the batch.",
        varied(lambda p, q, t: divergences(p, q).sum()),
    ),
    Mistake(
        "your divergence goes the other way, from the student to the teacher. The teacher's p is the weight of each "
        "class.",
        varied(lambda p, q, t: divergences(q, p).mean()),
    ),
    Mistake(
        "that is the cross-entropy. Its gradient is right, but it is not 0 where both agree: take the teacher's own "
        "entropy off.",
        varied(lambda p, q, t: -(p * np.log(q)).sum(1).mean()),
    ),
    Mistake(
        "only the student's logits are divided by T. Both are.",
        varied(lambda p, q, t: divergences(p, q).mean(), lambda t: (1.0, t)),
    ),
    Mistake(
        "only the teacher's logits are divided by T. Both are.",
        varied(lambda p, q, t: divergences(p, q).mean(), lambda t: (t, 1.0)),
    ),
    Mistake(
        "no logits are divided by T in yours.",
        varied(lambda p, q, t: divergences(p, q).mean(), lambda t: (1.0, 1.0)),
    ),
    Mistake(
        "you multiply the logits by T. They are divided: a high temperature makes the distributions even.",
        varied(lambda p, q, t: divergences(p, q).mean(), lambda t: (1 / t, 1 / t)),
    ),
    Mistake(
        "you raise the probabilities to 1 / T and leave them so. They no longer add up to 1: divide the logits before "
        "the softmax.",
        powers,
    ),
    Mistake(
        "you give q where log q is asked for. The first argument of `F.kl_div` is in logs.",
        varied(lambda p, q, t: (p * (np.log(p) - q)).sum(1).mean()),
    ),
]


def play(entry, student, teacher, temperature, slope=False):
    """The loss; or its gradient at the student's logits."""
    found = entry(student, teacher, temperature)
    if not slope:
        return found
    if not isinstance(found, torch.Tensor) or not found.requires_grad:
        wrong(
            "your loss does not know the student's logits it was made of, so it has no gradient. Leave out detach(), "
            "item(), float(), no_grad and NumPy on the way from the student to the result"
        )
    gradient, back = torch.autograd.grad(found, [student, teacher], allow_unused=True)
    if back is not None:
        wrong(
            "your loss has a gradient at the teacher's logits, too. A teacher that gives way is none: detach it before "
            "anything else"
        )
    return gradient


def has_the_students_gradient(answer, rng):
    for temperature in (1.0, 4.0):
        student, teacher, _ = drawn(rng, 3, 4, temperature).arguments
        found = answer(student, teacher, temperature, True)
        want = (shares(student, temperature) - shares(teacher, temperature)) / temperature / 3
        if found is None or not np.allclose(np.array(found.tolist()), want, atol=1e-5):
            wrong(
                f"the gradient at the student's logits has to be (q - p) / T over the number of rows, here with T = "
                f"{temperature:g}, and yours is not"
            )


def is_nothing_where_both_agree(answer, rng):
    student, _, _ = drawn(rng, 3, 4, 1.0).arguments
    if abs(float(answer(student, student.detach().clone().requires_grad_(), 2.0))) > 1e-9:
        wrong("where the student says what the teacher says the loss is 0, and yours is not")


LAWS = [has_the_students_gradient, is_nothing_where_both_agree]
