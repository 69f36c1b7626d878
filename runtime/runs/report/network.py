"""The section on the model: its layers as a table, and as a graph."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sysidc.compiler.graph import svg
from sysidc.compiler.plan import Node
from sysidc.runtime.runs.report.axes import counted
from sysidc.runtime.runs.report.drawing.table import Row, table, words
from sysidc.runtime.runs.report.evidence import Evidence


def network(evidence: Evidence) -> str:
    model = evidence.plan.model
    back, ahead = model.look_back, model.look_ahead
    reach = "the whole window" if back is None or ahead is None else counted(back + 1 + ahead, "step")
    told = f"{words(model.parameters)} parameters in {model.dtype}; an output step depends on {reach} of the input."
    drawn = svg(evidence.plan).strip().replace("<svg ", '<svg role="img" ', 1)
    return f'<p>{told}</p>{table(list(layer_rows(model.nodes)))}<div class="graph">{drawn}</div>'


def layer_rows(nodes: Sequence[Node], depth: int = 0) -> Iterator[Row]:
    """One row per layer, what a wrapper wraps being indented."""
    for node in nodes:
        types = {"in": str(node.type_in), "out": str(node.type_out), "parameters": node.parameters}
        yield {"layer": "\u00a0" * 4 * depth + node.layer, "name": node.name, **types}
        yield from layer_rows(node.children, depth + 1)
