"""Replay, as a control.

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
    raise NotImplementedError("not written yet")
