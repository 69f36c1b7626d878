"""A small system on disk and the text of a spec that learns it in a second."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

SPEC = """sysid 1
param width = 4 in [2, 4]
param rate = 0.05 in 1e-3 .. 1e-1 log
signals {{ sampling_time = 1 s  input u : float64  output y : float64 }}
model m: u[8] -> y[1] {{ TimeSeriesLinear(steps = 1, width = width)  Tanh  Linear(1) }}
data {{ train = "d.csv"  test = 20 %  validation = 20 % }}
train simulation {{ optimizer = AdamW(lr = rate)  epochs = 2  batch_size = 64 }}
sweep {{ {sweep} }}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with `d.csv`, a filtered and saturated noise."""
    generator = np.random.default_rng(0)
    u = generator.standard_normal(600)
    y = np.tanh(np.convolve(u, [0, 0.5, 0.3, 0.1])[:600])
    np.savetxt(tmp_path / "d.csv", np.c_[u, y], delimiter=",", header="u,y", comments="")
    return tmp_path


def spec(folder: Path, sweep: str) -> Path:
    path = folder / "m.sysid"
    path.write_text(SPEC.format(sweep=sweep), encoding="utf-8")
    return path
