# ---
# lesson: 8
# order: 1
# goal: Choose a setting from a sweep, and not a lucky run.
# minutes: 15
# difficulty: 2
# hints:
#   - A setting is judged, not a run. So what has to happen to the records before anything is compared?
#   - |
#     Make a dictionary `(k, t0) -> records of that setting`, and from it one pair of medians for each setting. Then the
#     budget, and only then the best. What is left to choose from if nothing keeps to the budget?
#   - |
#     `max(kept, key=lambda setting: (score[setting], -lost[setting]), default=None)` takes the best score, among equal
#     scores the lower loss, and gives None for an empty list.
# explanation: |
#   First the seeds become one number, then the budget, then the choice. Whoever chooses among single runs chooses luck,
#   and the more seeds a setting has, the luckier its best one. The mean is better, but one run that collapsed or shone
#   can move it past all others. The median of five stays where most of the runs are.
#
#   The budget is asked of the setting too. Drop the runs that lost too much, and you compare the well-behaved seeds of
#   one setting with all seeds of another. If you used the setting, you would not get to pick the seed.
#
#   One doubt is left: the setting was chosen on the scores that it is then praised for. Report its score on other data,
#   and say how many settings were tried.
# ---
r"""What does the sweep say?

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
    # solution
    from statistics import median

    runs = {}
    for record in records:
        runs.setdefault((record["k"], record["t0"]), []).append(record)
    score = {setting: median(run["score"] for run in each) for setting, each in runs.items()}
    lost = {setting: median(run["source_loss"] for run in each) for setting, each in runs.items()}
    kept = [setting for setting in runs if lost[setting] <= budget]
    return max(kept, key=lambda setting: (score[setting], -lost[setting]), default=None)
    # end
