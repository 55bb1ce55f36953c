r"""Which lambda acts after a resume?

$t$ in $\lambda(t)$ counts the optimizer's **updates**, from 1. Loops in the wild count something else: the
micro-batches of a gradient accumulation, the batches of this epoch, or the steps since the last resume. Predict first:
one update takes 8 micro-batches, $k = 0.1$ and $t_0 = 250$. In which micro-batch is $\lambda$ one half? And if the loop
counts micro-batches?

These are the facts of a run.

- An epoch has `batches` micro-batches. An update takes the gradients of a **group** of `accumulation` of them, one
  after the other. Each epoch begins a new group.
- If `batches` is no multiple of `accumulation`, the last group of an epoch is incomplete. If `rest` is `"step"`, the
  trainer takes an update with it. If `rest` is `"drop"`, its gradients are thrown away, without an update.
- After every `save_every`-th update there is a checkpoint, with all that is needed to go on, $t$ too.
- The run is **killed** when `killed` micro-batches are done, counted from its start through all epochs. An update and
  a checkpoint that were due after the last of them were still made.
- A second run goes on from the newest checkpoint. Its first micro-batch is the one that follows the last micro-batch of
  the checkpoint's update. If that update was the last one of its epoch, this is the first micro-batch of the next
  epoch. (transformers' Trainer does it like this, with `"step"`.) Without a checkpoint it begins anew.

Take the **second** run's micro-batch `n`, counted from 1. Its gradient goes into one update. Return `(t, lam)`: the
number of that update, and $\lambda(t)$. Return `None` if the gradient is thrown away.

A small example: with `batches=10`, `accumulation=4` and `"step"` an epoch has 3 updates, of 4, 4 and 2 micro-batches.
A run with `save_every=2`, killed after 19 micro-batches, has made 5 updates, and its newest checkpoint has $t = 4$. The
second run's micro-batches 1 to 4 go into update 5, the next two into update 6, and another epoch begins.
"""

def resumed_lambda(n, batches, accumulation, rest, save_every, killed, anneal):
    """The update that a micro-batch goes into and its lambda, ``(t, lam)``, or None.

    Args:
        n: which micro-batch of the second run, from 1.
        batches: micro-batches in an epoch; at least ``accumulation`` where the rest is dropped.
        accumulation: micro-batches in a complete group.
        rest: "step" or "drop", what is done with the incomplete group at the end of an epoch.
        save_every: updates from checkpoint to checkpoint.
        killed: micro-batches that the first run has done.
        anneal: lambda, a function of the number of the update.
    """
    raise NotImplementedError("not written yet")
