"""What RecAdam saves and takes back: AdamW's tensors, the settings in plain types, the anchors' fingerprint.

A state is read whole before the optimizer changes: one that is refused leaves the optimizer as it was.
"""

import math
import warnings
from collections import defaultdict
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from recall_learn.methods.recadam import settings
from recall_learn.methods.recadam.anchors import Kept, gamma_fingerprint, placed, working_dtype
from recall_learn.support.checks import shown
from recall_learn.theory import annealing
from recall_learn.theory.sharded import whole

MOMENTS = ("exp_avg", "exp_avg_sq")
LATER = ("maximize", "capturable", "foreach", "fused", "dtype")
"""Settings that states of earlier versions lack: the optimizer's own stay."""


def dtypes(group: dict[str, object]) -> str:
    """Of the parameters that a group recalls, as text."""
    recalled = group["params"] if group["recall"] else []
    return ", ".join(sorted({str(p.dtype).removeprefix("torch.") for p in recalled}))


def parameter(group: dict[str, object], index: int, n: int) -> str:
    """What a message calls the n-th parameter of a group."""
    names = group.get("param_names", ())
    which = repr(names[n]) if len(names) == len(group["params"]) else f"number {n}"
    return f"parameter {which} of param_groups[{index}]"


def save_group(group: dict[str, object], kept: Kept, saved: dict[str, object]) -> None:
    """Make ``saved``, torch's copy of a group, one of plain types."""
    for key, value in group.items():
        keeps = key == "params" or (key == "lr" and group["capturable"])
        saved[key] = saved[key] if keeps else settings.plain(value)
    try:
        # pairs, as torch's distributed checkpoints would take a dictionary apart
        saved["anneal"] = tuple(annealing.as_dict(group["anneal"]).items())
    except (TypeError, ValueError):
        saved["anneal"] = None  # a callable of the user's own: the one in place stays
    if isinstance(group["gamma"], Mapping):
        saved["gamma"] = gamma_fingerprint(group)
    saved |= {"t": int(group["t"]), "anchors": kept.fingerprint(group["params"])}


def check_form(state_dict: object) -> None:
    """Raise ValueError unless a state is built as an optimizer's is."""
    groups = state_dict.get("param_groups") if isinstance(state_dict, Mapping) else None
    built = isinstance(groups, list | tuple) and isinstance(state_dict.get("state"), Mapping)
    if not built or not all(isinstance(g, Mapping) and isinstance(g.get("params"), list | tuple) for g in groups):
        raise ValueError(
            "state_dict is not a RecAdam's: it has to hold 'state', a dictionary, and 'param_groups', a list of "
            "dictionaries with 'params'"
        )


def read_groups(
    saved: list[dict[str, object]], groups: list[dict[str, object]], kept: list[Kept]
) -> list[dict[str, object]]:
    """The groups as they are after a load, checked against those in place.

    Raises:
        ValueError: they are not a RecAdam's, of another size, or belong to other anchors or another gamma.
    """
    if not saved or any("anchors" not in group or "anneal" not in group for group in saved):
        raise ValueError("state_dict is not a RecAdam's: its groups hold no anchors fingerprint")
    if len(saved) != len(groups):
        raise ValueError(f"state_dict has {len(saved)} param_groups, this optimizer {len(groups)}")
    return [
        _read_group(i, dict(theirs), mine, kept[i]) for i, (theirs, mine) in enumerate(zip(saved, groups, strict=True))
    ]


def _read_group(index: int, group: dict[str, object], mine: dict[str, object], kept: Kept) -> dict[str, object]:
    here = f"param_groups[{index}]"
    group = {key: mine[key] for key in LATER} | group
    lacking = [key for key in mine if key not in group and key != "param_names"]
    if lacking:
        raise ValueError(f"state_dict lacks {lacking[0]!r} in {here}")
    if len(group["params"]) != len(mine["params"]):
        raise ValueError(
            f"state_dict has {len(group['params'])} parameters in {here}, this optimizer {len(mine['params'])}"
        )
    _check_anchors(group, mine, kept, here)
    by_name = isinstance(mine["gamma"], Mapping)
    if by_name or isinstance(group["gamma"], str):
        if not by_name or gamma_fingerprint(mine) != group["gamma"]:
            raise ValueError(f"state_dict was saved with another gamma than that of {here}")
        group["gamma"] = mine["gamma"]
    group["anneal"] = _read_schedule(group["anneal"], mine["anneal"])
    t = settings.number(f"t of {here} in state_dict", group["t"], _counts, "a whole number of steps")
    names = {"param_names": mine["param_names"]} if "param_names" in mine and "param_names" not in group else {}
    group |= {"t": int(t), "params": mine["params"], "anchors": None, "dtype": mine["dtype"]} | names
    try:
        settings.check(group)
        settings.lambda_at_next(group)
    except ValueError as error:
        raise ValueError(f"{here} of state_dict: {error}") from None
    return group


