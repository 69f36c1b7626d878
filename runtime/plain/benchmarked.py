"""The official data of nonlinearbenchmark.org as frames, by way of the package nonlinear_benchmarks."""

from __future__ import annotations

from importlib import import_module

import pandas as pd


def benchmark(name: str, part: str) -> list[pd.DataFrame]:
    """The records of one part ("train" or "test"), columns u and y, or u0, u1 .. and y0, y1 .. of several channels."""
    package = import_module("nonlinear_benchmarks")
    train, test = getattr(package, name)(atleast_2d=True, always_return_tuples_of_datasets=True)
    chosen = train if part == "train" else test
    frames = []
    for data in chosen if isinstance(chosen, list | tuple) else (chosen,):
        sides = {"u": data.u, "y": data.y}
        columns = {
            letter if values.shape[1] == 1 else f"{letter}{channel}": values[:, channel]
            for letter, values in sides.items()
            for channel in range(values.shape[1])
        }
        frames.append(pd.DataFrame(columns))
    return frames
