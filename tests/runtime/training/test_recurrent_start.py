"""Recurrent cells start as the linear model of the records, and Levenberg-Marquardt bends them from there."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from sysidc.runtime.nn import GRU, LSTM, RNN, Chain
from sysidc.runtime.nn.recurrent import Recurrent
from sysidc.runtime.solvers.levenberg_marquardt import LevenbergMarquardt
from sysidc.runtime.solvers.simulation_problem import Records, SimulationProblem
from sysidc.runtime.training.linear_start import remember
from sysidc.runtime.training.starts import Starts

KNOWN = 10
CELLS: list[Callable[[int, int], Recurrent]] = [GRU, LSTM, RNN]


def record(size: int, bend: float) -> tuple[Tensor, Tensor]:
    """A resonance of radius 0.9 whose spring softens by `bend`; u and y (1, time, 1), away from zero mean."""
    u = 0.5 + np.random.default_rng(0).standard_normal(size)
    y, v = np.zeros(size), np.zeros(size)
    for k in range(size - 1):
        pull = 0.31 * (np.tanh(bend * y[k]) / bend if bend else y[k])
        y[k + 1] = y[k] + v[k]
        v[k + 1] = 0.5 * v[k] - pull + 0.3 * u[k]
    return torch.tensor(u)[None, :, None], torch.tensor(2.0 + y)[None, :, None]


def begun(cell: Callable[[int, int], Recurrent], bend: float, index: int = 0) -> tuple[Chain, list[Records], float]:
    """A chain at its start, the records, and their outputs' standard deviation."""
    torch.manual_seed(index)
    chain = Chain({"cells": cell(1, 4), "head": nn.Linear(4, 1)}, [0], [1], KNOWN, "estimate").double()
    u, y = record(400, bend)
    records = [Records(u, y[:, :KNOWN], y[:, KNOWN:], 0)]
    told = Starts(True, 10, 0).begin(chain, records, index)
    assert told.startswith("linear model of 3 states")
    remember(chain, records)
    return chain, records, float(y.std())


def missed(chain: Chain, records: list[Records]) -> float:
    problem = SimulationProblem(chain, records, 1.0)
    return float((problem.squared_error() / problem.samples) ** 0.5)


@pytest.mark.parametrize("index", [0, 1])
@pytest.mark.parametrize("cell", CELLS)
def test_cells_simulate_a_linear_system_as_it_is_before_any_training(
    cell: Callable[[int, int], Recurrent], index: int
) -> None:
    chain, records, spread = begun(cell, 0.0, index)
    assert missed(chain, records) < 0.1 * spread


@pytest.mark.parametrize("cell", CELLS)
def test_levenberg_marquardt_bends_the_cells_from_there(cell: Callable[[int, int], Recurrent]) -> None:
    chain, records, spread = begun(cell, 1.0)
    before = missed(chain, records)
    problem = SimulationProblem(chain, records, 1.0)
    optimizer = LevenbergMarquardt(chain.parameters())
    for _ in range(25):
        optimizer.step(lambda: problem)
    assert before > 0.3 * spread and missed(chain, records) < 0.1 * before
