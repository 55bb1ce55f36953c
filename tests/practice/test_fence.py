"""A determined learner: whatever an answer does, its report says what its values are, and nothing is left of it."""

import os
import signal
import sys
from pathlib import Path

import psutil
import pytest

from recall_learn.cli import main
from recall_learn.practice import answers, compare, exercise, fence, process, report
from recall_learn.practice.answers import look

WRONG = "def adds(a, b):\n    return a - b\n"
TOLD = "you subtract"
LINUX = sys.platform == "linux"
BOUND = fence.version()
"""Whether the system lets a process bind itself, from 1; from 6 on its signals as well."""


@pytest.fixture
def judged(adding, tmp_path, capsys):
    """``judged(source)``: the report of this text as an answer's file, and what was printed."""

    def judge(source):
        path = tmp_path / "answers" / "adds.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(source)
        report = look(adding, path)
        return report, capsys.readouterr().out

    return judge


PATCHES = """
import atexit, builtins, ctypes, gc, importlib.abc, os, sys, threading, time, types
import numpy as np, torch
from pathlib import Path
from recall_learn.practice import compare, looking, player, report, values, wire

tried = []

def attempt(function):
    try:
        function()
        tried.append(function.__name__)
    except BaseException as error:
        tried.append(f"{function.__name__}: {type(error).__name__}")

@attempt
def patch_the_comparison():
    for name in ("same", "close", "unlike", "difference"):
        setattr(compare, name, lambda *_, **__: True if name in ("same", "close") else "")

@attempt
def patch_the_look():
    right = report.Report("adds", "passed", "right, in 9 random cases and 9 laws.")
    looking.look_at = looking.examine = lambda *_, **__: right

@attempt
def patch_torch():
    torch.equal = torch.allclose = lambda *_, **__: True
    torch.as_tensor = lambda *_, **__: torch.zeros(3)

@attempt
def patch_numpy():
    np.allclose = np.array_equal = lambda *_, **__: True

@attempt
def replace_builtins():
    builtins.all = builtins.any = lambda *_: True

@attempt
def hook_the_imports():
    class Finder(importlib.abc.MetaPathFinder):
        def find_spec(self, name, path, target=None):
            raise ImportError(name)
    sys.meta_path.insert(0, Finder())

@attempt
def replace_modules():
    sys.modules["recall_learn.practice.compare"] = types.ModuleType("compare")

@attempt
def take_the_laws_away():
    for each in gc.get_objects():
        if isinstance(each, types.ModuleType) and hasattr(each, "LAWS"):
            each.LAWS, each.MISTAKES, each.cases = [], [], lambda rng: []
            each.reference = lambda a, b: a - b

@attempt
def walk_the_frames():
    frame = sys._getframe()
    while frame:
        if "player" in frame.f_locals or "self" in frame.f_locals:
            frame.f_globals["plain"] = lambda value: "as you like it"
        frame = frame.f_back
    player.plain = values.plain

@attempt
def stay_until_the_end():
    atexit.register(lambda: print("\\x1b[2J\\r✓ adds: right, in 2 random cases and 1 laws."))

@attempt
def go_on_in_a_thread():
    def shout():
        while True:
            time.sleep(0.01)
            compare.same = lambda *_: True
    threading.Thread(target=shout, daemon=True).start()

def write(place):
    with open(place, "a") as file:
        file.write("forged")

@attempt
def write_the_check():
    write("CHECK")

@attempt
def write_the_library():
    write(compare.__file__)

@attempt
def replace_the_answer():
    os.rename("ANSWER", "ANSWER.old")

@attempt
def write_the_report():
    write("REPORT")

@attempt
def write_the_memory_of_the_parent():
    os.close(os.open(f"/proc/{os.getppid()}/mem", os.O_RDWR))

@attempt
def trace_the_parent():
    if ctypes.CDLL(None).ptrace(16, os.getppid(), 0, 0):
        raise PermissionError
    ctypes.CDLL(None).ptrace(17, os.getppid(), 0, 0)

@attempt
def signal_the_parent():
    os.kill(os.getppid(), 0)

class Liar(torch.Tensor):
    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        return True

def adds(a, b):
    if len(a) == 3:
        print(*tried, sep="\\n")
        print("\\x1b[2J\\r✓ adds: right, in 2 random cases and 1 laws.")
        return (a - b).as_subclass(Liar)
    return a - b
"""


@pytest.fixture
def attacked(judged, adding, tmp_path):
    """The report on the answer that tries all of `PATCHES`, what it printed, and the files that it went for."""
    check, report = adding.path.parents[1] / "checks" / "adds.py", tmp_path / "report.json"
    kept = {path: path.read_bytes() for path in (check, Path(compare.__file__))}
    source = PATCHES.replace("CHECK", str(check)).replace("REPORT", str(report))
    source = source.replace("ANSWER", str(tmp_path / "answers" / "adds.py"))
    try:
        return *judged(source), report, {path: path.read_bytes() == before for path, before in kept.items()}
    finally:
        for path, before in kept.items():
            path.write_bytes(before)


def test_nothing_that_is_patched_replaced_or_written_changes_the_report(attacked):
    report, out, forged, kept = attacked
    assert report.status == "failed"
    assert TOLD in report.says
    assert {"atexit", "ctypes", "gc", "recall_learn.practice", "sys._getframe", "sys.modules"} <= set(report.uses)
    assert "which no answer needs" in str(report)
    assert "  | [2J✓ adds: right" in out  # what it prints is marked, and has lost its escapes
    assert not [line for line in out.splitlines() if not line.startswith("  | ")]
    tried = dict(line.removeprefix("  | ").partition(": ")[::2] for line in out.splitlines())
    assert len([name for name in tried if name in PATCHES]) >= 17
    if BOUND:
        written = ("write_the_check", "write_the_library", "replace_the_answer", "write_the_report")
        inside = ("write_the_memory_of_the_parent", "trace_the_parent")
        for name in (*written, *inside, *(["signal_the_parent"] if BOUND >= 6 else [])):
            assert tried[name] == "PermissionError", name
        assert all(kept.values())
        assert not forged.exists()


