"""The report of a run: one HTML file with everything inside, drawn as SVG, nothing fetched from anywhere."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np

from sysidc.compiler.plan import Node, Plan
from sysidc.runtime.data.record import Array
from sysidc.runtime.runs.predict import Columns

WIDTH, HEIGHT, MARGIN = 720, 220, 48
MOST_POINTS = 1500
COLOURS = ("#1b6ca8", "#c8553d", "#6a994e", "#8e6c8a")
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 780px; margin: 2em auto; padding: 0 1em; color: #222; }
table { border-collapse: collapse; } td, th { padding: 2px 12px; border-bottom: 1px solid #ddd; text-align: left; }
pre { background: #f5f5f5; padding: 1em; overflow: auto; } svg { width: 100%; height: auto; }
"""


def report(
    plan: Plan, spec: str, epochs: Sequence[dict[str, Any]], rows: Sequence[dict[str, Any]], parts: Sequence[Any]
) -> str:
    """`epochs` is the learning curve, `rows` the score, `parts` the (record, columns) of the predictions."""
    losses = {name: _series(epochs, name) for name in ("train_loss", "val_loss")}
    curves = [f"<h2>{escape(name)}</h2>" + _measured_and_predicted(plan, columns) for name, columns in parts]
    body = [
        f"<h1>{escape(plan.model.name)}</h1>",
        "<h2>Score</h2>" + (table(rows) if rows else "<p>The spec names no test part.</p>"),
        "<h2>Learning curve</h2>" + line_chart(losses, "epoch", log=True),
        *curves,
        "<h2>Layers</h2>" + table(layer_rows(plan.model.nodes)),
        f"<h2>Spec</h2><pre>{escape(spec)}</pre>",
    ]
    head = f'<meta charset="utf-8"><title>{escape(plan.model.name)}</title><style>{STYLE}</style>'
    return f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head>\n<body>\n' + "\n".join(body) + "\n</body></html>\n"


def layer_rows(nodes: Sequence[Node], depth: int = 0) -> list[dict[str, Any]]:
    """One row per layer, what a wrapper wraps being indented."""
    rows = []
    for node in nodes:
        name = "\u00a0" * 3 * depth + node.layer
        types = {"in": str(node.type_in), "out": str(node.type_out), "parameters": node.parameters}
        rows += [{"layer": name, "name": node.name, **types}, *layer_rows(node.children, depth + 1)]
    return rows


def table(rows: Sequence[dict[str, Any]]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in rows[0])
    lines = ["".join(f"<td>{escape(_cell(value))}</td>" for value in row.values()) for row in rows]
    return f"<table><tr>{head}</tr>" + "".join(f"<tr>{line}</tr>" for line in lines) + "</table>"


def line_chart(series: dict[str, Array], label: str, log: bool = False) -> str:
    """Lines over their index, on a logarithmic axis where every value is positive and `log` asks for it."""
    known = [values[np.isfinite(values)] for values in series.values()]
    together = np.concatenate([*known, np.empty(0)])
    if not together.size:
        return "<p>nothing to draw</p>"
    log = log and bool((together > 0).all())
    low, high = (float(math.log10(end) if log else end) for end in (together.min(), together.max()))
    high = high if high > low else low + 1.0
    steps = max(len(values) for values in series.values())
    lines: list[str] = []
    for colour, (name, values) in zip(COLOURS, series.items(), strict=False):
        x = MARGIN + np.arange(len(values)) * ((WIDTH - 2 * MARGIN) / max(steps - 1, 1))
        y = HEIGHT - MARGIN - ((np.log10(values) if log else values) - low) * ((HEIGHT - 2 * MARGIN) / (high - low))
        points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True) if math.isfinite(b))
        at = MARGIN + 160 * len(lines)
        lines.append(
            f'<polyline fill="none" stroke="{colour}" points="{points}"/>'
            f'<text x="{at}" y="20" fill="{colour}" font-size="13">{escape(name)}</text>'
        )
    ends = [(high, MARGIN), (low, HEIGHT - MARGIN)]
    labels = [f'<text x="4" y="{y + 4}" font-size="11">{_cell(10**end if log else end)}</text>' for end, y in ends]
    axis = f'<text x="{WIDTH - MARGIN}" y="{HEIGHT - 14}" text-anchor="end" font-size="11">{escape(label)}</text>'
    frame = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">'
    return frame + "".join((*lines, *labels, axis)) + "</svg>"


def _measured_and_predicted(plan: Plan, columns: Columns) -> str:
    charts = []
    for window in plan.model.outputs:
        for column in plan.signal(window.signal).columns:
            names = (column, f"{column}_predicted", f"{column}_lower", f"{column}_upper")
            shown = {name: _thinned(columns[name]) for name in names if name in columns}
            every = -(-len(columns["step"]) // MOST_POINTS)
            charts.append(line_chart(shown, "step" if every == 1 else f"step / {every}"))
    return "".join(charts)


def _thinned(values: Array) -> Array:
    return np.asarray(values, dtype=np.float64)[:: -(-len(values) // MOST_POINTS)]


def _series(epochs: Sequence[dict[str, Any]], name: str) -> Array:
    return np.array([math.nan if row[name] is None else row[name] for row in epochs], dtype=np.float64)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.5g}" if isinstance(value, float) else str(value)
