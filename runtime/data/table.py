"""The columns of one file, as they were read, and how its rows are called in messages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sysidc.runtime.data import mistakes
from sysidc.runtime.data.record import Array


def plain_row(row: int) -> str:
    return f"row {row}"


@dataclass(frozen=True)
class Table:
    """`columns` are one-dimensional and equally long; `first` is the file's row that stands at index 0; `call` names a
    row of the file. With `mapped` the columns lie on disk and are read where they are needed."""

    path: str
    columns: Mapping[str, Array]
    first: int = 0
    call: Callable[[int], str] = plain_row
    mapped: bool = False

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def row(self, index: int) -> str:
        return self.call(self.first + index)


@dataclass(frozen=True)
class Request:
    """What is wanted of a file: `columns` by name, `rows` (first, end) or all, and what separates fields in text."""

    columns: tuple[str, ...]
    rows: tuple[int, int] | None = None
    separator: str = ","

    @property
    def first(self) -> int:
        return 0 if self.rows is None else self.rows[0]

    @property
    def end(self) -> int | None:
        return None if self.rows is None else self.rows[1]


def find_columns(path: str, wanted: Sequence[str], present: Sequence[str]) -> None:
    """Raises DataError where a wanted column is missing or stands there twice."""
    for column in wanted:
        if column not in present:
            raise mistakes.missing_column(path, column, present)
        if list(present).count(column) > 1:
            raise mistakes.duplicate_column(path, column)


def cut_rows(path: str, columns: Mapping[str, Array], request: Request) -> dict[str, Array]:
    """The wanted rows of columns that begin with the file's row 0. Raises DataError where there are too few."""
    rows = len(next(iter(columns.values())))
    if request.rows is None:
        return dict(columns)
    first, end = request.rows
    if not 0 <= first < end <= rows:
        raise mistakes.rows_outside(path, first, end, rows)
    return {name: array[first:end] for name, array in columns.items()}
