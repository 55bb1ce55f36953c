# ---
# lesson: 14
# order: 1
# goal: Score a model on another data set, by what its classes mean and not by their numbers.
# minutes: 15
# difficulty: 1
# hints:
#   - |
#     Turn both sides into words first: the model's answer to an example is a name, and so is the example's label. Only
#     then think of what counts as the same.
#   - |
#     If one of the two sides knows `not_entailment`, both sides have to be put into its two classes. Which of the three
#     names are not `entailment`? If neither side knows `not_entailment`, nothing is put together.
#   - |
#     Say `answers = [model_names[i] for i in np.argmax(logits, axis=1)]` and `truth = [set_names[i] for i in
#     labels]`. If `"not_entailment"` is in `model_names` or in `set_names`, replace every word of both lists that is
#     not `"entailment"` by `"not_entailment"`. The accuracy is the share of equal words, the majority the share of
#     the most frequent word of `truth`.
# explanation: |
#   Heads that were trained elsewhere often have contradiction at 0, where MNLI's files have entailment. Nothing
#   fails: the accuracy is a number, and a low one. Of a model that is right in 90 % of the cases, a map with these
#   two exchanged makes 33 %: the neutral third is right as before (30 %), and of the others a twentieth by luck
#   (3 %). It looks like a model that knows nothing. On a set of two classes the same mistake falls far below the
#   majority, as few honest models do: so put the majority beside each score.
#
#   A model that tells three classes apart can say `not_entailment` in two ways. Here its likeliest class decides, as
#   papers do it. One could also add up the probabilities of neutral and contradiction; then `not_entailment` is
#   said more often, for it wins with 0.3 + 0.3 against 0.4. Both are sensible, and they are not the same: say which.
#
#   The other direction has no such choice. A model that was tuned on RTE never said neutral, so the set's neutral and
#   contradiction are put together, and the score is one of two classes: it must not be put beside one of three.
# ---
"""What does a class mean elsewhere?

A model was tuned on one data set, and you score it on another, without any training. Its outputs are classes with
names, in the order `model_names`. The set's labels are numbers, and `set_names` says what they stand for. On both
sides the names are either the three `"entailment"`, `"neutral"`, `"contradiction"`, or the two `"entailment"`,
`"not_entailment"`, in **any order**.

- If both sides have three names, or both have two, an answer is right where it has the **same name** as the label.
- If one side has three and the other two, neutral and contradiction count as not_entailment, on whichever side they
  are.

The model's answer is its **likeliest class**: the largest of the logits of an example, before anything is put together.

Return a dictionary with two shares, from 0 to 1:

- `"accuracy"`: of the examples, how many are answered right;
- `"majority"`: the accuracy of whoever says the most frequent class of the set each time, once what counts as one
  class has been put together.

Before you write it: a model is right in 90 of 100 cases of three classes that are equally frequent. You score it with
entailment and contradiction exchanged by mistake. What is the accuracy: 3 %, 10 %, 33 % or 50 %?
"""

from collections import Counter

import numpy as np


def label_map(logits, model_names, labels, set_names):
    """The dictionary ``accuracy``, ``majority``.

    Args:
        logits: of the model, a NumPy array [examples, classes of the model].
        model_names: the names of its classes, in the order of its outputs.
        labels: the class of each example, by its number in the set: a list.
        set_names: the names of the set's classes, in the order of their numbers.
    """
    # solution
    merged = "not_entailment" in model_names or "not_entailment" in set_names

    def meaning(name):
        return "not_entailment" if merged and name != "entailment" else name

    answers = [meaning(model_names[i]) for i in np.argmax(logits, axis=1)]
    truth = [meaning(set_names[i]) for i in labels]
    right = sum(answer == word for answer, word in zip(answers, truth, strict=True))
    return {"accuracy": right / len(truth), "majority": max(Counter(truth).values()) / len(truth)}
    # end
