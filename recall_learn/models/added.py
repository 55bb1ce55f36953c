"""Models that hold modules which a method added: saved as any other, and told in their configuration.

The classes of transformers know nothing of these modules: ``from_pretrained`` says that it leaves their weights out,
and gives a model that was never trained so. `load_added` puts them back.
"""

from collections.abc import Iterable
from pathlib import Path

from torch import nn

from recall_learn.methods import METHODS
from recall_learn.methods.expression import parse, written
from recall_learn.methods.method import OWN, Method
from recall_learn.models import folders
from recall_learn.models.configs import ADDED
from recall_learn.theory.anchors import some


def note_added(methods: Iterable[Method], model: nn.Module) -> None:
    """Say in a model's configuration what methods have added to it, so that its files do."""
    adding = [method for method in methods if OWN in method.costs]
    if adding and hasattr(model, "config"):
        setattr(model.config, ADDED, written(adding))


def load_added(folder: str | Path) -> nn.Module:
    """A sequence classifier as it was fine-tuned and saved, with the modules that methods had added to it.

    Args:
        folder: the ``model`` of a run, or where ``save_model`` of `recall_learn.RecallTrainer` put one.

    Returns:
        The model, in eval mode.

    Raises:
        FileNotFoundError: there is no model.
        ValueError: nothing was added to it, so that any loader loads it; or it is damaged.
    """
    from safetensors.torch import load_file
    from transformers import AutoConfig, AutoModelForSequenceClassification

    folder = Path(folder)
    folders.check(folder, f"{str(folder)!r}")
    config = folders.attempt(
        f"the configuration in {folder} cannot be read",
        lambda: AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False),
    )
    added = getattr(config, ADDED, None)
    if not added:
        raise ValueError(f"{folder} says of no modules that were added; load it with from_pretrained of transformers")
    model = folders.attempt(
        f"no model can be built from the configuration in {folder}",
        lambda: AutoModelForSequenceClassification.from_config(config, trust_remote_code=False),
    )
    for method in parse(added, METHODS):
        method.prepare(model, 0)
    held = {
        name: tensor
        for path in folders.weight_files(folder)
        for name, tensor in folders.attempt(f"{path} cannot be read", lambda path=path: load_file(path)).items()
    }
    report = folders.attempt(f"{folder} is not of {added}", lambda: model.load_state_dict(held, strict=False))
    tied = set(model.state_dict()) - {name for name, _ in model.named_parameters()}
    wrong = [*report.unexpected_keys, *(name for name in report.missing_keys if name not in tied)]
    if wrong:
        raise ValueError(f"{folder} is not of {added}: {some(wrong)} is in one of the two alone; save the model again")
    return model.eval()
