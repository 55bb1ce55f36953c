"""The modules that some methods add to a model which was pretrained without them."""

import copy
import hashlib
import math
from collections.abc import Sequence
from contextlib import AbstractContextManager

import torch
from torch import Tensor, nn

from recall_learn.support.random_state import own_randomness

STD = 0.02
"""Of the weights that K-Adapter draws."""


def drawn(name: str, seed: int) -> AbstractContextManager[None]:
    """While the block lasts, what torch draws comes from a generator of a method's own.

    Args:
        name: the method's.
        seed: the run's, which the head and other methods have too.
    """
    key = hashlib.blake2b(f"{name} {seed}".encode(), digest_size=8).digest()
    return own_randomness(int.from_bytes(key))


class Bottleneck(nn.Module):
    r"""An adapter, :math:`h + W_2\, gelu(W_1 h + b_1) + b_2`; weights are drawn from N(0, ``init``^2), biases are 0.

    Args:
        size: of h.
        width: of what is between.
        init: standard deviation.
    """

    def __init__(self, size: int, width: int, init: float):
        super().__init__()
        self.down, self.up = nn.Linear(size, width), nn.Linear(width, size)
        for layer in (self.down, self.up):
            nn.init.normal_(layer.weight, std=init)
            nn.init.zeros_(layer.bias)

    def forward(self, hidden: Tensor) -> Tensor:
        """The same shape, [..., size]."""
        return hidden + self.up(nn.functional.gelu(self.down(hidden)))


class Beside(nn.Module):
    """A branch beside the layers of an encoder that rests: it sees what goes in, and has the last word at the end.

    The encoder is in eval mode even while the branch trains: with dropout it would not be the pretrained one.
    """

    _given: tuple | None = None  # of the pass that is on its way; a plain attribute, for no file and no copy
    _padding: Tensor | None = None

    def hang(self, base: nn.Module, stack: nn.ModuleList) -> None:
        """Take the place beside the layers, ``stack``, of an encoder, ``base``."""
        base.add_module("beside", self)
        owner = next(each for each in base.modules() if any(part is stack for part in each.children()))
        # bound methods: a deep copy of the model has those of its own branch
        base.register_forward_pre_hook(self.begin, with_kwargs=True)
        stack[0].register_forward_pre_hook(self.note, with_kwargs=True)
        owner.register_forward_hook(self.finish)

    def begin(self, base: nn.Module, args: tuple, kwargs: dict) -> None:
        """A pass begins: all but the branch rests; which words are padding is kept."""
        training = self.training
        for part in base.modules():
            part.training = False
        for part in self.modules():
            part.training = training
        mask = kwargs.get("attention_mask", args[1] if len(args) > 1 else None)
        self._padding = None if mask is None or mask.ndim != 2 else mask == 0

    def note(self, layer: nn.Module, args: tuple, kwargs: dict) -> None:
        """What goes into the first layer; a cache of keys belongs to the encoder alone."""
        kept = {key: None if hasattr(value, "get_seq_length") else value for key, value in kwargs.items()}
        self._given = tuple(None if hasattr(value, "get_seq_length") else value for value in args), kept

    def finish(self, owner: nn.Module, args: tuple, output: object) -> object:
        """What comes out, in the shape in which the encoder gives it."""
        hidden = output if isinstance(output, Tensor) else output[0]
        made = self.joined(hidden)
        self._given = self._padding = None
        if isinstance(output, Tensor):
            return made
        if isinstance(output, tuple):
            return (made, *output[1:])
        output.last_hidden_state = made
        return output

    def joined(self, hidden: Tensor) -> Tensor:
        """What the branch makes of the encoder's last hidden states, [rows, length, size]."""
        raise NotImplementedError


