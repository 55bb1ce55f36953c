"""Failed, and how?

Several runs of one task have ended, each with a different seed. A run has **failed** if its accuracy on the validation
examples is **no better than the majority share**: the share of the most frequent class among the validation labels.

You get, for each seed, the run's answers to the validation examples and to the training examples. Return a dictionary:

- `"majority"`: the majority share of the validation labels;
- `"failed"`: the seeds of the failed runs;
- `"never learned"`: of these, the seeds of those whose accuracy on the **training** examples is no better than the
  majority share of the training labels;
- `"one answer"`: of the failed ones, the seeds of those that give the same answer to every validation example.

All three are lists of seeds, from the smallest to the largest.

Before you write it: can a run that always says the same class have an accuracy **under** the majority share? And can a
run that has not failed give one answer only?
"""

from collections import Counter


def failed_runs(runs, labels, train_labels):
    """The dictionary ``majority``, ``failed``, ``never learned``, ``one answer``.

    Args:
        runs: seed -> (its answers to the validation examples, its answers to the training examples): two lists.
        labels: of the validation examples, in their order: a list of whole numbers.
        train_labels: of the training examples, likewise.
    """

    raise NotImplementedError("not written yet")
