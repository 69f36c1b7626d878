"""Specs that between them use every layer, mode and kind of data, and an interpreter that has no sysidc."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from sysidc.compiler.catalogue.layers import LAYERS

ROOT = Path(__file__).resolve().parents[2]
OWN = sorted((ROOT / "examples").glob("*.sysid"))
SHARED = sorted((ROOT.parent / "shared" / "examples").glob("*.sysid"))

WRITTEN = {
    "Linear": "Linear(3)", "Conv1d": "Conv1d(3, 2, padding = same)", "GRU": "GRU(3, num_layers = 2)",
    "LSTM": "LSTM(3)", "RNN": "RNN(3)", "TimeSeriesLinear": "TimeSeriesLinear(steps = 6, width = 3, causal = on)",
    "DelayLine": "DelayLine(3)", "Last": "Last(4)", "Scale": "Scale(2, 1)", "SelfAttention": "SelfAttention(2)",
    "FrequencyLinear": "FrequencyLinear(steps = 4, width = 2)", "BoundedLinearUnit": "BoundedLinearUnit(-1, 1)",
    "Clip": "Clip(-1, 1)", "LinearDynamics": "LinearDynamics(3)", "StateSpace": "StateSpace(2, [4], [3])",
    "PolynomialStateSpace": "PolynomialStateSpace(2, 2)", "LRU": "LRU(4)", "Curve": "Curve(Spline(knots = 6))",
}  # fmt: skip
"""How a layer is called that has required arguments; the others stand by their bare names."""
SPEC = """sysid 1
signals {{ input u = [a, b]  output y }}
model m: u[6] -> y[1] {{ Linear(2)  {layer}  Flatten  @init(orthogonal, gain = 2) Linear(1) as readout }}
data {{ train = "a.csv" }}
train simulation {{ seed = 3  optimizer = Adam  precision = {precision} }}
"""
EMBEDDING = """sysid 1
signals { input u : int64  output y }
model m: u[6] -> y[1] { @freeze Embedding(5, 4)  Flatten  Linear(1) }
data { train = "a.csv" }
train simulation { optimizer = Adam }
"""
CURVES = ("Curve(Polynomial(degree = 3))", "Curve(Network(hidden = [4]))")


def layer_specs() -> dict[str, str]:
    """One spec for each layer of the catalogue, in float64, and one for each form of a curve."""
    specs = {"Embedding": EMBEDDING}
    for name in LAYERS:
        if name != "Embedding":
            specs[name] = SPEC.format(layer=WRITTEN.get(name, name), precision="float64")
    return specs | {
        f"Curve{number}": SPEC.format(layer=call, precision="float32") for number, call in enumerate(CURVES)
    }


def write_data(folder: Path) -> None:
    """`a.csv` with the columns u and y, a filter with three taps."""
    random = np.random.default_rng(0)
    u = random.normal(size=300)
    y = np.convolve(u, [0.5, 0.3, 0.2])[:300]
    rows = "\n".join(f"{a},{b}" for a, b in zip(u, y, strict=True))
    (folder / "a.csv").write_text(f"u,y\n{rows}\n", encoding="utf-8")


def without_sysidc(code: str, folder: Path) -> str:
    """What a fresh interpreter prints that cannot import sysidc, standing in `folder`."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    blocked = f"import sys; sys.modules['sysidc'] = None\n{code}"
    done = subprocess.run([sys.executable, "-c", blocked], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


TRAININGS = {
    "simulation": """sysid 1
signals { sampling_time = 20 ms  input u  output y }
model filter: u[8] -> y[4] { Conv1d(4, 3)  Linear(1) }
data { train = ["a.csv", csv("a.csv", rows = 20 .. 200)]  test = 30 %  validation = 20 %  normalize = minmax }
train simulation {
  epochs = 3  seed = 3  gradient_clip = 0.5  loss = Huber(delta = 1)
  optimizer = Adam(lr = 1e-2)  scheduler = OneCycleLR(max_lr = 1e-2)  stop = EarlyStopping(patience = 2)
}
""",
    "whole": """sysid 1
signals { input u  output y }
model filter: u[all], y[10] -> y[all] { GRU(4)  Linear(1) }
data { train = ["a.csv", csv("a.csv", rows = 20 .. 200)]  test = 30 %  validation = 20 %  normalize = standard }
train simulation { epochs = 2  batch_size = 1  optimizer = Adam(lr = 1e-2)  precision = float64 }
""",
    "fed": """sysid 1
signals { input u  output y }
model filter: u[8], y[4] -> y[4] { TimeSeriesLinear(4, 4, causal = on)  Tanh as bend  Linear(1) }
data { train = "a.csv"  test = 30 %  missing = interpolate }
train simulation { epochs = 2  optimizer = SGD(lr = 1e-2) }
test { initial_steps = 20 }
""",
    "prediction": """sysid 1
signals { input u  output y }
model filter: u[4], y[2] -> y[1] { Flatten  Linear(4)  Tanh  Linear(1) }
data { train = "a.csv"  test = 30 %  validation = 20 % }
train prediction {
  epochs = 4  horizon = 2  teacher_forcing = Cyclic(cycle_in_epochs = 2)  seed = 3
  autoregression = Step(step_size = 2, gamma = 2, max_length = 8)
}
test { horizons = [1, 5] }
""",
    "rolling": """sysid 1
signals { output s = [x, y, z] }
model lorenz: s[4] -> s[1] { @autoregressive_residual { Flatten  Linear(8)  GELU  Linear(3) } }
data { train = lorenz(samples = 500, seed = 1)  test = 25 %  normalize = standard }
train prediction { epochs = 3  horizon = 2  autoregression = OnPlateau(patience = 1, factor = 2, max_length = 4) }
""",
    "carried": """sysid 1
signals { input u  output y }
model filter: u[4], y[4] -> y[1] { GRU(4)  Linear(1) }
data { train = duffing(samples = 300, noise = 0.01)  test = 30 %  normalize = standard }
train prediction { epochs = 2  horizon = 6  state = carried }
""",
    "bounded": """sysid 1
signals { input u  output y }
model filter: u[3] -> y[1] { Flatten  Linear(4)  ReLU  Linear(1) }
data { train = "a.csv"  test = 30 %  validation = 20 %  normalize = standard }
train bounded {
  kernel = Epanechnikov(bandwidth = 0.5)  neighbours = 16  max_reinit = 2  epochs = 2  seed = 3
  bound_during_training = on  bound_crossing_penalty = 0.1
}
""",
    "least_squares": """sysid 1
signals { input u  output y }
model filter: u[4] -> y[1] { Flatten  Linear(3)  Curve(Spline(knots = 5))  Linear(1) }
data { train = "a.csv"  test = 30 %  normalize = standard }
train simulation { epochs = 2 }
""",
    "one_block": """sysid 1
signals { input u  output y }
model wiener: u[all], y[5] -> y[all] { LinearDynamics(states = 2)  Curve(Spline(knots = 5)) }
data { train = ["a.csv", csv("a.csv", rows = 20 .. 200)]  test = 30 %  normalize = standard }
train simulation { initial = estimate  segments = [80, all]  epochs = 2  refit = on }
""",
    "two_blocks": """sysid 1
signals { input u  output y }
model wh: u[all] -> y[all] {
  @correction(hidden = [3], penalty = 0.1) { LinearDynamics(2)  Curve(Polynomial(3))  LinearDynamics(1) }
}
data { train = wiener_hammerstein(samples = 300, seed = 1)  test = 30 %  normalize = standard }
train simulation {
  initial = washout
  stage { starts = 3  keep = 2  epochs = 2  correction = off  segments = 100 }
  stage { epochs = 2  correction = on }
}
""",
    "equations": """sysid 1
signals { sampling_time = 1 s  input u  output y }
dynamics tank {
  state x = 0.1
  learn a = 0.3 in 0 .. 1
  learn b = 0.5 in 0 .. 2
  next(x) = (1 - a) * x + b * u
  y = x
}
model tank: u[all], y[3] -> y[all] { tank(correction = [2], penalty = 0.3, initial = estimate) }
data { train = "a.csv"  test = 30 % }
train simulation { starts = 2  epochs = 3  refit = on  ensemble = 2 }
""",
    "innovations": """sysid 1
signals { input u  output y }
model space: u[all], y[5] -> y[all] { StateSpace(2, [3], [], innovations = on, initial = encoder) }
data { train = duffing(samples = 300, noise = 0.01)  test = 30 %  normalize = standard }
train simulation { epochs = 2 }
""",
    "windows_of_a_chain": """sysid 1
signals { input u  output y }
model space: u[30], y[10] -> y[20] { LinearDynamics(2, initial = estimate)  Tanh  Linear(1) }
data { train = "a.csv"  test = 30 %  normalize = standard }
train simulation { epochs = 2  optimizer = AdamW(lr = 1e-2)  starts = 2 }
""",
}
"""One spec for each way of training and of reading data."""
