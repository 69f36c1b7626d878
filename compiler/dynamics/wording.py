"""Resolved equations in the language's own words: what `show` prints, params replaced by their numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sysidc.compiler.dynamics.formulas import Formula, as_tuples, is_input
from sysidc.compiler.values import number

LOOSEST, SUM, PRODUCT, SIGN, POWER, ATOM = range(6)
STRENGTH = {"+": SUM, "-": SUM, "*": PRODUCT, "/": PRODUCT, "//": PRODUCT, "**": POWER}


def lines_of(arguments: Mapping[str, Any], values: Mapping[str, float] | None = None) -> list[str]:
    """The block as lines, one statement each; with `values` the learned numbers are what they became."""
    several = {row["name"] for row in arguments["inputs"] if row["channels"] > 1}
    lines = [f"state {row['name']} = {number(row['start'])}" for row in arguments["states"]]
    lines += [_learned(row, values or {}) for row in arguments["learn"]]
    lines += [f"let {row['name']} = {text(as_tuples(row['formula']), several)}" for row in arguments["lets"]]
    for row, formula in zip(arguments["states"], arguments["equations"], strict=True):
        lines.append(f"{arguments['kind']}({row['name']}) = {text(as_tuples(formula), several)}")
    for name, formula in zip(channels(arguments["outputs"]), arguments["readings"], strict=True):
        lines.append(f"{name} = {text(as_tuples(formula), several)}")
    return lines


def channels(signals: Sequence[Mapping[str, Any]]) -> list[str]:
    """`y`, or `y[0]`, `y[1]` where a signal has several channels."""
    return [
        row["name"] if row["channels"] == 1 else f"{row['name']}[{channel}]"
        for row in signals
        for channel in range(row["channels"])
    ]


def _learned(row: Mapping[str, Any], values: Mapping[str, float]) -> str:
    value = number(values.get(row["name"], row["start"]))
    within = "" if row["low"] is None else f" in {number(row['low'])} .. {number(row['high'])}"
    return f"learn {row['name']} = {value}{within}"


def text(formula: Formula, several: set[str] | frozenset[str] = frozenset(), least: int = LOOSEST) -> str:
    """A formula that binds at least as strongly as `least`; `several` are inputs whose channels need an index."""
    strength, written = _written(formula, several)
    return f"({written})" if strength < least else written


def _written(formula: Formula, several: set[str] | frozenset[str]) -> tuple[int, str]:
    if isinstance(formula, int | float):
        return (SIGN if formula < 0 else ATOM), number(formula)
    if isinstance(formula, str):
        return ATOM, formula
    if is_input(formula):
        return ATOM, f"{formula[1]}[{formula[2]}]" if formula[1] in several else str(formula[1])
    name, *given = formula
    if name == "-" and len(given) == 1:
        return SIGN, f"-{text(given[0], several, SIGN)}"
    if name == "**":
        return POWER, f"{text(given[0], several, ATOM)} ** {text(given[1], several, SIGN)}"
    if name in STRENGTH:
        own = STRENGTH[name]
        return own, f"{text(given[0], several, own)} {name} {text(given[1], several, own + 1)}"
    return ATOM, f"{name}({', '.join(text(part, several) for part in given)})"
