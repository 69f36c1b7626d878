"""The section on equations: what the spec wrote, as mathematics, with the learned numbers filled in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from sysidc.compiler.dynamics.typeset import typeset
from sysidc.compiler.passes.chain import flat
from sysidc.compiler.plan import Node
from sysidc.runtime.runs.report.evidence import Evidence

FILLED = "Learned numbers are filled in; states, inputs and outputs are in the units of the data"
OPEN = "States, inputs and outputs are in the units of the data"
TIMES = {"der": "time is in seconds", "next": "k counts samples"}
CORRECTED = "A correction adds a small network of states and inputs to the state equations and the outputs."


def equations(evidence: Evidence) -> str:
    """The blocks of a stack; nothing where it has none."""
    values = evidence.uncertainty.numbers
    corrected = set(_corrected(evidence.plan.model.nodes))
    parts = []
    for node in flat(evidence.plan.model.nodes):
        if node.layer == "dynamics":
            units = f"{FILLED if values else OPEN}, {TIMES[node.arguments['kind']]}."
            told = [units, *([CORRECTED] if node.name in corrected else [])]
            formulas = f'<div class="equations">{typeset(node.arguments, values)}</div>'
            parts.append(f'<h3>{escape(node.arguments["name"])}</h3>{formulas}<p class="note">{" ".join(told)}</p>')
    return "".join(parts)


def _corrected(nodes: Sequence[Node], inside: bool = False) -> Iterator[str]:
    """The names of the nodes that a correction wraps."""
    for node in nodes:
        if inside:
            yield node.name
        yield from _corrected(node.children, inside or node.layer == "correction")
