"""Against sets of the facts known before and after."""

from recall_learn.practice import Mistake, case, wrong

WORDS = ("Askem", "Brill", "Corve", "Dunmar", "Eskild", "Farrow")


def drawn(rng, kept, lost, gained, stayed_wrong, other_wrong):
    """Answers with so many facts of each fate, in random order."""
    rows = []
    for fate, count in enumerate((kept, lost, gained, stayed_wrong, other_wrong)):
        for _ in range(count):
            right, wrong_one, wrong_two = (str(word) for word in rng.choice(WORDS, size=3, replace=False))
            said = ((right, right), (right, wrong_one), (wrong_one, right), (wrong_one,) * 2, (wrong_one, wrong_two))
            rows.append((*said[fate], right))
    rows = [rows[i] for i in rng.permutation(len(rows))]
    return tuple(list(column) for column in zip(*rows, strict=True))


def cases(rng):
    found = []
    for smallest in (1, 1, 2, 4, 8):
        arguments = drawn(rng, *(int(count) for count in rng.integers(smallest, 3 * smallest + 6, size=5)))
        found.append(case(*arguments, number_of_facts=len(arguments[0])))
    return found


def known(said, answers):
    return {i for i in range(len(answers)) if said[i] == answers[i]}


def reference(before, after, answers):
    had, has = known(before, answers), known(after, answers)
    return len(had - has) / len(had) if had else 0.0


def changed(before, after):
    return sum(first != now for first, now in zip(before, after, strict=True))


def wrong_now(after, answers):
    return len(answers) - len(known(after, answers))


MISTAKES = [
    Mistake(
        "you divide by all {number_of_facts} facts. What was never known cannot be lost: divide by the number of facts "
        "known before.",
        lambda b, a, r: len(known(b, r) - known(a, r)) / len(r),
    ),
    Mistake(
        "you set the facts that were gained against those that were lost. The difference of two counts hides both. "
        "Look at the facts known before, one by one.",
        lambda b, a, r: (len(known(b, r)) - len(known(a, r))) / len(known(b, r)),
    ),
    Mistake(
        "you set the facts that were gained against those that were lost, and divide by all facts. Look at the facts "
        "known before, one by one, and divide by their number.",
        lambda b, a, r: (len(known(b, r)) - len(known(a, r))) / len(r),
    ),
    Mistake(
        "you set the facts that were gained against those that were lost, and cut at 0. Look at the facts known "
        "before, one by one.",
        lambda b, a, r: max(0, len(known(b, r)) - len(known(a, r))) / len(known(b, r)),
    ),
    Mistake(
        "you count every fact that is wrong now, also those that the model never knew. Only what was known before can "
        "be lost.",
        lambda b, a, r: wrong_now(a, r) / len(known(b, r)),
    ),
    Mistake(
        "this is the share of all facts that are wrong now. It says nothing about what was known before: count the "
        "facts that were right then and are wrong now, as a share of those that were right then.",
        lambda b, a, r: wrong_now(a, r) / len(r),
    ),
    Mistake(
        "you compare the words after with the words before. A word can change from one wrong answer to another, or to "
        "the right one, and nothing is lost: compare each with the right answer.",
        lambda b, a, r: changed(b, a) / len(r),
    ),
    Mistake(
        "you count each answer that changed, also those that were wrong before. Nothing is lost with these: count only "
        "facts whose first answer was right.",
        lambda b, a, r: changed(b, a) / len(known(b, r)),
    ),
    Mistake(
        "this is the share that was kept. Asked for is the share that was lost.",
        lambda b, a, r: 1 - reference(b, a, r),
    ),
    Mistake(
        "you divide by the number of facts known after. Divide by those known before.",
        lambda b, a, r: len(known(b, r) - known(a, r)) / len(known(a, r)),
    ),
    Mistake(
        "this is the number of facts that were lost. Divide it by the number of facts known before.",
        lambda b, a, r: len(known(b, r) - known(a, r)),
    ),
]


def nothing_known_is_nothing_lost(answer, rng):
    given = drawn(rng, 0, 0, 2, 3, 1)
    try:
        found = float(answer(*given))
    except (TypeError, ValueError):
        wrong("where no fact was known before, your function has to return the number 0.0")
    if found != 0.0:
        wrong(f"no fact was known before, so none was lost: 0.0 is right, and yours is {found:g}")


def learning_makes_up_for_nothing(answer, rng):
    if abs(float(answer(*drawn(rng, 0, 3, 5, 2, 2))) - 1) > 1e-6:
        wrong("a model that lost each fact it knew, and learned 5 others, has lost a share of 1")


def wrong_answers_may_change(answer, rng):
    if abs(float(answer(*drawn(rng, 4, 0, 2, 2, 6)))) > 1e-6:
        wrong("a model that still knows what it knew has lost nothing, whatever it says to the other facts")


LAWS = [nothing_known_is_nothing_lost, learning_makes_up_for_nothing, wrong_answers_may_change]
