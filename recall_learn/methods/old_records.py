"""Records of version 1: a method's name, and beside it the settings of all methods.

What nobody had set was left out, or null. That is read as what acted then, whatever the defaults are today.
"""

from collections.abc import Mapping

BESIDE = ("k", "t0", "gamma", "p", "algorithm")
"""What stood beside the name."""
USUAL: dict[str, dict[str, float | str]] = {
    "recadam": {"k": 0.1, "t0": 250.0, "gamma": 5000.0, "algorithm": "paper"},
    "ewc": {"gamma": 1000.0},
    "l2sp": {"gamma": 0.01, "beta": 0.01},
    "child-f": {"p": 0.3},
    "child-d": {"p": 0.3},
}
TINY_GAMMA = 100.0
"""RecAdam's, where the backbone was tiny."""


def translated(values: Mapping[str, object]) -> dict[str, object]:
    """A recorded recipe with its method as an expression, whenever it was written.

    Args:
        values: as the file has them.
    """
    method, beside = values.get("method", "vanilla"), {name: values.get(name) for name in BESIDE}
    rest = {name: value for name, value in values.items() if name not in BESIDE}
    if not isinstance(method, str) or "(" in method:
        return rest
    parts = []
    for name in method.split("+"):
        usual = dict(USUAL.get(name, {}))
        if name == "recadam" and values.get("backbone") == "tiny":
            usual["gamma"] = TINY_GAMMA
        acted = {key: usual[key] if beside.get(key) is None else beside[key] for key in usual}
        parts.append(f"{name}({', '.join(f'{key}={value}' for key, value in acted.items())})" if acted else name)
    return {**rest, "method": " + ".join(parts)}
