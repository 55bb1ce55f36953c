"""The tensors of one group that a step reads and changes, side by side, and the check that they belong together.

The kernels that follow compare nothing: given moments of another shape, they would write beyond them.
"""

from collections.abc import Mapping
from operator import attrgetter
from typing import NamedTuple

import torch
from torch import Tensor

from recall_learn.methods.recadam import settings
from recall_learn.methods.recadam.anchors import Kept, is_beside, working_dtype
from recall_learn.methods.recadam.state import MOMENTS, new_count, parameter
from recall_learn.methods.recadam.update import HALF
from recall_learn.theory.sharded import is_sharded, local

SIGNATURE = attrgetter("shape", "dtype", "device", "layout")
REMEDIES = {
    "gradient": "change a parameter before backward(), not after it",
    "anchor": "an optimizer is made for parameters of that shape, after FSDP1 or whatever else changes it",
}


class Rows(NamedTuple):
    """One row for each parameter that has a gradient; of sharded ones, the shards of this process."""

    params: list[Tensor]
    states: list[dict[str, Tensor]]
    made: list[int]  # the rows whose state was made for this step
    kinds: list[tuple]  # shape, dtype, device, layout
    thetas: list[Tensor]
    grads: list[Tensor]
    ms: list[Tensor]
    vs: list[Tensor]
    anchors: list[Tensor]  # empty: nothing pulls
    gammas: list[Tensor]  # empty: gamma is a number


def rows_of(
    index: int, group: dict[str, object], kept: Kept, state: Mapping[Tensor, dict[str, Tensor]], pulls: bool
) -> Rows:
    """The rows of ``param_groups[index]``; nothing is changed.

    Raises:
        ValueError: shapes, dtypes or devices in a row do not agree, or there are no anchors where there is a pull.
        RuntimeError: a gradient is sparse.
    """
    params, places = group["params"], [n for n, p in enumerate(group["params"]) if p.grad is not None]
    if pulls and len(kept.anchors) != len(params):
        raise ValueError(
            f"param_groups[{index}] recalls {len(params)} parameters and has anchors for {len(kept.anchors)}; "
            f"parameters are added by add_param_group, and recall is fixed once a group is added"
        )
    sharded = any(map(is_sharded, params))
    if pulls and sharded:
        kept.follow(params)
    here = [params[n] for n in places]
    states = [state.get(p) for p in here]
    made = [] if all(states) else [row for row, found in enumerate(states) if not found]
    for row in made:
        states[row] = _new_state(here[row], group["capturable"])
    for n, each in zip(places, states, strict=True):
        if not isinstance(each.get("step"), Tensor):
            raise ValueError(f"step of {parameter(group, index, n)} is {each.get('step')!r}; it has to be a tensor")
    beside_them = {"gradient": [p.grad for p in here]}
    for key in MOMENTS:
        beside_them[key] = [each.get(key) for each in states]
    for what, tensors in (("anchor", kept.anchors), ("gamma", kept.gammas)):
        beside_them[what] = [tensors[n] for n in places] if pulls and tensors else []
    thetas = here
    if sharded:
        thetas, beside_them = _shards(here, beside_them, [parameter(group, index, n) for n in places])
    if pulls and len(places) < len(params):  # of those without a gradient, too: all processes refuse a wrong wrapping
        for n, (anchor, p) in enumerate(zip(kept.anchors, params, strict=True)):
            if anchor.shape != p.shape:
                _refuse("anchor", anchor, SIGNATURE(p), p.dtype, parameter(group, index, n))
    kinds = _check(thetas, beside_them, kept, group, index, places)
    return Rows(here, states, made, kinds, thetas, *beside_them.values())


def _new_state(p: Tensor, capturable: bool) -> dict[str, Tensor]:
    zeros = {"dtype": working_dtype(p), "memory_format": torch.preserve_format}
    return {"step": new_count(p, capturable)} | {key: torch.zeros_like(p, **zeros) for key in MOMENTS}


def _shards(params: list[Tensor], lists: dict[str, list[Tensor]], names: list[str]) -> tuple[list, dict[str, list]]:
    """What of the parameters, and of the tensors beside them, is in this process."""
    shards: dict[str, list[Tensor]] = {what: [] for what in lists}
    for what, tensors in lists.items():
        for tensor, p, name in zip(tensors, params, names, strict=False):
            if what == "gradient" and is_sharded(tensor) and not is_beside(tensor, p):
                tensor = tensor.redistribute(p.device_mesh, p.placements)
            elif tensor is None or not is_beside(tensor, p):
                raise ValueError(f"{what} of {name} is not sharded as the parameter is; {_remedy(what)}")
            shards[what].append(local(tensor))
    return [local(p) for p in params], shards


def _check(
    thetas, lists: dict[str, list[Tensor]], kept: Kept, group: dict, index: int, places: list[int]
) -> list[tuple]:
    """Compare, and bring the anchors to where the parameters are; returns what each row is."""
    same = list(map(SIGNATURE, thetas))
    wide = same
    if any(kind[1] in HALF for kind in same):
        wide = [(shape, torch.float32 if dtype in HALF else dtype, *rest) for shape, dtype, *rest in same]
    for what, tensors in lists.items():
        right = same if what == "gradient" else wide
        if not tensors or _signatures(tensors) == right:
            continue
        if what in ("anchor", "gamma"):  # the model may have been moved or cast: transformers.Trainer moves it
            kept.follow(group["params"])
            store = kept.anchors if what == "anchor" else kept.gammas
            tensors[:] = [local(store[n]).to(right[row][1]) for row, n in enumerate(places)]
        for row, n in enumerate(places):
            if tensors[row] is None or SIGNATURE(tensors[row]) != right[row]:
                _refuse(what, tensors[row], right[row], thetas[row].dtype, parameter(group, index, n))
    return same


def _signatures(tensors: list[Tensor]) -> list[tuple] | None:
    try:
        return list(map(SIGNATURE, tensors))
    except AttributeError:
        return None


def _refuse(what: str, tensor: Tensor | None, right: tuple, own_dtype: torch.dtype, name: str) -> None:
    if not isinstance(tensor, Tensor):
        raise ValueError(f"{what} of {name} is missing; {_remedy(what)}")
    shape, dtype, device, _ = right
    if what == "gradient" and tensor.layout != torch.strided:
        raise RuntimeError("RecAdam needs dense gradients; build the embedding with sparse=False")
    if tensor.shape != shape:
        said = f"has shape {tuple(tensor.shape)}, the parameter has {tuple(shape)}"
    elif tensor.dtype != dtype:
        said = f"is {tensor.dtype}, and {dtype} is needed beside a parameter that is {own_dtype}"
    else:
        said = f"is on {tensor.device} ({tensor.layout}), the parameter on {device}"
    raise ValueError(f"{what} of {name} {said}; {_remedy(what)}")


def _remedy(what: str) -> str:
    return REMEDIES.get(what, "after the first step a parameter stays what it is; make a new optimizer for another")


def check_devices(group: dict[str, object], rows: Rows, compiling: bool) -> None:
    """Raise if the group asks for a path that does not exist on its devices."""
    for what, devices in (("capturable", settings.CAPTURABLE), ("fused", settings.FUSED)):
        wrong = {kind[2].type for kind in rows.kinds} - set(devices) if group[what] and not compiling else ()
        if wrong:
            raise ValueError(
                f"{what}=True needs parameters on {', '.join(devices)}; here are some on {', '.join(sorted(wrong))}"
            )
