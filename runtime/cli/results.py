"""How scores leave the process: a table for people, one JSON object for machines."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sysidc.runtime.tables import print_table


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
    names = [name for name in rows[0] if _told(rows, name)]
    print_table(names, ([row[name] for name in names] for row in rows), width=120)


def _told(rows: Sequence[dict[str, Any]], name: str) -> bool:
    return name != "horizon" or any(row[name] is not None for row in rows)
