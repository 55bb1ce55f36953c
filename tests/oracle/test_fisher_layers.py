"""Which layers keep the examples apart, which models fall back to the loop, and what is refused."""

import logging
import os

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import nn

from recall_learn.fisher import Fisher, fisher_diagonal, load_fisher, save_fisher

N, L, H = 4, 4, 6  # as many tokens as examples: first dimensions that agree by chance
IDS = torch.tensor([[1, 2, 2, 0], [3, 3, 3, 0], [4, 1, 0, 0], [2, 5, 6, 1]])


def exact(model, x):
    """1/N sum_n sum_y p(y|x_n) (grad log p(y|x_n))^2, batches of one and autograd only."""
    total = {name: torch.zeros_like(p) for name, p in model.named_parameters() if p.requires_grad}
    wanted = [p for p in model.parameters() if p.requires_grad]
    for one in x:
        log_p = model(one[None])[0].log_softmax(-1)
        for value in log_p:
            gradients = torch.autograd.grad(value, wanted, retain_graph=True, allow_unused=True)
            for square, g in zip(total.values(), gradients, strict=True):
                square += 0 if g is None else value.exp().item() * g.to_dense() ** 2 / len(x)
    return total


def assert_agree(found, right, bound=1e-10):
    assert list(found) == list(right)
    for name in right:
        assert (found[name] - right[name]).norm() <= bound * right[name].norm(), name


class Words(nn.Module):
    """Embeds ids [N, L]; each test's model goes on from there."""

    def __init__(self, **options):
        super().__init__()
        torch.manual_seed(0)
        self.words = nn.Embedding(7, H, **options)
        self.head = nn.Linear(H, 3)
        self.build()
        self.double().eval()

    def build(self):
        self.mid = nn.Linear(H, H)

    def forward(self, ids):
        return self.head(torch.tanh(self.mid(self.words(ids))).mean(1))


class Padded(Words):
    def __init__(self):
        super().__init__(padding_idx=0)


class Twice(Words):
    def forward(self, ids):
        h = self.words(ids) + 0.5 * self.words(ids.flip(1))
        return self.head(self.mid(torch.tanh(self.mid(h))).mean(1))


class TwiceAfterPooling(Words):
    def forward(self, ids):
        return self.head(self.mid(torch.tanh(self.mid(self.words(ids).mean(1)))))


class Tied(Words):
    def __init__(self):
        super().__init__(padding_idx=0)

    def build(self):
        self.mid = nn.Linear(H, H)
        self.decoder = nn.Linear(H, 7)
        self.decoder.weight = self.words.weight

    def forward(self, ids):
        return self.decoder(self.mid(self.words(ids)).mean(1))


class Positions(Words):
    """As in BERT: position ids [1, L], broadcast over the batch."""

    def build(self):
        self.places, self.norm = nn.Embedding(9, H), nn.LayerNorm(H)

    def forward(self, ids):
        places = self.places(torch.arange(ids.shape[1])[None])
        return self.head(torch.tanh(self.norm(self.words(ids) + places)).mean(1))


class InPlace(Words):
    def forward(self, ids):
        return self.head(F.relu_(self.mid(self.words(ids))).mean(1))


class InPlaceAfterPooling(Words):
    def forward(self, ids):
        return self.head(F.relu_(self.mid(self.words(ids).mean(1))))


class WideNorm(Words):
    def build(self):
        self.norm, self.mid = nn.LayerNorm((L, H)), nn.Linear(H, H, bias=False)

    def forward(self, ids):
        return self.head(self.norm(self.mid(self.words(ids))).tanh().mean(1))


class FourDimensions(Words):
    def build(self):
        self.mid, self.norm = nn.Linear(H, H), nn.LayerNorm(H)

    def forward(self, ids):
        h = self.words(ids)
        return self.head(self.norm(self.mid(h[:, :, None] * h[:, None])).tanh().mean((1, 2)))


class Unused(Words):
    def build(self):
        self.mid, self.never = nn.Linear(H, H), nn.Linear(H, H)


