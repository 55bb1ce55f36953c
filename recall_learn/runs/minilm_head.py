"""The head that lets MiniLM say hidden words again, trained with its encoder frozen.

all-MiniLM-L6-v2 was published as a sentence encoder: whatever head it was pretrained with is gone. This one is BERT's
(a dense layer, GELU, LayerNorm, then the word embeddings themselves as the decoder, and a bias), trained on the
encoder's frozen outputs. It measures what those outputs still say about a word; it is not the head of its pretraining.

The frozen encoder runs once over the text, and what it says at the hidden words is kept in files of `SHARD` blocks. So
a training that was stopped goes on where it was.
"""

import hashlib
import math
import shutil
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from tqdm.auto import tqdm

from recall_learn.measures.source import source_loss
from recall_learn.models import backbones, places
from recall_learn.models.folders import attempt
from recall_learn.models.masked_lm import MaskedLM, hide_share, read_text
from recall_learn.support.checks import whole
from recall_learn.support.files import check_file, writing
from recall_learn.support.lock import owning

BLOCKS, HELD_OUT = 12_000, 400
SHARD = 500
EPOCHS, BATCH, LR = 3, 512, 2e-3


def train(text: str | Path, held_out: str | Path, out: str | Path, *, blocks: int = BLOCKS, seed: int = 0) -> float:
    """Train the head and write it as safetensors, float16, with its provenance.

    Args:
        text: a text file to train on.
        held_out: a text file to take the stated loss on.
        out: where the head goes; beside it, a folder of the encoder's outputs while this runs.
        blocks: blocks of 128 tokens of ``text``; 15 % of their tokens are hidden.
        seed: of the hidden words, the new head and the order.

    Returns:
        The held-out loss of the head as it was written, nats per hidden word.

    Raises:
        ValueError: ``out``, ``blocks`` or ``seed`` will not do, or is being written by another process; a text is
            empty, or not text; or what an interrupted training left is damaged.
        FileNotFoundError: a text is not there, or minilm is not installed.
        OSError: ``out`` cannot be written.
    """
    out, blocks, seed = check_file(out), whole("blocks", blocks, 1), whole("seed", seed, 0)
    out.parent.mkdir(parents=True, exist_ok=True)
    training, testing = read_text(text), read_text(held_out)
    with owning(out, "wait for it, or choose another --out"):
        return _train(training, testing, out, blocks, seed)


def _train(training: str, testing: str, out: Path, blocks: int, seed: int) -> float:
    backbone = backbones.load("minilm", num_labels=2)
    masked_lm = _new(backbone, seed)
    same = hashlib.sha256(f"{blocks} {seed} {training}".encode()).hexdigest()[:12]
    cache = out.with_name(f".{out.name}.{same}")  # the outputs of another text are another folder
    hidden, words = _outputs(masked_lm, hide_share(training, backbone.tokenizer, limit=blocks, seed=seed), cache)
    head = masked_lm.model.cls.predictions
    _start_bias(head, words)
    _fit(head, hidden, words, seed)
    tensors = {f"cls.predictions.{name}": tensor.half() for name, tensor in _own(head).items()}
    masked_lm.model.load_state_dict({name: tensor.float() for name, tensor in tensors.items()}, strict=False)
    examples = hide_share(testing, backbone.tokenizer, limit=HELD_OUT)
    loss, blind = source_loss(masked_lm, examples), frequency_loss(words, examples, len(head.bias))
    about = {"backbone": backbone.source, "hidden_words": len(words), "epochs": EPOCHS}
    about |= {"held_out_loss": f"{loss:.4f}", "frequency_loss": f"{blind:.4f}"}
    with writing(out) as temporary:
        save_file(tensors, temporary, metadata={key: str(value) for key, value in about.items()})
    shutil.rmtree(cache)
    return loss


