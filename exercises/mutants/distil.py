"""What people get wrong in distil, and other right answers."""

import torch
from torch.nn import functional

P, Q = "torch.log_softmax(teacher.detach() / temperature, -1)", "torch.log_softmax(student / temperature, -1)"
LOSS = "(p.exp() * (p - q)).sum(-1).mean()"

MUTANTS = [
    ("multiplies by T squared", {LOSS: f"temperature**2 * {LOSS}"}, "multiply by T squared"),
    (
        "takes kl_div's own mean",
        {LOSS: "(p.exp() * (p - q)).mean()"},
        "divided by the number of classes",
    ),
    ("sums over rows", {".sum(-1).mean()": ".sum()"}, "you sum over the rows"),
    ("turns it round", {LOSS: "(q.exp() * (q - p)).sum(-1).mean()"}, "goes the other way"),
    ("keeps the entropy", {LOSS: "-(p.exp() * q).sum(-1).mean()"}, "that is the cross-entropy"),
    ("heats the student alone", {P: "torch.log_softmax(teacher.detach(), -1)"}, "only the student's logits"),
    ("heats the teacher alone", {Q: "torch.log_softmax(student, -1)"}, "only the teacher's logits"),
    (
        "heats nobody",
        {P: "torch.log_softmax(teacher.detach(), -1)", Q: "torch.log_softmax(student, -1)"},
        "no logits are divided",
    ),
    (
        "cools",
        {"teacher.detach() / temperature": "teacher.detach() * temperature", "student / temp": "student * temp"},
        "you multiply the logits by T",
    ),
    (
        "does not normalise",
        {P: "torch.log_softmax(teacher.detach(), -1) / temperature", Q: "torch.log_softmax(student, -1) / temperature"},
        "no longer add up to 1",
    ),
    ("forgets the logs", {LOSS: "(p.exp() * (p - q.exp())).sum(-1).mean()"}, "you give q where log q"),
    ("lets the teacher give way", {"teacher.detach()": "teacher"}, "a gradient at the teacher's logits"),
    ("cuts the graph", {"student / temp": "student.detach() / temp"}, "does not know the student's logits"),
]


def by_kl_div(student, teacher, temperature):
    with torch.no_grad():
        p = (teacher / temperature).softmax(-1)
    return functional.kl_div((student / temperature).log_softmax(-1), p, reduction="batchmean")


def by_cross_entropy(student, teacher, temperature):
    p = (teacher.detach() / temperature).softmax(-1)
    return functional.cross_entropy(student / temperature, p) - functional.cross_entropy(p.log(), p)


def by_library(student, teacher, temperature):
    from recall_learn.methods.lwf import distillation

    return distillation(student, teacher.detach(), temperature)


OTHERS = [by_kl_div, by_cross_entropy, by_library]
