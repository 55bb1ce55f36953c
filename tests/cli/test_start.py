"""How soon an answer comes: what is wrong in a command is said without the slow imports."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import recall_learn

SLOW = {"torch", "transformers", "datasets", "accelerate", "sklearn", "scipy", "pandas", "plotly"}
ASK = """
import json, sys
from recall_learn.cli import main
try:
    status = main(sys.argv[1:])
except SystemExit as end:
    status = end.code
print(json.dumps([status, sorted({name.partition('.')[0] for name in sys.modules})]))
"""


def loaded(code: str, *arguments: str) -> tuple[list, str]:
    """What a fresh interpreter prints last, as JSON, and what it complained of."""
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(recall_learn.__file__).parents[1])
    return json.loads(done.stdout.splitlines()[-1]), done.stderr


@pytest.mark.parametrize(
    ("command", "status", "says"),
    [
        ("--version", 0, ""),
        ("--help", 0, ""),
        ("finetune --help", 0, ""),
        ("finetune --method nope --out x", 2, "nope"),
        ("finetune --task nope --out x", 2, "task 'nope' is unknown"),
        ("finetune --task world/cola --backbone /nowhere/at/all --out x", 2, "backbone '/nowhere/at/all' is unknown"),
        ("finetune --task world/cola --backbone no/such-model --out x", 2, "no/such-model is not in the local cache"),
        ("finetune --task world/cola --backbone tiny --lr=-1 --out x", 2, "lr is -1.0"),
        ("finetune --task world/cola --backbone tiny --data /nowhere --out x", 2, "/nowhere"),
        ("fisher --task nope --out x", 2, "task 'nope' is unknown"),
        ("fisher --task world/cola --backbone /nowhere/at/all --out x", 2, "backbone '/nowhere/at/all' is unknown"),
        ("sweep /nowhere.json --out x", 2, "/nowhere.json is not there"),
        ("world task --task nope --out x", 2, "nope"),
        ("transfer /nowhere --to rte", 2, "/nowhere/run.json"),
        ("transfer /nowhere --to nope", 2, "task 'nope' is unknown"),
        ("ablate /nowhere", 2, "/nowhere/run.json"),
    ],
)
def test_a_command_is_read_and_refused_without_the_slow_imports(command, status, says):
    (ended, names), complaint = loaded(ASK, *command.split())
    assert ended == status, complaint
    assert says in complaint
    assert not SLOW & set(names)


def test_the_package_imports_nothing_that_was_not_asked_for():
    names, _ = loaded("import json, recall_learn, sys; print(json.dumps(sorted(sys.modules)))")
    assert not (SLOW | {"numpy"}) & set(names)
    assert [name for name in names if name.startswith("recall_learn.")] == []


@pytest.mark.parametrize("name", ["Recipe", "Sigmoid"])
def test_what_needs_no_torch_does_not_import_it(name):
    code = f"import json, sys; from recall_learn import {name}; print(json.dumps(sorted(sys.modules)))"
    assert not SLOW & set(loaded(code)[0])