def _new(backbone: backbones.Backbone, seed: int) -> MaskedLM:
    """MiniLM with a head as BERT's class draws it."""
    model, _ = backbones.read_masked_lm(places.locate("minilm")[0])
    model.requires_grad_(False)
    generator = torch.Generator().manual_seed(seed)
    nn.init.normal_(model.cls.predictions.transform.dense.weight, std=0.02, generator=generator)
    return MaskedLM(model, backbone.tokenizer.mask_token_id)


@torch.no_grad()
def _outputs(masked_lm: MaskedLM, examples, cache: Path) -> tuple[Tensor, Tensor]:
    """What the frozen encoder says at each hidden word, [M, width] in float16, and the words, [M]."""
    encoder = masked_lm.model.base_model
    cache.mkdir(parents=True, exist_ok=True)
    parts = []
    for start in tqdm(range(0, len(examples), SHARD), desc="MiniLM reads", unit="shard"):
        file, order = cache / f"{start:06d}.safetensors", range(start, min(start + SHARD, len(examples)))
        asked = torch.tensor([word for i in order for word in examples.words[i]])
        if not file.is_file():
            hidden, words = [], []
            for inputs, targets in examples.batches(50, order):
                output = encoder(**inputs).last_hidden_state
                hidden.append(output[inputs["input_ids"] == masked_lm.mask_token_id].half())
                words.append(targets)
            with writing(file) as temporary:
                save_file({"hidden": torch.cat(hidden), "words": torch.cat(words)}, temporary)
        parts.append(_kept(file, asked, encoder.config.hidden_size))
    return torch.cat([part["hidden"] for part in parts]), torch.cat([part["words"] for part in parts])


def _kept(file: Path, words: Tensor, width: int) -> dict[str, Tensor]:
    """What `_outputs` wrote; it answers exactly these words."""
    part = attempt(f"{file} cannot be read; delete it to have it made again", lambda: load_file(file))
    hidden, found = part.get("hidden"), part.get("words")
    right = hidden is not None and hidden.shape == (len(words), width) and hidden.dtype == torch.float16
    if not right or found is None or not torch.equal(found, words) or not hidden.isfinite().all():
        raise ValueError(f"{file} is damaged; delete it to have it made again")
    return part


def frequency_loss(words: Tensor, examples, vocabulary: int) -> float:
    """The loss of saying words by their frequency alone, nats per hidden word: what a head has to beat."""
    log_p = _log_frequencies(words, vocabulary)
    return -float(log_p[torch.tensor([word for row in examples.words for word in row])].mean())


def _log_frequencies(words: Tensor, vocabulary: int) -> Tensor:
    counts = torch.bincount(words, minlength=vocabulary).float() + 1
    return (counts / counts.sum()).log()


def _start_bias(head: nn.Module, words: Tensor) -> None:
    """Begin with the words' frequencies, one added to each count."""
    head.bias.data.copy_(_log_frequencies(words, len(head.bias)))


def _fit(head: nn.Module, hidden: Tensor, words: Tensor, seed: int) -> None:
    parameters = list(_own(head).values())
    for parameter in parameters:
        parameter.requires_grad_(True)
    optimizer = torch.optim.AdamW(parameters, lr=LR, weight_decay=0.01, fused=True)
    steps = EPOCHS * math.ceil(len(words) / BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LR, total_steps=steps, pct_start=0.05)
    generator = torch.Generator().manual_seed(seed)
    bar = tqdm(total=steps, desc="head", unit="step")
    for _ in range(EPOCHS):
        for chosen in torch.randperm(len(words), generator=generator).split(BATCH):
            loss = nn.functional.cross_entropy(head(hidden[chosen].float()), words[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            bar.set_postfix(loss=f"{loss.item():.3f}", refresh=False)
            bar.update()
    for parameter in parameters:
        parameter.requires_grad_(False)


def _own(head: nn.Module) -> dict[str, nn.Parameter]:
    """The head's parameters without the decoder's weight, which is the encoder's embeddings."""
    return {name: parameter for name, parameter in head.named_parameters() if not name.startswith("decoder.")}
