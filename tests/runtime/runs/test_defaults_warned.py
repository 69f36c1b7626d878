"""Warnings about records reach every simulation, whatever its model is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sysidc.compiler.lower import several_steps_at_once
from sysidc.compiler.pipeline import compile_source
from sysidc.dsl.source import Source
from sysidc.runtime.data.modules import SpecDataModule
from sysidc.runtime.runs.train import fit

DYNAMICS = "dynamics lag { state x = 0  learn a = 0.5  next(x) = a * x + 0.3 * u  y = x }\n"
MODELS = {
    "explicit order": ("u[all], y[10] -> y[all]", "StateSpace(states = 2, hidden = [], output_hidden = [])"),
    "cascade": ("u[all], y[10] -> y[all]", "LinearDynamics(1)  Curve(Polynomial(degree = 2))"),
    "equations": ("u[all] -> y[all]", "lag"),
    "windows": ("u[8] -> y[1]", "Flatten  Linear(1)"),
}


@pytest.mark.parametrize("model", MODELS)
def test_a_quantised_output_and_test_inputs_beyond_the_training_range_are_told_to(model: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name, size in (("train", 1.0), ("test", 3.0)):
        u = size * rng.standard_normal(400)
        y = np.zeros(400)
        for k in range(399):
            y[k + 1] = 0.6 * y[k] + 0.3 * u[k]
        table = np.stack([u, np.round(y / 0.05) * 0.05], axis=1)
        np.savetxt(tmp_path / f"{name}.csv", table, delimiter=",", header="u,y", comments="")
    header, stack = MODELS[model]
    text = (
        "sysid 1\nsignals { input u : float64  output y : float64 }\n"
        f'{DYNAMICS if stack == "lag" else ""}data {{ train = "train.csv"  test = "test.csv" }}\n'
        f"model m: {header} {{ {stack} }}\ntrain simulation {{ epochs = 1 }}\n"
    )
    path = tmp_path / "test.sysid"
    plan = compile_source(Source(str(path), text, path)).plan
    assert plan is not None
    log = fit(plan, SpecDataModule(plan, several=several_steps_at_once(plan)), tmp_path, tmp_path, quiet=True).log
    assert any(line.startswith("warning: output 'y' moves in steps of 0.05") for line in log)
    assert any("leaves the training range" in line and "test record" in line for line in log)
