"""A probe, with and without control.

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

    raise NotImplementedError("not written yet")
