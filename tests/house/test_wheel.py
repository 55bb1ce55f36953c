"""The wheel: it holds what a user of the library needs and nothing else, and it works away from the repository."""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).parents[2]


def ran(*command, **options) -> subprocess.CompletedProcess:
    """A command that has ended, without what a test's process brings along."""
    env = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "RECALL_LEARN_EXERCISES")}
    env |= {"HF_HUB_OFFLINE": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INDEX": "1"}
    return subprocess.run([*map(str, command)], capture_output=True, text=True, env=env, timeout=300, **options)


def pip(*arguments):
    done = ran(sys.executable, "-m", "pip", *arguments)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built from a copy of the tree, in which caches and leftovers lie about as they do in one that is worked in."""
    root = tmp_path_factory.mktemp("wheel")
    heavy = [ROOT / ".git", ROOT / ".venv", ROOT / "build", ROOT / "book" / "_build", ROOT / "book" / "runs"]
    shutil.copytree(
        ROOT, root / "tree", ignore=lambda folder, names: [n for n in names if Path(folder, n) in heavy], symlinks=True
    )
    for left in ("recall_learn/__pycache__/old.pyc", "recall_learn/.ruff_cache/x", "answers/pull.py", "out/run.json"):
        (root / "tree" / left).parent.mkdir(parents=True, exist_ok=True)
        (root / "tree" / left).write_text("left over")
    pip("wheel", "--no-deps", "--no-build-isolation", "-q", "-w", root / "made", root / "tree")
    (made,) = (root / "made").glob("*.whl")
    return made


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """A function that runs a command of an environment with the wheel, in an empty folder that it gives as well.

    All other packages are those of the environment that runs the tests: nothing is downloaded.
    """
    root = tmp_path_factory.mktemp("installed")
    venv.create(root / "env", symlinks=True)
    scheme = {"base": str(root / "env"), "platbase": str(root / "env")}
    there = Path(sysconfig.get_path("purelib", "venv", scheme))
    (there / "host.pth").write_text("\n".join({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}))
    python = Path(sysconfig.get_path("scripts", "venv", scheme)) / "python"
    pip("--python", python, "install", "--no-deps", "-q", wheel)
    (root / "empty").mkdir()
    return lambda command, *arguments: ran(python.with_name(command), *arguments, cwd=root / "empty"), root / "empty"


def test_it_holds_what_a_user_needs_and_nothing_else(wheel):
    names = [PurePosixPath(name) for name in zipfile.ZipFile(wheel).namelist()]
    about = {name.parts[0] for name in names if name.parts[0].endswith(".dist-info")}
    assert {name.parts[0] for name in names} == {"recall_learn", *about}
    own = {name for name in names if name.parts[0] == "recall_learn"}
    there = (path.relative_to(ROOT) for path in (ROOT / "recall_learn").rglob("*") if path.is_file())
    caches = ("__pycache__", ".")
    assert own == {PurePosixPath(path) for path in there if not any(part.startswith(caches) for part in path.parts)}
    assert any(name.name == "LICENSE" for name in names)


def test_it_says_its_version_and_imports(installed):
    command, empty = installed
    assert command("recall-learn", "--version").stdout.startswith("recall-learn 0.")
    code = "import recall_learn as r; print(r.__file__); print([getattr(r, name) for name in r.__all__])"
    done = command("python", "-c", code)
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.splitlines()[0]).is_relative_to(empty.parent / "env")


def test_the_doctor_finds_what_is_here(installed):
    command, empty = installed
    done = command("recall-learn", "doctor")
    assert done.returncode == 0, done.stderr
    assert f"free in {empty.resolve()}" in done.stdout
    assert "RECALL_LEARN_EXERCISES, the folder exercises of a copy of the repository" in done.stdout


def test_it_fine_tunes(installed):
    command, empty = installed
    settings = "--backbone tiny --task world/cola --method recadam --steps 2 --batch-size 4 --limit-train 16"
    done = command("recall-learn", "finetune", *settings.split(), "--out", "run")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("world/cola recadam: step 2")
    assert (empty / "run" / "model" / "model.safetensors").is_file()


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        ("recall-learn", ("exercises", "list")),
        ("python", ("-m", "recall_learn.book.exercises")),
        ("python", ("-m", "recall_learn.book.notebooks")),
        ("python", ("-m", "recall_learn.book.references")),
    ],
)
def test_what_needs_the_repository_says_so_in_one_sentence(installed, command, arguments):
    run, empty = installed
    done = run(command, *arguments)
    assert done.returncode in (1, 2)
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert "a copy of the repository" in done.stderr
    assert "installed library" in done.stderr
    assert [path.name for path in empty.iterdir() if path.name != "run"] == []
