"""Models with innovations: trained one step ahead on measured outputs, simulated without them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import lightning.pytorch as pl
import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from sysidc.runtime.nn import Chain, Curve, LinearDynamics, PolynomialStateSpace, StateSpace
from sysidc.runtime.nn.one_step_ahead import OneStepAhead
from sysidc.runtime.nn.state import run
from sysidc.runtime.solvers.columns import Columns, Learned
from sysidc.runtime.solvers.levenberg_marquardt import LevenbergMarquardt
from sysidc.runtime.solvers.linearise import by_differentiation, differentiate
from sysidc.runtime.solvers.simulation_problem import SimulationProblem
from sysidc.runtime.training import LightningSimulationTrainingModule
from sysidc.runtime.training.second_order import by_simulation, records_of

KNOWN = 6


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(11)


def model(innovations: bool = True, initial: str = "zero", hidden: tuple[int, ...] = ()) -> Chain:
    layer = StateSpace(1, 1, 2, hidden, innovations=innovations, initial=initial)
    return Chain({"model": layer}, [0], [1], KNOWN, initial).double()


def shaken(chain: Chain) -> Chain:
    with torch.no_grad():
        for parameter in chain.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return chain


def noisy_system(steps: int = 600) -> tuple[Tensor, Tensor]:
    """x[k+1] = A x[k] + B u[k] + K e[k], y = C x + e: white e of 0.3 comes back through the state."""
    A = torch.tensor([[1.5, -0.7], [1.0, 0.0]]).double()
    B, C, K = (torch.tensor(values).double() for values in ([1.0, 0.0], [0.5, 0.3], [1.2, 0.8]))
    u, e = torch.randn(steps).double(), 0.3 * torch.randn(steps).double()
    x, y = torch.zeros(2).double(), []
    for k in range(steps):
        y.append(C @ x + e[k])
        x = A @ x + B * u[k] + K * e[k]
    return u[None, :, None], torch.stack(y)[None, :, None]


def batch_of(u: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """The stack's input, whose first steps know y, and the outputs after them."""
    shown = torch.zeros_like(y)
    shown[:, :KNOWN] = y[:, :KNOWN]
    return torch.cat([u, shown], dim=2), y[:, KNOWN:]


def fitted(chain: Chain, batch: tuple[Tensor, Tensor], iterations: int = 40) -> SimulationProblem:
    problem = by_simulation(chain, [batch])
    optimizer = LevenbergMarquardt(problem.parameters.values())
    for _ in range(iterations):
        optimizer.step(lambda: problem)
    return problem


def one_step_error(chain: Chain, batch: tuple[Tensor, Tensor]) -> float:
    with torch.no_grad():
        return float((OneStepAhead(chain)(*batch) - batch[1]).square().mean().sqrt())


def test_process_noise_is_predicted_down_to_what_is_new_in_it() -> None:
    batch, unseen = batch_of(*noisy_system()), batch_of(*noisy_system())
    chain, output_error = model(), model(innovations=False)
    problem = fitted(output_error, batch)
    chain.load_state_dict({**chain.state_dict(), **output_error.state_dict()})
    fitted(chain, batch)
    assert one_step_error(chain, unseen) == pytest.approx(0.3, rel=0.1)
    assert (problem.squared_error() / problem.samples) ** 0.5 > 0.5


def test_the_noise_gain_is_found() -> None:
    """Whatever the coordinates: C A K and C A A K, the answers of the output to an error, are those of the system."""
    chain = model()
    fitted(chain, batch_of(*noisy_system(4000)), 60)
    layer: StateSpace = chain[0]  # type: ignore[assignment]
    A, C, K = (value.detach() for value in (layer.A, layer.C, layer.K))  # type: ignore[union-attr]
    torch.testing.assert_close((C @ A @ K).item(), 0.5 * 1.2 + 0.3 * 0.8, rtol=0.1, atol=0)
    torch.testing.assert_close((C @ A @ A @ K).item(), 0.5 * (1.5 * 1.2 - 0.7 * 0.8) + 0.3 * 1.2, rtol=0.1, atol=0)


def polynomial() -> Chain:
    layer = PolynomialStateSpace(1, 1, 2, 3, innovations=True)
    return Chain({"model": layer}, [0], [1], KNOWN).double()


@pytest.mark.parametrize("build", [model, lambda: model(hidden=(4,)), polynomial], ids=["linear", "network", "cubic"])
def test_a_free_run_is_one_without_errors(build: Callable[[], Chain]) -> None:
    chain = shaken(build())
    x, _ = batch_of(*noisy_system(40))
    u, _ = chain.parted(0.1 * x)
    with torch.no_grad():
        free = chain(0.1 * x)
        unmeasured = torch.cat([u, torch.zeros(1, 40, 2).double()], dim=2)
        ahead = run(OneStepAhead(chain), torch.zeros(1, 2).double(), unmeasured)[1]
    torch.testing.assert_close(ahead, free)


