"""WiSE-FT: both ends to the bit, the line between them, the frontier of one run, and what a merge moves."""

import copy
import json
from dataclasses import dataclass
from typing import ClassVar

import pytest
import torch
from mixed import Model, X, Y, assert_same, away, begun, trained
from torch import nn

from recall_learn.measures.distance import distance
from recall_learn.methods import METHODS
from recall_learn.methods.composed import Composed
from recall_learn.methods.expression import parse
from recall_learn.methods.method import Acting, Method, Start
from recall_learn.methods.wise_ft import between
from recall_learn.runs import record as runs
from recall_learn.runs import recordings
from recall_learn.runs.compose import begun as start_of
from recall_learn.runs.finetune import finetune
from recall_learn.runs.recipe import Recipe


def weights(model):
    return {name: p.detach().clone() for name, p in model.named_parameters()}


def far(alpha, model=None):
    """A model that has trained, and the methods at work."""
    model = Model() if model is None else model
    made = begun(model, f"wise-ft(alpha={alpha})", weights_without_head(model))
    trained(model, made)
    return model, made


def weights_without_head(model):
    return {name: p for name, p in weights(model).items() if not name.startswith("head")}


def test_the_training_is_plain():
    plain = Model()
    assert_same(weights(far(0.3)[0]), trained(plain, begun(plain, "vanilla")))


@pytest.mark.parametrize("alpha", [0.0, 0.1, 0.5, 0.75, 1.0])
def test_the_line_from_theta_star_by_numpy_and_back_to_the_bit(alpha):
    home = weights_without_head(Model())
    model, made = far(alpha)
    now = weights(model)
    with made.plain():
        seen = weights(model)
        assert distance(model, home) == pytest.approx(alpha * distance_of(now, home), rel=1e-5, abs=1e-12)
    assert_same(weights(model), now)
    for name, weight in now.items():
        right = weight.double().numpy()
        if name in home:
            right = (1 - alpha) * home[name].double().numpy() + alpha * right
        torch.testing.assert_close(seen[name].double(), torch.from_numpy(right), rtol=1e-6, atol=1e-8)
    assert_same({name: seen[name] for name in seen if "head" in name}, {n: now[n] for n in now if "head" in n})
    if alpha in (0, 1):
        end = now if alpha else home
        assert_same({name: seen[name] for name in home}, {name: end[name] for name in home})


def distance_of(now, home):
    return sum(float((now[name] - home[name]).double().square().sum()) for name in home) ** 0.5


def test_ends_are_exact_where_a_sum_would_round():
    home, now = torch.tensor([0.1, 1e8, 3.0]), torch.tensor([0.3, 1e-8, 3.0])
    assert torch.equal(between(home, now, 0.0), home)
    assert torch.equal(between(home, now, 1.0), now)
    assert between(home, now, 0.37)[2] == 3.0  # what has not moved


def test_plain_within_plain_is_the_same_model():
    """A Trainer scores in `plain`; whoever asks for it around that does not go half of the half way."""
    model, made = far(0.5)
    with made.plain():
        once = weights(model)
        with made.plain():
            assert_same(weights(model), once)
        assert_same(weights(model), once)


def test_what_is_scored_and_saved_is_settled_and_alpha_is_live():
    model, made = far(0.5)
    now = weights(model)
    made.set(alpha=1)
    with made.plain():
        assert_same(weights(model), now)
    made.set(alpha=0)
    made.settle()
    assert_same(weights_without_head(model), weights_without_head(Model()))


