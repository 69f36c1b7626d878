"""The model as a graph, for documents and reviews: Mermaid, Graphviz dot, or a small SVG of its own."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from html import escape

from sysidc.compiler.plan import Node, Plan, TensorType


@dataclass(frozen=True)
class Box:
    """A layer as it is drawn; `inside` are the boxes of a wrapper's module."""

    key: str
    title: str
    about: str
    inside: tuple[Box, ...] = field(default=())


def boxes(plan: Plan) -> tuple[Box, ...]:
    """The boxes of the model's top level, with what arrives first and what is promised last."""
    left = ", ".join(f"{window.signal}[{window.steps or 'all'}]" for window in plan.model.inputs)
    right = ", ".join(f"{window.signal}[{window.steps or 'all'}]" for window in plan.model.outputs)
    layers = tuple(_box(node, f"n{index}") for index, node in enumerate(plan.model.nodes))
    return (Box("input", left, _shape(plan.model.type_in)), *layers, Box("output", right, _shape(plan.model.type_out)))


def _box(node: Node, key: str) -> Box:
    inner = node.children
    if len(inner) == 1 and inner[0].layer == "stack":
        inner = inner[0].children
    inside = tuple(_box(child, f"{key}_{index}") for index, child in enumerate(inner))
    name = "" if node.name.isdigit() or node.name == "module" else f" as {node.name}"
    count = f", {node.parameters:,} parameters" if node.parameters else ""
    title = node.layer if not inside else f"@{node.layer}"
    return Box(key, title + name, f"{_shape(node.type_out)}{count}", inside)


def _shape(shape: TensorType) -> str:
    return str(shape)


def mermaid(plan: Plan) -> str:
    """A Mermaid flowchart."""
    lines = ["flowchart TD"]
    _mermaid(boxes(plan), lines, 1)
    return "\n".join(lines) + "\n"


def _mermaid(row: tuple[Box, ...], lines: list[str], depth: int) -> None:
    margin = "  " * depth
    for box in row:
        if box.inside:
            lines.append(f'{margin}subgraph {box.key}["{box.title}"]')
            _mermaid(box.inside, lines, depth + 1)
            lines.append(f"{margin}end")
        else:
            lines.append(f'{margin}{box.key}["{box.title}<br/>{box.about}"]')
    lines += [f"{margin}{one.key} --> {other.key}" for one, other in itertools.pairwise(row)]


def dot(plan: Plan) -> str:
    """A Graphviz digraph; wrappers are clusters."""
    lines = ["digraph model {", "  compound = true", '  node [shape = box, fontname = "sans-serif"]']
    _dot(boxes(plan), lines, 1)
    return "\n".join([*lines, "}"]) + "\n"


def _dot(row: tuple[Box, ...], lines: list[str], depth: int) -> None:
    margin = "  " * depth
    for box in row:
        if box.inside:
            lines.append(f"{margin}subgraph cluster_{box.key} {{")
            lines.append(f'{margin}  label = "{box.title}"')
            _dot(box.inside, lines, depth + 1)
            lines.append(f"{margin}}}")
        else:
            lines.append(f'{margin}{box.key} [label = "{box.title}\\n{box.about}"]')
    for one, other in itertools.pairwise(row):
        ends = [f"ltail = cluster_{one.key}"] if one.inside else []
        ends += [f"lhead = cluster_{other.key}"] if other.inside else []
        tail = f" [{', '.join(ends)}]" if ends else ""
        lines.append(f"{margin}{_last(one)} -> {_first(other)}{tail}")


def _first(box: Box) -> str:
    return _first(box.inside[0]) if box.inside else box.key


def _last(box: Box) -> str:
    return _last(box.inside[-1]) if box.inside else box.key


# --- svg ---------------------------------------------------------------------------------------------------------

WIDE, HIGH, GAP, PAD = 300, 40, 18, 14


def svg(plan: Plan) -> str:
    """A column of boxes as SVG; text and lines take the colour of the page around it."""
    parts: list[str] = []
    wide, high = _column(boxes(plan), 10, 10, parts)
    size = f'width="{wide + 20}" height="{high + 20}" viewBox="0 0 {wide + 20} {high + 20}"'
    style = 'font-family="sans-serif" font-size="12" fill="none" stroke="currentColor"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} {style}>'
    return "\n".join([head, f"<title>{escape(plan.model.name)}</title>", *parts, "</svg>"]) + "\n"


def _column(row: tuple[Box, ...], x: int, y: int, parts: list[str]) -> tuple[int, int]:
    """Draw boxes below one another; the size that they took."""
    wide = max(_width(box) for box in row)
    top = y
    for index, box in enumerate(row):
        if index:
            middle = x + wide // 2
            parts.append(f'<path d="M{middle} {y - GAP} V{y - 2} m-3 -5 l3 5 l3 -5"/>')
        y += _draw(box, x, y, wide, parts) + GAP
    return wide, y - GAP - top


def _width(box: Box) -> int:
    inside = max((_width(inner) for inner in box.inside), default=0)
    return max(WIDE, inside + 2 * PAD if box.inside else 0, 8 * max(len(box.title), len(box.about)) + 2 * PAD)


def _draw(box: Box, x: int, y: int, wide: int, parts: list[str]) -> int:
    if not box.inside:
        parts.append(f'<rect x="{x}" y="{y}" width="{wide}" height="{HIGH}" rx="5"/>')
        parts.append(_text(box.title, x + wide // 2, y + 16, bold=True))
        parts.append(_text(box.about, x + wide // 2, y + 31))
        return HIGH
    inner: list[str] = []
    inner_wide = wide - 2 * PAD
    _, high = _column(tuple(box.inside), x + PAD + (inner_wide - _widest(box)) // 2, y + 36, inner)
    parts.append(f'<rect x="{x}" y="{y}" width="{wide}" height="{high + 48}" rx="5" stroke-dasharray="5 3"/>')
    parts.append(_text(f"{box.title}  {box.about}", x + wide // 2, y + 22, bold=True))
    parts.extend(inner)
    return high + 48


def _widest(box: Box) -> int:
    return max(_width(inner) for inner in box.inside)


def _text(words: str, x: int, y: int, bold: bool = False) -> str:
    weight = ' font-weight="bold"' if bold else ""
    return (
        f'<text x="{x}" y="{y}" text-anchor="middle" fill="currentColor" stroke="none"{weight}>{escape(words)}</text>'
    )


GRAPHS: dict[str, Callable[[Plan], str]] = {"mermaid": mermaid, "dot": dot, "svg": svg}
