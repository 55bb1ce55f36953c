"""What was lost of the pretraining: distances part by part, facts, and the way back; against plain definitions."""

import copy
import math
from typing import NamedTuple

import numpy as np
import pytest
import torch
import transformers
from small import VOCABULARY, refused, save_backbone, save_tokenizer
from tokenizers import normalizers
from torch import nn

from recall_learn.measures.distance import distance, distance_by_layer
from recall_learn.measures.facts import cloze, cloze_rows
from recall_learn.measures.recovery import recovery
from recall_learn.measures.recovery import way_back as taken_back
from recall_learn.measures.source import source_loss
from recall_learn.models import backbones
from recall_learn.models.masked_lm import attach, hide_each

PARTS = {
    "bert": ["bert.embeddings", "bert.encoder.layer.0", "bert.encoder.layer.1", "bert.pooler"],
    "distilbert": ["distilbert.embeddings", "distilbert.transformer.layer.0", "distilbert.transformer.layer.1"],
    "albert": ["albert.embeddings", "albert.encoder", "albert.encoder.albert_layer_groups.0", "albert.pooler"],
}


STEPS = 30


class Fact(NamedTuple):
    prompt: str
    answer: str


# --- distance, part by part ---


@pytest.mark.parametrize("architecture", PARTS)
def test_the_parts_of_the_distance_are_sums_over_their_own_weights(tmp_path, architecture):
    save_backbone(tmp_path, architecture)
    backbone = backbones.load(str(tmp_path), num_labels=2)
    parameters = dict(backbone.model.named_parameters())
    generator, squares = np.random.default_rng(0), dict.fromkeys(PARTS[architecture], 0.0)
    with torch.no_grad():
        for name, anchor in backbone.anchors.items():
            noise = generator.normal(size=tuple(anchor.shape)).astype(np.float32)
            parameters[name].add_(torch.from_numpy(noise))
            part = max((part for part in squares if name.startswith(f"{part}.")), key=len)
            moved = parameters[name].double().numpy() - anchor.double().numpy()
            squares[part] += (moved**2).sum()
    found = distance_by_layer(backbone.model, backbone.anchors)
    assert list(found) == PARTS[architecture]
    assert found == pytest.approx({part: math.sqrt(square) for part, square in squares.items()}, rel=1e-5)
    whole = distance(backbone.model, backbone.anchors)
    assert sum(value**2 for value in found.values()) == pytest.approx(whole**2, rel=1e-9)


def test_only_what_moved_is_far(tmp_path):
    save_backbone(tmp_path)
    backbone = backbones.load(str(tmp_path), num_labels=2)
    with torch.no_grad():
        backbone.model.bert.encoder.layer[1].output.dense.bias[3] += 2
        backbone.model.classifier.weight.add_(5)  # the head has no anchor
    found = distance_by_layer(backbone.model, backbone.anchors)
    assert found.pop("bert.encoder.layer.1") == pytest.approx(2, rel=1e-6)
    assert set(found.values()) == {0.0}


def test_an_anchor_of_another_model_is_refused(tmp_path):
    model = save_backbone(tmp_path)
    refused(lambda: distance_by_layer(model, {"layer.7.weight": torch.zeros(2)}), ValueError, "layer.7.weight")
    name, weight = next(iter(model.named_parameters()))
    refused(lambda: distance_by_layer(model, {name: weight.detach()[:1]}), ValueError, name, "shape")


# --- facts ---


class Says(nn.Module):
    """A model that says what it was told to: a word for each row of ids, whatever is padded to it."""

    def __init__(self, tokenizer, answers):
        super().__init__()
        self.nothing = nn.Parameter(torch.zeros(()))
        self.words = {tuple(tokenizer(prompt)["input_ids"]): VOCABULARY.index(word) for prompt, word in answers.items()}

    def forward(self, input_ids, attention_mask, **_):
        rows = [tuple(ids[mask == 1].tolist()) for ids, mask in zip(input_ids, attention_mask, strict=True)]
        return nn.functional.one_hot(torch.tensor([self.words[row] for row in rows]), len(VOCABULARY)).float()


@pytest.fixture
def tokenizer(tmp_path):
    save_tokenizer(tmp_path)
    return transformers.AutoTokenizer.from_pretrained(tmp_path)


@pytest.fixture
def uncased(tokenizer):
    tokenizer.backend_tokenizer.normalizer = normalizers.Lowercase()
    return tokenizer


