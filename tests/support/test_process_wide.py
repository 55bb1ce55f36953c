"""What a process has one of is after a run, a sweep and a command what it was before."""

import logging
import os
import signal
import threading
import warnings
from contextlib import suppress

import datasets
import huggingface_hub.utils as hub
import pytest
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState, GradientState, PartialState
from threadpoolctl import threadpool_info
from transformers.utils import logging as noise

from recall_learn.cli import main
from recall_learn.runs.finetune import finetune
from recall_learn.runs.recipe import Recipe
from recall_learn.runs.sweep import sweep
from recall_learn.support import process_wide
from recall_learn.support.stopping import STOPS, stoppable, terminable

SHORT = {"backbone": "tiny", "task": "world/cola", "steps": 2, "batch_size": 2, "limit_train": 8, "probe": "none"}

POOLS = {pool["filepath"] for pool in threadpool_info()}
"""The libraries with threads of their own that are loaded before anything is run."""


def state() -> dict:
    """All that this library, or what it calls, could change for the whole process."""
    root = logging.getLogger()
    return {
        "how warnings look": (warnings.formatwarning, warnings.showwarning, list(warnings.filters)),
        "logging": (root.level, list(root.handlers)),
        "transformers": (noise.get_verbosity(), noise.is_progress_bar_enabled()),
        "bars": (hub.are_progress_bars_disabled(), datasets.are_progress_bars_disabled()),
        "environment": {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")},
        "threads": (
            torch.get_num_threads(),
            [pool["num_threads"] for pool in threadpool_info() if pool["filepath"] in POOLS],
        ),
        "torch": (torch.get_default_dtype(), torch.is_grad_enabled(), torch.are_deterministic_algorithms_enabled()),
        "accelerate": [dict(kind._shared_state) for kind in (PartialState, AcceleratorState, GradientState)],
        "signals": [signal.getsignal(number) for number in STOPS],
    }


@pytest.fixture(params=["as usual", "as somebody likes it"])
def before(request, monkeypatch):
    """The state from which a test starts; put back for the other tests."""
    monkeypatch.delenv("TOKENIZERS_PARALLELISM")
    former = noise.get_verbosity()
    if request.param == "as somebody likes it":
        noise.set_verbosity_info()
        noise.disable_progress_bar()
        hub.enable_progress_bars()  # another answer than transformers'
        datasets.disable_progress_bars()
        Accelerator(cpu=True, mixed_precision="bf16")
    yield state()
    noise.set_verbosity(former)
    noise.enable_progress_bar()
    datasets.enable_progress_bars()
    AcceleratorState._reset_state(True)
    GradientState._reset_state()


CHANGES = {
    "plain_messages": (process_wide.plain_messages, {"how warnings look"}),
    "no_bars": (process_wide.no_bars, {"bars", "transformers"}),
    "no_advice": (process_wide.no_advice, {"transformers"}),
    "silent": (process_wide.silent, {"bars", "transformers"}),
    "one_thread": (process_wide.one_thread, {"threads"}),
    "variables": (lambda: process_wide.variables(TOKENIZERS_PARALLELISM="false"), {"environment"}),
    "stoppable": (lambda: stoppable(print), {"signals"}),
    "terminable": (terminable, {"signals"}),
    "own_accelerate": (process_wide.own_accelerate, set()),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_undone_also_when_nested_and_after_an_error(before, name):
    change, acts_on = CHANGES[name]
    with change():
        once = state()
        with suppress(ZeroDivisionError), change():
            if "signals" not in acts_on:  # whose handlers are each one's own
                assert state() == once
            raise ZeroDivisionError
        assert state() == once
    assert {key for key in before if once[key] != before[key]} <= acts_on
    assert state() == before


def test_what_changes_acts():
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with process_wide.silent(), process_wide.one_thread():
            assert noise.get_verbosity() == logging.ERROR
            assert not noise.is_progress_bar_enabled()
            assert hub.are_progress_bars_disabled()
            assert datasets.are_progress_bars_disabled()
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)


def test_a_warning_is_one_line_and_the_place_in_the_code_stays_away():
    with process_wide.plain_messages():
        line = warnings.formatwarning("too much", UserWarning, "there.py", 3)
    assert line == "recall-learn: warning: too much\n"


def test_a_variable_that_is_set_stays(monkeypatch):
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", "true")
    with process_wide.variables(TOKENIZERS_PARALLELISM="false"):
        assert os.environ["TOKENIZERS_PARALLELISM"] == "true"
    assert os.environ["TOKENIZERS_PARALLELISM"] == "true"


@pytest.mark.parametrize("last", ["the first", "the second"])
def test_side_by_side_in_threads_the_last_one_undoes_it(before, last):
    go = {who: threading.Event() for who in ("the first", "the second")}
    inside, done = threading.Barrier(3), {}

    def work(who):
        with process_wide.silent():
            inside.wait(60)
            go[who].wait(60)
        done[who] = True

    threads = {who: threading.Thread(target=work, args=(who,)) for who in go}
    for thread in threads.values():
        thread.start()
    inside.wait(60)
    for who in sorted(go, key=lambda who: who == last):
        assert noise.get_verbosity() == logging.ERROR
        assert datasets.are_progress_bars_disabled()
        go[who].set()
        threads[who].join(60)
        assert done[who]
    assert state() == before


def take_a_run(folder):
    finetune(Recipe(**SHORT), progress=False)


def fail_in_a_run(folder):
    def fail(*_):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        finetune(Recipe(**SHORT), fail, out=folder / "run")


def take_a_sweep(folder):
    torch.set_num_threads(2)
    try:
        sweep([Recipe(**SHORT)], folder / "runs.xz", workers=1, progress=False)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)


def give_a_command(folder):
    given = [f"--{name.replace('_', '-')}={value}" for name, value in SHORT.items()]
    assert main(["finetune", *given, "--out", str(folder / "run")]) == 0


def give_a_wrong_command(folder):
    assert main(["finetune", "--task", "world/cola", "--backbone", str(folder / "none"), "--out", str(folder)]) == 2


@pytest.mark.parametrize(
    "act", [take_a_run, fail_in_a_run, take_a_sweep, give_a_command, give_a_wrong_command], ids=lambda act: act.__name__
)
def test_all_is_as_before(before, act, tmp_path):
    act(tmp_path)
    now = state()
    assert {key: now[key] for key in before if now[key] != before[key]} == {}


def test_somebody_elses_accelerator_goes_on():
    mine = Accelerator(cpu=True, mixed_precision="bf16")
    try:
        finetune(Recipe(**SHORT), progress=False)
        assert mine.mixed_precision == "bf16"
        assert mine.device == torch.device("cpu")
        assert mine.sync_gradients
    finally:
        AcceleratorState._reset_state(True)
        GradientState._reset_state()
