"""Methods that add modules: what all of them keep to, in a plain loop, in a run that goes on, and in files."""

import copy

import pytest
import torch
import transformers
from small import config_of, refused, save_backbone, save_glue
from ways import NEW, arguments, as_saved, batched, bert, rows, same, weights

from recall_learn import RecallTrainer, Recipe, compose, finetune, load_added
from recall_learn.methods import METHODS
from recall_learn.methods.method import OWN
from recall_learn.models import backbones
from recall_learn.theory.anchors import trainable

METHOD_NAMES = [name for name, method in METHODS.items() if method.family == "added modules"]
OWNING = [name for name in METHOD_NAMES if OWN in METHODS[name].costs]
X = batched(rows(8))


def begun(model, expression, **more):
    return compose(expression, model, lr=1e-2, **{"new": NEW, "seed": 3, **more})


def trained(model, made, steps=3):
    model.train()
    for _ in range(steps):
        made.optimizer.zero_grad()
        made.loss(model(**X), X).backward()
        made.optimizer.step()
    return model.eval()


def without_the_middle(name):
    """As merged and unmerged models call a weight."""
    return name.replace(".base_layer", "")


@pytest.mark.parametrize("method", METHOD_NAMES)
def test_what_was_pretrained_rests_to_the_bit_but_for_what_is_told(method):
    model = bert()
    home = weights(model)
    made = begun(model, method)
    start = weights(model)
    trained(model, made)
    moves = set(trainable(model))
    norms = {name for name in home if "LayerNorm" in name} if method == "adapters" else set()
    rests = {without_the_middle(name): p for name, p in weights(model).items() if name not in moves}
    assert same(rests, {name: p for name, p in home.items() if name not in norms and not name.startswith("classifier")})
    assert {name for name, p in weights(model).items() if not torch.equal(p, start[name])} <= moves
    assert all(not torch.equal(weights(model)[name], start[name]) for name in ("classifier.weight", "classifier.bias"))
    assert same(made._acting[0].start.anchors, {name: home[name] for name in home if name in norms})


@pytest.mark.parametrize("method", METHOD_NAMES)
def test_what_is_drawn_comes_from_the_seed_and_moves_nobodys_numbers(method):
    drawn = []
    for seed in (3, 3, 4):
        model = bert()
        torch.manual_seed(len(drawn))
        state = torch.get_rng_state()
        begun(model, method, seed=seed)
        assert torch.equal(torch.get_rng_state(), state)
        drawn.append({name: p for name, p in weights(model).items() if name in trainable(model)})
    assert same(drawn[0], drawn[1])
    assert same(drawn[0], drawn[2]) == (method == "side-tuning")  # which copies, and draws nothing


@pytest.mark.parametrize("method", METHOD_NAMES)
def test_a_deep_copy_goes_its_own_way(method):
    model = bert()
    made = begun(model, method)
    trained(model, made)
    before = model(**X).logits
    other = copy.deepcopy(model)
    assert torch.equal(other(**X).logits, before)
    with torch.no_grad():
        for p in trainable(other).values():
            p.add_(0.3)
    assert not torch.allclose(other(**X).logits, before)
    assert torch.equal(model(**X).logits, before)


