"""A small BERT that classifies, batches for it, and its training under a method: for the penalties on what it says."""

import copy

import torch
from ways import batched, bert, rows, source_of, weights

from recall_learn import compose

BATCHES = [batched(rows()[n : n + 6]) for n in range(0, 24, 6)]
DROPPING = {"hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.1}


def model_of(labels=3, **config):
    """With weights so large that its answers differ."""
    return bert(labels=labels, initializer_range=0.4, **config).train()


def begun(model, method, seed=0, **given):
    source = source_of(model)
    source.masked_lm.to(next(model.parameters()).dtype)
    return compose(method, model, lr=1e-2, new=["classifier"], seed=seed, source=source, **given)


def step(model, made, batch):
    made.optimizer.zero_grad()
    loss = made.loss(model(**batch), batch)
    loss.backward()
    made.optimizer.step()
    return loss.item()


def trained(model, method, batches=BATCHES, **given):
    torch.manual_seed(8)  # of dropout
    made = begun(model, method, **given)
    return [step(model, made, batch) for batch in batches], weights(model)


def term(model, made, batch=BATCHES[0]):
    """The one term that is added, and what the model made of the batch."""
    outputs = model(**batch)
    (found,) = made.terms(batch, outputs).values()
    return found, outputs


def gradients(loss, model):
    names, inside = zip(*model.named_parameters(), strict=True)
    found = torch.autograd.grad(loss, inside, allow_unused=True, retain_graph=True)
    return dict(zip(names, found, strict=True))


def resumed(method, **config):
    """The weights after four steps that were taken in one go, and after two, a new beginning, and two."""
    ends = []
    for stops in ((4,), (2, 4)):
        model, states, done = model_of(**config), None, 0
        home = {name: p.detach().clone() for name, p in model.named_parameters() if not name.startswith("classifier")}
        for until in stops:
            made = compose(method, model, lr=1e-2, anchors=home, source=source_of(model))
            if states is not None:
                own, optimizer, mine = states
                model.load_state_dict(own)
                made.optimizer.load_state_dict(optimizer)
                made.load_state_dict(mine)
            for batch in BATCHES[done:until]:
                torch.manual_seed(done)
                done += 1
                step(model, made, batch)
            states = copy.deepcopy((model.state_dict(), made.optimizer.state_dict(), made.state_dict()))
            if until < 4:
                made.close()
                model = model_of(**config)
        ends.append(states[0])
    return ends
