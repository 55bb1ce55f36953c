"""A run that has ended, opened again: its record, its model as it was trained, and theta*, which it started from."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from recall_learn.measures import probes
from recall_learn.measures.transfer import answers
from recall_learn.methods.method import OWN
from recall_learn.models import backbones, folders
from recall_learn.models.backbones import Backbone
from recall_learn.runs.record import Run, load
from recall_learn.support.process_wide import silent
from recall_learn.tasks import loading, scores
from recall_learn.theory.anchors import some

Weights = dict[str, Tensor]


@dataclass(frozen=True)
class Finished:
    """A run that has ended.

    Attributes:
        run: its record.
        backbone: ``model`` as it was trained, in eval mode, with the modules that methods added; ``anchors`` is theta*.
    """

    run: Run
    backbone: Backbone


def open_run(folder: str | Path) -> Finished:
    """Open the folder of a run that has ended, as `recall_learn.finetune` leaves it with ``out``.

    Raises:
        FileNotFoundError: there is no run, or it kept no model; or its backbone is no longer there.
        ValueError: it has not ended, its files are damaged, or its backbone is another one by now.
    """
    place = Path(folder)
    run = load(place / "run.json")
    check_ended(place, run)
    trained = folders.read(place / "model", "AutoConfig")
    recipe = run.recipe
    backbone = backbones.load(recipe.backbone, num_labels=trained.num_labels, init=recipe.init, seed=recipe.seed)
    if run.environment.get("anchors") != backbone.fingerprint:
        raise ValueError(
            f"{recipe.backbone} has other pretrained weights than when the run in {place} began; put the former back"
        )
    model = backbone.model
    model.config.id2label, model.config.label2id = trained.id2label, trained.label2id
    for method in recipe.methods:
        if OWN in method.costs:
            method.prepare(model, recipe.seed)
    weights = read_weights(place)
    try:
        fill(model, weights)
    except ValueError as error:
        raise ValueError(f"the model of {place} does not fit {recipe.backbone}: {error}") from None
    model.requires_grad_(True).eval()
    return Finished(run, backbone)


@silent()
def asking(
    finished: Finished,
    data_folder: str | Path | None = None,
    source_text: str | Path | None = None,
    probe: str | None = None,
) -> Callable[[], dict[str, float]]:
    """A measure of a run's model as it is at each call: what an evaluation of the run would record, as numbers by name.

    Args:
        finished: the run.
        data_folder: as in `recall_learn.finetune`.
        source_text: as there.
        probe: as in `recall_learn.Recipe`; None is the run's own, without recovery, which trains for each answer.

    Returns:
        A function that gives the metrics of the task, and of what is probed ``source_loss``, ``source_accuracy``,
        ``facts`` (the share known), ``grammar`` and ``similarity``.

    Raises:
        ValueError, OSError: the data, the text or the probe is wrong.
    """
    recipe, backbone = finished.run.recipe, finished.backbone
    own = {"text": recipe.text, "label": recipe.label, "metric": recipe.metric}
    data = loading.load(recipe.task, data_folder, **own)
    probes.check_world(backbone, recipe.task, data_folder)
    length = min(recipe.max_length, backbone.tokenizer.model_max_length)
    splits = loading.scored(data).items()
    rows = {end: loading.tokenize(data[split], data.task, backbone.tokenizer, length) for split, end in splits}
    wanted = probes.names(recipe.probe if probe is None else probe, backbone)
    wanted = "+".join(name for name in wanted if probe is not None or name != "recovery") or "none"
    asked = probes.build(wanted, backbone, data_folder, source_text)

    def measure() -> dict[str, float]:
        found: dict[str, float] = {}
        for ending, each in rows.items():
            metrics = scores.metrics(data.task, *answers(backbone.model, backbone.tokenizer, each))
            found |= {f"{name}{ending}": value for name, value in metrics.items()}
        for ask in asked:
            found |= {name: each["known"] if name == "facts" else each for name, each in ask().items()}
        return found

    return measure


def check_ended(place: Path, run: Run) -> None:
    """Raise unless a run has ended and kept its model."""
    if run.final is None:
        raise ValueError(f"the run in {place} has not ended; go on with it first, with --resume")
    if not list((place / "model").glob("*.safetensors")):
        raise FileNotFoundError(f"{place / 'model'} holds no *.safetensors: no model was kept there")


def read_weights(place: Path) -> Weights:
    """The weights of the model in a run's folder.

    Raises:
        ValueError: a file is damaged.
    """
    found: Weights = {}
    for file in sorted((place / "model").glob("*.safetensors")):
        try:
            found |= load_file(file)
        except SafetensorError as error:
            raise ValueError(f"{file} is damaged ({error})") from error
    return found


def fill(model: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Give a model all its weights; a tied one may be there under one of its names.

    Raises:
        ValueError: one is in the model or in ``weights`` alone, or has another shape.
    """
    there = model.state_dict()
    strange = [name for name in weights if name not in there or there[name].shape != weights[name].shape]
    held = {there[name].data_ptr() for name in weights if name in there}
    lacking = [name for name, tensor in there.items() if name not in weights and tensor.data_ptr() not in held]
    if strange or lacking:
        raise ValueError(f"{some(strange or lacking)} is in one of the models, and not in the other")
    model.load_state_dict(weights, strict=False)
