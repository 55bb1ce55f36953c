# ---
# lesson: 12
# order: 3
# goal: Make the control that every claim of less forgetting has to beat, and make it fair.
# minutes: 20
# difficulty: 2
# hints:
#   - |
#     Keep one number through all batches: how many task examples there have been so far. What should the number of
#     source examples so far be then, and how many of these have you taken already?
#   - |
#     In a batch take `round(share * seen) - taken`. For the draws count on: source example number $i$ is
#     `source[i % len(source)]`, whichever batch it falls into.
#   - |
#     In the plain run each task example weighs 1 / len(batch), with the task examples alone in the length. What has to
#     happen to that when others join them? Nothing.
# explanation: |
#   Rounded in each batch, a share of 0.05 with batches of 8 is 0 source examples in 100 batches, where it should be
#   40. That run is the plain one, and it "shows" that replay does not help. A share of 0.1 becomes 1 in each batch:
#   100 in place of 80. The remainder has to be carried on.
#
#   A control changes one thing. If source examples push task examples out, the run sees less of the task. If they come
#   in batches of their own, it takes more steps. And if the loss is the mean over the mixed batch, which is what
#   `CrossEntropyLoss` does by itself, the task's part shrinks to n / (n + k) of what it was, with a share of 1 to a
#   half. Adam does not see a factor that is always the same. SGD and clipping do, and where k is 0 in one batch and 1
#   in the next, the factor is not the same.
#
#   Drawn with repeats, 100 draws from 100 source examples meet only 63 of them. Without, they meet all.
#
#   Two things are still not equal, so write them beside the result. Replay computes more in each step, by the share.
#   And it reads the source, which a spring such as RecAdam's does without: where the source is gone, replay is no
#   rival, and where it is there, it is the first one to beat, with a share that was chosen as carefully as the other
#   method's settings. Take the source examples from its training set, never from what forgetting is measured on.
# ---
r"""Replay, as a control.

The simplest remedy against forgetting is to go on showing the source: mix some of its examples into the batches of the
task. A method that claims less forgetting has to beat that. So make the batches of a replay run which differs from the
plain run in that one thing:

- **the same steps**: one batch for each batch of the plain run, with all of its task examples, in the same order;
- **a share of source examples**: `share` for each task example. After every batch the number of source examples so far
  is `share` times the number of task examples so far, to the nearest whole number (it is never halfway between two);
- **drawn without repeats**: they come in the order of `source`. When all have been used, it begins again at its front;
- **the same loss of the task**: the loss of a step is the sum over all its examples, each times one weight. The plain
  run took the mean over its task examples, and that part has to stay as it was. A source example weighs as much as a
  task example.

Examples are row numbers of two data sets, so both have an example 0. Return a list with a dictionary for each batch:
`"task"` and `"source"`, two lists of row numbers (the second may be empty), and `"weight"`, a number.

Before you write it: with batches of 8 and a share of 0.05, how many source examples does `round(share * len(batch))`
take in 100 batches? And with a share of 0.1?
"""


def replay_batches(batches, source, share):
    """A list of dictionaries, ``task``, ``source`` and ``weight``, one a batch.

    Args:
        batches: the plain run's, a list of lists of row numbers of the task; not all need be of one size.
        source: row numbers of the source, a list, already in random order.
        share: source examples for each task example, at least 0; it may be above 1.
    """
    # solution
    mixed, seen, taken = [], 0, 0
    for batch in batches:
        seen += len(batch)
        until = round(share * seen)
        rows = [source[i % len(source)] for i in range(taken, until)]
        mixed.append({"task": list(batch), "source": rows, "weight": 1 / len(batch)})
        taken = until
    return mixed
    # end
