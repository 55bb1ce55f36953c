"""Random numbers of one's own: what a thread draws in torch, and nobody else.

Dropout, and whatever draws a new weight, take torch's one generator of the process. Another thread that draws between
two of these draws would change both: the run could not be taken again, and neither could the other. `Dice` gives the
thread that enters it generators of its own. The process's are neither read nor moved.
"""

import math
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

_NAMES: dict[object, Sequence[str]] = {
    torch: ("rand", "randn", "randint", "randperm", "rand_like", "randn_like", "randint_like", "bernoulli", "normal"),
    Tensor: (
        *("normal_", "uniform_", "random_", "bernoulli_", "bernoulli", "exponential_", "geometric_", "cauchy_"),
        *("log_normal_", "multinomial"),
    ),
}
DRAWS = frozenset(getattr(where, name) for where, names in _NAMES.items() for name in names) | {torch.multinomial}
"""What takes a ``generator``, and need not be given one."""
_ENTERED = threading.local()


class Dice(TorchFunctionMode):
    """While a thread is in its ``with`` block, what that thread draws in torch comes from here.

    The numbers are those that the process's generators would give after ``torch.manual_seed(seed)``, on a CPU to the
    bit; attention with dropout, which takes no generator, is computed step by step.

    Args:
        seed: a whole number of at least 0.
    """

    def __init__(self, seed: int):
        super().__init__()
        self.seed = seed
        self._generators: dict[str, torch.Generator] = {}
        self.on("cpu")

    def __enter__(self) -> Self:
        vars(_ENTERED).setdefault("dice", []).append(self)
        return super().__enter__()

    def __exit__(self, *error: object) -> None:
        _ENTERED.dice.pop()
        super().__exit__(*error)

    def on(self, device: torch.device | str | int | None) -> torch.Generator:
        """The generator for a device; None is the CPU."""
        kind = "cpu" if device is None else torch.device(device).type
        if kind == "meta":  # where nothing is drawn
            kind = "cpu"
        if kind not in self._generators:
            self._generators[kind] = torch.Generator(kind).manual_seed(self.seed)
        return self._generators[kind]

    def state_dict(self) -> dict[str, Tensor]:
        """Where the generators are."""
        return {kind: generator.get_state() for kind, generator in self._generators.items()}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Go on from there; the state of a GPU that is not here now is left out.

        Raises:
            ValueError: it is no such state.
        """
        for kind, numbers in state.items():
            if kind != "cuda" or torch.cuda.is_available():
                try:
                    self.on(kind).set_state(numbers)
                except (TypeError, RuntimeError) as error:
                    raise ValueError(f"the random state of {kind} is none ({error})") from error

    def __torch_function__(
        self, func: Callable, types: Sequence[type], args: Sequence = (), kwargs: Mapping | None = None
    ) -> object:
        """Torch's hook: call ``func`` with a generator of ours, where it draws."""
        named = dict(kwargs or {})
        if func is F.dropout:
            return self._dropout(*args, **named)
        if func is F.scaled_dot_product_attention:
            return self._attention(*args, **named)
        # functions that are written in Python, those of torch.nn.init, come with all of their arguments by name
        if named.get("generator", "" if func not in DRAWS else None) is None:
            first = next((each for each in (*args, *named.values()) if isinstance(each, Tensor)), None)
            named["generator"] = self.on(named.get("device") if first is None else first.device)
        return func(*args, **named)

    def _dropout(self, input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
        if not training or not 0 < p < 1:
            return F.dropout(input, p, training, inplace)
        kept = torch.empty_like(input).bernoulli_(1 - p, generator=self.on(input.device)).div_(1 - p)
        return input.mul_(kept) if inplace else input * kept

    def _attention(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        attn_mask: Tensor | None = None,
        dropout_p: float = 0.0,
        is_causal: bool = False,
        scale: float | None = None,
        enable_gqa: bool = False,
    ) -> Tensor:
        options = {"scale": scale, "enable_gqa": enable_gqa}
        if not dropout_p:
            return F.scaled_dot_product_attention(query, key, value, attn_mask, 0.0, is_causal, **options)
        if enable_gqa:
            key, value = (x.repeat_interleave(query.shape[-3] // x.shape[-3], -3) for x in (key, value))
        half = math.sqrt(1 / math.sqrt(query.shape[-1]) if scale is None else scale)  # of the scale, for each of both
        scores = (query * half) @ (key * half).transpose(-2, -1)
        if is_causal:
            attn_mask = torch.ones_like(scores, dtype=torch.bool).tril()
        if attn_mask is not None:
            none = attn_mask.dtype == torch.bool
            scores = scores.masked_fill(~attn_mask, -math.inf) if none else scores + attn_mask
        shares = torch.ops.aten._safe_softmax(scores, -1)
        return self._dropout(shares, dropout_p).to(value.dtype) @ value


@contextmanager
def own_randomness(seed: int) -> Iterator[None]:
    """Draw on the CPU, from ``seed``; the process's generators are left alone."""
    with Dice(seed), torch.device("cpu"):
        yield


def states(device: torch.device) -> dict[str, Tensor]:
    """Where the generators are that this thread draws from on a device: those of its `Dice`, or the process's."""
    entered = vars(_ENTERED).get("dice")
    if entered:
        entered[-1].on(device)
        return entered[-1].state_dict()
    found = {"cpu": torch.get_rng_state()}
    return found if device.type != "cuda" else {**found, "cuda": torch.cuda.get_rng_state(device)}


@contextmanager
def drawing(source: int | Mapping[str, Tensor], device: torch.device) -> Iterator[None]:
    """What the block draws comes from a seed, or is what was drawn from `states` on; then it is as if it had not drawn.

    Args:
        source: the seed, or the states.
        device: where it draws.
    """
    if isinstance(source, int):
        kinds = {"cpu", device.type} & {"cpu", "cuda"}
        source = {kind: torch.Generator(kind).manual_seed(source).get_state() for kind in kinds}
    before = states(device)
    _put(source, device)
    try:
        yield
    finally:
        _put(before, device)


def _put(found: Mapping[str, Tensor], device: torch.device) -> None:
    entered = vars(_ENTERED).get("dice")
    if entered:
        entered[-1].load_state_dict(found)
        return
    torch.set_rng_state(found["cpu"])
    if "cuda" in found:
        torch.cuda.set_rng_state(found["cuda"], device)


def draws(model: nn.Module) -> bool:
    """Whether a model of transformers draws random numbers while it trains: whether anything of it drops out."""
    config = getattr(model, "config", None)
    said = config.to_dict() if config is not None else {"dropout": 1.0}
    shares = [value for name, value in said.items() if "drop" in name and isinstance(value, int | float)]
    return any(shares) or any(isinstance(each, nn.Dropout) and each.p > 0 for each in model.modules())