@pytest.mark.parametrize("method", METHOD_NAMES)
def test_twice_is_refused_and_a_pull_too(method):
    model = bert()
    begun(model, method)
    with pytest.raises(ValueError, match=rf"^Bert\w+ has {method}.* already; begin with a new model"):
        METHODS[method]().prepare(model, 0)
    with pytest.raises(ValueError, match=rf"{method}, which freezes what was pretrained, and recadam, which acts on"):
        begun(bert(), f"{method} + recadam")


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A BERT with dropout, and a task."""
    root = tmp_path_factory.mktemp("world")
    save_backbone(root / "bert", model_class=transformers.BertForMaskedLM, config=config_of("bert"))
    save_glue(root / "glue", "mrpc")
    return root


def tuned(world, method, out, **more):
    recipe = Recipe(str(world / "bert"), "mrpc", method, 6, 4, lr=1e-3, evaluate_every=3, probe="none", max_length=40)
    return finetune(recipe, out=out, data_folder=world / "glue", device="cpu", progress=False, **more)


class Stop(Exception):
    pass


@pytest.mark.parametrize("method", METHOD_NAMES)
def test_a_run_that_goes_on_ends_to_the_bit_where_it_would_have(world, tmp_path, method):
    def stop(run, optimizer):
        if len(run.history) == 5:
            raise Stop

    through = tuned(world, method, tmp_path / "one")
    with pytest.raises(Stop):
        tuned(world, method, tmp_path / "two", on_step=stop)
    again = tuned(world, method, tmp_path / "two", resume=True)
    assert again.history == through.history
    assert again.final["metrics"] == through.final["metrics"]
    files = [(tmp_path / place / "model" / "model.safetensors").read_bytes() for place in ("one", "two")]
    assert files[0] == files[1]


@pytest.mark.parametrize("method", OWNING)
def test_what_is_saved_is_loaded_whole_by_us_and_refused_as_a_backbone(tmp_path, method):
    model = bert()
    trainer = RecallTrainer(model, arguments(tmp_path / "out"), train_dataset=rows(), method=method, new=NEW)
    trainer.train()
    trainer.save_model(tmp_path / "saved")
    again = load_added(tmp_path / "saved")
    assert same(weights(again), as_saved(model, trainer.composed))
    assert torch.equal(again(**X).logits, model.eval()(**X).logits)
    plain = transformers.BertForSequenceClassification.from_pretrained(tmp_path / "saved")
    assert not torch.allclose(plain(**X).logits, again(**X).logits)
    said = refused(lambda: backbones.load(str(tmp_path / "saved"), num_labels=2), ValueError, "recall_learn.load_added")
    assert f"holds modules that {method}(" in said


def test_what_has_nothing_added_and_what_is_damaged_is_not_loaded(world, tmp_path):
    refused(lambda: load_added(world / "bert"), ValueError, "says of no modules that were added; load it with from_pre")
    refused(lambda: load_added(tmp_path / "none"), FileNotFoundError, "is not a backbone: it has no config.json")
    model = bert()
    begun(model, "adapters")
    del model.bert.encoder.layer[0].output.dropout.adapter
    model.save_pretrained(tmp_path)
    refused(lambda: load_added(tmp_path), ValueError, "is not of adapters(width=64", "in one of the two alone")


@pytest.mark.parametrize("method", METHOD_NAMES)
@pytest.mark.parametrize("beside", ["ema(decay=0.5)", "wise-ft(alpha=0.3)", "r3f", "slanted", "bertadam"])
def test_what_goes_beside_it(method, beside):
    """Averages, interpolations, second passes and rates: they train what is new, and what was pretrained rests."""
    model = bert()
    home = weights(model)
    made = begun(model, f"{method} + {beside}")
    start = weights(model)
    trained(model, made)
    assert {name for name, p in weights(model).items() if not torch.equal(p, start[name])} <= set(trainable(model))
    now, logits = weights(model), model(**X).logits
    with made.plain():
        assert set(home) <= set(weights(model))
        scored = model(**X).logits
    pretrained_moves = method in ("lora", "adapters")  # once merged; its norms
    other = beside.startswith("ema") or (beside.startswith("wise-ft") and pretrained_moves)
    assert torch.allclose(scored, logits, atol=1e-6) != other
    assert same(weights(model), now)


def test_halfway_home_is_half_of_the_product():
    model = bert()
    home = weights(model)
    made = begun(model, "lora + wise-ft(alpha=0.25)")
    trained(model, made)
    layer = model.bert.encoder.layer[0].attention.self.value
    change = layer.get_delta_weight("default")
    with made.plain():
        moved = weights(model)["bert.encoder.layer.0.attention.self.value.weight"]
    torch.testing.assert_close(moved, home["bert.encoder.layer.0.attention.self.value.weight"] + 0.25 * change)
