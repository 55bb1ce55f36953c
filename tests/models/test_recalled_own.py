"""recall_groups on models that somebody built or changed: what is new in them is told, or refused in words."""

import copy

import pytest
import torch
import transformers as hf
from filled import BERT, GPT2, content, loaded, recalled, save, stored, told, under
from torch import nn

from recall_learn.methods.recadam.optimizer import RecAdam
from recall_learn.models.recalled import pretrained_parameters, recall_groups
from recall_learn.models.stored import load_anchors
from recall_learn.theory.annealing import Constant


def test_frozen_weights_are_left_out(tmp_path):
    model = loaded(tmp_path)
    model.bert.embeddings.requires_grad_(False)
    assert set(told(model)) == {name for name, p in model.named_parameters() if p.requires_grad}
    assert not under(told(model), ["bert.embeddings"])
    assert under(pretrained_parameters(model), ["bert.embeddings"])
    model.requires_grad_(False)
    with pytest.raises(ValueError, match="BertForSequenceClassification has no parameter that requires a gradient"):
        recall_groups(model)


def test_a_model_of_two_encoders_has_new_cross_attention(tmp_path):
    for part in ("left", "right"):
        save(hf.BertForMaskedLM, BERT, tmp_path / part)
    model = hf.EncoderDecoderModel.from_encoder_decoder_pretrained(tmp_path / "left", tmp_path / "right")
    found = stored(tmp_path / "left", tmp_path / "right")
    held = {name for name, p in model.named_parameters() if content(p) in found}
    assert recalled(model) == held
    assert {name for name in told(model) if "crossattention" in name} <= set(told(model)) - held
    assert {"encoder.embeddings.word_embeddings.weight", "decoder.cls.predictions.bias"} <= held


class Tower(nn.Module):
    """A model of one's own around a loaded encoder."""

    def __init__(self, encoder):
        super().__init__()
        self.encoder = encoder
        self.head = nn.Linear(8, 2)


class Odd(hf.BertPreTrainedModel):
    """A class of one's own whose encoder has another name than base_model_prefix: base_model is the model itself."""

    def __init__(self, config):
        super().__init__(config)
        self.encoder = hf.BertModel(config)
        self.head = nn.Linear(8, 2)
        self.post_init()


def test_a_model_of_ones_own_around_a_loaded_encoder(tmp_path):
    save(hf.BertForPreTraining, BERT, tmp_path)
    model = Tower(hf.BertModel.from_pretrained(tmp_path))
    assert set(told(model)) - recalled(model) == {"head.weight", "head.bias"}
    assert set(load_anchors(tmp_path, model)) == recalled(model)
    odd = Odd(copy.deepcopy(BERT))
    odd.encoder = hf.BertModel.from_pretrained(tmp_path)
    assert odd.base_model is odd
    assert set(told(odd)) - recalled(odd) == {"head.weight", "head.bias"}
    odd.save_pretrained(tmp_path / "odd")
    again = Odd.from_pretrained(tmp_path / "odd")
    again.head = nn.Linear(8, 3)
    assert set(told(again)) - recalled(again) == {"head.weight", "head.bias"}


