"""Which columns a file has, whatever its kind: names as the data room knows them, and what separates them in text."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from sysidc.compiler.catalogue.settings import ENDINGS
from sysidc.runtime.data import mistakes
from sysidc.runtime.data.csv_file import SEPARATORS, header
from sysidc.runtime.data.sources import require_file
from sysidc.runtime.inspection.mistakes import nameless_columns


def present_columns(path: str) -> tuple[list[str], str]:
    """The names of all columns and the separator ("," where the file is no text). Raises DataError."""
    require_file(path)
    kind = ENDINGS.get(Path(path).suffix.lower())
    if kind is None:
        raise mistakes.unknown_ending(path, tuple(ENDINGS))
    if kind == "csv":
        return _csv(path)
    return NAMES[kind](path), ","


def _csv(path: str) -> tuple[list[str], str]:
    """With the separator that cuts the header into most names; a comma where none does."""
    separator = max((",", *SEPARATORS), key=lambda candidate: len(header(path, candidate)) - (candidate == " "))
    names = header(path, separator)
    if all(_is_number(name) for name in names):
        raise nameless_columns(path)
    return names, separator


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _parquet(path: str) -> list[str]:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ModuleNotFoundError:
        raise mistakes.missing_package("pyarrow", f"'{path}'") from None
    try:
        return list(pq.read_schema(path).names)
    except pa.ArrowInvalid as error:
        raise mistakes.broken_file(path, "Parquet", _first_line(error)) from None


def _npz(path: str) -> list[str]:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            if not isinstance(arrays, np.lib.npyio.NpzFile):
                raise mistakes.broken_file(path, "NPZ", "it is a single array")
            return list(arrays.files)
    except (zipfile.BadZipFile, ValueError, EOFError) as error:
        raise mistakes.broken_file(path, "NPZ", _first_line(error)) from None


def _npy(path: str) -> list[str]:
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise mistakes.broken_file(path, "NPY", _first_line(error)) from None
    if array.dtype.names is not None:
        return list(array.dtype.names)
    return [f"c{index}" for index in range(array.shape[1] if array.ndim == 2 else 1)]


def _mat(path: str) -> list[str]:
    from scipy.io import whosmat
    from scipy.io.matlab import MatReadError

    try:
        return [name for name, _, _ in whosmat(path)]
    except NotImplementedError:  # scipy's word for version 7.3, which is HDF5
        return _hdf5(path)
    except (MatReadError, ValueError, TypeError) as error:
        raise mistakes.broken_file(path, "MAT", _first_line(error)) from None


def _hdf5(path: str) -> list[str]:
    try:
        import h5py
    except ModuleNotFoundError:
        raise mistakes.missing_package("h5py", f"'{path}'") from None
    found: list[str] = []
    try:
        with h5py.File(path, "r") as file:
            file.visititems(lambda name, item: found.append(name) if isinstance(item, h5py.Dataset) else None)
    except OSError as error:
        raise mistakes.broken_file(path, "HDF5", _first_line(error)) from None
    return found


NAMES: dict[str, Callable[[str], list[str]]] = {
    "parquet": _parquet,
    "npz": _npz,
    "npy": _npy,
    "mat": _mat,
    "hdf5": _hdf5,
}


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
