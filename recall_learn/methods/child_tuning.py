r"""Child-Tuning: the gradient reaches only a part of the model, the child network, at each step.

.. math::
    w_t = w_{t-1} - \eta\, (\nabla L(w_{t-1}) \odot M_t)

The forward pass uses all weights. The mask is on the gradient before it enters the moments, so it works with any torch
optimizer, as a pair of step hooks:

- ``ChildTuningF`` (task-free): a fresh random M at every step, on every parameter.
- ``ChildTuningD`` (task-driven): the weights with the largest Fisher information, chosen once.

Gradients are masked in place, when the optimizer steps: after clipping, and after a ``GradScaler`` has unscaled them.
Attach the masks to the torch optimizer itself, before ``accelerate`` or anything else wraps it. A copy of an optimizer
(``copy.deepcopy``, pickle) has no masks, as torch copies no hooks. F and D may share an optimizer: F then draws within
D's child, in whichever order they were attached.

What is masked is what the optimizer holds when it steps: wrappers (``accelerate``'s FSDP, apex) put other tensors in
the place of its parameters. Parameters in pieces (``fully_shard``) get their piece of the mask of the whole.

Xu et al., 2021, "Raise a Child in Large Language Model", arXiv 2109.05687.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from recall_learn.support.checks import number, shown
from recall_learn.theory.anchors import check_dense, check_names, trainable, unwrapped
from recall_learn.theory.sharded import beside, local, part, whole


class _GradientMask(ABC):
    """Changes an optimizer's gradients after the backward pass and before the moments, at every step."""

    def __init__(self, optimizer: Optimizer, p: float):
        hooks = getattr(optimizer, "_optimizer_step_pre_hooks", None)
        if not isinstance(optimizer, Optimizer) or hooks is None:
            raise ValueError(
                f"optimizer is a {type(optimizer).__name__}; it must be a torch.optim.Optimizer, not a wrapper of one"
            )
        # a second F with the same seed would draw the same masks, and scale by 1 / p twice
        owners = [getattr(hook, "__self__", None) for hook in hooks.values()]
        if any(type(owner) is type(self) and not owner._removed for owner in owners):
            raise ValueError(f"optimizer already has a {type(self).__name__}; call remove() on that one first")
        self.optimizer = optimizer
        self.p = _share(p)
        self._removed = self._stepping = False
        self._handles = []

    def _attach(self) -> None:
        self._handles = [
            self.optimizer.register_step_pre_hook(self._before_step),
            self.optimizer.register_step_post_hook(self._after_step),
        ]

    def remove(self) -> None:
        """Detach from the optimizer: the next step is a plain one. A step that is under way ends as it began."""
        self._removed = True
        if not self._stepping:  # torch goes through its hooks during a step, and none may leave
            for handle in self._handles:
                handle.remove()

    def _before_step(self, optimizer, args, kwargs):
        self._stepping = not self._removed
        if self._removed:
            return None
        # args[0] is the optimizer; a closure computes new gradients inside the step, so the mask waits for it
        closure = kwargs["closure"] if "closure" in kwargs else args[1] if len(args) > 1 else None
        if not callable(closure):
            self._mask_gradients()
            return None

        def masked_closure():
            loss = closure()
            self._mask_gradients()
            return loss

        if "closure" in kwargs:
            return args, {**kwargs, "closure": masked_closure}
        return (args[0], masked_closure, *args[2:]), kwargs

    def _after_step(self, optimizer, args, kwargs) -> None:
        self._stepping = False

    @abstractmethod
    def _mask_gradients(self) -> None:
        """Mask every gradient in place."""


