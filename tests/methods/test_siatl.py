"""SiATL's auxiliary loss against sums written out; its head, which trains in the model and is not saved; its laws."""

import copy

import numpy as np
import pytest
import torch
from classify import BATCHES, DROPPING, begun, gradients, model_of, resumed, step, term, trained
from small import refused
from ways import arguments, rows, same, source_of, weights

from recall_learn import RecallTrainer
from recall_learn.methods import METHODS
from recall_learn.methods.expression import parse
from recall_learn.methods.siatl import SiATL

BATCH = BATCHES[0]


def test_gamma_falls_as_the_paper_s_does():
    """Its 15 epochs, exp of even points from -1.6 to -2.3, and constant then."""
    paper = np.exp(np.linspace(-1.6, -2.3, 15))
    method = SiATL(weight=0.2019, left=0.4966, fall=14)
    np.testing.assert_allclose(method.gamma(np.arange(15)), paper, rtol=1e-3)
    assert method.gamma(1000) == pytest.approx(0.1003, rel=1e-3)
    np.testing.assert_allclose(
        method.ahead(np.array([1, 15, 99]))["auxiliary weight"], [0.2019, 0.1003, 0.1003], rtol=1e-3
    )
    assert (SiATL(weight=0).gamma(np.arange(5)) == 0).all()


def test_the_term_is_gamma_times_the_loss_at_the_hidden_words_of_the_task():
    model = model_of().double()
    made = begun(model, "siatl(weight=2, left=0.25, fall=2, hidden=0.4)")
    (acting,) = made._acting
    for taken, gamma in enumerate((2, 1, 0.5, 0.5)):
        inputs, words = acting.source.hide(BATCH, 0.4, acting.drawn())
        assert len(words) > 5
        whole, losses = acting.source.masked_lm.model, []
        for row, ids in enumerate(inputs["input_ids"]):
            for place in (ids == 0).nonzero()[:, 0]:
                z = whole(input_ids=ids[None]).logits[0, place].detach().numpy()
                word = BATCH["input_ids"][row, place]
                losses.append(np.log(np.exp(z - z.max()).sum()) + z.max() - z[word])
        assert acting.steps == taken
        assert made.record()["auxiliary weight"] == pytest.approx(gamma)
        assert term(model, made)[0].item() == pytest.approx(gamma * np.mean(losses), rel=1e-4)
        step(model, made, BATCH)


def test_its_gradient_is_on_encoder_and_own_head_and_not_on_the_classifier():
    model = model_of()
    made = begun(model, "siatl")
    found = gradients(term(model, made)[0], model)
    assert found["classifier.weight"] is None
    assert found["classifier.bias"] is None
    assert found["bert.encoder.layer.0.output.dense.weight"].abs().max() > 0
    own = [name for name in found if name.startswith("auxiliary_head")]
    assert own
    assert all(found[name].abs().max() > 0 for name in own)


def test_the_head_is_a_copy_that_trains_and_shares_the_embeddings():
    model = model_of()
    source = source_of(model)
    before = {name: p.clone() for name, p in source.masked_lm.model.cls.named_parameters()}
    made = begun(model, "siatl")  # of a source made alike
    (acting,) = made._acting
    whole = acting.source.masked_lm.model
    assert whole.bert is model.bert
    assert whole.cls.predictions.decoder.weight is model.bert.embeddings.word_embeddings.weight
    own = dict(whole.cls.named_parameters())
    assert all(torch.equal(own[name], p) for name, p in before.items())
    inside = {id(p) for group in made.optimizer.param_groups for p in group["params"]}
    assert inside == {id(p) for p in model.parameters()}
    assert len(inside) > len(list(model_of().parameters()))
    for batch in BATCHES:
        step(model, made, batch)
    moved = [name for name, p in before.items() if not torch.equal(own[name], p)]
    assert {name.split(".")[1] for name in moved} >= {"bias", "transform"}


def test_decay_of_the_head_is_that_of_the_rest():
    made = begun(model_of(), "siatl + recadam(k=0.5, t0=2)", weight_decay=0.3)
    found = {
        name: group["weight_decay"]
        for group in made.optimizer.param_groups
        for name in group["param_names"]
        if name.startswith("auxiliary_head")
    }
    assert {decay for name, decay in found.items() if name.endswith("dense_weight")} == {0.3}
    assert {decay for name, decay in found.items() if name.endswith("bias")} == {0.0}


