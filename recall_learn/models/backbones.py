"""Backbones: a pretrained encoder by name, a new head on top, and the pretrained weights kept as anchors.

Fine-tuning starts from a model in two parts. The encoder (``model.base_model``) was pretrained and has something to
forget. The head on top is new, random, and has nothing to forget. A name is one of

- ``tiny``: half a million weights, pretrained on the text of `recall_learn.world`, in this package;
- ``minilm``: all-MiniLM-L6-v2, 22 million weights, from a pip package, so that it needs no hub;
- a local folder, as ``save_pretrained`` writes it;
- a hub id such as ``bert-base-uncased``.

Weights are read from safetensors files only, and no code from a repository is ever run.
"""

import copy
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from recall_learn.models import folders
from recall_learn.models.configs import check_fit, read_config
from recall_learn.models.places import INITS, locate
from recall_learn.models.recalled import pretrained_parameters
from recall_learn.models.tokens import fit_tokenizer, read_tokenizer, try_out
from recall_learn.support.checks import whole
from recall_learn.support.process_wide import silent
from recall_learn.support.random_state import own_randomness
from recall_learn.theory.anchors import fingerprint

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedTokenizerBase

log = logging.getLogger(__name__)

MOST_LABELS = 100_000
"""Classes that a head may have."""


@dataclass(frozen=True, eq=False)
class Backbone:
    """A model that is ready to be fine-tuned, and what it was pretrained to.

    Attributes:
        model: a sequence classifier of transformers, float32, on the CPU, in eval mode.
        tokenizer: the tokenizer that belongs to it; it has a padding token.
        anchors: theta*, the pretrained weights under the model's parameter names; float32, detached, and apart from
            the model's own memory. These are the encoder's; of the head's those that were pretrained with it, which
            few models have (ModernBERT's first layer). All else is new and has none.
        unanchored: encoder parameters that the checkpoint does not hold (BERT's pooler, where only a masked language
            model was saved). They start at random like the head, so nothing may pull them back.
        name: the name that was asked for.
        fingerprint: SHA-256 of the anchors, see `recall_learn.theory.anchors.fingerprint`.
        source: where the weights came from: this package, the pip package, "folder", or the hub id with its commit.
        world: the seed and the digest of the small world that it was pretrained in, or None.
    """

    model: nn.Module
    tokenizer: "PreTrainedTokenizerBase"
    anchors: Mapping[str, Tensor]
    unanchored: tuple[str, ...]
    name: str
    fingerprint: str
    source: str
    world: Mapping[str, object] | None = None

    def copy(self) -> "Backbone":
        """One that trains by itself: of model and tokenizer its own, of what nobody changes the same."""
        return replace(self, model=copy.deepcopy(self.model), tokenizer=copy.deepcopy(self.tokenizer))


def load(name: str, *, num_labels: int, init: str = "pretrained", seed: int = 0) -> Backbone:
    """Load a backbone with a new head.

    The whole model is first drawn at random as its class does it, from ``seed`` alone; then, unless ``init`` is
    "random", the encoder takes the pretrained weights. So one seed gives one head, whichever the start, and the
    global random state is neither read nor moved. A head that the checkpoint holds whole is a former task's: it is not
    used.

    Args:
        name: "tiny", "minilm", a local folder, or a hub id. A folder that is called tiny is asked for as ``./tiny``.
        num_labels: classes, at least 2; or 1 for a regression with the mean squared error.
        init: "pretrained", or "random" for the random start of Chen et al., 2020, section 4: the encoder is new, the
            anchors are the pretrained weights all the same.
        seed: of the head, and of the encoder where it is random; at least 0.

    Raises:
        ValueError: an argument is out of range; ``name`` can be neither a folder nor a hub id; what is there cannot
            be read as a model; or minilm's weights are not the published ones.
        FileNotFoundError: the pip package, the folder's files, or the hub's repository are not there.
        ConnectionError: the hub is needed and out of reach, or falls silent; see `recall_learn.models.hub.fetch`.
    """
    from transformers import MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING as classes

    num_labels, seed = whole("num_labels", num_labels, 1, MOST_LABELS), whole("seed", seed, 0)
    if init not in INITS:
        raise ValueError(f"init must be one of {', '.join(INITS)}, got {init!r}")
    folder, source = locate(name)
    with silent():
        config = read_config(folder, num_labels=num_labels)
        config.problem_type = "regression" if num_labels == 1 else "single_label_classification"
        if type(config) not in classes:
            raise ValueError(f"transformers has no sequence classifier for {config.model_type}, which {name} is")
        stored_pad = getattr(config, "pad_token_id", None)
        tokenizer = read_tokenizer(folder, config)
        if name not in ("tiny", "minilm"):  # whose files are known
            check_fit(folder, config, "AutoModelForSequenceClassification")
        model = drawn(config, seed)
        anchors, unanchored = _stored(folder, config)
    fit_tokenizer(tokenizer, model, stored_pad)
    if unanchored and name != "tiny":  # whose pooler is known to be new, as after any pretraining by masked words alone
        log.warning("%s holds no weights for %s: random, not anchored", name, ", ".join(unanchored))
    if init == "pretrained":
        model.load_state_dict(anchors, strict=False)  # names come from this very class: nothing can be unexpected
    with own_randomness(0):
        try_out(model.eval(), tokenizer)
    world = getattr(config, "world", None)
    return Backbone(model, tokenizer, anchors, unanchored, name, fingerprint(anchors), source, world)


