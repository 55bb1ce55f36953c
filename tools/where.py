"""Where a model forgets, recorded: ``python tools/where.py NAME``, resumable.

======= =========================================================================================== ==================
where   at the end of runs of eleven settings on five tasks: probes by layer, RSA and CKA, minimal  half a minute a
        pairs by field; for a subset, see `in_depth`, also parts put back, and what comes back      run: two hours for
        first when it is pretrained again                                                           all
time    probes by layer and facts by kind, step by step, of a few runs                              two minutes a run
minilm  the same as where, but for the way back, of MiniLM: plain fine-tuning on three tasks, five  5 to 10 minutes a
        other settings on two, three seeds, questions of a treebank and of sets of sentences, real  run: 4 hours for
        minimal pairs; see `where_minilm`                                                           all
======= =========================================================================================== ==================

Times are of one core. The rows of ``book/runs/world/NAME.json`` that are there are not taken again; those of minilm are
in ``where-minilm.json``. It reads real text::

    python tools/where.py minilm --glue GLUE --data FOLDER --source-text BOOKS

GLUE holds cola, mrpc, rte, sst2 and stsb, FOLDER nli/mnli, nli/snli, ud, sentences and blimp; BOOKS is any text like
that of books.
"""

import argparse
import itertools
import tempfile
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import torch
from record import Job, Row, record
from torch import Tensor, nn
from where_minilm import jobs as run_minilm
from where_minilm import rounded

from recall_learn.measures.ablation import ablation
from recall_learn.measures.facts import cloze
from recall_learn.measures.minimal_pairs import grammar
from recall_learn.measures.recovery import way_back
from recall_learn.measures.rsa import by_layer
from recall_learn.measures.source import source_loss
from recall_learn.measures.states import token_states
from recall_learn.measures.suite import ask, counted
from recall_learn.measures.world_questions import world_questions
from recall_learn.models import backbones
from recall_learn.models.backbones import Backbone
from recall_learn.models.masked_lm import MaskedLM, attach, hide_each
from recall_learn.runs.finetune import finetune
from recall_learn.runs.finished import Finished, asking, open_run
from recall_learn.runs.recipe import Recipe
from recall_learn.support import process_wide
from recall_learn.world import World, tasks
from recall_learn.world.batches import Batches
from recall_learn.world.pairs import minimal_pairs

STEPS, LR, SEEDS = 300, 1e-3, range(5)
HOLD: tuple[dict[str, Any], ...] = (
    {"method": "vanilla"},
    {"method": "vanilla", "lr": 2.5e-4},
    *({"method": f"recadam(k=0.05, t0=150, gamma={gamma})"} for gamma in (10, 100, 500)),
    {"method": "ewc(gamma=100)"},
    {"method": "child-f(p=0.3)"},
    {"method": "child-d(p=0.3)"},
    {"method": "mixout(p=0.7)"},
    {"method": "lora(r=8)"},
    {"method": "source-replay(weight=0.1)"},
)
"""What holds the model back, or nothing; the learning rate is 0.001 where none is said."""
TIMED = ({"method": "vanilla"}, {"method": "recadam(k=0.05, t0=150, gamma=100)"})
MOMENTS = (10, 25, 50, 100, 150, 200, 300)
BACK = (0, 1, 2, 5, 10, 20, 40, 80, 160)
"""Steps of pretraining after which it is asked again."""
PASSAGES, TEXTS = 300, 400
"""Held-out passages of the source loss, and those whose tokens are compared."""


@cache
def world() -> World:
    """The packaged model's."""
    return World()


@cache
def asked() -> dict[str, Any]:
    """What every model is asked, made once."""
    tokenizer = backbones.load("tiny", num_labels=2).tokenizer
    held_out = world().text("held-out")
    return {
        "questions": world_questions(world()),
        "texts": [" ".join(passage) for passage in held_out[:TEXTS]],
        "examples": hide_each(held_out[:PASSAGES], tokenizer),
        "pairs": minimal_pairs(world()),
        "batches": Batches(world(), tokenizer),
    }


@cache
def home() -> tuple[Backbone, np.ndarray]:
    """The pretrained model, and its states of the texts."""
    backbone = backbones.load("tiny", num_labels=2)
    return backbone, states(backbone)


def states(backbone: Backbone) -> np.ndarray:
    """Of every token of the texts, [layers + 1, tokens, width]."""
    return token_states(backbone.model.base_model, backbone.tokenizer, asked()["texts"]).values


def probed(backbone: Backbone) -> Row:
    """``question -> for each layer [accuracy, its error, control, selectivity, its error]``."""
    found: dict[str, list[list[float]]] = {}
    questions = asked()["questions"]
    for each in ask(backbone.model.base_model, backbone.tokenizer, questions, kinds=("linear",), progress=False):
        row = (each.accuracy, each.error, each.control, each.selectivity, each.selectivity_error)
        found.setdefault(each.question, []).append(rounded(row))
    return {"probes": found}


def kinds(masked_lm: MaskedLM, backbone: Backbone) -> dict[str, float]:
    """``relation -> share of its facts that are known``."""
    said = cloze(masked_lm, backbone.tokenizer, world().facts).said
    known, there = Counter(), Counter(fact.relation for fact in world().facts)
    for fact in world().facts:
        known[fact.relation] += said[fact.prompt] == fact.answer
    return {relation: round(known[relation] / count, 4) for relation, count in there.items()}


def spoken(backbone: Backbone) -> Row:
    """What the model says to hidden words: source loss, facts by kind, minimal pairs by field."""
    masked_lm = attach(backbone)
    fields = grammar(masked_lm, backbone.tokenizer, asked()["pairs"]).fields
    return {
        "source_loss": round(source_loss(masked_lm, asked()["examples"]), 5),
        "facts": kinds(masked_lm, backbone),
        "grammar": {field: rounded(share) for field, share in fields.items()},
    }


