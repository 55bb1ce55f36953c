"""What a run ran on: enough to know whether two figures may be compared."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

PACKAGES = ("recall-learn", "torch", "transformers", "datasets", "accelerate", "numpy")


def choose_device(name: str) -> torch.device:
    """The device to run on: "auto" takes a GPU where there is one.

    Raises:
        ValueError: the name is none of auto, cpu, cuda; or it is cuda and there is none.
    """
    if name not in ("auto", "cpu", "cuda"):
        raise ValueError(f"device is {name!r}; it has to be auto, cpu or cuda")
    if name == "cuda" and not torch.cuda.is_available():
        raise ValueError("device is 'cuda', but torch sees no GPU here; use --device cpu or auto")
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")


def check_precision(mixed_precision: str, device: torch.device) -> None:
    """Refuse half precision that the device does not have.

    Raises:
        ValueError: fp16 on a CPU, or bf16 on a GPU without it.
    """
    if mixed_precision == "fp16" and device.type != "cuda":
        raise ValueError("mixed_precision is 'fp16', which needs a GPU; use bf16 or no")
    if (
        mixed_precision == "bf16"
        and device.type == "cuda"
        and not torch.cuda.is_bf16_supported(including_emulation=False)
    ):
        raise ValueError(f"mixed_precision is 'bf16', which {torch.cuda.get_device_name(device)} lacks; use fp16 or no")


def describe(device: torch.device) -> dict[str, object]:
    """Device, versions, date and commit, in plain JSON types.

    ``commit`` is that of the checkout this package lies in, with "+" where files differ from it; None elsewhere.
    """
    return {
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else processor(),
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "versions": {name: version_of(name) for name in PACKAGES},
        "date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "commit": _commit(),
    }


def version_of(name: str) -> str | None:
    """The version of a package that is installed, or None."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def processor() -> str:
    """The CPU's name, and how many cores it has."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        name = platform.processor() or platform.machine()
    return f"CPU, {name}, {os.cpu_count()} cores"


@cache
def _commit() -> str | None:
    here = Path(__file__).resolve().parents[1]

    def git(*arguments: str) -> str:
        run = subprocess.run(
            ["git", "-C", str(here), *arguments], capture_output=True, text=True, timeout=5, check=True
        )
        return run.stdout.strip()

    try:
        if Path(git("rev-parse", "--show-toplevel")) != here.parent:
            return None  # installed inside some other repository
        return git("rev-parse", "--short=12", "HEAD") + ("+" if git("status", "--porcelain", "--", str(here)) else "")
    except (OSError, subprocess.SubprocessError):
        return None
