"""What a method takes from a `Source`: its head above the training's encoder, or the model from before, kept still."""

import copy
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor, nn

    from recall_learn.methods.method import Start
    from recall_learn.methods.source import Source

Weights = dict[str, "nn.Parameter"]
Inputs = Callable[[], Iterator[Mapping[str, "Tensor"]]]


def begun(start: "Start", name: str) -> "Source":
    """The source of a training, on the model's device.

    Args:
        start: the training's.
        name: of the method that asks, for the message.

    Raises:
        ValueError: its masked language model is not above the encoder that trains, or the model is in pieces.
    """
    from recall_learn.theory.anchors import unwrapped
    from recall_learn.theory.sharded import is_sharded

    source, own = start.source(), list(unwrapped(start.model).parameters())
    if any(is_sharded(p) for p in own):
        raise ValueError(
            f"{name} runs the encoder without its model, and fully_shard has it in pieces that only the model gathers; "
            f"take DistributedDataParallel"
        )
    shared = {id(p) for p in own} & {id(p) for p in source.masked_lm.parameters()}
    if not shared:
        raise ValueError(
            f"{name} is given a source whose masked_lm has no weight of the model; it has to hold the model's encoder"
        )
    source.masked_lm.to(own[0].device)
    return source


def at_home(source: "Source", start: "Start", name: str, examples: int) -> "tuple[nn.Module, Weights, Inputs]":
    """The masked language model at theta*, a copy in eval mode, to see what the source asks of its weights.

    A copy, as weights that were read from a file lie elsewhere in memory than others, and a product of matrices is
    rounded by where they lie: a run that goes on would see other bits.

    Args:
        source: as `begun` gives it.
        start: the training's.
        name: of the method that asks, for the bar that a terminal shows while it looks.
        examples: rows of the source, at least; the last batch is whole.

    Returns:
        The copy; those of its parameters that are pretrained and train, by their names in theta*; and what gives the
        inputs of these examples, batch after batch, anew at each call.
    """
    from tqdm.auto import tqdm

    from recall_learn.theory.anchors import trainable
    from recall_learn.theory.sharded import at

    names = {id(p): key for key, p in trainable(start.model).items() if key in start.anchors}
    with at(start.model, start.anchors):
        made = copy.deepcopy(source.masked_lm).eval()
    copies = dict(made.named_parameters())
    wanted = {names[id(p)]: copies[own] for own, p in source.masked_lm.named_parameters() if id(p) in names}
    device = next(made.parameters()).device

    def inputs() -> "Iterator[Mapping[str, Tensor]]":
        with tqdm(desc=f"{name}, the source", total=examples, unit="row", delay=1, disable=None) as bar:
            for batch, _ in source.first(examples):
                yield {key: value.to(device) for key, value in batch.items()}
                bar.update(len(batch["input_ids"]))

    return made, wanted, inputs


def frozen(source: "Source", start: "Start", name: str) -> "nn.Module":
    """The masked language model as it is at theta*, a copy that never changes: in eval mode, without gradients.

    Args:
        source: as `begun` gives it.
        start: the training's.
        name: of the method that asks, for the message.

    Raises:
        ValueError: something in it was drawn anew, so that there is no model from before.
    """
    import torch

    from recall_learn.theory.anchors import trainable
    from recall_learn.theory.sharded import at

    names = {id(p): name for name, p in trainable(start.model).items()}
    fresh = [p for p in source.masked_lm.parameters() if id(p) in names and names[id(p)] not in start.anchors]
    if fresh and start.anchors:  # where nothing pretrained trains, what is new was added, and adds nothing yet
        with torch.enable_grad():
            logits = source.masked_lm(input_ids=torch.tensor([[source.mask]], device=fresh[0].device))
            found = torch.autograd.grad(logits.sum(), fresh, allow_unused=True)
        used = [names[id(p)] for p, gradient in zip(fresh, found, strict=True) if gradient is not None]
        if used:
            raise ValueError(f"{name} asks the model from before, and {used[0]} is new in this one; leave one of both")
    with at(start.model, start.anchors):
        return copy.deepcopy(source.masked_lm).eval().requires_grad_(False)
