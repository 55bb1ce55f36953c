"""Against a run that is played micro-batch by micro-batch."""

from types import SimpleNamespace

from recall_learn import Sigmoid
from recall_learn.practice import Mistake, built, case, wrong
from recall_learn.practice.compare import array

NAMES = ("n", "batches", "accumulation", "rest", "save_every", "killed")


def played(batches, accumulation, rest, count):
    """The update that each micro-batch goes into, or None: so many of them, and some more."""
    goes_into, t = [], 0
    while len(goes_into) < count:
        for begin in range(0, batches, accumulation):
            group = min(accumulation, batches - begin)
            dropped = group < accumulation and rest == "drop"
            t += not dropped
            goes_into += [None if dropped else t] * group
    return goes_into


class Run:
    """What happens in both runs, and where the micro-batch in question is.

    Attributes:
        into: the update of each micro-batch, by its place in the whole run.
        done: updates of the first run.
        begun: the same with one of whose group it has done a part.
        saved: those in the newest checkpoint.
        start: the place at which the second run begins.
        place: of the micro-batch in question.
        t: its update.
        per_epoch: updates in an epoch.
        rest: micro-batches in its incomplete group.
    """

    def __init__(self, n, batches, accumulation, rest, save_every, killed):
        self.into = played(batches, accumulation, rest, killed + n + 2 * batches + accumulation)
        finished = [t for i, t in enumerate(self.into[:killed]) if t is not None and self.into[i + 1] != t]
        self.done, self.begun = len(finished), max((t for t in self.into[:killed] if t), default=0)
        self.saved = finished[save_every - 1 :: save_every][-1] if len(finished) >= save_every else 0
        self.start = self.into.index(self.saved + 1)
        self.place = self.start + n - 1
        self.t = self.into[self.place]
        self.per_epoch = len({t for t in self.into[:batches] if t is not None})
        self.epoch, self.inside = divmod(self.place, batches)
        self.rest = batches % accumulation


def facts(rng, largest=16):
    """Those of a random run, small enough to be drawn until they fit."""
    accumulation = int(rng.integers(2, 6))
    batches = int(rng.integers(accumulation + 1, largest))
    killed = int(rng.integers(batches, 5 * batches))
    rest = ("step", "drop")[rng.integers(2)]
    return int(rng.integers(2, 12)), batches, accumulation, rest, int(rng.integers(2, 8)), killed


def drawn(rng, fits):
    """A case that fits, with lambda somewhere in its rise."""
    while True:
        given = facts(rng)
        run = Run(*given)
        if fits(run, SimpleNamespace(**dict(zip(NAMES, given, strict=True)))):
            return made(rng, *given)


def made(rng, *given):
    run = Run(*given)
    t = run.t or run.per_epoch
    k, t0 = float(rng.uniform(0.1, 0.3)), float(max(0, t + int(rng.integers(-5, 6))))
    return case(*given, built(Sigmoid, k, t0))


def half_done(run, f):
    """Killed inside of an update with which a checkpoint would have been due."""
    place = run.into.index(run.begun + 1) + f.n - 1
    return run.begun > run.done > 2 and run.begun % f.save_every == 0 and run.t and run.into[place] != run.t


