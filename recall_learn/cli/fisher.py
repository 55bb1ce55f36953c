"""``recall-learn fisher``: the diagonal Fisher of a task, or of the pretraining itself, at the pretrained weights."""

import argparse

from recall_learn.cli import common
from recall_learn.support.process_wide import silent

SOURCE = "source"
"""Named instead of a task: the pretraining itself."""


def add(parser: argparse.ArgumentParser) -> None:
    """Its options."""
    parser.set_defaults(run=run)
    common.add(parser)
    parser.description = (
        "With --task source: the Fisher of the pretraining itself, on the small world's text, or for another model on "
        "--source-text."
    )
    parser.add_argument("--source-text", metavar="FILE", help="a text, for --task source of a backbone other than tiny")
    parser.add_argument("--labels", default="exact", metavar="L", help="exact, sampled, empirical or batched")
    parser.add_argument("--out", required=True, metavar="FILE", help="where to write it, as safetensors")


def run(options: argparse.Namespace) -> int:
    """Take the Fisher and write it; what is asked for is refused before the slow imports."""
    from recall_learn.models import places
    from recall_learn.runs.recipe import Recipe
    from recall_learn.support.files import check_file
    from recall_learn.tasks import registry

    if options.task != SOURCE:
        registry.asked(options.task, options.text, options.label, options.metric)
        if options.source_text is not None:
            raise ValueError(
                f"source text {options.source_text!r} is for --task source, not {options.task}; leave it out"
            )
    check_file(options.out)
    Recipe(batch_size=options.batch_size, seed=options.seed, max_length=options.max_length)  # checks the three
    places.locate(options.backbone)
    return _take(options)


@silent()
def _take(options: argparse.Namespace) -> int:
    import torch

    from recall_learn.models.fisher_files import save_fisher
    from recall_learn.support import environment
    from recall_learn.theory.fisher import LABELS

    if options.labels not in LABELS:
        raise ValueError(f"labels is {options.labels!r}; it has to be one of {', '.join(LABELS)}")
    device = environment.choose_device(options.device)
    generator = torch.Generator().manual_seed(options.seed)  # of the CPU: the same draws on every device
    of = _source_fisher if options.task == SOURCE else _task_fisher
    backbone, fisher = of(options, device, generator)
    save_fisher(options.out, fisher, backbone=backbone.name, anchors=backbone.fingerprint, task=options.task)
    total = sum(float(tensor.sum()) for tensor in fisher.values())
    print(f"{options.task} {options.labels}: {fisher.examples} examples, trace {total:.4g} -> {options.out}")
    return 0


def _task_fisher(options: argparse.Namespace, device, generator):
    """The Fisher of a task's training examples."""
    from transformers import DataCollatorWithPadding

    from recall_learn.measures import probes
    from recall_learn.models import backbones
    from recall_learn.models.fishers import task_fisher
    from recall_learn.support.memory import check_batch, usual
    from recall_learn.tasks import loading
    from recall_learn.tasks.rows import batches

    own_columns = {"text": options.text, "label": options.label, "metric": options.metric}
    data = loading.load(options.task, options.data, options.limit_train, options.seed, **own_columns)
    loading.say(data)
    backbone = backbones.load(options.backbone, num_labels=data.task.num_labels, seed=options.seed)
    probes.check_world(backbone, options.task, options.data)
    backbone.model.to(device)
    length = min(options.max_length, backbone.tokenizer.model_max_length) if backbone.world else options.max_length
    rows = loading.tokenize(data["train"], data.task, backbone.tokenizer, length)
    collator = DataCollatorWithPadding(backbone.tokenizer)
    check_batch(backbone.model, collator, usual(rows), options.batch_size)
    stream = batches(rows, collator, options.batch_size)
    return backbone, task_fisher(backbone, stream, options.labels, generator)


def _source_fisher(options: argparse.Namespace, device, generator):
    """The Fisher of a model's own pretraining, on as many examples as --limit-train says."""
    from recall_learn.models import backbones
    from recall_learn.models.fishers import source_fisher
    from recall_learn.models.masked_lm import attach
    from recall_learn.support.checks import whole
    from recall_learn.support.memory import check_batch

    count = 2048 if options.limit_train is None else whole("limit_train", options.limit_train, 1)
    size = min(options.batch_size, count)
    if count % size:
        raise ValueError(f"limit_train is {count}; for task source it has to be a multiple of --batch-size, {size}")
    backbone = backbones.load(options.backbone, num_labels=2, seed=options.seed)
    batch = _source(backbone, options.source_text, size)
    backbone.model.to(device)
    masked_lm, (inputs, _) = attach(backbone), batch(1)
    check_batch(
        masked_lm, lambda rows: {name: x[:1].repeat_interleave(len(rows), 0) for name, x in inputs.items()}, None, size
    )
    stream = (batch(step) for step in range(1, count // size + 1))
    return backbone, source_fisher(backbone, masked_lm, stream, options.labels, generator)


def _source(backbone, text: str | None, size: int):
    """Gives of a step the inputs and the hidden words, one a row: of a text none that a run's probe asks for."""
    from recall_learn.measures import probes
    from recall_learn.world.batches import Batches

    if text is None and not backbone.world:
        raise ValueError(
            f"the Fisher of what {backbone.name} was pretrained on needs a text; give a file by --source-text, or take "
            f"--backbone tiny"
        )
    if text is None:
        return Batches(probes.world_of(backbone), backbone.tokenizer, size)
    if backbone.world:
        raise ValueError(f"source text {text!r} is not needed: {backbone.name} has its own; leave it out")
    return probes.unmeasured(text, backbone.tokenizer, share=0).cycle(size)
