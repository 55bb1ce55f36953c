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

import warnings
from collections.abc import Callable, Iterable, Mapping

import torch
from torch import Tensor
from torch.optim import Optimizer

from recall_learn.methods.recadam import settings
from recall_learn.methods.recadam import state as recadam_state
from recall_learn.methods.recadam.anchors import Kept, anchors_by_name, copy_of, read_gamma
from recall_learn.methods.recadam.rows import Rows, check_devices, rows_of
from recall_learn.methods.recadam.settings import ALGORITHMS
from recall_learn.methods.recadam.update import Bucket, Scalars, update_buckets
from recall_learn.theory.annealing import Constant, Cosine, Linear, Sigmoid, on_device

__all__ = ["ALGORITHMS", "RecAdam"]

# torch's ZeroRedundancyOptimizer saves the groups of an optimizer as they are; torch.load reads them as weights only
torch.serialization.add_safe_globals([Sigmoid, Linear, Cosine, Constant])


class RecAdam(Optimizer):
    r"""Adam on ``lambda(t) Loss_T + (1 - lambda(t)) gamma/2 ||theta - theta*||^2``, the second term decoupled.

    Args:
        params: parameters as every torch optimizer takes them: tensors, ``(name, tensor)`` pairs, or groups. A group
            with ``recall=False`` has no pull and no lambda (the head): AdamW, or its released form.
            :func:`recall_learn.models.recalled.recall_groups` makes both. A parameter without a gradient is skipped,
            its pull included.
        lr: learning rate alpha; at least 0. A tensor of one element stays one if ``capturable``.
        betas: decay rates of the two moments, each in [0, 1).
        eps: added to the root of the second moment; at least 0.
        weight_decay: decoupled, ``lr * weight_decay * theta`` as in ``torch.optim.AdamW``: not scaled by lambda.
        anneal: lambda, a callable from the update count t (steps, starting at 1) to [0, 1]. Once it returns exactly 1
            the pull is skipped.
        gamma: strength of the pull, a number, or ``name -> tensor`` (EWC's precision, one number a weight).
        anchors: theta*, ``name -> tensor``, whole or sharded; None takes a copy of the parameters now. Kept in float32
            where the parameter is bf16 or fp16, as are the moments.
        algorithm: ``"paper"``, Algorithm 1 as above; ``"released"``, the authors' code: the pull taken after the Adam
            step, ``eps`` added before the bias correction, weight decay last; ``"coupled"``, line 6 of the algorithm:
            lambda and the penalty go through the moments.
        foreach, fused: which of the equal paths to take: by default the fused kernel on CPU and CUDA, else foreach.
            ``foreach=False`` alone is the plain loop over :func:`recall_learn.methods.recadam.update.update`.
        maximize: climb the task's loss; the pull and the decay stay what they are.
        capturable: count, lambda and bias correction are computed on the device and nothing waits for it, so that a
            CUDA graph may hold the step. The graph keeps the numbers of its capture, a tensor ``lr`` may change. It
            takes the plain loop, and lambda and the pull are checked only where the optimizer is made or loaded.

    Raises:
        ValueError: an argument is out of range; an anchor is missing, extra or misshapen; at the next step the pull
            ``(1 - lambda) * lr * gamma`` is 2 or more, where it alone diverges (above 1 it overshoots, which warns;
            neither holds for "coupled"). At a step: shapes, dtypes or devices of a parameter, its gradient, its
            moments and its anchor do not agree.
        RuntimeError: a gradient is sparse, or a CUDA graph is being captured without ``capturable``.

    ``anneal``, ``gamma`` and ``lr`` may be changed between steps in ``param_groups``, a gamma by name as a whole.
    ``state_dict`` holds AdamW's tensors and the fingerprint of the anchors, not the anchors; loading it against other
    anchors raises. Parameters may be replaced in ``param_groups`` before the first step, as FSDP2 and accelerate do;
    of sharded ones (``DTensor``) the first ``state_dict`` gathers the anchors, so call it in every process.
    ``torch.optim.AdamW``'s ``amsgrad`` and ``differentiable`` have no counterpart here.
    """

    def __init__(
        self,
        params: Iterable,
        lr: float | Tensor = 2e-5,
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
        maximize: bool = False,
        capturable: bool = False,
    ):
        self._kept: list[Kept] = []  # beside param_groups
        self._made = False
        self._warned = False
        defaults = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "anneal": anneal}
        defaults |= {"gamma": gamma, "algorithm": algorithm, "recall": True, "t": 0, "maximize": maximize}
        # torch's distributed checkpoints save of each group what it holds here, so the last two wait for their values
        defaults |= {"foreach": foreach, "fused": fused, "capturable": capturable, "anchors": None, "dtype": None}
        super().__init__(params, defaults)
        self._set_anchors(self.param_groups, anchors)
        self._made = True

    def add_param_group(self, param_group: dict[str, object]) -> None:
        """Add a group; its anchors are its own ``"anchors"`` entry, or a copy of its parameters now."""
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group)}")
        param_group = dict(param_group)
        anchors = param_group.pop("anchors", None)
        super().add_param_group(param_group)
        group = self.param_groups[-1]
        self._kept.append(Kept([]))
        try:
            group["t"] = int(self.param_groups[0]["t"])
            settings.check(group)
            group["dtype"] = recadam_state.dtypes(group)
            self._check(len(self.param_groups) - 1)
            if self._made:
                self._set_anchors([group], anchors)
            elif anchors is not None:
                raise ValueError("anchors belong in RecAdam(..., anchors=...), not in one of its first groups")
        except Exception:
            self.param_groups.pop()
            self._kept.pop()
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

    def anchors(self) -> list[list[Tensor]]:
        """Theta* of every group, in the order of its parameters; empty for a group that recalls nothing.

        Not copies. A tensor is where its parameter was at the last step, and a ``DTensor`` where that is one.
        """
        return [list(kept.anchors) for kept in self._kept]

    def state_dict(self) -> dict[str, object]:
        """AdamW's state, the settings as plain numbers, and the anchors' fingerprint for each group."""
        self._check_parameters()
        saved = super().state_dict()
        for group, kept, out in zip(self.param_groups, self._kept, saved["param_groups"], strict=True):
            recadam_state.save_group(group, kept, out)
        return saved

    def load_state_dict(self, state_dict: dict[str, object]) -> None:
        """Restore moments, counts and settings; the anchors stay, and have to be those of the saved run.

        Raises:
            ValueError: the state is not a RecAdam's, lacks something, has other shapes or a dtype that is not this
                model's, or belongs to other anchors, another gamma or other groups. The optimizer is as it was.
        """
        state_dict = dict(state_dict) if isinstance(state_dict, Mapping) else state_dict
        for hook in self._optimizer_load_state_dict_pre_hooks.values():
            changed = hook(self, state_dict)
            state_dict = state_dict if changed is None else changed
        self._check_parameters()
        recadam_state.check_form(state_dict)
        groups = recadam_state.read_groups(state_dict["param_groups"], self.param_groups, self._kept)
        state = recadam_state.read_state(state_dict, groups)
        self.__setstate__({"state": state, "param_groups": groups})
        for hook in self._optimizer_load_state_dict_post_hooks.values():
            hook(self)

    def __getstate__(self) -> dict[str, object]:
        own = ("_kept", "_made", "_warned")
        return super().__getstate__() | {key: self.__dict__[key] for key in own}

    def _set_anchors(self, groups: list[dict], anchors: Mapping[str, Tensor] | None) -> None:
        recalled = [group for group in groups if group["recall"]]
        if anchors is None:
            made = [[copy_of(p, p) for p in group["params"]] for group in recalled]
        else:
            made = anchors_by_name(recalled, anchors)
        beside = [kept for group, kept in zip(groups, self._kept[-len(groups) :], strict=True) if group["recall"]]
        for kept, tensors in zip(beside, made, strict=True):
            kept.anchors = tensors

    def _check(self, index: int) -> float | Tensor:
        """Check what may change between steps; returns lambda at the next step (1: nothing pulls)."""
        group, kept = self.param_groups[index], self._kept[index]
        if not group["recall"]:
            return 1.0
        read_gamma(group, kept)
        if isinstance(group["t"], Tensor):  # capturable
            return on_device(group["anneal"], group["t"] + 1)
        lam = settings.lambda_at_next(group)
        pull = settings.pull_at_next(group, lam, kept.largest)
        if pull > 1 and not self._warned:
            self._warned = True
            warnings.warn(f"(1 - lambda) * lr * gamma is {pull:g}; above 1 the pull overshoots theta*", stacklevel=5)
        return lam

    def _check_parameters(self) -> None:
        if len(self._kept) != len(self.param_groups):
            raise ValueError(
                f"param_groups has {len(self.param_groups)} groups, of {len(self._kept)} that were added; groups are "
                f"added by add_param_group, and not taken away"
            )
        known = {p for group in self.param_groups for p in group["params"]}
        if any(isinstance(p, Tensor) and p not in known for p in self.state):
            raise ValueError(
                "param_groups holds other parameters than those that steps were taken on (FSDP2, accelerate and apex "
                "replace them): wrap the model before the first step, or move optimizer.state along"
            )

    @torch.compiler.disable
    def _gather(self, compiling: bool = False) -> list[tuple[Bucket, Scalars]]:
        """Count the step, and sort every parameter that has a gradient into buckets that one call can serve."""
        # everything that may raise comes before the first count, so that a raised step leaves nothing half done
        settings.check_capture(self.param_groups)
        if len(self._kept) != len(self.param_groups):
            self._check_parameters()
        lams, every = [], []
        for index, group in enumerate(self.param_groups):
            settings.check(group, look=not group["capturable"])
            _place_count(group)
            lams.append(self._check(index))
        for index, (group, lam) in enumerate(zip(self.param_groups, lams, strict=True)):
            pulls = group["recall"] and (isinstance(lam, Tensor) or lam < 1)
            rows = rows_of(index, group, self._kept[index], self.state, pulls)
            check_devices(group, rows, compiling)
            every.append(rows)
        self._keep(every)
        work = []
        for group, lam, rows in zip(self.param_groups, lams, every, strict=True):
            group["t"] += 1
            if rows.params:
                work += _captured(group, lam, rows) if group["capturable"] else _buckets(group, lam, rows, compiling)
        return work

    def _keep(self, every: list[Rows]) -> None:
        """Keep the states that were made for parameters at their first gradient."""
        made = [(rows.params[row], rows.states[row]) for rows in every for row in rows.made]
        if made and self.state:
            self._check_parameters()
        self.state.update(made)