def test_it_is_not_in_the_model_that_is_scored_saved_and_left():
    model, names = model_of(), list(model_of().state_dict())
    made = begun(model, "siatl")
    inside = list(model.state_dict())
    assert len(inside) > len(names)
    with made.plain():
        assert list(model.state_dict()) == names
    assert list(model.state_dict()) == inside
    made.settle()
    assert list(model.state_dict()) == names
    made.close()


@pytest.mark.parametrize("config", [{}, DROPPING], ids=["quiet", "dropout"])
def test_weight_0_is_plain_fine_tuning_to_the_bit(config):
    losses, ends = trained(model_of(**config), "siatl(weight=0)")
    plain, plain_ends = trained(model_of(**config), "vanilla")
    assert losses == plain
    assert all(torch.equal(ends[name], plain_ends[name]) for name in plain_ends)


@pytest.mark.parametrize("config", [{}, DROPPING], ids=["quiet", "dropout"])
def test_a_resumed_run_goes_on_to_the_bit_and_the_global_generator_is_left_alone(config):
    whole, parts = resumed("siatl(weight=2, fall=3) + recadam(k=0.5, t0=2)", **config)
    assert all(torch.equal(whole[name], parts[name]) for name in whole)
    model = model_of(**config)
    made, outputs = begun(model, "siatl"), model(**BATCH)
    state = torch.get_rng_state()
    one, two = (made.terms(BATCH, outputs)["auxiliary"].item() for _ in range(2))
    assert one == two  # dropout's masks are of the step
    assert torch.equal(torch.get_rng_state(), state)


def test_a_trainer_s_checkpoint_holds_the_head_and_its_model_does_not(tmp_path):
    def run(folder, resume=None):
        model = model_of(2, **DROPPING)
        anchors = {name: p.detach().clone() for name, p in model.named_parameters() if "classifier" not in name}
        trainer = RecallTrainer(
            model,
            arguments(folder, max_steps=4, save_strategy="steps", save_steps=2),
            train_dataset=rows(),
            method="siatl(weight=1, fall=3)",
            anchors=anchors,
            source=source_of(model),
        )
        trainer.train(resume_from_checkpoint=resume)
        trainer.save_model(str(folder / "end"))
        return weights(model)

    end = run(tmp_path / "whole")
    assert same(run(tmp_path / "again", str(tmp_path / "whole" / "checkpoint-2")), end)
    from safetensors.torch import load_file

    assert list(load_file(tmp_path / "whole" / "end" / "model.safetensors")) == sorted(model_of().state_dict())
    assert any(
        "auxiliary_head" in name for name in load_file(tmp_path / "whole" / "checkpoint-2" / "model.safetensors")
    )


@pytest.mark.parametrize("beside", ["l2sp(beta=1)", "child-f", "child-d", "mixout(p=0.5)", "smart"])
def test_beside_others(beside):
    model = model_of()
    fisher = {name: torch.rand_like(p) for name, p in model.named_parameters()}
    losses, _ = trained(model, f"siatl + {beside}", fisher=fisher)
    assert np.isfinite(losses).all()


def test_the_auxiliary_head_is_no_head_of_the_task_to_others():
    """l2sp holds the new head to zero: that is the classifier's."""
    model = model_of()
    made = begun(model, "l2sp(gamma=0, beta=1) + siatl")
    penalty = made.terms(BATCH, model(**BATCH))["penalty"]
    assert penalty.item() == pytest.approx(sum(p.square().sum() for p in model.classifier.parameters()).item() / 2)


def test_refused():
    for text, says in (
        ("siatl(weight=-1)", "weight is -1.0; it has to be a number of at least 0"),
        ("siatl(left=0)", "left is 0.0; it has to be a number in (0, 1]"),
        ("siatl(fall=0.5)", "fall is 0.5; it has to be a whole number of at least 1"),
        ("siatl(hidden=2)", "hidden is 2.0; it has to be a number in (0, 1]"),
    ):
        refused(lambda text=text: parse(text, METHODS), ValueError, says)
    model = copy.deepcopy(model_of())
    wrong = {"siatl": {"n": 1}}
    refused(lambda: begun(model, "siatl").load_state_dict(wrong), ValueError, "state of siatl has n; it has to have")
