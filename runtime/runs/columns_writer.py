"""Columns written piece by piece: CSV and Parquet, which can be added to."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any

import pandas as pd

from sysidc.runtime.data.record import Array


class ColumnsWriter:
    """Adds pieces of the same columns to a file, whose ending names its format."""

    def __init__(self, path: Path):
        self.path = path
        self.is_parquet = path.suffix.lower() == ".parquet"
        self._parquet: Any = None
        self._begun = False

    def write(self, columns: dict[str, Array]) -> None:
        frame = pd.DataFrame(columns)
        if self.is_parquet:
            self._add(frame)
        else:
            mode = "a" if self._begun else "w"
            frame.to_csv(self.path, mode=mode, header=not self._begun, index=False, lineterminator="\n")
        self._begun = True

    def _add(self, frame: pd.DataFrame) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        table = pa.Table.from_pandas(frame, preserve_index=False)
        if self._parquet is None:
            self._parquet = pq.ParquetWriter(self.path, table.schema)
        self._parquet.write_table(table.cast(self._parquet.schema))

    def __enter__(self) -> ColumnsWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._parquet is not None:
            self._parquet.close()
