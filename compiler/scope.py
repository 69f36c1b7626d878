"""Names and what they are worth: params, lets and the arguments of a block, evaluated when first asked for."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable

from sysidc.compiler import sentences
from sysidc.compiler.findings import Findings
from sysidc.compiler.values import UNITS, ArrowValue, CallValue, Interval, Plain, Quantity, Value, Word, describe
from sysidc.dsl import syntax
from sysidc.dsl.diagnostics import Diagnostic
from sysidc.dsl.source import Span

CONSTANTS: dict[str, bool | None] = {"on": True, "off": False, "none": None}
DEEPEST_DEFINITION = 30
"""Lets that wait for each other."""

LARGEST_INTEGER = 2**63 - 1

OPERATIONS: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
}


class Unknown(Exception):
    """An expression has no value; its mistake has been reported."""


class Scope:
    """Definitions by name. Evaluation is lazy, so that the order of sections is free; cycles are reported.

    `parent` is asked for names that are not defined here (the file's scope, for the body of a block).
    """

    def __init__(self, findings: Findings, parent: Scope | None = None):
        self.findings = findings
        self.parent = parent
        self._definitions: dict[str, tuple[Span, syntax.Expression, Scope]] = {}
        self._values: dict[str, Value | None] = {}
        self._open: list[str] = []
        self._too_deep = False
        self.used: set[str] = set()

    def forget(self) -> None:
        """Evaluate everything anew when it is asked for again: what is used is then what the model uses."""
        self.used.clear()
        self._values.clear()

    def define(self, name: str, span: Span, expression: syntax.Expression, scope: Scope | None = None) -> None:
        """Let `name` stand for `expression`, to be evaluated in `scope` (this one when left out)."""
        self._definitions[name] = (span, expression, scope or self)

    def defined(self, name: str) -> Span | None:
        """Where `name` was defined, here or further out."""
        if name in self._definitions:
            return self._definitions[name][0]
        return self.parent.defined(name) if self.parent else None

    def names(self) -> tuple[str, ...]:
        return tuple(self._definitions) + (self.parent.names() if self.parent else ())

    def lookup(self, name: str, at: Span) -> Value | None:
        """The value of a defined name, None where it is not defined. Raises Unknown where its definition is wrong."""
        if name not in self._definitions:
            return self.parent.lookup(name, at) if self.parent else None
        self.used.add(name)
        if name in self._open:
            span = self._definitions[name][0]
            self.findings.add(sentences.circular_definition(name, (*self._open[self._open.index(name) :], name), span))
            raise Unknown
        if len(self._open) >= DEEPEST_DEFINITION:
            if not self._too_deep:
                span = self._definitions[name][0]
                self.findings.add(sentences.definition_too_deep(name, span, DEEPEST_DEFINITION))
            self._too_deep = True
            raise Unknown
        if name not in self._values:
            self._values[name] = self._evaluate_definition(name)
        value = self._values[name]
        if value is None:
            raise Unknown
        return value if isinstance(value.plain, Word) else Value(value.plain, at)

    def _evaluate_definition(self, name: str) -> Value | None:
        _, expression, scope = self._definitions[name]
        self._open.append(name)
        try:
            return evaluate(expression, scope)
        except Unknown:
            return None
        finally:
            self._open.pop()


def evaluate(node: syntax.Expression, scope: Scope) -> Value:
    """The value of an expression. Raises Unknown after reporting a mistake."""
    if isinstance(node, syntax.Name):
        found = scope.lookup(node.text, node.span)
        if found is not None and isinstance(found.plain, Word):
            return found  # a word is blamed where it was written, not where it arrives
    return Value(_plain(node, scope), node.span)


def _plain(node: syntax.Expression, scope: Scope) -> Plain:
    match node:
        case syntax.Number(value=value, unit=unit):
            return _number(node, value, unit, scope)
        case syntax.String(value=text):
            return text
        case syntax.Name(text=text):
            return _name(node, text, scope)
        case syntax.List(items=items):
            return tuple(evaluate(item, scope) for item in items)
        case syntax.Range(low=low, high=high):
            return _interval(node, evaluate(low, scope), evaluate(high, scope), scope)
        case syntax.Call(name=name):
            return CallValue(name.text, node, scope)
        case syntax.Arrow(left=left, right=right):
            return _arrow(node, evaluate(left, scope), evaluate(right, scope), scope)
        case syntax.Unary(operator=sign, operand=operand):
            return _unary(node, sign, evaluate(operand, scope), scope)
        case syntax.Binary(operator=symbol, left=left, right=right):
            return _binary(node, symbol, evaluate(left, scope), evaluate(right, scope), scope)
        case syntax.Index():
            scope.findings.add(sentences.index_outside_dynamics(node.span))
            raise Unknown


def _number(node: syntax.Number, value: int | float, unit: str | None, scope: Scope) -> Plain:
    if _too_large(value):
        scope.findings.add(sentences.number_too_large(node.span))
        raise Unknown
    if unit is None:
        return value
    dimension, size = UNITS[unit]
    return Quantity(value / round(1 / size) if size < 1 else value * size, dimension)


def _name(node: syntax.Name, text: str, scope: Scope) -> Plain:
    found = scope.lookup(text, node.span)
    if found is not None:
        return found.plain
    if text in CONSTANTS:
        return CONSTANTS[text]
    return Word(text)


def _interval(node: syntax.Range, low: Value, high: Value, scope: Scope) -> Plain:
    first, last = _end(low, scope), _end(high, scope)
    if first > last:
        scope.findings.add(sentences.empty_range(node.span, first, last))
        raise Unknown
    return Interval(first, last)


def _end(value: Value, scope: Scope) -> int | float:
    if isinstance(value.plain, int | float) and not isinstance(value.plain, bool):
        return value.plain
    scope.findings.add(sentences.not_a_number(describe(value.plain), value.span, "a range needs numbers"))
    raise Unknown


def _arrow(node: syntax.Arrow, left: Value, right: Value, scope: Scope) -> Plain:
    if not isinstance(left.plain, Word) or not isinstance(right.plain, Word):
        scope.findings.add(sentences.bad_arrow(node.span))
        raise Unknown
    return ArrowValue(left.plain.text, right.plain.text)


def _unary(node: syntax.Unary, sign: str, operand: Value, scope: Scope) -> Plain:
    plain = operand.plain
    if isinstance(plain, Quantity):
        return Quantity(-plain.value if sign == "-" else plain.value, plain.dimension)
    if isinstance(plain, bool) or not isinstance(plain, int | float):
        scope.findings.add(_no_number(operand, sign, scope))
        raise Unknown
    return -plain if sign == "-" else plain


def _binary(node: syntax.Binary, symbol: str, left: Value, right: Value, scope: Scope) -> Plain:
    a, b = _operand(left, symbol, scope), _operand(right, symbol, scope)
    dimension = _dimension(a, b, symbol)
    if dimension is None:
        scope.findings.add(sentences.mixed_units(node.span, symbol, describe(left.plain), describe(right.plain)))
        raise Unknown
    x, y = (operand.value if isinstance(operand, Quantity) else operand for operand in (a, b))
    result = _compute(node, symbol, x, y, scope)
    return result if dimension == "number" else Quantity(result, dimension)


def _operand(value: Value, symbol: str, scope: Scope) -> int | float | Quantity:
    plain = value.plain
    if isinstance(plain, Quantity):
        return plain.value if plain.dimension == "share" else plain
    if isinstance(plain, int | float) and not isinstance(plain, bool):
        return plain
    scope.findings.add(_no_number(value, symbol, scope))
    raise Unknown


def _no_number(value: Value, symbol: str, scope: Scope) -> Diagnostic:
    if isinstance(value.plain, Word):
        return sentences.unknown_value(value.plain.text, value.span, scope.names())
    return sentences.not_a_number(describe(value.plain), value.span, f"`{symbol}` needs numbers")


def _dimension(a: int | float | Quantity, b: int | float | Quantity, symbol: str) -> str | None:
    """The dimension of a result: "number", "time" or "rate"; None where the units do not fit."""
    left = a.dimension if isinstance(a, Quantity) else "number"
    right = b.dimension if isinstance(b, Quantity) else "number"
    if left == right == "number":
        return "number"
    if symbol in "+-":
        return left if left == right else None
    if symbol == "*":
        if {left, right} == {"time", "rate"}:
            return "number"
        return {left, right}.difference({"number"}).pop() if "number" in (left, right) else None
    if symbol == "/":
        if left == right:
            return "number"
        if right == "number":
            return left
        return {"time": "rate", "rate": "time"}[right] if left == "number" else None
    return None


def _compute(node: syntax.Binary, symbol: str, x: int | float, y: int | float, scope: Scope) -> int | float:
    if symbol in ("/", "//") and y == 0:
        scope.findings.add(sentences.division_by_zero(node.span))
        raise Unknown
    try:
        result = _power(x, y) if symbol == "**" else OPERATIONS[symbol](x, y)
    except OverflowError:
        result = math.inf
    if isinstance(result, complex) or result != result:
        scope.findings.add(sentences.no_real_result(node.span))
        raise Unknown
    if _too_large(result):
        scope.findings.add(sentences.number_too_large(node.span))
        raise Unknown
    return result


def _too_large(value: int | float) -> bool:
    return math.isinf(value) if isinstance(value, float) else abs(value) > LARGEST_INTEGER


def _power(x: int | float, y: int | float) -> int | float:
    if x == 0 and y < 0:
        return math.inf
    if isinstance(x, int) and isinstance(y, int) and y >= 0 and abs(x) > 1 and y * math.log2(abs(x)) > 64:
        return math.inf  # known to be out of range without computing a number of a million digits
    return x**y
