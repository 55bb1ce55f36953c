# ---
# lesson: 11
# order: 4
# goal: Keep a fair sample of a stream whose end nobody knows.
# minutes: 15
# difficulty: 1
# hints:
#   - |
#     The item with number $n$ is one of $n + 1$ that have come. With what probability does it have to enter a buffer of
#     `size`?
#   - |
#     $j$ takes $n + 1$ values, 0 to $n$ with $n$ included, all alike. `int(u[n] * (n + 1))` does that.
#   - |
#     While the buffer is not full, append. After that `if j < size: buffer[j] = item`. One draw says both whether the
#     item enters and whom it replaces.
# explanation: |
#   The prediction: the last of 20 items enters if its $j$ is below 5. Without $n$ itself there are 19 values, and
#   $5 / 19 = 0.26$ in the place of 0.25. The first five stay with 0.21 only. It is an error of a few per cent of the
#   sample, always in the same direction: the buffer forgets the oldest, which is what it was made to prevent.
#
#   Why it is fair. Let $M$ be the `size` of the buffer, and let every item so far be in it with probability $M / n$
#   before item $n$ comes. Item $n$ enters with $M / (n + 1)$. An old item stays if the new one does not take its slot:
#   $1 - 1 / (n + 1) = n / (n + 1)$, and $\frac{M}{n} \cdot \frac{n}{n + 1} = \frac{M}{n + 1}$. With $n$ left out of the
#   draw the old item stays with $1 - 1 / n$, and the product is too small.
# ---
r"""A reservoir.

Replay needs examples of what the model saw before. The stream is long, its length is not known, and the buffer has room
for `size` of them. With Algorithm R, at any time, every item that has come so far is in the buffer with the same
probability. Item number $n$, counted from 0:

- while there is room, it goes to the end of the buffer;
- after that a whole number $j$ is drawn from 0 to $n$, **$n$ included**, each as likely as the others. If $j$ is below
  `size`, the item replaces what is in slot $j$; else it is dropped.

The draws are made for you: `u[n]` is a uniform number in $[0, 1)$ for item $n$, and $j$ comes from it like this: cut
$[0, 1)$ into as many equal parts as $j$ has values, number them from 0, and take the number of the part in which `u[n]`
lies. (Those of the first items are not used.) Return the buffer, a list.

A well-known code leaves $n$ out. Predict first, for a buffer of 5 and a stream of 20: with what probability is the
last item in the buffer then, and with what probability should it be?
"""


def reservoir(stream, size, u):
    """What the buffer holds when the stream has ended, a list in the order of its slots.

    Args:
        stream: the items, a list of whole numbers.
        size: how many the buffer has room for, at least 1.
        u: a number in [0, 1) for each item.
    """
    # solution
    buffer = []
    for n, item in enumerate(stream):
        if n < size:
            buffer.append(item)
            continue
        j = int(u[n] * (n + 1))
        if j < size:
            buffer[j] = item
    return buffer
    # end
