r"""Mathematics for a terminal: what stands between dollar signs, in letters that it can show.

    >>> plain(r"The step is $\frac{\alpha}{2 \gamma} (\theta_i - \theta^*_i)^2$.")
    'The step is α/(2 γ) (θ_i - θ*_i)².'

It knows the commands that the exercises use. One that it does not know keeps its name.
"""

import re

MATHS = re.compile(r"\$\$(.+?)\$\$|\$([^$]+)\$", re.DOTALL)
TOKEN = re.compile(r"\\[A-Za-z]+|\\.|.", re.DOTALL)
LETTERS = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "eta": "η", "theta": "θ", "lambda": "λ",
    "mu": "μ", "pi": "π", "sigma": "σ", "tau": "τ", "varphi": "φ", "Delta": "Δ", "sum": "∑", "prod": "∏",
    "partial": "∂", "nabla": "∇", "otimes": "⊗", "infty": "∞", "cdot": "·", "times": "×", "odot": "⊙", "le": "≤",
    "ge": "≥", "ne": "≠", "approx": "≈", "in": "∈", "top": "ᵀ", "to": "→", "quad": "  ", "qquad": "    ", "|": "‖",
    ",": "", ";": " ", "!": "",
}  # fmt: skip
FRACTIONS = ("\\frac", "\\tfrac", "\\dfrac")
ACCENTS = {"hat": "\u0302", "bar": "\u0304"}
RAISED = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


def plain(text: str) -> str:
    """``text`` with its formulas as plain letters; all else stays."""
    return MATHS.sub(lambda found: _line(_tokens(found[1] or found[2])), text)


def _tokens(formula: str) -> list[str]:
    return TOKEN.findall(formula)[::-1]  # the next one is the last: pop() reads on


def _line(tokens: list[str]) -> str:
    """All up to the end, or to the brace that closes this group."""
    said = ""
    while tokens:
        token = tokens.pop()
        if token == "}":
            break
        said += _command(token[1:], tokens) if token[0] == "\\" else _shown(token, tokens)
    return said


def _shown(token: str, tokens: list[str]) -> str:
    if token == "{":
        return _line(tokens)
    if token not in "^_":
        return token
    place = _argument(tokens)
    if token == "^" and (place in ("*", "ᵀ") or not place.strip("0123456789-")):
        return place.translate(RAISED)
    return token + _grouped(place)


def _command(name: str, tokens: list[str]) -> str:
    if name in ("ln", "log") and tokens and tokens[-1] in FRACTIONS:
        return f"{name}({_argument(tokens)})"
    if f"\\{name}" in FRACTIONS:
        above, below = _argument(tokens), _argument(tokens)
        return f"{_grouped(above)}/{_grouped(below)}"
    if name == "sqrt":
        return f"√{_grouped(_argument(tokens))}"
    if name in ACCENTS:
        return _argument(tokens) + ACCENTS[name]
    if name in ("mathbb", "mathrm", "text", "textstyle"):
        return _argument(tokens)
    return LETTERS.get(name, name)


def _argument(tokens: list[str]) -> str:
    while tokens and tokens[-1].isspace():
        tokens.pop()
    if not tokens:
        return ""
    token = tokens.pop()
    return _command(token[1:], tokens) if token[0] == "\\" else _shown(token, tokens)


def _grouped(part: str) -> str:
    """In brackets where it is more than one thing."""
    return f"({part})" if re.search(r"[\s+/|-]", part) else part
