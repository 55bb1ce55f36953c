"""Method cards: a page of the book that is made when it is built, from what each method says of itself.

`MARK` in the page is where the cards go. What they hold comes from a method's class (formula, paper, settings, hooks)
and from what ``benchmarks/methods.py`` has recorded; there is nothing here about any one method.
"""

import inspect
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from recall_learn.methods import METHODS, Method
from recall_learn.methods.method import Acting, Setting
from recall_learn.models.places import SOURCE_FISHERS
from recall_learn.runs.compose import HEAD, SOURCE
from recall_learn.runs.given_fisher import packaged

MARK = "<!-- the method cards -->"
PAGE, COSTS = "cards", Path("runs") / "methods-cost.json"
LR = 2e-5
"""At which a default that follows from the learning rate is shown."""


def cards(methods: Mapping[str, type[Method]], book: Path) -> str:
    """All cards and what is around them, as MyST Markdown.

    Args:
        methods: by name.
        book: the folder with the lessons, and what was recorded.
    """
    file = book / COSTS
    costs = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    parts = [_overview(methods, costs), *(_card(each, methods, book, costs) for each in methods.values())]
    return "\n\n".join([*parts, _hooks(methods)])


def _overview(methods: Mapping[str, type[Method]], costs: Mapping[str, Any]) -> str:
    rows = [
        (f"[{each.title}](#{_label(each)})", f"`{name}`", _cost(costs, name, "bert"), _memory(costs, name))
        for name, each in methods.items()
    ]
    return f"{_table(('method', 'written', 'a step', 'memory'), rows)}\n\n{_where(costs)}"


def _where(costs: Mapping[str, Any]) -> str:
    """On what the costs were measured."""
    if not costs:
        return "Nothing has been measured yet: `benchmarks/methods.py` does it."
    about, weights = costs["environment"], costs["weights"]
    return (
        f"A step and its memory are ratios to plain fine-tuning with AdamW, for a BERT of {weights['bert'] / 1e6:.0f} "
        f"million weights; the cards have the tiny model of the small world beside it. In parentheses is the middle "
        f"half of {costs['pairs']} pairs. Recorded by `benchmarks/methods.py` on {about['date'][:10]}: "
        f"{about['device']}, {about['threads']} thread{'s' if about['threads'] > 1 else ''}, "
        f"torch {about['versions']['torch']}, load {about['load']}. Other machines give other ratios."
    )


def _cost(costs: Mapping[str, Any], name: str, model: str) -> str:
    found = costs.get("methods", {}).get(name)
    if found is None:
        return "not measured"
    return f"×\u00a0{found[model]['time']:.2f} ({found[model]['low']:.2f} to {found[model]['high']:.2f})"


def _memory(costs: Mapping[str, Any], name: str) -> str:
    found = costs.get("methods", {}).get(name)
    return "not measured" if found is None else f"×\u00a0{found['memory']:.2f}"


def _weights(costs: Mapping[str, Any], name: str) -> str:
    """Of the model's weights, how many train and how many were added."""
    found = costs.get("methods", {}).get(name, {})
    if "trains" not in found:
        return ""
    added = f", {_share(found['added'])} more are added" if found["added"] else ""
    return f"; as many weights as {_share(found['trains'])} of the model's train{added}"


def _share(share: float) -> str:
    return f"{100 * share:.3g}\u00a0%"


def _card(method: type[Method], methods: Mapping[str, type[Method]], book: Path, costs: Mapping[str, Any]) -> str:
    facts = [
        ("Paper", method.paper),
        ("Lesson", _lesson(method, book)),
        ("Written", f"`{method().resolved(LR)}`"),
        ("Needs", _needs(method)),
        ("Acts in", ", ".join(f"`{hook}`" for hook in method.hooks()) or "no hook"),
        ("Excludes", _excluded(method, methods)),
        ("In a sequence", _carried(method)),
        (
            "Costs",
            f"a step {_cost(costs, method.name, 'bert')}, for tiny {_cost(costs, method.name, 'tiny')}; "
            f"memory {_memory(costs, method.name)}{_weights(costs, method.name)}",
        ),
    ]
    listed = "\n".join(f"- **{what}**: {text}" for what, text in facts if text)
    told = f"```{{eval-rst}}\n{inspect.cleandoc(method.__doc__ or '')}\n```"
    return f"({_label(method)})=\n## {method.title}\n\n{told}\n\n{listed}\n\n{_settings(method)}"


