"""What people get wrong in facts_lost, and other right answers."""

import numpy as np

MUTANTS = [
    ("divides by all facts", {"/ sum(known)": "/ len(answers)"}, "What was never known cannot be lost"),
    (
        "takes the net loss",
        {"sum(lost) /": "(sum(known) - sum(n == r for n, r in zip(after, answers))) /"},
        "The difference of two counts hides both",
    ),
    ("counts what was never known", {"knew and ": ""}, "every fact that is wrong now"),
    (
        "compares after with before",
        {
            "knew and right != now": "now != first",
            "knew, now, right in zip(known, after, answers": "first, now in zip(before, after",
            "/ sum(known)": "/ len(answers)",
        },
        "from one wrong answer to another",
    ),
    (
        "ignores capitals",
        {"right == first": "right.lower() == first.lower()", "right != now": "right.lower() != now.lower()"},
        "capital letters do not count",
    ),
    (
        "finds the word in what was said",
        {"right == first": "right in first", "right != now": "right not in now"},
        "Askemby",
    ),
    ("asks for two facts", {"/ sum(known)": "/ max(sum(known), 2)"}, "a single fact"),
    ("divides by zero", {" if any(known) else 0.0": ""}, "Here no fact was known before: return 0.0"),
    (
        "cuts the net loss",
        {"sum(lost) /": "max(0, sum(known) - sum(n == r for n, r in zip(after, answers))) /"},
        "those that were lost, and cut at 0",
    ),
    ("drops the fraction", {"sum(lost) /": "sum(lost) //"}, "the fraction is missing"),
    (
        "rounds",
        {"sum(lost) / sum(known)": "round(sum(lost) / sum(known), 2)"},
        "do not round it",
    ),
    ("looks anywhere in the list", {"right != now": "right not in after"}, "for another fact"),
    ("compares objects", {"right == first": "right is first"}, "Do you compare words with `is`?"),
]


def with_numpy(before, after, answers):
    known = np.array(before) == np.array(answers)
    return np.mean(np.array(after)[known] != np.array(answers)[known]) if known.any() else 0.0


def counted(before, after, answers):
    knew = forgot = 0
    for first, now, right in zip(before, after, answers, strict=True):
        if first == right:
            knew += 1
            forgot += now != first
    return 0.0 if knew == 0 else forgot / knew


OTHERS = [with_numpy, counted]