class Side(Beside):
    """A copy of the lowest layers that trains, mixed with the encoder's output: a B(x) + (1 - a) S(x).

    Args:
        stack: the layers.
        count: how many of them, from below.
        alpha: a at the start, in (0, 1].
    """

    def __init__(self, stack: nn.ModuleList, count: int, alpha: float):
        super().__init__()
        self.layers = nn.Sequential(*(copy.deepcopy(layer) for layer in stack[:count]))
        self.layers.requires_grad_(True)
        for part in self.layers.modules():
            part._forward_hooks.clear()  # transformers' own would note these layers among the encoder's
            part._forward_pre_hooks.clear()
        p = next(stack.parameters())
        logit = math.log(alpha / (1 - alpha)) if alpha < 1 else math.inf
        self.mix = nn.Parameter(torch.full((1,), logit, device=p.device, dtype=p.dtype))

    def joined(self, hidden: Tensor) -> Tensor:
        """The mixture; at a = 1 the encoder's output to the bit."""
        args, kwargs = self._given
        side = args[0] if args else kwargs.pop("hidden_states")
        for layer in self.layers:
            made = layer(side, *args[1:], **kwargs)
            side = made if isinstance(made, Tensor) else made[0]
        return torch.lerp(side, hidden, torch.sigmoid(self.mix))


class Knowledge(Beside):
    """Adapters beside some layers, each fed with the one before; the last one's output joins that of the encoder.

    Args:
        size: of the hidden states.
        width: of the adapters.
        places: beside which layers; 0 is what goes into the first, i what comes out of the i-th.
    """

    def __init__(self, size: int, width: int, places: Sequence[int]):
        super().__init__()
        self.places = list(places)
        self.adapters = nn.Sequential(*(Aside(size, width) for _ in places))
        self.dense = nn.Linear(2 * size, size)
        nn.init.zeros_(self.dense.bias)
        with torch.no_grad():
            self.dense.weight.copy_(torch.eye(size, 2 * size))
        self._seen: list[Tensor] = []

    def hang(self, base: nn.Module, stack: nn.ModuleList) -> None:
        """As any branch; and look at what comes out of its layers."""
        super().hang(base, stack)
        for place in self.places:
            if place:
                stack[place - 1].register_forward_hook(self.see)

    def note(self, layer: nn.Module, args: tuple, kwargs: dict) -> None:
        """What goes into the first layer, where an adapter is beside it."""
        hidden = args[0] if args else kwargs["hidden_states"]
        self._seen = [hidden] if 0 in self.places else []

    def see(self, layer: nn.Module, args: tuple, output: object) -> None:
        """What comes out of a layer; they come in their order."""
        self._seen.append(output if isinstance(output, Tensor) else output[0])

    def joined(self, hidden: Tensor) -> Tensor:
        """[hidden, last adapter] through the dense layer; at the start that is ``hidden``."""
        before = torch.zeros_like(hidden)
        for adapter, seen in zip(self.adapters, self._seen, strict=True):
            before = adapter(seen + before, self._padding)
        self._seen = []
        return self.dense(torch.cat([hidden, before], -1))


class Aside(nn.Module):
    """An adapter of K-Adapter: down, two layers of a transformer, up, and a residual; it begins as the identity.

    Args:
        size: of what it is given.
        width: of its layers.
    """

    def __init__(self, size: int, width: int):
        super().__init__()
        self.down, self.up = nn.Linear(size, width), nn.Linear(width, size)
        self.layers = nn.Sequential(Layer(width), Layer(width))
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=STD)
                nn.init.zeros_(module.bias)
        nn.init.zeros_(self.up.weight)

    def forward(self, hidden: Tensor, padding: Tensor | None) -> Tensor:
        """[rows, length, size], and True where a word is padding, [rows, length]."""
        inner = self.down(hidden)
        for layer in self.layers:
            inner = layer(inner, padding)
        return hidden + self.up(inner)


class Layer(nn.Module):
    """A layer as BERT's: attention and a feed-forward part, each with a residual and a norm behind it; no dropout.

    Args:
        width: of what it is given; 4 heads, or 1 where that cannot be divided by 4.
    """

    def __init__(self, width: int):
        super().__init__()
        self.heads = 4 if width % 4 == 0 else 1
        self.inputs, self.outputs = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.wide, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.first, self.second = nn.LayerNorm(width), nn.LayerNorm(width)

    def forward(self, x: Tensor, padding: Tensor | None) -> Tensor:
        """[rows, length, width], and True where nobody attends, [rows, length]."""
        rows, length, width = x.shape
        parts = self.inputs(x).view(rows, length, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        seen = None if padding is None else ~padding[:, None, None, :]
        mixed = nn.functional.scaled_dot_product_attention(*parts, attn_mask=seen)
        x = self.first(x + self.outputs(mixed.transpose(1, 2).reshape(x.shape)))
        return self.second(x + self.narrow(nn.functional.gelu(self.wide(x))))
