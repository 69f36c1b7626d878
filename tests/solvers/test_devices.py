"""Second-order training on a GPU is that on the processor, up to rounding."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch

from sysidc.runtime.nn import Chain
from sysidc.runtime.solvers.levenberg_marquardt import LevenbergMarquardt
from sysidc.runtime.solvers.simulation_problem import Records, SimulationProblem
from tests.solvers.chains import KNOWN, blocks, network, polynomial, shaken

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no GPU here")


def fitted(chain: Chain, u: torch.Tensor, y: torch.Tensor, device: str) -> list[float]:
    """Costs of five iterations."""
    own = copy.deepcopy(chain).to(device)
    record = Records(u.to(device), y[:, :KNOWN].to(device), y[:, KNOWN:].to(device), 0)
    problem = SimulationProblem(own, [record], 1.0)
    optimizer = LevenbergMarquardt(problem.parameters.values())
    return [optimizer.step(lambda: problem) for _ in range(5)]


@pytest.mark.parametrize("build", [blocks, network, polynomial])
@pytest.mark.parametrize("initial", ["washout", "encoder", "estimate"])
def test_second_order_training_is_the_same_on_a_gpu(build: Callable[[str], Chain], initial: str) -> None:
    torch.manual_seed(4)
    chain = shaken(build(initial), 0.05)
    u = torch.randn(2, 300, len(chain.input_channels)).double()
    with torch.no_grad():
        y = chain.simulate(u, torch.zeros(2, chain.states).double())
    shaken(chain, 0.02)
    assert fitted(chain, u, y, "cuda") == pytest.approx(fitted(chain, u, y, "cpu"), rel=1e-4)
