"""``recall-learn probe``: what every layer of a model tells, and of its theta*."""

import argparse
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from recall_learn.cli import common
from recall_learn.support.process_wide import silent

if TYPE_CHECKING:
    from recall_learn.measures.probing import Probed
    from recall_learn.runs.probing import Probing

SIGNS = "accuracy, selectivity (over control labels), two standard errors of the latter"


def add(parser: argparse.ArgumentParser) -> None:
    """Its options."""
    parser.set_defaults(run=run)
    parser.description = (
        "A model of the small world is asked what its grammar and its facts say, every other one what a treebank says "
        "and what sets of sentences say: all questions whose data are there, or those of --questions."
    )
    parser.add_argument("place", metavar="MODEL", help="the folder of a run that has ended; or tiny, minilm, a folder")
    parser.add_argument(
        "--questions",
        metavar="A,B",
        help="length content depth shift tense ...; of sets of sentences reviews-length reviews-content reviews-shift "
        "sentiment subjectivity polarity question-kind (all whose data are there)",
    )
    parser.add_argument("--kinds", default="linear,mlp", metavar="K", help="probes: linear, mlp (both)")
    parser.add_argument("--size", type=int, default=1000, metavar="N", help="training examples of a question (1000)")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="of what is drawn (0)")
    parser.add_argument("--init", default="pretrained", metavar="I", help="random: a model alone, not pretrained")
    parser.add_argument(
        "--data", metavar="FOLDER", help=f"{common.DATA}; the treebank is FOLDER/ud, a set FOLDER/sentences/mr"
    )
    parser.add_argument("--out", metavar="FILE", help="where to write all figures, as JSON")
    parser.add_argument("--device", default="auto", metavar="D", help="auto, cpu or cuda")


def run(options: argparse.Namespace) -> int:
    """Ask, print the tables, and write the file."""
    from recall_learn.support.files import check_file, write_text

    if options.out is not None:
        check_file(options.out)
    found = _probe(options)
    for line in lines(found):
        print(line)
    if options.out is not None:
        write_text(options.out, found.to_json())
    where = f" -> {options.out}" if options.out is not None else ""
    layers, seconds = len({each.layer for each in found.home}), found.environment["seconds"]
    print(f"{found.place}: {len(found.questions)} questions, {layers} layers, {seconds} s{where}")
    return 0


def lines(found: "Probing") -> Iterator[str]:
    """The tables, line by line."""
    start = "theta*" if found.init == "pretrained" else "random"
    for kind in dict.fromkeys(each.kind for each in found.home):
        yield f"{kind} probes: {SIGNS}; words: accuracy of counting words"
        layers = sorted({each.layer for each in found.home})
        yield f"{'':15} {'':7}{'words':>5}" + "".join(f"{f'layer {layer}':>18}" for layer in layers)
        for name in found.questions:
            home = _row([each for each in found.home if (each.question, each.kind) == (name, kind)])
            yield f"{name:15} {start:7}{found.counted[name]:5.2f}{home}"
            if found.now is not None:
                yield f"{'':15} {'now':12}" + _row([e for e in found.now if (e.question, e.kind) == (name, kind)])
        yield ""
    if found.alike is not None:
        yield f"now against theta*, {found.tokens} tokens"
        for label, field in (("RSA", "rsa"), ("CKA", "cka"), ("CKA debiased", "cka_debiased")):
            yield f"{label:28}" + "".join(f"{getattr(each, field):18.3f}" for each in found.alike)
        yield ""


def _row(cells: Sequence["Probed"]) -> str:
    return "".join(f"{f'{c.accuracy:.2f} {c.selectivity:+.2f} ±{2 * c.selectivity_error:.2f}':>18}" for c in cells)


@silent()
def _probe(options: argparse.Namespace) -> "Probing":
    from recall_learn.runs.probing import probe_model

    return probe_model(
        options.place,
        questions=options.questions,
        kinds=[each.strip() for each in options.kinds.split(",")],
        data_folder=options.data,
        size=options.size,
        seed=options.seed,
        init=options.init,
        device=options.device,
    )
