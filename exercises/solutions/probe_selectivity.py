# ---
# lesson: 13
# order: 1
# goal: Tell what a layer knows from what the probe has learned by heart.
# minutes: 15
# difficulty: 2
# hints:
#   - |
#     There are two probes, of the same kind and on the same states. Each is trained with its labels and scored on its
#     labels: the right ones, or the control's. What would it say to train on one and score on the other?
#   - |
#     The control labels of a split are `[control[word] for word in words]`. They take the place of the right labels
#     twice: in training, and in scoring.
#   - |
#     A function helps: `score(labels of train, labels of validation)` fits, predicts, and gives the share of
#     predictions that are right. Call it with the two sets of labels.
# explanation: |
#   The control task has no sense: each word has a label that was drawn for it. So nothing in a state can tell it but
#   which word it is, and whoever answers it right has learned words by heart. If a probe does as well on it as on the
#   right labels, its accuracy says nothing of the layer, however high it is.
#
#   That is why the simple probe is the better witness. Take 20 words of four classes with 400 examples, as the check
#   draws them. The class means are right about 69 % of the examples, and about 50 % in the control task. The nearest
#   neighbour is right about 64 % and 70 %: it does better on labels without a sense, because it knows the words and
#   nothing else. Of ELMo, Hewitt and Liang (2019) report that probes of the first layer are slightly better at parts
#   of speech, and those of the second far more selective. Which of the two layers knows more?
#
#   Selectivity is no share of anything: it may be negative, and it says nothing of what the layer knows and the probe
#   cannot read. And it needs words that come back. Where all sentences are different, no probe can know a sentence of
#   the test by heart; there the control is near chance, and the accuracy in training shows how much the probe can hold.
# ---
r"""A probe, with and without control.

A probe of a layer is right about the part of speech of 92 % of all words. Does the layer know it? Or does it only know
which word it is, and the probe has learned by heart which word is a noun? Hewitt and Liang (2019) train the same probe
once more, on a **control task**: each word gets one label, drawn at random, and keeps it wherever it stands.

You get examples to train on and others to score on, each as `(states, words, labels)`, and the drawn labels as a
dictionary `control`, word -> label. The probe is `fit(states, labels)`. It gives a function `predict(states)`, which
gives the labels that it takes for likeliest. Return a dictionary:

- `"accuracy"`: the share of the validation examples about which a probe with the right labels is right;
- `"control"`: the share about which a probe of the control task is right, in its own task;
- `"selectivity"`: the first less the second.

Before you write it: one of the probes takes the label of the nearest training state. The other one takes the class
whose mean is nearest. Which does better on the control task, and which is the more selective?
"""

import torch


def probe_selectivity(fit, train, validation, control):
    """The dictionary ``accuracy``, ``control``, ``selectivity``.

    Args:
        fit: a function of states ``[n, width]`` and their labels (a tensor or a list of n whole numbers); it gives a
            function of states ``[m, width]``, which gives a tensor of m labels.
        train: ``(states, words, labels)``: a tensor ``[n, width]``, a list of n words, a tensor of n whole numbers.
        validation: the same of other examples.
        control: a label for each word that is in either of them.
    """

    # solution
    def score(labels, right):
        predict = fit(train[0], labels)
        return (predict(validation[0]) == torch.as_tensor(right)).double().mean().item()

    accuracy = score(train[2], validation[2])
    drawn = score([control[word] for word in train[1]], [control[word] for word in validation[1]])
    return {"accuracy": accuracy, "control": drawn, "selectivity": accuracy - drawn}
    # end
