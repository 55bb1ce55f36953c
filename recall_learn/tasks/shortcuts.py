"""What can be guessed in a task of the small world without understanding a sentence.

A task that counts as a test of understanding must not be solved by counting words, nor by one of two sentences alone.
A third guesser knows no word at all, but sees where the words of the second sentence stood in the first: what it gets
is structure, not vocabulary. All see the training split and are scored on the validation split, by the task's metric.
"""

import numpy as np

from recall_learn.tasks import registry, scores
from recall_learn.tasks.task import WORLD
from recall_learn.world import World, tasks

GUESSES = ("words", "second sentence", "places")
LOOKED_AT = 8
"""Words of the second sentence whose places in the first are looked at."""


def score(task: str, guess: str, size: int = tasks.SIZE, world: World | None = None) -> float:
    """A guesser's score: Matthews correlation for cola, Pearson's for stsb, accuracy for the others.

    Args:
        task: one of the small world's, without "world/".
        guess: "words" counts the words of all text columns; "second sentence" those of the second column alone;
            "places" takes both lengths and, for each of the first `LOOKED_AT` words of the second, its place in the
            first or -1, and lets a random forest find the rule.
        size: training examples.
        world: None is the packaged model's.

    Raises:
        ValueError: the guess is unknown, or the task has no second sentence; or as `recall_learn.world.tasks.make`.
    """
    from scipy.sparse import hstack
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression, Ridge

    made, spec = tasks.make(task, size, world), registry.named(f"{WORLD}{task}")
    columns = spec.columns if guess == "words" else spec.columns[1:]
    allowed = GUESSES if len(spec.columns) == 2 else GUESSES[:1]
    if guess not in allowed:
        raise ValueError(f"guess is {guess!r}; for {task} it has to be one of {', '.join(allowed)}")
    counts = [CountVectorizer(token_pattern=r"\w+").fit(made["train"][column]) for column in columns]

    def features(split: str):
        if guess == "places":
            return [_places(*pair) for pair in zip(*(made[split][column] for column in spec.columns), strict=True)]
        return hstack([count.transform(made[split][column]) for count, column in zip(counts, columns, strict=True)])

    if spec.num_labels == 1:
        model = RandomForestRegressor(random_state=0) if guess == "places" else Ridge()
        guessed = model.fit(features("train"), made["train"]["label"]).predict(features("validation"))[:, None]
    else:
        model = RandomForestClassifier(random_state=0) if guess == "places" else LogisticRegression(max_iter=1000)
        guessed = model.fit(features("train"), made["train"]["label"]).predict_proba(features("validation"))
    return scores.metrics(spec.name, guessed, np.array(made["validation"]["label"]))[spec.primary]


def _places(first: str, second: str) -> list[int]:
    one, other = (sentence.lower().rstrip(".").replace(",", "").split() for sentence in (first, second))
    found = [one.index(word) if word in one else -1 for word in other[:LOOKED_AT]]
    return [len(one), len(other), *found, *[-2] * (LOOKED_AT - len(found))]
