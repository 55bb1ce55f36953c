"""What a run's model was pretrained to do, for methods that go on with it: the small world's text, or a text file."""

from collections.abc import Callable
from pathlib import Path

from recall_learn.measures import probes
from recall_learn.methods.source import Batch, Source
from recall_learn.models.backbones import Backbone
from recall_learn.models.masked_lm import attach
from recall_learn.runs.compose import SOURCE
from recall_learn.support.shelf import Nothing, Shelf
from recall_learn.world.batches import SPECIAL, Batches


def check_given(needs: frozenset[str], names: str, backbone: str, packaged: bool, text: str | Path | None) -> None:
    """Refuse methods that need the source's data where there is none, and a text where there is one already.

    Args:
        needs: of the methods.
        names: the methods', for the message.
        backbone: its name.
        packaged: whether it is of the small world, which brings its own text.
        text: a text file, or None.

    Raises:
        ValueError: that is so.
    """
    if SOURCE not in needs:
        return
    if packaged and text is not None:
        raise ValueError(f"source text {str(text)!r} is not needed: {backbone} has its own; leave it out")
    if not packaged and text is None:
        raise ValueError(
            f"method {names} goes on with what {backbone} was pretrained on; give a text file with --source-text FILE, "
            f"or take --backbone tiny"
        )


def find(backbone: Backbone, text: str | Path | None, size: int, shelf: Shelf | None = None) -> Callable[[], Source]:
    """Gives the source of a backbone, made when it is asked for.

    Of a text file it has all but the blocks that a run's source loss is measured on.

    Args:
        backbone: whose encoder it shares.
        text: a text file where the backbone is not of the small world; without one it has no batches there.
        size: rows a batch, or as many as there are.
        shelf: where the small world's batches lie for the next run.
    """
    tokenizer = backbone.tokenizer

    def make() -> Source:
        special = set(tokenizer.all_special_ids)
        if backbone.world:
            special |= set(tokenizer.convert_tokens_to_ids(list(SPECIAL)))
        return Source(attach(backbone), batches(), tokenizer.mask_token_id, frozenset(special))

    def batches() -> Callable[[int], Batch] | None:
        if backbone.world:
            key = (backbone.fingerprint, backbone.world["seed"], size)
            world = probes.world_of(backbone)
            return (shelf or Nothing()).get("source", key, lambda: Batches(world, tokenizer, size))
        return None if text is None else probes.unmeasured(text, tokenizer).cycle(size)

    return make
