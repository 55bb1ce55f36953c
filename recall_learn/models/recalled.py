"""Which weights are recalled: those that the pretrained checkpoint held, and nothing that was drawn anew.

A model that is about to be fine-tuned is pretrained in parts. Its head is new; so may be a pooler, a cross-attention or
an output layer that the checkpoint lacks. Neither a parameter's name nor ``base_model`` tells the two apart: both are
about the class, and the answer is in the file. transformers knows it while it loads, and marks each parameter that it
fills.
"""

import os
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from torch import Tensor, nn

from recall_learn.support.checks import shown
from recall_learn.theory.anchors import some, trainable


class Missing(Protocol):
    """What ``load_state_dict(..., strict=False)`` answers."""

    missing_keys: list[str]


New = Mapping[str, Iterable[object]] | Iterable[str] | Missing
"""How it is said which weights are new, see `recall_groups`."""

MARK = "_is_hf_initialized"
"""What ``from_pretrained`` sets on the parameters that it fills from a checkpoint, and on no other: so in transformers
5.15 to 5.23, held by tests/models/test_recalled.py. They promise nothing: where it is missing, nothing is guessed."""

FSDP_LOADS_ONCE = ("ACCELERATE_USE_FSDP", "FSDP_CPU_RAM_EFFICIENT_LOADING")

WRAPPERS = ("module", "_orig_mod", "_fsdp_wrapped_module")
"""Where DataParallel, DistributedDataParallel and DeepSpeed keep the model, torch.compile, and FSDP."""


def recall_groups(
    model: nn.Module, weight_decay: float = 0.0, *, new: New | None = None, anchors: Mapping[str, Tensor] | None = None
) -> list[dict[str, object]]:
    """Parameter groups for `recall_learn.RecAdam`: what the checkpoint held is recalled, what is new is not.

    Frozen parameters are left out; a tied weight is there once. Biases and norms (fewer than 2 dimensions) are not
    decayed.

    Args:
        model: what ``from_pretrained`` filled in it, or in a part of it, is recalled. Not wrapped: ``ddp.module``.
        weight_decay: for every weight matrix, recalled or new.
        new: what is new besides: the dictionary that ``from_pretrained(..., output_loading_info=True)`` gives, the
            answer of ``load_state_dict(..., strict=False)``, or names of parameters and modules, ``["classifier"]``.
            It is needed where no parameter shows that it was loaded: in a model built from a config, copied by
            ``deepcopy``, or filled by ``load_state_dict``. There, all that it does not name is recalled.
        anchors: theta* by name, as `recall_learn.load_anchors` gives them: exactly what they name is recalled.

    Raises:
        ValueError: it cannot be told which weights are pretrained; there is nothing to recall; ``new`` or ``anchors``
            has a name that the model does not have; or the model is wrapped.

    Rows that ``resize_token_embeddings`` added are recalled with the embedding that they were added to. ``new`` leaves
    the whole embedding out; a gamma by name with zeros in these rows leaves out these rows.
    """
    parameters = trainable(not_wrapped(model))
    if not parameters:
        raise ValueError(f"{type(model).__name__} has no parameter that requires a gradient; unfreeze some")
    if anchors is None:
        held = set(pretrained_parameters(model, new))
    elif new is None:
        held = _named_by(anchors, model)
    else:
        raise ValueError("new and anchors both say what is recalled; give one of them")
    if held.isdisjoint(parameters):
        raise ValueError(
            f"{type(model).__name__} has nothing to recall: of its {len(parameters)} trainable parameters "
            f"({some(parameters)}) none is pretrained; take torch.optim.AdamW, or name in anchors what is"
        )
    groups: dict[tuple[bool, float], list] = {}
    for name, p in parameters.items():
        groups.setdefault((name in held, weight_decay if p.ndim > 1 else 0.0), []).append((name, p))
    return [{"params": named, "recall": recall, "weight_decay": decay} for (recall, decay), named in groups.items()]


