"""Rows of values as text: drawn on a terminal, or in columns of plain lines."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Any

WIDTH = 160
"""Of a table that goes into a file or another program."""


def cell(value: Any, absent: str = "") -> str:
    """A value in a table: five digits of a number, `absent` for None."""
    if value is None:
        return absent
    return f"{value:.5g}" if isinstance(value, float) else str(value)


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """A line for each row, the cells of a column below each other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]


def print_table(header: Iterable[str], rows: Iterable[Iterable[Any]], width: int = WIDTH) -> None:
    """Draw a table on stdout, `width` characters wide where that is no terminal."""
    from rich import box
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(*map(escape, header), box=box.SIMPLE)
    for row in rows:
        table.add_row(*(escape(cell(value)) for value in row))
    Console(width=None if sys.stdout.isatty() else width).print(table)
