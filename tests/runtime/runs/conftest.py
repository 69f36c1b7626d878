"""Small measured systems and specs about them: what the tests of runs train on."""

from pathlib import Path

import numpy as np
import pytest

from sysidc.runtime.runs import open_race, structures
from sysidc.runtime.runs.open_race import Heat

SIMULATION = """sysid 1
# a filter with three taps
param width = 4
signals { sampling_time = 20 ms  input u  output y }
model filter: u[8] -> y[4] { Conv1d(width, 3)  Linear(1) }
data { train = "data/a.csv"  test = 30 %  validation = 20 % }  # measured
train simulation { epochs = 3  optimizer = Adam(lr = 1e-2)  seed = 3 }
"""
PREDICTION = """sysid 1
signals { input u  output y }
model filter: u[4], y[2] -> y[1] { Flatten  Linear(4)  Tanh  Linear(1) }
data { train = "data/a.csv"  test = 30 %  validation = 20 % }
train prediction { epochs = 2  horizon = 2  seed = 3 }
test { horizons = [1, 5]  metrics = [rmse, fit] }
"""
BOUNDED = """sysid 1
signals { input u  output y }
model filter: u[3] -> y[1] { Flatten  Linear(4)  ReLU  Linear(1) }
data { train = "data/a.csv"  test = 30 %  validation = 20 % }
train bounded { kernel = Epanechnikov(bandwidth = 0.5)  neighbours = 16  epochs = 2  seed = 3 }
"""
SPECS = {"simulation": SIMULATION, "prediction": PREDICTION, "bounded": BOUNDED}


@pytest.fixture
def specs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with data and one spec per mode, in which the test stands."""
    random = np.random.default_rng(0)
    u = random.normal(size=300)
    y = np.convolve(u, [0.5, 0.3, 0.2])[:300]
    (tmp_path / "data").mkdir()
    rows = "\n".join(f"{a},{b}" for a, b in zip(u, y, strict=True))
    (tmp_path / "data/a.csv").write_text(f"u,y\n{rows}\n", encoding="utf-8")
    for mode, text in SPECS.items():
        (tmp_path / f"{mode}.sysid").write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def small_race(monkeypatch: pytest.MonkeyPatch) -> None:
    """Structures of two states and short heats."""
    monkeypatch.setattr(structures, "ORDERS", (2,))
    monkeypatch.setattr(structures, "HIGHEST", 2)
    monkeypatch.setattr(open_race, "HEATS", (Heat(2_000, 4, 2), Heat(6_000, 6, 2)))
    monkeypatch.setattr(open_race, "FEW_STARTS", 2)
    monkeypatch.setattr(structures, "NETWORKS", {"linear": ((), ()), "network in f": ((4,), ())})
    monkeypatch.setattr(structures, "DEEPER", {"two layers in f": ((6, 6), ())})
