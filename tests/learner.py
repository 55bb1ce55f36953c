"""A learner's exercise, and the command line that looks at it."""

from recall_learn.cli import main
from recall_learn.practice import exercise

NAME = "fisher_empirical"
EACH = exercise.named(NAME)


def run(*arguments):
    return main(["exercises", *arguments])
