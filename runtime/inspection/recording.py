"""A file read for looking at it: its columns one by one, and its records in the roles that the columns have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sysidc.compiler.catalogue.settings import ENDINGS
from sysidc.runtime.data import columns as reading
from sysidc.runtime.data import mistakes as data_mistakes
from sysidc.runtime.data.errors import DataError
from sysidc.runtime.data.record import Array, Record
from sysidc.runtime.data.sources import read
from sysidc.runtime.data.table import Request, Table
from sysidc.runtime.inspection import mistakes
from sysidc.runtime.inspection.clock import Clock, borders, read_clock
from sysidc.runtime.inspection.present import present_columns
from sysidc.runtime.inspection.roles import INPUT, OUTPUT, Given, Roles, find_roles

RISING = 0.9
"""A clock grows in this share of the steps; it may begin anew with each recording."""

LONG = 20
"""A column that names records keeps its value for so many steps on average."""

FEWEST = 60
"""Records with fewer samples tell no model."""


@dataclass(frozen=True)
class Column:
    """`values` (rows,) as numbers, NaN where one is missing; None where the column holds none, `note` saying why."""

    name: str
    dtype: str
    values: Array | None
    note: str = ""

    @property
    def missing(self) -> int:
        return 0 if self.values is None else int(np.isnan(self.values).sum())

    @property
    def finite(self) -> Array:
        return np.empty(0) if self.values is None else self.values[np.isfinite(self.values)]

    @property
    def moves(self) -> bool:
        return self.finite.size > 1 and bool(np.ptp(self.finite) > 1e-9 * np.abs(self.finite).max())

    @property
    def whole(self) -> bool:
        """Whether all values are whole numbers."""
        return self.dtype.startswith(("int", "uint", "bool"))


@dataclass(frozen=True)
class Recording:
    """`records` hold each signal column as (steps, 1) in float64 under its own name, NaN where a value is missing;
    `stretches` are their rows (first, end) in the file."""

    path: str
    separator: str
    rows: int
    columns: Mapping[str, Column]
    roles: Roles
    clock: Clock | None
    stretches: tuple[tuple[int, int], ...]
    records: tuple[Record, ...]

    @property
    def sampling_time(self) -> float | None:
        """In seconds, None where no column tells it."""
        return None if self.clock is None else self.clock.sampling_time

    def role(self, column: str) -> str:
        roles = self.roles
        by_role = {"time": (roles.time,), "record": (roles.record,), "input": roles.inputs, "output": roles.outputs}
        return next((role for role, names in by_role.items() if column in names), "")


def read_recording(path: str, given: Given | None = None) -> Recording:
    """Raises DataError for files and columns that cannot be read, and for signals that no model can be told from."""
    given = given or Given()
    names, separator = present_columns(path)
    wanted = [name for name in (given.time, *given.inputs, *given.outputs) if name is not None]
    for name in wanted:
        if name not in names:
            raise data_mistakes.missing_column(path, name, names)
    tables, left_out = _tables(path, names, separator)
    columns = {name: _column(tables[name], name) if name in tables else left_out[name] for name in names}
    for name in (*given.inputs, *given.outputs):
        if columns[name].values is None:
            raise mistakes.not_numeric(path, name, columns[name].note)
    return _recording(path, separator, given, tables, columns)


def _recording(
    path: str, separator: str, given: Given, tables: Mapping[str, Table], columns: Mapping[str, Column]
) -> Recording:
    moving = [name for name, column in columns.items() if column.moves]
    clocks = {name: seconds for name, table in tables.items() if (seconds := _seconds(table, name)) is not None}
    rising = [name for name, seconds in clocks.items() if (np.diff(seconds) > 0).mean() >= RISING]
    named = [name for name, table in tables.items() if _is_border(table.columns[name])]
    _require_named(path, given, columns)
    roles = find_roles(path, given, moving, rising, named)
    for role, names in (("input", roles.inputs), ("output", roles.outputs)):
        for name in names:
            _require_moving(path, columns[name], role)
    if roles.time is not None and roles.time not in clocks:
        raise mistakes.not_numeric(path, roles.time, "it holds no times")
    table = tables[roles.outputs[0]]
    cuts = borders(None if roles.record is None else tables[roles.record].columns[roles.record], len(table))
    clock = None if roles.time is None else read_clock(clocks[roles.time], cuts)
    stretches = clock.stretches if clock is not None else cuts
    records = _records(Path(path).stem, columns, roles, stretches, None if clock is None else clocks[str(roles.time)])
    if max((len(record) for record in records), default=0) < FEWEST:
        raise mistakes.too_few_samples(path, max((len(record) for record in records), default=0), FEWEST)
    return Recording(path, separator, len(table), columns, roles, clock, stretches, records)


def _require_named(path: str, given: Given, columns: Mapping[str, Column]) -> None:
    """Raises DataError where a name says input or output, its column cannot be one, and no other column's name does."""
    for role, pattern, asked in (("input", INPUT, given.inputs), ("output", OUTPUT, given.outputs)):
        named = [column for name, column in columns.items() if pattern.match(name)]
        if named and not asked and not any(column.moves for column in named):
            _require_moving(path, named[0], role)


