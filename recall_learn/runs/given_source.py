"""What a run's model was pretrained to do, for methods that go on with it: the small world's text, or a text file."""

from collections.abc import Callable
from pathlib import Path

from recall_learn.measures.probes import world_of
from recall_learn.methods.source import Source
from recall_learn.models.backbones import Backbone
from recall_learn.models.masked_lm import attach, hide_share, read_text
from recall_learn.runs.compose import SOURCE
from recall_learn.world.batches import Batches

BLOCKS = 4096
"""Of 128 tokens, that are read of a text file; every other one of the first is what a run's source loss is measured on,
and never trained on."""


def check_given(needs: frozenset[str], names: str, backbone: str, packaged: bool, text: str | Path | None) -> None:
    """Refuse methods that need the source's data where there is none.

    Args:
        needs: of the methods.
        names: the methods', for the message.
        backbone: its name.
        packaged: whether it is of the small world, which brings its own text.
        text: a text file, or None.

    Raises:
        ValueError: that is so.
    """
    if SOURCE in needs and not packaged and text is None:
        raise ValueError(
            f"method {names} goes on with what {backbone} was pretrained on; give a text file with --source-text FILE, "
            f"or take --backbone tiny"
        )


def find(backbone: Backbone, text: str | Path | None, size: int) -> Callable[[], Source]:
    """Gives the source of a backbone, made when it is asked for.

    Args:
        backbone: whose encoder it shares.
        text: a text file where the backbone is not of the small world.
        size: rows a batch.
    """

    def make() -> Source:
        tokenizer = backbone.tokenizer
        if backbone.world:
            batches = Batches(world_of(backbone), tokenizer, size)
        else:
            blocks = hide_share(read_text(text), tokenizer, limit=BLOCKS)
            batches = blocks.take(range(1, len(blocks), 2)).cycle(size)
        return Source(attach(backbone), batches, tokenizer.mask_token_id, frozenset(tokenizer.all_special_ids))

    return make