def _place_count(group: dict[str, object]) -> None:
    """A capturable group counts on its device, where a CUDA graph can count on."""
    if group["capturable"] and group["params"] and not isinstance(group["t"], Tensor):
        group["t"] = torch.tensor(float(group["t"]), dtype=torch.float64, device=group["params"][0].device)
    elif isinstance(group["t"], Tensor) and not group["capturable"]:
        group["t"] = int(group["t"])


def _buckets(group: dict[str, object], lam: float, rows: Rows, compiling: bool) -> list[tuple[Bucket, Scalars]]:
    """Count the updates, and sort the rows by what one call can serve."""
    steps = [state["step"] for state in rows.states]
    torch._foreach_add_(steps, torch.tensor(1.0), alpha=1.0)  # as torch does: a number is made a tensor for each
    asked = "plain" if compiling else settings.path(group)
    alike: dict[tuple, list[int]] = {}
    for row, ((_, dtype, device, _), step) in enumerate(zip(rows.kinds, steps, strict=True)):
        path = asked
        if path == "fused" and not _can_fuse(rows.thetas[row], rows.ms[row], rows.vs[row]):
            path = "foreach"
        alike.setdefault((device, dtype, step.item(), path), []).append(row)
    work = []
    for (device, _, t, path), chosen in alike.items():
        if path == "fused" and device.type not in settings.FUSED:
            path = "foreach"
        scalars = _scalars(group, lam, t)
        if compiling:  # tensors, so that a changed number does not compile anew
            scalars = Scalars(*torch.tensor(scalars, dtype=torch.float64).unbind())
        work.append((_bucket(group, rows, chosen, 0 if compiling else t, path), scalars))
    return work


