"""The official data of nonlinearbenchmark.org, by way of the package nonlinear_benchmarks where it is installed."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Literal, TypeAlias

import numpy as np

from sysidc.runtime.data import mistakes
from sysidc.runtime.data.record import Array
from sysidc.runtime.data.table import Table

Part: TypeAlias = Literal["train", "test"]

BENCHMARKS = ("CED", "Cascaded_Tanks", "EMPS", "F16", "ParWH", "Silverbox", "WienerHammerBenchMark")

SAMPLING_TOLERANCE = 1e-3


def benchmark(name: str, part: Part, sampling_time: float | None) -> Iterator[tuple[str, Table]]:
    """(record name, table) of each record of a part of the official split.

    Columns are u and y; of several channels u0, u1 .. and y0, y1 ... Raises DataError where the package is missing, has
    no such data set or cannot fetch it, and where `sampling_time` (seconds) is not that of the recording.
    """
    if name not in BENCHMARKS:
        raise mistakes.unknown_benchmark(name, BENCHMARKS)
    try:
        package = import_module("nonlinear_benchmarks")
    except ModuleNotFoundError:
        raise mistakes.missing_benchmarks(name) from None
    try:
        train, test = getattr(package, name)(atleast_2d=True, always_return_tuples_of_datasets=True)
    except OSError as error:
        raise mistakes.unfetched_benchmark(name, str(error).partition("\n")[0]) from None
    chosen = train if part == "train" else test
    # Some sets hand out a lone record bare.
    for number, data in enumerate(chosen if isinstance(chosen, list | tuple) else (chosen,)):
        _require_sampling(name, data.sampling_time, sampling_time)
        columns = {**_channels("u", data.u), **_channels("y", data.y)}
        yield data.name or f"{name}-{part}-{number}", Table(f"{name} ({part})", columns)


def _channels(letter: str, values: Array) -> dict[str, Array]:
    if values.shape[1] == 1:
        return {letter: values[:, 0]}
    return {f"{letter}{channel}": values[:, channel] for channel in range(values.shape[1])}


def _require_sampling(name: str, recorded: object, expected: float | None) -> None:
    if expected is None or not isinstance(recorded, int | float | np.number):
        return
    if abs(float(recorded) - expected) > SAMPLING_TOLERANCE * expected:
        raise mistakes.wrong_sampling(name, float(recorded), expected)
