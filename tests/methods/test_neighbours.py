"""What r3f and smart share: a second pass over moved embeddings, and how far its answers are from the first one's."""

import pytest
import torch
from classify import BATCHES, DROPPING, begun, gradients, model_of, resumed, term, trained
from torch import nn

from recall_learn.methods.neighbour import disagreement
from recall_learn.runs.compose import compose

NAMES = ["r3f", "smart"]


def test_the_disagreement_is_the_two_divergences_in_nats():
    g = torch.Generator().manual_seed(0)
    one, other = torch.randn(5, 4, generator=g).double(), torch.randn(5, 4, generator=g).double()
    p, q = one.exp() / one.exp().sum(1, keepdim=True), other.exp() / other.exp().sum(1, keepdim=True)
    right = ((p * (p / q).log()).sum() + (q * (q / p).log()).sum()) / 5
    assert disagreement(one, other).item() == pytest.approx(right.item(), rel=1e-6)
    assert disagreement(one, one + 3).item() == pytest.approx(0, abs=1e-10)
    near = disagreement(one, one + 1e-5 * torch.randn(5, 4, generator=g))
    assert 0 < near.item() < 1e-9  # of the square of what moved, and not below 0 by rounding


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("config", [{}, DROPPING], ids=["quiet", "dropout"])
def test_weight_0_is_plain_fine_tuning_to_the_bit(name, config):
    losses, ends = trained(model_of(**config), f"{name}(weight=0)")
    plain, plain_ends = trained(model_of(**config), "vanilla")
    assert losses == plain
    assert all(torch.equal(ends[key], plain_ends[key]) for key in plain_ends)


@pytest.mark.parametrize("name", NAMES)
def test_the_task_s_dropout_and_the_global_generator_are_as_without_it(name):
    states = []
    for method in ("vanilla", f"{name}(weight=3)"):
        model = model_of(**DROPPING)
        made = begun(model, method)
        torch.manual_seed(4)
        for batch in BATCHES:
            made.loss(model(**batch), batch)
        states.append(torch.get_rng_state())
    assert torch.equal(*states)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("config", [{}, DROPPING], ids=["quiet", "dropout"])
def test_a_resumed_run_goes_on_to_the_bit(name, config):
    whole, parts = resumed(f"{name}(weight=3)", **config)
    assert all(torch.equal(whole[key], parts[key]) for key in whole)
    assert not any(torch.equal(whole[key], model_of(**config).state_dict()[key]) for key in ("classifier.weight",))


@pytest.mark.parametrize("name", NAMES)
def test_the_seed_decides_what_is_drawn_and_each_batch_draws_anew(name):
    def first_two(seed):
        model = model_of()
        made = begun(model, name if name == "smart" else f"{name}(size=0.5)", seed=seed)
        return [term(model, made)[0].item() for _ in range(2)]

    one, again, other = first_two(0), first_two(0), first_two(1)
    assert one == again
    assert one[0] != other[0]
    assert one[0] != one[1]


@pytest.mark.parametrize("name", NAMES)
def test_it_leaves_the_task_s_gradient_and_the_head_s_hooks_alone(name):
    model = model_of()
    made = begun(model, f"{name}(weight=2)")
    added, outputs = term(model, made)
    assert all(p.grad is None for p in model.parameters())
    assert any(g is not None and g.abs().max() > 0 for g in gradients(added, model).values())
    made.close()
    plain = model_of()
    assert torch.equal(model(**BATCHES[0]).logits, plain(**BATCHES[0]).logits)
    assert not model.bert.embeddings.word_embeddings._forward_hooks
    assert outputs.logits.requires_grad


class Twice(nn.Module):
    """Looks its tokens up as often as it is told."""

    def __init__(self, times=2):
        super().__init__()
        self.words, self.head, self.times = nn.Embedding(9, 4), nn.Linear(4, 2), times

    def get_input_embeddings(self):
        return self.words

    def forward(self, ids):
        return self.head(sum(self.words(ids) for _ in range(self.times)).mean(1) if self.times else ids[:, :4].float())


class Silent(nn.Module):
    def __init__(self):
        super().__init__()
        self.words, self.head = nn.Embedding(9, 4), nn.Linear(4, 2)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("times", [0, 2])
def test_a_model_that_does_not_look_its_tokens_up_once_is_refused(name, times):
    model, ids = Twice(times), torch.arange(8).view(2, 4)
    made = compose(name, model, lr=1e-2, new=["head"])
    with pytest.raises(ValueError, match=rf"^{name} needs a model that looks its tokens up once .* {times} times$"):
        made.terms({"ids": ids}, model(ids))
    assert not model.words._forward_hooks


@pytest.mark.parametrize("name", NAMES)
def test_a_model_of_one_s_own_and_what_is_refused(name):
    model, ids = Twice(1), torch.arange(8).view(2, 4)
    made = compose(name, model, lr=1e-2, new=["head"])
    assert list(made.terms({"ids": ids}, model(ids))) == ["disagreement"]
    with pytest.raises(ValueError, match=f"^{name} compares what the model says of each row.* is None"):
        made.loss(torch.ones(()))
    with pytest.raises(ValueError, match=f"^{name} compares what the model says of each row.* shape \\(2, 4, 9\\)"):
        made.terms({"ids": ids}, torch.zeros(2, 4, 9))
    with pytest.raises(ValueError, match=f"^{name} moves the embeddings of tokens, and Silent says not which they are"):
        compose(name, Silent(), lr=1e-2, new=["head"])
    with pytest.raises(ValueError, match=f"^state of {name} has steps; it has to have passes$"):
        made.load_state_dict({name: {"steps": 1}})
    with pytest.raises(ValueError, match=f"^passes in the state of {name} is -1; "):
        made.load_state_dict({name: {"passes": -1}})


@pytest.mark.parametrize("name", NAMES)
def test_with_a_pull(name):
    losses, ends = trained(model_of(), f"recadam(k=0.5, t0=2) + {name}")
    assert len(losses) == 4
    assert (ends["classifier.weight"] - model_of().classifier.weight).abs().max() > 1e-3
