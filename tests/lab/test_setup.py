"""What a new run is begun with, by what somebody has asked for."""

import math

import pytest

from recall_learn.lab.setup import Setup
from recall_learn.runs.recipe import Recipe


def recipe(**settings):
    return Recipe(**{"backbone": "tiny", "task": "world/cola", "method": "recadam", "steps": 300, **settings})


def test_what_is_not_asked_for_is_as_it_is_now():
    now = recipe(k=0.3, gamma=50, lr=5e-4)
    setup = Setup(recipe())
    assert setup.wanted(now, {}) == now
    assert setup.wanted(now, {"k": math.inf, "seed": 3}) == recipe(k=math.inf, gamma=50, lr=5e-4, seed=3)


def test_a_method_that_is_chosen_again_is_as_it_was():
    setup, now = Setup(recipe()), recipe(k=0.3, gamma=50, lr=5e-4)
    for method in ("child-d", "vanilla", "l2sp+child-d"):
        now = setup.wanted(now, {"method": method})
        assert (now.names, now.lr) == (method, 5e-4)
    now = setup.wanted(now, {"p": 0.2})
    again = setup.wanted(now, {"method": "recadam+child-d"})
    assert again.method == "recadam(k=0.3, t0=250, gamma=50, algorithm=paper) + child-d(p=0.2)"
    with pytest.raises(ValueError, match=r"p is 2.0; it has to be a number in \(0, 1\]"):
        setup.wanted(now, {"p": 2.0})


def test_another_backbone_has_its_own_strengths_and_tasks():
    now = recipe(gamma=50, algorithm="coupled")
    wanted = Setup(now).wanted(now, {"backbone": "minilm"})
    assert (wanted.lr, wanted.gamma, wanted.algorithm, wanted.task) == (2e-5, 5000, "coupled", "cola")
    assert Setup(now).wanted(now, {"backbone": "minilm", "task": "rte", "lr": 1e-4}).task == "rte"
    back = Setup(wanted).wanted(wanted, {"backbone": "tiny"})
    assert (back.lr, back.gamma, back.task, back.probe) == (1e-3, 100, "world/cola", "auto")


def test_another_number_of_steps_moves_the_evaluations_with_it():
    now = recipe(evaluate_every=30)
    assert Setup(now).wanted(now, {"steps": 600}).evaluate_every == 60
    assert Setup(now).wanted(now, {"steps": 3}).evaluate_every == 1
    for wrong in (0, "many", 2.5, None):
        with pytest.raises(ValueError, match="steps is"):
            Setup(now).wanted(now, {"steps": wrong})


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"steps": 10**6, "batch_size": 4096}, "steps is 1e.06; a lab takes 100,000 at most, recall-learn finetune"),
        ({"batch_size": 4096}, "batch_size is 4096; a lab takes 1,024 at most"),
        ({"method": 3}, "method is 3; it has to be text"),
        ({"beta": 0.1}, "has no setting|no setting"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_cannot_be_is_refused(asked, words):
    with pytest.raises(ValueError, match=words):
        Setup(recipe()).wanted(recipe(), asked)
