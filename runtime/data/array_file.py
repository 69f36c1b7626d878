"""Tables from files of named arrays: Parquet, NPZ, MAT and HDF5. An array's name is the column's name."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping

import numpy as np

from sysidc.runtime.data import mistakes
from sysidc.runtime.data.record import Array
from sysidc.runtime.data.table import Request, Table, cut_rows, find_columns


def read_parquet(path: str, request: Request) -> Table:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ModuleNotFoundError:
        raise mistakes.missing_package("pyarrow", f"'{path}'") from None
    try:
        find_columns(path, request.columns, pq.read_schema(path).names)
        table = pq.read_table(path, columns=list(request.columns))
    except pa.ArrowInvalid as error:
        raise mistakes.broken_file(path, "Parquet", _first_line(error)) from None
    return _table(path, {name: table.column(name).to_pandas().to_numpy() for name in request.columns}, request)


def read_npz(path: str, request: Request) -> Table:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            if not isinstance(arrays, np.lib.npyio.NpzFile):
                raise mistakes.broken_file(path, "NPZ", "it is a single array")
            return _arrays(path, list(arrays.files), arrays.__getitem__, request)
    except (zipfile.BadZipFile, ValueError, EOFError) as error:
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
    except (MatReadError, ValueError, TypeError) as error:
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
    except OSError as error:
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