class ChildTuningF(_GradientMask):
    r"""Child-Tuning-F: every step trains a random share p of all weights, with its gradient divided by p.

    :math:`g \leftarrow g \odot M_t / p` with :math:`M_t \sim Bernoulli(p)`, drawn anew at every step for every entry of
    every gradient. In expectation the gradient stays what it was; ``p = 1`` is the plain optimizer, bit for bit. A
    weight that is masked now still moves by its momentum. A step that calls its closure several times draws each time.

    Every step takes a number from ``generator``, for each device with gradients, and seeds the masks there with it.
    Torch's global generators are left alone, a run may resume on another card, and replicas that were seeded alike draw
    alike, as data-parallel training needs. So do processes with the pieces of one model: each draws the mask of the
    whole parameter, one parameter at a time, and keeps its piece. Seeded alike, they train as one process does.

    Args:
        optimizer: any torch optimizer; parameter groups added later are masked too.
        p: the share that trains, in (0, 1]; the paper takes it from {0.2, 0.3, 0.4}.
        generator: where the masks come from, on any device. None makes one that is seeded with
            ``torch.initial_seed()``.

    Raises:
        ValueError: ``p`` is outside (0, 1]; the optimizer is wrapped, or has a ChildTuningF already. At the step: a
            gradient is sparse.

    Xu et al., 2021, Child-Tuning-F.
    """

    def __init__(self, optimizer: Optimizer, p: float = 0.3, generator: torch.Generator | None = None):
        if generator is not None and not isinstance(generator, torch.Generator):
            raise ValueError(f"generator is {shown(generator)}; it must be a torch.Generator or None")
        super().__init__(optimizer, p)
        self.generator = torch.Generator().manual_seed(torch.initial_seed()) if generator is None else generator
        self._attach()

    def state_dict(self) -> dict[str, object]:
        """What a resumed run needs to draw the same masks: p and the state of the generator."""
        return {"p": self.p, "generator": self.generator.get_state()}

    def load_state_dict(self, state: Mapping[str, object]) -> None:
        """Go on drawing where the run that saved ``state`` was.

        Raises:
            ValueError: ``state`` is from another class or another ``p``, or its generator is one of another device.
        """
        _check_state(state, {"p", "generator"}, self.p)
        try:
            self.generator.set_state(state["generator"].cpu())
        except (AttributeError, TypeError, RuntimeError) as error:
            raise ValueError(
                f"state['generator'] is not the state of a generator on {self.generator.device} ({error})"
            ) from error

    @torch.no_grad()
    def _mask_gradients(self) -> None:
        gradients = [q.grad for group in self.optimizer.param_groups for q in group["params"] if q.grad is not None]
        seeded: dict[torch.device, torch.Generator] = {}
        for gradient in gradients:
            grad = _dense(local(gradient))
            if grad.device not in seeded:
                # new ones for every step: then self.generator is all the state there is, on whatever devices
                seeded[grad.device] = torch.Generator(grad.device).manual_seed(self._draw_seed())
            draws = {"generator": seeded[grad.device], "device": grad.device, "dtype": torch.float32}
            # half the time of bernoulli_ on a CPU, and the same draws for every dtype
            mask = part(torch.rand(gradient.shape, **draws) < self.p, gradient)
            grad.mul_(mask).div_(self.p)

    def _draw_seed(self) -> int:
        return int(torch.randint(2**63 - 1, (), generator=self.generator, device=self.generator.device))


class FixedMasks(_GradientMask):
    """Some weights train and the others stay where they are, to the bit: a mask for each parameter that it names.

    Neither weight decay nor a pull nor momentum from before moves what is masked: the step is undone there. That needs
    a second copy of the masked parameters while the step lasts.

    Args:
        optimizer: any torch optimizer made from ``model.named_parameters()``, or from groups of named parameters.
        masks: ``name -> bool tensor``, True where the weight trains. Parameters that it does not name train whole.
        p: the share that trains, for whoever wants to know.

    Raises:
        ValueError: ``masks`` names a frozen parameter or does not fit the optimizer's parameters; these have no names;
            the optimizer is wrapped, or has such masks already. At the step: a gradient is sparse; the optimizer's
            parameters were replaced by others of another name or shape.
    """

    def __init__(self, optimizer: Optimizer, masks: Mapping[str, Tensor], p: float = 1.0):
        super().__init__(optimizer, p)
        _check_names(_named_parameters(optimizer), masks)
        self.masks = dict(masks)
        self._before: dict[str, Tensor] = {}
        self._attach()

    def _now(self) -> dict[str, Tensor]:
        """The masked parameters, as the optimizer holds them now."""
        parameters = _named_parameters(self.optimizer)
        for name, mask in self.masks.items():
            if name not in parameters or parameters[name].shape != mask.shape:
                found = f"with shape {tuple(parameters[name].shape)}" if name in parameters else "no longer"
                raise ValueError(
                    f"optimizer has {name!r} {found}, its mask has shape {tuple(mask.shape)}: something replaced the "
                    f"parameters after {type(self).__name__} was made; make it afterwards"
                )
        return {name: parameters[name] for name in self.masks}

    def _before_step(self, optimizer, args, kwargs):
        if not self._removed:
            self._before = {name: local(parameter.detach()).clone() for name, parameter in self._now().items()}
        return super()._before_step(optimizer, args, kwargs)

    @torch.no_grad()
    def _mask_gradients(self) -> None:
        for name, parameter in self._now().items():
            if parameter.grad is not None:
                # filling, where multiplying would keep a nan
                _dense(local(parameter.grad)).masked_fill_(~self._mask_on(name, parameter), 0)

    def _after_step(self, optimizer, args, kwargs) -> None:
        if self._stepping:
            for name, parameter in self._now().items():
                here = local(parameter.detach())
                here.copy_(torch.where(self._mask_on(name, parameter), here, self._before.pop(name)))
        super()._after_step(optimizer, args, kwargs)

    def _mask_on(self, name: str, parameter: Tensor) -> Tensor:
        """What is here of the mask."""
        self.masks[name] = beside(self.masks[name], parameter)
        return local(self.masks[name])