def _check_anchors(group: dict[str, object], mine: dict[str, object], kept: Kept, here: str) -> None:
    if group["dtype"] != mine["dtype"]:
        raise ValueError(
            f"state_dict was saved with {group['dtype'] or 'no'} parameters, {here} has {mine['dtype'] or 'none'}, and "
            f"anchors are as exact as those: make the optimizer for a model of that dtype, and cast it afterwards"
        )
    found = kept.fingerprint(mine["params"])
    if group["anchors"] is None or found is None:
        warnings.warn(
            f"state_dict holds no fingerprint of the anchors of {here}: nobody can tell whether they are these",
            stacklevel=6,
        )
    elif group["anchors"] != found:
        raise ValueError(
            f"state_dict was saved with other anchors than those of {here}: make the optimizer before the fine-tuned "
            f"weights are loaded, or give it anchors=load_anchors(the pretrained checkpoint or hub id)"
        )


def _read_schedule(saved: object, mine: Callable[[int], float]) -> Callable[[int], float]:
    """A schedule from what stands for it; None is a callable of the user's own."""
    if saved is None:
        return mine
    if callable(saved):
        return saved
    try:
        values = dict(saved)
    except (TypeError, ValueError):
        raise ValueError(f"state_dict has anneal {shown(saved)}; it has to be a schedule's name and numbers") from None
    return annealing.from_dict(values)


def read_state(
    state_dict: dict[str, object], groups: list[dict[str, object]]
) -> defaultdict[object, dict[str, object]]:
    """The state as it is after a load: moments beside their parameters, counts as tensors.

    Args:
        state_dict: as saved.
        groups: as they are after the load.

    Raises:
        ValueError: a parameter's state lacks something or has another shape; the message names the parameter.
    """
    owners = {}
    for index, (theirs, group) in enumerate(zip(state_dict["param_groups"], groups, strict=True)):
        for n, number in enumerate(theirs["params"]):
            owners[number] = (group["params"][n], group["capturable"], parameter(group, index, n))
    if len(owners) < sum(len(group["params"]) for group in groups):
        raise ValueError("state_dict has one parameter twice in its param_groups; it is damaged")
    state: defaultdict[object, dict[str, object]] = defaultdict(dict)
    for number, values in state_dict["state"].items():
        if number not in owners:
            state[number] = values  # as torch does
        elif values:
            p, capturable, name = owners[number]
            if not isinstance(values, Mapping):
                raise ValueError(f"state_dict has {shown(values)} as the state of {name}; it has to be a dictionary")
            state[p] = _read_values(values, p, capturable, name)
    return state


def _read_values(values: Mapping[str, object], p: Tensor, capturable: bool, name: str) -> dict[str, object]:
    read = dict(values)
    for key in ("step", *MOMENTS):
        if key not in values:
            raise ValueError(f"state_dict lacks {key} of {name}")
    step = settings.number(f"step of {name} in state_dict", values["step"], _counts, "a whole number of updates")
    read["step"] = new_count(p, capturable, step)
    for key in MOMENTS:
        moment = values[key]
        if not (isinstance(moment, Tensor) and moment.is_floating_point() and moment.layout is torch.strided):
            raise ValueError(f"state_dict has no floating point tensor as {key} of {name}, or a sparse one")
        if moment.shape != p.shape:
            raise ValueError(
                f"state_dict has {key} of {name} in shape {tuple(moment.shape)}, the parameter has {tuple(p.shape)}; "
                f"it was saved for another model"
            )
        read[key] = placed(moment.to(dtype=working_dtype(p)), p)
    # its root would be nan, in the weights after the next step
    if not (p.is_meta or bool(whole((read["exp_avg_sq"] >= 0).all()))):
        raise ValueError(f"state_dict has entries in exp_avg_sq of {name} that are negative or nan; none may be")
    return read


def new_count(p: Tensor, capturable: bool, step: float = 0.0) -> Tensor:
    """A parameter's count of updates; on the CPU, where it can be read without waiting, unless a graph will hold it."""
    return torch.tensor(step, dtype=torch.float32, device=p.device if capturable else "cpu")


def _counts(x: float) -> bool:
    return x >= 0 and math.floor(x) == x
