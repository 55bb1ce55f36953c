"""What people get wrong in batch_square, and other right answers."""

RESULT = "mean**2 + variance / batch_size"
MUTANTS = [
    ("divides all by b", {RESULT: "(mean**2 + variance) / batch_size"}, "whole empirical Fisher"),
    ("keeps the whole variance", {RESULT: "mean**2 + variance"}, "not divided by the batch size"),
    ("squares the mean only", {RESULT: "mean**2"}, "endless batch"),
    (
        "divides by N - 1",
        {"((gradients - mean) ** 2).mean(0)": "((gradients - mean) ** 2).sum(0) / max(len(gradients) - 1, 1)"},
        "divides by N - 1",
    ),
    (
        "takes the mean square over b",
        {RESULT: "mean**2 + (gradients**2).mean(0) / batch_size"},
        "the mean counts twice",
    ),
    ("divides by b - 1", {"variance / batch_size": "variance / max(batch_size - 1, 1)"}, "by b - 1"),
    ("stops at 100", {"variance / batch_size": "variance / batch_size * (batch_size < 100)"}, "a batch of 200"),
    (
        "knows no batch beyond N",
        {"variance / batch_size": "variance / min(batch_size, len(gradients))"},
        "not of all N",
    ),
    ("divides by b squared", {RESULT: "mean**2 + variance / batch_size**2"}, "by b squared"),
]


def by_pairs(gradients, batch_size):
    """Of the b^2 pairs in a batch, b are a draw with itself and the others are independent."""
    n = len(gradients)
    itself = (gradients**2).sum(0) / n
    others = sum(gradients[i] * gradients[j] for i in range(n) for j in range(n)) / n**2
    return (itself + (batch_size - 1) * others) / batch_size


def with_numpy(gradients, batch_size):
    gradients = gradients.numpy()
    fisher, mean = (gradients**2).mean(0), gradients.mean(0)
    return fisher / batch_size + (1 - 1 / batch_size) * mean**2


def draw_by_draw(gradients, batch_size):
    """First and second moment of the sum, after each draw."""
    mean, square = gradients.mean(0), (gradients**2).mean(0)
    first, second = 0 * mean, 0 * mean
    for _ in range(batch_size):
        first, second = first + mean, second + 2 * first * mean + square
    return second / batch_size**2


OTHERS = [by_pairs, with_numpy, draw_by_draw]