class Keywords(Words):
    def forward(self, ids):
        return self.head(input=torch.tanh(self.words(input=ids)).mean(1))


TOGETHER = [
    Words, Padded, Twice, TwiceAfterPooling, Tied, Positions, InPlaceAfterPooling, WideNorm, FourDimensions, Unused,
    Keywords,
]  # fmt: skip


class SequenceFirst(Words):
    """As in XLNet: [L, N, H] inside; here with L = N."""

    def forward(self, ids):
        return self.head(torch.tanh(self.mid(self.words(ids).transpose(0, 1))).mean(0))


class FirstToken(Words):
    """[L, N, H], and only token 0 has a gradient: one example's row alone would look right."""

    def forward(self, ids):
        return self.head(torch.tanh(self.mid(self.words(ids).transpose(0, 1)))[0])


class Flattened(Words):
    def forward(self, ids):
        return self.head(torch.tanh(self.mid(self.words(ids).flatten(0, 1))).view(*ids.shape, H).mean(1))


class FlatPositions(Words):
    def build(self):
        self.places = nn.Embedding(9, H)

    def forward(self, ids):
        return self.head(torch.tanh(self.words(ids) + self.places(torch.arange(ids.shape[1]))).mean(1))


class Functional(Words):
    def forward(self, ids):
        return self.head(torch.tanh(F.linear(self.words(ids), self.mid.weight)).mean(1))


class AlsoFunctional(Words):
    def forward(self, ids):
        return self.head(torch.tanh(F.linear(self.mid(self.words(ids)), self.mid.weight)).mean(1))


class RawParameter(Words):
    def build(self):
        self.scale = nn.Parameter(torch.rand(H))

    def forward(self, ids):
        return self.head(torch.tanh(self.scale * self.words(ids)).mean(1))


class Convolution(Words):
    def build(self):
        self.mid = nn.Conv1d(H, H, 2)

    def forward(self, ids):
        return self.head(torch.tanh(self.mid(self.words(ids).mT)).mean(2))


class Attention(Words):
    def build(self):
        self.mid = nn.MultiheadAttention(H, 2, batch_first=True)

    def forward(self, ids):
        h = self.words(ids)
        return self.head(torch.tanh(self.mid(h, h, h)[0]).mean(1))


class OddLinear(nn.Linear):
    def forward(self, x):
        return F.linear(x, 2 * self.weight, self.bias)


class Subclass(Words):
    def build(self):
        self.mid = OddLinear(H, H)


class Scaled(Words):
    def __init__(self):
        super().__init__(scale_grad_by_freq=True)


class Sparse(Words):
    def __init__(self):
        super().__init__(sparse=True)


class Hooked(Words):
    def build(self):
        self.mid = nn.Linear(H, H)
        self.mid.register_forward_hook(lambda module, args, output: output**2)


ALONE = [
    SequenceFirst, FirstToken, Flattened, FlatPositions, InPlace, Functional, AlsoFunctional, RawParameter, Convolution,
    Attention, Subclass, Scaled, Hooked,
]  # fmt: skip


@pytest.mark.parametrize("kind", TOGETHER)
def test_examples_that_go_together(kind, caplog):
    model = kind()
    assert_agree(fisher_diagonal(model, [(IDS, None)]), exact(model, IDS))
    assert_agree(fisher_diagonal(model, [(IDS[:1],), (IDS[1:],)]), exact(model, IDS))
    assert not caplog.records


@pytest.mark.parametrize("kind", ALONE)
def test_models_that_go_through_the_loop(kind, caplog):
    model = kind()
    assert_agree(fisher_diagonal(model, [(IDS, None)]), exact(model, IDS))
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "one example at a time, because" in caplog.text
    # a batch of one has no examples to mix up: the next batch is checked nevertheless
    assert_agree(fisher_diagonal(model, [(IDS[:1],), (IDS[1:],)]), exact(model, IDS))


