"""A stored configuration: what of it is about the encoder, and whether the weights beside it are of that encoder.

A ``config.json`` holds three kinds of things: what the encoder is, what a former task was (its classes, its loss), and
how somebody's program liked its outputs. `read_config` keeps the first kind alone. `check_fit` then compares what would
be built with the shapes in the weights' headers, on torch's meta device, where nothing is allocated.
"""

import copy
import itertools
import json
import math
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NotRequired

import psutil
import torch
from torch import nn
from typing_extensions import TypedDict

from recall_learn.models import folders
from recall_learn.support.checks import shown
from recall_learn.support.reading import read_json
from recall_learn.world import World

if TYPE_CHECKING:
    from transformers import PretrainedConfig

OF_A_TASK = (
    *("num_labels", "_num_labels", "id2label", "label2id", "problem_type", "finetuning_task", "task_specific_params"),
    *("classifier_dropout", "classifier_dropout_prob", "cls_dropout", "seq_classif_dropout", "num_choices"),
)
OF_OUTPUTS = (
    *("return_dict", "output_attentions", "output_hidden_states", "output_past", "torchscript", "use_cache"),
    *("dtype", "torch_dtype", "use_bfloat16", "chunk_size_feed_forward", "gradient_checkpointing", "pruned_heads"),
    *("attn_implementation", "_attn_implementation", "_attn_implementation_internal", "_attn_implementation_autoset"),
    *("experts_implementation", "_experts_implementation", "_experts_implementation_internal", "tf_legacy_loss"),
)
SIZES = ("vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads")
"""What every configuration of transformers has under these names, or says by its ``attribute_map`` under which."""
FLOATS = ("F64", "F32", "BF16", "F16")
"""What safetensors calls the numbers that weights may be stored as."""
ADDED = "added_modules"
"""Where a configuration says which methods added modules to the model, see `recall_learn.models.added`."""
SPARE, MANY = 1000, 10_000_000
"""Tensors, or layers, that a model may have more than are stored; and single weights."""


class _OfWorld(TypedDict):
    seed: int
    digest: str
    variety: NotRequired[float]


class _Entries(TypedDict, total=False):
    world: _OfWorld | None


def read_config(folder: Path, **settings: object) -> "PretrainedConfig":
    """The configuration of a folder's encoder, with the defaults of its class for all that is about something else.

    Args:
        folder: as `recall_learn.models.places.locate` gives it.
        **settings: what to put in, such as ``num_labels``.

    Raises:
        ValueError: ``config.json`` is damaged, is of no architecture that transformers knows, or of an impossible one.
    """
    from transformers import AutoConfig

    from recall_learn.models import builds

    builds.register()
    path = folder / folders.CONFIG
    entries = read_json(path, _Entries, "the configuration", "restore it", infinite=True)
    if entries.get(ADDED):
        raise ValueError(
            f"{folder} holds modules that {entries[ADDED]} added, and would be read without them; load it with "
            f"recall_learn.load_added, and begin a new run from what it was pretrained from"
        )
    try:
        _check(entries, len(folders.headers(folder)))
    except ValueError as error:
        raise ValueError(f"the configuration {path} cannot be: {error}") from None
    with tempfile.TemporaryDirectory() as scratch:  # transformers knows names of old, and reads them from files only
        copied = Path(scratch) / folders.CONFIG
        copied.write_text(json.dumps(_kept(entries) | settings), encoding="utf-8")
        config = folders.attempt(
            f"the configuration {path} cannot be read",
            lambda: AutoConfig.from_pretrained(copied, local_files_only=True, trust_remote_code=False),
        )
    config.name_or_path = str(folder)
    return config


def check_fit(folder: Path, config: "PretrainedConfig", auto_class: str) -> None:
    """Compare a model with the weights that are stored for it, without allocating either.

    Args:
        folder: as `recall_learn.models.places.locate` gives it.
        config: as `read_config` gives it.
        auto_class: of transformers, such as ``AutoModelForSequenceClassification``.

    Raises:
        ValueError: no model can be built from the configuration, its encoder has other shapes or other layers than the
            weights, or it does not fit into memory.
    """
    import transformers

    unfit, shapes = f"{folder} does not fit its {folders.CONFIG}", folders.headers(folder)
    build = getattr(transformers, auto_class).from_config
    with _few_parameters(4 * len(shapes) + SPARE), torch.device("meta"):
        empty = folders.attempt(unfit, lambda: build(copy.deepcopy(config), dtype=torch.float32))
    _check_size(unfit, empty, sum(math.prod(shape) for shape in shapes.values()))
    model, report = folders.read(
        folder,
        auto_class,
        config=copy.deepcopy(config),
        dtype=torch.float32,
        use_safetensors=True,
        output_loading_info=True,
        ignore_mismatched_sizes=True,  # of a stored head
        device_map={"": "meta"},
    )
    inside = {id(parameter) for parameter in model.base_model.parameters()}
    encoder = {name for name, parameter in model.named_parameters() if id(parameter) in inside}
    if encoder <= set(report["missing_keys"]):
        raise ValueError(f"{folder} holds no encoder weights for {type(model).__name__}; was only a head saved?")
    # what is reported as mismatched: (name, shape in the file, shape in the model)
    for name, there, here in sorted(entry[:3] for entry in report["mismatched_keys"] if entry[0] in encoder):
        raise ValueError(f"{unfit}: {name} is stored as {tuple(there)}, the model has {tuple(here)}")
    for name, kind in folders.dtypes(folder).items():
        if kind not in FLOATS and encoder & {name, f"{model.base_model_prefix}.{name}"}:
            raise ValueError(f"{unfit}: {name} is stored as {kind}; fine-tuning needs one of {', '.join(FLOATS)}")
    _check_lists(unfit, model, encoder, report)


