"""How the state at the start of a record is found acts: in training, in validation and in the free run of a test."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
import torch
from torch import Tensor, nn

from sysidc.runtime.nn import Chain, Correction, LinearDynamics
from sysidc.runtime.solvers.levenberg_marquardt import LevenbergMarquardt
from sysidc.runtime.solvers.simulation_problem import SimulationProblem
from sysidc.runtime.training import LightningSimulationTrainingModule
from sysidc.runtime.training.second_order import WASHOUT, by_simulation

KNOWN, WINDOW = 20, 60


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(2)


def oscillator(initial: str) -> LinearDynamics:
    """Lightly damped: what it starts from is felt for a hundred steps."""
    layer = LinearDynamics(1, 1, 2, initial)
    with torch.no_grad():
        layer.A.copy_(0.98 * torch.tensor([[0.9, 0.4359], [-0.4359, 0.9]]))
        layer.B.copy_(torch.tensor([[0.1], [0.0]]))
        layer.C.copy_(torch.tensor([[1.0, 0.5]]))
        layer.D.zero_()
    return layer


def chain_of(initial: str, layers: Mapping[str, nn.Module] | None = None, known: int = KNOWN) -> Chain:
    outputs = [1] if known else []
    return Chain(layers or {"system": oscillator(initial)}, [0], outputs, known, initial).double()


def windows(count: int = 40, known: int = KNOWN) -> tuple[Tensor, Tensor]:
    """u[60], y[20] -> y[40] of the oscillator, each window from a state of its own."""
    u = 0.2 * torch.randn(count, WINDOW, 1).double()
    with torch.no_grad():
        y = chain_of("zero").simulate(u, torch.randn(count, 2).double())
    shown = torch.zeros_like(y)
    shown[:, :known] = y[:, :known]
    return (torch.cat([u, shown], dim=2) if known else u), y[:, known:]


def error(chain: Chain, batch: tuple[Tensor, Tensor]) -> float:
    """As a test counts it: the free run over all that is predicted."""
    with torch.no_grad():
        return float((chain(batch[0])[:, -batch[1].shape[1] :] - batch[1]).square().mean().sqrt())


def stepped(problem: SimulationProblem, iterations: int) -> None:
    optimizer = LevenbergMarquardt(problem.parameters.values())
    for _ in range(iterations):
        optimizer.step(lambda: problem)


def learned_at_first_order(chain: Chain, batch: tuple[Tensor, Tensor], steps: int) -> None:
    module = LightningSimulationTrainingModule(chain).train()
    optimizer = torch.optim.AdamW([value for value in chain.parameters() if value.requires_grad], lr=2e-2)
    for _ in range(steps):
        optimizer.zero_grad()
        module.training_loss(batch).backward()  # type: ignore[no-untyped-call]
        optimizer.step()


@pytest.mark.parametrize(("order", "reached"), [("first", 0.2), ("second", 0.02)])
def test_an_encoder_learns_the_start_of_windows_that_it_has_not_seen(order: str, reached: float) -> None:
    """The system itself is known and held: only the start is learned."""
    chain, seen, unseen = chain_of("encoder"), windows(), windows()
    chain[0].requires_grad_(False)
    at_rest = error(chain_of("zero"), unseen)
    torch.testing.assert_close(error(chain, unseen), at_rest)
    if order == "first":
        learned_at_first_order(chain, seen, 60)
    else:
        stepped(by_simulation(chain, [seen]), 15)
    assert error(chain, unseen) < reached * at_rest


def test_an_encoder_and_its_system_learn_together() -> None:
    chain, seen, unseen = chain_of("encoder"), windows(), windows()
    with torch.no_grad():
        chain[0].A.mul_(0.95)  # type: ignore[operator]
    before = error(chain, unseen)
    stepped(by_simulation(chain, [seen]), 25)
    assert error(chain, unseen) < 0.05 * before


def test_an_estimate_needs_no_learning_and_is_that_of_the_known_steps() -> None:
    chain, (x, y) = chain_of("estimate"), windows()
    chain.remember(torch.randn(400, 2).double(), 1e-8)
    assert error(chain, (x, y)) < 1e-3 * error(chain_of("zero"), (x, y))
    x[:, KNOWN - 5 : KNOWN, 1] += 1.0
    assert error(chain, (x, y)) > 0.01


def test_washed_out_steps_count_for_no_error_in_either_kind_of_training_nor_in_validation() -> None:
    """From rest, with nothing known: the first quarter of a window, 50 steps at most, is left out."""
    chain = chain_of("washout", known=0)
    x, y = windows(known=0)
    other = y.clone()
    left_out = min(WASHOUT, WINDOW // 4)
    other[:, :left_out] += 100
    module = LightningSimulationTrainingModule(chain)
    for training in (True, False):
        module.train(training)
        losses = [nn.functional.mse_loss(*module.compare((x, target))) for target in (y, other)]
        torch.testing.assert_close(*losses)
    costs = [by_simulation(chain, [(x, target)]).squared_error() for target in (y, other)]
    assert costs[0] == costs[1]
    assert by_simulation(chain_of("zero", known=0), [(x, other)]).squared_error() > 1e4


def test_known_steps_wash_out_by_themselves() -> None:
    """With outputs on the left the run begins at rest before them, and all that is predicted counts."""
    chain, (x, y) = chain_of("washout"), windows()
    prediction, target = LightningSimulationTrainingModule(chain).compare((x, y))
    assert prediction.shape == target.shape == (40, WINDOW - KNOWN, 1)


@pytest.mark.parametrize("initial", ["estimate", "encoder"])
@pytest.mark.parametrize("still", ["zero", "washout"])
def test_a_layer_stays_at_rest_in_a_chain_that_does_not(initial: str, still: str) -> None:
    chain = chain_of(initial, {"first": oscillator(still), "second": oscillator(initial)})
    x, _ = windows()
    if initial == "encoder":
        with torch.no_grad():
            chain.encoder_line.normal_()
            chain.encoder_out.normal_()
    else:
        chain.remember(torch.randn(400, 4).double(), 1e-4)
    with torch.no_grad():
        start = chain.start(*chain.parted(x))
    torch.testing.assert_close(start[:, :2], torch.zeros(40, 2).double(), rtol=0, atol=0)
    assert (start[:, 2:].abs() > 1e-3).all()


def test_layers_under_one_correction_start_by_their_own_words() -> None:
    stack = nn.Sequential(oscillator("estimate"), oscillator("zero"))
    chain = chain_of("estimate", {"corrected": Correction(stack, 1, 1, 4, (3,))})
    assert chain.free.tolist() == [True, True, False, False]
    assert chain_of("zero", {"a": oscillator("zero")}).free.tolist() == [True, True]
