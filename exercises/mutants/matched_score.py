"""What people get wrong in matched_score, and other right answers."""

import math

FIRST = "        if j == 0:\n            return steps[0], 0.0\n"
SHARE = "share = (wanted - scores[j - 1]) / (scores[j] - scores[j - 1])"
NONE = "        if not len(enough):\n            return None\n"
LESS = 'less = "neither" if rise == other_rise else "one" if rise < other_rise else "other"'
RISE = "(losses, losses[0])"
LOSSES = 'less = "neither" if rise_ == other_ else "one" if rise_ < other_ else "other"'
STEPS = 'less = "neither" if first == second else "one" if first < second else "other"'
STEP = "each[j - 1] + share"
NEVER = "        if not len(enough):\n            return {}\n"
BEST = "steps[scores.argmax()], losses[scores.argmax()] - losses[0]"
INTERP = "np.interp(wanted, scores, steps), np.interp(wanted, scores, losses) - losses[0]"
START = "return steps[0], 0.0"

MUTANTS = [
    ("no first look", {FIRST: ""}, "index -1 is the last one"),
    ("the end if never", {NONE: NEVER.format("steps[-1], losses[-1] - losses[0]")}, "gets its end"),
    ("the best if never", {NONE: NEVER.format(BEST)}, "gets its best look"),
    ("the ends", {"j = enough[0]": "return steps[-1], losses[-1] - losses[0]"}, "you compare the ends"),
    ("the best look", {"j = enough[0]": f"return {BEST}"}, "the best look of each run"),
    (
        "the nearest look",
        {"j = enough[0]": "j = abs(scores - wanted).argmin()", SHARE: "share = 1.0"},
        "whose score is nearest",
    ),
    ("the look itself", {SHARE: "share = 1.0"}, "the first look that is enough as it is"),
    ("the look before", {SHARE: "share = 0.0"}, "the look before the score is there"),
    (
        "the loss of the look",
        {STEP: "each[j - 1] + (share if each is steps else 1)"},
        "interpolate the step and not the loss",
    ),
    (
        "the last crossing",
        {"j = enough[0]": "j = max([i for i in enough if i and scores[i - 1] < wanted], default=0)"},
        "the last time that it passes",
    ),
    ("np.interp", {"j = enough[0]": f"return {INTERP}"}, "np.interp over all scores"),
    ("more than", {"scores >= wanted": "scores > wanted"}, "At least: >="),
    ("the losses", {RISE: "(losses, 0)", START: "return steps[0], losses[0]"}, "the losses themselves"),
    (
        "one start for both",
        {RISE: "(losses, one[0][2])", START: "return steps[0], losses[0] - one[0][2]"},
        "from the first run's start",
    ),
    (
        "from the lowest",
        {RISE: "(losses, losses.min())", START: "return steps[0], losses[0] - losses.min()"},
        "from the lowest loss",
    ),
    (
        "less of the losses",
        {LESS: f"rise_, other_ = rise + one[0][2], other_rise + other[0][2]\n    {LOSSES}"},
        "compares the losses",
    ),
    ("less of the steps", {LESS: STEPS}, "in fewer steps"),
    ("who rose more", {LESS: LESS.replace("<", ">")}, "rose more"),
    ("no neither", {LESS: 'less = "one" if rise <= other_rise else "other"'}, "is `neither`"),
    ("no neither, the other way", {LESS: 'less = "one" if rise < other_rise else "other"'}, "is `neither`"),
]


def step_by_step(one, other, wanted):
    points = []
    for looks in (one, other):
        before = None
        for step, score, loss in looks:
            if score >= wanted:
                if before is not None:
                    share = (wanted - before[1]) / (score - before[1])
                    step = before[0] + share * (step - before[0])
                    loss = before[2] + share * (loss - before[2])
                points.append((step, loss - looks[0][2]))
                break
            before = (step, score, loss)
        else:
            return None
    a, b = points[0][1], points[1][1]
    return {
        "less": "neither" if a == b else ["one", "other"][b < a],
        "rises": (a, b),
        "steps": (points[0][0], points[1][0]),
    }


def cut_short(one, other, wanted):
    """The highest score so far rises, and `math` does the rest."""
    steps, rises = [], []
    for looks in (one, other):
        enough = [i for i, (_, score, _) in enumerate(looks) if score >= wanted]
        if not enough:
            return None
        i = min(enough)
        (t, s, v), (u, r, w) = looks[max(i - 1, 0)], looks[i]
        share = 1 if i == 0 else (wanted - s) / (r - s)
        steps.append(math.fsum([t, share * u, -share * t]))
        rises.append(math.fsum([v, share * w, -share * v, -looks[0][2]]))
    less = "neither" if rises[0] == rises[1] else "one" if rises[0] < rises[1] else "other"
    return {"steps": steps, "rises": rises, "less": less}


OTHERS = [step_by_step, cut_short]
