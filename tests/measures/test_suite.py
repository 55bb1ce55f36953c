"""The suite: what it asks is what each probe by itself would say, and counting words needs no layer."""

import copy

import numpy as np
import pytest
import torch
from small import config_of, save_backbone
from treebank import save_treebank

from recall_learn.measures.probing import probe
from recall_learn.measures.questions import Part, Question
from recall_learn.measures.states import sentence_states, word_states
from recall_learn.measures.suite import ask, counted
from recall_learn.measures.treebank_questions import treebank_questions
from recall_learn.measures.world_questions import world_questions
from recall_learn.models.backbones import load
from recall_learn.world import World


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A small BERT of letters, its tokenizer, and questions in letters."""
    folder = tmp_path_factory.mktemp("place")
    longer = config_of("bert")
    longer.max_position_embeddings = 100
    save_backbone(folder, config=longer)
    save_treebank(folder, train=150, validation=100)
    asked = treebank_questions(folder, "length,shift,pos", 100)
    backbone = load(str(folder), num_labels=2)
    return backbone.model.base_model, backbone.tokenizer, asked


def test_each_result_is_that_of_a_probe_by_itself(place):
    encoder, tokenizer, questions = place
    before = torch.random.get_rng_state(), [module.training for module in encoder.modules()]
    found = ask(encoder, tokenizer, questions, seed=3, progress=False)
    assert torch.equal(torch.random.get_rng_state(), before[0])
    assert [module.training for module in encoder.modules()] == before[1]
    order = [(q.name, kind, layer) for q in questions for kind in ("linear", "mlp") for layer in range(3)]
    assert [(each.question, each.kind, each.layer) for each in found] == order
    for question in (questions[0], questions[2]):
        parts = question.train, question.validation
        if question.name == "pos":
            x, asked = (word_states(encoder, tokenizer, part.texts, part.places)[1] for part in parts)
        else:
            x, asked = (sentence_states(encoder, tokenizer, part.texts)[1] for part in parts)
        right = probe(
            *(x, question.train.labels, asked, question.validation.labels),
            types=question.types,
            groups=question.validation.groups,
            seed=3,
        )
        its = found[order.index((question.name, "linear", 1))]
        assert its.controls == right.controls == ("by type" if question.name == "pos" else "permuted")
        # another batch moves a state by a rounding, and that at most an example that lies between two classes
        assert its.accuracy == pytest.approx(right.accuracy, abs=1.5 / its.asked)
        assert its.control == pytest.approx(right.control, abs=1.5 / its.asked)
        assert (its.examples, its.asked, its.majority) == (right.examples, right.asked, right.majority)


def test_one_kind_alone_is_the_same(place):
    encoder, tokenizer, questions = place
    both = ask(encoder, tokenizer, questions[:1], progress=False)
    assert ask(encoder, tokenizer, questions[:1], kinds=["mlp"], progress=False) == both[3:]


def test_counting_words_answers_what_words_tell(place):
    _, tokenizer, _ = place

    def part(texts, labels):
        return Part(tuple(texts), tuple(labels), tuple(range(len(texts))))

    train, asked = ["a b c", "b c a", "d e f", "e d f"] * 3, ["c b", "f d", "e", "a"]
    names = "one", "other"
    told = Question("told", "", names, part(train, [0, 0, 1, 1] * 3), part(asked, [0, 1, 1, 0]))
    untold = Question("untold", "", names, part(["a b c", "c b a"], [0, 1]), part(["a b c", "b c a"], [0, 1]))
    unseen = Question("unseen", "", names, told.train, part(["g", "h", "g h", "a"], [0, 1, 1, 0]))
    found = counted(tokenizer, [told, untold, unseen])
    assert (found["told"], found["untold"]) == (1.0, 0.5)
    assert 0.25 <= found["unseen"] <= 0.75


def test_counting_a_word_is_knowing_which_it_is(place):
    _, tokenizer, _ = place
    texts = (("a", "b"), ("b", "c"))
    places, labels = ((0, 0), (0, 1), (1, 0), (1, 1)), (0, 1, 1, 0)
    part = Part(texts, labels, (0, 0, 1, 1), places)
    asked = Part((("b", "A"),), (1, 0), (0, 0), ((0, 0), (0, 1)))
    assert counted(tokenizer, [Question("kind", "", ("x", "y"), part, asked)]) == {"kind": 1.0}


def test_what_the_packaged_model_is_known_to_hold():
    """Facts and structure come with the layers and are in no embedding; which word it was fades."""
    backbone, questions = load("tiny", num_labels=2), world_questions(World(), "content,depth,place", 400)
    found = ask(backbone.model.base_model, backbone.tokenizer, questions, kinds=["linear"], progress=False)
    by = {(each.question, each.layer): each for each in found}
    assert abs(by["place", 0].selectivity) < 3 * by["place", 0].selectivity_error
    assert by["place", 3].selectivity > 3 * by["place", 3].selectivity_error
    assert by["depth", 2].accuracy > 0.9 > by["depth", 0].accuracy
    assert by["content", 0].accuracy > by["content", 3].accuracy + 0.05
    assert counted(backbone.tokenizer, questions)["depth"] == 0.5
    shuffled = copy.deepcopy(backbone.model.base_model)
    with torch.no_grad():
        for parameter in shuffled.parameters():
            flat = parameter.view(-1)
            flat.copy_(flat[torch.from_numpy(np.random.default_rng(0).permutation(len(flat)))])
    (upper,) = [
        each
        for each in ask(shuffled, backbone.tokenizer, questions[2:], kinds=["linear"], progress=False)
        if each.layer == 3
    ]
    assert abs(upper.selectivity) < 3 * upper.selectivity_error  # the same weights in another order know no fact