def test_sparse_gradients_of_the_loop_are_understood(caplog):
    model = Sparse()
    model.extra = nn.Parameter(torch.zeros(1, dtype=torch.float64))
    assert_agree(fisher_diagonal(model, [(IDS, None)]), exact(model, IDS))
    assert "'extra'" in caplog.text


def test_few_or_many_examples_in_the_buffer(monkeypatch, caplog):
    for size in (1, 80, 110, 10**6):  # 110: three examples of mid.weight, then the last one
        monkeypatch.setattr("recall_learn.per_example.BUFFER", {"cpu": size})
        for kind in (Twice, Tied, Words):
            model = kind()
            assert_agree(fisher_diagonal(model, [(IDS, None)]), exact(model, IDS))
    assert not caplog.records


def test_frozen_weights_are_left_out(caplog):
    model = Words()
    model.words.weight.requires_grad_(False)
    model.mid.bias.requires_grad_(False)
    found = fisher_diagonal(model, [(IDS, None)])
    assert list(found) == ["head.weight", "head.bias", "mid.weight"]
    assert_agree(found, exact(model, IDS))
    assert not caplog.records


def test_tied_weights_come_once():
    model = Tied()
    found = fisher_diagonal(model, [(IDS, None)])
    assert list(found) == list(dict(model.named_parameters()))
    assert "decoder.weight" not in found
    assert found["words.weight"][0].norm() > 0  # the padding row: none as a word, some as an answer


def test_float32_and_bfloat16():
    right = exact(Positions(), IDS)
    for dtype, bound in ((torch.float32, 1e-5), (torch.bfloat16, 0.1)):
        found = fisher_diagonal(Positions().to(dtype), [(IDS, None)])
        assert all(f.dtype == torch.float32 for f in found.values())
        assert_agree({k: f.double() for k, f in found.items()}, right, bound)


def test_autocast_is_close():
    with torch.autocast("cpu", torch.bfloat16):
        found = fisher_diagonal(Positions().float(), [(IDS, None)])
    assert_agree({k: f.double() for k, f in found.items()}, exact(Positions(), IDS), 0.1)


# What is refused, and what is left behind


class AlwaysDropping(Words):
    def forward(self, ids):
        return self.head(F.dropout(torch.tanh(self.mid(self.words(ids))), 0.1, training=True).mean(1))


class DroppingInLargerBatches(Words):
    def forward(self, ids):
        return self.head(F.dropout(self.mid(self.words(ids)), 0.1, training=len(ids) > 1).mean(1))


@pytest.mark.parametrize("labels", ["exact", "empirical", "batched"])
@pytest.mark.parametrize("loop", [False, True])
@pytest.mark.parametrize("kind", [AlwaysDropping, DroppingInLargerBatches])
def test_a_random_model_is_refused(kind, loop, labels):
    model, y = kind(), torch.zeros(N, dtype=torch.long)
    if loop:
        model.extra = nn.Parameter(torch.zeros(1))
    with pytest.raises(ValueError, match="not deterministic in eval mode"):
        fisher_diagonal(model, [(IDS[:1], y[:1]), (IDS[1:], y[1:])], labels=labels)


def state(model):
    hooks = [len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules()]
    grads = [None if p.grad is None else p.grad.clone() for p in model.parameters()]
    return [m.training for m in model.modules()], hooks, [p.requires_grad for p in model.parameters()], grads


@pytest.mark.parametrize("kind", [Positions, Attention])
@pytest.mark.parametrize("bad", [None, "labels", "stream"])
def test_the_model_is_left_as_it_was(kind, bad):
    model = kind().train()
    model.head.eval()
    model.words.weight.requires_grad_(False)
    model.head.weight.grad = torch.ones_like(model.head.weight)
    modes, hooks, wanted, grads = state(model)
    weights = {k: v.clone() for k, v in model.state_dict().items()}
    y = torch.tensor([0, 1, 2, 9 if bad == "labels" else 0])

    def stream():
        yield IDS, y.clamp(max=2)
        if bad == "stream":
            raise RuntimeError("the disk is gone")
        yield IDS, y

    with torch.no_grad():
        if bad is None:
            fisher_diagonal(model, stream(), labels="empirical")
        else:
            with pytest.raises(ValueError if bad == "labels" else RuntimeError):
                fisher_diagonal(model, stream(), labels="empirical")
        assert not torch.is_grad_enabled()
    again = state(model)
    assert (modes, hooks, wanted) == again[:3]
    assert all(a is b or torch.equal(a, b) for a, b in zip(grads, again[3], strict=True))
    assert all(torch.equal(v, weights[k]) for k, v in model.state_dict().items())


