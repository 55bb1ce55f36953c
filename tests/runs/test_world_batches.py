"""What the small world's model reads: its tokenizer, and the batches of its pretraining."""

import collections
import math
import re

import numpy as np
import pytest
import torch
from transformers import AutoTokenizer

from recall_learn.runs.pretrain import Batches, make_tokenizer
from recall_learn.world import World

SIZE = 100  # divides the short text: every passage comes once an epoch
EPOCH = 50


@pytest.fixture(scope="module")
def whole():
    """The packaged model's world, all of its text."""
    world = World()
    world.text("train")
    return world, make_tokenizer(world)


@pytest.fixture(scope="module")
def world(short_world):
    return short_world


@pytest.fixture(scope="module")
def tokenizer(world):
    return make_tokenizer(world)


@pytest.fixture(scope="module")
def batches(world, tokenizer):
    return Batches(world, tokenizer, SIZE)


# --- tokens ---


@pytest.mark.parametrize("split", ["train", "held-out"])
def test_a_token_is_a_word(whole, split):
    world, tokenizer = whole
    sentences = [sentence for passage in world.text(split) for sentence in passage]
    ids = tokenizer(sentences, add_special_tokens=False)["input_ids"]
    assert tokenizer.unk_token_id not in {token for row in ids for token in row}
    words = tokenizer.get_vocab()
    for sentence, row in zip(sentences, ids, strict=True):
        assert row == [words[word] for word in re.findall(r"\w+|[.,]", sentence.lower())]


def test_a_pair_is_read_as_bert_reads_it(whole):
    world, tokenizer = whole
    name = world.names.women[0]
    encoded = tokenizer(f"{name} sings.", "The cake is good.")
    first, second = [name.lower(), "sings", "."], ["the", "cake", "is", "good", "."]
    tokens = tokenizer.convert_ids_to_tokens(encoded["input_ids"])
    assert tokens == ["[CLS]", *first, "[SEP]", *second, "[SEP]"]
    assert encoded["token_type_ids"] == [0] * 5 + [1] * 6
    assert encoded["attention_mask"] == [1] * 11
    assert tokenizer("xyzzy")["input_ids"][1] == tokenizer.unk_token_id
    assert tokenizer.convert_tokens_to_ids(["[PAD]", "[CLS]", "[SEP]", "[MASK]"]) == [0, 2, 3, 4]
    assert tokenizer.convert_ids_to_tokens(tokenizer(f"{name} is [MASK].")["input_ids"])[3] == "[MASK]"


def test_the_tokenizer_survives_its_files(whole, tmp_path):
    world, tokenizer = whole
    tokenizer.save_pretrained(tmp_path)
    again = AutoTokenizer.from_pretrained(tmp_path)
    assert again.get_vocab() == tokenizer.get_vocab()
    assert again.model_max_length == tokenizer.model_max_length == 64
    for passage in world.text("held-out")[:200]:
        assert dict(again(*passage)) == dict(tokenizer(*passage))


# --- batches ---


def seen_in(batch, tokenizer):
    """The passages of a batch as tuples of ids, with the word asked for put back; and its place in each."""
    inputs, words = batch
    ids, within = inputs["input_ids"].clone(), inputs["places"] > 0  # at [CLS] nothing was hidden
    ids[within, inputs["places"][within]] = words[within]
    rows = [tuple(row[mask == 1].tolist()) for row, mask in zip(ids, inputs["attention_mask"], strict=True)]
    return rows, inputs["places"].tolist()


