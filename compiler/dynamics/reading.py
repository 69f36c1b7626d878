"""From the text of a formula to the formula: names resolved, params replaced by their numbers, constants computed."""

from __future__ import annotations

import math
from collections.abc import Mapping

from sysidc.compiler import sentences as general
from sysidc.compiler.dynamics import sentences
from sysidc.compiler.dynamics.formulas import COMPUTE, FUNCTIONS, Formula, Function, is_number
from sysidc.compiler.findings import Findings
from sysidc.compiler.scope import CONSTANTS, LARGEST_INTEGER, Scope, Unknown, evaluate
from sysidc.compiler.values import UNITS, Quantity, Value, describe
from sysidc.dsl import syntax
from sysidc.dsl.diagnostics import Diagnostic
from sysidc.dsl.records import dataclass
from sysidc.dsl.source import Span

LEFT_HAND = ("der", "next")
KINDS = {syntax.State: "state", syntax.Learn: "learned number", syntax.Let: "let"}


@dataclass(frozen=True)
class Channels:
    """A signal as equations see it: how many channels it has and where it was declared."""

    count: int
    declared: Span | None = None


@dataclass(frozen=True)
class Known:
    """What the formulas of `block` may name.

    `local` tells the kind of every name of the block; `inputs` and `outputs` are the header's signals, None in a file
    that measures nothing (a library): any other name then stands for an input.
    """

    block: str
    local: Mapping[str, str]
    inputs: Mapping[str, Channels] | None
    outputs: Mapping[str, Channels] | None
    scope: Scope

    def names(self) -> tuple[str, ...]:
        return (*self.local, *(self.inputs or ()), *self.scope.names())


