"""From a claim to the runs that it rests on: links to the explorer and to the chart, at the settings that are meant.

::

    behind(explored("held for 100 steps", records, task="world/cola", method="recadam", k=0.1, t0=100.0, gamma=100.0))

They are for a cell that shows Markdown. On a page of the book they lead to the page that has the explorer, or the
chart. A notebook's address is no state: there the settings stand in their place, as
`recall_learn.lab.explorer.explore` takes them.
"""

from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import quote

from recall_learn.lab.explorer import plain
from recall_learn.lab.scripted import alone
from recall_learn.runs.comparison import Setting
from recall_learn.runs.recipe import Recipe
from recall_learn.runs.recordings import Records
from recall_learn.support import markup

EXPLORER, CHART = "08_lab", "12_all_together"
"""The pages that have them."""


def behind(*links: str) -> str:
    """The line that leads from a figure or a sentence to its runs.

    Args:
        links: of `explored` and `charted`.
    """
    return f"*The runs behind this:* {', '.join(links)}."


def explored(words: str, records: Records, **settings: float | str) -> str:
    """A link to the explorer that shows some runs; the words alone where none of them is recorded.

    Args:
        words: what it says.
        records: what the explorer has them from.
        settings: task, method, its settings and, for one run alone, the seed, as `Records.find` takes them.

    Raises:
        ValueError: the settings fit runs that differ in more than their seeds.
    """
    runs = records.find(**settings)
    if not runs:
        return f"{words} (not recorded yet)"
    for run in runs:
        if more := replace(run.recipe, seed=0).difference(replace(runs[0].recipe, seed=0)):
            raise ValueError(f"settings fit runs of which {more}; say which is meant")
    told = {key: plain(value) for key, value in settings.items()}
    if alone():
        return f"{words} ({markup.code(', '.join(f'{key}={value!r}' for key, value in told.items()))})"
    return _link(EXPLORER, "explore", words, {"seed": "all"} | told)


def charted(words: str, settings: Sequence[Setting], recipe: Recipe, page: str = CHART) -> str:
    """A link to the chart with the runs of a recipe opened; the words alone where the chart does not have them.

    Args:
        words: what it says.
        settings: what the chart shows, of `recall_learn.runs.comparison.collect`.
        recipe: of one of the runs, with whatever seed.
        page: the one that has the chart.
    """
    mine = replace(recipe, seed=0, evaluate_every=1)
    for each in settings:
        runs = (end.run.recipe for end in each.seeds.values() if end.alpha is None)
        if alone() or not any(replace(run, seed=0, evaluate_every=1) == mine for run in runs):
            continue
        point = f"{each.names}, {each.label}" if each.label else each.names
        return _link(page, "chart", words, {"task": each.task, "point": point})
    return words


def _link(page: str, place: str, words: str, state: dict[str, float | str]) -> str:
    told = "&amp;".join(f"{quote(key, safe='')}={quote(str(value), safe='')}" for key, value in state.items())
    return f'<a href="{page}.html#{place}&amp;{told}">{words}</a>'
