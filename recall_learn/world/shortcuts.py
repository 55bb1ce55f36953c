"""What can be guessed in a task of the small world without understanding a sentence.

A task that counts as a test of understanding must not be solved by counting words, nor by one of two sentences alone.
Both guessers see the training split and are scored on the validation split, by the task's own metric.
"""

import numpy as np

from recall_learn import glue
from recall_learn.world import World, tasks

GUESSES = ("words", "second sentence")


def score(task: str, guess: str, size: int = tasks.SIZE, world: World | None = None) -> float:
    """A guesser's score: Matthews correlation for cola, Pearson's for stsb, accuracy for the others.

    Args:
        task: one of the small world's, without "world/".
        guess: "words" counts the words of all text columns; "second sentence" those of the second column alone.
        size: training examples.
        world: None is the packaged model's.

    Raises:
        ValueError: the guess is unknown, or the task has no second sentence; or as `recall_learn.world.tasks.make`.
    """
    from scipy.sparse import hstack
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression, Ridge

    made, spec = tasks.make(task, size, world), glue.named(f"{glue.WORLD}{task}")
    columns = spec.columns if guess == "words" else spec.columns[1:]
    if guess not in GUESSES or not columns:
        raise ValueError(
            f"guess is {guess!r}; for {task} it has to be one of {', '.join(GUESSES[: len(spec.columns)])}"
        )
    counts = [CountVectorizer(token_pattern=r"\w+").fit(made["train"][column]) for column in columns]

    def features(split: str):
        return hstack([count.transform(made[split][column]) for count, column in zip(counts, columns, strict=True)])

    if spec.num_labels == 1:
        guessed = Ridge().fit(features("train"), made["train"]["label"]).predict(features("validation"))[:, None]
    else:
        model = LogisticRegression(max_iter=1000).fit(features("train"), made["train"]["label"])
        guessed = model.predict_proba(features("validation"))
    return glue.metrics(spec.name, guessed, np.array(made["validation"]["label"]))[spec.primary]
