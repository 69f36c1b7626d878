"""A `dynamics` block as resolved equations: every state moved once, every output assigned once, every name known.

Without signals (a library) names that the block does not know stand for inputs, and outputs are not judged.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sysidc.compiler import sentences as general
from sysidc.compiler.dynamics import sentences
from sysidc.compiler.dynamics.declarations import (
    Declared,
    check_declared,
    declared_in,
    kinds_of,
    learned_numbers,
    start_values,
)
from sysidc.compiler.dynamics.formulas import Formula, names
from sysidc.compiler.dynamics.left_hand import Channel, Equations, LeftHandReader
from sysidc.compiler.dynamics.reading import Channels, Known, Reader
from sysidc.compiler.findings import Findings
from sysidc.compiler.scope import Scope
from sysidc.dsl import syntax
from sysidc.dsl.records import dataclass
from sysidc.dsl.source import Span

DEEPEST_LET = 200
"""Lets that wait for each other."""


@dataclass(frozen=True)
class Sides:
    """Input and output signals of the header, by name."""

    inputs: Mapping[str, Channels]
    outputs: Mapping[str, Channels]


@dataclass(frozen=True)
class Resolved:
    """Sound equations. `kind` is "der" or "next"; `learn` holds start, low and high; `lets` stand in the order in which
    they can be computed; `timed` is where the first equation names its kind."""

    states: Mapping[str, float]
    learn: Mapping[str, tuple[float, float | None, float | None]]
    lets: Mapping[str, Formula]
    kind: str
    equations: Mapping[str, Formula]
    outputs: Mapping[Channel, Formula]
    timed: Span


def resolve(
    block: syntax.Dynamics, sides: Sides | None, scope: Scope, findings: Findings, used: Span | None = None
) -> Resolved | None:
    """The equations of a block; None where something was reported. `used` is where the model names the block."""
    declared = declared_in(block)
    inputs, outputs = (sides.inputs, sides.outputs) if sides else (None, None)
    reader = Reader(Known(block.name.text, kinds_of(declared), inputs, outputs, scope), findings)
    check_declared(block, inputs or {}, reader)
    states, learn = start_values(declared, reader), learned_numbers(declared, reader)
    reader.zeros |= _zeros(declared, reader.known)
    lets = _lets(declared, reader)
    equations = LeftHandReader(declared, inputs, outputs, reader).read(block)
    _require_states(block, declared, equations, reader)
    if sides is not None:
        _require_outputs(block, sides, equations, reader, used or block.name.span)
    if not reader.sound or equations.timed is None:
        return None
    if sides is not None:
        _warn_unused(declared, lets, equations, findings)
    timed = equations.timed
    return Resolved(states, learn, lets, timed.text, equations.states, equations.outputs, timed.span)


# --- lets ----------------------------------------------------------------------------------------------------------


def _zeros(declared: Mapping[str, Declared], known: Known) -> set[str]:
    """Lets that are written as a constant 0; what is wrong with a let is told when it is read."""
    silent = Reader(known, Findings())
    return {name for name, item in declared.items() if isinstance(item, syntax.Let) and silent.read(item.value) == 0}


def _lets(declared: Mapping[str, Declared], reader: Reader) -> dict[str, Formula]:
    """Formulas of the lets in the order in which they can be computed; loops are reported."""
    read = {name: reader.read(item.value) for name, item in declared.items() if isinstance(item, syntax.Let)}
    formulas = {name: formula for name, formula in read.items() if formula is not None}
    ordered: dict[str, Formula] = {}
    for name in formulas:
        _order(name, formulas, ordered, [], declared, reader)
    return ordered


def _order(
    name: str,
    formulas: Mapping[str, Formula],
    ordered: dict[str, Formula],
    way: list[str],
    declared: Mapping[str, Declared],
    reader: Reader,
) -> None:
    """Put `name` behind all that it needs; `way` leads to it."""
    if name in ordered or name not in formulas:
        return
    if name in way:
        loop = way[way.index(name) :]
        first = min(range(len(loop)), key=lambda index: declared[loop[index]].name.span.start)
        turned = (*loop[first:], *loop[:first], loop[first])
        reader.report(sentences.algebraic_loop(turned, declared[turned[0]].name.span))
        return
    if len(way) >= DEEPEST_LET:
        if "too-deep" not in reader.told:
            reader.report(general.definition_too_deep(name, declared[name].name.span, DEEPEST_LET))
        return
    for needed in sorted(names(formulas[name])):
        _order(needed, formulas, ordered, [*way, name], declared, reader)
    ordered[name] = formulas[name]


# --- is everything there? ------------------------------------------------------------------------------------------


def _require_states(
    block: syntax.Dynamics, declared: Mapping[str, Declared], equations: Equations, reader: Reader
) -> None:
    states = [item.name for item in declared.values() if isinstance(item, syntax.State)]
    if "wrong-target" in reader.told:  # the missing equation is the one whose left-hand side is wrong
        return
    if not states:
        reader.report(sentences.no_states(block.name.text, block.name.span))
    function = equations.timed.text if equations.timed else "der"
    for name in states:
        if name.text not in equations.states:
            reader.report(sentences.state_without_equation(name.text, function, name.span))


def _require_outputs(block: syntax.Dynamics, sides: Sides, equations: Equations, reader: Reader, used: Span) -> None:
    if reader.told & {"wrong-target", "channel-index"}:
        return
    for name, signal in sides.outputs.items():
        for channel in range(signal.count):
            if (name, channel) not in equations.outputs:
                shown = name if signal.count == 1 else f"{name}[{channel}]"
                reader.report(sentences.output_without_equation(shown, block.name.text, used, signal.declared))


# --- is everything needed? -----------------------------------------------------------------------------------------


def _warn_unused(
    declared: Mapping[str, Declared], lets: Mapping[str, Formula], equations: Equations, findings: Findings
) -> None:
    """Names on which no output depends. One that only another such name reads goes with that one."""
    formulas = {**lets, **equations.states}
    needed = _reached(equations.outputs.values(), formulas)
    idle = {name: names(formulas[name]) if name in formulas else set() for name in declared if name not in needed}
    kinds = kinds_of(declared)
    for name in idle:
        readers = {other for other, read in idle.items() if name in read and other != name}
        first_of_circle = name == next(iter(idle)) and name in _reached([name], formulas)
        if not readers or first_of_circle:
            findings.add(general.unused(kinds[name], name, declared[name].name.span))


def _reached(start: Iterable[Formula], formulas: Mapping[str, Formula]) -> set[str]:
    """All names that formulas depend on, directly or by way of lets and states."""
    waiting: list[Formula] = list(start)
    found: set[str] = set()
    while waiting:
        for name in names(waiting.pop()) - found:
            found.add(name)
            if name in formulas:
                waiting.append(formulas[name])
    return found
