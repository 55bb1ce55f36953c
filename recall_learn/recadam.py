r"""RecAdam: Adam that recalls the pretrained weights while it learns the target task.

.. math::
    \begin{aligned}
    g_t      &= \nabla f_t(\theta_{t-1})                                        && \text{lines 5, 6} \\
    m_t      &= \beta_1 m_{t-1} + (1 - \beta_1)\, g_t                           && \text{line 7} \\
    v_t      &= \beta_2 v_{t-1} + (1 - \beta_2)\, g_t^2                         && \text{line 8} \\
    \hat m_t &= m_t / (1 - \beta_1^t), \qquad \hat v_t = v_t / (1 - \beta_2^t)  && \text{lines 9, 10} \\
    \theta_t &= \theta_{t-1} - \lambda(t)\, \alpha\, \hat m_t / (\sqrt{\hat v_t} + \epsilon)
                - (1 - \lambda(t))\, \alpha\gamma\, (\theta_{t-1} - \theta^*)
                - \alpha w\, \theta_{t-1}                                       && \text{line 12}
    \end{aligned}

The pull towards theta* bypasses the moments, as weight decay does in AdamW. It carries the learning rate, as in the
authors' code: read literally, line 12 pulls with gamma = 5000 and diverges.

Chen et al., 2020, "Recall and Learn", Algorithm 1, arXiv 2004.12651.
"""

import math
import warnings
from collections.abc import Callable, Iterable, Mapping
from numbers import Real
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from recall_learn import annealing
from recall_learn.anchors import check_names, fingerprint
from recall_learn.annealing import Sigmoid
from recall_learn.recadam_update import HALF, Bucket, Scalars, update_buckets

ALGORITHMS = ("paper", "released", "coupled")


