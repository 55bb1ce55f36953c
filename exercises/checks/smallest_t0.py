"""Against a product that is taken factor by factor, on shares drawn just where a wrong count shows."""

from math import exp

from recall_learn.practice import Mistake, case, wrong


def left(t0, until, k, lr, gamma, steps, warmup):
    """What is left after step ``until`` with the lambda of ``t0``."""
    share, rising = 1.0, warmup * steps
    for s in range(1, until + 1):
        part = (s - 1) / rising if s - 1 < rising else (steps - s + 1) / (steps - rising)
        held = 1 / (1 + exp(min(k * (s - t0), 500)))
        share *= 1 - lr * part * gamma * held
    return share


def first(share, steps, look):
    return next((t0 for t0 in range(1, steps + 1) if look(t0) <= share), None)


def reference(share, k, lr, gamma, steps, warmup):
    return first(share, steps, lambda t0: left(t0, t0, k, lr, gamma, steps, warmup))


def run(rng, warm):
    steps, gamma = int(rng.integers(150, 500)), float(rng.uniform(50, 200))
    pull, k = rng.uniform(0.06, 0.15), rng.choice([0.05, 0.1, 0.2, 0.5]) * rng.uniform(0.9, 1.1)
    return float(k), float(pull / gamma), gamma, steps, float(rng.uniform(0.05, 0.12)) if warm else 0.0


def cases(rng):
    drawn = []
    for warm, early in ((False, True), (True, True), (False, False), (True, False), (True, True), (False, False)):
        settings = run(rng, warm)
        t0 = int(rng.integers(25, 50)) + warm * int(settings[3] * settings[4])
        before, now = left(t0 - 1, t0 - 1, *settings), left(t0, t0, *settings)
        between = left(t0 - 1, t0, *settings)  # what the entry behind the right one holds for the t0 before
        share = (before * between) ** 0.5 if early else (between * now) ** 0.5
        drawn.append(case(share, *settings))
    for early in (False, True):  # a spring so weak that it has to hold for long, and two shares close to a step
        gamma = float(rng.uniform(50, 200))
        settings = (float(rng.uniform(0.05, 0.1)), float(rng.uniform(0.02, 0.03) / gamma), gamma, 400, 0.0)
        t0 = int(rng.integers(210, 240))
        share = left(t0 - 1, t0 - 1, *settings) * (1 - 3e-4) if early else left(t0, t0, *settings) * (1 + 3e-4)
        drawn.append(case(share, *settings))
    return drawn


def at(step):
    """A mistake that looks at another step than t0."""
    return lambda share, *settings: first(share, settings[3], lambda t0: left(t0, step(t0, settings[3]), *settings))


def one_curve(held):
    """A mistake that looks along the curve of a single t0."""
    return lambda share, *settings: first(share, settings[3], lambda t: left(held(settings[3]), t, *settings))


def ends_early(*arguments):
    """None where it is a late t0: in the cases of a weak spring."""
    right = reference(*arguments)
    return right if right is None or right < 150 else None


def moved(by):
    def function(*arguments):
        right = reference(*arguments)
        return None if right is None else right + by

    return function


