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
    raise NotImplementedError("not written yet")