class Normed(nn.Module):
    """With a buffer of whole numbers."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.body, self.norm, self.head = nn.Linear(5, 4), nn.BatchNorm1d(4), nn.Linear(4, 3)

    def forward(self, x):
        return self.head(self.norm(self.body(x)))


def test_buffers_stay_as_they_are():
    model, made = far(0.0, Normed())
    assert model.norm.num_batches_tracked == 3
    before = {name: buffer.clone() for name, buffer in model.named_buffers()}
    with made.plain():
        assert_same(dict(model.named_buffers()), before)
        assert model.norm.num_batches_tracked.dtype == torch.int64


def test_theta_star_is_a_copy():
    """Public code keeps the state_dict of a model that goes on training: then every alpha gives the trained one."""
    model = Model()
    start = start_of(parse("wise-ft(alpha=0)", METHODS), model, lr=1e-2, new=["head"])
    made = Composed(parse("wise-ft(alpha=0)", METHODS), start, [{"params": list(model.named_parameters())}])
    trained(model, made)
    with made.plain():
        assert_same(weights_without_head(model), weights_without_head(Model()))


def test_the_frontier_does_not_compound_and_leaves_the_weights():
    model, made = far(0.5)
    now, home = weights(model), weights_without_head(Model())
    (end,) = made.ending(lambda: {"step": 3, "distance": distance(model, home), "metrics": {"x": 1.0}}).values()
    assert [point["alpha"] for point in end] == [n / 10 for n in range(11)]
    assert [point["distance"] for point in end] == pytest.approx(
        [n / 10 * distance_of(now, home) for n in range(11)], rel=1e-5
    )
    assert all(point.keys() == {"alpha", "distance", "metrics"} for point in end)
    assert_same(weights(model), now)
    assert made.methods[0].alpha == 0.5


def test_a_linear_model_mixes_its_outputs_and_a_convex_loss_is_below_the_chord():
    torch.manual_seed(1)
    model = nn.Linear(5, 3).double()
    made = begun(model, "wise-ft", weights(model), lr=0.3)
    outputs, losses = {}, {}
    for when in ("home", "now"):
        outputs[when] = model(X).detach()
        for _ in range(5 * (when == "home")):
            made.optimizer.zero_grad()
            nn.functional.cross_entropy(model(X), Y).backward()
            made.optimizer.step()
    for alpha in (0.0, 0.25, 0.5, 1.0):
        made.set(alpha=alpha)
        with made.plain():
            torch.testing.assert_close(model(X), (1 - alpha) * outputs["home"] + alpha * outputs["now"])
            losses[alpha] = nn.functional.cross_entropy(model(X), Y).item()
    assert losses[0.25] <= 0.75 * losses[0.0] + 0.25 * losses[1.0]
    assert losses[0.5] <= 0.5 * losses[0.0] + 0.5 * losses[1.0]


class Merging(Acting):
    """An adapter beside a frozen layer, which is merged into it where the model is scored."""

    def plain(self, model):
        inner = model.first
        merged = nn.Linear(5, 4, bias=False)
        merged.weight = nn.Parameter((inner.inner.weight + inner.added).detach(), requires_grad=False)
        model.first = merged

        def undo():
            model.first = inner

        return undo


class Beside(nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.inner, self.added = inner, nn.Parameter(torch.ones_like(inner.weight))

    def forward(self, x):
        return self.inner(x) + x @ self.added.T


@dataclass(frozen=True)
class Adding(Method):
    name: ClassVar[str] = "adding"
    freezes: ClassVar[bool] = True
    acting: ClassVar[type[Acting]] = Merging

    def prepare(self, model, seed):
        for name, p in model.named_parameters():
            p.requires_grad_("head" in name)
        model.first.bias = None
        model.first = Beside(model.first)
        return ("first.added",)


def test_what_is_merged_into_frozen_weights_is_taken_back_too():
    model = Model()
    home = weights(model)
    methods = (Adding(), *parse("wise-ft(alpha=0.25)", METHODS))
    start = start_of(methods, model, lr=1e-2, new=["head"])
    assert not start.anchors
    made = Composed(methods, start, [{"params": list(model.named_parameters())}])
    with made.plain():
        torch.testing.assert_close(model.first.weight, home["first.weight"] + 0.25)
        assert list(dict(model.named_parameters())) == [name for name in home if name != "first.bias"]
    assert torch.equal(model.first.inner.weight, home["first.weight"])


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("wise-ft(alpha=1.1)", r"^alpha is 1.1; it has to be a number in \[0, 1\]$"),
        ("wise-ft(points=0)", r"^points is 0.0; it has to be a whole number in \[1, 100\]$"),
        ("wise-ft(points=2.5)", r"^points is 2.5; it has to be a whole number in \[1, 100\]$"),
    ],
)
def test_refused_settings(expression, says):
    with pytest.raises(ValueError, match=says):
        parse(expression, METHODS)


def test_a_model_without_pretrained_weights_is_refused():
    with pytest.raises(ValueError, match=r"^wise-ft finds no weight in Model that was pretrained"):
        Composed(parse("wise-ft", METHODS), Start(Model(), {}, lr=1e-2), [])


@pytest.mark.parametrize("method", ["wise-ft(points=2)", "recadam(t0=3) + wise-ft(points=2, alpha=0.75)"])
def test_a_run_records_the_frontier_and_saves_the_model_at_alpha(world, tmp_path, method):
    from transformers import AutoModelForSequenceClassification

    recipe = Recipe(str(world / "bert"), "mrpc", method, steps=4, batch_size=4, lr=1e-3, max_length=40)
    run = finetune(recipe, out=tmp_path, data_folder=world / "glue", device="cpu", progress=False)
    frontier = run.final["frontier"]
    assert [point["alpha"] for point in frontier] == [0, 0.5, 1]
    assert frontier[0]["distance"] == 0
    assert frontier[1]["distance"] == pytest.approx(frontier[2]["distance"] / 2, rel=1e-5)
    assert run.final["distance"] == pytest.approx(recipe.alpha * frontier[2]["distance"], rel=1e-5)
    assert runs.load(tmp_path / "run.json").final == run.final
    saved = AutoModelForSequenceClassification.from_pretrained(tmp_path / "model")
    home = AutoModelForSequenceClassification.from_pretrained(world / "bert")
    anchors = {name: p for name, p in weights(home).items() if not name.startswith("classifier")}
    assert distance(saved, anchors) == pytest.approx(run.final["distance"], rel=1e-5)
    broken = json.loads((tmp_path / "run.json").read_text())
    broken["final"]["frontier"][1].pop("alpha")
    with pytest.raises(ValueError, match="alpha"):
        runs.Run.from_json(json.dumps(broken))


def test_anchors_that_lie_elsewhere_are_the_end_at_0():
    model = Model()
    anchors = away(model)
    made = begun(model, "wise-ft(alpha=0)", anchors)
    copied = copy.deepcopy(model)
    with made.plain():
        assert_same({name: p for name, p in weights(model).items() if name in anchors}, anchors)
    assert_same(weights(model), weights(copied))


def test_a_grid_s_file_keeps_the_frontier(world, tmp_path):
    asked = Recipe(str(world / "bert"), "mrpc", "wise-ft(points=4)", steps=2, batch_size=4, lr=1e-3, max_length=40)
    run = finetune(asked, data_folder=world / "glue", device="cpu", progress=False)
    kept = recordings.Records()
    kept.add(run, asked, run.environment)
    kept.save(tmp_path / "grid.jsonl")
    frontier = recordings.load(tmp_path / "grid.jsonl").runs[0].frontier
    assert frontier["alpha"] == [0, 0.25, 0.5, 0.75, 1]
    assert frontier["distance"] == pytest.approx([each["distance"] for each in run.final["frontier"]], rel=1e-3)
    assert frontier["score"] == pytest.approx([each["metrics"][run.primary] for each in run.final["frontier"]], 1e-3)


@pytest.mark.parametrize("method", ["lora + wise-ft(points=2, alpha=0.5)", "lora + ema(decay=0) + wise-ft(points=2)"])
def test_low_rank_updates_are_merged_and_then_taken_back(world, tmp_path, method):
    recipe = Recipe(str(world / "bert"), "mrpc", method, steps=4, batch_size=4, lr=1e-2, max_length=40)
    run = finetune(recipe, out=tmp_path, data_folder=world / "glue", device="cpu", progress=False)
    start, half, end = run.final["frontier"]
    assert start["distance"] == 0
    assert start["metrics"] != end["metrics"] or end["distance"] > 1e-3
    assert half["distance"] == pytest.approx(end["distance"] / 2, rel=1e-4)
    assert run.final["distance"] == pytest.approx(half["distance"], rel=1e-6)
    alone = finetune(
        Recipe(str(world / "bert"), "mrpc", "lora", steps=4, batch_size=4, lr=1e-2, max_length=40),
        data_folder=world / "glue",
        device="cpu",
        progress=False,
    )
    assert end["distance"] == pytest.approx(alone.final["distance"], rel=1e-5)
