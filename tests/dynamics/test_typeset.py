"""Equations typeset for the report: well-formed MathML that says what the block says."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

from sysidc.compiler.dynamics.typeset import typeset
from tests.dynamics.blocks import arguments_of

BODY = (
    "state x1 = 5, v = 0  learn k1 = 0.03 in 0 .. 1  learn alpha = -2e-6  "
    "let q = k1 * sqrt(max(x1, 0.001)) / (x1 - v)  der(x1) = -(q + abs(v)) ** 2 + alpha  "
    "der(v) = exp(-x1) // 3 - tanh(v * (u - 1))  y = clip(x1, 0, 10)"
)


def told(markup: str) -> list[str]:
    """The text of each formula, from well-formed markup, in plain letters."""
    markup = markup.replace("\N{GREEK SMALL LETTER ALPHA}", "alpha").replace("&#x2212;", "-").replace("&#x22C5;", "*")
    tree = ElementTree.fromstring(f"<body>{markup}</body>")
    return ["".join(line.itertext()) for line in tree]


def test_every_let_equation_and_output_is_a_formula_of_its_own() -> None:
    assert told(typeset(arguments_of(BODY))) == [
        "q=k1*max(x1,0.001)x1-v",
        "dx1dt=-(q+|v|)2+alpha",
        "dvdt=⌊e-x13⌋-tanh(v*(u-1))",
        "y=clip(x1,0,10)",
    ]


def test_learned_numbers_are_filled_in() -> None:
    lines = told(typeset(arguments_of(BODY), {"k1": 0.25, "alpha": -2e-6}))
    assert lines[0] == "q=0.25*max(x1,0.001)x1-v"
    assert lines[1] == "dx1dt=-(q+|v|)2+(-2*10-6)"


def test_discrete_equations_tell_the_next_sample() -> None:
    lines = told(typeset(arguments_of("state x = 1  learn k = 1  next(x) = k * x + u  y = x")))
    assert lines == ["xk+1=k*x+u", "y=x"]
