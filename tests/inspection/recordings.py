"""Seeded recordings of systems that are known, as columns and as files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from scipy import signal

from sysidc.runtime.data.generators import generate
from sysidc.runtime.data.record import Array

Columns = Mapping[str, Array]


def second_order(u: Array, delay: int = 0) -> Array:
    """y = (0.2 + 0.1 z^-1) / (1 - 1.4 z^-1 + 0.7 z^-2) u, after `delay` steps."""
    y = np.asarray(signal.lfilter([0.2, 0.1], [1.0, -1.4, 0.7], u))
    return np.concatenate([np.zeros(delay), y[: len(y) - delay]])


def white(steps: int, seed: int) -> Array:
    return np.random.default_rng(seed).standard_normal(steps)


def siso(steps: int = 1500, delay: int = 0, noise: float = 0.01, seed: int = 0) -> dict[str, Array]:
    u = white(steps, seed)
    return {"u": u, "y": second_order(u, delay) + noise * white(steps, seed + 99)}


def mimo(steps: int = 1500) -> dict[str, Array]:
    """Two inputs, two outputs: the second input acts on the second output alone, after four steps."""
    u1, u2 = white(steps, 1), white(steps, 2)
    y1 = second_order(u1) + 0.01 * white(steps, 3)
    y2 = 0.5 * second_order(u1) + second_order(u2, 4) + 0.01 * white(steps, 4)
    return {"u1": u1, "u2": u2, "y1": y1, "y2": y2}


def wiener(steps: int = 2000) -> dict[str, Array]:
    u = white(steps, 5)
    return {"u": u, "y": np.tanh(1.5 * second_order(u)) + 0.005 * white(steps, 6)}


def duffing(steps: int = 2000) -> dict[str, Array]:
    return dict(generate("duffing", {"samples": steps, "seed": 1}))


def with_time(columns: Columns, sampling_time: float = 0.02) -> dict[str, Array]:
    return {"time": sampling_time * np.arange(len(next(iter(columns.values())))), **columns}


def with_gaps(columns: Columns, steps: int = 2) -> dict[str, Array]:
    y = columns["y"].copy()
    y[100 : 100 + steps] = np.nan
    return {**columns, "y": y}


def to_csv(path: Path, columns: Mapping[str, object], separator: str = ",") -> str:
    """Missing values become empty fields."""
    rows = zip(*(map(_field, list(values)) for values in columns.values()), strict=True)  # type: ignore[call-overload]
    lines = [separator.join(columns), *(separator.join(row) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)


def _field(value: object) -> str:
    return "" if isinstance(value, float) and np.isnan(value) else str(value)
