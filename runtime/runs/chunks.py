"""A long file as a row of short tables, judged as a whole file would be, for predictions that need little memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from sysidc.compiler.plan import SignalPlan
from sysidc.runtime.data import columns, mistakes
from sysidc.runtime.data.csv_file import exact, header
from sysidc.runtime.data.record import Array
from sysidc.runtime.data.table import Table, find_columns

Series = dict[str, Tensor]

ROWS_AT_ONCE = 1 << 16


@dataclass(frozen=True)
class ChunkedFile:
    """`signals` are those that are read; every chunk has `rows` rows, the last one fewer."""

    path: Path
    signals: tuple[SignalPlan, ...]
    separator: str
    rows: int

    def __iter__(self) -> Iterator[Series]:
        """Each signal of the next rows as (steps, channels). Raises DataError at the first value that does not fit."""
        first = 0
        for frame in self._frames():
            table = Table(str(self.path), frame, first)
            yield {signal.name: _values(table, signal) for signal in self.signals}
            first += len(table)

    @property
    def columns(self) -> list[str]:
        return list(dict.fromkeys(column for signal in self.signals for column in signal.columns))

    def _frames(self) -> Iterator[Mapping[str, Array]]:
        if self.path.suffix.lower() == ".parquet":
            yield from self._parquet()
            return
        present = header(str(self.path), self.separator)
        places = {present.index(name): name for name in self.columns}
        settings: dict[str, Any] = {"sep": self.separator, "header": 0, "names": list(range(len(present)))}
        settings |= {"usecols": sorted(places), "index_col": False, "skipinitialspace": True, "encoding": "utf-8-sig"}
        settings |= exact(pd.__version__)
        try:
            reader: Any = pd.read_csv(self.path, chunksize=self.rows, **settings)
            with reader:
                for frame in reader:
                    yield {name: frame[place].to_numpy() for place, name in places.items()}
        except pd.errors.ParserError as error:
            raise mistakes.broken_file(str(self.path), "CSV", str(error).rpartition("error: ")[2].strip()) from None
        except UnicodeDecodeError:
            raise mistakes.not_text(str(self.path)) from None

    def _parquet(self) -> Iterator[Mapping[str, Array]]:
        import pyarrow.parquet as pq

        with pq.ParquetFile(self.path) as file:
            for batch in file.iter_batches(self.rows, columns=self.columns):
                yield {name: batch.column(name).to_pandas().to_numpy() for name in self.columns}


def names_in(path: Path, separator: str) -> list[str]:
    """The columns of a CSV or Parquet file. Raises DataError."""
    if path.suffix.lower() != ".parquet":
        return header(str(path), separator)
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return list(pq.read_schema(path).names)
    except pa.ArrowInvalid as error:
        raise mistakes.broken_file(str(path), "Parquet", str(error).partition("\n")[0]) from None


def readable(
    path: Path, required: Sequence[SignalPlan], all_signals: Sequence[SignalPlan], separator: str, rows: int
) -> ChunkedFile:
    """The file with the signals that it holds. Raises DataError where a required column is missing or stands twice."""
    present = names_in(path, separator)
    needed = {column for signal in required for column in signal.columns}
    find_columns(str(path), tuple(needed), present)
    held = tuple(signal for signal in all_signals if set(signal.columns) <= set(present))
    find_columns(str(path), tuple(column for signal in held for column in signal.columns), present)
    return ChunkedFile(path, held, separator, rows)


def _values(table: Table, signal: SignalPlan) -> Tensor:
    channels = []
    for name in signal.columns:
        array = columns.numbers(table, name)
        columns.require_values(table, name, array)
        channels.append(columns.cast(table, name, array, signal.dtype, 0))
    return torch.from_numpy(np.stack(channels, axis=1)).to(getattr(torch, signal.dtype))
