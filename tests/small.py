"""Small stand-ins for the tests: models of every architecture, a tokenizer, and a folder of GLUE tasks."""

import copy
from contextlib import contextmanager

import numpy as np
import pytest
import torch
import transformers
from datasets import Dataset
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from recall_learn.methods import METHODS, expression
from recall_learn.runs.recipe import setting_names
from recall_learn.tasks import registry
from recall_learn.world import PASSAGES, World

VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[EOS]", *"abcdefgh", *(f"##{c}" for c in "abcdefgh")]
WIDE = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}
SIZE = {"vocab_size": len(VOCABULARY), "max_position_embeddings": 40, "pad_token_id": 0}

# configuration, and the class that a checkpoint of the pretrained model is saved from
ARCHITECTURES = {
    "bert": (transformers.BertConfig(**SIZE, **WIDE), transformers.BertModel),
    "albert": (transformers.AlbertConfig(**SIZE, **WIDE, embedding_size=8), transformers.AlbertModel),
    "roberta": (transformers.RobertaConfig(**SIZE, **WIDE), transformers.RobertaForMaskedLM),
    "xlnet": (
        transformers.XLNetConfig(
            vocab_size=len(VOCABULARY), d_model=16, n_layer=2, n_head=2, d_inner=24, pad_token_id=0
        ),
        transformers.XLNetLMHeadModel,
    ),
    "electra": (transformers.ElectraConfig(**SIZE, **WIDE, embedding_size=8), transformers.ElectraForPreTraining),
    "distilbert": (
        transformers.DistilBertConfig(**SIZE, dim=16, n_layers=2, n_heads=2, hidden_dim=24),
        transformers.DistilBertForMaskedLM,
    ),
    "gpt2": (
        transformers.GPT2Config(vocab_size=len(VOCABULARY), n_embd=16, n_layer=2, n_head=2, n_positions=40),
        transformers.GPT2LMHeadModel,
    ),
}


def config_of(architecture):
    """A configuration of one's own: what is put onto a model is written into its configuration."""
    return copy.deepcopy(ARCHITECTURES[architecture][0])


def save_tokenizer(folder, architecture="bert", pair_types=False):
    """A tiny WordPiece with the special tokens of its architecture; in a pair both texts are of type 0, or not."""
    raw = Tokenizer(models.WordPiece({word: i for i, word in enumerate(VOCABULARY)}, unk_token="[UNK]"))
    raw.pre_tokenizer = pre_tokenizers.Whitespace()
    left, right = ("[CLS] $A [SEP]", "$B [SEP]") if architecture != "xlnet" else ("$A [SEP]", "$B [SEP] [CLS]")
    if architecture == "gpt2":
        special = {"eos_token": "[EOS]"}
    else:
        raw.post_processor = processors.TemplateProcessing(
            single=left if architecture != "xlnet" else "$A [SEP] [CLS]",
            pair=f"{left} {right}" if not pair_types else "[CLS] $A [SEP] $B:1 [SEP]:1",
            special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
        )
        special = {"pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"}
    special["padding_side"] = "left" if architecture == "xlnet" else "right"  # XLNet reads its last token
    transformers.PreTrainedTokenizerFast(tokenizer_object=raw, unk_token="[UNK]", **special).save_pretrained(folder)


def save_backbone(folder, architecture="bert", model_class=None, config=None):
    """Save a small random model as if it had been pretrained, and give it back."""
    usual, default = ARCHITECTURES[architecture]
    config = copy.deepcopy(config or usual)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(99)
        model = (model_class or default)(config)
    with torch.no_grad():
        for parameter in model.parameters():  # away from the constants that a new model starts with
            parameter.add_(0.01)
    model.save_pretrained(folder)
    save_tokenizer(folder, architecture)
    return model


def save_glue(folder, *tasks, train=24, evaluation=10, seed=0):
    """Write GLUE tasks of random letters in the hub's layout; a text's label depends on its letters."""
    generator = np.random.default_rng(seed)
    for name in tasks:
        task = registry.named(name)
        (folder / name).mkdir(parents=True, exist_ok=True)
        for split in task.splits:
            rows = train if split == "train" else evaluation
            texts = {
                column: [" ".join(generator.choice(list("abcdefgh"), generator.integers(2, 7))) for _ in range(rows)]
                for column in task.columns
            }
            counts = np.array([text.count("a") for text in texts[task.columns[0]]])
            labels = np.minimum(counts, 5).astype(float) if task.num_labels == 1 else counts % task.num_labels
            data = Dataset.from_dict({**texts, "label": labels, "idx": list(range(rows))})
            data.to_parquet(folder / name / f"{split}-00000-of-00001.parquet")
    return folder


@contextmanager
def short_text(train=5000, held_out=80):
    """Worlds whose text is short. Every fact is in it still; the digest is another than the whole text's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(PASSAGES, "train", train)
        patch.setitem(PASSAGES, "held-out", held_out)
        yield


def save_world_backbone(folder, seed=0, steps=6):
    """A model of the small world that has learned which words are frequent, and little else."""
    from recall_learn.runs import pretrain

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pretrain, "WARMUP", 1)
        return pretrain.pretrain(folder, World(seed), steps=steps, progress=False)


def refused(call, error, *parts):
    """The message of the error that ``call`` raises: of this very type, one line, holding every part."""
    with pytest.raises(error) as raised:
        call()
    text = str(raised.value)
    assert type(raised.value) is error
    assert "\n" not in text
    for part in parts:
        assert part in text
    return text


def acting(settings):
    """Of settings that several methods share, those that act in the method that is among them."""
    methods = expression.parse(settings.get("method", "vanilla"), METHODS)
    able = {name for each in methods for name in each.settings()}
    return {name: value for name, value in settings.items() if name in able or name not in setting_names()}
