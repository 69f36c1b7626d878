"""How far a simulation is off because its parameters are known only so well."""

from __future__ import annotations

import torch
from torch import Tensor

from sysidc.runtime.solvers.simulation_problem import Records, SimulationProblem


def half_widths(problem: SimulationProblem, item: Records, root: Tensor) -> Tensor:
    """Standard deviations (batch, steps, p) of the simulated outputs, sqrt(diag(J C J')) with J = dy/dtheta.

    root (parameters, rank) is a factor of the parameters' covariance C = root root'. The noise of a measurement comes
    on top of this. Source: Ljung, System Identification, 2nd ed. (1999), section 9.6.
    """
    rows = problem.slopes(item)
    if not rows:
        return torch.full_like(item.y[:, item.skipped :], torch.nan)
    return torch.cat([(J @ root).square().sum(dim=-1).sqrt() for _, J in rows], dim=1)
