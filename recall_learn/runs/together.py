"""All tasks of a sequence at once: what could be reached if nothing had to be carried over, its ceiling.

The run is that of the first task, in whose model the heads of all others are for as long as it trains. Each step has a
batch of every task, so that each is seen as often as in the sequence.
"""

from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor, nn

from recall_learn.methods.carrying import loss_under
from recall_learn.methods.method import Acting, Method, Start
from recall_learn.methods.stepping import count_in
from recall_learn.models.backbones import Backbone
from recall_learn.runs.course import Course, folder_of, pretrained, probed, write
from recall_learn.runs.finished import fill, read_weights
from recall_learn.runs.folder import RunFolder
from recall_learn.runs.sequence_record import SequenceRun
from recall_learn.runs.session import Beginning, Session
from recall_learn.runs.trainer import Order
from recall_learn.support.files import share

HEADS = "heads_of_others"
"""What a model calls them while it trains."""
FOLDER = "at-once"


class AtOnce(Course):
    """The tasks of a sequence, all trained in one run."""

    def run(self) -> SequenceRun:
        """Train them, and score them before and after."""
        record, (session, *others) = self.record, self.sessions
        first = None if record.rows else self.scored(0)
        self.save()
        session.beginning = Beginning(session.backbone.anchors, beside=(_Others(others),))
        folder = _Folder(self.place and self.place / FOLDER, self.sessions)
        run, _ = self.take(0, folder)
        if not run.final:
            return record
        self.weights = pretrained(session)
        if first:
            record.rows.append({"after": 0, **first, **probed(run.evaluations[0])})
            record.rows.append({"after": len(self.sessions), **self.scored(len(self.sessions)), **probed(run.final)})
        record.final = {"average": float(record.scores[-1].mean())}
        self.save()
        return record

    def fill(self, task, place) -> None:
        """The first task's model, and the heads of the others."""
        super().fill(task, place)
        for n, session in enumerate(self.sessions[1:], 1):
            fill(session.backbone.model, read_weights(place / folder_of(n, session)))


class _Folder(RunFolder):
    """A run's folder in which there is a model for each task."""

    def __init__(self, path, sessions: Sequence[Session]):
        super().__init__(path)
        self.sessions = sessions

    def save_model(self, backbone: Backbone) -> None:
        super().save_model(backbone)
        for n, session in enumerate(self.sessions[1:], 1):
            write(session, pretrained(self.sessions[0]))
            if self.path is not None:
                place = self.path / folder_of(n, session) / "model"
                session.backbone.model.save_pretrained(place)
                share(place, self.path / "run.json")


class _Others(Method):
    """The losses of the other tasks beside that of the first; no choice of anybody's, so it is in no list."""

    name = "others"

    def __init__(self, sessions: Sequence[Session]):
        object.__setattr__(self, "sessions", tuple(sessions))

    def prepare(self, model: nn.Module, seed: int) -> tuple[str, ...]:
        """Give the model the heads of the others, so that they train with it."""
        heads = [
            nn.ParameterDict({_key(name): nn.Parameter(p.detach().clone()) for name, p in _head(each).items()})
            for each in self.sessions
        ]
        model.add_module(HEADS, nn.ModuleList(heads).to(next(model.parameters()).device))
        return ()

    def begin(self, start: Start) -> "_Acting":
        """Put them to work."""
        return _Acting(self, start)


class _Acting(Acting):
    method: _Others

    def __init__(self, method: _Others, start: Start):
        super().__init__(method, start)
        self.passes, self._batches = 0, None

    def terms(self, inputs: Mapping[str, object], outputs: object) -> dict[str, Tensor]:
        if self._batches is None:
            self._batches = [_batches(session, self.passes) for session in self.method.sessions]
        self.passes += 1
        heads = getattr(self.start.model, HEADS)
        losses = (
            loss_under({_name(key): p for key, p in head.items()}, self.start.model, next(batches))
            for head, batches in zip(heads, self._batches, strict=True)
        )
        return {"others": sum(losses)}

    def state_dict(self) -> dict[str, object]:
        return {"passes": self.passes}

    def load_state_dict(self, state: Mapping[str, object]) -> None:
        self.passes = count_in(state, "passes", self.method.name)

    @torch.no_grad()
    def close(self) -> None:
        """Each head goes to the model of its own task."""
        heads = getattr(self.start.model, HEADS, None)
        if heads is None:
            return
        for session, head in zip(self.method.sessions, heads, strict=True):
            for name, p in _head(session).items():
                p.copy_(head[_key(name)])
        delattr(self.start.model, HEADS)


def _batches(session: Session, done: int) -> Iterator[Mapping[str, Tensor]]:
    """The batches that a task would be trained on by itself, after so many."""
    rows = session.data["train"]
    return (session.collator([rows[i] for i in each]) for each in Order(len(rows), session.recipe, done))


def _head(session: Session) -> dict[str, nn.Parameter]:
    """The parameters that are a task's own."""
    home = session.backbone.anchors
    return {name: p for name, p in session.backbone.model.named_parameters() if name not in home}


def _key(name: str) -> str:
    """A parameter's name as a module can hold it."""
    return name.replace(".", "/")


def _name(key: str) -> str:
    return key.replace("/", ".")
