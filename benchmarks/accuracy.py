"""Accuracy on the benchmark data beside the project: each example trained as it stands, next to published figures.

    python benchmarks/accuracy.py [NAME ...] [--runs DIR]

The score is that of the data's own rule (free run over the test record, the first n samples left out). Published:
arXiv 2405.10779 (2024) and the papers that its tables cite. Lorenz has no published figure; a linear autoregression of
the same window, fitted by least squares on the same training part, stands beside it.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

import sysidc
from sysidc.runtime.data.modules import SpecDataModule

SHARED = Path(__file__).resolve().parents[2] / "shared" / "examples"
PUBLISHED = {
    "excitation": "noise level 0.02",
    "wiener_hammerstein": "GRU 3.97e-3, finite-memory network 24.8e-3, SUBNET 0.241e-3",
    "fir_bounded": "noise level 0.05",
}
NAMES = ("excitation", "fir_bounded", "lorenz", "wiener_hammerstein")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("names", nargs="*", default=NAMES)
    parser.add_argument("--runs", default="runs")
    given = parser.parse_args()
    rows = [row for name in given.names for row in measured(name, given.runs)]
    table = Table("example", "record", "horizon", "rmse", "beside it", "seconds")
    for row in rows:
        table.add_row(*(str(row[key]) for key in ("example", "record", "horizon", "rmse", "beside", "seconds")))
    Console().print(table)
    print(json.dumps(rows, indent=2))


def measured(name: str, runs: str) -> list[dict[str, Any]]:
    """Train one example; a row for each score."""
    started = time.perf_counter()
    run = sysidc.load(SHARED / f"{name}.sysid").train(runs)
    seconds = round(time.perf_counter() - started, 1)
    linear = linear_autoregression(run) if name == "lorenz" else {}
    return [
        {
            "example": name,
            "record": row["record"],
            "horizon": row["horizon"],
            "rmse": f"{row['rmse']:.4g}",
            "beside": f"linear autoregression {linear[row['horizon']]:.4g}" if linear else PUBLISHED[name],
            "seconds": seconds,
        }
        for row in run.metrics
    ]


def linear_autoregression(run: sysidc.Run) -> dict[int, float]:
    """rmse of y^(t | t-h) for the horizons of the test, of an affine map of the same window, rolled out."""
    data = SpecDataModule(run.plan)
    signal, window = run.plan.model.outputs[0].signal, run.plan.model.inputs[0].steps
    assert window is not None
    train = data.train_records[0].values[signal].double().numpy()
    test = data.test_records[0].values[signal].double().numpy()
    scale = data.normalizer.scale(signal).numpy()
    weights = np.linalg.lstsq(_regressors(train, window)[:-1], train[window:], rcond=None)[0]
    windows = np.lib.stride_tricks.sliding_window_view(test, window, axis=0).transpose(0, 2, 1).copy()
    errors = {}
    for horizon in range(1, max(run.plan.test.horizons) + 1):
        regressors = np.hstack([windows.reshape(len(windows), -1), np.ones((len(windows), 1))])
        predicted = regressors @ weights
        windows = np.concatenate([windows[:, 1:], predicted[:, None]], axis=1)
        if horizon in run.plan.test.horizons:
            last = window + horizon - 1
            error = (predicted[: len(test) - last] - test[last:]) * scale
            errors[horizon] = float(np.sqrt(np.mean(error**2)))
    return errors


def _regressors(record: np.ndarray, window: int) -> np.ndarray:
    windows = np.lib.stride_tricks.sliding_window_view(record, window, axis=0).transpose(0, 2, 1)
    return np.hstack([windows.reshape(len(windows), -1), np.ones((len(windows), 1))])


if __name__ == "__main__":
    main()
