"""The class's workflow: its own steps, run here with what GitHub would put in."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from recall_learn.practice.exercise import named

ROOT = Path(__file__).parents[2]
FLOW = yaml.safe_load((ROOT / ".github/workflows/exercises.yml").read_text())
EACH = named("fisher_empirical")


def step(name):
    (found,) = [each for each in FLOW["jobs"]["check"]["steps"] if each.get("name") == name]
    return found


def run(name, folder, **inputs):
    values = {"answers": "answers", "names": "", "require": 0, "repository": ""} | inputs
    text = {f"${{{{ inputs.{key} }}}}": str(value) for key, value in values.items()}
    text |= {"${{ github.workspace }}/.recall-learn": str(ROOT), "${{ runner.temp }}": str(folder)}
    env = os.environ | FLOW["jobs"]["check"]["env"] | {"GITHUB_STEP_SUMMARY": str(folder / "summary.md")}
    env |= {"GITHUB_OUTPUT": str(folder / "output.txt")}
    env["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{env['PATH']}"
    for key, value in step(name).get("env", {}).items():
        for old, new in text.items():
            value = value.replace(old, new)
        assert "${{" not in value
        env[key] = value
    (folder / "class").mkdir(exist_ok=True)
    return subprocess.run(["bash", "-e", "-c", step(name)["run"]], cwd=folder / "class", env=env).returncode


@pytest.mark.parametrize(
    ("body", "inputs", "status"),
    [
        (EACH.code, {}, 0),
        (EACH.code, {"require": EACH.points + 1, "names": EACH.name}, 1),
        (EACH.file, {}, 1),
    ],
)
def test_a_class_s_answers_are_checked(own_progress, body, inputs, status):
    answers = own_progress / "class" / "answers"
    answers.mkdir(parents=True)
    (answers / f"{EACH.name}.py").write_text(body)
    forged = own_progress / "class" / "report.json"
    forged.write_text("forged")  # a report that lies in the class's repository is nobody's
    assert run("Check", own_progress, **inputs) == status
    assert run("Summary", own_progress) == 0
    lines = (own_progress / "summary.md").read_text().splitlines()
    assert EACH.name in lines[0]
    assert all(line.startswith("    ") for line in lines)
    assert json.loads((own_progress / "report.json").read_text())["exercises"][0]["name"] == EACH.name
    assert (own_progress / "output.txt").read_text() == "name=report\n"


def test_the_report_of_another_repository_has_its_name(own_progress):
    (own_progress / "found.txt").write_text("````\n")
    assert run("Summary", own_progress, repository="class/ada") == 0
    assert (own_progress / "output.txt").read_text() == "name=report-class-ada\n"
    assert (own_progress / "summary.md").read_text() == "    ````\n"


def test_a_folder_pip_in_the_class_s_repository_is_not_pip(own_progress):
    (own_progress / "class" / "pip").mkdir(parents=True)
    (own_progress / "class" / "pip" / "__init__.py").write_text("raise SystemExit(3)")
    (own_progress / "class" / "pip" / "__main__.py").write_text("raise SystemExit(3)")
    install = step("Install")["run"]
    assert install.startswith("python -m pip install ")
    command, env = (
        install.replace("install $PIP ./.recall-learn", "--version"),
        os.environ | FLOW["jobs"]["check"]["env"],
    )
    env["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{env['PATH']}"
    assert subprocess.run(["bash", "-e", "-c", command], cwd=own_progress / "class", env=env).returncode == 0


def flows():
    return sorted((ROOT / ".github/workflows").glob("*.yml"))


@pytest.mark.parametrize("path", flows(), ids=lambda path: path.stem)
def test_a_workflow_may_only_read(path):
    flow = yaml.safe_load(path.read_text())
    assert flow["permissions"] == {"contents": "read"}
    for job in flow["jobs"].values():
        assert "permissions" not in job  # none takes more for itself
        for each in job["steps"]:
            if each.get("uses", "").startswith("actions/checkout@"):
                assert each["with"]["persist-credentials"] is False


@pytest.mark.parametrize("path", flows(), ids=lambda path: path.stem)
def test_an_action_is_named_by_its_commit(path):
    used = [line.partition("uses:")[2].strip() for line in path.read_text().splitlines() if "- uses:" in line]
    assert used
    for action in used:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action), action


def test_what_a_caller_says_reaches_a_shell_only_as_a_variable():
    for path in flows():
        for job in yaml.safe_load(path.read_text())["jobs"].values():
            assert not any("${{" in each.get("run", "") for each in job["steps"])
