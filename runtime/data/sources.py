"""From the sources that a spec names to records: which files, which rows, which reader, and where a record ends."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from sysidc.compiler.catalogue.settings import ENDINGS
from sysidc.compiler.plan import SignalPlan, SourcePlan
from sysidc.runtime.data import columns, mistakes
from sysidc.runtime.data.array_file import read_hdf5, read_mat, read_npy, read_npz, read_parquet
from sysidc.runtime.data.benchmarks import Part, benchmark
from sysidc.runtime.data.csv_file import read_csv
from sysidc.runtime.data.errors import DataError
from sysidc.runtime.data.generators import generate
from sysidc.runtime.data.mapped import mapped_record
from sysidc.runtime.data.record import Array, Record
from sysidc.runtime.data.table import Request, Table, find_columns

READERS: dict[str, Callable[[str, Request], Table]] = {
    "csv": read_csv,
    "parquet": read_parquet,
    "npz": read_npz,
    "npy": read_npy,
    "mat": read_mat,
    "hdf5": read_hdf5,
}


TIME_TOLERANCE = 1e-3


@dataclass(frozen=True)
class Wanted:
    """What every source must give: `signals`, sampled every `sampling_time` seconds (None: unknown); `missing` says
    what to do about gaps (error, interpolate or split)."""

    signals: tuple[SignalPlan, ...]
    sampling_time: float | None
    missing: str

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(column for signal in self.signals for column in signal.columns))


def load(
    sources: Sequence[SourcePlan],
    *,
    signals: Sequence[SignalPlan],
    folder: str,
    sampling_time: float | None = None,
    missing: str = "error",
    part: Part = "train",
) -> list[Record]:
    """The records of all sources in their order, each signal (steps, channels) in its dtype.

    Paths are relative to `folder`. Raises DataError, with the place of the source, for every mistake that files can
    hold. Records of one name are told apart by a number behind it. `part` chooses between the two of a benchmark.
    """
    wanted = Wanted(tuple(signals), sampling_time, missing)
    records: list[Record] = []
    for source in sources:
        try:
            records.extend(_records(source, folder, wanted, part))
        except DataError as error:
            raise error.at(source.place) from None
    return _distinct(records)


def _records(source: SourcePlan, folder: str, wanted: Wanted, part: Part) -> Iterator[Record]:
    if source.kind == "generator":
        assert source.name is not None
        table = _generated(source, wanted)
        yield from _judged(table, source.name, (0, len(table)), None, wanted)
        return
    if source.kind == "benchmark":
        assert source.name is not None
        for name, table in benchmark(source.name, part, wanted.sampling_time):
            find_columns(table.path, wanted.columns, tuple(table.columns))
            yield from _judged(table, name, (0, len(table)), None, wanted)
        return
    assert source.path is not None, source
    for path in _paths(source.path, folder):
        yield from _file_records(path, source, wanted)


def _paths(pattern: str, folder: str) -> list[str]:
    path = os.path.normpath(os.path.join(folder, pattern))
    if os.path.exists(path) or not glob.has_magic(pattern):
        return [path]
    found = sorted(glob.glob(os.path.join(glob.escape(folder), pattern), recursive=True))
    if not found:
        raise mistakes.no_match(path)
    return [os.path.normpath(path) for path in found]


def _file_records(path: str, source: SourcePlan, wanted: Wanted) -> Iterator[Record]:
    time, border = source.options.get("time"), source.options.get("record")
    rows = source.options.get("rows")
    extra = tuple(column for column in (time, border) if column is not None)
    request = Request(
        tuple(dict.fromkeys(wanted.columns + extra)),
        None if rows is None else (int(rows[0]), int(rows[1])),
        source.options.get("separator") or ",",
    )
    table = read(path, request, source.options.get("format"))
    name = Path(path).stem + ("" if request.rows is None else f"[{request.first}:{request.end}]")
    for first, end, value in _runs(table, border):
        yield from _judged(table, name + value, (first, end), time, wanted)


def read(path: str, request: Request, kind: str | None = None) -> Table:
    """The wanted columns of a file of that kind, by default the one of its ending. Raises DataError."""
    require_file(path)
    kind = ENDINGS.get(Path(path).suffix.lower()) if kind is None else kind
    if kind is None:
        raise mistakes.unknown_ending(path, tuple(ENDINGS))
    return READERS[kind](path, request)


def require_file(path: str) -> None:
    """Raises DataError unless there is a file that may be read and holds something."""
    if os.path.isdir(path):
        raise mistakes.is_directory(path)
    try:
        with open(path, "rb") as file:
            if not file.read(1):
                raise mistakes.empty_file(path)
    except FileNotFoundError:
        raise mistakes.missing_file(path) from None
    except PermissionError:
        raise mistakes.no_permission(path) from None


def _generated(source: SourcePlan, wanted: Wanted) -> Table:
    assert source.name is not None
    made = generate(source.name, source.options, wanted.sampling_time)
    find_columns(f"{source.name}(...)", wanted.columns, tuple(made))
    return Table(f"{source.name}(...)", {column: made[column] for column in wanted.columns})


def _runs(table: Table, border: str | None) -> Iterable[tuple[int, int, str]]:
    """(first, end, name) of the stretches of a table over which the border column keeps its value."""
    if border is None:
        return [(0, len(table), "")]
    values = table.columns[border]
    changes = np.flatnonzero(values[1:] != values[:-1]) + 1
    edges = [0, *(int(change) for change in changes), len(table)]
    return [(first, end, f":{_word(values[first])}") for first, end in pairwise(edges)]


def _word(value: object) -> str:
    whole = isinstance(value, float | np.floating) and float(value).is_integer()
    return str(int(value)) if whole else str(value)  # type: ignore[call-overload]


def _judged(table: Table, name: str, rows: tuple[int, int], time: str | None, wanted: Wanted) -> Iterator[Record]:
    """The records between two rows of a table: one, or where gaps split it several."""
    first, end = rows
    if table.mapped:
        seconds = _time(table, time, rows, wanted.sampling_time)
        yield mapped_record(table, name, rows, wanted.signals, wanted.missing, seconds)
        return
    arrays = {column: columns.numbers(table, column) for column in wanted.columns}
    stretches = [(first, end)]
    if wanted.missing == "split":
        stretches = _filled(columns.gaps([array[first:end] for array in arrays.values()]), first)
    for start, stop in stretches:
        cut = stretches != [(first, end)]
        inside = f"{name.partition('[')[0]}[{table.first + start}:{table.first + stop}]" if cut else name
        if stop - start < 2 and cut:
            continue
        if stop - start < 2:
            raise mistakes.one_row(table.path, name)
        yield _record(table, inside, arrays, (start, stop), time, wanted, cut)


def _filled(gaps: Array, first: int) -> list[tuple[int, int]]:
    """(start, stop) of the stretches without a gap."""
    edges = np.flatnonzero(np.diff(np.concatenate(([True], gaps, [True])).astype(np.int8)))
    return [(first + int(start), first + int(stop)) for start, stop in zip(edges[::2], edges[1::2], strict=True)]


def _record(
    table: Table,
    name: str,
    arrays: dict[str, Array],
    rows: tuple[int, int],
    time: str | None,
    wanted: Wanted,
    piece: bool,
) -> Record:
    start, stop = rows
    values = {}
    for signal in wanted.signals:
        channels = []
        for column in signal.columns:
            array = arrays[column]
            if wanted.missing == "error":
                columns.require_values(table, column, array)
            if wanted.missing == "interpolate":
                array = columns.fill_gaps(table, column, array[start:stop], start)
            else:
                array = array[start:stop]
            channels.append(columns.cast(table, column, array, signal.dtype, start))
        values[signal.name] = channels[0][:, None] if len(channels) == 1 else np.stack(channels, axis=1)
    return Record(name, values, _time(table, time, rows, wanted.sampling_time), table.first + start, piece)


def _time(table: Table, column: str | None, rows: tuple[int, int], sampling_time: float | None) -> Array | None:
    """The seconds of the rows, found uniform. Raises DataError at the first step that is not the sampling time."""
    if column is None:
        return None
    start, stop = rows
    all_seconds = columns.seconds(table, column)
    columns.require_values(table, column, all_seconds)
    time = all_seconds[start:stop]
    steps = np.diff(time)
    expected = float(np.median(steps)) if sampling_time is None else sampling_time
    tolerance = TIME_TOLERANCE * abs(expected) + 4 * np.spacing(np.abs(time).max())
    bad = np.flatnonzero(np.abs(steps - expected) > tolerance)
    if bad.size or expected <= 0:
        at = int(bad[0]) if bad.size else 0
        row = table.row(start + at + 1)
        raise mistakes.time_not_uniform(table.path, column, row, float(steps[at]), expected)
    return time


def _distinct(records: list[Record]) -> list[Record]:
    seen: dict[str, int] = {}
    result = []
    for record in records:
        seen[record.name] = count = seen.get(record.name, 0) + 1
        result.append(record if count == 1 else replace(record, name=f"{record.name} ({count})"))
    return result
