"""An answer's file is read as Python reads it, and what it holds that no answer needs is named."""

import pytest

from recall_learn.practice import examine, source
from recall_learn.practice.report import Complaint, NotWritten

RIGHT = "def adds(a, b):\n    größe = 1\n    return größe * (a + b)\n"


@pytest.fixture
def written(tmp_path):
    def write(data):
        path = tmp_path / "adds.py"
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return path

    return write


@pytest.mark.parametrize(
    "data",
    [
        RIGHT,
        b"\xef\xbb\xbf" + RIGHT.encode(),
        RIGHT.replace("\n", "\r\n"),
        b"# coding: latin-1\n" + RIGHT.encode("latin-1"),
        b"#!/usr/bin/python\n# -*- coding: cp1252 -*-\n" + RIGHT.encode("cp1252"),
        RIGHT.removesuffix("\n"),
        "from __future__ import annotations\nfrom dataclasses import dataclass\n\n@dataclass\nclass A:\n    n: int\n"
        + RIGHT,
        'if __name__ == "__main__":\n    raise ValueError\n' + RIGHT,
    ],
)
def test_what_python_runs_is_run(adding, written, data):
    assert examine(adding, source.load(adding, written(data)), seed=0)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"x = 1\n\ny = '\xe4'\n", "adds.py, line 3, is no text in UTF-8 (byte 0xe4). Save it as UTF-8, or say how"),
        (b"x = 1\ny = 1\0\n", "adds.py, line 2, holds a NUL byte"),
        (RIGHT.encode("utf-16"), "is saved as UTF-16"),
        (b"# coding: no-such\nx = 1\n", "adds.py is not Python: unknown encoding: no-such"),
        (b"\xef\xbb\xbf# coding: latin-1\nx = 1\n", "adds.py is not Python: encoding problem"),
        (b"def adds(a, b):\nreturn a\n", "adds.py, line 2, is not Python: expected an indented block"),
        (b"x = " + b"1" * 5000 + b"\n", "adds.py, line 1, is not Python: Exceeds the limit"),
        (b"x = " + b"(" * 300 + b")" * 300 + b"\n", "adds.py, line 1, is not Python: too many nested parentheses"),
        (b"x = " + b"-" * 100_000 + b"1\n", "is not Python"),
        (b"return 1\n", "adds.py, line 1, is not Python: 'return' outside function"),
        (b"#" * (1 << 21), "has more than 1 MB"),
        (b"", "adds.py defines no `adds`"),
        (b"1 / 0\n", "ZeroDivisionError: division by zero\nIn <module>, line 1: 1 / 0"),
        (b"import mine_own\n", "ModuleNotFoundError"),
        (b"exit()\n", "it tried to end Python"),
    ],
)
def test_what_python_does_not_run_is_told_with_its_line(adding, written, data, message):
    with pytest.raises(Complaint) as told:
        source.load(adding, written(data))
    assert message in str(told.value)
    assert "None" not in str(told.value)


def test_a_stub_that_is_called_in_its_own_file_is_not_written_yet(adding, written):
    with pytest.raises(NotWritten):
        source.load(adding, written(f"{adding.stub}\nadds(1, 2)\n"))


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("import torch\nimport os.path\nos.path.join\ntorch.compile(len)\nself.__dict__", []),
        ("import sys\nsys.float_info.max\nimport inspect\ninspect.signature(len)", []),
        ("import ctypes.util as c\nc.find_library", ["ctypes"]),
        ("import gc, atexit", ["atexit", "gc"]),
        ("import os as o\no._exit(0)", ["os._exit"]),
        ("from os import _exit as leave", ["os._exit"]),
        ("from os import *", ["os.*"]),
        ("import sys\nsys.modules['x']; sys._getframe()", ["sys._getframe", "sys.modules"]),
        ("import recall_learn.practice.looking", ["recall_learn.practice"]),
        ("from recall_learn import practice", ["recall_learn.practice"]),
        ("from recall_learn.practice import compare", ["recall_learn.practice"]),
        ("from recall_learn.methods.recadam.optimizer import RecAdam", []),
        ("x.f_back.f_locals", ["f_back", "f_locals"]),
        ("getattr(x, '__globals__')", ["__globals__"]),
        ("().__class__.__base__.__subclasses__()", ["__subclasses__"]),
        ("__import__('gc'); eval('1'); exec('')", ["__import__", "eval", "exec"]),
        ("open('x')", ["open"]),
        ("def f(", []),
    ],
)
def test_what_no_answer_needs_is_named(written, text, named):
    assert list(source.uses(written(f"{text}\n"))) == named


def test_no_solution_and_no_other_right_answer_uses_it(tmp_path):
    from recall_learn.practice.exercise import everything

    for each in everything():
        path = tmp_path / f"{each.name}.py"
        path.write_text(each.code)
        assert source.uses(path) == (), each.name
