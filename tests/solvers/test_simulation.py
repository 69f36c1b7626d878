"""Simulating a record at once gives what the loop over its steps gives."""

from __future__ import annotations

import pytest
import torch

from sysidc.runtime.nn.state import run
from sysidc.runtime.solvers.linearise import by_differentiation, linearise
from sysidc.runtime.solvers.newton import newton, simulate
from sysidc.runtime.solvers.scan import linear_scan
from tests.solvers.chains import CHAINS, network, shaken


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(3)


def record(chain: torch.nn.Module, steps: int, batch: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    inputs = len(chain.input_channels)  # type: ignore[arg-type]
    states = int(chain.states)  # type: ignore[arg-type]
    return torch.randn(batch, states).double() * 0.1, torch.randn(batch, steps, inputs).double()


@pytest.mark.parametrize("steps", [1, 2, 17, 100])
def test_a_scan_is_the_recurrence(steps: int) -> None:
    A, b = torch.randn(2, steps, 3, 3).double() * 0.5, torch.randn(2, steps, 3, 4).double()
    S = [torch.randn(2, 3, 4).double()]
    for k in range(steps):
        S.append(A[:, k] @ S[-1] + b[:, k])
    torch.testing.assert_close(linear_scan(A, b, S[0]), torch.stack(S, dim=1))


@pytest.mark.parametrize("name", CHAINS)
def test_the_whole_record_at_once_is_the_loop(name: str) -> None:
    chain = shaken(CHAINS[name]())
    first, u = record(chain, 300)
    with torch.no_grad():
        states, y = run(chain, first, u)
    found = simulate(chain, first, u)
    torch.testing.assert_close(found[0], states)
    torch.testing.assert_close(found[1], y)


def test_the_states_of_a_neighbouring_model_do_not_change_the_answer() -> None:
    chain = shaken(network())
    first, u = record(chain, 300)
    plain = simulate(chain, first, u)
    guess = plain[0] + 0.1 * torch.randn_like(plain[0])
    torch.testing.assert_close(simulate(chain, first, u, guess), plain)


def test_where_newton_does_not_settle_the_loop_answers() -> None:
    """A chaotic map: no linearisation of the whole record leads to its states."""
    chain = shaken(network())
    with torch.no_grad():
        for parameter in chain.parameters():
            parameter.mul_(6.0)
        chain[0].A.mul_(0.02)  # type: ignore[operator]
    first, u = record(chain, 400, batch=1)
    assert newton(chain, first, u, None) is None
    with torch.no_grad():
        wanted = run(chain, first, u[:, :40])[1]
    torch.testing.assert_close(simulate(chain, first, u)[1][:, :40], wanted, rtol=1e-4, atol=1e-4)


def test_a_model_that_explodes_gives_no_numbers_and_no_error() -> None:
    chain = shaken(network())
    with torch.no_grad():
        chain[0].A.copy_(3 * torch.eye(3))  # type: ignore[operator]
    first, u = record(chain, 2000, batch=1)
    assert not simulate(chain, first, u)[1].isfinite().all()


@pytest.mark.parametrize("name", CHAINS)
def test_a_linearised_step_is_the_derivative_of_the_step(name: str) -> None:
    chain = shaken(CHAINS[name]())
    x, u = torch.randn(7, chain.states).double(), torch.randn(7, len(chain.input_channels)).double()
    for found, wanted in zip(linearise(chain, x, u), by_differentiation(chain, x, u)[0], strict=True):
        torch.testing.assert_close(found.expand_as(wanted), wanted)
