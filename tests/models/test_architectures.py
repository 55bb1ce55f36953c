"""Many architectures, small: each trains a step, and says of a text the same alone and beside a longer one."""

import json

import pytest
import torch
from small import SIZE, WIDE, refused, save_tokenizer
from transformers import CONFIG_MAPPING, MODEL_MAPPING

from recall_learn.models import backbones

D_MODEL = {"vocab_size": 22, "d_model": 16, "pad_token_id": 0}
BART = {"encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2, "decoder_attention_heads": 2}
BART |= {**D_MODEL, "encoder_ffn_dim": 24, "decoder_ffn_dim": 24, "max_position_embeddings": 40, "eos_token_id": 3}
BART |= {"bos_token_id": 2, "decoder_start_token_id": 3, "forced_eos_token_id": None}
T5 = {**D_MODEL, "d_kv": 8, "d_ff": 24, "num_layers": 1, "num_heads": 2, "eos_token_id": 3}
GPT = {**SIZE, **WIDE, "bos_token_id": 2, "eos_token_id": 3}
LLAMA = {**GPT, "num_key_value_heads": 1, "head_dim": 8}
XLM = {"vocab_size": 22, "emb_dim": 16, "n_layers": 1, "n_heads": 2, "max_position_embeddings": 40}
XLM |= {"pad_index": 0, "pad_token_id": 0, "bos_index": 2, "eos_index": 3, "unk_index": 1, "mask_index": 4}
BERT = {**SIZE, **WIDE}

SMALL = {
    **dict.fromkeys(["big_bird", "camembert", "convbert", "data2vec-text", "ernie", "ibert", "layoutlm"], BERT),
    **dict.fromkeys(["deberta", "deberta-v2", "megatron-bert", "rembert", "roberta-prelayernorm", "roformer"], BERT),
    **dict.fromkeys(["squeezebert", "xlm-roberta", "mobilebert"], BERT | {"embedding_size": 16}),
    "esm": BERT | {"mask_token_id": 4},
    "longformer": BERT | {"attention_window": 4},
    "modernbert": LLAMA | {"cls_token_id": 2, "sep_token_id": 3},
    "funnel": {**D_MODEL, "block_sizes": [1, 1], "n_head": 2, "d_head": 8, "d_inner": 24},
    **dict.fromkeys(["xlm", "flaubert"], XLM),
    **dict.fromkeys(["bart", "mbart"], BART),
    **dict.fromkeys(["t5", "mt5"], T5),
    **dict.fromkeys(["gpt_neox", "opt", "bloom"], GPT | {"ffn_dim": 24, "word_embed_proj_dim": 16, "n_head": 2}),
    **dict.fromkeys(["gemma", "llama", "mistral", "phi"], LLAMA),
}
MIXING = {"fnet": BERT, "nystromformer": BERT, "yoso": BERT}  # by nature: they mix, average or hash over the padding


def save(folder, kind, sizes):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(9)
        config = CONFIG_MAPPING[kind](**sizes)
        classes = MODEL_MAPPING[type(config)]
        model = (classes[0] if isinstance(classes, tuple) else classes)(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.02 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(3)))
    model.save_pretrained(folder)
    save_tokenizer(folder)


def alone_and_together(backbone):
    texts = (["a b", "c"], ["d", "e f g h a b c d e f"])
    for count in (1, 2):
        batch = backbone.tokenizer(*(part[:count] for part in texts), padding=True, return_tensors="pt")
        yield backbone.model(**batch, labels=torch.tensor([1, 0][:count]))


@pytest.mark.parametrize("kind", SMALL)
def test_an_architecture_trains_and_padding_moves_nothing(kind, tmp_path, caplog):
    save(tmp_path, kind, SMALL[kind])
    backbone = backbones.load(str(tmp_path), num_labels=3)
    assert "padding" not in caplog.text
    with torch.no_grad():
        alone, together = alone_and_together(backbone)
    assert torch.allclose(alone.logits[0], together.logits[0], atol=1e-5 * together.logits.abs().max())
    *_, out = alone_and_together(backbone)
    out.loss.backward()
    moved = [name for name, p in backbone.model.named_parameters() if p.grad is not None and p.grad.abs().max() > 0]
    assert len(set(moved) & set(backbone.anchors)) > len(backbone.anchors) // 3


@pytest.mark.parametrize("kind", MIXING)
def test_an_architecture_that_mixes_over_its_padding_says_so(kind, tmp_path, caplog):
    save(tmp_path, kind, MIXING[kind])
    backbones.load(str(tmp_path), num_labels=2)
    assert f"{tmp_path} reads its padding" in caplog.text


def test_mpnet_counts_its_positions_from_token_1_and_no_other(tmp_path):
    save(tmp_path, "mpnet", BERT)
    refused(lambda: backbones.load(str(tmp_path), num_labels=2), ValueError, "pads with token 0", "behind token 1")


def test_a_table_that_would_be_computed_is_looked_at_before(tmp_path):
    """ModernBERT's rotations: as many frequencies as a head has dimensions, and no weight among them."""
    save(tmp_path, "modernbert", SMALL["modernbert"])
    entries = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(entries | {"head_dim": 10**9}))
    refused(lambda: backbones.load(str(tmp_path), num_labels=2), ValueError, "does not fit", "are stored")


def test_what_reads_no_text_is_refused(tmp_path):
    vision = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    save(tmp_path, "vit", vision)
    refused(lambda: backbones.load(str(tmp_path), num_labels=2), ValueError, "no sequence classifier for vit")