def _check_size(unfit: str, empty: nn.Module, held: int) -> None:
    """Raise where a model without memory of its own is far larger than the weights, or than the memory there is."""
    base = empty.base_model
    implied = sum(tensor.numel() for tensor in (*base.parameters(), *base.buffers()))
    if implied > 4 * held + MANY:
        raise ValueError(f"{unfit}: its encoder would have {implied:,} weights, and {held:,} are stored")
    needed = sum(tensor.nbytes for tensor in (*empty.parameters(), *empty.buffers()))
    free = psutil.virtual_memory().available
    if needed > free:
        raise ValueError(f"{unfit}: it takes {needed / 1e9:.1f} GB in float32, and {free / 1e9:.1f} GB are free here")


def _check_lists(unfit: str, model: nn.Module, encoder: set[str], report: dict[str, Any]) -> None:
    """Raise where a list of layers is longer in the model than in the file, or shorter, or has a hole."""
    missing = encoder & set(report["missing_keys"])
    there = {(place, rest) for name in encoder - missing for place, _, _, rest in _members(model, name)}
    for name in sorted(missing):  # what no other layer has either is new, and may be: a part of some later task's
        if any((place, rest) in there for place, _, _, rest in _members(model, name)):
            raise ValueError(f"{unfit}: the model has {name}, which is not stored")
    for name in sorted(report["unexpected_keys"]):
        for full in (name, f"{model.base_model_prefix}.{name}"):
            if any(number >= length for _, number, length, _ in _members(model, full)):
                raise ValueError(f"{unfit}: {name} is stored, which the model has not")


def _members(model: nn.Module, name: str) -> Iterator[tuple[str, int, int, str]]:
    """The module lists that a tensor's name goes through: the list's name, the place in it, its length, the rest."""
    module, parts = model, name.split(".")
    for i, part in enumerate(parts):
        if isinstance(module, nn.ModuleList) and part.isdigit():
            yield ".".join(parts[:i]), int(part), len(module), ".".join(parts[i + 1 :])
        module = module._modules.get(part)
        if module is None:
            return


def _kept(entries: dict[str, Any]) -> dict[str, Any]:
    """The entries that are about the encoder, also in the configurations inside this one."""
    former = {*OF_A_TASK, *OF_OUTPUTS}
    return {
        name: _kept(value) if isinstance(value, dict) and name.endswith("_config") else value
        for name, value in entries.items()
        if name not in former
    }


def _check(entries: dict[str, Any], tensors: int) -> None:
    """Raise where an entry alone is wrong, so that not even transformers' own checks could be reached."""
    from transformers import CONFIG_MAPPING
    from transformers import __version__ as version

    kind = entries.get("model_type")
    if kind is None:
        raise ValueError('it has no model_type; add one, such as "model_type": "bert"')
    if not isinstance(kind, str) or kind not in CONFIG_MAPPING:
        raise ValueError(f"model_type is {shown(kind)}, which transformers {version} does not know")
    if entries.get("quantization_config") is not None:
        raise ValueError("its weights are quantized; fine-tuning needs them as they were before")
    named = CONFIG_MAPPING[kind].attribute_map
    for name in (alias for size in SIZES for alias in (size, named.get(size, size))):
        value = entries.get(name, 1)
        if isinstance(value, int) and value < 1:
            raise ValueError(f"{name} is {shown(value)}; it has to be at least 1")
        if isinstance(value, int) and "layer" in name and value > tensors + SPARE:
            raise ValueError(f"{name} is {shown(value)}, and the weights beside it are {tensors} tensors")
    spread = entries.get("initializer_range", 0.0)
    if isinstance(spread, int | float) and not 0 <= spread < math.inf:
        raise ValueError(f"initializer_range is {shown(spread)}; it has to be a number of at least 0")
    if entries.get("world") is not None:
        World(entries["world"]["seed"], entries["world"].get("variety", 1.0))


@contextmanager
def _few_parameters(most: int) -> Iterator[None]:
    """In this thread, building modules ends with a ValueError beyond so many parameters: each is some memory."""
    from torch.nn.modules.module import register_module_parameter_registration_hook

    here, count = threading.get_ident(), itertools.count(1)

    def hook(module: nn.Module, name: str, parameter: nn.Parameter | None) -> None:
        if threading.get_ident() == here and next(count) > most:
            raise ValueError(f"a model of more than {most} parameters would be built, and far fewer are stored")

    handle = register_module_parameter_registration_hook(hook)
    try:
        yield
    finally:
        handle.remove()
