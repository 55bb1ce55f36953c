"""What the live lab begins with on this machine, and settings that tell a story in one click."""

from dataclasses import dataclass, replace
from pathlib import Path

from recall_learn.lab.background import BESIDE
from recall_learn.lab.protocol import NOTHING, OTHER, PLAIN, expected
from recall_learn.lab.words import sentence
from recall_learn.models import hub, places
from recall_learn.runs.recipe import Recipe
from recall_learn.runs.record import load
from recall_learn.support.environment import choose_device
from recall_learn.support.files import from_home
from recall_learn.tasks import loading

LARGE = "bert-base-uncased"
LARGE_SIZE = "about 440 MB"
RATES = {"minilm": 1e-4}
"""Learning rates at which a backbone is seen to forget: plain fine-tuning takes MiniLM's zero-shot STS-B from 0.87 to
0.5 in 450 steps on CoLA; the others' own will do."""


@dataclass(frozen=True)
class Preset:
    """A recipe, and what to look for when it runs."""

    name: str
    recipe: Recipe
    story: str


def default_recipe() -> tuple[Recipe, str]:
    """The largest run that this machine takes at a pace that one can watch, and a line that says what was chosen.

    Nothing is loaded or downloaded for it.
    """
    import torch

    if torch.cuda.is_available():
        half = "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp16"
        card = torch.cuda.get_device_name()
        settings = {"task": "cola", "method": "recadam", "steps": 1000, "k": 0.1, "t0": 250.0, "mixed_precision": half}
        there = hub.cached(LARGE, repo_type="model", patterns=["config.json", "*.safetensors"]) is not None
        if there or not hub.offline():
            loads = "already here" if there else f"{LARGE_SIZE}, downloaded from the hub when you press Start"
            recipe = Recipe(backbone=LARGE, probe="none", evaluate_every=100, **settings)
            return recipe, f"{card}: {LARGE} ({loads}) on CoLA, in {half}."
        if places.minilm_package():
            recipe = Recipe(backbone="minilm", probe="stsb", lr=RATES["minilm"], evaluate_every=50, **settings)
            return recipe, f"{card}, the hub not in reach: MiniLM, from its pip package, on CoLA, in {half}."
    recipe = Recipe(backbone="tiny", task="world/cola", method="recadam", steps=600, k=0.1, t0=200.0, evaluate_every=50)
    where = "A GPU, but no larger model in reach" if torch.cuda.is_available() else "No GPU"
    return recipe, f"{where}: the small world's model (half a million weights, in this package) on world/cola."


def watched(recipe: Recipe, data_folder: str | Path | None) -> Recipe:
    """The recipe as the lab runs it: MiniLM is asked for the likeness of sentences, where STS-B is in reach.

    It was made for that, and there one sees it forget.
    """
    if recipe.backbone != "minilm" or recipe.probe != "auto":
        return recipe
    try:
        loading.locate("stsb", data_folder)
    except (ValueError, OSError):
        return recipe
    return replace(recipe, probe="stsb")


def unasked(recipe: Recipe) -> str:
    """That nothing in a run asks what it forgets, and how to have it asked; "" where something does."""
    if expected(recipe):
        return ""
    mend = "; put STS-B into its data folder for that" if recipe.backbone == "minilm" and recipe.probe == "auto" else ""
    return f"Nothing asks the model what it forgets here, only how far it goes from home{mend}."


