"""Methods side by side: what each setting reached and what it kept, and which of them are ahead of plain fine-tuning.

Every method that holds back also slows the task down, and so does a smaller learning rate. So a setting is compared
with the line through plain fine-tuning's own rates, seed by seed: both have the same head at the start and the same
batches.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from statistics import median

from recall_learn.methods import expression
from recall_learn.methods.method import Method
from recall_learn.runs.recipe import Recipe
from recall_learn.runs.recordings import Record, Records
from recall_learn.support.reading import Json

KEPT = {"source_loss": -1, "facts": 1, "similarity": 1}
"""What tells how much was kept, and whether more (1) or less (-1) of it is better."""
ROUNDING = 1e-9
"""Under this two numbers are one; a record has four digits."""


@dataclass(frozen=True)
class End:
    """What one run came to.

    Attributes:
        score: the task's primary metric.
        source_loss: nats a hidden word, None where nobody asked.
        facts: the share that is known, None where nobody asked.
        similarity: of sentences, a sentence encoder's rank correlation on STS-B; None where nobody asked.
        run: where it is from.
        alpha: its place on the frontier that the run noted, None where the run noted none.
    """

    score: float
    source_loss: float | None
    facts: float | None
    similarity: float | None
    run: Record
    alpha: float | None = None


@dataclass(frozen=True)
class Setting:
    """One setting of some methods on one task.

    Attributes:
        task: its name.
        methods: what acted, with its values; none for plain fine-tuning.
        label: what tells it from the other settings of the same methods, "gamma 100".
        order: its place on the line through them.
        seeds: what each seed came to.
    """

    task: str
    methods: tuple[Method, ...]
    label: str
    order: tuple[tuple[bool, float | str], ...]
    seeds: dict[int, End] = field(default_factory=dict)

    @property
    def names(self) -> str:
        """Of its methods, ``recadam+child-d``."""
        return expression.names(self.methods)

    @property
    def plain(self) -> bool:
        """Whether nothing but the learning rate acts."""
        return not self.methods

    def values(self, what: str) -> list[float]:
        """One number a seed, in the order of the seeds: "score", or a name of `KEPT`."""
        found = (getattr(self.seeds[seed], what) for seed in sorted(self.seeds))
        return [value for value in found if value is not None]

    def middle(self, what: str) -> float | None:
        """The median of these; None where there are none."""
        values = self.values(what)
        return median(values) if values else None


def collect(*records: Records, matched: bool = False) -> list[Setting]:
    """The settings of all recorded runs that ended, those of one task and method together and in their order.

    A run that noted a frontier counts as a setting for each of its points. Where two files have a run of the same
    recipe, but for how often it was evaluated, the first one counts.

    Args:
        records: what was recorded.
        matched: leave out the seeds in which plain fine-tuning lacks one of its rates, so that no median of a grid that
            is not complete is over other seeds than the next one.

    Raises:
        ValueError: the runs of one task have different budgets, so that nothing follows from a comparison.
    """
    found: dict[tuple[Recipe, float | None], dict[int, End]] = {}
    for run in (run for each in records for run in each.runs if not run.stopped):
        for end in _ends(run):
            key = replace(run.recipe, seed=0, evaluate_every=1), end.alpha
            found.setdefault(key, {}).setdefault(run.recipe.seed, end)
    _check_budgets(recipe for recipe, _ in found)
    vary = _varying(found)
    settings = [
        Setting(recipe.task, recipe.methods, *_told(recipe, extra, vary[recipe.backbone, recipe.names]), seeds)
        for (recipe, extra), seeds in found.items()
    ]
    if matched:
        settings = _matched(settings)
    first = {(each.task, each.names): place for place, each in reversed(list(enumerate(settings)))}
    return sorted(settings, key=lambda each: (first[each.task, each.names], each.order))


def _matched(settings: Sequence[Setting]) -> list[Setting]:
    """The settings with the seeds that all plain rates of their task have; without those that have none of these."""
    rates: dict[str, list[set[int]]] = {}
    for each in settings:
        if each.plain:
            rates.setdefault(each.task, []).append(set(each.seeds))
    whole = {task: set.intersection(*seeds) for task, seeds in rates.items()}
    kept = [
        replace(each, seeds={seed: end for seed, end in each.seeds.items() if seed in whole.get(each.task, ())})
        for each in settings
    ]
    return [each for each in kept if each.seeds]


def _ends(run: Record) -> Iterable[End]:
    """What a run came to: one end, or one for each point of the frontier that it noted."""
    columns = run.frontier or {name: values[-1:] for name, values in run.columns.items()}
    for place, score in enumerate(columns["score"]):
        kept = {name: columns[name][place] if columns.get(name) else None for name in KEPT}
        yield End(score, **kept, run=run, alpha=columns["alpha"][place] if run.frontier else None)


def _check_budgets(recipes: Iterable[Recipe]) -> None:
    first: dict[str, Recipe] = {}
    for recipe in recipes:
        other = first.setdefault(recipe.task, recipe)
        for name in ("backbone", "steps", "batch_size", "limit_train"):
            if getattr(recipe, name) != getattr(other, name):
                values = f"{getattr(other, name)} and {getattr(recipe, name)}"
                raise ValueError(f"the runs of {recipe.task} have {name} {values}; only equal budgets can be compared")


def _varying(found: Iterable[tuple[Recipe, float | None]]) -> dict[tuple[str, str], list[str]]:
    """For each model and its methods, what differs among the settings; all their numbers where nothing does."""
    seen: dict[tuple[str, str], dict[str, set]] = {}
    for recipe, extra in found:
        for name, value in _values(recipe, extra).items():
            seen.setdefault((recipe.backbone, recipe.names), {}).setdefault(name, set()).add(value)
    vary = {key: [name for name, values in each.items() if len(values) > 1] for key, each in seen.items()}
    return {
        key: vary[key] or [name for name, (value,) in each.items() if name != "lr" and not isinstance(value, str)]
        for key, each in seen.items()
    }


def _values(recipe: Recipe, extra: float | None) -> dict[str, float | str]:
    found = {key: _of(recipe, key) for key in expression.settings(recipe.methods)}
    return {"lr": recipe.lr, **found} | ({} if extra is None else {"alpha": extra})


def _of(recipe: Recipe, key: str) -> float | str:
    return getattr(recipe.methods[expression.owner(recipe.methods, key)], key.rpartition(".")[2])


def _told(recipe: Recipe, extra: float | None, vary: Sequence[str]) -> tuple[str, tuple]:
    values = {name: value for name, value in _values(recipe, extra).items() if name in vary}
    label = ", ".join(f"{name} {value if isinstance(value, str) else f'{value:g}'}" for name, value in values.items())
    return label, tuple((isinstance(value, str), value) for value in values.values())


@dataclass(frozen=True)
class Standing:
    """How a setting stands to the line through plain fine-tuning's rates, seed by seed.

    Attributes:
        setting: which.
        ahead: the seeds in which it has more of both than some point of the line, and no point has as much of both.
        behind: the seeds in which a point of the line has at least as much of both.
        beyond: the other seeds: it keeps more than the line does anywhere, at a score under all of the line; or it
            scores above all of the line and keeps less than any of it.
        gains: seed -> what it keeps more than the line does at this score or a higher one, where the line gets there.
    """

    setting: Setting
    ahead: tuple[int, ...]
    behind: tuple[int, ...]
    beyond: tuple[int, ...]
    gains: dict[int, float]

    @property
    def pairs(self) -> int:
        """In how many seeds the two were compared."""
        return len(self.ahead) + len(self.behind) + len(self.beyond)


def standings(settings: Iterable[Setting], kept: str = "source_loss") -> list[Standing]:
    """How every setting with a method stands to plain fine-tuning.

    A seed counts where plain fine-tuning has all of its rates, at least two: a line that lacks some is easily passed.

    Args:
        settings: of `collect`.
        kept: a name of `KEPT`.

    Returns:
        One for each setting that has such a seed.
    """
    settings, sign = list(settings), KEPT[kept]
    lines: dict[tuple[str, int], list[tuple[float, float]]] = {}
    plain = [each for each in settings if each.plain]
    for each in plain:
        for seed, point in _points(each, kept, sign):
            lines.setdefault((each.task, seed), []).append(point)
    rates = Counter(each.task for each in plain)
    lines = {(task, seed): line for (task, seed), line in lines.items() if len(line) == rates[task] > 1}
    found = []
    for each in settings:
        mine = {seed: point for seed, point in _points(each, kept, sign) if (each.task, seed) in lines}
        if not each.plain and mine:
            told = {seed: stands(point, lines[each.task, seed]) for seed, point in mine.items()}
            groups = {w: tuple(s for s, (word, _) in told.items() if word == w) for w in ("ahead", "behind", "beyond")}
            gains = {seed: gain for seed, (_, gain) in told.items() if gain is not None}
            found.append(Standing(each, **groups, gains=gains))
    return found


def _points(setting: Setting, kept: str, sign: int) -> Iterable[tuple[int, tuple[float, float]]]:
    for seed, end in sorted(setting.seeds.items()):
        if (value := getattr(end, kept)) is not None:
            yield seed, (end.score, sign * value)


def stands(point: tuple[float, float], line: Sequence[tuple[float, float]]) -> tuple[str, float | None]:
    """How a point stands to a line of straight pieces, where more is better on both axes.

    Args:
        point: what was reached, and what was kept.
        line: points of the same kind, at least two, joined in their order.

    Returns:
        "ahead", "behind" or "beyond", as `Standing` has them; and how much more is kept than by the best point of the
        line that reaches as much, None where none does.
    """
    reached, kept = point
    as_good = _along(line, lambda x: x >= reached, reached)
    if as_good:
        best = max(as_good)
        if best >= kept - ROUNDING:
            return "behind", kept - best
    worse = _along(line, lambda x: x <= reached, reached)
    word = "ahead" if worse and min(worse) <= kept + ROUNDING else "beyond"
    return word, kept - max(as_good) if as_good else None


def _along(line: Sequence[tuple[float, float]], within: Callable[[float], bool], edge: float) -> list[float]:
    """The heights between which the line runs where its x is within an edge: at its corners, and where it crosses."""
    heights = [y for x, y in line if within(x)]
    for (x0, y0), (x1, y1) in pairwise(line):
        if min(x0, x1) < edge < max(x0, x1):
            heights.append(y0 + (edge - x0) / (x1 - x0) * (y1 - y0))
    return heights


def keeps_most(settings: Iterable[Setting], kept: str = "source_loss", give: float = 0.0) -> Setting | None:
    """Of those whose score is within ``give`` of the best plain rate's, by the medians, the one that keeps most.

    Args:
        settings: of one task; plain fine-tuning's rates are among them.
        kept: a name of `KEPT`.
        give: how much of the score may be lost.

    Returns:
        The setting, which may be a plain rate itself; None where no plain rate is recorded.
    """
    able = [each for each in settings if each.values(kept)]
    plain = [each.middle("score") for each in able if each.plain]
    if not plain:
        return None
    near = [each for each in able if each.middle("score") >= max(plain) - give]
    return max(near, key=lambda each: KEPT[kept] * each.middle(kept))


def recorded(records: Records, recipes: Sequence[Recipe], grid: str, out: str, more: str = "") -> str:
    """How much of a grid is there, and the command that records the rest, in Markdown.

    Args:
        records: what is there.
        recipes: what the grid asks for.
        grid: its file, as the command names it.
        out: that of the records.
        more: options that the command needs, too.
    """
    lacking = set(records.missing(recipes))
    there = [recipe for recipe in recipes if recipe not in lacking]

    def count(what: Callable[[Recipe], Json]) -> str:
        return f"{len(set(map(what, there)))} of {len(set(map(what, recipes)))}"

    def setting(recipe: Recipe) -> Recipe:
        return replace(recipe, seed=0)

    asked, have = (len({setting(recipe) for recipe in each}) for each in (recipes, there))
    seeds = len({recipe.seed for recipe in recipes})
    if not lacking:
        methods = len({recipe.names for recipe in recipes})
        return f"Recorded: all {len(recipes)} runs, {methods} methods in {asked} settings, with {seeds} seeds each."
    whole = asked - len(set(map(setting, lacking)))
    told = f"{len(there)} of {len(recipes)} runs, {count(lambda r: r.names)} methods, {have} of {asked} settings"
    rest = f"`recall-learn sweep {grid} --out {out}{more and f' {more}'}`"
    return f"Recorded: {told}, {whole} of them with all {seeds} seeds. The rest: {rest}."
