"""Formulas of equations as nested tuples: numbers, names, channels of inputs, operators and functions over them.

    3.0                          a number
    "x1"                         a state, a learned number or a let of the block
    ("input", "u", 0)            channel 0 of the input signal u
    ("+", a, b), ("-", a)        operators + - * / // **, minus of one operand
    ("sqrt", a), ("max", a, b)   functions, by their names in the language

The plan holds them as lists, so that they are the same before and after JSON.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

from sysidc.dsl.records import dataclass

Formula: TypeAlias = float | str | tuple[Any, ...]

OPERATORS = ("+", "-", "*", "/", "//", "**")


@dataclass(frozen=True)
class Function:
    """A function of the language: `most` arguments at most, None for any number; `compute` for plain numbers."""

    least: int
    most: int | None
    compute: Callable[..., float]
    about: str


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def _softplus(x: float) -> float:
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


FUNCTIONS: dict[str, Function] = {
    "sqrt": Function(1, 1, math.sqrt, "square root"),
    "exp": Function(1, 1, math.exp, "exponential"),
    "log": Function(1, 1, math.log, "natural logarithm"),
    "sin": Function(1, 1, math.sin, "sine of an angle in radians"),
    "cos": Function(1, 1, math.cos, "cosine of an angle in radians"),
    "tan": Function(1, 1, math.tan, "tangent of an angle in radians"),
    "tanh": Function(1, 1, math.tanh, "hyperbolic tangent"),
    "atan": Function(1, 1, math.atan, "angle in radians whose tangent it is"),
    "abs": Function(1, 1, math.fabs, "x without its sign"),
    "sign": Function(1, 1, lambda x: float((x > 0) - (x < 0)), "-1, 0 or 1"),
    "min": Function(2, None, min, "the least of its arguments"),
    "max": Function(2, None, max, "the largest of its arguments"),
    "relu": Function(1, 1, lambda x: max(x, 0.0), "max(x, 0)"),
    "sigmoid": Function(1, 1, _sigmoid, "1 / (1 + exp(-x))"),
    "softplus": Function(1, 1, _softplus, "log(1 + exp(x)), a smooth max(x, 0)"),
    "clip": Function(3, 3, lambda x, low, high: min(max(x, low), high), "x between two bounds"),
}

COMPUTE: dict[str, Callable[..., float]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, *b: a - b[0] if b else -a,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "//": lambda a, b: a // b,
    "**": lambda a, b: a**b,
    **{name: function.compute for name, function in FUNCTIONS.items()},
}


def is_number(formula: Formula) -> bool:
    return isinstance(formula, int | float)


def is_input(formula: Formula) -> bool:
    return not isinstance(formula, str | int | float) and formula[0] == "input"


def operands(formula: Formula) -> tuple[Formula, ...]:
    """What an operator or a function is applied to; nothing for numbers, names and inputs."""
    return () if isinstance(formula, str | int | float) or is_input(formula) else tuple(formula[1:])


def parts(formula: Formula) -> Iterator[Formula]:
    """The formula and everything that it is made of."""
    waiting = [formula]
    while waiting:
        found = waiting.pop()
        yield found
        waiting.extend(reversed(operands(found)))


def names(formula: Formula) -> set[str]:
    """States, learned numbers and lets that a formula reads."""
    return {part for part in parts(formula) if isinstance(part, str)}


def reads_of(formula: Formula, lets: Mapping[str, Formula]) -> set[str]:
    """States and learned numbers that a formula reads, by way of lets too; inputs are told as ("input", ...)."""
    found: set[str] = set()
    waiting, seen = [formula], set()
    while waiting:
        for part in parts(waiting.pop()):
            if is_input(part):
                found.add(channel_name(part))
            elif isinstance(part, str) and part in lets:
                if part not in seen:
                    seen.add(part)
                    waiting.append(lets[part])
            elif isinstance(part, str):
                found.add(part)
    return found


def channel_name(channel: Formula) -> str:
    """`u[0]`: how a channel of an input is told in a set of names."""
    assert isinstance(channel, tuple | list)
    return f"{channel[1]}[{channel[2]}]"


def as_lists(formula: Formula) -> Any:
    """The form that the plan holds."""
    return formula if isinstance(formula, str | int | float) else [as_lists(part) for part in formula]


def as_tuples(formula: Any) -> Formula:
    """The formula again, from the plan."""
    return formula if isinstance(formula, str | int | float) else tuple(as_tuples(part) for part in formula)
