"""`sysidc show RUN`: what was trained, how well it does, what it learned and how well that is known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sysidc.compiler.plan import Plan
from sysidc.compiler.values import number
from sysidc.runtime.runs.folder import read_metrics, read_plan
from sysidc.runtime.runs.uncertainty import Uncertainty, is_number, read_uncertainty
from sysidc.runtime.tables import aligned, cell

Row = Mapping[str, Any]

MOST_ENTRIES = 40
"""Entries of tensors that are told; the others stand in parameters.json."""


def plan_of(folder: Path) -> Plan:
    """The plan of a run. Raises RunError for a folder that is none."""
    return read_plan(folder)


def learned_of(folder: Path) -> Mapping[str, float]:
    """The numbers of equations as they became. Raises RunError."""
    return read_uncertainty(folder).numbers


def results(folder: Path) -> list[str]:
    """Blocks of text: the score, and what is known of the parameters where the run tells it. Raises RunError."""
    known = read_uncertainty(folder)
    blocks = [("score", list(_score(read_metrics(folder)))), ("learned parameters", list(_parameters(known)))]
    blocks.append(("not determined by the data", known.sentences()))
    blocks.append(("simulation error band, one standard deviation", list(_bands(known.bands))))
    return ["\n  ".join([title, *lines]) for title, lines in blocks if lines]


def _score(rows: Sequence[Row]) -> Iterator[str]:
    if not rows:
        return
    names = [name for name in rows[0] if any(row.get(name) is not None for row in rows)]
    yield from aligned([names, *([cell(row.get(name), absent="-") for name in names] for row in rows)])


def _parameters(known: Uncertainty) -> Iterator[str]:
    """Numbers of equations first, as the file has them."""
    entries = [row for row in known.parameters if not is_number(row["name"])]
    told = [row for row in known.parameters if is_number(row["name"])] + entries[:MOST_ENTRIES]
    yield from aligned([[row["name"], f"= {number(row['value'])}", _error(row["standard_error"])] for row in told])
    if len(entries) > MOST_ENTRIES:
        yield f"and {len(entries) - MOST_ENTRIES} more in parameters.json"


def _error(error: float | None) -> str:
    return "not determined" if error is None else f"+- {error:.2g}"


def _bands(rows: Sequence[Row]) -> Iterator[str]:
    yield from aligned(
        [[row["split"], row["record"], row["signal"], f"+- {cell(row['half_width'], absent='-')}"] for row in rows]
    )