def _can_fuse(*tensors: Tensor) -> bool:
    """Whether the fused kernel, which reads memory in its order, meets the same weight in all of them."""
    return all(tensor.is_contiguous() for tensor in tensors)


def _captured(group: dict[str, object], lam: float | Tensor, rows: Rows) -> list[tuple[Bucket, Scalars]]:
    """As `_buckets`, with every number that changes from step to step computed on the device; a bucket for each row."""
    steps = [state["step"] for state in rows.states]
    torch._foreach_add_(steps, 1)
    beta1, beta2 = group["betas"]
    work = []
    for device in dict.fromkeys(theta.device for theta in rows.thetas):
        chosen = [row for row, theta in enumerate(rows.thetas) if theta.device == device]
        at, lr = (x.to(device).double().view(()) if isinstance(x, Tensor) else x for x in (lam, group["lr"]))
        counts = torch.stack([steps[row] for row in chosen]).double()
        share = 1.0 if group["algorithm"] == "coupled" else at
        rates = (share * lr / (1 - beta1**counts)).unbind()
        unbias = ((1 - beta2**counts) ** -0.5).unbind()
        for n, row in enumerate(chosen):
            numbers = Scalars(at, (1 - at) * lr, lr, share, rates[n], unbias[n], group["weight_decay"], group["eps"])
            work.append((_bucket(group, rows, [row], 0, "plain"), numbers))
    return work


def _scalars(group: dict[str, object], lam: float, t: int) -> Scalars:
    lr, (beta1, beta2) = group["lr"], group["betas"]
    share = 1.0 if group["algorithm"] == "coupled" else lam
    return Scalars(
        lam=lam,
        pull=(1 - lam) * lr,
        lr=lr,
        share=share,
        rate=share * lr / (1 - beta1**t),
        unbias=(1 - beta2**t) ** -0.5,
        weight_decay=group["weight_decay"],
        eps=group["eps"],
    )


def _bucket(group: dict[str, object], rows: Rows, chosen: list[int], t: int, path: str) -> Bucket:
    # lambda = 1 in float64 makes the pull exactly 0: it cannot change a bit, and rows hold no anchors
    grads = [rows.grads[row] for row in chosen]
    return Bucket(
        thetas=[rows.thetas[row] for row in chosen],
        grads=[grad.contiguous() for grad in grads] if path == "fused" else grads,
        ms=[rows.ms[row] for row in chosen],
        vs=[rows.vs[row] for row in chosen],
        anchors=[rows.anchors[row] for row in chosen] if rows.anchors else [],
        gammas=[rows.gammas[row] for row in chosen] if rows.gammas else group["gamma"] if rows.anchors else 0.0,
        algorithm=group["algorithm"],
        betas=group["betas"],
        t=t,
        path=path,
        maximize=group["maximize"],
    )