def presets(recipe: Recipe) -> list[Preset]:
    """The stories, for this recipe's backbone, task and steps."""
    steps, lr = recipe.steps, RATES.get(recipe.backbone) or Recipe(backbone=recipe.backbone).lr
    third, pull = float(steps // 3), 0.1 / lr
    plain = replace(
        recipe, method="recadam", algorithm="paper", init="pretrained", lr=lr, warmup=0.0, k=0.1, t0=third, gamma=pull
    )
    early = replace(plain, init="random", warmup=0.2, k=0.05, t0=float(steps // 10))
    return [
        Preset(
            "Plain fine-tuning",
            replace(plain, k=float("inf"), t0=0.0),
            "λ is 1 from the first step: this is AdamW. What happens to what the model knew?",
        ),
        Preset(
            "Multi-task",
            replace(plain, k=0.0),
            "k = 0: λ is one half for ever, and the spring never lets go. What does the task reach all the same?",
        ),
        Preset(
            "The paper's setting",
            plain,
            f"k = 0.1, lr * gamma = 0.1: held for {third:g} steps, then let go within 44. Move k and t0 while it runs.",
        ),
        Preset(
            "Too early",
            early,
            "Random weights, and the pretrained ones only as the point that the spring pulls to. The warm-up keeps it "
            "from pulling while λ would let it: does the distance ever come down to where plain fine-tuning is?",
        ),
        Preset(
            "lr * gamma too large",
            replace(plain, init="random", gamma=1.98 / lr, k=0.5, t0=float(4 * steps // 5)),
            "Random weights, and lr * gamma = 1.98: each step jumps over home and lands nearly as far on the other "
            "side. The learning rate falls with every step, and so do the jumps: does it ever arrive, and what does it "
            "know then? One notch more of γ is refused.",
        ),
        Preset(
            "Child-Tuning",
            replace(plain, method="child-d", p=0.3),
            "Three weights in ten train, those with the most Fisher information for the task; the others stay "
            "where they are to the bit. There is no spring: k, t0 and γ do nothing.",
        ),
    ]


def choices(recipe: Recipe) -> list[str]:
    """The backbones that the lab offers: those in reach, and the recipe's own."""
    offered = ["tiny", *(["minilm"] if places.minilm_package() else []), *([] if hub.offline() else [LARGE])]
    return offered if recipe.backbone in offered else [*offered, recipe.backbone]


def stored(folder: Path) -> tuple[Recipe, str, Recipe | None]:
    """What a session that was saved begins with: the run's recipe, what is beside it, and that one's recipe.

    Raises:
        FileNotFoundError: there is no run in ``folder``.
        ValueError: it is damaged.
    """
    if not (folder / "run.json").is_file():
        raise FileNotFoundError(f"{folder / 'run.json'} is not there; folder has to be one that Save run wrote")
    try:
        recipe = load(folder / "run.json").recipe
        if not (folder / BESIDE / "run.json").exists():
            return recipe, NOTHING, None
        other = load(folder / BESIDE / "run.json").recipe
    except ValueError as error:
        raise ValueError(sentence(str(error))) from error
    return recipe, PLAIN if not other.methods and recipe.methods else OTHER, other


def check_arguments(recipe: object, beside: object, data_folder: object, device: str, folder: object) -> None:
    """Refuse what the arguments of a lab say by themselves, before anything is begun or ended for them.

    Raises:
        ValueError, FileNotFoundError: as `recall_learn.lab.live.Lab` says.
    """
    if not isinstance(recipe, Recipe | None):
        raise ValueError(f"recipe is {recipe!r}; it has to be a Recipe, as Recipe(backbone='tiny', task='world/cola')")
    if beside not in (NOTHING, PLAIN, OTHER):
        raise ValueError(f"beside is {beside!r}; it has to be {PLAIN!r}, {OTHER!r} or {NOTHING!r}")
    if folder is not None and recipe is not None:
        raise ValueError("recipe and folder are both given; a folder has its own recipe, leave one out")
    for name, value in (("data_folder", data_folder), ("folder", folder)):
        if value is not None and (not isinstance(value, str | Path) or not str(value).strip() or "\0" in str(value)):
            raise ValueError(f"{name} is {value!r}, which names no folder; give its path")
    if data_folder is not None and not from_home("data_folder", data_folder).is_dir():
        raise FileNotFoundError(
            f"data_folder is {str(data_folder)!r}, which is no folder; give the one with the data sets"
        )
    choose_device(device)
