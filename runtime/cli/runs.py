"""`sysidc runs`: what runs there are, and what two of them differ in; exit code 1 where they do."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sysidc.compiler.difference import Difference
from sysidc.runtime.cli import CLEAN, COULD_NOT_RUN, FINDINGS
from sysidc.runtime.runs.folder import finite
from sysidc.runtime.runs.listing import PLACE, Listed, listed, mean_score, run_difference
from sysidc.runtime.tables import print_table

SCORES = ("rmse", "nrmse", "fit")
"""Of the metrics of a test, those with a column in the list, means over records and signals."""


def add_arguments(parser: ArgumentParser) -> None:
    parser.usage = f"{parser.prog} [FOLDER] [--output text|json]\n       {parser.prog} diff A B [--output text|json]"
    parser.add_argument("words", nargs="*", metavar="FOLDER", help="where run folders are (default: runs), or diff A B")
    parser.add_argument("--output", choices=("text", "json"), default="text", help="a table, or one JSON object")


def run(given: Namespace) -> int:
    match given.words:
        case ["diff", first, second]:
            return _diff(Path(first), Path(second), given.output)
        case [] | [_]:
            return _list(Path(given.words[0] if given.words else "runs"), given.output)
    print("error: runs wants one FOLDER, or diff and two runs", file=sys.stderr)
    return COULD_NOT_RUN


def _list(folder: Path, output: str) -> int:
    runs = listed(folder)
    if output == "json":
        print(json.dumps({"runs": [finite(asdict(run)) for run in runs]}, allow_nan=False))
    elif runs:
        print_table(("run", "model", "mode", "parameters", "val_loss", *SCORES, "seconds", "state"), map(_cells, runs))
    else:
        print(f"no run in {folder}", file=sys.stderr)
    return CLEAN


def _cells(run: Listed) -> Sequence[Any]:
    state = run.state if run.epochs is None or run.state == "finished" else f"{run.state} after epoch {run.epochs}"
    scores = [mean_score(run, name) for name in SCORES]
    return run.name, run.model, run.mode, run.parameters, run.val_loss, *scores, run.seconds, state


def _diff(first: Path, second: Path, output: str) -> int:
    found = run_difference(first, second)
    if output == "json":
        print(json.dumps(finite(asdict(found)), allow_nan=False))
    else:
        for heading, differing in (("plan", found.plan), ("data files", found.data)):
            _lines(heading, differing)
        names = list(dict.fromkeys(name for row in found.scores for name in row if name not in PLACE))
        columns = [place for place in PLACE if any(row[place] is not None for row in found.scores)]
        if names:
            print_table(
                [*columns, *(f"{name} {side}" for name in names for side in "AB")], _pairs(found.scores, columns, names)
            )
    return FINDINGS if found.plan or found.data else CLEAN


def _lines(heading: str, differing: Sequence[Difference]) -> None:
    print(f"{heading}:" if differing else f"{heading}: no difference")
    for item in differing:
        print(f"  {item.path}: {item.first} -> {item.second}")


def _pairs(rows: Sequence[dict[str, Any]], columns: Sequence[str], names: Sequence[str]) -> list[list[Any]]:
    return [
        [*(row[column] for column in columns), *(value for name in names for value in row.get(name, (None, None)))]
        for row in rows
    ]