class ChildTuningD(FixedMasks):
    r"""Child-Tuning-D: only the weights with the most Fisher information train, the others stay where they are.

    The child is the top share p of all entries of ``fisher`` by one threshold for the whole model, chosen here and then
    fixed: :math:`g \leftarrow g \odot M`, without a division by p. Weights outside the child do not change by one bit:
    the step is undone for them, so that neither weight decay, nor RecAdam's pull, nor momentum from before moves them.
    That needs a second copy of the masked parameters while the step lasts.

    Args:
        optimizer: any torch optimizer made from ``model.named_parameters()``, or from groups of named parameters.
        fisher: diagonal Fisher information at the pretrained weights, ``name -> tensor``, finite and at least 0.
            Parameters that it does not name always train; in the paper these are embeddings, pooler and head, so
            ``fisher`` holds ``layer_names(model)``. Of a model in pieces it may be whole, or in pieces too.
        p: the share of these entries that trains, in (0, 1]; the paper takes it from {0.1, 0.2, 0.3}.

    Attributes:
        masks: the child, ``name -> bool tensor``, True where the weight trains; in pieces where the parameter is.

    Raises:
        ValueError: ``p`` is outside (0, 1] or keeps no entry; ``fisher`` is empty, negative or not finite, names a
            frozen parameter, or does not fit the optimizer's parameters; these have no names; the optimizer is wrapped,
            or has a ChildTuningD already. At the step: a gradient is sparse; the optimizer's parameters were replaced
            by others of another name or shape.

    Xu et al., 2021, Child-Tuning-D. Their code lets weight decay shrink the weights outside the child.
    """

    def __init__(self, optimizer: Optimizer, fisher: Mapping[str, Tensor], p: float = 0.3):
        super().__init__(optimizer, child_masks(fisher, p), p)

    def state_dict(self) -> dict[str, object]:
        """``p`` and the masks, which serve as ``fisher`` too: ``ChildTuningD(optimizer, masks, p)`` has this child."""
        return {"p": self.p, "masks": {name: mask.clone() for name, mask in self.masks.items()}}

    def load_state_dict(self, state: Mapping[str, object]) -> None:
        """Take over the child that ``state`` holds, as bool tensors or as numbers that are 0 or 1.

        Raises:
            ValueError: ``state`` is from another class, another ``p``, or for other parameters.
        """
        _check_state(state, {"p", "masks"}, self.p)
        check_names(self.masks, state["masks"], "masks")
        self.masks = {name: _as_mask(state["masks"][name], f"masks[{name!r}]") for name in self.masks}


def child_masks(fisher: Mapping[str, Tensor], p: float) -> dict[str, Tensor]:
    """Where the largest ``round(p n)`` of the n entries of ``fisher`` are: bool tensors of the same names and shapes.

    One threshold for all tensors together. Entries equal to the threshold are taken in the mapping's order, row-major
    within a tensor, until the number is reached: the same child on every machine.

    Raises:
        ValueError: ``p`` is outside (0, 1] or keeps no entry; ``fisher`` is empty, negative or not finite.
    """
    if not isinstance(fisher, Mapping) or not fisher:
        raise ValueError(f"fisher is {shown(fisher)}; it must be a mapping from parameter names to tensors, not empty")
    fisher = {name: whole(tensor) if isinstance(tensor, Tensor) else tensor for name, tensor in fisher.items()}
    for name, tensor in fisher.items():
        if not isinstance(tensor, Tensor):
            raise ValueError(f"fisher[{name!r}] is {shown(tensor)}; it must be a tensor of real numbers")
        check_dense(tensor, f"fisher[{name!r}]")
        if not (tensor.isfinite() & (tensor >= 0)).all():
            raise ValueError(f"fisher[{name!r}] has entries that are negative, infinite or nan; none may be")
    devices = {tensor.device for tensor in fisher.values()}
    device = devices.pop() if len(devices) == 1 else "cpu"
    scores = torch.cat([tensor.detach().to(device).flatten() for tensor in fisher.values()])
    count = round(_share(p) * scores.numel())
    if count == 0:
        raise ValueError(f"p is {p!r}, which keeps none of {scores.numel()} entries; it must keep at least one")
    pieces = _largest(scores, count).split([tensor.numel() for tensor in fisher.values()])
    return {name: piece.view(fisher[name].shape) for name, piece in zip(fisher, pieces, strict=True)}


