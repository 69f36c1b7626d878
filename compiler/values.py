"""What an expression is worth: plain numbers, quantities with a dimension, words, lists, ranges and calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from sysidc.dsl.records import dataclass
from sysidc.dsl.source import Span

if TYPE_CHECKING:
    from sysidc.compiler.scope import Scope
    from sysidc.dsl import syntax

UNITS: dict[str, tuple[str, float]] = {
    "us": ("time", 1e-6),
    "ms": ("time", 1e-3),
    "s": ("time", 1.0),
    "min": ("time", 60.0),
    "h": ("time", 3600.0),
    "Hz": ("rate", 1.0),
    "kHz": ("rate", 1e3),
    "MHz": ("rate", 1e6),
    "%": ("share", 1e-2),
}
"""Unit word -> its dimension and its size in s, Hz or 1."""


@dataclass(frozen=True)
class Quantity:
    """`value` in s, Hz or as a share of 1."""

    value: float
    dimension: str


@dataclass(frozen=True)
class Word:
    """A name that stands for itself: a choice such as `standard`, a dtype, a column."""

    text: str


@dataclass(frozen=True)
class Interval:
    """`low .. high`."""

    low: int | float
    high: int | float


@dataclass(frozen=True)
class CallValue:
    """A call whose arguments wait to be bound to the table of what it names; `arguments` is empty for a bare name."""

    name: str
    node: syntax.Call | syntax.Name
    scope: Scope


@dataclass(frozen=True)
class ArrowValue:
    left: str
    right: str


Plain: TypeAlias = (
    int | float | bool | str | Quantity | Word | Interval | CallValue | ArrowValue | tuple["Value", ...] | None
)


@dataclass(frozen=True)
class Value:
    """`plain` and where it was written."""

    plain: Plain
    span: Span


def describe(plain: Plain) -> str:
    """A value in the words of the user, for messages."""
    match plain:
        case bool():
            return "on" if plain else "off"
        case None:
            return "none"
        case int() | float():
            return number(plain)
        case str():
            return f'"{plain}"'
        case Quantity(value, "share"):
            return f"{number(value * 100)} %"
        case Quantity(value, dimension):
            return f"{number(value)} {'s' if dimension == 'time' else 'Hz'}"
        case Word(text):
            return f"`{text}`"
        case Interval(low, high):
            return f"{number(low)} .. {number(high)}"
        case CallValue(name):
            return f"`{name}(...)`"
        case ArrowValue(left, right):
            return f"`{left} -> {right}`"
        case tuple():
            return "a list"


def number(value: int | float) -> str:
    """A number as a person writes it: 0.001, 32, 1e-05."""
    if isinstance(value, int):
        return str(value) if abs(value) < 10**12 else f"{value:.3e}"
    return f"{value:.6g}"
