"""A sweep takes a thousand runs in one process: what one of them leaves behind is there a thousand times."""

import gc

import pytest
import torch
from small import save_backbone, save_glue

from recall_learn.runs.finetune import finetune
from recall_learn.runs.recipe import Recipe
from recall_learn.runs.sequence import sequence


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    root = tmp_path_factory.mktemp("left")
    save_backbone(root / "bert")
    save_glue(root / "glue", "mrpc", "cola")
    return root


def living():
    gc.collect()
    return sum(torch.is_tensor(each) for each in gc.get_objects())


def recipe(places, method="vanilla"):
    return Recipe(
        str(places / "bert"), "mrpc", method=method, steps=2, batch_size=4, lr=1e-3, max_length=32, probe="none"
    )


@pytest.mark.parametrize(
    "method",
    ["vanilla", "recadam(k=0.1, t0=1, gamma=1)", "smart(weight=1)", "lora(r=2)", "mixout(p=0.5)", "child-d(p=0.3)"],
)
def test_a_run_leaves_no_tensor(places, method):
    def run():
        finetune(recipe(places, method), data_folder=places / "glue", progress=False)

    run()  # what is made once, and kept, is made here
    before = living()
    run()
    assert living() == before


def test_nor_does_a_run_that_is_refused(places):
    def run():
        with pytest.raises(ValueError, match="batch_size is 1000000000"):
            finetune(Recipe(**{**recipe(places).to_dict(), "batch_size": 10**9}), data_folder=places / "glue")

    run()
    before = living()
    run()
    assert living() == before


def test_nor_does_a_sequence(places):
    def run():
        sequence(recipe(places, "task-replay(buffer=8)"), ["mrpc", "cola"], data_folder=places / "glue", progress=False)

    run()
    before = living()
    run()
    assert living() == before
