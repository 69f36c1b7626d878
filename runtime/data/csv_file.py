"""Tables from text: a header line, then one row per sample."""

from __future__ import annotations

import csv
from itertools import islice
from typing import TYPE_CHECKING, Any

from sysidc.runtime.data import mistakes
from sysidc.runtime.data.table import Request, Table, cut_rows, find_columns

if TYPE_CHECKING:
    import pandas as pd

SEPARATORS = (";", "\t", "|", ",", " ")


def read_csv(path: str, request: Request) -> Table:
    """Only the wanted columns are parsed, and no row after the last wanted one."""
    separator = "\t" if request.separator == "\\t" else request.separator
    if len(separator) != 1:
        raise mistakes.bad_separator(separator)
    present = header(path, separator)
    _check_header(path, present, request, separator)
    try:
        _check_rows(path, len(present), separator, request.end)
        frame = _frame(path, present, request, separator)
    except UnicodeDecodeError:
        raise mistakes.not_text(path) from None
    columns = {name: frame[present.index(name)].to_numpy() for name in request.columns}
    if len(frame) == 0:
        raise mistakes.empty_file(path)
    columns = cut_rows(path, columns, request)
    return Table(path, columns, request.first, lambda row: f"row {row} (line {_line(path, row)})")


def header(path: str, separator: str) -> list[str]:
    """The names in the first line that is not blank. Raises DataError."""
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            first = next((line for line in file if line.strip()), None)
    except UnicodeDecodeError:
        raise mistakes.not_text(path) from None
    if first is None:
        raise mistakes.empty_file(path)
    return [name.strip() for name in next(csv.reader([first], delimiter=separator))]


def _check_header(path: str, present: list[str], request: Request, separator: str) -> None:
    missing = [column for column in request.columns if column not in present]
    if missing and len(present) == 1:
        likely = next((other for other in SEPARATORS if other != separator and other in present[0].strip()), None)
        if likely is not None:
            raise mistakes.wrong_separator(path, separator, "\\t" if likely == "\t" else likely)
    if missing and all(_is_number(name) for name in present):
        raise mistakes.no_header(path, missing[0])
    find_columns(path, request.columns, present)


def _check_rows(path: str, fields: int, separator: str, end: int | None) -> None:
    """Raises DataError at a row with more fields than the header, which pandas cuts when it reads few columns.

    An empty field at the end of a line is forgiven.
    """
    if separator == " ":
        return
    with open(path, encoding="utf-8-sig") as file:
        for number, line in enumerate(islice(file, None if end is None else end + 1), start=1):
            extra = line.count(separator) - fields + 1
            if extra > 0 and '"' not in line and line.rstrip("\r\n").rstrip(separator).count(separator) >= fields:
                raise mistakes.ragged_row(path, number, fields + extra, fields)


def _frame(path: str, present: list[str], request: Request, separator: str) -> pd.DataFrame:
    """The wanted columns, labelled by their place in the header."""
    try:
        import pandas as pd
    except ModuleNotFoundError:
        raise mistakes.missing_package("pandas", f"'{path}'") from None
    places = sorted({present.index(name) for name in request.columns})
    try:
        return pd.read_csv(
            path,
            sep=separator,
            header=0,
            names=list(range(len(present))),
            usecols=places,
            index_col=False,
            nrows=request.end,
            skipinitialspace=True,
            low_memory=False,
            encoding="utf-8-sig",
            **exact(pd.__version__),
        )
    except pd.errors.ParserError as error:
        raise mistakes.broken_file(path, "CSV", str(error).rpartition("error: ")[2].strip()) from None


def exact(version: str) -> dict[str, Any]:
    """The option under which pandas reads every number as Python does; from 3.1 on it does so without."""
    older = tuple(int(part) for part in version.split(".")[:2]) < (3, 1)
    return {"float_precision": "round_trip"} if older else {}


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _line(path: str, row: int) -> int:
    """The line of a data row, from 1: blank lines do not count as rows."""
    with open(path, encoding="utf-8-sig") as file:
        filled = (number for number, line in enumerate(file, start=1) if line.strip("\r\n"))
        return next(islice(filled, row + 1, None), row + 2)
