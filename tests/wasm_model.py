"""The page's kernel under wasmtime: what model.js is in a page, for tests."""

import atexit
import ctypes
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import torch
import wasmtime

from recall_learn.lab.browser import FOLDER, layout

NO_SLOPE = ".key.bias"
"""Ends the names of what has no gradient but rounding: a softmax does not see what all its numbers share."""
COUNTS = {"rows": "most_rows", "tokens": "most_tokens", "examples": "most_examples"}


@cache
def _module() -> tuple[wasmtime.Engine, wasmtime.Module]:
    engine = wasmtime.Engine()
    return engine, wasmtime.Module.from_file(engine, str(FOLDER / "kernel.wasm"))


atexit.register(_module.cache_clear)  # while wasmtime is still there to take it away


@cache
def _weights() -> np.ndarray:
    return layout.weights().numpy()


class WasmModel:
    """One instance of the kernel, at theta* with the head of a seed."""

    def __init__(self, outputs: int = 2, seed: int = 0, init: str = "pretrained"):
        engine, module = _module()
        self.store = wasmtime.Store(engine)
        instance = wasmtime.Instance(self.store, module, [])
        self.exports, self.outputs = instance.exports(self.store), outputs
        memory = self.exports["memory"]
        start = ctypes.addressof(memory.data_ptr(self.store).contents)
        self._memory = (ctypes.c_ubyte * memory.data_len(self.store)).from_address(start)
        most, sizes = {key: self.call(name) for key, name in COUNTS.items()}, layout.layout()
        for name in ("home", "gradient", "first_moment", "second_moment", "fisher"):
            setattr(self, name, self.view(name, "<f4", sizes["mlm"]))
        self.theta, self.child = self.view("theta", "<f4", sizes["weights"]), self.view("child", "<i4", sizes["mlm"])
        self.tokens, self.types = (self.view(name, "<i4", most["tokens"]) for name in ("tokens", "types"))
        self.starts = self.view("starts", "<i4", most["rows"] + 1)
        self.places, self.said = (self.view(name, "<i4", most["rows"]) for name in ("places", "said"))
        self.targets, self.losses = (self.view(name, "<f4", most["rows"]) for name in ("targets", "losses"))
        self.logits = self.view("logits", "<f4", 2 * most["rows"])
        self.permutation = self.view("permutation", "<i4", most["examples"])
        self.theta[:] = _weights()
        self.home[: sizes["anchored"]] = self.theta[: sizes["anchored"]]
        self.call("begin", outputs)
        self.call("draw", float(seed))
        if init == "pretrained":
            self.theta[: sizes["anchored"]] = self.home[: sizes["anchored"]]
        self.call("child_f_begin", float(seed + 1))

    def call(self, name: str, *arguments: float) -> Any:
        return self.exports[name](self.store, *arguments)

    def view(self, name: str, kind: str, count: int) -> np.ndarray:
        return np.frombuffer(self._memory, kind, count, self.call(name))

    def tensor(self, array: np.ndarray, name: str) -> np.ndarray:
        """A parameter's numbers in one of the arrays, as many as it has; flat."""
        start, size = layout.places(self.outputs)[name]
        return array[start : start + size]

    def put(
        self, rows: Sequence[Mapping[str, Any]], targets: Sequence[float], places: Sequence[int] | None = None
    ) -> int:
        ends = np.cumsum([0, *(len(row["input_ids"]) for row in rows)])
        self.starts[: len(ends)] = ends
        self.tokens[: ends[-1]] = np.concatenate([row["input_ids"] for row in rows])
        self.types[: ends[-1]] = np.concatenate([row["token_type_ids"] for row in rows])
        self.places[: len(rows)] = ends[:-1] + (0 if places is None else places)
        self.targets[: len(rows)] = targets
        return len(rows)

    def train(self, rows: Sequence[Mapping[str, Any]]) -> float:
        return self.call("train", self.put(rows, [row["labels"] for row in rows]))

    def step(
        self, rows: Sequence[Mapping[str, Any]], t: int, lr: float, clip: float = 1.0, decay: float = 0.0, **methods
    ):
        """As RecallModel.step: methods by name, with an underscore for a hyphen."""
        record = {"loss": self.train(rows), "lambda": 1.0, "pull": 0.0}
        if settings := methods.get("l2sp"):
            record["penalty"] = self.call("l2sp", settings["gamma"], settings["beta"])
        if settings := methods.get("ewc"):
            record["penalty"] = self.call("ewc", settings["gamma"])
        self.call("clip", clip)
        if settings := methods.get("child_f"):
            self.call("child_f", settings["p"], int(decay > 0))
        if "child_d" in methods:
            self.call("child_d_before")
        if settings := methods.get("recadam"):
            record["lambda"] = lam = self.call("sigmoid", settings["k"], settings["t0"], float(t))
            record["pull"] = (1 - lam) * lr * settings["gamma"]
            self.call(f"recadam_{settings['algorithm']}", float(t), lr, decay, lam, settings["gamma"])
        else:
            self.call("adamw", float(t), lr, decay)
        if "child_d" in methods:
            self.call("child_d_after")
        return record

    def classify(self, rows: Sequence[Mapping[str, Any]]) -> np.ndarray:
        """Logits [rows, outputs]."""
        found = []
        for chosen in batches(rows):
            self.call("classify", self.put(chosen, [0] * len(chosen)))
            found.append(self.logits[: len(chosen) * self.outputs].reshape(len(chosen), -1).copy())
        return np.concatenate(found)

    def cloze(self, examples: Any, mask: int) -> tuple[np.ndarray, np.ndarray]:
        """Losses and words of `recall_learn.models.masked_lm.Examples` with one hidden word a row."""
        losses, said, words = [], [], iter(examples.words)
        for chosen in batches(examples.rows):
            places = [row["input_ids"].index(mask) for row in chosen]
            self.call("cloze", self.put(chosen, [next(words)[0] for _ in chosen], places))
            losses.append(self.losses[: len(chosen)].copy())
            said.append(self.said[: len(chosen)].copy())
        return np.concatenate(losses), np.concatenate(said)

    def order(self, seed: int, examples: int, size: int) -> Iterator[list[int]]:
        """The examples of one step after another."""
        self.call("order_begin", float(seed))
        left: list[int] = []
        while True:
            while len(left) < size:
                self.call("permute", examples)
                left += self.permutation[:examples].tolist()
            yield left[:size]
            left = left[size:]


def batches(rows: Sequence[Mapping[str, Any]], tokens: int = 512) -> Iterator[list[Mapping[str, Any]]]:
    """As RecallModel.slices."""
    batch, held = [], 0
    for row in rows:
        size = len(row["input_ids"])
        if batch and (held + size > tokens or len(batch) == 128):
            yield batch
            batch, held = [], 0
        batch.append(row)
        held += size
    if batch:
        yield batch


@cache
def session(task: str, seed: int = 0, limit: int | None = None) -> Any:
    """A session of the packaged model on a task of its world, at its start. Nobody trains its model."""
    from recall_learn.runs.recipe import Recipe
    from recall_learn.runs.session import Session

    recipe = Recipe(backbone="tiny", task=f"world/{task}", probe="none", seed=seed, limit_train=limit)
    return Session(recipe, torch.device("cpu"), None, None, say=False)