@pytest.fixture(scope="module")
def asked(tokenizer, batches):
    """All that is asked in two epochs, each a list of (passage, place, word asked for, token shown there)."""
    epochs = [[], []]
    for step in range(1, 2 * EPOCH + 1):
        inputs, words = batches(step)
        rows, places = seen_in((inputs, words), tokenizer)
        shown = inputs["input_ids"][range(SIZE), places].tolist()
        epochs[(step - 1) // EPOCH] += list(zip(rows, places, words.tolist(), shown, strict=True))
    return epochs


@pytest.fixture(scope="module")
def text(world, tokenizer):
    """How often each passage is in the text, as ids."""
    return collections.Counter(tuple(tokenizer(*passage)["input_ids"]) for passage in world.text("train"))


@pytest.fixture(scope="module")
def answers(tokenizer):
    return dict(zip(("other", "next"), tokenizer.convert_tokens_to_ids(["[OTHER]", "[NEXT]"]), strict=True))


def first_sentence(row):
    return row[: row.index(3)]  # 3 is [SEP]


def near(count, total, share):
    """Within four standard deviations of what a coin with this share of heads would give."""
    return abs(count - share * total) < 4 * math.sqrt(total * share * (1 - share))


def test_each_passage_comes_once_an_epoch(text, asked, answers):
    firsts = collections.Counter()
    for row, times in text.items():
        firsts[first_sentence(row)] += times
    for epoch in asked:
        assert collections.Counter(first_sentence(row) for row, *_ in epoch) == firsts
        # the word is put back right and nothing else was changed, but for second sentences that are another's
        intact = collections.Counter(row for row, _, word, _ in epoch if word != answers["other"])
        assert intact <= text
    assert [row for row, *_ in asked[0]] != [row for row, *_ in asked[1]]
    places = [{row: place for row, place, *_ in epoch} for epoch in asked]
    assert any(places[0][row] != places[1].get(row, places[0][row]) for row in places[0])


def test_pairs_are_asked_whether_they_belong_together(text, asked, answers):
    """Half of the passages of two sentences; in half of those the second is another's, or its words are exchanged."""
    pairs = [entry for epoch in asked for entry in epoch if entry[0].count(3) == 2]
    at_start = [entry for entry in pairs if entry[1] == 0]
    assert all(entry[1] > 0 for epoch in asked for entry in epoch if entry[0].count(3) == 1)
    assert near(len(at_start), len(pairs), 0.5)
    assert {word for _, _, word, _ in at_start} == set(answers.values())
    assert {shown for *_, shown in at_start} == {2}  # [CLS] stands there itself
    exchanged = [row for row, _, word, _ in at_start if word == answers["other"]]
    assert near(len(exchanged), len(at_start), 0.5)
    seconds = {row[row.index(3) :] for row in text if row.count(3) == 2}
    others = {row[row.index(3) :] for row in exchanged}
    assert {tuple(sorted(second)) for second in others} <= {tuple(sorted(second)) for second in seconds}
    assert 0.6 < sum(second in seconds for second in others) / len(others) < 1
    assert not set(exchanged) & set(text)  # what is said not to belong is no passage of the text


def test_a_word_is_asked_for_never_a_mark_or_a_special_token(tokenizer, asked, answers, batches):
    special = {*tokenizer.all_special_ids, *answers.values()}
    marks = set(tokenizer.convert_tokens_to_ids([".", ","]))
    words = [entry for epoch in asked for entry in epoch if entry[1] > 0]
    assert not (special | marks) & {word for _, _, word, _ in words}
    assert special & {shown for *_, shown in words} == {tokenizer.mask_token_id}
    for step in range(1, EPOCH + 1):
        inputs, targets = batches(step)
        assert inputs["places"].shape == targets.shape == (SIZE,)
        hidden = (inputs["input_ids"] == tokenizer.mask_token_id).nonzero()
        assert bool((inputs["places"][hidden[:, 0]] == hidden[:, 1]).all())  # so at most one a row, at its place


def test_the_word_is_mostly_hidden_sometimes_another_sometimes_itself(tokenizer, asked):
    """Seven in ten are hidden; two are another word, every second time one of the same passage; one is itself."""
    marks, ordinary = tokenizer.convert_tokens_to_ids([".", ","]), len(tokenizer) - 7
    masked, kept, foreign, total, same, apart = 0, 0, 0, 0, 0.0, 0.0
    for row, place, word, shown in (entry for epoch in asked for entry in epoch):
        if place == 0:
            continue
        words = [token for token in row if token >= 7 and token not in marks]
        masked, kept = masked + (shown == tokenizer.mask_token_id), kept + (shown == word)
        foreign += shown != tokenizer.mask_token_id and shown not in words
        same += 0.1 + 0.1 * words.count(word) / len(words) + 0.1 / ordinary
        apart += 0.1 * (1 - len(set(words)) / ordinary)
        total += 1
    assert near(masked, total, 0.7)
    assert near(kept, total, same / total)
    assert near(foreign, total, apart / total)


def test_every_word_of_a_passage_is_as_likely(tokenizer, asked):
    marks = {*tokenizer.all_special_ids, *tokenizer.convert_tokens_to_ids([".", ","])}
    shares = [
        (place == 1, 1 / sum(token not in marks for token in row))
        for epoch in asked
        for row, place, *_ in epoch
        if place and row[1] not in marks
    ]
    expected = sum(share for _, share in shares)
    assert near(sum(first for first, _ in shares), len(shares), expected / len(shares))


def test_inputs_are_those_of_the_tokenizer(world, tokenizer, batches):
    pairs = {tuple(tokenizer(*passage)["input_ids"]): passage for passage in world.text("train")}
    for step in (1, 17):
        inputs, _ = batches(step)
        rows, _ = seen_in(batches(step), tokenizer)
        longest = inputs["input_ids"].shape[1]
        assert longest == max(len(row) for row in rows)
        for i, row in enumerate(rows):
            pad, end = [0] * (longest - len(row)), row.index(3) + 1
            assert inputs["token_type_ids"][i].tolist() == [0] * end + [1] * (len(row) - end) + pad
            assert inputs["attention_mask"][i].tolist() == [1] * len(row) + pad
            assert inputs["input_ids"][i, len(row) :].tolist() == pad
            if row in pairs:
                assert inputs["token_type_ids"][i].tolist() == tokenizer(*pairs[row])["token_type_ids"] + pad


def test_a_batch_follows_from_seed_and_step_alone(world, tokenizer, batches):
    torch.manual_seed(5)
    np.random.seed(5)  # noqa: NPY002
    again = Batches(world, tokenizer, SIZE)
    expected = {step: again(step) for step in (2, 31, EPOCH + 12)}
    for step in reversed(expected):  # in any order, from one epoch into another and back
        (inputs, words), (others, other_words) = batches(step), expected[step]
        assert inputs.keys() == others.keys()
        assert all(torch.equal(inputs[key], others[key]) for key in inputs)
        assert torch.equal(words, other_words)
    assert seen_in(batches(1), tokenizer) != seen_in(batches(2), tokenizer)


def test_a_stream_is_the_first_batches(batches):
    steps = list(batches.stream(3 * SIZE))
    assert len(steps) == 3
    for step, (inputs, words) in enumerate(steps, start=1):
        again, same = batches(step)
        assert torch.equal(words, same)
        assert all(torch.equal(inputs[name], again[name]) for name in again)
    with pytest.raises(ValueError, match=f"examples is {SIZE + 1}; it has to be a multiple of the batch size, {SIZE}"):
        batches.stream(SIZE + 1)
