"""Recorded runs: one schema, written whole or not at all, and read back with one clear sentence when that fails.

A run is a JSON file:

- ``recipe``: what was asked for, see `recall_learn.recipe.Recipe`;
- ``environment``: what it ran on: device, versions, date, commit, data;
- ``history``: one record a step: ``step``, ``loss`` (nats, the task's alone), ``lambda``, ``lr``, ``pull`` (the share
  of the way back to theta* taken in that step), ``penalty`` (ewc, l2sp), at the evaluations ``distance``, and
  ``skipped`` where fp16's gradients overflowed: nothing moved, and lambda and lr are those of the next step, too;
- ``evaluations``: ``step``, ``metrics`` by name, ``distance``, ``layers`` (the distance, part by part), and what is
  probed: ``similarity``, ``source_loss``, ``source_accuracy``, ``facts``, ``recovery``, see `recall_learn.probes`;
- ``changes``: the settings that changed while it trained, each with the first step that it acts on, see
  `recall_learn.steering`; those beyond the history act when the run comes there; missing where none did;
- ``final``: ``step``, ``metrics``, ``distance``, ``seconds``; None until the run has ended;
- ``stopped``: ``step`` and ``why``, where it ended early.
"""

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from recall_learn.files import write_text
from recall_learn.recipe import Recipe

SCHEMA = 1


@dataclass
class Run:
    """One fine-tuning run, as far as it has come; the fields are those of the file."""

    recipe: Recipe
    environment: dict[str, Any] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    evaluations: list[dict[str, Any]] = field(default_factory=list)
    final: dict[str, Any] | None = None
    stopped: dict[str, Any] | None = None
    changes: list[dict[str, Any]] = field(default_factory=list)

    @property
    def skipped(self) -> list[int]:
        """The steps that were none, because the gradients overflowed; only fp16 has any."""
        if self.recipe.mixed_precision != "fp16":
            return []
        return [record["step"] for record in self.history if "skipped" in record]

    def column(self, name: str) -> list:
        """One column of the history, a value a step."""
        return [record[name] for record in self.history]

    def truncate(self, step: int) -> None:
        """Forget what lies behind ``step``, all but the changes: a run goes on from its last checkpoint."""
        self.history = [record for record in self.history if record["step"] <= step]
        self.evaluations = [record for record in self.evaluations if record["step"] <= step]
        self.final = self.stopped = None

    def to_json(self) -> str:
        """The file's text: one record a line, so that two runs can be compared line by line."""
        parts = [f'"schema": {SCHEMA}', f'"recipe": {_dump(self.recipe.to_dict())}']
        parts.append(f'"environment": {_dump(self.environment)}')
        for name in ("history", "evaluations", *(["changes"] if self.changes else [])):
            rows = ",\n  ".join(_dump(record) for record in getattr(self, name))
            parts.append(f'"{name}": [\n  {rows}\n]' if rows else f'"{name}": []')
        parts += [f'"final": {_dump(self.final)}', f'"stopped": {_dump(self.stopped)}']
        return "{\n" + ",\n".join(parts) + "\n}\n"

    @classmethod
    def from_json(cls, text: str) -> "Run":
        """The run that `to_json` wrote.

        Raises:
            ValueError: the text is not JSON, or not a run of this schema.
        """
        data = json.loads(text)
        if not isinstance(data, dict) or data.get("schema") != SCHEMA:
            raise ValueError(f"it is not a recorded run of schema {SCHEMA}")
        run = cls(recipe=Recipe.from_dict(data["recipe"]))
        for name, kind in (("environment", dict), ("history", list), ("evaluations", list)):
            if not isinstance(data.get(name), kind):
                raise ValueError(f"its {name} is missing")
            setattr(run, name, data[name])
        steps = [record["step"] for record in run.history]
        if any(not isinstance(record["step"], int) for record in run.evaluations):
            raise ValueError("its evaluations do not name their steps")
        if steps != list(range(1, len(steps) + 1)):
            raise ValueError("its history does not count the steps 1, 2, 3, ...")
        run.changes = data.get("changes", [])
        if not isinstance(run.changes, list) or any(not isinstance(dict(each)["step"], int) for each in run.changes):
            raise ValueError("its changes do not name their steps")
        run.final, run.stopped = data.get("final"), data.get("stopped")
        return run

    def save(self, path: str | os.PathLike) -> None:
        """Write the file whole or not at all: an interrupted write leaves the former one."""
        write_text(path, self.to_json())


def load(path: str | os.PathLike) -> Run:
    """Read a recorded run.

    Raises:
        FileNotFoundError: there is none.
        ValueError: the file is damaged, or not a run.
    """
    path = Path(path)
    try:
        return Run.from_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise FileNotFoundError(f"{path} is not there; a run writes it with --out") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{path} is damaged or not a recorded run ({error}); restore it, or use another --out"
        ) from error


def _dump(value: Any) -> str:
    return json.dumps(value, allow_nan=False, ensure_ascii=False)
