"""From columns as they were read to numbers of a signal's dtype: every value is judged, none is changed silently."""

from __future__ import annotations

from typing import Any

import numpy as np

from sysidc.runtime.data import mistakes
from sysidc.runtime.data.record import Array, numpy_dtype
from sysidc.runtime.data.table import Table

LARGEST = 1e150
"""Squares of larger numbers, and sums of these, are none in float64."""


def numbers(table: Table, column: str) -> Array:
    """The column as numbers, missing values as NaN. Raises DataError for text and for infinite values."""
    array = table.columns[column]
    if array.dtype.kind == "b":
        array = array.astype(np.uint8)
    if array.dtype.kind not in "iuf":
        array = _parsed(table, column, array)
    if array.dtype.kind == "f" and (bad := np.flatnonzero(np.isinf(array))).size:
        raise mistakes.infinite_value(table.path, column, table.row(int(bad[0])))
    return array


def seconds(table: Table, column: str) -> Array:
    """A time column: numbers are seconds, dates become seconds after the first row."""
    array = table.columns[column]
    if array.dtype.kind == "O":
        array = _dates(array)
    if array.dtype.kind == "M":
        since = array - array[0]
        return np.asarray(since / np.timedelta64(1, "s"), dtype=np.float64)
    return numbers(table, column).astype(np.float64)


def fill_gaps(table: Table, column: str, array: Array, first: int) -> Array:
    """NaNs replaced by the line between their neighbours. `first` is the table's index of the array's first value."""
    gaps = np.flatnonzero(_missing(array))
    if not gaps.size:
        return array
    known = np.flatnonzero(~_missing(array))
    if not known.size or gaps[0] < known[0] or gaps[-1] > known[-1]:
        at = gaps[0] if not known.size or gaps[0] < known[0] else known[-1] + 1
        raise mistakes.missing_at_end(table.path, column, table.row(first + int(at)))
    filled = array.copy()
    filled[gaps] = np.interp(gaps, known, array[known])
    return filled


def require_values(table: Table, column: str, array: Array) -> None:
    """Raises DataError at the first NaN."""
    gaps = np.flatnonzero(_missing(array))
    if gaps.size:
        raise mistakes.missing_value(table.path, column, table.row(int(gaps[0])), gaps.size)


def gaps(arrays: list[Array]) -> Array:
    """The steps at which any of the arrays has no value."""
    return np.asarray(np.stack([_missing(array) for array in arrays]).any(axis=0))


def cast(table: Table, column: str, array: Array, dtype: str, first: int) -> Array:
    """The array in the dtype. Raises DataError at the first value that does not fit: fractions, ranges."""
    target = numpy_dtype(dtype)
    with np.errstate(invalid="ignore", over="ignore"):
        result = array.astype(target)
    wrong = ~_within(array, target) if target.kind in "iu" else ~np.isfinite(result)
    if target.kind == "b":
        wrong = (array != 0) & (array != 1)
    if (bad := np.flatnonzero(wrong)).size:
        index = int(bad[0])
        raise mistakes.wrong_dtype(table.path, column, table.row(first + index), array[index], dtype)
    if target == np.float64 and (bad := np.flatnonzero(np.abs(result) > LARGEST)).size:
        index = int(bad[0])
        raise mistakes.too_large_value(table.path, column, table.row(first + index), float(array[index]))
    return result


def _within(array: Array, target: np.dtype[Any]) -> Array:
    """Which values are whole numbers inside the integer dtype's range."""
    low, high = np.iinfo(target).min, np.iinfo(target).max
    if array.dtype.kind in "iu":
        return np.asarray((array >= low) & (array <= high))
    # float(high) may round up to high + 1, which does not fit, so the upper bound is open at 2**bits.
    return np.asarray((array == np.floor(array)) & (array >= float(low)) & (array < float(high // 2 + 1) * 2))


def _missing(array: Array) -> Array:
    return np.isnan(array) if array.dtype.kind == "f" else np.zeros(len(array), dtype=bool)


def _parsed(table: Table, column: str, array: Array) -> Array:
    parsed = np.empty(len(array), dtype=np.float64)
    for index, value in enumerate(array):
        try:
            parsed[index] = np.nan if value is None else float(value)
        except (TypeError, ValueError):
            raise mistakes.not_a_number(table.path, column, table.row(index), value) from None
    return parsed


def _dates(array: Array) -> Array:
    """Dates in ISO 8601 as datetime64; anything else as it came."""
    try:
        return np.array([np.datetime64(str(value)) for value in array], dtype="datetime64[ns]")
    except ValueError:
        return array
