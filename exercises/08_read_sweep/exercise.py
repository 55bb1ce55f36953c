"""What does the sweep say?

A sweep has tried several settings of RecAdam, each with several seeds. `records` is a list of dictionaries, one a run,
in any order:

```python
{"k": 0.1, "t0": 100.0, "seed": 3, "score": 0.61, "source_loss": 2.35}
```

Return the setting, a tuple or a list of its two numbers `(k, t0)`, whose **median score** over its seeds is the
highest, among the settings whose **median source loss** over its seeds is at most `budget`. If two settings have the
same median score, take the one with the lower median source loss (no two settings agree in both). If no setting keeps
to the budget, return `None`.

Some runs were not finished, so the settings may have different numbers of seeds; one is enough for a setting to count.
The median of an even number of runs is the mean of the two in the middle. `k` may be `float("inf")`, and a score may
be negative (Matthews' correlation). Compare the medians as they are, without rounding.
"""

def read_sweep(records, budget):
    """The best setting that keeps to the budget, ``(k, t0)``, or None.

    Args:
        records: a list of dictionaries with ``k``, ``t0``, ``seed``, ``score`` and ``source_loss``.
        budget: the highest median source loss that is allowed, in nats per hidden word.
    """
    raise NotImplementedError("not written yet")
