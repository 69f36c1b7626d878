"""A model that answers inputs like those of its training with outputs of another size is told."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from sysidc.runtime.nn import Chain, PolynomialStateSpace
from sysidc.runtime.runs.backwards import LARGER, backwards, runs_away
from sysidc.runtime.solvers.simulation_problem import Records


def cubic(c: float) -> Chain:
    """x[k+1] = 0.5 x[k] + u[k] + c x[k]^3, y = x."""
    torch.manual_seed(0)
    layer = PolynomialStateSpace(inputs=1, outputs=1, states=1, degree=3)
    stack = Chain({"0": layer}, [0]).double()
    with torch.no_grad():
        for parameter in stack.parameters():
            parameter.zero_()
        layer.A.fill_(0.5)
        layer.B.fill_(1.0)
        layer.C.fill_(1.0)
        layer.E[0, 3] = c  # behind x^2, x u and u^2
    return stack


def record() -> Records:
    u = 0.5 * torch.sin(0.3 * torch.arange(200, dtype=torch.float64))[None, :, None]
    return Records(u, u[:, :0], torch.zeros(1, 200, 1), 0)


@pytest.mark.parametrize(("c", "away"), [(0.0, False), (-0.05, False), (0.15, True)])
def test_what_grows_without_bounds_runs_away(c: float, away: bool) -> None:
    seen = record()
    stack = cubic(c)
    with torch.no_grad():
        y = stack.simulate(seen.u, stack.start(seen.u, seen.known))[0]
    assert bool(y.isfinite().all()), "on the inputs of its training it does not"
    assert runs_away(stack, [seen], y.amin(dim=0), y.amax(dim=0)) == away


def test_inputs_backwards_keep_their_mean_and_grow_around_it() -> None:
    u = torch.tensor([[[1.0], [2.0], [6.0]]])
    expected: Tensor = 3 + LARGER * torch.tensor([[[3.0], [-1.0], [-2.0]]])
    torch.testing.assert_close(backwards(u), expected)
