"""The slanted triangle: the paper's formula where it holds, and no negative rate where it does not."""

import itertools
import math

import pytest
import torch
from ways import NEW, arguments, bert, rows

from recall_learn import RecallTrainer, compose
from recall_learn.methods import METHODS
from recall_learn.methods.expression import parse
from recall_learn.runs.finetune import finetune
from recall_learn.runs.recipe import Recipe


def published(t, steps, cut_frac=0.1, ratio=32.0):
    """Equation 3 of the paper, to the letter."""
    cut = math.floor(steps * cut_frac)
    p = t / cut if t < cut else 1 - (t - cut) / (cut * (1 / cut_frac - 1))
    return (1 + p * (ratio - 1)) / ratio


def shares(steps, **settings):
    share = METHODS["slanted"](**settings).lr_schedule(steps)
    return [share(t) for t in range(steps + 1)]


@pytest.mark.parametrize("steps", [10, 50, 100, 1000])
def test_the_paper_s_formula_where_a_tenth_of_the_steps_is_whole(steps):
    assert shares(steps) == pytest.approx([published(t, steps) for t in range(steps + 1)])


@pytest.mark.parametrize(("cut_frac", "ratio", "steps"), [(0.25, 32.0, 80), (0.5, 4.0, 60), (0.2, 10.0, 35)])
def test_other_settings(cut_frac, ratio, steps):
    right = [published(t, steps, cut_frac, ratio) for t in range(steps + 1)]
    assert shares(steps, cut_frac=cut_frac, ratio=ratio) == pytest.approx(right)


@pytest.mark.parametrize(("steps", "last"), [(19, -0.83), (99, -0.064), (105, -0.012), (109, -0.055)])
def test_the_published_formula_goes_below_0_and_this_one_does_not(steps, last):
    assert published(steps - 1, steps) == pytest.approx(last, abs=6e-4)
    found = shares(steps)
    assert min(found) == pytest.approx(1 / 32)
    assert found[-1] == pytest.approx(1 / 32)
    assert found[steps // 10] == 1


@pytest.mark.parametrize("steps", range(1, 10))
def test_a_run_of_fewer_than_10_steps_only_falls(steps):
    with pytest.raises(ZeroDivisionError):
        published(0, steps)
    found = shares(steps)
    assert found[0] == 1
    assert found[-1] == pytest.approx(1 / 32)
    assert all(one > other for one, other in itertools.pairwise(found))


@pytest.mark.parametrize("steps", [1, 7, 10, 19, 99, 100, 105, 109, 333])
@pytest.mark.parametrize("cut_frac", [0.0, 0.1, 0.29, 0.999])
def test_it_is_never_outside_of_its_ends_and_has_one_peak(steps, cut_frac):
    found = shares(steps, cut_frac=cut_frac)
    assert all(1 / 32 - 1e-12 <= share <= 1 for share in found)
    peak = found.index(1)
    assert peak == int(round(steps * cut_frac, 9))
    assert found == [*sorted(found[: peak + 1]), *sorted(found[peak + 1 :], reverse=True)]


def test_beyond_the_end_it_stays_at_the_end():
    assert METHODS["slanted"]().lr_schedule(20)(25) == pytest.approx(1 / 32)


def test_a_ratio_of_1_is_one_rate():
    assert shares(30, ratio=1) == [1] * 31


def test_it_is_the_schedule_of_finetune(world):
    recipe = Recipe(str(world / "bert"), "mrpc", "slanted", steps=20, batch_size=4, lr=1e-3, max_length=40)
    run = finetune(recipe, data_folder=world / "glue", device="cpu", progress=False)
    assert run.column("lr") == pytest.approx([1e-3 * published(t, 20) for t in range(20)])


def test_a_warm_up_beside_it_is_refused():
    with pytest.raises(
        ValueError, match=r"^warmup is 0.1; slanted has a schedule of its own, which warms up or not: leave warmup out$"
    ):
        Recipe(method="slanted", warmup=0.1)
    Recipe(method="recadam", warmup=0.1)


def test_it_is_the_schedule_of_a_trainer(tmp_path):
    trainer = RecallTrainer(
        bert(), arguments(tmp_path, max_steps=10, logging_strategy="steps", logging_steps=1), train_dataset=rows(40),
        method="slanted + recadam", new=NEW,
    )  # fmt: skip
    trainer.train()
    logged = [log["learning_rate"] for log in trainer.state.log_history if "learning_rate" in log]
    assert logged == pytest.approx([1e-3 * published(t, 10) for t in range(10)])  # of the step that was taken


def test_it_is_there_for_a_loop():
    made = compose("slanted + layer-rates", bert(), lr=1e-3, new=NEW)
    schedule = torch.optim.lr_scheduler.LambdaLR(made.optimizer, made.lr_schedule(10))
    top = []
    for _ in range(10):
        top.append(made.record()["lr"])
        made.optimizer.step()
        schedule.step()
    assert top == pytest.approx([1e-3 * published(t, 10) for t in range(10)])


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("slanted(cut_frac=1)", r"^cut_frac is 1.0; it has to be a number in \[0, 1\)$"),
        ("slanted(ratio=0.5)", r"^ratio is 0.5; it has to be a number of at least 1$"),
    ],
)
def test_refused_settings(expression, says):
    with pytest.raises(ValueError, match=says):
        parse(expression, METHODS)
