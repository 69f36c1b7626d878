"""Plain values and calls as Python text, laid out as a formatter would have them at any width."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

WIDTH = 88


def literal(value: Any) -> str:
    """A value of the Plan as Python writes it."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{literal(key)}: {literal(item)}" for key, item in value.items()) + "}"
    if isinstance(value, tuple):
        return "(" + ", ".join(literal(item) for item in value) + ("," if len(value) == 1 else "") + ")"
    if isinstance(value, list):
        return "[" + ", ".join(literal(item) for item in value) + "]"
    if isinstance(value, float) and value in (float("inf"), float("-inf")):
        return f'float("{value}")'
    return repr(value)


def keywords(arguments: Mapping[str, Any]) -> list[str]:
    """`name=value` for each argument, long dicts with a line for each entry."""
    return [f"{name}={_laid_out(value)}" for name, value in arguments.items()]


def _laid_out(value: Any) -> str:
    text = literal(value)
    if isinstance(value, Mapping) and len(text) > 50:
        return "\n".join(["{", *(f"    {literal(key)}: {literal(item)}," for key, item in value.items()), "}"])
    if isinstance(value, list | tuple) and len(text) > 60:
        opened, closed_by = "[]" if isinstance(value, list) else "()"
        return "\n".join([opened, *(f"    {literal(item)}," for item in value), closed_by])
    return text


def call(name: str, arguments: Sequence[str], indent: int = 0, comment: str = "", split: bool = False) -> list[str]:
    """The lines of a call without their outer indentation: on one line where that fits, else one argument per line.

    An argument may have several lines of its own. `comment` stands behind the opening line.
    """
    remark = f"  # {comment}" if comment else ""
    line = f"{name}({', '.join(arguments)})"
    fits = indent + len(line) + len(remark) + 1 <= WIDTH
    if (not split and fits and not any("\n" in argument for argument in arguments)) or not arguments:
        return [line + remark]
    inner = (closed(argument) for argument in arguments)
    return [f"{name}({remark}", *indented(inner, 4), ")"]


def closed(argument: str) -> str:
    """The argument with its comma, which stands before a comment on the last line."""
    *lines, last = argument.split("\n")
    code, mark, comment = last.partition("  # ")
    return "\n".join([*lines, f"{code},{mark}{comment}"])


def started(start: str, lines: Sequence[str], spaces: int) -> list[str]:
    """`start` before the lines of a call, indented."""
    return indented([start + lines[0], *lines[1:]], spaces)


def indented(texts: Iterable[str], spaces: int) -> list[str]:
    """The lines of texts of one or several lines."""
    return [" " * spaces + line if line else line for text in texts for line in text.split("\n")]
