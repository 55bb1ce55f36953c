"""Soups: the mean of the weights of several runs that began with the same pretrained weights.

Each run ends in another place around a common valley, and the mean lies nearer to its middle. A soup costs no more to
use than one model. Wortsman et al., 2022, Model soups, arXiv 2203.05482.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from recall_learn.methods import expression
from recall_learn.runs.finished import Weights, check_ended, fill, read_weights
from recall_learn.runs.folder import RunFolder
from recall_learn.runs.record import Run, load
from recall_learn.runs.session import Session
from recall_learn.support import environment, process_wide
from recall_learn.support.checks import shown
from recall_learn.support.files import check_folder, share, write_text
from recall_learn.support.reading import Json

RECORD = "soup.json"
SAME = ("backbone", "task", "text", "label", "metric", "init")
"""What the recipes of a soup's runs have to agree in."""


@dataclass(frozen=True)
class Soup:
    """A soup, as its folder has it in ``soup.json``.

    Attributes:
        members: the folders of the runs, in their order.
        chosen: those whose weights are in the mean, in the order in which they came in.
        greedy: whether they were chosen; else all are in it.
        metric: what a greedy soup is chosen by: the task's score.
        split: on which split: the one that runs are scored on. On it a greedy soup is never under the best of its
            members, by its making; what it is worth, another set has to say.
        scores: of each member alone, by this metric on this split; of a greedy soup, and else empty.
        evaluation: of the soup, as a run's final one: ``metrics``, ``distance`` and what is asked about pretraining.
    """

    members: list[str]
    chosen: list[str]
    greedy: bool
    metric: str
    split: str
    scores: list[float]
    evaluation: dict[str, Json]


def soup(
    folders: Sequence[str | Path],
    out: str | Path,
    *,
    greedy: bool = False,
    data_folder: str | Path | None = None,
    source_text: str | Path | None = None,
    device: str = "auto",
) -> Soup:
    r"""Average the models of several runs, :math:`\bar\theta = \frac 1 n \sum_k \theta_k`, and score the mean.

    Args:
        folders: of runs that have ended, as `recall_learn.finetune` leaves them; their models have the same start and
            the same task. Seeds, settings and methods may differ.
        out: a folder for the ``model`` and ``soup.json``; it must hold neither.
        greedy: begin with the best, take the others from good to bad, and keep in the mean each with which the score
            on the evaluation split does not fall. Otherwise all are in it.
        data_folder: as in `recall_learn.finetune`.
        source_text: as in `recall_learn.finetune`.
        device: auto, cpu or cuda.

    Raises:
        ValueError: there are fewer than two folders, a run has not ended, two runs have another start or task, or
            ``out`` is used.
        OSError: a folder or a file is not there, or cannot be written.
    """
    if isinstance(folders, str | Path) or len(folders) < 2:
        raise ValueError(f"folders is {shown(folders)}; a soup needs the folders of two runs or more")
    places = [Path(each) for each in folders]
    runs = [load(place / "run.json") for place in places]
    _check(places, runs)
    target = check_folder(out)
    used = next((name for name in (RECORD, "run.json", "model") if (target / name).exists()), None)
    if used:
        raise ValueError(f"{target} holds {used} already; choose another --out")
    recipe = replace(runs[0].recipe, method=expression.PLAIN)  # the weights are there: nothing acts on them
    with process_wide.own_accelerate(), process_wide.bars(False):
        session = Session(recipe, environment.choose_device(device), data_folder, source_text)
        session.begin(None)
        made = _Kitchen(session, places, runs[0].primary)
        chosen, scores = made.greedy() if greedy else (list(range(len(places))), [])
        made.serve(chosen)
        evaluation = {key: value for key, value in session.evaluate(0).items() if key != "step"}
        members = [str(place) for place in places]
        names = [members[n] for n in chosen]
        cooked = Soup(members, names, greedy, runs[0].primary, session.task.evaluation, scores, evaluation)
        with RunFolder(target).owned():
            session.backbone.model.save_pretrained(target / "model")
            session.backbone.tokenizer.save_pretrained(target / "model")
            write_text(target / RECORD, json.dumps(asdict(cooked), indent=1, allow_nan=False, ensure_ascii=False))
            share(target / "model", target / RECORD)
    return cooked


def mean(members: Sequence[Mapping[str, Tensor]]) -> Weights:
    """The mean of each weight, taken in float64; what is no float is the first one's.

    Raises:
        ValueError: they have other names or shapes.
    """
    first = members[0]
    for other in members[1:]:
        if {name: t.shape for name, t in other.items()} != {name: t.shape for name, t in first.items()}:
            raise ValueError("they are of models of different shapes; a soup is of one model")
    found = {}
    for name, tensor in first.items():
        if not tensor.is_floating_point():
            found[name] = tensor
            continue
        total = torch.zeros(tensor.shape, dtype=torch.float64)
        for each in members:
            total += each[name].double()
        found[name] = (total / len(members)).to(tensor.dtype)
    return found


def _check(places: Sequence[Path], runs: Sequence[Run]) -> None:
    for place, run in zip(places, runs, strict=True):
        check_ended(place, run)
    first, own = places[0], runs[0]
    for place, run in zip(places[1:], runs[1:], strict=True):
        for name in SAME:
            mine, other = getattr(own.recipe, name), getattr(run.recipe, name)
            if mine != other:
                raise ValueError(
                    f"{name} of the run in {place} is {other!r}, in {first} it is {mine!r}; a soup is of runs from "
                    f"one start on one task"
                )
        if own.environment.get("anchors") != run.environment.get("anchors"):
            raise ValueError(
                f"{own.recipe.backbone} had other pretrained weights when the run in {place} began than for {first}; a "
                f"soup is of runs from one start"
            )


class _Kitchen:
    """Models of runs, read when they are wanted, mixed in the model of a session."""

    def __init__(self, session: Session, places: Sequence[Path], metric: str):
        self.session, self.places, self.metric = session, places, metric

    def greedy(self) -> tuple[list[int], list[float]]:
        """The members that are chosen, and the score of each of all."""
        scores = [self._score([n]) for n in range(len(self.places))]
        best, *others = sorted(range(len(scores)), key=lambda n: -scores[n])
        chosen, reached = [best], scores[best]
        for n in others:
            score = self._score([*chosen, n])
            if score >= reached:
                chosen, reached = [*chosen, n], score
        return chosen, scores

    def _score(self, chosen: Sequence[int]) -> float:
        self.serve(chosen)
        return self.session.metrics()[self.metric]

    def serve(self, chosen: Sequence[int]) -> None:
        """Give the session's model the mean of the weights of these members."""
        model = self.session.backbone.model
        names = [self.places[n] for n in chosen]
        try:
            fill(model, mean([read_weights(place) for place in names]))
        except ValueError as error:
            of = " and ".join(map(str, names))
            raise ValueError(f"the models of {of} do not fit {self.session.recipe.backbone}: {error}") from None
