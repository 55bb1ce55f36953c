"""Formulas in a terminal."""

import re

import pytest

from recall_learn.practice import exercise
from recall_learn.practice.plain import LETTERS, plain


@pytest.mark.parametrize(
    ("formula", "said"),
    [
        (r"\lambda(t)", "λ(t)"),
        (r"\tfrac12 \tau \theta_i^2", "1/2 τ θ_i²"),
        (r"\frac\gamma2 \|\theta - \theta^*\|^2", "γ/2 ‖θ - θ*‖²"),
        (r"\frac{y - f}{\sigma^2} \frac{\partial f}{\partial \theta_i}", "(y - f)/σ² (∂ f)/(∂ θ_i)"),
        (r"\ln\frac{1 - a}{a}", "ln((1 - a)/a)"),
        (r"x^\top A x", "xᵀ A x"),
        (r"e^{-Loss_S(\theta^*)}", "e^(-Loss_S(θ*))"),
        (r"10^{-308}", "10⁻³⁰⁸"),
        (r"\sqrt{1 - \beta_2^t}", "√(1 - β_2^t)"),
        (r"\sqrt p", "√p"),
        (r"\hat m / \bar{g}", "m\u0302 / g\u0304"),
        (r"\mathbb{E}\, m^2 = \mathrm{Var}\, m", "E m² = Var m"),
        (r"\log \det H", "log det H"),
        (r"a_{n+1} \le e_{y_n}", "a_(n+1) ≤ e_y_n"),
    ],
)
def test_a_formula_is_said_in_letters(formula, said):
    assert plain(f"So ${formula}$, and `$HOME`.") == f"So {said}, and `$HOME`."
    assert plain(f"$$\n{formula}\n$$") == f"\n{said}\n"


@pytest.mark.parametrize("formula", ["", "{", "}", "^", "_", r"\frac", r"\frac{1", r"\sqrt", r"\hat", "\\", "a }b"])
def test_what_is_no_formula_does_no_harm(formula):
    assert isinstance(plain(f"${formula}$"), str)


def test_it_knows_what_the_exercises_say():
    made = {"frac", "tfrac", "sqrt", "hat", "bar", "mathbb", "mathrm", "text", "ln", "log", "det"}
    for each in exercise.everything():
        for text in (*each.hints, each.explanation):
            for formula in re.findall(r"\$([^$]+)\$", text):
                assert set(re.findall(r"\\([A-Za-z]+|.)", formula)) <= made | set(LETTERS), (each.name, formula)
            assert "\\" not in re.sub(r"`[^`]*`", "", plain(text)), each.name
