"""Mixout in models as people have them: tied, frozen, copied, saved, in pieces, in two processes."""

import copy

import pytest
import torch
import torch.distributed as dist
from mixed import Model, X, Y, assert_same, away, begun, passed, seen, trained
from processes import in_two
from torch import nn
from torch.distributed.fsdp import fully_shard
from torch.nn.parallel import DistributedDataParallel

from recall_learn.methods import METHODS
from recall_learn.methods.composed import Composed
from recall_learn.methods.expression import parse
from recall_learn.methods.method import Start


# no transformers up here: the two processes below import this file anew
class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.decoder, self.words = nn.Linear(6, 9), nn.Embedding(9, 6)
        self.words.weight = self.decoder.weight  # registered first by the linear layer
        self.one, self.two = nn.Linear(6, 6), nn.Linear(6, 6)
        self.two.weight = self.one.weight

    def forward(self, ids):
        return self.decoder(self.two(self.one(self.words(ids))))


def test_frozen_weights_and_what_has_no_theta_star_stay_ordinary():
    model = Model()
    model.first.weight.requires_grad_(False)
    begun(model)
    model(X.float())
    for name in ("first", "head"):
        layer = getattr(model, name)
        torch.testing.assert_close(seen(layer), layer.weight.detach(), atol=1e-6, rtol=1e-6)
    assert (seen(model.second) - model.second.weight).abs().max() > 0.1


def test_tied_weights():
    model = Tied()
    begun(model, anchors={name: torch.zeros_like(p) for name, p in model.named_parameters()})
    model(torch.tensor([1, 2]))
    torch.testing.assert_close(seen(model.decoder), model.decoder.weight.detach())  # the embedding's
    assert torch.allclose(seen(model.one), seen(model.two), atol=1e-6)
    assert not torch.allclose(seen(model.one), model.one.weight, atol=0.01)


def test_names_parameters_and_files_are_as_ever(tmp_path):
    model = Model()
    names = list(model.state_dict()), [name for name, _ in model.named_parameters()]
    parameters = list(map(id, model.parameters()))
    made = begun(model)
    inside = []
    model.norm.register_forward_hook(lambda *_: inside.append(list(model.state_dict())))
    trained(model, made)
    assert inside[0] == names[0]
    assert (list(model.state_dict()), [name for name, _ in model.named_parameters()]) == names
    assert list(map(id, model.parameters())) == parameters
    assert model.first.weight is model.first._parameters["weight"]


def test_a_deep_copy_is_a_plain_model_and_leaves_the_first_alone():
    model = Model()
    made = begun(model)
    model(X.float())
    other = copy.deepcopy(model)
    plain = Model()
    assert torch.equal(other(X.float()), plain(X.float()))
    assert passed(made) == 1
    other.first.weight.data.zero_()
    assert model.first.weight.abs().max() > 0


def test_close_takes_it_away():
    model, plain = Model(), Model()
    made = begun(model)
    made.close()
    assert torch.equal(model(X.float()), plain(X.float()))
    assert not any(module._forward_pre_hooks or module._forward_hooks for module in model.modules())
    made.close()


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_pass_that_breaks_off_leaves_the_weights_in_place(error):
    model = Model()
    made = begun(model)

    def broken(*_):
        raise error

    handle = model.second.register_forward_pre_hook(broken)
    with pytest.raises(error):
        model(X.float())
    handle.remove()
    model.eval()
    assert torch.equal(model(X.float()), Model().eval()(X.float()))
    made.close()
    assert model.second.weight is model.second._parameters["weight"]


@pytest.mark.parametrize("kind", ["bert", "albert", "gpt2", "xlnet"])
def test_models_of_transformers(kind, tmp_path):
    from small import config_of
    from transformers import AutoModelForSequenceClassification

    torch.manual_seed(2)
    model = AutoModelForSequenceClassification.from_config(config_of(kind))
    names = list(model.state_dict())
    new = ("classifier", "score", "logits_proj", "sequence_summary")
    anchors = {name: p.detach() + 0.3 for name, p in model.named_parameters() if not name.startswith(new)}
    ids = torch.tensor([[2, 7, 9, 3]])
    gradients = []
    for recompute in (False, True):
        made = begun(model.train(), "mixout(p=0.5)", anchors)
        torch.manual_seed(7)  # of dropout, which has to agree as well
        if recompute and model.supports_gradient_checkpointing:
            getattr(model, "activation_checkpointing_enable", model.gradient_checkpointing_enable)()  # 5.23, 5.15
        model(input_ids=ids, labels=torch.tensor([1])).loss.backward()
        gradients.append({name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None})
        model.zero_grad()
        made.close()
    for name, gradient in gradients[0].items():
        torch.testing.assert_close(gradients[1][name], gradient, msg=name)
    before = {module for module in model.modules() if module._forward_hooks}  # transformers' own
    begun(model, "mixout(p=0.5)", anchors)
    hooked = [name for name, module in model.named_modules() if module._forward_hooks and module not in before]
    assert len(hooked) == {"bert": 13, "albert": 8, "gpt2": 8, "xlnet": 4}[kind]
    assert not any(name.startswith(new) for name in hooked)
    model.save_pretrained(tmp_path)
    again = AutoModelForSequenceClassification.from_pretrained(tmp_path)
    assert list(again.state_dict()) == names
    assert_same(again.state_dict(), model.state_dict())


def one_of_two(rank, folder):
    dist.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
    found = {}
    for kind in ("copies", "pieces"):
        model = Model().double()
        anchors = away(model)
        if kind == "pieces":
            for layer in (model.first, model.second):
                fully_shard(layer)
            fully_shard(model)
        groups = [{"params": list(model.named_parameters()), "weight_decay": 0.0}]
        methods = parse("mixout(p=0.5)", METHODS)
        made = Composed(methods, Start(model, anchors, lr=1e-2), groups, fused=False)
        wrapped = DistributedDataParallel(model) if kind == "copies" else model
        for _ in range(3):
            made.optimizer.zero_grad()
            nn.functional.cross_entropy(wrapped(X[rank::2]), Y[rank::2]).backward()
            made.optimizer.step()
        found[kind] = {
            name: (p.full_tensor() if hasattr(p, "full_tensor") else p).detach() for name, p in model.named_parameters()
        }
    torch.save(found, f"{folder}/{rank}.pt")
    dist.destroy_process_group()


def test_two_processes_train_as_one(tmp_path):
    in_two(one_of_two, tmp_path)
    model = Model().double()
    want = trained(model, begun(model, "mixout(p=0.5)"))
    for rank in (0, 1):
        for found in torch.load(tmp_path / f"{rank}.pt").values():
            for name, weight in want.items():
                torch.testing.assert_close(found[name], weight, rtol=1e-9, atol=1e-12, msg=name)
