"""Encoders of other builds: their layers against loops, padding, and all that a run does with a model."""

import copy

import pytest
import torch
from small import refused, short_text
from torch import nn

from recall_learn import fisher_diagonal
from recall_learn.measures.states import sentence_states
from recall_learn.models import backbones, builds
from recall_learn.models.masked_lm import attach
from recall_learn.runs.finetune import finetune
from recall_learn.runs.finished import open_run
from recall_learn.runs.pretrain import make_tokenizer, new_model, pretrain
from recall_learn.runs.recipe import Recipe
from recall_learn.world import World

SIZE = {"vocab_size": 30, "hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 1, "intermediate_size": 16}
BUILDS = tuple(builds.BUILDS)


def config(build, **changes):
    return builds.BUILDS[build][0](**SIZE, max_position_embeddings=20, hidden_dropout_prob=0.0, **changes)


def layer(build):
    kind = {"lstm": builds.LstmLayer, "cnn": builds.CnnLayer}[build]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return kind(config(build)).double()


def states(batch=2, length=5):
    return torch.randn((batch, length, 8), dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def test_a_recurrent_layer_is_two_loops_over_the_words():
    made, x = layer("lstm"), states()
    found = made(x, torch.ones(2, 5, 1, dtype=torch.float64))
    lstm = made.lstm

    def along(row, order, end):
        h, c, read = torch.zeros(4, dtype=torch.float64), torch.zeros(4, dtype=torch.float64), {}
        for t in order:
            at = [getattr(lstm, f"{kind}_l0{end}") for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
            let_in, forget, new, out = (at[0] @ row[t] + at[2] + at[1] @ h + at[3]).chunk(4)
            c = torch.sigmoid(forget) * c + torch.sigmoid(let_in) * torch.tanh(new)
            h = torch.sigmoid(out) * torch.tanh(c)
            read[t] = h
        return read

    for row, ours in zip(x, found, strict=True):
        ahead, back = along(row, range(5), ""), along(row, range(4, -1, -1), "_reverse")
        for t in range(5):
            inner = nn.functional.gelu(made.inner(torch.cat([ahead[t], back[t]])))
            torch.testing.assert_close(ours[t], made.norm(row[t] + made.outer(inner)), rtol=0, atol=1e-12)


def test_a_convolutional_layer_is_two_sums_over_neighbours():
    made, x = layer("cnn"), states()
    found = made(x, torch.ones(2, 5, 1, dtype=torch.float64))

    def summed(conv, rows):
        reach = conv.kernel_size[0] // 2
        near = lambda t: ((k, t + k - reach) for k in range(2 * reach + 1) if 0 <= t + k - reach < len(rows))  # noqa: E731
        return [conv.bias + sum(conv.weight[:, :, k] @ rows[at] for k, at in near(t)) for t in range(len(rows))]

    for row, ours in zip(x, found, strict=True):
        inner = [nn.functional.gelu(each) for each in summed(made.near, list(row))]
        slow = torch.stack([made.norm(row[t] + far) for t, far in enumerate(summed(made.far, inner))])
        torch.testing.assert_close(ours, slow, rtol=0, atol=1e-12)


@pytest.mark.parametrize("pooling", builds.POOLINGS)
@pytest.mark.parametrize("build", BUILDS)
def test_padding_changes_nothing(build, pooling):
    model = {"lstm": builds.LstmForSequenceClassification, "cnn": builds.CnnForSequenceClassification}[build]
    model = model(config(build, pooling=pooling)).eval()
    words = torch.arange(5, 11)[None]
    padded = torch.cat([words, torch.zeros(1, 4, dtype=torch.long)], 1)
    seen = (padded > 0).long()
    alone = model(input_ids=words).logits
    torch.testing.assert_close(model(input_ids=padded, attention_mask=seen).logits, alone)
    both = {"input_ids": padded.repeat(2, 1), "attention_mask": torch.cat([seen, torch.ones_like(seen)])}
    torch.testing.assert_close(model(**both).logits[:1], alone)


def test_a_task_reads_the_first_token_or_the_maximum():
    made = {pooling: builds.Pooler(config("cnn", pooling=pooling)) for pooling in builds.POOLINGS}
    made["max"].load_state_dict(made["first"].state_dict())
    x, seen = states().float(), torch.ones(2, 5, 1)
    seen[0, 3:] = 0
    dense = made["first"].dense
    torch.testing.assert_close(made["first"](x, seen), torch.tanh(dense(x[:, 0])))
    largest = torch.stack([x[0, :3].amax(0), x[1].amax(0)])
    torch.testing.assert_close(made["max"](x, seen), torch.tanh(dense(largest)))
    with pytest.raises(ValueError, match="pooling is 'mean'; it has to be first or max"):
        builds.Pooler(config("cnn", pooling="mean"))


def test_layers_are_of_about_one_size():
    world = World()
    tokens = len(make_tokenizer(world))
    sizes = {
        build: sum(p.numel() for p in new_model(world, tokens, 64, 2, build).bert.encoder.parameters())
        for build in ("transformer", *BUILDS)
    }
    assert max(sizes.values()) < 1.03 * min(sizes.values()), sizes


@pytest.fixture(scope="module", params=BUILDS)
def place(request, tmp_path_factory):
    """A model of each build after three steps of pretraining."""
    folder = tmp_path_factory.mktemp(request.param)
    with short_text(train=1500, held_out=40):
        about = pretrain(folder / "model", steps=3, width=32, layers=2, build=request.param, progress=False)
    return folder / "model", about, request.param


def test_a_pretraining_says_its_build(place):
    _, about, build = place
    assert about["command"] == f"recall-learn world pretrain --seed 0 --steps 3 --width 32 --layers 2 --build {build}"
    assert len(about["first_losses"]) == 3


@pytest.mark.parametrize("method", ["recadam(k=0, t0=0, gamma=10)", "top-k(layers=1) + reinit", "layer-rates"])
def test_it_is_tuned_asked_and_opened_as_any_other(place, tmp_path, method):
    folder, _, build = place
    recipe = Recipe(str(folder), "world/cola", method=method, steps=2, lr=1e-3, batch_size=8, limit_train=32)
    with short_text(train=1500, held_out=40):
        run = finetune(recipe, out=tmp_path / "run", progress=False)
    assert {"source_loss", "facts", "distance"} <= set(run.final)
    assert run.final["distance"] > 0
    backbone = open_run(tmp_path / "run").backbone
    assert type(backbone.model).__name__.lower().startswith(build)
    assert sentence_states(backbone.model.base_model, backbone.tokenizer, ["the cat sleeps ."]).shape == (3, 1, 32)
    assert attach(backbone).model.base_model is backbone.model.base_model


def test_its_fisher_is_that_of_single_examples(place):
    model = backbones.load(str(place[0]), num_labels=2, seed=1).model
    ids = torch.tensor([[2, 7, 8, 3], [2, 9, 3, 0], [2, 6, 9, 3]])
    batch = {"input_ids": ids, "attention_mask": (ids > 0).long(), "labels": torch.tensor([0, 1, 1])}
    found = fisher_diagonal(model, [batch], labels="empirical", progress=False)
    slow = {name: torch.zeros_like(p) for name, p in model.named_parameters()}
    for n in range(3):
        one = copy.deepcopy(model)
        one(**{key: value[n : n + 1] for key, value in batch.items()}).loss.backward()
        for name, p in one.named_parameters():
            slow[name] += p.grad.square() / 3
    for name, tensor in found.items():
        torch.testing.assert_close(tensor, slow[name], rtol=1e-4, atol=1e-9, msg=name)


def test_another_build_is_refused(place, tmp_path):
    refused(lambda: pretrain(tmp_path / "x", build="rnn"), ValueError, "build is 'rnn'", "transformer, lstm, cnn")
