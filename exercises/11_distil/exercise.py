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
    raise NotImplementedError("not written yet")
