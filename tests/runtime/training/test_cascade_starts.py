"""Linear - curve - linear: the first candidate is near at once; two signals see what happens between samples."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import signal

import sysidc

SPEC = """sysid 1
signals {
  input  u : float64
  output y : float64
}
model m: u[all], y[10] -> y[all] {
  LAYER(states = 2, outputs = SIGNALS)
  CURVE
  LAYER(states = 2)
}
data {
  train = "record.csv"
  test  = 25 %
}
train simulation {
  optimizer = LevenbergMarquardt
  initial   = estimate
  epochs    = EPOCHS
}
"""
FINE = 32
"""Steps of the continuous-time simulation for one sample."""


@pytest.fixture
def record(tmp_path: Path) -> Path:
    """A circuit in continuous time: a resonance, a diode that limits, a low pass; the input is held between samples."""
    u = signal.sosfilt(signal.butter(3, 0.5, output="sos"), np.random.default_rng(1).standard_normal(1600))
    between = filtered([0.81], [1, 0.63, 0.81], np.repeat(u, FINE))
    between /= between.std()
    limited = np.where(between > 0.5, 0.5 + 0.1 * (between - 0.5), between)
    y = filtered([0.49], [1, 0.9, 0.49], limited)[::FINE]
    pd.DataFrame({"u": u, "y": y}).to_csv(tmp_path / "record.csv", index=False)
    return tmp_path


def filtered(numerator: list[float], denominator: list[float], x: np.ndarray) -> np.ndarray:
    """The output of a transfer function in continuous time whose input is held over 1 / FINE of a sample."""
    return np.asarray(signal.lsim((numerator, denominator), x, np.arange(len(x)) / FINE, interp=False)[1])


def missed(folder: Path, curve: str, signals: int = 1, epochs: int = 10, layer: str = "LinearDynamics") -> float:
    """The relative test error of a training."""
    path = folder / "m.sysid"
    text = SPEC.replace("CURVE", curve).replace("SIGNALS", str(signals)).replace("EPOCHS", str(epochs))
    path.write_text(text.replace("LAYER", layer))
    return float(sysidc.load(path).train(folder / "runs").metrics[0]["nrmse"])


def test_two_signals_through_the_curve_see_what_happens_between_the_samples(record: Path) -> None:
    one, two = (missed(record, "Curve(Spline(knots = 20))", signals, epochs=18) for signals in (1, 2))
    assert two < 0.5 * one


@pytest.mark.parametrize("curve", ["Curve(Spline)", "Curve(Polynomial(degree = 5))", "Curve(Network(hidden = [6]))"])
def test_three_iterations_lead_far_below_a_linear_model_with_every_kind_of_curve(record: Path, curve: str) -> None:
    assert missed(record, curve, epochs=3) < 0.4 * missed(record, "Clip(-9, 9)", epochs=3)


def test_linear_recurrent_units_share_a_linear_model_out_as_linear_dynamics_do(record: Path) -> None:
    units, others = (missed(record, "Curve(Spline)", epochs=3, layer=layer) for layer in ("LRU", "LinearDynamics"))
    assert units < 1.2 * others
