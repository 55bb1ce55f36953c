"""Against sets of the facts known before and after."""

from recall_learn.practice import Mistake, case, wrong

WORDS = ("Askem", "Brill", "Corve", "Dunmar", "Eskild", "Farrow", "Gorse", "Holm", "Irvet")


NEAR = (
    str.lower,
    lambda word: f"{word}by",
    lambda word: f"Old{word}",
    lambda word: word[:-1],
    lambda word: f"{word[:-1]}z",
    str.upper,
)


def drawn(rng, kept, lost, gained, stayed_wrong, other_wrong, first=0):
    """Answers with so many facts of each fate, in random order. Words that are equal are not one object.

    What is said to the first facts that were lost, and to the first that stayed wrong, is as near to the right word as
    in `NEAR`, beginning with the ``first``.
    """
    rows = []
    for fate, count in enumerate((kept, lost, gained, stayed_wrong, other_wrong)):
        for i in range(count):
            right, wrong_one, wrong_two = (str(word) for word in rng.choice(WORDS, size=3, replace=False))
            if i < len(NEAR) and fate in (1, 3):
                wrong_one = NEAR[(first + i) % len(NEAR)](right)
            said = ((right, right), (right, wrong_one), (wrong_one, right), (wrong_one,) * 2, (wrong_one, wrong_two))
            rows.append((*said[fate], right))
    rows = [rows[i] for i in rng.permutation(len(rows))]
    return tuple(["".join(list(word)) for word in column] for column in zip(*rows, strict=True))


def cases(rng):
    found = [drawn(rng, 0, 1, 3, 2, 2)]  # a single fact was known
    for first, smallest in enumerate((1, 1, 2, 4, 8)):
        counts = [int(count) for count in rng.integers(smallest, 3 * smallest + 6, size=5)]
        found.append(drawn(rng, *counts, first=first))
    telling = drawn(rng, 2, 7, 1, 1, 1)
    while not 0 < anywhere(*telling) < reference(*telling):
        telling = drawn(rng, 2, 7, 1, 1, 1)
    found.append(telling)  # more was lost than gained, and some lost words, not all, are said elsewhere
    return [case(*arguments, number_of_facts=len(arguments[0])) for arguments in found]


def known(said, answers):
    return {i for i in range(len(answers)) if said[i] == answers[i]}


def reference(before, after, answers):
    had, has = known(before, answers), known(after, answers)
    return len(had - has) / len(had) if had else 0.0


def changed(before, after):
    return sum(first != now for first, now in zip(before, after, strict=True))


def wrong_now(after, answers):
    return len(answers) - len(known(after, answers))


def lower(words):
    return [word.lower() for word in words]


def lost_share(before, after, places):
    """The share of the facts known, of pairs (said, right) before and after, at these places."""
    had = [i for i in places if before[i][0] == before[i][1]]
    return sum(after[i][0] != after[i][1] for i in had) / len(had)


def without_capitals(which):
    """The words compared without regard to capitals: before, after, or both."""

    def found(b, a, r):
        first, now = (
            list(zip(lower(said), lower(r), strict=True)) if name in which else list(zip(said, r, strict=True))
            for name, said in (("before", b), ("after", a))
        )
        return lost_share(first, now, range(len(r)))

    return found


def looked_up(column):
    """Each fact is looked up with `index`, by its word before (0) or by its answer (1)."""

    def found(b, a, r):
        words = (b, r)[column]
        places = [words.index(word) for word in words]
        return lost_share(list(zip(b, r, strict=True)), list(zip(a, r, strict=True)), places)

    return found


def anywhere(before, after, answers):
    """A fact is lost if its word stands nowhere in the list of what is said now."""
    had = known(before, answers)
    return sum(answers[i] not in after for i in had) / len(had)


def anywhere_twice(before, after, answers):
    """The same, and a fact was known if its word stood anywhere before."""
    had = [right for right in answers if right in before]
    return sum(right not in after for right in had) / len(had)


def right_words(said, answers):
    return {answers[i] for i in known(said, answers)}


def of_known(as_key):
    """The facts known before, gathered under a key of each: of those with the same key the last is left."""

    def found(b, a, r):
        had = {as_key(now, right): now != right for first, now, right in zip(b, a, r, strict=True) if first == right}
        return sum(had.values()) / len(had)

    return found


def compared(*holds):
    """Facts known where ``holds(said, right)``, before and after."""

    def found(b, a, r):
        pairs = (list(zip(said, r, strict=True)) for said in (b, a))
        first, now = ([right(*each) for each in pair] for right, pair in zip(holds, pairs, strict=True))
        return sum(had and not has for had, has in zip(first, now, strict=True)) / sum(first)

    return found


def with_a_dictionary(b, a, r):
    first, now = dict(zip(r, b, strict=True)), dict(zip(r, a, strict=True))
    had = [word for word in first if first[word] == word]
    return sum(now[word] != word for word in had) / len(had)


CAPITALS = (
    'this is what comes out if capital letters do not count. "askem" is not "Askem" here: a fact is known only if the '
    "word is spelled the same."
)
LOOKED_UP = (
    "this is what comes out if facts are told apart by their words (with a set, a dictionary or `index`). One word can "
    "stand in a list more than once: go by the place, with before[i], after[i] and answers[i]."
)

