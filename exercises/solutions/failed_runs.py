# ---
# lesson: 16
# order: 1
# goal: Say which runs failed, by the papers' definition, and which of them never learned.
# minutes: 15
# difficulty: 1
# hints:
#   - |
#     Whoever knows nothing can still say the most frequent class each time. How often is that right on the validation
#     examples? And on the training examples?
#   - |
#     The two sets have majority shares of their own. `Counter(labels).most_common(1)[0][1] / len(labels)` is one. A run
#     that does as well as that has failed, too: "no better" is `<=`.
#   - |
#     `"never learned"` asks only of those that failed. Some of them are right about nearly all training examples:
#     they learned by heart what does not carry over.
# explanation: |
#   The majority share is the score of whoever never looks at the sentence. In a set of which 60 % have one label, a run
#   with 0.58 has failed, although 0.58 is more than one half. So "chance" is not 1 / classes.
#
#   Three kinds of bad run look alike on the validation split. One never learned: it is no better on the examples that
#   it was trained on. One learned them by heart. And one always says the same class, which a look at its answers shows
#   at once. Its accuracy is the share of its class: under the majority share if that class is a rarer one, and never
#   above it. So the answers to the two questions are yes and no. Mosbach et al. (2021) find the first kind where
#   fine-tuning BERT-large fails; a remedy against overfitting does nothing for it. Whoever reports validation scores
#   alone cannot tell which kind it was.
#
#   The definition has an edge: on 100 examples of two equally frequent classes, a run that tosses a coin is
#   above 0.5 in 46 % of all cases, and has not "failed" then. So some papers draw the line higher: Zhang et al. (2021)
#   count RTE runs under 55 %. State the line that you took.
# ---
r"""Failed, and how?

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

    # solution
    def share(answers, right):
        return sum(a == b for a, b in zip(answers, right, strict=True)) / len(right)

    def majority(of):
        return Counter(of).most_common(1)[0][1] / len(of)

    failed = sorted(seed for seed, (asked, _) in runs.items() if share(asked, labels) <= majority(labels))
    return {
        "majority": majority(labels),
        "failed": failed,
        "never learned": [seed for seed in failed if share(runs[seed][1], train_labels) <= majority(train_labels)],
        "one answer": [seed for seed in failed if len(set(runs[seed][0])) == 1],
    }
    # end