class Adapter(nn.Module):
    """A frozen layer and a trainable difference of low rank."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer.requires_grad_(False)
        self.down, self.up = nn.Linear(layer.in_features, 2), nn.Linear(2, layer.out_features)


def test_adapters_on_frozen_weights_are_new(tmp_path):
    model = loaded(tmp_path).requires_grad_(False)
    attention = model.bert.encoder.layer[0].attention.self
    attention.query = Adapter(attention.query)
    text = "has nothing to recall: of its 4 trainable parameters .*query.down.weight.* none is pretrained"
    with pytest.raises(ValueError, match=text):
        recall_groups(model)
    attention.key.bias.requires_grad_(True)
    assert recalled(model) == {"bert.encoder.layer.0.attention.self.key.bias"}


def test_what_is_drawn_anew_after_loading_is_new(tmp_path):
    model = loaded(tmp_path)
    before = recalled(model)
    model.bert.encoder.layer[1].output.dense = nn.Linear(12, 8)
    assert before - recalled(model) == {"bert.encoder.layer.1.output.dense." + part for part in ("weight", "bias")}
    # named, where the parameters are drawn in place; the pooler stays new without being named
    model.bert.encoder.layer[1].output.dense.weight.data.normal_()
    more = recalled(model) - recalled(model, new=["bert.encoder.layer.1", "bert.embeddings.LayerNorm.bias"])
    assert more == under(recalled(model), ["bert.encoder.layer.1", "bert.embeddings.LayerNorm.bias"])


def test_a_head_of_other_labels_is_new_and_one_of_the_same_is_recalled(tmp_path):
    save(hf.BertForSequenceClassification, BERT, tmp_path)
    settings = {"num_labels": 3, "ignore_mismatched_sizes": True, "output_loading_info": True}
    model, report = hf.BertForSequenceClassification.from_pretrained(tmp_path, **settings)
    head = {"classifier.weight", "classifier.bias"}
    assert set(told(model)) - recalled(model) == head
    for new in (report, report["mismatched_keys"]):
        assert set(told(model)) - recalled(copy.deepcopy(model), new=new) == head
    finished = hf.BertForSequenceClassification.from_pretrained(tmp_path)
    assert recalled(finished) == set(told(finished))
    assert set(told(finished)) - recalled(finished, new=["classifier."]) == head


def test_the_answer_of_load_state_dict_says_what_is_new():
    model = hf.GPT2LMHeadModel(copy.deepcopy(GPT2))
    state = {name: p for name, p in hf.GPT2Model(copy.deepcopy(GPT2)).state_dict().items() if "h.1." not in name}
    answer = model.load_state_dict({f"transformer.{name}": p for name, p in state.items()}, strict=False)
    assert "lm_head.weight" in answer.missing_keys  # the second name of a tensor that was there
    names = told(model, new=answer)
    assert {name for name, recall in names.items() if not recall} == under(names, ["transformer.h.1"])


@pytest.mark.parametrize(
    ("new", "text"),
    [
        (["score"], "new has 'score', which names no parameter and no module"),
        (["class"], "new has 'class', which names no"),
        (["classifier", "pooler"], "new has 'pooler', which names no"),
        ({"missing_keys": ["embeddings.word_embeddings.weight"]}, "new has 'embeddings.word_embeddings.weight'"),
        ("classifier", "new is 'classifier'; it has to be the loading info"),
        (3, "new is 3; it has to be the loading info"),
        ({"classifier": 1}, "it has to be the loading info"),
        ([3], "new has 3; it has to be a name"),
        ([""], "new has ''; it has to be a name"),
    ],
)
def test_new_names_that_name_nothing_are_refused(new, text, tmp_path):
    with pytest.raises(ValueError, match=text) as caught:
        recall_groups(hf.BertForSequenceClassification(copy.deepcopy(BERT)), new=new)
    assert "\n" not in str(caught.value)


def test_one_name_of_a_tied_weight_is_refused():
    model = hf.GPT2LMHeadModel(copy.deepcopy(GPT2))
    with pytest.raises(ValueError, match=r"'lm_head\.weight', which is tied to 'transformer\.wte\.weight'"):
        recall_groups(model, new=["lm_head"])
    both = recalled(model, new=["lm_head", "transformer.wte"])
    assert set(told(model, new=[])) - both == {"transformer.wte.weight"}


@pytest.mark.parametrize("wrong", [[("bert.pooler.dense.bias", 1)], {"a": torch.ones(1)}, {"classifier.": 1}, 3])
def test_anchors_that_do_not_fit_are_refused(wrong):
    model = hf.BertForSequenceClassification(copy.deepcopy(BERT))
    with pytest.raises(ValueError, match=r"anchors (has|is)"):
        recall_groups(model, anchors=wrong)
    fitting = {"bert.pooler.dense.bias": torch.ones(8)}
    assert recalled(model, anchors=fitting) == set(fitting)
    with pytest.raises(ValueError, match="new and anchors both say what is recalled"):
        recall_groups(model, anchors=fitting, new=["classifier"])


def test_where_it_cannot_be_told_nothing_is_guessed(tmp_path, monkeypatch):
    model = loaded(tmp_path)
    built = hf.BertForSequenceClassification(copy.deepcopy(BERT))
    text = r"cannot be told which weights of .* \(in 'bert', 'classifier'\) are pretrained.*new=.*load_anchors"
    for untold in (built, copy.deepcopy(model)):
        with pytest.raises(ValueError, match=text) as caught:
            recall_groups(untold)
        assert "\n" not in str(caught.value)
    # on all ranks but one transformers marks everything
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    monkeypatch.setenv("FSDP_CPU_RAM_EFFICIENT_LOADING", "true")
    with pytest.raises(ValueError, match="FSDP loads on one rank alone; name what is new"):
        recall_groups(model)
    assert set(told(model, new=["classifier"])) - recalled(model, new=["classifier"]) == {
        *("classifier.weight", "classifier.bias")
    }


def test_a_wrapped_model_is_refused(tmp_path):
    model = loaded(tmp_path)
    with pytest.raises(ValueError, match=r"DataParallel wraps the model; pass the model itself, its \.module"):
        recall_groups(nn.DataParallel(model))
    with pytest.raises(ValueError, match=r"OptimizedModule wraps the model; pass the model itself, its \._orig_mod"):
        recall_groups(torch.compile(model))
    with pytest.raises(ValueError, match=r"OptimizedModule wraps the model"):
        load_anchors(tmp_path, torch.compile(model))
    with pytest.raises(ValueError, match="model is a list; it has to be a torch module"):
        recall_groups(list(model.parameters()))


def test_rows_for_new_tokens_are_left_out_by_a_gamma_by_name(tmp_path):
    model = loaded(tmp_path)
    model.resize_token_embeddings(23, mean_resizing=False)
    name = "bert.embeddings.word_embeddings.weight"
    assert name in recalled(model)
    assert name not in recalled(model, new=[name])
    groups = recall_groups(model)
    gamma = {name: torch.full_like(p, 100.0) for group in groups if group["recall"] for name, p in group["params"]}
    gamma[name][20:] = 0
    zeros = {name: torch.zeros_like(p) for name, p in gamma.items()}
    optimizer = RecAdam(groups, 0.01, anneal=Constant(0), gamma=gamma, anchors=zeros)
    before = model.get_input_embeddings().weight.detach().clone()
    for p in model.parameters():
        p.grad = torch.zeros_like(p)
    optimizer.step()
    after = model.get_input_embeddings().weight
    assert not after[:20].any()
    assert torch.equal(after[20:], before[20:])
