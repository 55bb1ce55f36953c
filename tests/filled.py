"""Models of many architectures that a checkpoint filled, and what recall_groups says of them."""

import copy
import itertools

import torch
import transformers as hf
from safetensors import safe_open

from recall_learn.models.recalled import recall_groups

SIZE = {"vocab_size": 20, "pad_token_id": 0}


WIDE = {"hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 12}


BERT = hf.BertConfig(**SIZE, **WIDE, max_position_embeddings=12)


GPT2 = hf.GPT2Config(vocab_size=20, n_embd=8, n_layer=2, n_head=2, n_positions=12, pad_token_id=0)


UNTIED = hf.GPT2Config(**{**GPT2.to_dict(), "tie_word_embeddings": False})


T5 = hf.T5Config(**SIZE, d_model=8, d_kv=4, d_ff=12, num_layers=2, num_heads=2, decoder_start_token_id=0)


ROBERTA = hf.RobertaConfig(**SIZE, **WIDE, max_position_embeddings=16)


ALBERT = hf.AlbertConfig(**SIZE, **WIDE, embedding_size=4, max_position_embeddings=12)


XLNET = hf.XLNetConfig(vocab_size=20, d_model=8, n_layer=2, n_head=2, d_inner=12)


DISTILBERT = hf.DistilBertConfig(**SIZE, dim=8, n_layers=2, n_heads=2, hidden_dim=12, max_position_embeddings=12)


MODERNBERT = hf.ModernBertConfig(**SIZE, **WIDE, bos_token_id=1, eos_token_id=2, cls_token_id=1, sep_token_id=2)


VISION = {**WIDE, "image_size": 8, "patch_size": 4}


TEXT = {**SIZE, **WIDE, "max_position_embeddings": 12, "bos_token_id": 1, "eos_token_id": 2}


CLIP = hf.CLIPConfig(text_config=TEXT, vision_config=VISION, projection_dim=8)


SIGLIP = hf.SiglipConfig(text_config=TEXT, vision_config=VISION)


WHISPER = hf.WhisperConfig(
    vocab_size=20, num_mel_bins=4, d_model=8, encoder_layers=2, decoder_layers=2, encoder_attention_heads=2,
    decoder_attention_heads=2, encoder_ffn_dim=12, decoder_ffn_dim=12, max_source_positions=8, max_target_positions=8,
    pad_token_id=0, bos_token_id=1, eos_token_id=2, decoder_start_token_id=1, classifier_proj_size=8,
)  # fmt: skip


PERCEIVER = hf.PerceiverConfig(
    vocab_size=20, d_model=8, d_latents=8, num_latents=4, num_blocks=1, num_self_attends_per_block=1,
    num_self_attention_heads=2, num_cross_attention_heads=2, max_position_embeddings=12, qk_channels=8, v_channels=8,
)  # fmt: skip


# what was saved, what it is loaded into, their configuration, and what is new then: first names, or whole ones
MODELS = [
    (hf.BertForPreTraining, hf.BertForSequenceClassification, BERT, {"classifier"}),
    (hf.BertForMaskedLM, hf.BertForSequenceClassification, BERT, {"classifier", "bert.pooler.dense"}),
    (hf.BertForMaskedLM, hf.BertForTokenClassification, BERT, {"classifier"}),
    (hf.BertForMaskedLM, hf.BertForMaskedLM, BERT, set()),
    (hf.BertModel, hf.BertForMaskedLM, BERT, {"cls"}),
    (hf.BertModel, hf.BertModel, BERT, set()),
    (hf.DistilBertForMaskedLM, hf.DistilBertForSequenceClassification, DISTILBERT, {"pre_classifier", "classifier"}),
    (hf.RobertaForMaskedLM, hf.RobertaForSequenceClassification, ROBERTA, {"classifier"}),
    (hf.AlbertForPreTraining, hf.AlbertForSequenceClassification, ALBERT, {"classifier"}),
    (hf.ModernBertForMaskedLM, hf.ModernBertForSequenceClassification, MODERNBERT, {"classifier"}),
    (hf.GPT2LMHeadModel, hf.GPT2ForSequenceClassification, GPT2, {"score"}),
    (hf.GPT2LMHeadModel, hf.GPT2LMHeadModel, GPT2, set()),
    (hf.GPT2LMHeadModel, hf.GPT2LMHeadModel, UNTIED, set()),
    (hf.GPT2Model, hf.GPT2LMHeadModel, UNTIED, {"lm_head"}),
    (hf.T5ForConditionalGeneration, hf.T5ForSequenceClassification, T5, {"classification_head"}),
    (hf.T5ForConditionalGeneration, hf.T5ForQuestionAnswering, T5, {"qa_outputs"}),
    (hf.T5ForConditionalGeneration, hf.T5EncoderModel, T5, set()),
    (hf.XLNetLMHeadModel, hf.XLNetForSequenceClassification, XLNET, {"sequence_summary", "logits_proj"}),
    (hf.CLIPModel, hf.CLIPForImageClassification, CLIP, {"classifier"}),
    (hf.SiglipModel, hf.SiglipForImageClassification, SIGLIP, {"classifier"}),
    (hf.WhisperForConditionalGeneration, hf.WhisperForAudioClassification, WHISPER, {"classifier", "projector"}),
    (hf.PerceiverForMaskedLM, hf.PerceiverForSequenceClassification, PERCEIVER, {"perceiver.decoder"}),
]


@torch.no_grad()
def save(source, config, folder):
    """A checkpoint in which no two numbers are equal, so that a tensor of it is known wherever it turns up."""
    torch.manual_seed(0)
    model = source(copy.deepcopy(config))
    for p in model.parameters():
        p.normal_()
    model.save_pretrained(folder)
    return model


def stored(*folders):
    """The tensors in checkpoints, as bytes."""
    tensors = []
    for file in itertools.chain(*(folder.glob("*.safetensors") for folder in folders)):
        with safe_open(file, "pt") as opened:
            tensors += [opened.get_tensor(name) for name in opened.keys()]  # noqa: SIM118 no dictionary
    return {content(tensor) for tensor in tensors}


def content(tensor):
    return tuple(tensor.shape), tensor.detach().contiguous().numpy().tobytes()


def told(model, **more):
    return {name: group["recall"] for group in recall_groups(model, **more) for name, _ in group["params"]}


def recalled(model, **more):
    return {name for name, recall in told(model, **more).items() if recall}


def under(names, first):
    return {name for name in names if any(name == part or name.startswith(f"{part}.") for part in first)}


def loaded(folder, source=hf.BertForMaskedLM, kind=hf.BertForSequenceClassification, config=BERT):
    save(source, config, folder)
    return kind.from_pretrained(folder)
