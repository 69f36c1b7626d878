"""The canonical text of a node on one line: spaces, precedence and units, never line breaks."""

from __future__ import annotations

import re

from sysidc.dsl import syntax

PRECEDENCE = {"+": 1, "-": 1, "*": 2, "/": 2, "//": 2, "unary": 3, "**": 4}
TIGHTEST = 5


def expression(node: syntax.Expression) -> str:
    match node:
        case syntax.Number():
            return number(node)
        case syntax.String() | syntax.Name():
            return node.span.text
        case syntax.List(items=items):
            return f"[{', '.join(expression(item) for item in items)}]"
        case syntax.Range(low=low, high=high):
            return f"{expression(low)} .. {expression(high)}"
        case syntax.Arrow(left=left, right=right):
            return f"{expression(left)} -> {expression(right)}"
        case syntax.Index(name=name, index=index):
            return f"{name.text}[{expression(index)}]"
        case syntax.Call(name=name, arguments=given):
            return f"{name.text}({arguments(given)})"
        case syntax.Unary(operator=sign, operand=operand):
            return sign + _within(operand, PRECEDENCE["unary"])
        case syntax.Binary():
            return _binary(node)


def number(node: syntax.Number) -> str:
    """The digits as they were written; a unit stands behind one blank."""
    if node.unit is None:
        return node.span.text
    digits = node.span.text.removesuffix(node.unit).rstrip()
    return f"{digits} {node.unit}"


def _binary(node: syntax.Binary) -> str:
    level = PRECEDENCE[node.operator]
    if node.operator == "**":  # binds to the right, and tighter than a sign on its left
        return f"{_within(node.left, level + 1)} ** {_within(node.right, PRECEDENCE['unary'])}"
    return f"{_within(node.left, level)} {node.operator} {_within(node.right, level + 1)}"


def _within(node: syntax.Expression, level: int) -> str:
    text = expression(node)
    return f"({text})" if _level(node) < level else text


def _level(node: syntax.Expression) -> int:
    match node:
        case syntax.Binary(operator=operator):
            return PRECEDENCE[operator]
        case syntax.Unary():
            return PRECEDENCE["unary"]
        case syntax.Range() | syntax.Arrow():
            return 0
    return TIGHTEST


def arguments(given: tuple[syntax.Argument, ...]) -> str:
    return ", ".join(argument(item) for item in given)


def argument(node: syntax.Argument) -> str:
    value = expression(node.value)
    return f"{node.name.text} = {value}" if node.name else value


def annotation(node: syntax.Annotation) -> str:
    return f"@{node.name.text}" + (f"({arguments(node.arguments)})" if node.arguments else "")


def layer(node: syntax.Layer) -> str:
    """Name and arguments; empty parentheses are left out."""
    return node.name.text + (f"({arguments(node.arguments)})" if node.arguments else "")


def columns(node: syntax.Signal) -> str:
    """`["w1", "w2"]`, or a single name as it was written."""
    assert node.columns is not None
    names = [column.span.text for column in node.columns]
    first = node.columns[0].span
    between = re.sub(r"#.*", "", first.source.text[node.name.span.end : first.start])
    return f"[{', '.join(names)}]" if "[" in between else names[0]


def window(node: syntax.Window) -> str:
    return f"{node.signal.text}[{expression(node.steps)}]"


def header(node: syntax.Model) -> str:
    left = ", ".join(window(item) for item in node.inputs)
    right = ", ".join(window(item) for item in node.outputs)
    return f"model {node.name.text}: {left} -> {right}"


def parameter(node: syntax.Parameter) -> str:
    return f"{node.name.text} = {expression(node.default)}" if node.default else node.name.text


def block_head(node: syntax.Block) -> str:
    names = ", ".join(parameter(item) for item in node.parameters)
    return f"block {node.name.text}" + (f"({names})" if node.parameters else "")


def domain(node: syntax.Domain) -> str:
    return f"in {expression(node.values)}" + (" log" if node.log else "")
