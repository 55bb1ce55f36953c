"""One language for methods: ``recadam(k=0.05, t0=150) + child-d``.

It stands in recipes, records, grids, addresses and on the command line. A name is a method's; in parentheses are those
of its settings that are not the default; ``+`` joins methods that go together. ``vanilla`` is no method at all.
"""

import difflib
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from recall_learn.methods.method import Method, Setting
from recall_learn.support.checks import shown

PLAIN, PLAIN_TITLE = "vanilla", "plain fine-tuning"
EXAMPLE = "recadam(k=0.05) + child-d"
"""As messages have it."""
PART = re.compile(r"\s*(?P<name>[a-z][a-z0-9-]*)\s*(?:\((?P<inside>[^()]*)\))?\s*")
PAIR = re.compile(r"\s*(?P<key>[a-z]\w*)\s*=\s*(?P<value>[^\s,=]+)\s*")
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|inf")


def parse(text: object, known: Mapping[str, type[Method]]) -> tuple[Method, ...]:
    """The methods that an expression names, in the order of ``known``.

    Args:
        text: the expression.
        known: the methods by name.

    Raises:
        ValueError: it is no expression, names a method or setting that there is not, gives one twice, has a value that
            is refused, or joins what excludes each other; says which.
    """
    if not isinstance(text, str):
        raise ValueError(f"method is {shown(text)}; it has to be text, as in {EXAMPLE!r}")
    if not text.strip():
        raise ValueError(f"method is {shown(text)}, which names none; for plain fine-tuning write {PLAIN}")
    found: list[Method | None] = []
    for piece in _split(text):
        match = PART.fullmatch(piece)
        if not match:
            raise ValueError(f"method {shown(text)} cannot be read at {shown(piece.strip())}; write it as {EXAMPLE!r}")
        name = match["name"]
        if name == PLAIN:
            found.append(_plain(match["inside"]))
            continue
        if name not in known:
            near = difflib.get_close_matches(name, [*known, PLAIN], 1)
            hint = f" (did you mean {near[0]}?)" if near else ""
            raise ValueError(f"method {shown(name)} is unknown{hint}; the methods are {', '.join([PLAIN, *known])}")
        found.append(known[name](**_settings(name, match["inside"], known[name])))
    return joined(found, known)


def joined(methods: Iterable[Method | None], known: Mapping[str, type[Method]]) -> tuple[Method, ...]:
    """Methods that go together, in the order of ``known``.

    Args:
        methods: None stands for plain fine-tuning.
        known: the methods by name.

    Raises:
        ValueError: one is there twice, two exclude each other, or plain fine-tuning is joined with another.
    """
    given = list(methods)
    parts = [each for each in given if each is not None]
    if parts and len(parts) < len(given):
        raise ValueError(f"method joins {PLAIN}, which is no method, with another; leave it out")
    for n, one in enumerate(parts):
        for other in parts[:n]:
            if one.name == other.name:
                raise ValueError(f"method has {one.name} twice; take it once")
            if one.slot and one.slot == other.slot:
                raise ValueError(
                    f"method joins {other.name} and {one.name}, which are each a {one.slot}; take one of them"
                )
            if all("optimizer" in each.hooks() for each in (one, other)):
                raise ValueError(
                    f"method joins {other.name} and {one.name}, which are each an optimizer; take one of them"
                )
            for still, moving in ((one, other), (other, one)):
                if still.freezes and moving.acts_on_pretrained:
                    raise ValueError(
                        f"method joins {still.name}, which freezes what was pretrained, and {moving.name}, which "
                        f"acts on pretrained weights that train; take one of them"
                    )
    order = list(known)
    return tuple(sorted(parts, key=lambda each: order.index(each.name)))


def written(methods: Iterable[Method]) -> str:
    """The expression of some methods, every setting with its value."""
    return " + ".join(map(str, methods)) or PLAIN


def names(methods: Iterable[Method]) -> str:
    """Their names alone, ``recadam+child-d``: what tables and lines of figures show."""
    return "+".join(each.name for each in methods) or PLAIN


def title(methods: Iterable[Method]) -> str:
    """What prose calls them: "RecAdam and Child-Tuning-D"; for none "plain fine-tuning"."""
    *first, last = [each.title for each in methods] or [PLAIN_TITLE]
    return f"{', '.join(first)} and {last}" if first else last


def short(methods: Iterable[Method], lr: float) -> str:
    """The shortest expression of some methods: settings that are what they would be anyway are left out.

    Args:
        methods: with a value for every setting.
        lr: the highest learning rate, from which some defaults follow.
    """
    parts = []
    for each in methods:
        usual = type(each)().resolved(lr).values()
        parts.append(each.written({key: value for key, value in each.values().items() if value != usual[key]}))
    return " + ".join(parts) or PLAIN


def settings(methods: Sequence[Method]) -> dict[str, Setting]:
    """The settings of methods that go together, by the name by which `changed` knows each.

    That is its own name, and where two of the methods have it, ``child-d.p``.
    """
    keys = [key for each in methods for key in each.settings()]
    return {
        key if keys.count(key) == 1 else f"{each.name}.{key}": about
        for each in methods
        for key, about in each.settings().items()
    }


def changed(methods: Iterable[Method], values: Mapping[str, object]) -> tuple[Method, ...]:
    """The methods with other values of some settings.

    Args:
        methods: some that go together.
        values: by the name of the setting; where two methods have it, as ``child-d.p``.

    Raises:
        ValueError: no method has such a setting, or two do; or a value is refused.
    """
    made = list(methods)
    for key, value in values.items():
        place = owner(made, key)
        made[place] = replace(made[place], **{key.rpartition(".")[2]: value})
    return tuple(made)


def owner(methods: Sequence[Method], key: str) -> int:
    """The place of the method that a setting belongs to.

    Raises:
        ValueError: none has it, or two do.
    """
    method, _, setting = key.rpartition(".")
    able = [place for place, each in enumerate(methods) if setting in each.settings() and method in ("", each.name)]
    if not able:
        have = ", ".join(key for each in methods for key in each.settings()) or "none"
        raise ValueError(f"{key} is no setting of {names(methods)}; it has {have}")
    if len(able) > 1:
        which = " and ".join(f"{methods[place].name}.{setting}" for place in able)
        raise ValueError(f"{key} is a setting of two methods; write {which}")
    return able[0]


def _split(text: str) -> list[str]:
    """At each + that is not inside parentheses and not a number's sign or exponent."""
    pieces, depth, start = [], 0, 0
    for place, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if letter == "+" and depth == 0:
            pieces.append(text[start:place])
            start = place + 1
    return [*pieces, text[start:]]


def _plain(inside: str | None) -> None:
    if inside and inside.strip():
        raise ValueError(f"{PLAIN} has no settings, and was given {shown(inside.strip())}; leave them out")


def _settings(name: str, inside: str | None, kind: type[Method]) -> dict[str, object]:
    values: dict[str, object] = {}
    for piece in (inside or "").split(",") if (inside or "").strip() else []:
        match = PAIR.fullmatch(piece)
        if not match:
            raise ValueError(f"{name} has {shown(piece.strip())} in its parentheses; write settings as k=0.05")
        key, value = match["key"], match["value"]
        if key not in kind.settings():
            able = ", ".join(kind.settings()) or "none"
            raise ValueError(f"{name} has no setting {shown(key)}; it has {able}")
        if key in values:
            raise ValueError(f"{name} has {key} twice; give it once")
        values[key] = _value(value)
    return values


def _value(text: str) -> float | str:
    if not NUMBER.fullmatch(text):
        return text
    return math.inf if text == "inf" else float(text)
