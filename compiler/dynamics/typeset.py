"""Equations typeset as MathML, which browsers draw without any help; with values the learned numbers are filled in."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from html import escape
from typing import Any

from sysidc.compiler.dynamics.formulas import Formula, as_tuples, is_input
from sysidc.compiler.dynamics.wording import channels
from sysidc.compiler.values import number

SUM, PRODUCT, SIGN, POWER, ATOM = range(1, 6)
TIMES = "<mo>&#x22C5;</mo>"
MINUS = "<mo>&#x2212;</mo>"
INDEXED = re.compile(r"(?P<letter>.*\D)(?P<index>\d+)")
GREEK: tuple[str, ...] = (
    "alpha",
    "beta",
    "gamma",
    "delta",
    "epsilon",
    "zeta",
    "eta",
    "theta",
    "kappa",
    "lambda",
    "mu",
    "nu",
    "xi",
)
LAMDA = {"lambda": "lamda"}
"""Unicode spells one of them in its own way."""
GREEK += ("rho", "sigma", "tau", "phi", "chi", "psi", "omega")


def typeset(arguments: Mapping[str, Any], values: Mapping[str, float] | None = None) -> str:
    """One `<math>` element for each let, equation and output of a block, `arguments` being those of its node."""
    writer = _Writer(arguments, values or {})
    return "\n".join(f'<math display="block"><mrow>{line}</mrow></math>' for line in writer.lines())


class _Writer:
    def __init__(self, arguments: Mapping[str, Any], values: Mapping[str, float]):
        self.arguments = arguments
        self.values = values
        self.several = {row["name"] for row in arguments["inputs"] if row["channels"] > 1}

    def lines(self) -> list[str]:
        given = self.arguments
        left = [name(row["name"]) for row in given["lets"]]
        left += [self._moved(row["name"]) for row in given["states"]]
        left += [_channel(told) for told in channels(given["outputs"])]
        right = [*(row["formula"] for row in given["lets"]), *given["equations"], *given["readings"]]
        return [f"{a}<mo>=</mo>{self.formula(as_tuples(b))}" for a, b in zip(left, right, strict=True)]

    def _moved(self, state: str) -> str:
        if self.arguments["kind"] == "der":
            return f"<mfrac><mrow><mi>d</mi>{name(state)}</mrow><mrow><mi>d</mi><mi>t</mi></mrow></mfrac>"
        return f"<msub>{name(state)}<mrow><mi>k</mi><mo>+</mo><mn>1</mn></mrow></msub>"

    def formula(self, formula: Formula, least: int = 0) -> str:
        """A formula that binds at least as strongly as `least`."""
        strength, written = self._written(formula)
        return f"<mrow><mo>(</mo>{written}<mo>)</mo></mrow>" if strength < least else written

    def _right(self, formula: Formula, least: int) -> str:
        """What stands behind an operator: there a minus needs parentheses."""
        written = self.formula(formula, least)
        return f"<mrow><mo>(</mo>{written}<mo>)</mo></mrow>" if written.startswith(MINUS) else written

    def _written(self, formula: Formula) -> tuple[int, str]:
        if isinstance(formula, int | float):
            return _number(formula)
        if isinstance(formula, str):
            return _number(self.values[formula]) if formula in self.values else (ATOM, name(formula))
        if is_input(formula):
            told = f"{formula[1]}[{formula[2]}]" if formula[1] in self.several else str(formula[1])
            return ATOM, _channel(told)
        symbol, *given = formula
        if symbol in ("+", "-", "*", "/", "**"):
            return self._operator(symbol, *given)
        return ATOM, self._function(symbol, *given)

    def _operator(self, symbol: str, *given: Formula) -> tuple[int, str]:
        if len(given) == 1:
            return SIGN, MINUS + self.formula(given[0], SIGN)
        left, right = given
        match symbol:
            case "+":
                return SUM, f"{self.formula(left, SUM)}<mo>+</mo>{self._right(right, PRODUCT)}"
            case "-":
                return SUM, f"{self.formula(left, SUM)}{MINUS}{self._right(right, PRODUCT)}"
            case "*":
                return PRODUCT, f"{self.formula(left, PRODUCT)}{TIMES}{self._right(right, POWER)}"
            case "/":
                ends = f"<mrow>{self.formula(left)}</mrow><mrow>{self.formula(right)}</mrow>"
                return ATOM, f"<mfrac>{ends}</mfrac>"
        return POWER, f"<msup><mrow>{self.formula(left, ATOM)}</mrow><mrow>{self.formula(right)}</mrow></msup>"

    def _function(self, symbol: str, *given: Formula) -> str:
        inside = [self.formula(part) for part in given]
        match symbol:
            case "sqrt":
                return f"<msqrt><mrow>{inside[0]}</mrow></msqrt>"
            case "exp":
                return f"<msup><mi>e</mi><mrow>{inside[0]}</mrow></msup>"
            case "abs":
                return f"<mrow><mo>|</mo>{inside[0]}<mo>|</mo></mrow>"
            case "//":
                return (
                    f"<mrow><mo>&#x230A;</mo><mfrac><mrow>{inside[0]}</mrow>"
                    f"<mrow>{inside[1]}</mrow></mfrac><mo>&#x230B;</mo></mrow>"
                )
        return f"<mrow><mi>{symbol}</mi><mo>(</mo>{'<mo>,</mo>'.join(inside)}<mo>)</mo></mrow>"


def name(text: str) -> str:
    """A name with its digits as an index; Greek letters that are written out are Greek."""
    indexed = INDEXED.fullmatch(text)
    if indexed is None:
        return f"<mi>{letter(text)}</mi>"
    return f"<msub>{name(indexed['letter'].rstrip('_') or indexed['letter'])}<mn>{indexed['index']}</mn></msub>"


def _channel(told: str) -> str:
    signal, bracket, rest = told.partition("[")
    return f"<msub>{name(signal)}<mn>{rest.rstrip(']')}</mn></msub>" if bracket else name(signal)


def _number(value: float) -> tuple[int, str]:
    """A negative number binds like a sign; a power of ten is written as one."""
    digits, _, exponent = number(abs(value)).partition("e")
    written = f"<mn>{digits}</mn>"
    if exponent:
        sign = MINUS if exponent[0] == "-" else ""
        written += f"{TIMES}<msup><mn>10</mn><mrow>{sign}<mn>{int(exponent.lstrip('+-'))}</mn></mrow></msup>"
        return (SIGN, MINUS + written) if value < 0 else (PRODUCT, written)
    return (SIGN, MINUS + written) if value < 0 else (ATOM, written)


def letter(text: str) -> str:
    """The letter itself for the name of a Greek one, else the text as markup."""
    return unicodedata.lookup(f"GREEK SMALL LETTER {LAMDA.get(text, text)}") if text in GREEK else escape(text)
