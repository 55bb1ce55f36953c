# ---
# lesson: 11
# order: 2
# goal: Have one model say what another one says, without the slips that public code makes with the temperature.
# minutes: 20
# difficulty: 2
# hints:
#   - |
#     Which of the two is trained? The other one is the standard: its distribution is the first in the divergence, and
#     no gradient may reach it.
#   - |
#     Both logits are divided by T before any softmax. Then sum over the classes, and take the mean over the rows.
#   - |
#     With `p` and `q` as log-softmax of the two, it is `(p.exp() * (p - q)).sum(-1).mean()`. `F.kl_div` takes q first,
#     as logs, and its default takes the mean over the classes, too: it needs `reduction="batchmean"`.
# explanation: |
#   The prediction: both distributions come nearer to even, so the loss falls, and its gradient as well. The gradient at
#   a student's logit is $(q - p) / T$ in each row, and for a large T the difference $q - p$ is itself about the
#   difference of the logits over T times the number of classes. So the gradient falls as $1 / T^2$: by four from T = 4
#   to T = 8. Code that multiplies by $T^2$ (Hinton et al., 2015) undoes that, and code that does not, as LwF's, needs a
#   larger weight for a larger T. Both are right. What is wrong is to use the weight tuned for one with the other.
#
#   `F.kl_div` has three traps. Its first argument is the student's, and in logs. Its second is the teacher's, and in
#   probabilities unless you say `log_target=True`. And its default divides by rows *and* classes: with a vocabulary of
#   30,000 words the penalty is 30,000 times too weak, which looks as if distillation did nothing.
#
#   A teacher with a gradient is the worst of them, where it shares weights with the student: both move towards each
#   other, and the standard gives way.
# ---
r"""What another model says.

Learning without forgetting (Li and Hoiem, 2016) asks a copy of the model from before what it says of the new task's
inputs, and has the model that trains say the same. Let $z$ be the teacher's logits and $w$ the student's, of shape
`[rows, classes]`. Both are divided by a temperature T, and then compared:

$$
p = \text{softmax}(z / T), \qquad q = \text{softmax}(w / T),
$$

$$
\text{loss} = \text{mean over rows of } \sum_c p_c \log \frac{p_c}{q_c}
$$

Return that number, in nats. It needs a gradient at the student's logits, and none at the teacher's. There is no further
factor. Predict first: T is doubled from 4 to 8, and nothing else changes. By what factor does the gradient fall?
"""

import torch


def distil(student, teacher, temperature):
    """The mean divergence of the student from the teacher: a scalar tensor in nats.

    Args:
        student: logits, [rows, classes]; what trains.
        teacher: logits of the same shape; they may ask for a gradient, and get none.
        temperature: T, above 0.
    """
    # solution
    p = torch.log_softmax(teacher.detach() / temperature, -1)
    q = torch.log_softmax(student / temperature, -1)
    return (p.exp() * (p - q)).sum(-1).mean()
    # end
