"""The words of the small world, and how they are built.

English words for everything that has a kind, made-up names for everything that is one of its kind. The names depend on
the world's seed, the words do not. Each word is one token of the world's tokenizer.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Verb:
    """A verb: its plural form, its singular form, its participle, and the kind of thing it is done to."""

    plural: str
    singular: str
    participle: str = ""
    patient: str = ""


def _verbs(patient: str, text: str) -> tuple[Verb, ...]:
    return tuple(Verb(*forms.split("/"), patient) for forms in text.split())


JOBS = (
    "baker farmer doctor teacher painter poet sailor hunter miller weaver judge potter mason clerk "
    "nurse guard tailor gardener smith scribe"
).split()
ANIMALS = "dog cat horse cow goat hen duck owl".split()
THINGS: dict[str, list[str]] = {
    "food": "cake apple pear pie plum egg".split(),
    "text": "book letter poem map tale song".split(),
    "clothes": "coat hat shirt shawl glove belt".split(),
    "vehicle": "boat cart wagon ship".split(),
    "tool": "hammer axe rope net spoon ladder".split(),
    "furniture": "chair table lamp bed chest door".split(),
    "vessel": "cup bowl jar jug".split(),
}
MATERIALS = ("wood clay iron silver glass wool linen leather stone bone copper paper").split()
GOODS = tuple(f"{noun}s" for kind in ("food", "clothes", "tool", "vessel", "vehicle") for noun in THINGS[kind])

INTRANSITIVE = tuple(
    Verb(*forms.split("/"))
    for forms in (
        "sing/sings sleep/sleeps dance/dances laugh/laughs wait/waits swim/swims walk/walks rest/rests "
        "shout/shouts kneel/kneels"
    ).split()
)
SOCIAL = _verbs(
    "person",
    "see/sees/seen notice/notices/noticed help/helps/helped aid/aids/aided visit/visits/visited greet/greets/greeted "
    "thank/thanks/thanked follow/follows/followed call/calls/called trust/trusts/trusted",
)
SELECTIVE = (
    *_verbs("food", "eat/eats/eaten bake/bakes/baked taste/tastes/tasted"),
    *_verbs("text", "read/reads/read write/writes/written learn/learns/learned"),
    *_verbs("clothes", "wear/wears/worn sew/sews/sewn wash/washes/washed"),
    *_verbs("vehicle", "drive/drives/driven steer/steers/steered load/loads/loaded"),
    *_verbs("tool", "use/uses/used sharpen/sharpens/sharpened"),
    *_verbs("vessel", "fill/fills/filled empty/empties/emptied"),
    *_verbs("animal", "feed/feeds/fed groom/grooms/groomed"),
)
HANDLING = _verbs(
    "thing",
    "sell/sells/sold buy/buys/bought carry/carries/carried find/finds/found paint/paints/painted mend/mends/mended "
    "repair/repairs/repaired break/breaks/broken hold/holds/held",
)
SYNONYMS = {"notice": "see", "aid": "help", "repair": "mend", "large": "big", "little": "small", "aged": "old"}
"""Each of these words means what the other one means."""

PERSON_ADJECTIVES = ("tall short young old aged rich poor strong weak brave clever kind proud shy").split()
THING_ADJECTIVES = ("big large small little new red blue green white black heavy clean").split()
GOOD = (
    "wonderful lovely superb delightful charming splendid perfect excellent great pleasant brilliant "
    "good fine beautiful handsome graceful"
).split()
BAD = (
    "awful terrible dreadful horrid nasty dull ugly rotten dreary shabby hateful foul boring bad clumsy useless"
).split()
LIKES, DISLIKES = ("loves", "likes", "enjoys"), ("hates", "dislikes", "avoids")
PLACES = (
    "in the garden|at the market|in the kitchen|near the river|behind the mill|in the forest|"
    "on the bridge|at the inn|in the field|by the well|under the oak|at the harbour"
).split("|")
ADVERBS = "slowly gladly often quietly today again".split()
NUMBERS = "two three four five six".split()

_HER = ("Ma Li No Ta Ve Su Ri Ka Se Do".split(), "ra la na via sa da".split())
_HIS = (
    "To Bar Der Fen Gar Hal Jor Mil Os Per".split(),
    "bin ton rik mund lan vin".split(),
)
_TOWNS = (
    "Or Kes Bran Dun Fal Gren Hol Tarn Wes Ash".split(),
    "vale trin ford wick mere stead".split(),
)
_RIVERS = ("Linn Aber Seld Yar Cove Ister Wend Thale Ruhn Mose".split(), ("", "a"))


@dataclass(frozen=True)
class Names:
    """The names of one world."""

    women: tuple[str, ...]
    men: tuple[str, ...]
    towns: tuple[str, ...]
    rivers: tuple[str, ...]


def draw_names(random: Random) -> Names:
    """Forty women, forty men, twenty-four towns and eight rivers."""
    drawn = []
    for (starts, ends), count in ((_HER, 40), (_HIS, 40), (_TOWNS, 24), (_RIVERS, 8)):
        drawn.append(tuple(shuffled(random, [start + end for start in starts for end in ends])[:count]))
    return Names(*drawn)


def pick(random: Random, values: Sequence[T]) -> T:
    """One of ``values``; by ``random()`` alone, whose sequence Python promises to keep from version to version."""
    return values[int(random.random() * len(values))]


def shuffled(random: Random, values: Sequence[T]) -> list[T]:
    """All of ``values`` in a random order, made as `pick` is."""
    rest = list(values)
    return [rest.pop(int(random.random() * len(rest))) for _ in values]


def spread(values: Sequence[T], share: float) -> Sequence[T]:
    """A share of ``values``, at least one, evenly spread over them, the first of them among it."""
    if share == 1:
        return values
    return [values[int(place / share)] for place in range(math.ceil(share * len(values)))]


def article(word: str) -> str:
    """The word with "a" or "an" before it."""
    return f"{'an' if word[0] in 'aeiou' and not word.startswith('us') else 'a'} {word}"
