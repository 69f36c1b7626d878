"""Derivatives of formulas, formula by formula: the chain rule over the functions of the language.

Two more words appear in what comes out: ("choose", c, a, b) is a where c > 0 and b elsewhere.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from sysidc.compiler.dynamics.formulas import Formula, is_input, is_number

Slope = Callable[[Formula], Formula]

SMALLEST = 1e-30
"""Base of a power with an exponent that is not constant: below it the power's slope is taken here."""


def derivative(formula: Formula, slope: Slope) -> Formula:
    """d formula; `slope` tells the derivative of a name or of an input."""
    if is_number(formula):
        return 0.0
    if isinstance(formula, str) or is_input(formula):
        return slope(formula)
    assert not isinstance(formula, int | float)
    name, *given = formula
    slopes = [derivative(part, slope) for part in given]
    if all(part == 0 for part in slopes):
        return 0.0
    return RULES[name](given, slopes)


def slopes_of_lets(lets: Mapping[str, Formula], name: str) -> tuple[dict[str, Formula], Slope]:
    """Derivatives of the lets by a state or learned number `name`, as lets of their own that are called `q'name`, and
    the slope of every name. Lets that do not depend on it have none."""
    found: dict[str, Formula] = {}

    def slope(part: Formula) -> Formula:
        if part == name:
            return 1.0
        told = f"{part}'{name}" if isinstance(part, str) else ""
        return told if told in found else 0.0

    for let, formula in lets.items():
        value = derivative(formula, slope)
        if value != 0:
            found[f"{let}'{name}"] = value
    return found, slope


# --- rules: given the operands and their derivatives ------------------------------------------------------------------


def _power(given: Sequence[Formula], slopes: Sequence[Formula]) -> Formula:
    (base, exponent), (by_base, by_exponent) = given, slopes
    if isinstance(exponent, int | float):
        return times(times(exponent, power(base, exponent - 1)), by_base)
    if isinstance(base, int | float):
        return times(times(("**", base, exponent), math.log(max(base, SMALLEST))), by_exponent)
    safe: Formula = ("max", base, SMALLEST)
    first = times(times(exponent, power(safe, minus(exponent, 1.0))), by_base)
    return plus(first, times(times(("**", base, exponent), ("log", safe)), by_exponent))


def _extreme(name: str) -> Callable[[Sequence[Formula], Sequence[Formula]], Formula]:
    """max (or min) of several: the slope of the one that is taken."""

    def rule(given: Sequence[Formula], slopes: Sequence[Formula]) -> Formula:
        best, slope = given[0], slopes[0]
        for other, other_slope in zip(given[1:], slopes[1:], strict=True):
            gap = minus(best, other) if name == "max" else minus(other, best)
            slope = choose(gap, slope, other_slope)
            best = (name, best, other)
        return slope

    return rule


def _clip(given: Sequence[Formula], slopes: Sequence[Formula]) -> Formula:
    x, low, high = given
    by_x, by_low, by_high = slopes
    inside = choose(minus(x, low), by_x, by_low)
    return choose(minus(high, ("max", x, low)), inside, by_high)


RULES: dict[str, Callable[[Sequence[Formula], Sequence[Formula]], Formula]] = {
    "+": lambda a, d: plus(d[0], d[1]),
    "-": lambda a, d: minus(d[0], d[1]) if len(a) > 1 else minus(0.0, d[0]),
    "*": lambda a, d: plus(times(d[0], a[1]), times(a[0], d[1])),
    "/": lambda a, d: over(minus(d[0], times(over(a[0], a[1]), d[1])) if d[1] != 0 else d[0], a[1]),
    "//": lambda a, d: 0.0,
    "**": _power,
    "sqrt": lambda a, d: over(d[0], times(2.0, ("sqrt", a[0]))),
    "exp": lambda a, d: times(("exp", a[0]), d[0]),
    "log": lambda a, d: over(d[0], a[0]),
    "sin": lambda a, d: times(("cos", a[0]), d[0]),
    "cos": lambda a, d: minus(0.0, times(("sin", a[0]), d[0])),
    "tan": lambda a, d: times(plus(1.0, ("**", ("tan", a[0]), 2.0)), d[0]),
    "tanh": lambda a, d: times(minus(1.0, ("**", ("tanh", a[0]), 2.0)), d[0]),
    "atan": lambda a, d: over(d[0], plus(1.0, ("**", a[0], 2.0))),
    "abs": lambda a, d: times(("sign", a[0]), d[0]),
    "sign": lambda a, d: 0.0,
    "min": _extreme("min"),
    "max": _extreme("max"),
    "relu": lambda a, d: choose(a[0], d[0], 0.0),
    "sigmoid": lambda a, d: times(times(("sigmoid", a[0]), minus(1.0, ("sigmoid", a[0]))), d[0]),
    "softplus": lambda a, d: times(("sigmoid", a[0]), d[0]),
    "clip": _clip,
}


# --- formulas put together, zeros and ones left out -----------------------------------------------------------------


def plus(a: Formula, b: Formula) -> Formula:
    if isinstance(a, int | float) and isinstance(b, int | float):
        return a + b
    return b if a == 0 else a if b == 0 else ("+", a, b)


def minus(a: Formula, b: Formula) -> Formula:
    if isinstance(a, int | float) and isinstance(b, int | float):
        return a - b
    return a if b == 0 else ("-", b) if a == 0 else ("-", a, b)


def times(a: Formula, b: Formula) -> Formula:
    if isinstance(a, int | float) and isinstance(b, int | float):
        return a * b
    if a == 0 or b == 0:
        return 0.0
    return b if a == 1 else a if b == 1 else ("*", a, b)


def over(a: Formula, b: Formula) -> Formula:
    return 0.0 if a == 0 else a if b == 1 else ("/", a, b)


def power(base: Formula, exponent: Formula) -> Formula:
    return 1.0 if exponent == 0 else base if exponent == 1 else ("**", base, exponent)


def choose(gap: Formula, a: Formula, b: Formula) -> Formula:
    if isinstance(gap, int | float):
        return a if gap > 0 else b
    return a if a == b else ("choose", gap, a, b)
