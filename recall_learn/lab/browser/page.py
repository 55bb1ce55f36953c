"""The lab in a page: the HTML of one, and the three files that pages share.

``lab.js`` is the view, the engine and its worker, deflated behind a few lines that start them; ``lab-data.js`` and
``lab-fisher.js`` are asked for when a reader presses Start. All are classic scripts: a page trains from file://, too.
"""

import base64
import json
import zlib
from functools import cache
from pathlib import Path

from recall_learn.lab import protocol, view
from recall_learn.lab.browser import about, data
from recall_learn.lab.presets import presets
from recall_learn.methods import expression
from recall_learn.runs.recipe import Recipe
from recall_learn.support import markup
from recall_learn.support.checks import shown
from recall_learn.support.files import write_text

MARK = 'class="recall-lab"'
SIZES = ("full", "small")
SCRIPT, DATA, FISHER = "lab.js", "lab-data.js", "lab-fisher.js"
WORKER = ("model", "methods", "recipes", "scores", "messages", "run", "unpack", "link", "pace", "session", "worker")
"""The parts of the worker, in their order."""
_HERE = Path(__file__).parent


def page(recipe: Recipe, size: str = "full", beside: Recipe | None = None, how: str = protocol.PLAIN) -> str:
    """The HTML of a lab, in whose place ``lab.js`` draws it.

    Args:
        recipe: what it begins with.
        size: "full", or "small": the curve, the lights and one button.
        beside: what trains beside it where ``how`` is "setting B".
        how: "plain fine-tuning", "setting B" or "nothing".

    Raises:
        ValueError: the page cannot run the recipe, or there is no such size or ``how``.
    """
    if size not in SIZES:
        raise ValueError(f"size is {shown(size)}; it has to be one of {', '.join(SIZES)}")
    if how not in (protocol.NOTHING, protocol.PLAIN, protocol.OTHER):
        raise ValueError(f"beside is {shown(how)}; it has to be {protocol.PLAIN!r}, {protocol.OTHER!r} or 'nothing'")
    for each in (recipe, *([beside] if beside else [])):
        check(each)
    stories = [each for each in presets(recipe) if about.able(each.recipe.method)]
    asked = {
        "recipe": recipe.to_dict(),
        "beside": beside.to_dict() if beside else None,
        "how": how,
        "presets": [{"name": each.name, "story": each.story, "recipe": each.recipe.to_dict()} for each in stories],
    }
    words = (
        f"The live lab: {expression.title(recipe.methods)} on {recipe.task}, trained in this page. It needs JavaScript."
    )
    return (
        f'<div {MARK} data-size="{size}"><p>{markup.html(words)}</p>'
        f'<script type="application/json">{markup.script(asked)}</script></div>'
    )


def check(recipe: Recipe) -> None:
    """Refuse a recipe that the page cannot run.

    Raises:
        ValueError: the backbone, the task, a method or a size is another than the page's.
    """
    unable = [each.name for each in recipe.methods if each.name not in about.ABLE]
    if unable:
        raise ValueError(f"method is {recipe.names}; the page has no {unable[0]}, only {', '.join(about.ABLE)}")
    needs = [each.name for each in recipe.methods if each.needs]
    if len(needs) > 1:
        raise ValueError(f"method is {recipe.names}; {' and '.join(needs)} need two Fishers, and the page takes one")
    tasks = protocol.offered_tasks(about.BACKBONE)
    for key, able in ({"backbone": (about.BACKBONE,), "task": tasks} | about.CHOICES).items():
        if getattr(recipe, key) not in able:
            right = ", ".join(map(str, able))
            raise ValueError(f"{key} is {shown(getattr(recipe, key))}; in the page it has to be {right}")
    for key, most in (("steps", about.MOST_STEPS), ("batch_size", about.MOST_BATCH)):
        if getattr(recipe, key) > most:
            raise ValueError(f"{key} is {getattr(recipe, key)}; in the page it has to be at most {most}")
    if recipe.max_length < about.LONGEST:
        raise ValueError(f"max_length is {recipe.max_length}; in the page it has to be at least {about.LONGEST}")


def write(folder: Path) -> None:
    """Put the files that pages share into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / SCRIPT, script())
    write_text(folder / DATA, data.script())
    write_text(folder / FISHER, data.fisher())


@cache
def script() -> str:
    """The text of lab.js."""
    parts = {
        "style": view.style(),
        "script": f"{view.script()}\n{_source('engine')}",
        "worker": worker(),
        "about": about.about(),
    }
    whole = json.dumps(parts, separators=(",", ":"), ensure_ascii=False).encode()
    packed = base64.b64encode(zlib.compress(whole, 9)).decode()
    return f'globalThis.RecallLabPacked = "{packed}";\n{_source("boot")}'


def worker() -> str:
    """The text of the worker."""
    return "\n".join(map(_source, WORKER))


def _source(name: str) -> str:
    return view.bare(_HERE.joinpath(f"{name}.js").read_text(encoding="utf-8"))