def _require_moving(path: str, column: Column, role: str) -> None:
    if column.values is None:
        raise mistakes.not_numeric(path, column.name, column.note)
    if not column.finite.size:
        raise mistakes.not_numeric(path, column.name, "it holds no value")
    if not column.moves:
        raise mistakes.constant_column(path, column.name, role, float(column.finite[0]))


def _tables(path: str, names: Sequence[str], separator: str) -> tuple[dict[str, Table], dict[str, Column]]:
    """Every column with its table, and those that are left out: no vectors, or of another length than most."""
    if ENDINGS[Path(path).suffix.lower()] == "csv":
        table = read(path, Request(tuple(dict.fromkeys(names)), separator=separator))
        return dict.fromkeys(names, table), {}
    tables, left_out = {}, {}
    for name in names:
        try:
            tables[name] = read(path, Request((name,)))
        except DataError as error:
            if error.id not in ("not-a-vector", "empty-file"):
                raise
            left_out[name] = Column(name, "", None, error.message)
    lengths = Counter(len(table) for table in tables.values())
    usual = max(lengths, key=lambda length: (lengths[length], length), default=0)
    for name in [name for name, table in tables.items() if len(table) != usual]:
        left_out[name] = Column(name, "", None, f"{len(tables.pop(name))} values, the other columns have {usual}")
    return tables, left_out


def _column(table: Table, name: str) -> Column:
    array = table.columns[name]
    dtype = "text" if array.dtype.kind in "OSU" else str(array.dtype)
    if array.dtype.kind == "M":
        return Column(name, "date", None, "it holds dates")
    try:
        return Column(name, dtype, np.asarray(reading.numbers(table, name), dtype=np.float64))
    except DataError as error:
        told = error.message.replace(f"column '{name}' of '{table.path}'", "it")
        return Column(name, dtype, None, told)


def _seconds(table: Table, name: str) -> Array | None:
    """The column as a clock, None where it is none."""
    try:
        seconds = reading.seconds(table, name)
    except DataError:
        return None
    return seconds if len(seconds) > 1 and np.isfinite(seconds).all() else None


def _is_border(values: Array) -> bool:
    if values.dtype.kind == "f" and not (np.isfinite(values).all() and (values == np.round(values)).all()):
        return False
    return 0 < int((values[1:] != values[:-1]).sum()) <= len(values) // LONG


def _records(
    stem: str,
    columns: Mapping[str, Column],
    roles: Roles,
    stretches: Sequence[tuple[int, int]],
    time: Array | None,
) -> tuple[Record, ...]:
    signals: dict[str, Array] = {}
    for name in (*roles.inputs, *roles.outputs):
        values = columns[name].values
        assert values is not None, "signals are numbers"
        signals[name] = values[:, None]
    whole = Record(stem, signals, time)
    parts = [whole.part(first, end) for first, end in stretches]
    if len(parts) == 1:
        return tuple(parts)
    return tuple(
        Record(f"{stem}[{first}:{end}]", part.values, part.time, first)
        for part, (first, end) in zip(parts, stretches, strict=True)
    )
