"""Where a record starts: estimated from its first outputs, in training as in the test, from several guesses."""

from __future__ import annotations

from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import torch
from torch import Tensor

from sysidc.compiler.lower import several_steps_at_once
from sysidc.compiler.pipeline import compile_source
from sysidc.dsl.source import Source
from sysidc.runtime.data.modules import SpecDataModule
from sysidc.runtime.nn.state import StateLayer
from sysidc.runtime.runs.evaluate import score, scored_records
from sysidc.runtime.runs.train import fit
from sysidc.runtime.solvers.start import estimate_start


def error_from(initial: str, folder: Path) -> float:
    text = (
        "sysid 1\nsignals { input u : float64  output y : float64 }\n"
        'data { train = ["a.csv", "b.csv"]  validation = "b.csv"  test = "test.csv" }\n'
        "model m: u[all], y[10] -> y[all] "
        "{ StateSpace(states = 1, hidden = [], output_hidden = []) }\n"
        f"train simulation {{ epochs = 6  {initial} }}\n"
    )
    path = folder / "test.sysid"
    path.write_text(text, encoding="utf-8")
    plan = compile_source(Source(str(path), text, path)).plan
    assert plan is not None
    run = Path(mkdtemp(dir=folder))
    trained = fit(plan, SpecDataModule(plan, several=several_steps_at_once(plan)), run, run, quiet=True).trained
    return float(score(trained, scored_records(plan))[0]["rmse"])


def test_slow_systems_that_do_not_start_at_rest_are_lost_without_an_estimated_start(tmp_path: Path) -> None:
    """y[k+1] = 0.99 y[k] + 0.1 u[k] from a level of its own in each record, noise of 0.02."""
    rng = np.random.default_rng(0)
    for name, level in (("a", 4.0), ("b", -3.0), ("test", 6.0)):
        u = rng.standard_normal(300)
        y = np.full(300, level)
        for k in range(299):
            y[k + 1] = 0.99 * y[k] + 0.1 * u[k]
        table = np.stack([u, y + 0.02 * rng.standard_normal(300)], axis=1)
        np.savetxt(tmp_path / f"{name}.csv", table, delimiter=",", header="u,y", comments="")
    ours, naive = error_from("", tmp_path), error_from("initial = zero", tmp_path)
    assert ours < 0.03
    assert naive > 10 * ours


class _Waves(StateLayer):
    """x[k+1] = x[k],  y[k] = (sin 3 x[k], x[k] / 10): from most guesses the search ends at another wave."""

    def __init__(self) -> None:
        super().__init__()
        self.states = 1

    def step(self, x: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
        return x, torch.cat([torch.sin(3 * x), x / 10], dim=-1)


def test_a_start_that_is_far_from_the_mean_is_found_from_the_states_seen_in_training() -> None:
    true = torch.tensor([[3.7]], dtype=torch.float64)
    u = torch.zeros(1, 6, 1, dtype=torch.float64)
    y = torch.cat([torch.sin(3 * true), true / 10], dim=1)[:, None].expand(1, 6, 2)
    mean, covariance = torch.zeros(1, dtype=torch.float64), torch.full((1, 1), 9.0, dtype=torch.float64)
    noise = torch.tensor(1e-3, dtype=torch.float64)
    cloud = torch.tensor([[-3.5], [-1.5], [1.2], [3.4]], dtype=torch.float64)
    alone, several = (estimate_start(_Waves(), u, y, mean, covariance, noise, tries) for tries in (cloud[:0], cloud))
    torch.testing.assert_close(several, true, rtol=0, atol=0.1)
    assert float((alone - true).abs()) > 0.5
