"""Two processes on loopback, with pieces of a model or a share of the examples each, end as one process does."""

import pytest
import torch
from pieces import (
    ATTACH,
    FISHERS,
    FORMS,
    Classifier,
    anchors_of,
    child,
    gradients,
    one_of_two,
    pretend_fisher,
    rows,
    shares,
    train,
    whole,
)
from processes import in_two
from torch import nn

from recall_learn.measures.distance import distance
from recall_learn.methods.child_tuning import layer_names
from recall_learn.theory.fisher import fisher_diagonal
from recall_learn.theory.laplace import QuadraticPenalty, ewc, l2sp


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    folder = tmp_path_factory.mktemp("two")
    in_two(one_of_two, folder)
    return [torch.load(folder / f"{rank}.pt", weights_only=False) for rank in (0, 1)]


def assert_close(found, right, bound=1e-6):
    assert found.keys() == right.keys()
    for name in right:
        assert (found[name] - right[name]).norm() <= bound * right[name].norm(), name


def assert_same(first, second):
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("attach", ATTACH)
def test_masks_on_pieces_train_as_one_process_does(two, attach):
    alone, start = train(Classifier(), slice(None), ATTACH[attach]), whole(dict(Classifier().named_parameters()))
    for found in two:
        for name in alone:
            moved = (alone[name] - start[name]).norm()
            assert (found["trained"][attach][name] - alone[name]).norm() <= 1e-4 * moved, name
    assert_same(two[0]["trained"][attach], two[1]["trained"][attach])


def test_outside_the_child_no_piece_moves(two):
    start = whole(dict(Classifier().named_parameters()))
    mask = child(torch.optim.SGD(list(Classifier().named_parameters()), lr=0.1)).masks
    for found in (two[0]["trained"]["D"], two[0]["trained"]["F and D"], two[1]["swapped"]):
        for name, chosen in mask.items():
            assert torch.equal(found[name][~chosen], start[name][~chosen])
        assert sum(int((found[name] != start[name]).sum()) for name in mask) == sum(int(m.sum()) for m in mask.values())


def test_parameters_swapped_by_position_are_masked(two):
    for found in two:
        assert_close(found["swapped"], two[0]["trained"]["F and D"], 0)


def test_a_child_in_pieces_survives_a_checkpoint(two):
    right = child(torch.optim.SGD(list(Classifier().named_parameters()), lr=0.1)).masks
    for found in two:
        assert_same(found["checkpoint"]["masks"], right)
        assert_same(found["checkpoint"]["again"], right)
        assert_same(found["checkpoint"]["by pieces"], right)


@pytest.mark.parametrize("given", ["whole", "in pieces"])
@pytest.mark.parametrize("kind", ["ewc", "l2sp"])
def test_penalties_on_pieces_have_the_value_of_the_whole_and_the_gradient_of_the_piece(two, kind, given):
    model = Classifier()
    anchors = anchors_of(model)
    penalty = ewc(anchors, pretend_fisher(), 2.0) if kind == "ewc" else l2sp(anchors, 3.0)
    value = penalty(model)
    value.backward()
    merged = penalty.merge(QuadraticPenalty(anchors, 1.0), 0.5)(model)
    for found in two:
        got, got_gradients, got_merged = found["trained"]["penalties"][kind, given]
        torch.testing.assert_close(got, value.detach(), rtol=1e-6, atol=0)
        torch.testing.assert_close(got_merged, merged.detach(), rtol=1e-6, atol=0)
        assert_close(got_gradients, gradients(model), 0)
        got = found["trained"]["penalties"]["distance", given].item()
        assert got == pytest.approx(distance(model, anchors), rel=1e-6)
        assert got == pytest.approx(0.1 * sum(a.numel() for a in anchors.values()) ** 0.5, rel=1e-5)


