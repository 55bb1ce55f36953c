"""A reservoir.

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
    raise NotImplementedError("not written yet")