def layer_names(model: nn.Module) -> list[str]:
    """The names of the parameters inside the transformer layers of ``model``: what Child-Tuning-D chooses among.

    These are the parameters under any ``nn.ModuleList`` of ``model.base_model``, so embeddings, pooler and head are
    left out whatever they are called. Frozen ones are left out too, so that ``fisher_diagonal(model)`` has all of them;
    with adapters (PEFT) in the layers it is these that are named. A wrapper's names are not used, see
    `recall_learn.theory.anchors.trainable`.

    Raises:
        ValueError: ``model`` has no ``base_model``, that has no ``nn.ModuleList``, or all inside these is frozen.
    """
    model = unwrapped(model)
    base = getattr(model, "base_model", None)
    if not isinstance(base, nn.Module):
        raise ValueError(f"model is a {type(model).__name__} without a base_model; it must be a transformers model")
    while isinstance(inner := getattr(base, "base_model", base), nn.Module) and inner is not base:
        base = inner  # PEFT's base_model is the model with its head; that one's base_model is the encoder
    lists = [module for module in base.modules() if isinstance(module, nn.ModuleList)]
    inside = {id(parameter) for layers in lists for parameter in layers.parameters()}
    if not inside:
        raise ValueError(f"base_model is a {type(base).__name__} without an nn.ModuleList; name its layers yourself")
    names = [name for name, parameter in trainable(model).items() if id(parameter) in inside]
    if not names:
        raise ValueError(f"all parameters in the layers of {type(base).__name__} are frozen; unfreeze some first")
    return names


def _largest(scores: Tensor, count: int) -> Tensor:
    # kthvalue, because torch.quantile refuses more than 16 million entries; it knows no bool or 16-bit numbers
    scores = scores.double() if scores.dtype in (torch.float64, torch.int32, torch.int64) else scores.float()
    threshold = scores.kthvalue(scores.numel() - count + 1).values
    chosen = scores > threshold
    ties = (scores == threshold).nonzero().squeeze(1)
    chosen[ties[: count - int(chosen.sum())]] = True
    return chosen


def _named_parameters(optimizer: Optimizer) -> dict[str, Tensor]:
    parameters = {}
    for group in optimizer.param_groups:
        if "param_names" not in group:
            raise ValueError("optimizer has parameters without names; make it from model.named_parameters()")
        if len(group["param_names"]) != len(group["params"]):
            raise ValueError(
                f"optimizer has {len(group['params'])} parameters for {len(group['param_names'])} names: something "
                f"replaced them; make the masks afterwards, or wrap in a way that keeps the parameters apart"
            )
        for name, parameter in zip(group["param_names"], group["params"], strict=True):
            if name in parameters:
                raise ValueError(f"optimizer has two parameters named {name!r}; their names must differ")
            parameters[name] = parameter
    return parameters


def _check_names(parameters: Mapping[str, Tensor], fisher: Mapping[str, Tensor]) -> None:
    for name in fisher:
        if name not in parameters and (other := next((key for key in parameters if key.endswith(f".{name}")), None)):
            raise ValueError(
                f"fisher has {name!r}, which the optimizer calls {other!r}; make it from the model inside its wrapper"
            )
        if name in parameters and not parameters[name].requires_grad:
            raise ValueError(f"fisher has {name!r}, which is frozen; leave it out, as layer_names(model) does")
    check_names({name: parameters[name] for name in parameters if name in fisher}, fisher, "fisher")


def _dense(grad: Tensor) -> Tensor:
    if grad.layout != torch.strided:
        raise ValueError(f"a gradient has the layout {grad.layout}; Child-Tuning needs dense ones (sparse=False)")
    return grad


def _share(p: float) -> float:
    return number("p", p, lambda share: 0 < share <= 1, "a number in (0, 1]")


def _check_state(state: Mapping[str, object], keys: set[str], p: float) -> None:
    if not isinstance(state, Mapping) or set(state) != keys:
        found = sorted(state) if isinstance(state, Mapping) else state
        raise ValueError(f"state has {found}; it must be a state_dict of this class, with {sorted(keys)}")
    if not math.isclose(number("p of state", state["p"], lambda share: True, "a number"), p, rel_tol=1e-6):  # float32's
        raise ValueError(f"state has p = {state['p']!r}, this one has {p!r}; a resumed run must have the same")


def _as_mask(tensor: Tensor, what: str) -> Tensor:
    other = (tensor != 0) & (tensor != 1)
    if whole(other.sum()):
        raise ValueError(f"{what} holds {whole(tensor)[whole(other)][0].item()!r}; a mask has entries 0 and 1 only")
    return tensor.to(torch.bool, copy=True)
