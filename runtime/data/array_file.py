"""Tables from files of named arrays: Parquet, NPZ, NPY, MAT and HDF5. An array's name is the column's name."""

from __future__ import annotations

import tempfile
import tokenize
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from sysidc.runtime.data import mistakes
from sysidc.runtime.data.record import Array
from sysidc.runtime.data.table import Request, Table, cut_rows, find_columns

DAMAGED = (
    *(ValueError, TypeError, LookupError, EOFError, OSError, RuntimeError),
    *(zipfile.BadZipFile, zlib.error, tokenize.TokenError),
)
"""What readers raise for bytes that make no sense, in a file that was opened before."""
IN_MEMORY = 1 << 25
"""So many values of a Parquet file are held in memory; those of a larger one are unpacked into a temporary file."""


def read_npy(path: str, request: Request) -> Table:
    """An array of records, whose fields are the columns, or one of (steps, columns), whose columns are c0, c1 ..

    It is mapped into memory and read where it is needed.
    """
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except DAMAGED as error:
        raise mistakes.broken_file(path, "NPY", _first_line(error)) from None
    if isinstance(array, np.lib.npyio.NpzFile):
        raise mistakes.broken_file(path, "NPY", "it is an NPZ file")
    if array.ndim not in (1, 2) or (array.dtype.names is not None and array.ndim != 1):
        raise mistakes.not_a_vector(path, "array", array.shape)
    names = array.dtype.names or tuple(f"c{index}" for index in range(1 if array.ndim == 1 else array.shape[1]))
    find_columns(path, request.columns, names)
    table = array[:, None] if array.dtype.names is None and array.ndim == 1 else array
    columns = {
        name: table[name] if array.dtype.names is not None else table[:, names.index(name)] for name in request.columns
    }
    return replace(_table(path, columns, request), mapped=True)


def read_parquet(path: str, request: Request) -> Table:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ModuleNotFoundError:
        raise mistakes.missing_package("pyarrow", f"'{path}'") from None
    try:
        find_columns(path, request.columns, pq.read_schema(path).names)
        rows = pq.read_metadata(path).num_rows
        if rows * len(request.columns) > IN_MEMORY and (unpacked := _unpacked(path, request.columns, rows)):
            return replace(_table(path, unpacked, request), mapped=True)
        table = pq.read_table(path, columns=list(request.columns))
    except (pa.ArrowException, OSError) as error:  # the file was opened before: it is damaged
        raise mistakes.broken_file(path, "Parquet", _first_line(error)) from None
    return _table(path, {name: table.column(name).to_pandas().to_numpy() for name in request.columns}, request)


def _unpacked(path: str, columns: tuple[str, ...], rows: int) -> dict[str, Array] | None:
    """The columns in a temporary file, written row group by row group; None where one is no plain column of numbers."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pq.read_schema(path)
    kinds = [schema.field(column).type for column in columns]
    if not all(pa.types.is_integer(kind) or pa.types.is_floating(kind) for kind in kinds):
        return None
    maps: dict[str, Array] = {}
    for column, kind in zip(columns, kinds, strict=True):
        with tempfile.TemporaryFile() as file:
            maps[column] = np.memmap(file, dtype=kind.to_pandas_dtype(), mode="w+", shape=(rows,))
    first = 0
    for batch in _batches(path, columns):
        for column in columns:
            read = batch.column(column)
            if read.null_count and maps[column].dtype.kind != "f":
                return None
            maps[column][first : first + len(batch)] = read.to_numpy(zero_copy_only=False)
        first += len(batch)
    return maps


def _batches(path: str, columns: tuple[str, ...]) -> Iterator[Any]:
    """Record batches, row group by row group: one walk over all groups would keep what it has read of each."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        for group in range(file.num_row_groups):
            yield from file.iter_batches(row_groups=[group], columns=list(columns))


def read_npz(path: str, request: Request) -> Table:
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as arrays:
            if not isinstance(arrays, np.lib.npyio.NpzFile):
                raise mistakes.broken_file(path, "NPZ", "it is a single array")
            return _arrays(path, list(arrays.files), arrays.__getitem__, request)
    except DAMAGED as error:
        raise mistakes.broken_file(path, "NPZ", _first_line(error)) from None


def read_mat(path: str, request: Request) -> Table:
    """MAT files up to version 7 by scipy; version 7.3 is HDF5."""
    try:
        from scipy.io import loadmat, whosmat
        from scipy.io.matlab import MatReadError
    except ModuleNotFoundError:
        raise mistakes.missing_package("scipy", f"'{path}'") from None
    try:
        present = [name for name, _, _ in whosmat(path)]
        find_columns(path, request.columns, present)
        arrays = loadmat(path, variable_names=list(request.columns))
    except NotImplementedError:  # scipy's word for version 7.3
        return read_hdf5(path, request)
    except (MatReadError, *DAMAGED) as error:
        raise mistakes.broken_file(path, "MAT", _first_line(error)) from None
    return _arrays(path, present, arrays.__getitem__, request)


def read_hdf5(path: str, request: Request) -> Table:
    """A column inside a group is named by its path, "run1/u"."""
    try:
        import h5py
    except ModuleNotFoundError:
        raise mistakes.missing_package("h5py", f"'{path}'") from None
    try:
        with h5py.File(path, "r") as file:
            present: list[str] = []
            file.visititems(lambda name, item: present.append(name) if isinstance(item, h5py.Dataset) else None)
            return _arrays(path, present, lambda name: np.asarray(file[name]), request)
    except DAMAGED as error:
        raise mistakes.broken_file(path, "HDF5", _first_line(error)) from None


def _arrays(path: str, present: list[str], load: Callable[[str], Array], request: Request) -> Table:
    find_columns(path, request.columns, present)
    return _table(path, {name: _vector(path, name, load(name)) for name in request.columns}, request)


def _vector(path: str, name: str, array: Array) -> Array:
    if array.ndim == 0 or max(array.shape, default=0) != array.size:
        raise mistakes.not_a_vector(path, name, array.shape)
    return array.reshape(-1)


def _table(path: str, columns: Mapping[str, Array], request: Request) -> Table:
    lengths = [(name, len(array)) for name, array in columns.items()]
    if len({length for _, length in lengths}) > 1:
        raise mistakes.unequal_lengths(path, lengths)
    if lengths[0][1] == 0:
        raise mistakes.empty_file(path)
    return Table(path, cut_rows(path, columns, request), request.first)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