ONE_CURVE = (
    "you look along one curve, whose lambda belongs to a single t0 ({}), for the first step at which little enough is "
    "left. Another t0 is another schedule: take a new curve for each t0 that you try."
)
MISTAKES = [
    Mistake(
        "you look at the step after t0. The first entry of `left_after` is what is left after step 1, so that of step "
        "t0 is entry t0 - 1.",
        at(lambda t0, steps: min(t0 + 1, steps)),
    ),
    Mistake(
        "your t0 is one too large in some cases: do you look at the step before t0? The first entry of `left_after` is "
        "what is left after step 1, so that of step t0 is entry t0 - 1.",
        at(lambda t0, steps: t0 - 1),
    ),
    Mistake(
        "you return None where the first t0 that is enough is a late one. Does your search end before T?",
        ends_early,
    ),
    Mistake(
        "you return None, as if no t0 were enough, and here one is. Is the comparison turned round, or a `return` "
        "inside the loop missing?",
        lambda *given: None,
    ),
    Mistake(
        "your t0 is the last one that leaves too much. Return the one after it, the first that leaves little enough; "
        "or is it counted from 0?",
        moved(-1),
    ),
    Mistake(
        "your t0 is one too large. NumPy's `argmax` and `range` count from 0: is 1 added twice?",
        moved(1),
    ),
    Mistake(
        "you look at the end of the run. Asked for is what is left after step t0.",
        at(lambda t0, steps: steps),
    ),
    Mistake(
        "you let 1 - share be left. `share` itself is what may be left of the offset.",
        lambda share, *settings: reference(1 - share, *settings),
    ),
    Mistake(ONE_CURVE.format("the last step"), one_curve(lambda steps: steps)),
    Mistake(ONE_CURVE.format("half of the steps"), one_curve(lambda steps: steps // 2)),
    Mistake(ONE_CURVE.format("step 1"), one_curve(lambda steps: 1)),
    Mistake(ONE_CURVE.format("step 0"), one_curve(lambda steps: 0)),
    Mistake(ONE_CURVE.format("step 100"), one_curve(lambda steps: 100)),
    Mistake(
        "the warm-up is left out. Hand `warmup` on to `left_after`: while the rate rises, the spring hardly pulls.",
        lambda share, k, lr, gamma, steps, warmup: reference(share, k, lr, gamma, steps, 0.0),
    ),
]


def there_may_be_none(answer, rng):
    k, lr, gamma, _, warmup = run(rng, False)
    found = answer(left(40, 40, k, lr, gamma, 40, warmup) * 0.5, k, lr, gamma, 40, warmup)
    if found is not None:
        wrong(
            f"in a run of 40 steps not even t0 = 40 leaves little enough, and you return {found!r}. Return None: to be "
            "held to the end is not enough either"
        )


def tries_every_t0(answer, rng):
    k, lr, gamma, steps = 0.2, 0.001, 100.0, 40
    for t0, says in (
        (steps, "T is to be tried, too. Python's ranges leave out their end"),
        (1, "begin at 1"),
    ):
        found = answer(left(t0, t0, k, lr, gamma, steps, 0.0) * 1.0001, k, lr, gamma, steps, 0.0)
        if found == 0:
            wrong("you return 0, and t0 is from 1 to T. At 0, `[t0 - 1]` is the last entry in Python")
        if found != t0:
            wrong(
                f"in a run of {steps} steps t0 = {t0} is the first that leaves little enough, and you return {found}: "
                f"{says}"
            )
    if answer(0.01, 0.005, lr, gamma, 400, 0.0) == 0:
        wrong("you return 0, and t0 is from 1 to T. At 0, `[t0 - 1]` is the last entry in Python")


def at_most_takes_in_the_share_itself(answer, rng):
    """At t0 = 1 of a run without warm-up half of the pull acts: with lr * gamma = 1 exactly 0.5 is left."""
    found = answer(0.5, 0.25, 0.25, 4.0, 40, 0.0)
    if found != 1:
        wrong(
            "t0 = 1 leaves exactly 0.5 in a run with lr * gamma = 1 and no warm-up; for share = 0.5 you return "
            f"{found!r}. At most is <="
        )


def a_stronger_spring_is_never_slower(answer, rng):
    settings = run(rng, True)
    k, lr, gamma, steps, warmup = settings
    share = left(40, 40, *settings)
    weak, strong = answer(share * 1.001, *settings), answer(share * 1.001, k, lr, 2 * gamma, steps, warmup)
    if weak is None or strong is None or strong > weak:
        wrong(f"with twice the gamma your t0 goes from {weak} to {strong}; a stronger spring cannot need longer")


def what_counts_is_lr_times_gamma(answer, rng):
    k, lr, gamma, steps, warmup = run(rng, False)
    share = left(30, 30, k, lr, gamma, steps, warmup) * 1.001
    once, again = answer(share, k, lr, gamma, steps, warmup), answer(share, k, lr / 4, 4 * gamma, steps, warmup)
    if once != again:
        wrong("your t0 changes when lr is a quarter and gamma four times as much. Only their product counts")


LAWS = [
    there_may_be_none,
    tries_every_t0,
    at_most_takes_in_the_share_itself,
    a_stronger_spring_is_never_slower,
    what_counts_is_lr_times_gamma,
]
