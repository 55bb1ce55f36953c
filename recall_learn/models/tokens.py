"""The tokenizer of a backbone, and that its model reads what it writes.

What a tokenizer writes is the one truth about special tokens: a ``config.json`` that says something else is overruled,
or refused where the model was pretrained by what it says. Padding is put where the model does not look.
"""

import inspect
import logging
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from recall_learn.models import folders

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedTokenizerBase

log = logging.getLogger(__name__)

TRIAL = (["a b", "a"], ["b", "a b a b a b a b a b a b"])
"""Two pairs of texts, the second of them longer."""
LENGTH, LONGEST = 32, 10**30
"""Tokens that each may have; and that a text may have for transformers where nothing limits it."""
ROUNDING = 1e-4
"""The share of the largest logit by which one may be moved by rounding."""
_TOO_MANY = "{} has a tokenizer of {} tokens, more than the model has embeddings for"


def read_tokenizer(folder: Path, config: "PretrainedConfig") -> "PreTrainedTokenizerBase":
    """The tokenizer in a backbone's folder; the configuration is told what it writes.

    It has a padding token also where the model was pretrained without one (GPT-2).

    Args:
        folder: as `recall_learn.models.places.locate` gives it.
        config: as `recall_learn.models.configs.read_config` gives it; changed in place.

    Raises:
        ValueError: the tokenizer cannot be read, or has nothing to pad with.
        FileNotFoundError: there is none.
    """
    folders.check_tokenizer_files(folder)
    try:
        tokenizer = folders.read(folder, "AutoTokenizer", config=config)
    except ValueError:
        there = [name for name in folders.VOCABULARIES if (folder / name).is_file()]
        if not there:
            raise FileNotFoundError(f"{folder} is not a backbone: it has no tokenizer (tokenizer.json)") from None
        raise
    _check_vocabulary(folder, tokenizer)
    if tokenizer.pad_token is None:
        if tokenizer.eos_token is None:
            raise ValueError(f"{folder} has a tokenizer with neither a padding token nor an end token; set pad_token")
        tokenizer.pad_token = tokenizer.eos_token
    config.pad_token_id = tokenizer.pad_token_id
    if config.pad_token_id >= (getattr(config, "vocab_size", None) or math.inf):  # before torch says it
        raise ValueError(_TOO_MANY.format(folder, len(tokenizer)))
    if config.is_encoder_decoder:  # their classifiers read the last end token, and their decoders have to begin
        if tokenizer.eos_token_id is not None:
            config.eos_token_id = tokenizer.eos_token_id
        if getattr(config, "decoder_start_token_id", None) is None:
            config.decoder_start_token_id = config.pad_token_id  # as T5's do
    return tokenizer


def fit_tokenizer(tokenizer: "PreTrainedTokenizerBase", model: nn.Module, stored_pad: int | None) -> None:
    """Give the tokenizer the model's length and inputs, and refuse one that the model cannot read.

    Args:
        tokenizer: its ``model_max_length`` and ``model_input_names`` are set.
        model: as it was built.
        stored_pad: the number of the padding token in the configuration that was stored, or None.

    Raises:
        ValueError: the model has too few embeddings, or counts its positions from another padding token.
    """
    words, start, folder = _words(model), _counted_from(model), model.config.name_or_path
    if words is not None and len(tokenizer) > len(words):
        raise ValueError(_TOO_MANY.format(folder, len(tokenizer)))
    counted = stored_pad if stored_pad not in (None, tokenizer.pad_token_id) else start
    if start is not None and counted != tokenizer.pad_token_id:
        raise ValueError(
            f"{folder} pads with token {tokenizer.pad_token_id}, and its model counts positions from behind token "
            f"{counted}; let the tokenizer's pad_token and {folders.CONFIG}'s pad_token_id agree"
        )
    most, said = getattr(model.config, "max_position_embeddings", None), tokenizer.model_max_length
    lengths = [most - (0 if start is None else start + 1)] if isinstance(most, int) and most > 0 else []
    lengths += [int(said)] if isinstance(said, int | float) and 1 <= said <= LONGEST else []
    tokenizer.model_max_length = min(lengths, default=LONGEST)
    read = set(inspect.signature(model.forward).parameters)
    if getattr(model.config, "type_vocab_size", 2) < 2:
        read -= {"token_type_ids"}
    names = dict.fromkeys(("input_ids", *tokenizer.model_input_names, "attention_mask"))
    tokenizer.model_input_names = [name for name in names if name in read]


def try_out(model: nn.Module, tokenizer: "PreTrainedTokenizerBase") -> None:
    """Read two examples, and one of them alone: what does not work at all is said before it is trained.

    The tokenizer pads on the right; or on the left, where only that leaves an example's logits as they are alone
    (XLNet). Where both move them, by the architecture's nature (FNet), that is logged.

    Args:
        model: a sequence classifier, in eval mode. It may draw random numbers.
        tokenizer: as `fit_tokenizer` left it; its ``padding_side`` is set.

    Raises:
        ValueError: the model fails, or what it says is no finite number for each class.
    """
    folder, classes = model.config.name_or_path, model.config.num_labels
    limit = {"truncation": True, "max_length": int(min(tokenizer.model_max_length, LENGTH))}

    def logits(count: int) -> Tensor:
        texts = (part[:count] for part in TRIAL)
        return model(**tokenizer(*texts, padding=True, return_tensors="pt", **limit)).logits

    def moved(side: str) -> bool:
        tokenizer.padding_side = side
        with torch.no_grad():
            together, alone = folders.attempt(f"the model in {folder} cannot read text", lambda: (logits(2), logits(1)))
        if together.shape != (2, classes) or not together.isfinite().all():
            raise ValueError(f"the model in {folder} says no finite number for each class; its weights are damaged")
        return bool((together[0] - alone[0]).abs().max() > ROUNDING * together.abs().max())

    if moved("right") and moved("left"):
        tokenizer.padding_side = "right"
        log.warning("%s reads its padding: what it says of a text depends on the longest of its batch", folder)


def _check_vocabulary(folder: Path, tokenizer: Any) -> None:
    """Raise where transformers has made a tokenizer that knows no word, for want of a file."""
    named = tokenizer.vocab_files_names
    if not named:
        return  # it reads bytes or characters
    needed = [named[kind] for kind in ("vocab_file", "merges_file") if kind in named] or list(named.values())[:1]
    ways = (["tokenizer.json"], needed, *([name] for name in folders.CONVERTED))
    there = any(all((folder / name).is_file() for name in files) for files in ways)
    if not there or not set(tokenizer.get_vocab()) - {"", *tokenizer.all_special_tokens}:
        files = " and ".join(needed) or "tokenizer.json"
        raise FileNotFoundError(f"{folder} is not a backbone: it has no tokenizer that knows a word; it needs {files}")


def _words(model: nn.Module) -> Tensor | None:
    """The word embeddings; None where there is no such table (CANINE)."""
    try:
        return model.get_input_embeddings().weight
    except (NotImplementedError, AttributeError):
        return None


def _counted_from(model: nn.Module) -> int | None:
    """The padding token's number in a model that counts its positions from behind it, as RoBERTa does; else None."""
    words, most = _words(model), getattr(model.config, "max_position_embeddings", None)
    for module in model.base_model.modules():
        table, index = getattr(module, "weight", None), getattr(module, "padding_idx", None)
        if index is not None and isinstance(table, Tensor) and table is not words and len(table) == most:
            return index
    return None
