"""Whatever a learner's code does, it is ended, and the message is about their lines."""

import io
import subprocess
import sys
import threading
import time

import pytest

from recall_learn.practice import examine, guard
from recall_learn.practice.exercise import read
from recall_learn.practice.guard import Complaint, NotWritten, call


def test_an_exception_shows_the_learners_line_and_not_ours(adding, says):
    def helper(x):
        return x.nothing

    def adds(a, b):
        return helper(a) + b

    text = says(adding, adds)
    assert "In helper, line" in text
    assert "return x.nothing" in text
    assert "looking.py" not in text


def test_a_recursion_without_end_is_told(adding, says):
    def adds(a, b):
        return adds(a, b)

    assert "calls itself without an end" in says(adding, adds)


def test_a_stub_is_open(adding, says):
    def adds(a, b):
        raise NotImplementedError("not written yet")

    assert examine(adding, adds).status == "open"
    assert "NotImplementedError: later" in says(
        adding, lambda a, b: (_ for _ in ()).throw(NotImplementedError("later"))
    )


def swallows(a, b):
    while True:
        try:
            while True:
                a = a + 0
        except BaseException:
            continue


def endless(a, b):
    while True:
        a = a + 0


@pytest.mark.parametrize("answer", [endless, swallows, lambda a, b: time.sleep(1000)])
def test_what_does_not_end_is_cut_off(adding, says, answer):
    assert "still running after" in says(adding, answer)


def test_no_trace_of_it_is_left(adding, says):
    """A debugger that is switched on afterwards finds the caller's own frames untouched."""
    before = sys.gettrace()
    says(adding, swallows)
    assert sys.gettrace() is before
    frame = sys._getframe()
    while frame is not None:
        assert getattr(frame.f_trace, "__module__", "") != guard.__name__
        frame = frame.f_back


@pytest.mark.parametrize("answer", [endless, swallows])
def test_it_is_cut_off_in_another_thread_too(adding, says, answer):
    found = []
    thread = threading.Thread(target=lambda: found.append(says(adding, answer)))
    thread.start()
    thread.join()
    assert "still running after" in found[0]


TRACED = """
import sys, threading
from recall_learn.practice.guard import Complaint, call

def endless():
    while True:
        pass

def go():
    try:
        call(endless, (), 0.2)
    except Complaint:
        print("cut off")

def traced():
    sys._getframe().f_trace = None
    return "traced"

thread = threading.Thread(target=go)
thread.start()
thread.join()
sys.settrace(lambda *_: None)
print(traced())
"""


def test_a_debugger_works_after_another_thread_was_cut_off():
    """Python 3.11 hangs there if an exception for a thread was taken back and did not arrive."""
    done = subprocess.run([sys.executable, "-c", TRACED], capture_output=True, text=True, timeout=60)
    assert done.stdout == "cut off\ntraced\n", done.stderr


def test_ctrl_c_goes_through(adding):
    def adds(a, b):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        examine(adding, adds)


def test_call_gives_what_came(adding):
    assert call(lambda a: a + 1, (2,), 1.0) == 3
    with pytest.raises(Complaint, match="ValueError: no"):
        call(lambda: (_ for _ in ()).throw(ValueError("no")), (), 1.0)
    with pytest.raises(NotWritten):
        call(lambda: (_ for _ in ()).throw(NotImplementedError("not written yet")), (), 1.0)


def test_an_answer_that_waits_for_input_is_told(adding, says, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert "Take what you need from the arguments" in says(adding, lambda a, b: input())


def test_the_limit_is_of_the_processor_and_not_of_the_clock(adding):
    """A busy machine refuses no answer: this one sleeps for longer than its half second."""

    def adds(a, b):
        time.sleep(0.4)
        return a + b

    assert examine(adding, adds)


def test_a_line_of_a_check_is_not_the_learner_s(adding, says):
    path = adding.path.parents[1] / "checks" / "adds.py"
    path.write_text(path.read_text() + "\ndef play(entry, a, b):\n    return entry(a, b) @ torch.ones(9)\n")

    def adds(a, b):
        return a + b

    text = says(read(adding.path), adds)
    assert "RuntimeError" in text
    assert "In play" not in text
