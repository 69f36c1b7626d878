"""Columns of a file as a frame, one reader per format; `rows` are (first, end), the end excluded."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import scipy.io


def read_csv(
    path: Path, columns: Sequence[str], rows: tuple[int, int] | None = None, separator: str = ","
) -> pd.DataFrame:
    """The named columns of a text file with a header line."""
    frame = pd.read_csv(
        path,
        sep=separator,
        nrows=None if rows is None else rows[1],
        index_col=False,
        skipinitialspace=True,
        encoding="utf-8-sig",
    )
    frame.columns = frame.columns.str.strip()
    return chosen(frame, columns, rows)


def read_parquet(path: Path, columns: Sequence[str], rows: tuple[int, int] | None = None) -> pd.DataFrame:
    """The named columns of a Parquet file."""
    return chosen(pd.read_parquet(path, columns=list(columns)), columns, rows)


def read_npz(path: Path, columns: Sequence[str], rows: tuple[int, int] | None = None) -> pd.DataFrame:
    """The arrays of an NPZ file that are called like the columns."""
    with np.load(path, allow_pickle=False) as arrays:
        frame = pd.DataFrame({name: arrays[name].ravel() for name in columns})
    return chosen(frame, columns, rows)


def read_mat(path: Path, columns: Sequence[str], rows: tuple[int, int] | None = None) -> pd.DataFrame:
    """The variables of a MATLAB file (up to version 7) that are called like the columns."""
    arrays = scipy.io.loadmat(str(path), variable_names=list(columns))
    return chosen(pd.DataFrame({name: arrays[name].ravel() for name in columns}), columns, rows)


def read_hdf5(path: Path, columns: Sequence[str], rows: tuple[int, int] | None = None) -> pd.DataFrame:
    """The data sets of an HDF5 file that are called like the columns."""
    with h5py.File(path, "r") as file:
        frame = pd.DataFrame({name: np.asarray(file[name]).ravel() for name in columns})
    return chosen(frame, columns, rows)


def chosen(frame: pd.DataFrame, columns: Sequence[str], rows: tuple[int, int] | None) -> pd.DataFrame:
    """The wanted columns and rows. Raises ValueError where a column is missing."""
    missing = [name for name in columns if name not in frame.columns]
    if missing:
        raise ValueError(f"no column {missing[0]} among {', '.join(frame.columns)}")
    frame = frame.loc[:, list(dict.fromkeys(columns))]
    return frame if rows is None else frame.iloc[rows[0] : rows[1]]