def test_facts_known_and_facts_lost(uncased):
    facts = [Fact("A c [MASK]", "B"), Fact("a e f g h a [MASK] c", "D"), Fact("[MASK] a a", "c"), Fact("d [MASK]", "e")]
    told = {"A c [MASK]": "b", "a e f g h a [MASK] c": "b", "[MASK] a a": "h", "d [MASK]": "e"}
    answers = cloze(Says(uncased, told), uncased, facts)
    assert answers.known == 0.5
    # capitals come back where the facts have such a word; "h" is the answer to none
    assert answers.said == {"A c [MASK]": "B", "a e f g h a [MASK] c": "B", "[MASK] a a": "h", "d [MASK]": "e"}
    assert [tuple(lost) for lost in answers.lost] == [("a e f g h a [MASK] c", "D", "B"), ("[MASK] a a", "c", "h")]
    assert (answers.lost[0].prompt, answers.lost[0].answer, answers.lost[0].said) == tuple(answers.lost[0])


def test_all_known_and_none_known(uncased):
    facts = [Fact("a [MASK]", "b"), Fact("c [MASK]", "d")]
    right = cloze(Says(uncased, {"a [MASK]": "b", "c [MASK]": "d"}), uncased, facts)
    wrong = cloze(Says(uncased, {"a [MASK]": "d", "c [MASK]": "b"}), uncased, facts)
    assert (right.known, right.lost) == (1.0, ())
    assert (wrong.known, len(wrong.lost)) == (0.0, 2)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A backbone with its masked language model, which has learned a few sentences."""
    folder = tmp_path_factory.mktemp("trained")
    save_backbone(folder, "bert", transformers.BertForMaskedLM)
    backbone = backbones.load(str(folder), num_labels=2)
    examples = hide_each(["a b c d", "e f g h", "b d f h a", "c c e"], backbone.tokenizer)
    masked_lm = attach(backbone)
    optimizer = torch.optim.Adam(masked_lm.parameters(), lr=1e-2)
    for step in range(1, 31):
        inputs, words = examples.cycle(8)(step)
        optimizer.zero_grad()
        nn.functional.cross_entropy(masked_lm(**inputs), words).backward()
        optimizer.step()
    optimizer.zero_grad()
    return backbone, masked_lm, examples


@pytest.fixture
def pretrained(trained):
    return copy.deepcopy(trained)  # in one go: the two models go on sharing their encoder


def test_the_answer_is_the_likeliest_of_all_words(pretrained):
    backbone, masked_lm, _ = pretrained
    tokenizer, prompts = backbone.tokenizer, ["a [MASK] c d", "[MASK] f g h", "b d f [MASK] a", "c [MASK] e", "[MASK]"]
    likeliest = []
    for prompt in prompts:  # the published model, one sentence at a time, without padding
        inputs = tokenizer(prompt, return_tensors="pt")
        with torch.no_grad():
            logits = masked_lm.model(**inputs).logits[inputs["input_ids"] == tokenizer.mask_token_id]
        likeliest.append(VOCABULARY[int(logits[0].argmax())])
    wrong = ["h" if word != "h" else "g" for word in likeliest]
    facts = [Fact(p, (wrong if i % 2 == 0 else likeliest)[i]) for i, p in enumerate(prompts)]
    backbone.model.train()
    state = torch.random.get_rng_state()
    answers = cloze(masked_lm, tokenizer, facts)
    assert answers.said == dict(zip(prompts, likeliest, strict=True))
    assert answers.known == pytest.approx(2 / 5)
    assert [lost.prompt for lost in answers.lost] == prompts[::2]
    assert torch.equal(torch.random.get_rng_state(), state)
    assert backbone.model.training


def test_rows_taken_once_serve_again(pretrained):
    backbone, masked_lm, _ = pretrained
    facts = [Fact("a [MASK] c d", "b"), Fact("e f g [MASK]", "a"), Fact("[MASK]", "c")]
    rows = cloze_rows(backbone.tokenizer, facts)
    assert [row["input_ids"].count(backbone.tokenizer.mask_token_id) for row in rows.rows] == [1, 1, 1]
    assert rows.words == [[VOCABULARY.index(word)] for word in "bac"]
    fresh = cloze(masked_lm, backbone.tokenizer, facts)
    assert cloze(masked_lm, backbone.tokenizer, facts, rows) == fresh
    assert cloze(masked_lm, backbone.tokenizer, facts, rows) == fresh


@pytest.mark.parametrize(
    ("facts", "parts"),
    [
        ([], ["facts is empty"]),
        ([Fact("a b c", "d")], ["'a b c'", "[MASK] once"]),
        ([Fact("a [MASK]", "b"), Fact("[MASK] b [MASK]", "d")], ["'[MASK] b [MASK]'", "[MASK] once"]),
        ([Fact("a [MASK]", "ab")], ["'ab'", "'a [MASK]'", "not one token"]),
        ([Fact("a [MASK]", "a b")], ["'a b'", "not one token"]),
        ([Fact("a [MASK]", "z")], ["'z'", "not one token"]),
        ([Fact("a [MASK]", "")], ["''", "not one token"]),
    ],
)
def test_facts_that_cannot_be_asked_are_refused(tokenizer, facts, parts):
    refused(lambda: cloze_rows(tokenizer, facts), ValueError, *parts)
    refused(lambda: cloze(Says(tokenizer, {}), tokenizer, facts), ValueError, *parts)


# --- the way back ---


def loss_by_definition(model, inputs, words, mask):
    """Of the whole published model: logits at every place, then those of the hidden ones."""
    logits = model(**inputs).logits[inputs["input_ids"] == mask]
    return -logits.log_softmax(-1)[torch.arange(len(words)), words].mean()


def way_back(masked_lm, examples, batches, steps, lr=1e-3, betas=(0.9, 0.999), eps=1e-8):
    """The source loss after 0, 1, 2, ... steps of Adam, written out, on a copy of the published model."""
    model, mask = copy.deepcopy(masked_lm.model).eval(), masked_lm.mask_token_id
    encoder = [(p, torch.zeros_like(p), torch.zeros_like(p)) for n, p in model.named_parameters() if n[:5] == "bert."]
    everything, losses = next(examples.batches(len(examples))), []
    for t in range(steps + 1):
        if t:
            model.zero_grad()
            loss_by_definition(model, *batches(t), mask).backward()
            with torch.no_grad():
                for p, m, v in encoder:
                    if p.grad is not None:  # the pooler reads no hidden word
                        m.mul_(betas[0]).add_((1 - betas[0]) * p.grad)
                        v.mul_(betas[1]).add_((1 - betas[1]) * p.grad**2)
                        p.sub_(lr * (m / (1 - betas[0] ** t)) / ((v / (1 - betas[1] ** t)).sqrt() + eps))
        with torch.no_grad():
            losses.append(float(loss_by_definition(model, *everything, mask)))
    return losses


@pytest.fixture(scope="module")
def away(trained):
    """The model pushed away from home, and a way back that was computed here."""
    backbone, masked_lm, examples = copy.deepcopy(trained)
    batches = examples.cycle(8, seed=5)
    with torch.no_grad():
        generator = torch.Generator().manual_seed(3)
        for parameter in backbone.model.base_model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator), alpha=0.05)
    return backbone, masked_lm, examples, batches, way_back(masked_lm, examples, batches, STEPS)


@pytest.fixture
def disturbed(away):
    backbone, masked_lm, examples = copy.deepcopy(away[:3])
    return backbone, masked_lm, examples, *away[3:]


def steps_needed(losses, every=1):
    """A goal half way down, and how many steps it takes."""
    goal = (losses[0] + losses[-1]) / 2
    first = next(t for t, loss in enumerate(losses) if loss <= goal and t % every == 0)
    assert 3 < first < len(losses) - 1
    assert abs(losses[first] / goal - 1) > 1e-4  # no matter of rounding
    return goal, first


@pytest.mark.parametrize("every", [1, 4])
def test_recovery_counts_the_steps_of_plain_adam(disturbed, every):
    _, masked_lm, examples, batches, losses = disturbed
    goal, first = steps_needed(losses, every)
    assert recovery(masked_lm, batches, examples, goal / 1.05, limit=STEPS, every=every) == first  # 5 % by default
    assert recovery(masked_lm, batches, examples, goal / 1.5, within=0.5, limit=STEPS, every=every) == first


def test_recovery_is_that_of_the_whole_encoder_whatever_a_method_froze(disturbed):
    _, masked_lm, examples, batches, losses = disturbed
    goal, first = steps_needed(losses)
    masked_lm.requires_grad_(False)
    assert recovery(masked_lm, batches, examples, goal / 1.05, limit=STEPS, every=1) == first
    assert not any(p.requires_grad for p in masked_lm.parameters())


def test_recovery_knows_its_limit(disturbed):
    _, masked_lm, examples, batches, losses = disturbed
    goal, first = steps_needed(losses)
    settings = {"before": goal / 1.05, "every": 1000}
    assert recovery(masked_lm, batches, examples, limit=first - 1, **settings) is None
    assert recovery(masked_lm, batches, examples, limit=first, **settings) == first  # the last step is looked at


def test_the_learning_rate_is_the_one_given(disturbed):
    _, masked_lm, examples, batches, losses = disturbed
    goal, first = steps_needed(losses)
    faster = way_back(masked_lm, examples, batches, STEPS, lr=2e-3)
    sooner = next(t for t, loss in enumerate(faster) if loss <= goal)
    assert sooner < first
    assert recovery(masked_lm, batches, examples, goal / 1.05, every=1, lr=2e-3) == sooner


def test_the_way_back_is_measured_where_it_is_asked(disturbed):
    _, masked_lm, examples, batches, losses = disturbed
    found = list(taken_back(masked_lm, batches, lambda model: source_loss(model, examples), [0, 3, 3, STEPS]))
    assert [step for step, _ in found] == [0, 3, 3, STEPS]
    assert [loss for _, loss in found] == pytest.approx([losses[0], losses[3], losses[3], losses[STEPS]], rel=1e-4)
    for steps, says in (([2, 1], "1 after 2"), ([0.5], "0.5 after 0"), ([-1], "-1 after 0")):
        with pytest.raises(ValueError, match=f"steps has {says}; it has to hold whole numbers that rise"):
            list(taken_back(masked_lm, batches, lambda model: None, steps))
    with pytest.raises(ValueError, match="lr is 0; it has to be a learning rate above 0"):
        list(taken_back(masked_lm, batches, lambda model: None, [1], lr=0))


def test_nothing_lost_is_nothing_to_recover(disturbed):
    _, masked_lm, examples, _, losses = disturbed

    def never(step):
        raise AssertionError("a step was taken")

    assert recovery(masked_lm, never, examples, losses[0]) == 0
    assert recovery(masked_lm, never, examples, losses[0] / 1.04) == 0
    with pytest.raises(AssertionError, match="a step was taken"):
        recovery(masked_lm, never, examples, losses[0] / 1.06)


def test_recovery_leaves_the_model_as_it_was(disturbed):
    backbone, masked_lm, examples, batches, losses = disturbed
    backbone.model.train()
    backbone.model.bert.encoder.layer[0].eval()
    for i, parameter in enumerate(masked_lm.parameters()):
        parameter.grad = torch.full_like(parameter, float(i)) if i % 2 else None
    before = {name: tensor.clone() for name, tensor in masked_lm.state_dict().items()}
    modes = [module.training for module in masked_lm.modules()]
    wanted = [parameter.requires_grad for parameter in masked_lm.parameters()]
    state = torch.random.get_rng_state()
    assert recovery(masked_lm, batches, examples, losses[0] / 1.1, limit=STEPS) > 0
    assert all(torch.equal(tensor, before[name]) for name, tensor in masked_lm.state_dict().items())
    assert [module.training for module in masked_lm.modules()] == modes
    assert len(set(modes)) == 2
    assert [parameter.requires_grad for parameter in masked_lm.parameters()] == wanted
    for i, parameter in enumerate(masked_lm.parameters()):
        assert (parameter.grad is None) if i % 2 == 0 else bool((parameter.grad == i).all())
    assert torch.equal(torch.random.get_rng_state(), state)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("before", value) for value in (0, -1.0, math.nan, math.inf)),
        *(("within", value) for value in (0, -0.1, math.nan)),
        *(("lr", value) for value in (0.0, -1e-3)),
        *((name, value) for name in ("limit", "every") for value in (0, -5, 0.5)),
    ],
)
def test_recovery_refuses_what_makes_no_sense(pretrained, name, value):
    _, masked_lm, examples = pretrained
    arguments = {"before": 1e-6, **{name: value}}
    refused(lambda: recovery(masked_lm, examples.cycle(4), examples, **arguments), ValueError, f"{name} is {value!r}")