def _label(method: type[Method]) -> str:
    return f"card-{method.name}"


def _lesson(method: type[Method], book: Path) -> str:
    page = book / f"{method.lesson}.md"
    if not method.lesson:
        return ""
    title = re.search(r"^# (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)[1]
    return f"[{title}]({page.name})"


def _needs(method: type[Method]) -> str:
    if SOURCE in method.needs:
        return "what the model was pretrained to do, and texts for it; `tiny` has its own, any other takes a text file"
    if HEAD in method.needs:
        return "the head that the model was pretrained with, which says hidden words"
    kinds = [kind.removesuffix(" fisher") for kind in sorted(method.needs)]
    said = " and ".join(f"the Fisher information of the {kind}" for kind in kinds)
    having = [f"`{backbone}`" for backbone in SOURCE_FISHERS if packaged(method.needs, backbone)]
    return f"{said}; packaged for {' and '.join(having)}, a file for any other backbone" if having else said


def _excluded(method: type[Method], methods: Mapping[str, type[Method]]) -> str:
    others = [
        each.title for each in methods.values() if method.slot and each.slot == method.slot and each is not method
    ]
    still = [
        each.title
        for each in methods.values()
        if (method.freezes and each.acts_on_pretrained) or (each.freezes and method.acts_on_pretrained)
    ]
    steps = [each.title for each in methods.values() if _both_step(method, each) and each is not method]
    why = "they act on pretrained weights that train" if method.freezes else "what was pretrained is frozen there"
    parts = [(others, f"each is a {method.slot}"), (steps, "each is an optimizer"), (still, why)]
    return "; ".join(f"{', '.join(titles)} ({said})" for titles, said in parts if titles)


def _carried(method: type[Method]) -> str:
    """What it does after a task of `recall-learn sequence`."""
    if not method.carries:
        return "it cannot go on after a task"
    apart = "; a task that was learned keeps its own weights" if method.isolates else ""
    return f"the next task has of it {method.carries}{apart}"


def _both_step(one: type[Method], other: type[Method]) -> bool:
    return all("optimizer" in each.hooks() for each in (one, other))


def _settings(method: type[Method]) -> str:
    rows = [(f"`{key}`", _usual(method, key), _told(about)) for key, about in method.settings().items()]
    return _table(("setting", "usual", "what it is"), rows) if rows else "It has no settings."


def _told(about: Setting) -> str:
    """What a setting is, what it may be, and whether it may change: in one cell, for narrow windows."""
    return f"{about.help}. *{about.right[0].upper()}{about.right[1:]}{'; live' if about.live else ''}.*"


def _usual(method: type[Method], key: str) -> str:
    """The default as it is written."""
    fixed = method.defaults()[key] is not None
    value = getattr(method() if fixed else method().resolved(LR), key)
    text = f"{value:g}" if isinstance(value, int | float) else str(value)
    return text if fixed else f"{text} at lr = {LR:g}"


def _hooks(methods: Mapping[str, type[Method]]) -> str:
    """What each hook is for, in the words of the contract, and who acts there."""
    used = [hook for each in methods.values() for hook in each.hooks()]
    order = [hook for hook in ("prepare", "lr_schedule", *vars(Acting)) if hook in used]
    rows = []
    for hook in order:
        told = inspect.getdoc(getattr(Acting, hook, None) or getattr(Method, hook)) or ""
        who = ", ".join(each.title for each in methods.values() if hook in each.hooks())
        rows.append((f"`{hook}`", re.sub(r"``([^`]+)``", r"`\1`", told.split("\n\n")[0].replace("\n", " ")), who))
    return f"## Where they act\n\n{_table(('hook', 'what it does', 'who acts there'), rows)}"


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [[cell.replace("|", "\\|") for cell in row] for row in (list(head), *rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _fill(app, docname, source) -> None:
    if docname == PAGE:
        book = Path(app.srcdir)
        source[0] = source[0].replace(MARK, cards(METHODS, book))
        for lesson in {method.lesson for method in METHODS.values()} - {""}:
            app.env.note_dependency(str(book / f"{lesson}.md"))


def setup(app) -> None:
    """Put the cards into their page; a change of the library or of the runs has the whole book read anew."""
    app.connect("source-read", _fill)