PART = (
    'this is what comes out if a word counts as right when it only contains the right one, as "Askemby" contains '
    '"Askem" (with `in`, `startswith` or `endswith`). A fact is known only if the word is the right one: compare with '
    "==."
)
PIECE = (
    'this is what comes out if a mere piece of the right word counts as right, as "Ask" of "Askem" (with `in`). A fact '
    "is known only if the word is the right one: compare with ==."
)
HOLDS, IS_IN = str.__contains__, lambda said, right: said in right
ANYWHERE = (
    "you look for a word anywhere in the list (with `in`). Another fact may have the same answer, so the word can "
    "stand there for another fact: compare after[i] with answers[i]."
)

MISTAKES = [
    Mistake(
        "the fraction is missing in your result: `//` and int() drop it, so that each share below 1 becomes 0. Divide "
        "with `/`, and return what comes.",
        lambda b, a, r: float(reference(b, a, r) // 1),
    ),
    *(
        Mistake(
            "your result is rounded. Return the share as it is: do not round it.",
            lambda b, a, r, digits=digits: round(reference(b, a, r), digits),
        )
        for digits in (0, 1, 2, 3)
    ),
    Mistake(ANYWHERE, anywhere),
    Mistake(ANYWHERE, anywhere_twice),
    Mistake(CAPITALS, without_capitals(("before", "after"))),
    Mistake(CAPITALS, without_capitals(("after",))),
    Mistake(CAPITALS, without_capitals(("before",))),
    Mistake(
        "this is a percentage. Asked for is the share, a number from 0 to 1: leave out the factor 100.",
        lambda b, a, r: 100 * reference(b, a, r),
    ),
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
        "you set the facts that were gained against those that were lost, cut at 0, and divide by all facts. Look at "
        "the facts known before, one by one, and divide by their number.",
        lambda b, a, r: max(0, len(known(b, r)) - len(known(a, r))) / len(r),
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
    Mistake(LOOKED_UP, lambda b, a, r: len(right_words(b, r) - right_words(a, r)) / len(right_words(b, r))),
    Mistake(LOOKED_UP, lambda b, a, r: len((set(b) & set(r)) - (set(a) & set(r))) / len(set(b) & set(r))),
    Mistake(LOOKED_UP, lambda b, a, r: len({r[i] for i in known(b, r) - known(a, r)}) / len(right_words(b, r))),
    Mistake(LOOKED_UP, with_a_dictionary),
    Mistake(LOOKED_UP, of_known(lambda now, right: right)),
    Mistake(LOOKED_UP, of_known(lambda now, right: (now, right))),
    *(
        Mistake(says, compared(*pair))
        for says, holds in ((PART, HOLDS), (PART, str.startswith), (PART, str.endswith), (PIECE, IS_IN))
        for pair in ((holds, holds), (str.__eq__, holds), (holds, str.__eq__))
    ),
    Mistake(LOOKED_UP, looked_up(0)),
    Mistake(LOOKED_UP, looked_up(1)),
    Mistake(
        "your result is 0 where facts were lost. Do you compare words with `is`? That asks whether two words are one "
        "object in memory. Whether they are spelled the same is asked with ==.",
        lambda *_: 0.0,
    ),
    Mistake(
        "your result is 1, as if all that was known were lost, and some of it is still known. Do you compare words "
        "with `is`? That asks whether two words are one object in memory. Whether they are spelled the same is "
        "asked with == and !=.",
        lambda *_: 1.0,
    ),
]


def nothing_known_is_nothing_lost(answer, rng):
    given = drawn(rng, 0, 0, 2, 3, 1)
    try:
        found = float(answer(*given))
    except (TypeError, ValueError):
        wrong("where no fact was known before, your function has to return the number 0.0")
    if answer([], [], []) != 0.0:
        wrong("for three empty lists 0.0 is right: there is no fact that was known before")
    if found != 0.0:
        wrong(f"no fact was known before, so none was lost: 0.0 is right, and yours is {found:g}")


def one_fact_is_enough(answer, rng):
    found = float(answer(*drawn(rng, 0, 1, 1, 1, 1, first=int(rng.integers(len(NEAR))))))
    if abs(found - 1) > 1e-6:
        wrong(f"a model that knew a single fact, and lost it, has lost a share of 1; yours is {found:g}")


def learning_makes_up_for_nothing(answer, rng):
    found = float(answer(*drawn(rng, 0, 3, 5, 2, 2)))
    if abs(found - 1) > 1e-6:
        wrong(f"a model that lost all 3 facts it knew, and learned 5 others, has lost a share of 1; yours is {found:g}")


def wrong_answers_may_change(answer, rng):
    found = float(answer(*drawn(rng, 4, 0, 2, 2, 6)))
    if abs(found) > 1e-6:
        wrong(
            "a model that still knows what it knew has lost a share of 0, whatever it says about other facts; yours is "
            f"{found:g}"
        )


LAWS = [nothing_known_is_nothing_lost, one_fact_is_enough, learning_makes_up_for_nothing, wrong_answers_may_change]


def nothing_known(says, before, after, answers):
    return "" if known(before, answers) else "Here no fact was known before: return 0.0."


RAISED = {"ZeroDivisionError": nothing_known}