def cases(rng):
    return [
        drawn(rng, lambda run, f: f.rest == "step" and run.rest and 1 < run.saved < run.done),
        drawn(rng, lambda run, f: f.rest == "drop" and run.rest and run.t and run.epoch > 2),
        drawn(rng, lambda run, f: run.t is None and run.saved > run.per_epoch),
        drawn(rng, lambda run, f: run.t is None and run.epoch > run.start // f.batches),
        drawn(
            rng,
            lambda run, f: (
                f.rest == "step" and run.rest > run.inside % f.accumulation > 0 and run.t % run.per_epoch == 0
            ),
        ),
        drawn(
            rng,
            lambda run, f: (
                f.rest == "drop"
                and run.saved == run.done > 2
                and run.saved % run.per_epoch == 0
                and run.rest
                and run.t
                and run.into[run.place - run.rest] != run.t
                and f.killed % f.batches
            ),
        ),
        drawn(rng, half_done),
        drawn(rng, half_done),
        drawn(
            rng,
            lambda run, f: (
                f.rest == "step"
                and run.saved == run.done > 2
                and run.saved % run.per_epoch == 0
                and run.rest
                and f.killed % f.batches == 0
            ),
        ),
        drawn(rng, lambda run, f: run.saved == 0 < run.done and run.t and run.t > 2),
        drawn(rng, lambda run, f: run.rest == 0 and run.epoch > 1 and run.saved < run.done - 1),
        drawn(rng, lambda run, f: f.n == f.accumulation + 1 and f.killed % f.accumulation and run.t and run.saved > 3),
        made(rng, int(rng.integers(7, 14)), 3, 4, "step", 2, 3 * int(rng.integers(5, 9)) + 1),  # a group is an epoch
        made(rng, int(rng.integers(3, 9)), int(rng.integers(4, 9)), 1, "drop", 4, int(rng.integers(13, 30))),
        made(
            rng, int(rng.integers(500, 900)), int(rng.integers(210, 219)), 8, "step", 50, int(rng.integers(900, 2000))
        ),
    ]


def reference(n, batches, accumulation, rest, save_every, killed, anneal):
    t = Run(n, batches, accumulation, rest, save_every, killed).t
    return None if t is None else (t, anneal(t))


def counting(count):
    """What comes out where t is ``count(run, facts)``; it cannot be told where the gradient is thrown away."""

    def result(*given):
        *given, anneal = given
        run = Run(*given)
        if run.t is None:
            raise ValueError
        t = count(run, SimpleNamespace(**dict(zip(NAMES, given, strict=True))))
        return t if t is None else (t, anneal(t))

    return result


def beside(lam):
    """The right t, with another lambda: ``lam(anneal, run, n)``."""

    def result(*given):
        *given, anneal = given
        run = Run(*given)
        return None if run.t is None else (run.t, lam(anneal, run, given[0]))

    return result


def always(rest):
    """The rest of an epoch treated in one way, whatever is said."""

    def result(n, batches, accumulation, _, save_every, killed, anneal):
        return reference(n, batches, accumulation, rest, save_every, killed, anneal)

    return result


def thrown_away(t):
    """Right but for the None, which is the update ``t(run)``."""

    def result(*given):
        *given, anneal = given
        run = Run(*given)
        found = t(run) if run.t is None else run.t
        return found, anneal(found)

    return result


def across(run, f):
    return f.killed // f.accumulation // f.save_every * f.save_every + up(f.n, f.accumulation)


def begun_inside(run, f):
    """Updates of whole epochs, and groups of the last one, an incomplete one too."""
    return f.killed // f.batches * run.per_epoch + up(f.killed % f.batches, f.accumulation)


def up(number, divisor):
    return -(-number // divisor)


def from_place(place):
    """The update of another micro-batch."""
    return counting(lambda run, f: run.into[place(run, f)])


def from_saved(saved):
    """The update where the second run goes on from another one than the newest checkpoint's."""
    return from_place(lambda run, f: run.into.index(saved(run, f) + 1) + f.n - 1)


MICRO = (
    "you count micro-batches. An optimizer counts its updates, one for each group: with 4 micro-batches in a group "
    "lambda would rise four times too fast."
)
AGAIN = (
    "your t begins again with the second run. The checkpoint has its t, and the count goes on from there: else lambda "
    "would fall back to its start, and the spring would undo what was learned."
)
LOST = (
    "you go on where the first run was killed. What it did after its newest checkpoint is lost: the weights are those "
    "of the checkpoint, and so is t."
)
ACROSS = (
    "your groups run on from one epoch into the next. Each epoch begins a new group: divide what is inside the epoch "
    "by `accumulation`, and count the updates of the whole epochs apart."
)
NONE = (
    'you give an update to a micro-batch whose gradient is thrown away. With `rest` = "drop" the incomplete group at '
    "the end of an epoch goes into no update: None."
)
EPOCH = "you count in this epoch only. t goes through all epochs: an optimizer knows nothing of them."
UNITS = "you take `save_every` for micro-batches. There is a checkpoint after every so many updates."
PLACES = (
    "the checkpoint is right, and you let the second run begin an epoch. It goes on inside of one, so the end of the "
    "epoch, and its rest, come sooner."
)
UNFINISHED = "you count the group in which the first run was killed as an update. Its gradients were lost with the run."
CHECKPOINT = (
    "you take another checkpoint. The newest one is that of the last update, of those made, whose number is a multiple "
    "of `save_every`: `done // save_every * save_every`."
)
MISTAKES = [  # first those that are wrong in few cases
    *(
        Mistake(NONE, thrown_away(t))
        for t in (
            lambda run: next(t for t in run.into[run.place :] if t),
            lambda run: next(t for t in run.into[run.place :] if t) - 1,
        )
    ),
    Mistake(
        "your second run goes through a dropped rest again. Behind the last update of an epoch it begins with the next "
        "epoch.",
        from_place(lambda run, f: run.place - run.rest * (f.rest == "drop" and run.start % f.batches == 0 < run.saved)),
    ),
    *(
        Mistake(UNFINISHED, from_saved(saved))
        for saved in (
            lambda run, f: run.begun // f.save_every * f.save_every,
            lambda run, f: begun_inside(run, f) // f.save_every * f.save_every,
        )
    ),
    Mistake(
        "without a checkpoint the second run begins anew, at t = 1. Yours goes on from what the first one had done.",
        from_saved(lambda run, f: run.saved or run.done),
    ),
    Mistake(
        'you take an update with every incomplete group. Where `rest` is "drop" an epoch has only `batches // '
        "accumulation` updates.",
        always("step"),
    ),
    Mistake(
        'you take no update with an incomplete group. Where `rest` is "step" an epoch has one more, with what is left.',
        always("drop"),
    ),
    Mistake(
        'the two values of `rest` are exchanged: "step" takes an update with what is left, "drop" takes none.',
        lambda n, batches, accumulation, rest, *others: reference(
            n, batches, accumulation, {"step": "drop", "drop": "step"}[rest], *others
        ),
    ),
    *(
        Mistake(MICRO, counting(count))
        for count in (
            lambda run, f: run.place + 1,
            lambda run, f: run.place,
            lambda run, f: f.killed + f.n,
            lambda run, f: f.killed // f.save_every * f.save_every + f.n,
            lambda run, f: run.saved + f.n,
        )
    ),
    Mistake(f"{AGAIN} And it counts updates, not micro-batches.", counting(lambda run, f: f.n)),
    Mistake(EPOCH, counting(lambda run, f: run.t - run.epoch * run.per_epoch)),
    Mistake(f"{EPOCH} And it counts updates, not micro-batches.", counting(lambda run, f: run.inside + 1)),
    *(
        Mistake(AGAIN, counting(count))
        for count in (lambda run, f: run.t - run.saved, lambda run, f: up(f.n, f.accumulation))
    ),
    Mistake(
        "your t is one too small: it is the number of updates before this one. The first update is t = 1.",
        counting(lambda run, f: run.t - 1),
    ),
    Mistake(
        "`n` is counted from 1: the second run's first micro-batch is n = 1.", from_place(lambda run, f: run.place + 1)
    ),
    Mistake("your t is one too large. The first update of a run is t = 1.", counting(lambda run, f: run.t + 1)),
    Mistake(LOST, from_place(lambda run, f: f.killed + f.n - 1)),
    Mistake(LOST, counting(lambda run, f: run.t - run.saved + run.done)),
    Mistake(LOST, from_saved(lambda run, f: run.done)),
    *(
        Mistake(ACROSS, mistake)
        for mistake in (
            counting(across),
            counting(lambda run, f: run.saved + up(f.n, f.accumulation)),
            counting(lambda run, f: run.place // f.accumulation + 1),
            from_saved(lambda run, f: f.killed // f.accumulation // f.save_every * f.save_every),
            from_place(lambda run, f: run.saved * f.accumulation + f.n - 1),
        )
    ),
    *(
        Mistake(UNITS, mistake)
        for mistake in (
            from_place(lambda run, f: f.killed // f.save_every * f.save_every + f.n - 1),
            from_saved(lambda run, f: f.killed // f.save_every),
        )
    ),
    *(
        Mistake(CHECKPOINT, from_saved(saved))
        for saved in (
            lambda run, f: up(run.done, f.save_every) * f.save_every,
            lambda run, f: max(0, run.done - 1) // f.save_every * f.save_every,
        )
    ),
    Mistake(PLACES, counting(lambda run, f: run.into[f.n - 1] and run.saved + run.into[f.n - 1])),
    Mistake(
        "your t is right, and your lambda is that of the update before it.",
        beside(lambda anneal, run, n: anneal(run.t - 1)),
    ),
    Mistake("your t is right, and you return 1 - lambda.", beside(lambda anneal, run, n: 1 - anneal(run.t))),
    *(
        Mistake("your t is right, and your lambda is not that of t. It is anneal(t).", beside(lam))
        for lam in (
            lambda anneal, run, n: anneal(n),
            lambda anneal, run, n: anneal(run.place + 1),
            lambda anneal, run, n: anneal(run.t - run.saved),
            lambda anneal, run, n: anneal(run.saved),
        )
    ),
    Mistake(
        "you return None where the gradient goes into an update. Does every path through your function end in a "
        "`return`?",
        lambda *given: None,
    ),
    Mistake(
        "you return t alone. The statement wants (t, lam).",
        lambda *given: None if (found := reference(*given)) is None else found[0],
    ),
    Mistake(
        "you return lambda alone. The statement wants (t, lam).",
        lambda *given: None if (found := reference(*given)) is None else found[1],
    ),
    Mistake(
        "you return lambda first. The statement wants (t, lam).",
        lambda *given: None if (found := reference(*given)) is None else found[::-1],
    ),
]


def t_of(said):
    return None if said is None else int(array(said[0]))


def without_groups_every_micro_batch_is_an_update(answer, rng):
    batches, killed, n = (int(each) for each in rng.integers(5, 30, size=3))
    t = t_of(answer(n, batches, 1, "step", 1, killed, built(Sigmoid, 0.1, 20.0)))
    if t != killed + n:
        wrong(
            f"with accumulation = 1 and a checkpoint after every update, a run that was killed after {killed} "
            f"micro-batches goes on with t = {killed + 1}; so its micro-batch n = {n} is t = {killed + n}. "
            f"Yours says {t}"
        )


def a_group_has_one_lambda(answer, rng):
    accumulation = int(rng.integers(3, 6))
    batches, killed = accumulation * int(rng.integers(3, 6)), int(rng.integers(40, 80))
    anneal = built(Sigmoid, 0.1, 10.0)
    found = [t_of(answer(n, batches, accumulation, "step", 2, killed, anneal)) for n in range(1, 2 * accumulation + 1)]
    if len(set(found[:accumulation])) > 1 or found[0] == found[-1]:
        wrong(
            f"with {accumulation} micro-batches in a group, and no rest, the first {accumulation} micro-batches of the "
            f"second run go into one update and the next {accumulation} into another. Your t for n = 1, 2, ... is "
            f"{', '.join(map(str, found))}"
        )


LAWS = [without_groups_every_micro_batch_is_an_update, a_group_has_one_lambda]
