"""How scores leave the process: a table for people, one JSON object for machines."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def add_output(parser: ArgumentParser) -> None:
    parser.add_argument("--output", choices=("text", "json"), default="text", help="a table, or one JSON object")


def tell(path: Path, rows: Sequence[dict[str, Any]], output: str) -> None:
    """Print the rows of a run's score on stdout; the run's path is in the JSON object, or on stderr."""
    if output == "json":
        from sysidc.runtime.runs.folder import finite

        print(json.dumps({"run": str(path), "metrics": finite(list(rows))}, allow_nan=False))
        return
    print(f"run: {path}", file=sys.stderr)
    if not rows:
        print("no score: the spec names no test part", file=sys.stderr)
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(*(name for name in rows[0] if _told(rows, name)), box=box.SIMPLE)
    for row in rows:
        table.add_row(*(_cell(value) for name, value in row.items() if _told(rows, name)))
    Console(width=None if sys.stdout.isatty() else 120).print(table)


def _told(rows: Sequence[dict[str, Any]], name: str) -> bool:
    return name != "horizon" or any(row[name] is not None for row in rows)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.5g}" if isinstance(value, float) else str(value)
