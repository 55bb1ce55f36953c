r"""Encoders of other builds than the transformer, in its clothes: a recurrent one and a convolutional one.

Which forgets more, if all else is the same? Embeddings, width, residuals, LayerNorms, heads and the way that they are
pretrained are BERT's. In place of attention and feed-forward net a layer has, with the width w,

===== ===================================================================================================== ===========
build a layer                                                                                               its weights
===== ===================================================================================================== ===========
lstm  an LSTM that reads both ways, w/2 states each, and a feed-forward net                                 about 8 w^2
cnn   two convolutions over 3 and 5 words                                                                   about 8 w^2
===== ===================================================================================================== ===========

as many as a BERT layer whose inner width is 2 w. A task reads the state of the first token; a convolution sees no more
than a few words around it, so there a task reads the maximum over the tokens of each number:

.. math:: p = \tanh(W \max_t h_t + b)

where ``config.pooling`` is "max", and the first token's :math:`h_1` where it is "first".

After Arora et al., 2019, "Does an LSTM forget more than a CNN?", which compares such encoders without pretraining.
"""

from functools import cache

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from transformers import AutoConfig, AutoModel, AutoModelForMaskedLM, AutoModelForSequenceClassification, BertConfig
from transformers.modeling_outputs import BaseModelOutputWithPooling
from transformers.models.bert.modeling_bert import (
    BertForMaskedLM,
    BertForSequenceClassification,
    BertModel,
    BertPooler,
)

POOLINGS = ("first", "max")


class LstmConfig(BertConfig):
    """A BERT's, for the recurrent build."""

    model_type = "recall-lstm"
    pooling = "first"


class CnnConfig(BertConfig):
    """A BERT's, for the convolutional build."""

    model_type = "recall-cnn"
    pooling = "max"


class LstmLayer(nn.Module):
    """Both ways along the words, and a feed-forward net; what stands behind the last word is not read."""

    def __init__(self, config: BertConfig):
        super().__init__()
        width = config.hidden_size
        self.lstm = nn.LSTM(width, width // 2, batch_first=True, bidirectional=True)
        self.inner, self.outer = nn.Linear(width, width), nn.Linear(width, width)
        self.norm = nn.LayerNorm(width, eps=config.layer_norm_eps)

    def forward(self, states: Tensor, seen: Tensor) -> Tensor:
        """States [batch, length, width], and which of them are words, [batch, length, 1]."""
        lengths = seen.squeeze(-1).sum(1).long().cpu()
        packed = pack_padded_sequence(states, lengths, batch_first=True, enforce_sorted=False)
        read, _ = pad_packed_sequence(self.lstm(packed)[0], batch_first=True, total_length=states.shape[1])
        return self.norm(states + self.outer(F.gelu(self.inner(read))))


class CnnLayer(nn.Module):
    """Three words to one state, and five of these to the next."""

    def __init__(self, config: BertConfig):
        super().__init__()
        width = config.hidden_size
        self.near = nn.Conv1d(width, width, 3, padding="same")
        self.far = nn.Conv1d(width, width, 5, padding="same")
        self.norm = nn.LayerNorm(width, eps=config.layer_norm_eps)

    def forward(self, states: Tensor, seen: Tensor) -> Tensor:
        """As `LstmLayer.forward`."""
        inner = F.gelu(self.near((states * seen).transpose(1, 2))) * seen.transpose(1, 2)
        return self.norm(states + self.far(inner).transpose(1, 2))


class Stack(nn.Module):
    """Layers one above another, named as BERT's are."""

    def __init__(self, config: BertConfig, kind: type[nn.Module]):
        super().__init__()
        self.layer = nn.ModuleList(kind(config) for _ in range(config.num_hidden_layers))

    def forward(self, states: Tensor, seen: Tensor) -> list[Tensor]:
        """The states before the first layer and after each."""
        found = [states]
        for layer in self.layer:
            found.append(layer(found[-1], seen))
        return found


class Pooler(BertPooler):
    """What a task reads: of the first token, or of the largest of each number."""

    def __init__(self, config: BertConfig):
        super().__init__(config)
        if config.pooling not in POOLINGS:
            raise ValueError(f"pooling is {config.pooling!r}; it has to be {' or '.join(POOLINGS)}")
        self.pooling = config.pooling

    def forward(self, states: Tensor, seen: Tensor) -> Tensor:
        """From [batch, length, width] to [batch, width]."""
        largest = states.masked_fill(seen == 0, float("-inf")).amax(1) if self.pooling == "max" else states[:, 0]
        return self.activation(self.dense(largest))


class _Model(BertModel):
    """An encoder that is BERT's but for its layers and its pooler."""

    config_class: type[BertConfig]
    kind: type[nn.Module]

    def __init__(self, config: BertConfig, add_pooling_layer: bool = True):
        super().__init__(config, add_pooling_layer=False)
        self.encoder = Stack(config, self.kind)
        self.pooler = Pooler(config) if add_pooling_layer else None
        self.post_init()

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        output_hidden_states: bool | None = None,
        **unused: object,
    ) -> BaseModelOutputWithPooling:
        """As ``BertModel.forward``; words are padded on the right."""
        given = {"token_type_ids": token_type_ids, "position_ids": position_ids, "inputs_embeds": inputs_embeds}
        states = self.embeddings(input_ids=input_ids, **given)
        seen = (
            torch.ones_like(states[..., :1]) if attention_mask is None else attention_mask[..., None].to(states.dtype)
        )
        found = self.encoder(states, seen)
        return BaseModelOutputWithPooling(
            last_hidden_state=found[-1],
            pooler_output=self.pooler(found[-1], seen) if self.pooler is not None else None,
            hidden_states=tuple(found) if output_hidden_states else None,
        )


class LstmModel(_Model):
    """The recurrent encoder."""

    config_class, kind = LstmConfig, LstmLayer


class CnnModel(_Model):
    """The convolutional encoder."""

    config_class, kind = CnnConfig, CnnLayer


class _SaysWords(BertForMaskedLM):
    encoder: type[_Model]

    def __init__(self, config: BertConfig):
        super().__init__(config)
        self.bert = self.encoder(config, add_pooling_layer=False)
        self.post_init()


class _Classifies(BertForSequenceClassification):
    encoder: type[_Model]

    def __init__(self, config: BertConfig):
        super().__init__(config)
        self.bert = self.encoder(config)
        self.post_init()


class LstmForMaskedLM(_SaysWords):
    """With the head that says words."""

    config_class, encoder = LstmConfig, LstmModel


class CnnForMaskedLM(_SaysWords):
    """With the head that says words."""

    config_class, encoder = CnnConfig, CnnModel


class LstmForSequenceClassification(_Classifies):
    """With a task's head."""

    config_class, encoder = LstmConfig, LstmModel


class CnnForSequenceClassification(_Classifies):
    """With a task's head."""

    config_class, encoder = CnnConfig, CnnModel


BUILDS = {"lstm": (LstmConfig, LstmForMaskedLM), "cnn": (CnnConfig, CnnForMaskedLM)}
"""The configuration of each build, and its masked language model."""


@cache
def register() -> None:
    """Make them known to transformers, in this process: a saved model of ours is read as any other."""
    for config, encoder, says, classifies in (
        (LstmConfig, LstmModel, LstmForMaskedLM, LstmForSequenceClassification),
        (CnnConfig, CnnModel, CnnForMaskedLM, CnnForSequenceClassification),
    ):
        AutoConfig.register(config.model_type, config)
        AutoModel.register(config, encoder)
        AutoModelForMaskedLM.register(config, says)
        AutoModelForSequenceClassification.register(config, classifies)