class Broken(Words):
    def forward(self, ids):
        super().forward(ids)
        raise RuntimeError("broken")


def test_a_forward_that_raises_leaves_no_hooks():
    model = Broken().train()
    before = state(model)
    with pytest.raises(RuntimeError, match="broken"):
        fisher_diagonal(model, [(IDS, None)])
    assert state(model) == before


Y = torch.tensor([0, 1, 2, 0])


@pytest.mark.parametrize(
    ("batches", "labels", "message"),
    [
        ([(IDS, Y)], "fisher", "labels is 'fisher'; it must be one of 'exact'"),
        ([], "exact", "batches holds no examples"),
        ([(IDS[:0], Y[:0])], "exact", "batches holds no examples"),
        ([(IDS,)], "empirical", "labels are missing; 'empirical'"),
        ([(IDS, None)], "batched", "labels are missing; 'batched'"),
        ([{"ids": IDS}], "empirical", "labels are missing"),
        ([(IDS, Y + 1)], "empirical", "labels hold 3; with 3 logits they go from 0 to 2"),
        ([(IDS, Y - 1)], "batched", "labels hold -1; with 3 logits they go from 0 to 2"),
        ([(IDS, Y * 100 - 100)], "empirical", "labels hold -100; with 3 logits they go from 0 to 2"),
        ([(IDS, Y.double())], "empirical", "need integers"),
        ([(IDS, Y[:, None])], "empirical", r"labels have shape \(4, 1\)"),
        ([(IDS, Y[:2])], "exact", r"labels have shape \(2,\) in a batch of 4 examples"),
        ([{"ids": IDS, "other": IDS[:2]}], "exact", r"first dimensions \[2, 4\]"),
        ([{"other": 3}], "exact", "at least one tensor"),
        ([IDS], "exact", "a batch is a Tensor; it must be a dict of tensors or a pair"),
    ],
)
def test_bad_batches(batches, labels, message):
    with pytest.raises(ValueError, match=message):
        fisher_diagonal(Words(), batches, labels=labels)


class Answer(nn.Module):
    """A linear map whose output is made into whatever a test needs."""

    def __init__(self, make):
        super().__init__()
        self.linear, self.make = nn.Linear(2, 2), make

    def forward(self, x):
        return self.make(self.linear(x))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda z: z / 0, "nan or an infinity"),
        (lambda z: z * float("nan"), "nan or an infinity"),
        (lambda z: (z,), "returned a tuple without logits"),
        (lambda z: {"loss": z}, "returned a dict without logits"),
        (lambda z: z[:, 0], r"they must be \[N, C\] or \[N, L, V\]"),
        (lambda z: z[:1], r"logits are \(1, 2\) for 3 examples"),
        (lambda z: z[:, :, None], r"a regression needs \[N, 1\]"),
    ],
)
def test_bad_logits(make, message):
    with pytest.raises(ValueError, match=message):
        fisher_diagonal(Answer(make), [(torch.ones(3, 2),)])


@pytest.mark.parametrize("y", [None, torch.ones(3, 2), torch.tensor([1.0, 2.0, float("nan")])])
def test_bad_numbers_for_a_regression(y):
    with pytest.raises(ValueError, match="labels"):
        fisher_diagonal(nn.Linear(2, 1), [(torch.ones(3, 2), y)], labels="empirical")


