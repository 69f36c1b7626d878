"""Tables from text: a header line, then one row per sample."""

from __future__ import annotations

import csv
import warnings
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
    try:
        present = _header(path, separator)
        _check_header(path, present, request, separator)
        frame = _frame(path, present, request, separator)
    except UnicodeDecodeError:
        raise mistakes.not_text(path) from None
    columns = {name: frame[present.index(name)].to_numpy() for name in request.columns}
    if len(frame) == 0:
        raise mistakes.empty_file(path)
    columns = cut_rows(path, columns, request)
    return Table(path, columns, request.first, lambda row: f"row {row} (line {_line(path, row)})")


def _header(path: str, separator: str) -> list[str]:
    with open(path, encoding="utf-8-sig", newline="") as file:
        for line in file:
            if line.strip():
                return [name.strip() for name in next(csv.reader([line], delimiter=separator))]
    raise mistakes.empty_file(path)


def _check_header(path: str, present: list[str], request: Request, separator: str) -> None:
    missing = [column for column in request.columns if column not in present]
    if missing and len(present) == 1:
        likely = next((other for other in SEPARATORS if other != separator and other in present[0].strip()), None)
        if likely is not None:
            raise mistakes.wrong_separator(path, separator, "\\t" if likely == "\t" else likely)
    if missing and all(_is_number(name) for name in present):
        raise mistakes.no_header(path, missing[0])
    find_columns(path, request.columns, present)


def _frame(path: str, present: list[str], request: Request, separator: str) -> pd.DataFrame:
    """The wanted columns, labelled by their place in the header."""
    try:
        import pandas as pd
    except ModuleNotFoundError:
        raise mistakes.missing_package("pandas", f"'{path}'") from None
    places = sorted({present.index(name) for name in request.columns})
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)
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
                **_exact(pd.__version__),
                encoding="utf-8-sig",
            )
        except pd.errors.ParserError as error:
            raise mistakes.ragged_row(path, str(error).rpartition("error: ")[2].strip()) from None
        except pd.errors.ParserWarning:
            raise mistakes.ragged_row(path, f"the header has {len(present)}, some rows have more") from None


def _exact(version: str) -> dict[str, Any]:
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
