"""Methods with passes of their own in a run of finetune: stopped in the middle, and gone on with."""

import pytest
import torch
import transformers
from classify import begun, model_of
from small import ARCHITECTURES, refused, save_backbone, save_glue

from recall_learn import Recipe, finetune
from recall_learn.runs.record import Run

METHODS = "siatl(fall=4) + lwf + bss + {}"


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A BERT with dropout, and a task."""
    root = tmp_path_factory.mktemp("world")
    config, _ = ARCHITECTURES["bert"]
    wide = type(config).from_dict({**config.to_dict(), "initializer_range": 0.4})
    save_backbone(root / "bert", model_class=transformers.BertForMaskedLM, config=wide)
    save_glue(root / "glue", "mrpc")
    return root


@pytest.mark.parametrize("name", ["lwf", "siatl"])
def test_the_batch_s_words_are_needed(name):
    model = model_of()
    made = begun(model, name)
    refused(lambda: made.loss(torch.ones(())), ValueError, f"{name} reads the batch's input_ids; give the batch")


class Enough(Exception):
    """The run is to end here."""


@pytest.mark.parametrize("method", [METHODS.format("r3f(head=lipschitz)"), METHODS.format("smart")])
def test_a_run_that_was_stopped_goes_on_to_the_bit(world, tmp_path, method):
    settings = {"steps": 6, "batch_size": 4, "evaluate_every": 3, "probe": "none", "lr": 1e-3, "max_length": 40}
    recipe = Recipe(str(world / "bert"), "mrpc", method, **settings)
    given = {"data_folder": world / "glue", "device": "cpu", "progress": False}

    def stop(run: Run, optimizer: torch.optim.Optimizer) -> None:
        if len(run.history) == 4:
            raise Enough

    state = torch.get_rng_state()
    whole = finetune(recipe, out=tmp_path / "whole", **given)
    with pytest.raises(Enough):
        finetune(recipe, stop, out=tmp_path / "parts", **given)
    again = finetune(recipe, out=tmp_path / "parts", resume=True, **given)
    assert torch.equal(torch.get_rng_state(), state)
    assert again.history == whole.history
    assert again.evaluations == whole.evaluations
    assert {"disagreement", "shrinkage", "distillation", "auxiliary", "auxiliary weight"} <= whole.history[5].keys()
    assert whole.history[5]["distillation"] > 0
    assert whole.history[5]["disagreement"] > 0
    files = [(tmp_path / name / "model" / "model.safetensors").read_bytes() for name in ("whole", "parts")]
    assert files[0] == files[1]