def returning(backbone: Backbone) -> Row:
    """After some steps of pretraining: ``[steps, source loss, facts by kind]``."""
    masked_lm = attach(backbone)

    def look(again: nn.Module) -> tuple[float, dict[str, float]]:
        return round(source_loss(again, asked()["examples"]), 5), kinds(again, backbone)

    return {"back": [[step, *found] for step, found in way_back(masked_lm, asked()["batches"], look, BACK)]}


def in_depth(key: Row) -> bool:
    """Whether a run is asked what takes half a minute more: seed 0, and plain fine-tuning of every seed."""
    return key["seed"] == SEEDS[0] or {"method": key["method"], "lr": key["lr"]} == {"lr": LR, **HOLD[0]}


def asked_of(key: Row, deep: bool) -> Row:
    """At the end of a run: all of it, or all but the parts put back and the way back."""
    with tempfile.TemporaryDirectory() as place:
        run = finetune(_recipe(key), out=place, progress=False)
        opened = open_run(place)
    backbone = opened.backbone
    alike = by_layer(home()[1], states(backbone))
    return {
        "score": run.final["metrics"][run.primary],
        "distance": round(run.final["distance"], 4),
        **probed(backbone),
        "alike": [rounded((each.rsa, each.cka, each.cka_debiased)) for each in alike],
        **spoken(backbone),
        **({**at_home_again(opened), **returning(backbone)} if deep else {}),
    }


def at_home_again(opened: Finished) -> Row:
    """Each part alone at its pretrained weights, and from the top."""
    backbone = opened.backbone
    found = ablation(backbone.model, backbone.anchors, asking(opened, probe="source+facts"))
    shown = {what: _plain(value) for what, value in found.to_dict().items() if what != "parts"}
    return {"put_back": {"parts": found.parts, **shown}}


def step_by_step(recipe: Recipe) -> list[Row]:
    """Probes and facts at some moments of a run."""
    kept: dict[int, dict[str, Tensor]] = {}

    def on_step(run, optimizer) -> None:
        if len(run.history) in MOMENTS:
            named = [zip(group["param_names"], group["params"], strict=True) for group in optimizer.param_groups]
            kept[len(run.history)] = {name: p.detach().clone() for pairs in named for name, p in pairs}

    finetune(recipe, on_step, progress=False)
    rows = []
    for step, weights in sorted(kept.items()):
        backbone = backbones.load("tiny", num_labels=2)
        own = dict(backbone.model.named_parameters())
        with torch.no_grad():
            for name in own.keys() & weights.keys():
                own[name].copy_(weights[name]) if own[name].shape == weights[name].shape else None
        rows.append({"step": step, **probed(backbone), **spoken(backbone)})
    return rows


def run_where() -> Iterable[Job]:
    """What both ends of the scale make of the questions; plain fine-tuning; then all other settings, seed by seed."""
    yield {"method": "theta*"}, lambda: _end("pretrained")
    yield {"method": "random"}, lambda: _end("random")
    for holds, seed, task in itertools.product((HOLD[:1], HOLD[1:]), SEEDS, tasks.TASKS):
        for hold in holds:
            key = {"task": task, "seed": seed, "lr": LR, **hold}
            yield key, lambda key=key: asked_of(key, in_depth(key))


def run_time() -> Iterable[Job]:
    """Two settings on three tasks, two seeds."""
    yield {"method": "theta*", "step": 0}, lambda: _end("pretrained")
    for seed in SEEDS[:2]:
        for task in ("cola", "rte", "mrpc"):
            for hold in TIMED:
                key = {"task": task, "seed": seed, "lr": LR, **hold}
                yield key, lambda key=key: step_by_step(_recipe(key))


def _recipe(key: Row) -> Recipe:
    plain = Recipe(backbone="tiny", task=f"world/{key['task']}", steps=STEPS, evaluate_every=STEPS, seed=key["seed"])
    return replace(plain, method=key["method"], lr=key["lr"])


def _end(init: str) -> Row:
    """What a model that was not fine-tuned makes of the questions."""
    backbone = backbones.load("tiny", num_labels=2, init=init)
    said = spoken(backbone) if init == "pretrained" else {}
    return {**probed(backbone), "counted": counted(backbone.tokenizer, asked()["questions"]), **said}


def _plain(value: Any) -> Any:
    """Numbers of an ablation, rounded."""
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list) else round(value, 4)


RECORDINGS = {"where": run_where, "time": run_time}


def main() -> None:
    """Record what is named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", choices=(*RECORDINGS, "minilm"))
    own = parser.add_argument_group("minilm")
    own.add_argument("--glue", metavar="FOLDER", help="GLUE's tasks")
    own.add_argument("--data", metavar="FOLDER", help="the folder of nli, ud, sentences and blimp")
    own.add_argument("--source-text", metavar="FILE", help="a text, for the source loss")
    options = parser.parse_args()
    given = {"--glue": options.glue, "--data": options.data, "--source-text": options.source_text}
    of_minilm = options.name == "minilm"
    wrong = [option for option, value in given.items() if (value is None) == of_minilm]
    if wrong:
        parser.error(f"{options.name} {'needs' if of_minilm else 'takes no'} {', '.join(wrong)}")
    torch.set_num_threads(1)
    with process_wide.plain_messages(), process_wide.silent():
        if of_minilm:
            record("where-minilm", run_minilm(*given.values()), "minilm")
        else:
            record(options.name, RECORDINGS[options.name]())


if __name__ == "__main__":
    main()
