"""A learner's file: read as Python reads it, and what stands in it that no answer needs."""

import ast
import sys
from pathlib import Path
from types import ModuleType

from recall_learn.practice.exercise import Exercise
from recall_learn.practice.report import Complaint

LOADING = 20.0
"""Seconds that a file may take to be imported."""
LARGEST = 1 << 20
"""Bytes of an answer's file."""
MODULES = (
    *("atexit", "builtins", "ctypes", "gc", "importlib", "marshal", "mmap", "multiprocessing", "pickle"),
    *("recall_learn.practice", "resource", "signal", "socket", "subprocess", "threading"),
)
"""Modules that no answer needs; of `IN_PART`, what is not among `HARMLESS`."""
IN_PART = ("inspect", "os", "sys")
HARMLESS = ("inspect.signature", "os.environ", "os.path", "sys.float_info", "sys.maxsize", "sys.stdout", "sys.stderr")
NAMES = ("__builtins__", "__import__", "breakpoint", "compile", "eval", "exec", "globals", "open")
HIDDEN = (
    *("__builtins__", "__closure__", "__code__", "__globals__", "__subclasses__", "_getframe", "ag_frame", "cr_frame"),
    *("f_back", "f_builtins", "f_globals", "f_locals", "gi_frame", "tb_frame", "tb_next"),
)


def read(path: Path, flags: int = 0) -> object:
    """An answer's file, compiled as Python does it: a byte order mark and a line ``# coding: ...`` count.

    Args:
        path: the file.
        flags: `ast.PyCF_ONLY_AST` for its tree.

    Raises:
        Complaint: it is not Python; says in which line.
    """
    with path.open("rb") as file:
        data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise Complaint(f"{path.name} has more than {LARGEST >> 20} MB; an answer is a few lines")
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise Complaint(f"{path.name} is saved as UTF-16, which Python does not read; save it as UTF-8")
    if (place := data.find(b"\0")) >= 0:
        raise Complaint(f"{path.name}, line {_line(data, place)}, holds a NUL byte; type the line anew")
    try:
        return compile(data, str(path), "exec", flags, dont_inherit=True)
    except SyntaxError as error:
        raise Complaint(_told(path, data, error)) from None
    except (ValueError, RecursionError, MemoryError) as error:  # a number of 5,000 digits; a thousand brackets
        raise Complaint(f"{path.name} is not Python: {error or type(error).__name__}") from None


def _told(path: Path, data: bytes, error: SyntaxError) -> str:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as unreadable:
        if "coding" not in str(error.msg) or "utf-8" in str(error.msg):
            line = _line(data, unreadable.start)
            return (
                f"{path.name}, line {line}, is no text in UTF-8 (byte {data[unreadable.start]:#04x}). Save it as "
                "UTF-8, or say how it is saved in its first line, as `# coding: latin-1`"
            )
    where = f", line {error.lineno}," if error.lineno else ""
    return f"{path.name}{where} is not Python: {error.msg}\n{(error.text or '').strip()}".rstrip()


def _line(data: bytes, place: int) -> int:
    return data.count(b"\n", 0, place) + 1


def load(exercise: Exercise, path: Path) -> object:
    """The function or class in a learner's file.

    Raises:
        Complaint: the file cannot be read as Python, raises, or defines no such thing.
        NotWritten: it raises what a stub does.
    """
    from recall_learn.practice.guard import call

    code = read(path)
    module = ModuleType(f"answer_{exercise.name}")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module  # dataclasses ask there for their module
    call(exec, (code, module.__dict__), LOADING)
    if not hasattr(module, exercise.entry):
        raise Complaint(f"{path.name} defines no `{exercise.entry}`; keep the name that the stub has")
    return getattr(module, exercise.entry)


def uses(path: Path) -> tuple[str, ...]:
    """What stands in an answer's file and no answer needs, as far as it can be read there, in alphabetical order.

    It judges nothing: a right value is right. It is there for whoever reads a report.
    """
    try:
        tree = read(path, ast.PyCF_ONLY_AST)
    except Complaint:
        return ()
    known: dict[str, str] = {}  # what a name at the top of a chain of dots stands for
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            tops = {each: each.name.partition(".")[0] for each in node.names}
            known |= {each.asname or top: each.name if each.asname else top for each, top in tops.items()}
            found |= {_needless(each.name) for each in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            known |= {each.asname or each.name: f"{node.module}.{each.name}" for each in node.names}
            found |= {_needless(f"{node.module}.{each.name}") for each in node.names}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            found.add(_needless(_dotted(node, known)) or (node.attr if node.attr in HIDDEN else ""))
        elif isinstance(node, ast.Name) and node.id in NAMES:
            found.add(node.id)
        elif isinstance(node, ast.Constant) and node.value in HIDDEN:
            found.add(str(node.value))
    return tuple(sorted(found - {""}))


def _needless(name: str) -> str:
    """The part of a dotted name that no answer needs, or ""."""
    module = next((each for each in MODULES if f"{name}.".startswith(f"{each}.")), "")
    first, _, rest = name.partition(".")
    part = f"{first}.{rest.partition('.')[0]}" if first in IN_PART and rest else ""
    return module or (part if part not in HARMLESS else "")


def _dotted(node: ast.expr, known: dict[str, str]) -> str:
    """``os.path.join`` of the node that says it, whatever the module is called there."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    top = known.get(node.id, "") if isinstance(node, ast.Name) else ""
    return ".".join([top, *reversed(parts)]) if top else ""
