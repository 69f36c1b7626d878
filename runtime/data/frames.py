"""Columns of one file as an array, for those who use the data modules without a spec."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sysidc.runtime.data import columns
from sysidc.runtime.data.csv_file import header
from sysidc.runtime.data.record import Array
from sysidc.runtime.data.sources import read, require_file
from sysidc.runtime.data.table import Request


def column_names(path: str, separator: str = ",") -> list[str]:
    """The names in the header of a CSV file. Raises DataError."""
    require_file(path)
    return header(path, separator)


def read_columns(path: str, names: Sequence[str], separator: str = ",") -> Array:
    """(time, columns) float64. Raises DataError for files, columns and values that cannot be read."""
    table = read(path, Request(tuple(dict.fromkeys(names)), separator=separator))
    arrays = []
    for name in names:
        array = columns.numbers(table, name)
        columns.require_values(table, name, array)
        arrays.append(array.astype(np.float64))
    return np.stack(arrays, axis=1)


def listed(names: str | Sequence[str]) -> list[str]:
    """One name or several as a list."""
    return [names] if isinstance(names, str) else list(names)