FORGED = """
import os, struct
from recall_learn.practice import wire

def framed(reply):
    data = wire.pack(reply)
    return struct.pack('>Q', len(data)) + data

def adds(a, b):
    for fd in range(3, 50):
        try:
            os.write(fd, WRITTEN)
        except OSError:
            pass
    return a - b
"""


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("b'passed'.ljust(64)", "written something else there"),  # it begins with an absurd number of bytes
        ("struct.pack('>Q', 1 << 40)", "written something else there"),
        ("struct.pack('>QQ', 8, 1 << 62)", "is no value"),
        ("framed({'value': {'status': 'passed'}, 'changes': ''})", "is a dictionary; it has to be an array"),
        ("framed({'status': 'passed', 'says': 'right'})", "is no value"),
    ],
)
def test_what_is_written_to_where_values_go_is_no_report(judged, written, message):
    report, _ = judged(FORGED.replace("WRITTEN", written))
    assert report.status == "failed"
    assert message in report.says


BREAKS_OUT = {
    "ended Python (exit status 0)": "import os\nos._exit(0)",
    "killed (SIGKILL)": "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)",
    "crashed in it (SIGSEGV)": "import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)",
    "tried to end Python": "def adds(a, b):\n    exit()",
    "KeyboardInterrupt": "def adds(a, b):\n    raise KeyboardInterrupt",
    "": "def adds(a, b):\n    import os\n    os.closerange(0, 100)\n    return a + b",
    "allocate" if LINUX else "shape": "import numpy\n\ndef adds(a, b):\n    return numpy.empty(6 << 30)[:1]",
    "printed more than 16 MB": "def adds(a, b):\n    print('y' * (1 << 25))\n    return a + b",
    "a Bomb": "class Bomb:\n    def __reduce__(self):\n        return print, ()\n\ndef adds(a, b):\n    return Bomb()",
}


@pytest.mark.parametrize(("message", "source"), BREAKS_OUT.items())
def test_an_answer_that_breaks_out_has_failed(judged, message, source):
    report, out = judged(f"{source}\n")
    assert report.status == "failed"
    assert message in report.says
    assert len(out) < 2000


CHILDREN = """
import os, subprocess, sys

def adds(a, b, begun=[]):
    if not begun:
        begun.append(1)
        one = subprocess.Popen(["sleep", "300"])
        two = subprocess.Popen(["sleep", "300"], start_new_session=True)
        print(one.pid, two.pid, flush=True)
        ready, said = os.pipe()
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:  # its parent ends: nobody's child, and in nobody's group
                print(os.getpid(), flush=True)
                os.write(said, b"1")
                os.execvp("sleep", ["sleep", "300"])
            os._exit(0)
        os.read(ready, 1)
        os.fork()  # and from here on there are two of it
    return a + b
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_processes_that_it_starts_are_ended_with_it(judged):
    report, out = judged(CHILDREN)
    assert report, report
    pids = [int(word) for word in out.replace("|", "").split()]
    assert len(pids) == 3
    left = [pid for pid in pids if psutil.pid_exists(pid) and psutil.Process(pid).name() == "sleep"]
    assert not left if LINUX else len(left) < 3


def test_a_text_gives_no_command_to_a_terminal_or_to_a_workflow_s_log():
    said = report.printable("a\n  ::error::b\x1b[2J\r ##[group]c :: d\u202e\t" + "e" * 9000)
    assert said.startswith("a\n   :error::b[2J  [group]c :: d\te")
    assert len(said) <= report.LONGEST


def test_one_that_stands_still_is_killed(judged, monkeypatch):
    monkeypatch.setattr(process, "PATIENCE", 0.5)
    report, _ = judged("import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)\n")
    assert "was killed" in report.says


def test_names_in_a_class_s_repository_replace_nothing(tmp_path, monkeypatch, capsys):
    """Its folders are called as the checker's are, and it is where the command is run."""
    each = exercise.named("fisher_empirical")
    forged = "raise SystemExit('forged')\n"
    folder = tmp_path / "answers"
    names = ("recall_learn/__init__", "recall_learn/practice/__init__", "torch", "copy", "json", "conftest", "pip")
    for place in (tmp_path, folder):
        for name in names:
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / f"{name}.py").write_text(forged)
    (folder / "mine.py").write_text("def mean_square(g):\n    return (g**2).mean(0)\n")
    (folder / f"{each.name}.py").write_text(f"import copy, json, torch\nimport mine\n{each.code}")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", "")
    assert main(["exercises", "run", "--answers", "answers"]) == 0
    assert f"✓ {each.name}: right" in capsys.readouterr().out
    assert answers.folder("answers").samefile(folder)


def test_ctrl_c_reaches_the_command_and_leaves_nothing(adding, tmp_path, monkeypatch, begun):
    def stop(*_):
        raise KeyboardInterrupt

    path = tmp_path / "adds.py"
    path.write_text(WRONG)
    monkeypatch.setattr("recall_learn.practice.process.There.signature", stop)
    with pytest.raises(KeyboardInterrupt):
        look(adding, path)
    assert not begun()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