class Reader:
    """Reads formulas and reports what is wrong with them; a formula with a mistake is None.

    `told` holds the ids of what was reported, `sound` is False where something was, here or where a param is defined.
    `zeros` are lets that are 0, whose names stay in the formulas.
    """

    def __init__(self, known: Known, findings: Findings):
        self.known = known
        self.findings = findings
        self.scope = Scope(findings, parent=known.scope)
        self.told: set[str] = set()
        self.zeros: set[Formula | None] = {0.0}
        self.sound = True

    def report(self, diagnostic: Diagnostic) -> None:
        self.findings.add(diagnostic)
        self.told.add(diagnostic.id)
        self.sound = False

    def read(self, node: syntax.Expression) -> Formula | None:
        match node:
            case syntax.Number(value=value, unit=unit):
                return self._literal(node, value, unit)
            case syntax.Name(text=text):
                return self._name(text, node.span)
            case syntax.Index(name=name, index=index):
                return self._channel(name.text, index, node.span)
            case syntax.Unary(operator=sign, operand=operand):
                inner = self.read(operand)
                return inner if sign == "+" else self._applied("-", (inner,), node.span)
            case syntax.Binary(operator=symbol, left=left, right=right):
                return self._applied(symbol, (self.read(left), self.read(right)), node.span)
            case syntax.Call():
                return self._call(node)
        self.report(sentences.no_formula(_shown(node), node.span))
        return None

    def number(self, node: syntax.Expression) -> float | None:
        """The value of an expression of params alone; None where it has none, which is then reported."""
        try:
            return self._plain(evaluate(node, self.scope))
        except Unknown:
            self.sound = False
            return None

    # --- numbers and names -----------------------------------------------------------------------------------------

    def _literal(self, node: syntax.Number, value: int | float, unit: str | None) -> Formula | None:
        if abs(value) > LARGEST_INTEGER:
            self.report(general.number_too_large(node.span))
            return None
        return float(value if unit is None else value * UNITS[unit][1])

    def _name(self, text: str, span: Span) -> Formula | None:
        known = self.known
        if text in known.local:
            return text
        if known.inputs is not None and text in known.inputs:
            return self._whole(text, known.inputs[text].count, span)
        if known.scope.defined(text) or text in CONSTANTS:
            return self.number(syntax.Name(span, text))
        if known.inputs is None:
            return ("input", text, 0)
        if known.outputs is not None and text in known.outputs:
            self.report(sentences.output_in_formula(text, known.block, span))
        else:
            self.report(sentences.unknown_in_formula(text, known.block, span, known.names()))
        return None

    def _whole(self, text: str, count: int, span: Span) -> Formula | None:
        if count == 1:
            return ("input", text, 0)
        self.report(sentences.whole_signal(text, count, span))
        return None

    def _plain(self, value: Value) -> float | None:
        """A number; a time counts in seconds, a rate in Hz, a share of 1."""
        plain = value.plain
        if isinstance(plain, Quantity):
            return float(plain.value)
        if isinstance(plain, int | float) and not isinstance(plain, bool):
            return float(plain)
        self.report(sentences.no_formula(describe(plain), value.span))
        return None

    def _channel(self, text: str, index: syntax.Expression, span: Span) -> Formula | None:
        known = self.known
        if text in known.local:
            self.report(sentences.index_of_number(text, known.local[text], span))
            return None
        if known.inputs is not None and text not in known.inputs:
            if known.scope.defined(text):
                self.report(sentences.index_of_number(text, "param", span))
                return None
            return self._name(text, Span(span.source, span.start, span.start + len(text)))
        signal = (known.inputs or {}).get(text)
        channel = self.channel(text, signal, index)
        return None if channel is None else ("input", text, channel)

    def channel(self, text: str, signal: Channels | None, index: syntax.Expression) -> int | None:
        """The channel that an index picks; any whole number from 0 on where the signal is not known."""
        value = self.number(index)
        if value is None:
            return None
        if value < 0 or value != int(value) or (signal is not None and value >= signal.count):
            declared = signal.declared if signal else None
            count = signal.count if signal else 1
            self.report(sentences.channel_out_of_range(text, count, describe(value), index.span, declared))
            return None
        return int(value)

    # --- operators and functions -----------------------------------------------------------------------------------

    def _call(self, node: syntax.Call) -> Formula | None:
        name, span = node.name.text, node.span
        found = tuple(self.read(argument.value) for argument in node.arguments)
        function = FUNCTIONS.get(name)
        if function is None:
            self.report(_no_function(node.name))
            return None
        named = next((argument for argument in node.arguments if argument.name is not None), None)
        if named is not None:
            self.report(sentences.named_argument(name, named.span))
            return None
        if len(found) < function.least or (function.most is not None and len(found) > function.most):
            self.report(sentences.wrong_arity(name, len(found), arity(function), span))
            return None
        return self._applied(name, found, span)

    def _applied(self, symbol: str, given: tuple[Formula | None, ...], span: Span) -> Formula | None:
        if symbol in ("/", "//") and given[1] in self.zeros:
            self.report(general.division_by_zero(span))
            return None
        if any(part is None for part in given):
            return None
        if all(is_number(part) for part in given if part is not None):
            return self._computed(symbol, given, span)  # type: ignore[arg-type]
        return (symbol, *given)

    def _computed(self, symbol: str, given: tuple[float, ...], span: Span) -> Formula | None:
        try:
            value = COMPUTE[symbol](*given)
        except ZeroDivisionError:
            self.report(general.division_by_zero(span))
        except ValueError:
            self.report(general.no_real_result(span))
        except OverflowError:
            self.report(general.number_too_large(span))
        else:
            return self._real(value, span)
        return None

    def _real(self, value: float | complex, span: Span) -> Formula | None:
        if isinstance(value, complex) or math.isnan(value):
            self.report(general.no_real_result(span))
            return None
        if math.isinf(value):
            self.report(general.number_too_large(span))
            return None
        return float(value)


def _no_function(name: syntax.Name) -> Diagnostic:
    if name.text in LEFT_HAND:
        return sentences.left_hand_function(name.text, name.span)
    return sentences.unknown_function(name.text, name.span, tuple(FUNCTIONS))


def arity(function: Function) -> str:
    """How many arguments a function takes, in words."""
    if function.most is None:
        return f"{function.least} arguments or more"
    return f"{function.least} argument" + ("" if function.least == 1 else "s")


def _shown(node: syntax.Expression) -> str:
    match node:
        case syntax.String(value=text):
            return f'"{text}"'
        case syntax.List():
            return "a list"
        case syntax.Range():
            return "a range"
    return "an arrow"
