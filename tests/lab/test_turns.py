"""Where OpenMP's workers are put when a run takes its turn again."""

import os
import threading
from types import SimpleNamespace

import pytest
import torch

from recall_learn.lab import turns
from recall_learn.lab.turns import Turns
from recall_learn.support import process_wide
from recall_learn.support.process_wide import rest, spread


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """A machine of four cores, where its threads are, and the moves that are asked of it."""

    class Machine:
        def __init__(self):
            self.cores, self.workers, self.calls = frozenset(range(4)), {}, 0
            self.at, self.allowed, self.moves = {}, {}, []

        def call_up(self, size, device):
            self.calls += 1
            for worker, core in self.workers.items():
                self.move(worker, core)

        def move(self, thread, core):
            self.at[thread] = core
            (tmp_path / str(thread)).mkdir(exist_ok=True)
            fields = ["S", *["0"] * 35, str(core), "0"]  # as proc(5) has them after the name
            (tmp_path / str(thread) / "stat").write_text(f"{thread} (a name) in two) {' '.join(fields)}")

        def allow(self, thread, cores):
            self.moves.append(thread)
            self.allowed[thread] = set(cores)
            if self.at[thread] not in cores:
                self.move(thread, min(cores))

    ours = Machine()
    ours.move(10, 0)
    monkeypatch.setattr(process_wide, "TASKS", str(tmp_path))
    library = SimpleNamespace(omp_pause_resource_all=lambda kind: 0)
    monkeypatch.setattr(process_wide, "_openmp", lambda: [library])
    monkeypatch.setattr(threading, "get_native_id", lambda: 10)
    monkeypatch.setattr(torch, "zeros", ours.call_up)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 4)
    monkeypatch.setattr(os, "sched_getaffinity", lambda thread: set(ours.cores), raising=False)
    monkeypatch.setattr(os, "sched_setaffinity", ours.allow, raising=False)
    return ours


@pytest.mark.parametrize("workers", [{11: 0, 12: 2, 13: 0}, {11: 1, 12: 1, 13: 1}, {11: 3, 12: 0}, {11: 0}])
def test_each_worker_gets_a_core_of_its_own_and_none_is_held_there(machine, workers):
    machine.workers = workers
    spread()
    assert len(set(machine.at.values())) == len(workers) + 1
    assert machine.at[10] == 0  # the one that calls stays where it is
    assert all(cores == machine.cores for cores in machine.allowed.values())


def test_workers_that_are_spread_already_are_left_alone(machine):
    machine.workers = {11: 2, 12: 1, 13: 3}
    spread()
    assert machine.calls == 1
    assert machine.moves == []


def test_more_workers_than_cores(machine):
    machine.workers = dict.fromkeys(range(11, 20), 0)
    spread()
    assert set(machine.at.values()) == machine.cores
    assert all(cores == machine.cores for cores in machine.allowed.values())


def test_where_threads_cannot_be_moved_nothing_is_tried(machine, monkeypatch):
    machine.workers = {11: 0}
    monkeypatch.delattr(os, "sched_setaffinity")
    spread()
    assert machine.calls == 0


def test_a_worker_that_somebody_bound_stays_where_it_is(machine, monkeypatch):
    machine.workers = {11: 0}
    monkeypatch.setattr(os, "sched_getaffinity", lambda thread: {0} if thread == 11 else set(machine.cores))
    spread()
    assert machine.moves == []


def test_without_proc_the_turn_is_taken_all_the_same(machine, monkeypatch):
    monkeypatch.setattr(process_wide, "TASKS", "/nowhere")
    with pytest.raises(OSError, match="nowhere"):
        spread()
    with Turns().taken() as turn:
        turn.pass_on()
        assert turn.held


def test_whoever_waits_gives_the_workers_up_and_calls_them_again(monkeypatch):
    done = []
    monkeypatch.setattr(turns, "rest", lambda: done.append("rest"))
    monkeypatch.setattr(turns, "spread", lambda: done.append("spread"))
    with Turns().taken() as turn:
        assert done == []
        turn.pass_on(lambda: done.append("waits"))
        assert done == ["rest", "waits", "spread"]


def test_whoever_is_interrupted_while_it_waits_holds_nobody_up(monkeypatch):
    table = Turns()

    def interrupted(until):
        assert not until()
        raise KeyboardInterrupt

    with table.taken():
        with monkeypatch.context() as patch:
            patch.setattr(table._changed, "wait_for", interrupted)
            with pytest.raises(KeyboardInterrupt), table.taken():
                pytest.fail("it is not its turn")
        assert not table.wanted
    with table.taken() as turn:
        assert turn.held


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="Linux tells and sets where a thread may run")
def test_the_workers_are_there_and_may_run_where_their_caller_may():
    found = []

    def look():
        threads = torch.get_num_threads()
        torch.set_num_threads(3)
        try:
            rest()
            before = set(os.listdir(process_wide.TASKS))
            spread()
            found.extend(os.sched_getaffinity(int(each)) for each in set(os.listdir(process_wide.TASKS)) - before)
        finally:
            torch.set_num_threads(threads)

    thread = threading.Thread(target=look)
    thread.start()
    thread.join(60)
    assert found == [os.sched_getaffinity(0)] * 2
