# ---
# lesson: 11
# order: 7
# page: false
# goal: Measure how far two answers disagree, also where they nearly agree.
# minutes: 15
# difficulty: 2
# hints:
#   - |
#     Write both divergences as sums over the classes, under one sum. What do they have in common?
#   - |
#     $p_c (\log p_c - \log q_c) + q_c (\log q_c - \log p_c)$ has one factor twice. Take it out: no summand can be
#     negative then.
#   - |
#     `((p.exp() - q.exp()) * (p - q)).sum(-1).mean()`, with `p` and `q` as log-softmax of the two.
# explanation: |
#   The prediction: 100 times smaller. Both divergences are 0 where p = q, and never below, so there they have a
#   minimum, and near it they grow with the square of the noise. R3F's published noise on the embeddings is $10^{-5}$.
#   Logits that move by as much make a penalty of some $10^{-11}$ nats: nothing, unless something else differs between
#   the two passes. In models with dropout it does: each pass drops other units, and the penalty measures that.
#
#   Each divergence is a sum of terms of both signs, which nearly cancel where p and q nearly agree. In float32 a ratio
#   p / q near 1 is rounded by up to $6 \cdot 10^{-8}$, and `p * (p / q).log() + q * (q / p).log()` rounds two of them:
#   more than is left of the sum. In $(p_c - q_c)(\log p_c - \log q_c)$ every term is at least 0, and nothing cancels.
#
#   Both passes have a gradient. The published code for classification detaches the embeddings in the noisy pass, so
#   that the penalty reaches them by one of the passes alone; the code for sequences does not.
# ---
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
    # solution
    p, q = torch.log_softmax(logits, -1), torch.log_softmax(near, -1)
    return ((p.exp() - q.exp()) * (p - q)).sum(-1).mean()
    # end
