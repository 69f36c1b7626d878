"""Every second start of a large state space is in coordinates in which no state hides behind another."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from sysidc.compiler.plan import Plan
from sysidc.runtime.data.modules import SpecDataModule
from sysidc.runtime.nn.chain import Chain
from sysidc.runtime.runs.candidate_fit import stack_of
from sysidc.runtime.solvers.levenberg_marquardt import LevenbergMarquardt
from sysidc.runtime.solvers.simulation_problem import SimulationProblem
from sysidc.runtime.training import starts
from sysidc.runtime.training.preparation import records_of_part, settle
from sysidc.runtime.training.starts import Starts
from tests.runtime.runs.bare_simulation import plan_of

HIDING = 'train = wiener_hammerstein(samples = 2_000, seed = 3)  test = "none.csv"'
"""A record whose linear model of six states has two directions that move 400 and 2,000 times less than the largest."""


def planned(folder: Path, states: int) -> Plan:
    (folder / "none.csv").write_text("u,y\n" + "0,0\n" * 50, encoding="utf-8")
    return plan_of(folder, HIDING, model=f"StateSpace(states = {states}, hidden = [8], output_hidden = [])")


def begun(plan: Plan, index: int, drawn: int = 0) -> tuple[SimulationProblem, str]:
    """The problem of a candidate at its start, its networks being those of candidate `drawn`."""
    data, stack = SpecDataModule(plan), stack_of(plan, drawn)
    assert isinstance(stack, Chain)
    records = records_of_part(data)
    told = Starts(True, 20, 0).begin(stack, records, index)
    settle(stack, data, prior=True)
    problem = SimulationProblem(stack, records, 1.0)
    problem.variance = problem.squared_error() / problem.samples
    return problem, told


def spread(problem: SimulationProblem) -> np.ndarray:
    """Eigenvalues of the covariance of the states, the least first."""
    problem.squared_error()
    states = problem.records[0].states
    assert states is not None
    return np.linalg.eigvalsh(torch.cov(states[0].T).double().numpy())


def test_the_second_start_is_the_same_linear_model_and_no_state_of_it_hides(tmp_path: Path) -> None:
    plan = planned(tmp_path, 6)
    (first, told), (second, levelled) = begun(plan, 0), begun(plan, 1)
    assert levelled == f"{told}, in levelled coordinates"
    assert second.variance == pytest.approx(first.variance, rel=1e-4)
    assert spread(first)[0] < 1e-3 * spread(first)[-1]
    assert spread(second)[0] > 9 * spread(first)[0] / spread(first)[-1] * spread(second)[-1]


def test_states_that_are_few_keep_their_coordinates(tmp_path: Path) -> None:
    plan = planned(tmp_path, starts.MANY - 1)
    assert begun(plan, 0)[1] == begun(plan, 1)[1]


def test_where_states_hide_networks_come_further_from_levelled_coordinates(tmp_path: Path) -> None:
    plan = planned(tmp_path, 6)
    reached = [[fitted(begun(plan, index, drawn)[0]) for drawn in range(3)] for index in (0, 1)]
    assert np.median(reached[1]) < 0.6 * np.median(reached[0])


def fitted(problem: SimulationProblem) -> float:
    """The squared error after twelve iterations, in that of the start."""
    optimizer = LevenbergMarquardt(problem.chain.parameters())
    for _ in range(12):
        optimizer.step(lambda: problem)
    return problem.squared_error() / problem.samples / problem.variance