def test_an_error_corrects_the_state_that_the_equation_then_bends() -> None:
    """x[k+1] = A z + B u[k] + b_x + V tanh(W [z u[k]] + b),  z = x[k] + K (y[k] - C x[k] - D u[k] - b_y)."""
    chain = shaken(model(hidden=(4,)))
    x, y = batch_of(*noisy_system(40))
    A, B, C, D, b_x, b_y, K = (chain.state_dict()[f"model.{name}"] for name in ("A", "B", "C", "D", "b_x", "b_y", "K"))
    W, b, V = (chain.state_dict()[f"model.f.{name}"] for name in ("0.weight", "0.bias", "2.weight"))
    state, outputs = torch.zeros(2).double(), []
    for k in range(40):
        u, measured = x[0, k, :1], x[0, k, 1:] if k < KNOWN else y[0, k - KNOWN]
        outputs.append(C @ state + D @ u + b_y)
        z = state + K @ (measured - outputs[-1])
        state = A @ z + B @ u + b_x + V @ (W @ torch.cat([z, u]) + b).tanh()
    with torch.no_grad():
        torch.testing.assert_close(OneStepAhead(chain)(x, y)[0], torch.stack(outputs[KNOWN:]))


def test_a_prediction_one_step_ahead_knows_nothing_of_the_step_itself() -> None:
    chain = shaken(model(hidden=(4,)))
    x, y = batch_of(*noisy_system(40))
    other = y.clone()
    other[:, 10:] += 1
    with torch.no_grad():
        one, two = OneStepAhead(chain)(x, y), OneStepAhead(chain)(x, other)
    torch.testing.assert_close(one[:, :11], two[:, :11])
    assert not torch.allclose(one[:, 11], two[:, 11])


def behind_a_curve() -> Chain:
    modules = {
        "first": LinearDynamics(1, 1, 2),
        "curve": Curve(1, "Polynomial", degree=2),
        "last": StateSpace(1, 1, 2, (3,), (3,), innovations=True),
    }
    return Chain(modules, [0], [1], KNOWN).double()


BUILD: dict[str, Callable[[], Chain]] = {
    "zero": model,
    "encoder": partial(model, initial="encoder"),
    "network": partial(model, hidden=(3,)),
    "behind a curve": behind_a_curve,
    "polynomial": polynomial,
}


@pytest.mark.parametrize("name", BUILD)
def test_the_gradient_is_that_of_finite_differences(name: str) -> None:
    chain = shaken(BUILD[name]())
    x, y = batch_of(*noisy_system(60))
    problem = by_simulation(chain, [(0.1 * x, 0.1 * y)])
    gradient = -2 * problem.normal_equations().g
    first = 0
    for value in problem.parameters.values():
        flat = value.detach().view(-1)
        before = flat[0].item()
        costs = []
        for moved in (1e-5, -1e-5):
            flat[0] = before + moved
            costs.append(problem.cost())
        flat[0] = before
        wanted = torch.tensor((costs[0] - costs[1]) / 2e-5).double()
        torch.testing.assert_close(gradient[first], wanted, rtol=1e-5, atol=1e-5)
        first += value.numel()


@pytest.mark.parametrize("first_order", [True, False], ids=["Adam", "LevenbergMarquardt"])
def test_a_training_learns_one_step_ahead_and_validates_in_free_run(first_order: bool) -> None:
    chain = model()
    x, y = batch_of(*noisy_system(200))
    make = partial(torch.optim.Adam, lr=1e-3) if first_order else LevenbergMarquardt
    module = LightningSimulationTrainingModule(chain, make, second_order=not first_order)
    trainer = pl.Trainer(
        max_epochs=2,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        inference_mode=False,
    )
    batches = DataLoader(TensorDataset(x, y), 1)
    training = batches if first_order else DataLoader([[(x, y)]], batch_size=None)  # type: ignore[arg-type]
    before = one_step_error(chain, (x, y)) ** 2
    with torch.no_grad():
        free = float((chain(x)[:, KNOWN:] - y).square().mean())
    module.train()
    torch.testing.assert_close(module.training_loss((x, y)).item(), before)
    module.eval()
    torch.testing.assert_close(module.validation_step((x, y), 0).item(), free)
    trainer.fit(module.train(), training, batches)
    assert one_step_error(chain, (x, y)) ** 2 < before
    with torch.no_grad():
        free = float((chain(x)[:, KNOWN:] - y).square().mean())
    assert float(trainer.callback_metrics["val_loss"]) == pytest.approx(free, rel=1e-6)


def test_between_the_known_steps_and_the_window_there_is_no_error() -> None:
    """u[60], y[6] -> y[40] leaves 14 steps unmeasured."""
    chain = model()
    u, y = noisy_system(60)
    x, _ = batch_of(u, y)
    item = records_of(chain, (x, y[:, 20:]))
    seen = OneStepAhead(chain).seen(item.u, item.known, item.y)
    assert seen[0, :, 2].tolist() == [1.0] * KNOWN + [0.0] * 14 + [1.0] * 40
    torch.testing.assert_close(seen[:, KNOWN:20, 1], torch.zeros(1, 14).double())


@pytest.mark.parametrize("build", BUILD.values(), ids=BUILD)
def test_derivatives_of_one_step_are_those_of_automatic_differentiation(build: Callable[[], Chain]) -> None:
    ahead = OneStepAhead(shaken(build()))
    x, seen = torch.randn(5, ahead.states).double(), torch.randn(5, 3).double()
    seen[:, 2] = torch.tensor([1.0, 0.0, 1.0, 1.0, 0.0])
    learned = Learned(ahead, [name for name, _ in ahead.named_parameters()])
    with torch.no_grad():
        found, wanted = (
            way(ahead, x, seen, Columns(learned, torch.zeros(5, ahead.states, learned.count).double()))
            for way in (differentiate, by_differentiation)
        )
    for one, other in zip(found[0], wanted[0], strict=True):
        torch.testing.assert_close(one.expand_as(other), other)
    torch.testing.assert_close(*(columns.values for _, columns in (found, wanted) if columns is not None))
