"""An argument in words: what it takes, what it is when left out, and tables of several."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sysidc.compiler.binding import KIND_WORDS, bounds
from sysidc.compiler.catalogue.arguments import Argument
from sysidc.compiler.catalogue.settings import FAMILIES
from sysidc.compiler.values import number


def argument_table(arguments: Iterable[Argument], title: str = "argument") -> str:
    """A Markdown table, one row per argument; a sentence where there are none."""
    rows = [
        f"| {code(argument.name)} | {takes(argument)} | {left_out(argument)} | {argument.about} |"
        for argument in arguments
    ]
    if not rows:
        return "It takes no arguments."
    return "\n".join((f"| {title} | takes | left out | |", "| --- | --- | --- | --- |", *rows))


def takes(argument: Argument) -> str:
    """Kind and range: "a whole number, at least 1"."""
    limits = bounds(argument)
    words = " or ".join(dict.fromkeys(_kind(kind, argument) for kind in argument.kind.split("|")))
    return f"{words}, {limits}" if limits else words


def _kind(kind: str, argument: Argument) -> str:
    match kind:
        case "call" if argument.family:
            return f"a call such as {code(next(iter(FAMILIES[argument.family])))}"
        case "string" | "word" if argument.choices:
            return ", ".join(_choice(word) for word in argument.choices)
        case "words":
            return f"a list of {', '.join(_choice(word) for word in argument.choices) or 'names'}"
        case _:
            return KIND_WORDS[kind]


def _choice(word: str) -> str:
    """What is no name stands in quotes."""
    return code(word) if word.isidentifier() else code(f'"{word}"')


def left_out(argument: Argument) -> str:
    """What holds where the argument is not written."""
    if argument.flow:
        return "what arrives"
    return "needed" if argument.required else written(argument.default)


def written(value: Any) -> str:
    """A value of the catalogue as the language writes it."""
    match value:
        case None:
            return "`none`"
        case bool():
            return "`on`" if value else "`off`"
        case int() | float():
            return code(number(value))
        case tuple():
            return code("[" + ", ".join(_bare(item) for item in value) + "]")
        case _:
            return code(str(value))


def _bare(item: Any) -> str:
    return number(item) if isinstance(item, int | float) else str(item)


def code(text: str) -> str:
    return f"`{text}`"
