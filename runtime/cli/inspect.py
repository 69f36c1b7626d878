"""`sysidc inspect`: what a file of measurements holds, as sentences with numbers and as a picture."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sysidc.runtime.cli import CLEAN
from sysidc.runtime.cli.data_file import add_roles, findings_of
from sysidc.runtime.tables import print_table

if TYPE_CHECKING:
    from sysidc.runtime.inspection import Findings


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="CSV, Parquet, NPZ, NPY, MAT or HDF5")
    add_roles(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of tables")
    parser.add_argument(
        "-o", dest="picture", metavar="PICTURE", help="draw signals, spectra and responses: .svg or .html"
    )


def run(given: Namespace) -> int:
    if given.picture is not None:
        from sysidc.runtime.inspection.picture import require_drawable

        require_drawable(given.picture)
    found = findings_of(given.file, given)
    if given.json:
        print(json.dumps(as_json(found), allow_nan=False))
    else:
        _print(found)
    if given.picture is not None:
        from sysidc.runtime.cli.files import replace
        from sysidc.runtime.inspection.picture import drawn

        replace(Path(given.picture), drawn(found, given.picture))
        print(f"{given.picture}: the picture", file=sys.stderr)
    return CLEAN


def as_json(found: Findings) -> dict[str, Any]:
    """Columns and findings; numbers that are not finite are null."""
    recording = found.recording
    return {
        "file": recording.path,
        "samples": recording.rows,
        "sampling_time": recording.sampling_time,
        "columns": [dict(zip(HEAD, row, strict=True)) for row in _rows(found)],
        "findings": [
            {"id": s.id, "signal": s.signal, "record": s.record, "message": s.message, "numbers": _finite(s.numbers)}
            for s in found.told
        ],
    }


HEAD = ("column", "role", "dtype", "missing", "minimum", "maximum", "mean", "std")


def _rows(found: Findings) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = []
    for column in found.recording.columns.values():
        held = column.finite
        moments = (
            [float(value) for value in (held.min(), held.max(), held.mean(), held.std())] if held.size else [None] * 4
        )
        missing = None if column.values is None else column.missing
        rows.append((column.name, found.recording.role(column.name), column.dtype, missing, *moments))
    return rows


def _finite(numbers: Any) -> dict[str, float | None]:
    return {name: float(value) if abs(value) < float("inf") else None for name, value in numbers.items()}


def _print(found: Findings) -> None:
    print_table(HEAD, _rows(found))
    print_table(("finding", "what the file says"), ((symptom.id, symptom.message) for symptom in found.told))