def test_masked_logits_always_need_labels_for_their_positions():
    model = Answer(lambda z: z[:, None].expand(-1, 4, -1))
    for labels in ("exact", "sampled"):
        with pytest.raises(ValueError, match=r"labels are missing; .* needs labels of shape \(3, 4\)"):
            fisher_diagonal(model, [(torch.ones(3, 2),)], labels=labels)
        with pytest.raises(ValueError, match=r"labels hold -1; .* or -100 for a position that does not count"):
            fisher_diagonal(model, [(torch.ones(3, 2), torch.full((3, 4), -1))], labels=labels)


def test_a_frozen_model_has_no_fisher():
    with pytest.raises(ValueError, match="no parameter that requires grad"):
        fisher_diagonal(Words().requires_grad_(False), [(IDS, None)])


def test_a_model_may_answer_with_a_dictionary():
    model = Answer(lambda z: {"logits": z})
    plain = fisher_diagonal(model.linear, [(torch.ones(3, 2),)])
    assert_agree(fisher_diagonal(model, [{"x": torch.ones(3, 2)}]), {f"linear.{k}": f for k, f in plain.items()}, 1e-6)


def test_the_bar_shows_only_when_asked(capsys):
    fisher_diagonal(Words(), [(IDS, None)])
    fisher_diagonal(Words(), [(IDS, None)], progress=False)
    assert capsys.readouterr().err == ""
    fisher_diagonal(Words(), [(IDS, None)], progress=True)
    assert "Fisher" in capsys.readouterr().err


# On disk


def test_save_and_load(tmp_path):
    found = fisher_diagonal(Tied(), [(IDS, None)])
    save_fisher(tmp_path / "f.safetensors", found, weights="abc", seed=3)
    loaded, metadata = load_fisher(tmp_path / "f.safetensors")
    assert metadata == {"labels": "exact", "examples": "4", "weights": "abc", "seed": "3"}
    assert (loaded.labels, loaded.examples) == ("exact", 4)
    assert set(loaded) == set(found)
    assert all(torch.equal(loaded[k], found[k]) and loaded[k].dtype == found[k].dtype for k in found)
    assert os.listdir(tmp_path) == ["f.safetensors"]


def test_a_plain_dictionary_needs_its_labels_and_examples(tmp_path):
    path, plain = tmp_path / "f", {"w": torch.ones(2)}
    with pytest.raises(ValueError, match="labels is not known"):
        save_fisher(path, plain, examples=3)
    with pytest.raises(ValueError, match="examples is not known"):
        save_fisher(path, plain, labels="exact")
    assert not os.listdir(tmp_path)
    save_fisher(path, plain, labels="exact", examples=3)
    assert load_fisher(path)[0].examples == 3


def test_a_failed_save_keeps_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "f"
    save_fisher(path, Fisher({"w": torch.ones(2)}, labels="exact", examples=1))

    def full(tensors, name, metadata):
        name.write_bytes(b"half a f")
        raise OSError("no space left on device")

    monkeypatch.setattr("recall_learn.fisher.save_file", full)
    with pytest.raises(OSError, match="no space"):
        save_fisher(path, Fisher({"w": torch.zeros(2)}, labels="exact", examples=1))
    assert os.listdir(tmp_path) == ["f"]
    assert torch.equal(load_fisher(path)[0]["w"], torch.ones(2))


def test_damaged_and_foreign_files(tmp_path):
    path = tmp_path / "f"
    with pytest.raises(FileNotFoundError):
        load_fisher(path)
    save_fisher(path, Fisher({"w": torch.ones(20)}, labels="exact", examples=1))
    whole = path.read_bytes()
    for damaged in (b"", whole[:-3], whole[:20], b"a pickle, perhaps" * 9):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match="is damaged or not a safetensors file"):
            load_fisher(path)
    path.write_bytes(whole[:-1] + b"\x00")
    with pytest.raises(ValueError, match="not those that were written"):
        load_fisher(path)
    save_file({"w": torch.ones(2)}, path)
    with pytest.raises(ValueError, match="not a Fisher written by save_fisher"):
        load_fisher(path)