class RecAdam(Optimizer):
    r"""Adam on ``lambda(t) Loss_T + (1 - lambda(t)) gamma/2 ||theta - theta*||^2``, the second term decoupled.

    Args:
        params: parameters as every torch optimizer takes them: tensors, ``(name, tensor)`` pairs, or groups. A group
            with ``recall=False`` is plain AdamW (the head); `recall_learn.recalled.recall_groups` makes both. A
            parameter without a gradient is skipped, its pull included.
        lr: learning rate alpha; at least 0.
        betas: decay rates of the two moments, each in [0, 1).
        eps: added to the root of the second moment; at least 0.
        weight_decay: decoupled, ``lr * weight_decay * theta`` as in ``torch.optim.AdamW``: not scaled by lambda.
        anneal: lambda, a callable from the update count t (steps, starting at 1) to [0, 1]. Once it returns exactly 1
            the pull is skipped.
        gamma: strength of the pull, a number, or ``name -> tensor`` (EWC's precision, one number a weight).
        anchors: theta*, ``name -> tensor``; None takes a copy of the parameters now. Kept in float32 where the
            parameter is bf16 or fp16, as are the moments.
        algorithm: ``"paper"``, Algorithm 1 as above; ``"released"``, the authors' code: the pull taken after the Adam
            step, ``eps`` added before the bias correction, weight decay last; ``"coupled"``, line 6 of the algorithm:
            lambda and the penalty go through the moments.
        foreach, fused: which of the equal paths to take, as in torch: by default the fused kernel on CPU and CUDA.
            Both False is the plain loop over :func:`recall_learn.recadam_update.update`.

    Raises:
        ValueError: an argument is out of range; an anchor is missing, extra or misshapen; ``lr * gamma >= 2``, where
            the pull alone diverges (above 1 it overshoots, which warns; neither holds for "coupled").
        RuntimeError: a gradient is sparse.

    ``anneal``, ``gamma`` and ``lr`` may be changed between steps in ``param_groups``, a gamma by name as a whole.
    ``state_dict`` holds AdamW's tensors and the fingerprint of the anchors, not the anchors; loading it against other
    anchors raises.
    """

    def __init__(
        self,
        params: Iterable,
        lr: float = 2e-5,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        *,
        anneal: Callable[[float], float] = Sigmoid(0.1, 250),  # noqa: B008 frozen, safe to share
        gamma: float | Mapping[str, Tensor] = 5000.0,
        anchors: Mapping[str, Tensor] | None = None,
        algorithm: str = "paper",
        foreach: bool | None = None,
        fused: bool | None = None,
    ):
        if foreach and fused:
            raise ValueError("foreach=True and fused=True exclude each other; set one of them")
        self._path = "fused" if fused or (fused is None and foreach is None) else "foreach" if foreach else "plain"
        self._anchors: dict[Tensor, Tensor] | None = None  # None until all groups are in
        self._gammas: dict[Tensor, Tensor] = {}  # of groups whose gamma is a mapping
        self._seen: dict[int, tuple[Any, float]] = {}  # the gamma last read in each group, and its largest value
        self._prints: dict[int, str] = {}
        self._warned = False
        defaults = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "anneal": anneal}
        super().__init__(params, defaults | {"gamma": gamma, "algorithm": algorithm, "recall": True, "t": 0})
        self._anchors = {}
        self._set_anchors(self.param_groups, anchors)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group; its anchors are its own ``"anchors"`` entry, or a copy of its parameters now."""
        param_group = dict(param_group)
        anchors = param_group.pop("anchors", None)
        super().add_param_group(param_group)
        group = self.param_groups[-1]
        try:
            group["t"] = self.param_groups[0]["t"]
            self._check(len(self.param_groups) - 1)
            if self._anchors is not None:
                self._set_anchors([group], anchors)
            elif anchors is not None:
                raise ValueError("anchors belong in RecAdam(..., anchors=...), not in one of its first groups")
        except Exception:
            self.param_groups.pop()
            self._seen.pop(len(self.param_groups), None)
            raise

    @torch.no_grad()
    def step(self, closure: Callable[[], Tensor] | None = None) -> Tensor | None:
        """Take one step; returns the closure's loss, if one is given."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        work = self._gather(torch.compiler.is_compiling())
        update_buckets(work)
        return loss

    def state_dict(self) -> dict[str, Any]:
        """AdamW's state, the settings as plain numbers, and the anchors' fingerprint for each group."""
        saved = super().state_dict()
        for index, (group, out) in enumerate(zip(self.param_groups, saved["param_groups"], strict=True)):
            try:
                out["anneal"] = annealing.as_dict(group["anneal"])
            except (TypeError, ValueError):
                out["anneal"] = None  # a callable of the user's own: the one in place stays
            out["gamma"] = _gamma_print(group) if isinstance(group["gamma"], Mapping) else float(group["gamma"])
            out["anchors"] = self._fingerprint(index)
        return saved

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore moments, counts and settings; the anchors stay, and have to be those of the saved run.

        Raises:
            ValueError: the state is not a RecAdam's, or belongs to other anchors, another gamma or other groups.
        """
        groups = [dict(group) for group in state_dict.get("param_groups", [])]
        if not groups or any("anchors" not in group or "anneal" not in group for group in groups):
            raise ValueError("state_dict is not a RecAdam's: its groups hold no anchors fingerprint")
        if len(groups) != len(self.param_groups):
            raise ValueError(f"state_dict has {len(groups)} param_groups, this optimizer {len(self.param_groups)}")
        for index, (group, mine) in enumerate(zip(groups, self.param_groups, strict=True)):
            if group.pop("anchors") != self._fingerprint(index):
                raise ValueError(f"state_dict was saved with other anchors than those of param_groups[{index}]")
            by_name = isinstance(mine["gamma"], Mapping)
            if by_name or isinstance(group["gamma"], str):
                if not by_name or _gamma_print(mine) != group["gamma"]:
                    raise ValueError(f"state_dict was saved with another gamma than that of param_groups[{index}]")
                group["gamma"] = mine["gamma"]
            saved = group["anneal"]
            group["anneal"] = mine["anneal"] if saved is None else annealing.from_dict(saved)
        super().load_state_dict({**state_dict, "param_groups": groups})
        self._restore(state_dict)

    def _restore(self, state_dict: dict[str, Any]) -> None:
        # torch casts loaded moments to the parameter's dtype, and leaves a count on its GPU, to be waited for
        numbers = [number for group in state_dict["param_groups"] for number in group["params"]]
        params = [p for group in self.param_groups for p in group["params"]]
        for number, p in zip(numbers, params, strict=True):
            for key, saved in state_dict["state"].get(number, {}).items():
                if key == "step" or p.dtype in HALF:
                    device = "cpu" if key == "step" else p.device
                    self.state[p][key] = saved.to(device=device, dtype=torch.float32, copy=True)

    def __getstate__(self) -> dict[str, Any]:
        own = ("_path", "_anchors", "_gammas", "_seen", "_prints", "_warned")
        return super().__getstate__() | {key: self.__dict__[key] for key in own}

    def _set_anchors(self, groups: list[dict], anchors: Mapping[str, Tensor] | None) -> None:
        recalled = [group for group in groups if group["recall"]]
        if anchors is None:
            self._anchors |= {p: _copy(p, p) for group in recalled for p in group["params"]}
            return
        named = _named(recalled, "anchors")
        check_names(named, anchors, "anchors")
        for name in named:
            if not bool(anchors[name].isfinite().all()):
                raise ValueError(f"anchors[{name!r}] has non-finite entries; the pull would spread them")
        self._anchors |= {p: _copy(anchors[name], p) for name, p in named.items()}

    def _fingerprint(self, index: int) -> str:
        if index not in self._prints:
            group = self.param_groups[index]
            recalled = group["params"] if group["recall"] else []
            self._prints[index] = fingerprint({f"{i:06d}": self._anchors[p] for i, p in enumerate(recalled)})
        return self._prints[index]

    def _check(self, index: int) -> float:
        """Check what may change between steps; returns lambda at the next step (1: nothing pulls)."""
        group = self.param_groups[index]
        _check_group(group)
        if not group["recall"]:
            return 1.0
        lam = _lambda(group)
        if index not in self._seen or self._seen[index][0] is not group["gamma"]:
            self._seen[index] = (group["gamma"], self._read_gamma(group))
        strength = float(group["lr"]) * self._seen[index][1]
        if group["algorithm"] != "coupled" and strength >= 2:
            raise ValueError(f"lr * gamma is {strength:g}; the pull diverges at 2 and above, keep it under 1")
        if group["algorithm"] != "coupled" and strength > 1 and not self._warned:
            self._warned = True
            warnings.warn(f"lr * gamma is {strength:g}; above 1 the pull overshoots theta*", stacklevel=5)
        return lam

    def _read_gamma(self, group: dict[str, Any]) -> float:
        """Check a group's gamma and return its largest value; a mapping is copied to the parameters' devices."""
        gamma = group["gamma"]
        if not isinstance(gamma, Mapping):
            return _number("gamma", gamma, lambda x: x >= 0, "a number of at least 0, or name -> tensor")
        named = _named([group], "gamma")
        check_names(named, {name: gamma[name] for name in named if name in gamma}, "gamma")
        read = {p: _copy(gamma[name], p) for name, p in named.items()}
        for name, p in named.items():
            if not bool((read[p] >= 0).all() and read[p].isfinite().all()):
                raise ValueError(f"gamma[{name!r}] has negative or non-finite entries; a precision is at least 0")
        self._gammas |= read
        return max((float(tensor.max()) for tensor in read.values() if tensor.numel()), default=0.0)

    @torch.compiler.disable
    def _gather(self, compiling: bool = False) -> list[tuple[Bucket, Scalars]]:
        """Count the step, and sort every parameter that has a gradient into buckets that one call can serve."""
        # everything that may raise comes before the first count, so that a raised step leaves nothing half done
        lams = [self._check(index) for index in range(len(self.param_groups))]
        for group, lam in zip(self.param_groups, lams, strict=True):
            self._check_gradients(group, pulls=lam < 1)
        work = []
        for group, lam in zip(self.param_groups, lams, strict=True):
            group["t"] += 1
            buckets: dict[tuple, list[Tensor]] = {}
            present = [p for p in group["params"] if p.grad is not None]
            steps = [self._steps(p) for p in present]
            if steps:
                torch._foreach_add_(steps, 1)
            for p, step in zip(present, steps, strict=True):
                key = (p.device, p.dtype, int(step), self._path_of(p, compiling))
                buckets.setdefault(key, []).append(p)
            for (_, _, t, path), params in buckets.items():
                work.append(self._bucket(group, params, lam, t, path, compiling))
        return work

    def _check_gradients(self, group: dict[str, Any], pulls: bool) -> None:
        for p in group["params"]:
            if p.grad is not None and p.grad.layout != torch.strided:
                raise RuntimeError("RecAdam needs dense gradients; build the embedding with sparse=False")
            if pulls and p not in self._anchors:
                raise ValueError("a recalled parameter has no anchor; recall is fixed once a group is added")

    def _steps(self, p: Tensor) -> Tensor:
        state = self.state[p]
        if not state:
            dtype = _working_dtype(p)
            state["step"] = torch.tensor(0.0)
            state["exp_avg"] = torch.zeros_like(p, dtype=dtype, memory_format=torch.preserve_format)
            state["exp_avg_sq"] = torch.zeros_like(p, dtype=dtype, memory_format=torch.preserve_format)
        return state["step"]

    def _path_of(self, p: Tensor, compiling: bool) -> str:
        if compiling:
            return "plain"
        if self._path == "fused" and not (p.is_contiguous() and p.device.type in ("cpu", "cuda")):
            return "foreach"
        return self._path

    def _bucket(self, group, params, lam: float, t: int, path: str, compiling: bool) -> tuple[Bucket, Scalars]:
        lr, (beta1, beta2), algorithm = float(group["lr"]), group["betas"], group["algorithm"]
        share = 1.0 if algorithm == "coupled" else lam
        scalars = Scalars(
            lam=lam,
            pull=(1 - lam) * lr,
            lr=lr,
            share=share,
            rate=share * lr / (1 - beta1**t),
            unbias=(1 - beta2**t) ** -0.5,
            weight_decay=float(group["weight_decay"]),
            eps=float(group["eps"]),
        )
        if compiling:  # tensors, so that a changed number does not compile anew
            scalars = Scalars(*torch.tensor(scalars, dtype=torch.float64).unbind())
        # lambda = 1 in float64 makes the pull exactly 0: it cannot change a bit, and is skipped
        pulls = group["recall"] and lam < 1
        by_name = pulls and isinstance(group["gamma"], Mapping)
        bucket = Bucket(
            thetas=[p.detach() for p in params],
            grads=[p.grad if p.grad.stride() == p.stride() else torch.empty_like(p).copy_(p.grad) for p in params],
            ms=[self.state[p]["exp_avg"] for p in params],
            vs=[self.state[p]["exp_avg_sq"] for p in params],
            anchors=[_beside(self._anchors, p) for p in params] if pulls else [],
            gammas=[_beside(self._gammas, p) for p in params] if by_name else float(group["gamma"]) if pulls else 0.0,
            algorithm=algorithm if group["recall"] else "paper",
            betas=group["betas"],
            t=0 if compiling else t,
            path=path,
        )
        return bucket, scalars


def _named(groups: list[dict[str, Any]], what: str) -> dict[str, Tensor]:
    if not all("param_names" in group for group in groups):
        raise ValueError(
            f"{what} by name needs named parameters; pass model.named_parameters() or recall_groups(model)"
        )
    pairs = [pair for group in groups for pair in zip(group["param_names"], group["params"], strict=True)]
    if len(dict(pairs)) < len(pairs):
        raise ValueError(f"{what} by name needs one name for each parameter; here two share one")
    return dict(pairs)


def _working_dtype(p: Tensor) -> torch.dtype:
    return torch.float32 if p.dtype in HALF else p.dtype


def _copy(source: Tensor, p: Tensor) -> Tensor:
    return source.detach().to(device=p.device, dtype=_working_dtype(p), copy=True)


def _beside(store: dict[Tensor, Tensor], p: Tensor) -> Tensor:
    # a model may be moved or cast after the optimizer was made: transformers.Trainer moves it
    store[p] = store[p].to(device=p.device, dtype=_working_dtype(p))
    return store[p]


def _gamma_print(group: dict[str, Any]) -> str:
    return fingerprint({name: group["gamma"][name] for name in group["param_names"] if name in group["gamma"]})


def _number(name: str, value: Any, holds: Callable[[float], bool], right: str) -> float:
    number = isinstance(value, Real) and not isinstance(value, bool)
    number = number or (isinstance(value, Tensor) and value.numel() == 1 and value.dtype.is_floating_point)
    if not (number and math.isfinite(value) and holds(float(value))):
        raise ValueError(f"{name} is {value!r}; it has to be {right}")
    return float(value)


def _check_group(group: dict[str, Any]) -> None:
    lr = _number("lr", group["lr"], lambda x: x >= 0, "a number of at least 0")
    decay = _number("weight_decay", group["weight_decay"], lambda x: x >= 0, "a number of at least 0")
    _number("eps", group["eps"], lambda x: x >= 0, "a number of at least 0")
    if lr * decay >= 1:
        raise ValueError(f"lr * weight_decay is {lr * decay:g}; it has to be under 1, or the weights change sign")
    if not (isinstance(group["betas"], (tuple, list)) and len(group["betas"]) == 2):
        raise ValueError(f"betas is {group['betas']!r}; it has to be a pair of numbers in [0, 1)")
    group["betas"] = tuple(
        _number(f"betas[{i}]", beta, lambda x: 0 <= x < 1, "a number in [0, 1)")
        for i, beta in enumerate(group["betas"])
    )
    if not callable(group["anneal"]):
        raise ValueError(f"anneal is {group['anneal']!r}; it has to be a callable from the step to [0, 1]")
    if group["algorithm"] not in ALGORITHMS:
        raise ValueError(f"algorithm is {group['algorithm']!r}; it has to be one of {', '.join(ALGORITHMS)}")
    if not isinstance(group["recall"], bool):
        raise ValueError(f"recall is {group['recall']!r}; it has to be True or False")
    if any(p.dtype not in (torch.float64, torch.float32, *HALF) for p in group["params"]):
        raise ValueError("params holds a tensor that is not float64, float32, bfloat16 or float16")


def _lambda(group: dict[str, Any]) -> float:
    """Lambda at the group's next step."""
    t = group["t"] + 1
    try:
        lam = float(group["anneal"](t))
    except (TypeError, ValueError) as error:
        raise ValueError(f"anneal({t}) gives no number ({error}); it has to give lambda, in [0, 1]") from error
    if not 0 <= lam <= 1:
        raise ValueError(f"anneal({t}) is {lam!r}; lambda has to be in [0, 1]")
    return lam