@pytest.mark.parametrize("form", ["pieces", "replicas"])
def test_training_with_a_penalty_and_masks_on_pieces(two, form):
    alone = train(Classifier(), slice(None), ATTACH["F and D"], ewc(anchors_of(Classifier()), pretend_fisher(), 2.0))
    start = whole(dict(Classifier().named_parameters()))
    for found in two:
        for name in alone:
            moved = (alone[name] - start[name]).norm()
            assert (found["trained"]["penalised", form][name] - alone[name]).norm() <= 1e-4 * moved, name
        assert found["trained"]["bad precision"].startswith("ValueError: fisher['base_model.words.weight'] lies in [")


@pytest.mark.parametrize("form", [*FORMS, "alone in pieces"])
@pytest.mark.parametrize("name", FISHERS)
def test_a_fisher_over_two_processes_is_that_of_one(two, name, form):
    options = dict(FISHERS[name])
    model = Classifier(options.pop("formulas", True))
    right = fisher_diagonal(model, [rows()], **options)
    assert sum(f.sum() for f in right.values()) > 0.1
    for found in two:
        assert_close(found["fishers"][name, form], right)
        assert all(type(f) is torch.Tensor for f in found["fishers"][name, form].values())
    assert_same(two[0]["fishers"][name, form], two[1]["fishers"][name, form])


def test_processes_may_have_no_examples_and_draw_their_own_labels(two):
    right = fisher_diagonal(Classifier(), [rows()])
    generators = [torch.Generator().manual_seed(rank) for rank in (0, 1)]
    drawn = [fisher_diagonal(Classifier(), shares(r), labels="sampled", generator=generators[r]) for r in (0, 1)]
    sampled = {name: (9 * drawn[0][name] + 4 * drawn[1][name]) / 13 for name in right}
    for found in two:
        assert set(found["fishers"]["examples"]) == {13}
        assert_close(found["fishers"]["nobody else"], right)
        assert_close(found["fishers"]["after a forward"], right)
        assert_close(found["fishers"]["sampled"], sampled)


@pytest.mark.parametrize("name", FISHERS)
def test_a_model_in_pieces_is_left_as_it_was(two, name):
    model, (ids, y) = Classifier(FISHERS[name].get("formulas", True)), rows()
    nn.functional.cross_entropy(model(ids), y).backward()
    for found in two:
        assert_close(
            found["fishers"][name, "gradients after"],
            {n: p.grad for n, p in model.named_parameters() if p.requires_grad},
        )
        assert found["fishers"][name, "training"] is True


def test_a_fisher_at_home_leaves_the_pieces_where_they_stood(two):
    model, stood = Classifier(), whole(dict(Classifier().named_parameters()))
    model.load_state_dict(anchors_of(model), strict=False)
    right = fisher_diagonal(model, [rows()], labels="empirical")
    for found in two:
        assert_close(found["home"]["fisher"], right)
        assert_same(found["home"]["weights"], stood)


def test_what_a_group_refuses(two):
    first, second = (found["refusals"] for found in two)
    for found in (first, second):
        assert found["nothing"].startswith("ValueError: batches holds no examples")
        assert "of the group has other parameters than this one" in found["other model"]
        assert found["two kinds"].startswith(
            "ValueError: the processes of the group have bernoulli and gaussian examples"
        )
        assert found["no group"].startswith("ValueError: group is 'world'; it must be None or a process group")
        assert found["flat"].startswith("ValueError: model is a FullyShardedDataParallel")
        assert found["columns"].startswith("ValueError: model is parallelized by torch.distributed.tensor")
        assert "process 1" in first["a failure in pieces"]
        assert all(found["in pieces again"])
    assert second["a failure"] == "ValueError: labels hold 3; with 3 logits they go from 0 to 2"
    assert first["a failure"] == f"RuntimeError: process 1 of the group failed: {second['a failure']}"
    assert first["no member"] == "taken"
    assert second["no member"].startswith("ValueError: group is")


def test_layers_in_pieces_have_their_names(two):
    assert two[0]["layers"] == two[1]["layers"] == layer_names(Classifier())
    assert len(two[0]["layers"]) == 8