def pretrained_parameters(model: nn.Module, new: New | None = None) -> dict[str, nn.Parameter]:
    """The parameters that a checkpoint filled, under their names in ``model``; frozen ones too, a tied weight once.

    Args:
        model: as in `recall_groups`.
        new: as in `recall_groups`.

    Raises:
        ValueError: as in `recall_groups`.
    """
    parameters = dict(not_wrapped(model).named_parameters())
    fresh = set() if new is None else _new_tensors(model, new)
    # where accelerate has FSDP load on one rank alone, transformers marks everything on all the others
    blind = {os.environ.get(key, "").lower() for key in FSDP_LOADS_ONCE} <= {"true", "1"}
    marked = set() if blind else {id(p) for p in parameters.values() if getattr(p, MARK, False)}
    if new is None and not marked:
        parts = some(dict.fromkeys(name.partition(".")[0] for name in parameters))
        why = (
            "FSDP loads on one rank alone"
            if blind
            else "from_pretrained filled none of them, or they were copied since"
        )
        raise ValueError(
            f"it cannot be told which weights of {type(model).__name__} (in {parts}) are pretrained: {why}; "
            f"name what is new, as in new=['classifier'] or new=the loading info of "
            f"from_pretrained(..., output_loading_info=True), or pass anchors=load_anchors(...)"
        )
    return {name: p for name, p in parameters.items() if id(p) not in fresh and (not marked or id(p) in marked)}


def not_wrapped(model: nn.Module) -> nn.Module:
    """The model as it is.

    Raises:
        ValueError: it is a wrapper, under which every parameter has another name, or no module at all.
    """
    if not isinstance(model, nn.Module):
        raise ValueError(f"model is a {type(model).__name__}; it has to be a torch module")
    inside = list(model.named_children())
    if len(inside) == 1 and inside[0][0] in WRAPPERS and not model._parameters:
        raise ValueError(f"{type(model).__name__} wraps the model; pass the model itself, its .{inside[0][0]}")
    return model


def _named_by(anchors: Any, model: nn.Module) -> set[str]:
    if not isinstance(anchors, Mapping):
        raise ValueError(f"anchors is a {type(anchors).__name__}; it has to be a dictionary name -> tensor")
    parameters = dict(model.named_parameters())
    unknown = [name for name in anchors if name not in parameters]
    if unknown:
        raise ValueError(f"anchors has {some(unknown)}, which names no parameter of the model; leave it out")
    return set(anchors)


def _new_tensors(model: nn.Module, new: Any) -> set[int]:
    """The ids of the parameters that ``new`` names."""
    named = dict(model.named_parameters(remove_duplicate=False))
    known = [*named, *(name for name, _ in model.named_buffers(remove_duplicate=False))]
    entries, loading = _entries(new)
    unknown = [entry for entry in entries if not any(_covers(entry, name) for name in known)]
    if unknown:
        raise ValueError(f"new has {some(unknown)}, which names no parameter and no module of the model")
    chosen = {name for name in named if any(_covers(entry, name) for entry in entries)}
    old = {id(p): name for name, p in named.items() if name not in chosen}
    tied = next((name for name in sorted(chosen) if id(named[name]) in old), None)
    if tied is not None and not loading:  # a load reports the absent one of two names for one tensor that it did fill
        raise ValueError(
            f"new has {tied!r}, which is tied to {old[id(named[tied])]!r}: one tensor, new or not; name both or neither"
        )
    return {id(named[name]) for name in chosen} - set(old)


def _entries(new: Any) -> tuple[list[str], bool]:
    """The names in ``new``, and whether they are a report on a load."""
    of_torch = getattr(new, "missing_keys", None)  # the answer of load_state_dict
    loading = of_torch is not None or (isinstance(new, Mapping) and "missing_keys" in new)
    if loading:
        new = of_torch if of_torch is not None else [*new["missing_keys"], *new.get("mismatched_keys", ())]
    elif isinstance(new, str | Mapping) or not isinstance(new, Iterable):
        raise ValueError(
            f"new is {shown(new)}; it has to be the loading info of from_pretrained, or a list of names, ['classifier']"
        )
    # a mismatched name comes with its two shapes
    names = [entry[0] if isinstance(entry, tuple) and entry else entry for entry in new]
    wrong = [name for name in names if not isinstance(name, str) or not name]
    if wrong:
        raise ValueError(f"new has {shown(wrong[0])}; it has to be a name")
    return [name.removesuffix(".") for name in names], loading


def _covers(entry: str, name: str) -> bool:
    return name == entry or name.startswith(f"{entry}.")
