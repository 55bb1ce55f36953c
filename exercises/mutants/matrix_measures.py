"""What people get wrong in matrix_measures, and other right answers."""

import numpy as np
import torch

BEST = "scores[c + 1 : T, c].max()"
BACKWARD = "(end - own)[:-1].mean()"
FORWARD = "(just_before - scores[0])[1:].mean()"
LOST = "(best - end[:-1]).mean()"

MUTANTS = [
    (
        "GEM's T",
        {BACKWARD: "(end - own)[:-1].sum() / T", FORWARD: "(just_before - scores[0])[1:].sum() / T"},
        "both transfers are divided by T",
    ),
    ("the last task in backward transfer", {BACKWARD: "(end - own).mean()"}, "backward transfer is divided by T"),
    (
        "the first task in forward transfer",
        {FORWARD: "(just_before - scores[0]).mean()"},
        "forward transfer is divided",
    ),
    ("GEM's first row", {FORWARD: "(just_before - scores[1])[1:].mean()"}, "with the row after the first task"),
    ("all of GEM's", {FORWARD: "(just_before - scores[1])[1:].sum() / T"}, "follows a public code in two ways"),
    ("Mammoth's maximum", {BEST: "scores[c + 1 :, c].max()"}, "the last row is in the maximum of forgetting"),
    ("cut at 0", {LOST: "np.maximum(0, best - end[:-1]).mean()"}, "the last row is in the maximum of forgetting"),
    ("Avalanche's forgetting", {LOST: "(own - end)[:-1].mean()"}, "forgetting is minus backward transfer"),
    ("all rows in the maximum", {BEST: "scores[:T, c].max()"}, "begins before any training"),
    ("all rows but the first", {BEST: "scores[1:T, c].max()"}, "begins at the first task"),
    ("a row too early", {BEST: "scores[c:T, c].max()"}, "begins a row too early"),
    ("forgetting by T", {LOST: "(best - end[:-1]).sum() / T"}, "forgetting is divided by T"),
    ("forgetting turned round", {LOST: "(end[:-1] - best).mean()"}, "forgetting is the wrong way round"),
    ("backward turned round", {BACKWARD: "(own - end)[:-1].mean()"}, "backward transfer is the wrong way round"),
    (
        "the diagonal of the whole",
        {BACKWARD: "(end - np.diagonal(scores))[:-1].mean()"},
        "the row before the task was learned. Row i",
    ),
    ("backward from row 0", {BACKWARD: "(end - scores[0])[:-1].mean()"}, "compares with row 0"),
    ("forward after learning", {FORWARD: "(own - scores[0])[1:].mean()"}, "takes each task after it was learned"),
    ("forward turned round", {FORWARD: "(scores[0] - just_before)[1:].mean()"}, "forward transfer is the wrong way"),
    ("the diagonal's average", {"end.mean()": "own.mean()"}, "when they had just been learned"),
    ("the matrix's average", {"end.mean()": "scores.mean()"}, "that of the whole matrix"),
    (
        "the triangle's average",
        {"end.mean()": "np.mean([scores[i + 1, j] for i in range(T) for j in range(i + 1)])"},
        "all tasks so far",
    ),
    ("an average without the last", {"end.mean()": "end[:-1].mean()"}, "leaves the last task out"),
    ("sums", {".mean()": ".sum()"}, "these are sums"),
]


def in_loops(scores):
    rows = [list(map(float, row)) for row in scores]
    T = len(rows[0])
    lost = back = forth = 0.0
    for j in range(T):
        if j < T - 1:
            lost += max(rows[i][j] for i in range(j + 1, T)) - rows[T][j]
            back += rows[T][j] - rows[j + 1][j]
        if j:
            forth += rows[j][j] - rows[0][j]
    return {
        "forward": forth / (T - 1),
        "backward": back / (T - 1),
        "forgetting": lost / (T - 1),
        "average": sum(rows[T]) / T,
    }


def by_library(scores):
    from recall_learn.measures import sequences

    return {
        "average": sequences.average(scores),
        "forgetting": sequences.forgetting(scores).mean(),
        "backward": sequences.backward_transfer(scores).mean(),
        "forward": sequences.forward_transfer(scores).mean(),
    }


def in_torch(scores):
    r = torch.as_tensor(np.asarray(scores))
    T = r.shape[1]
    learned = torch.tril(torch.ones(T, T, dtype=torch.bool))  # row i, column j: task j was learned by then
    best = r[1:].masked_fill(~learned, -9.0)[:-1].max(0).values[:-1]
    return {
        "average": r[-1].mean(),
        "forgetting": (best - r[-1, :-1]).mean(),
        "backward": (r[-1] - r[1:].diagonal())[:-1].mean(),
        "forward": (r.diagonal() - r[0])[1:].mean(),
    }


OTHERS = [in_loops, by_library, in_torch]