def read_masked_lm(folder: Path, head: Path | None = None) -> tuple[nn.Module, tuple[str, ...]]:
    """The masked language model in a backbone's folder, in eval mode, and the head's weights that it lacks.

    Args:
        folder: as `recall_learn.models.places.locate` gives it.
        head: a safetensors file with the head's weights, for a checkpoint that was published without one.

    Raises:
        ValueError: transformers has no masked language model for this architecture, or a file cannot be read.
        FileNotFoundError: ``head`` is not there.
    """
    with silent(), own_randomness(0):
        arguments = {"dtype": torch.float32, "use_safetensors": True, "output_loading_info": True}
        model, report = folders.read(folder, "AutoModelForMaskedLM", config=read_config(folder), **arguments)
    inside = {id(parameter) for parameter in model.base_model.parameters()}
    lacking = [name for name, p in model.named_parameters() if id(p) not in inside and name in report["missing_keys"]]
    if head is not None:
        if not head.is_file():
            raise FileNotFoundError(f"{head} is not there; it holds the head of {folder.name}")
        stored = folders.attempt(f"the head {head} cannot be read", lambda: load_file(head))
        wrong = next(
            (name for name, p in model.named_parameters() if name in stored and stored[name].shape != p.shape), ""
        )
        if wrong:
            raise ValueError(f"the head {head} is of another model: {wrong} is {tuple(stored[wrong].shape)} in it")
        lacking = [name for name in lacking if name not in stored]
        model.load_state_dict({name: tensor.float() for name, tensor in stored.items()}, strict=False)
    return model.eval(), tuple(lacking)


def encoder_parameters(model: nn.Module) -> dict[str, nn.Parameter]:
    """The parameters of ``model.base_model`` under the names they have in ``model``; a tied weight once.

    They are found by identity: a substring of the name ("bert.") matches nothing in XLNet, GPT-2 or T5.

    Raises:
        ValueError: there is no encoder with parameters, or no head besides it.
    """
    base = getattr(model, "base_model", None)
    inside = {id(parameter) for parameter in base.parameters()} if base is not None else set()
    everything = dict(model.named_parameters())
    encoder = {name: parameter for name, parameter in everything.items() if id(parameter) in inside}
    if not encoder:
        raise ValueError(
            f"{type(model).__name__} has no parameters under base_model: it is all head, nothing to recall"
        )
    if len(encoder) == len(everything):
        raise ValueError(f"{type(model).__name__} has no parameters besides its encoder; give it a head first")
    return encoder


def drawn(config: "PretrainedConfig", seed: int) -> nn.Module:
    """A model as its class initialises it, from a seed and nothing else."""
    from transformers import AutoModelForSequenceClassification

    with own_randomness(seed):
        return folders.attempt(
            f"no model can be built from the configuration of {config.name_or_path}",
            lambda: AutoModelForSequenceClassification.from_config(
                config, dtype=torch.float32, trust_remote_code=False
            ),
        )


def _stored(folder: Path, config: Any) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """The pretrained weights that a checkpoint holds, and the names of the encoder's that it does not."""
    with own_randomness(0):  # what is missing is drawn at random here, and thrown away
        model, report = folders.read(
            folder,
            "AutoModelForSequenceClassification",
            config=config,
            dtype=torch.float32,
            use_safetensors=True,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # of a stored head; the encoder was checked before
        )
    encoder, held = encoder_parameters(model), pretrained_parameters(model, report)
    mismatched = {entry[0] for entry in report["mismatched_keys"]}
    head = [name for name, _ in model.named_parameters() if name not in encoder]
    # a head that is stored whole is a former task's; what is stored of one that is not, was pretrained: ModernBERT's
    former = set(head) if all(name in held or name in mismatched for name in head) else set()
    missing = tuple(name for name in encoder if name not in held)
    # copies: what was loaded may be mapped from a file that a later save overwrites
    anchors = {name: parameter.detach().clone() for name, parameter in held.items() if name not in former}
    if encoder.keys().isdisjoint(anchors):
        raise ValueError(f"{folder} holds no encoder weights for {type(model).__name__}; was only a head saved?")
    return anchors, missing
