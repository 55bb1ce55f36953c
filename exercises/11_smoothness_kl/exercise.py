r"""Two answers that nearly agree.

R3F (Aghajanyan et al., 2021) asks a model twice, for a batch and for the same batch with a little noise on its
embeddings, and adds what the two answers disagree by to the loss:

$$
\text{mean over rows of } \; KL(p \, \| \, q) + KL(q \, \| \, p), \qquad KL(p \, \| \, q) = \sum_c p_c \log
\frac{p_c}{q_c}
$$

with p and q the distributions over classes for the two logits. Return that number, in nats. It has a gradient at both.
The noise is small, so the answers nearly agree: it also has to be right there, in float32. Predict first: the noise is
made 10 times smaller. By what factor does the penalty fall?
"""

import torch


def smoothness_kl(logits, near):
    """The two divergences between two answers, mean over rows: a scalar tensor in nats, at least 0.

    Args:
        logits: of the first answer, [rows, classes].
        near: of the second one, of the same shape.
    """
    raise NotImplementedError("not written yet")
