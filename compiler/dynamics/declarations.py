"""What a `dynamics` block declares: its states, learned numbers and lets by name, start values and ranges."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from sysidc.compiler import sentences as general
from sysidc.compiler.dynamics import sentences
from sysidc.compiler.dynamics.formulas import FUNCTIONS
from sysidc.compiler.dynamics.reading import KINDS, LEFT_HAND, Channels, Reader
from sysidc.compiler.scope import CONSTANTS
from sysidc.compiler.values import describe
from sysidc.dsl import syntax
from sysidc.dsl.diagnostics import Diagnostic
from sysidc.dsl.source import Span

Declared: TypeAlias = syntax.State | syntax.Learn | syntax.Let
Bounds: TypeAlias = tuple[float | None, float | None]

RESERVED = (*CONSTANTS, "all")
FUNCTION_NAMES = (*FUNCTIONS, *LEFT_HAND)


def declared_in(block: syntax.Dynamics) -> dict[str, Declared]:
    """The names of a block, each as it is declared first."""
    found: dict[str, Declared] = {}
    for item in block.items:
        if not isinstance(item, syntax.Equation):
            found.setdefault(item.name.text, item)
    return found


def kinds_of(declared: Mapping[str, Declared]) -> dict[str, str]:
    return {name: KINDS[type(item)] for name, item in declared.items()}


def check_declared(block: syntax.Dynamics, inputs: Mapping[str, Channels], reader: Reader) -> None:
    """Names that are taken: by the language, by another name of the block, by an input signal."""
    first: dict[str, Span] = {name: signal.declared for name, signal in inputs.items() if signal.declared is not None}
    for item in block.items:
        if isinstance(item, syntax.Equation):
            continue
        mistake = _taken(item.name, first)
        if mistake is not None:
            reader.report(mistake)
        first.setdefault(item.name.text, item.name.span)


def _taken(name: syntax.Name, first: Mapping[str, Span]) -> Diagnostic | None:
    if name.text in RESERVED:
        return general.reserved_name(name.text, name.span)
    if name.text in FUNCTION_NAMES:
        return sentences.function_name(name.text, name.span)
    if name.text in first:
        return general.duplicate_definition(name.text, name.span, first[name.text])
    return None


def start_values(declared: Mapping[str, Declared], reader: Reader) -> dict[str, float]:
    """Start values of the states, in the units of the data."""
    return {name: reader.number(item.value) or 0.0 for name, item in declared.items() if isinstance(item, syntax.State)}


def learned_numbers(
    declared: Mapping[str, Declared], reader: Reader
) -> dict[str, tuple[float, float | None, float | None]]:
    """Start value and range of every learned number."""
    found = {}
    for name, item in declared.items():
        if isinstance(item, syntax.Learn):
            start = reader.number(item.value)
            found[name] = (start or 0.0, *_range(item, start, reader))
    return found


def _range(item: syntax.Learn, start: float | None, reader: Reader) -> Bounds:
    written = item.range
    if written is None:
        return None, None
    low, high = reader.number(written.low), reader.number(written.high)
    if low is None or high is None:
        return None, None
    name = item.name.text
    if low > high:
        reader.report(general.empty_range(written.span, low, high))
    elif low == high:
        reader.report(sentences.range_of_one(name, describe(low), written.span))
    elif start is not None and not low <= start <= high:
        shown = (describe(start), describe(low), describe(high))
        reader.report(sentences.start_outside_range(name, *shown, item.value.span, written.span))
    return low, high
