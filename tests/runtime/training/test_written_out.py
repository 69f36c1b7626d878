"""Written-out derivatives are autograd's to the last bit, and step aside where something else is asked of a step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from sysidc.runtime.bounded.kernels import epanechnikov
from sysidc.runtime.nn import GRU, Flatten, ResidualConnectionWrapper
from sysidc.runtime.training import BoundedSimulationTrainingModule, LightningSimulationTrainingModule
from sysidc.runtime.training.step import TrainingModule
from sysidc.runtime.training.written_out import written_out

WINDOWS, TIME, CHANNELS, OUTPUTS = 32, 8, 2, 3
LAYERS: dict[str, Callable[[], list[nn.Module]]] = {
    "linear": lambda: [nn.Linear(TIME * CHANNELS, OUTPUTS)],
    "without bias": lambda: [nn.Linear(TIME * CHANNELS, 6, bias=False), nn.Tanh(), nn.Linear(6, OUTPUTS, bias=False)],
    "wide": lambda: [nn.Linear(TIME * CHANNELS, 128), nn.ReLU(), nn.Linear(128, 64), nn.GELU(), nn.Linear(64, OUTPUTS)],
    "residual": lambda: [
        nn.Linear(TIME * CHANNELS, 6),
        ResidualConnectionWrapper(nn.Sequential(nn.Linear(6, 5), nn.SiLU(), nn.Linear(5, 6))),
        nn.Linear(6, OUTPUTS),
    ],
}
LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "mse_loss": nn.functional.mse_loss,
    "MSELoss": nn.MSELoss(),
    "sum of squares": nn.MSELoss(reduction="sum"),
    "L1Loss": nn.L1Loss(),
    "HuberLoss": nn.HuberLoss(delta=0.1),
}


def drawn(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def batch(outputs: int = OUTPUTS, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    return drawn(WINDOWS, TIME, CHANNELS, dtype=dtype), drawn(WINDOWS, 1, outputs, seed=1, dtype=dtype)


def simulation(layers: list[nn.Module], **settings: Any) -> LightningSimulationTrainingModule:
    return LightningSimulationTrainingModule(nn.Sequential(Flatten(), *layers), **settings)


def learning(module: TrainingModule) -> list[nn.Parameter]:
    return [parameter for parameter in module.parameters() if parameter.requires_grad]


def assert_the_same(module: TrainingModule, given: tuple[Tensor, ...]) -> None:
    quick = written_out(module, given, learning(module))
    assert quick is not None
    quick(given)  # what an earlier batch left behind does not count
    found, gradients = quick(given), [parameter.grad for parameter in learning(module)]
    loss = module.training_loss(given)
    expected = torch.autograd.grad(loss, learning(module))
    torch.testing.assert_close(found, loss.detach(), rtol=0, atol=0)
    torch.testing.assert_close(gradients, list(expected), rtol=0, atol=0)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("layers", LAYERS)
def test_loss_and_gradients_are_autograds_to_the_last_bit(layers: str, loss: str) -> None:
    torch.manual_seed(0)
    assert_the_same(simulation(LAYERS[layers](), loss=LOSSES[loss]), batch())
    assert_the_same(simulation(LAYERS[layers](), loss=LOSSES[loss]).double(), batch(dtype=torch.float64))


@pytest.mark.parametrize("hold", [False, True], ids=["free", "held"])
@pytest.mark.parametrize("penalty", [0.0, 0.3], ids=["no penalty", "penalty"])
def test_a_held_output_and_its_penalty_have_autograds_gradients(hold: bool, penalty: float) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(Flatten(), nn.Linear(TIME * CHANNELS, 8), nn.Tanh(), nn.Linear(8, 1))
    module = BoundedSimulationTrainingModule(
        network, kernel=epanechnikov, bandwidth=1.0, lipschitz=0.1, delta=0.1, noise=0.05, neighbours=4,
        bound_during_training=hold, bound_crossing_penalty=penalty,
    )  # fmt: skip
    x, y = batch(outputs=1)
    lower, upper = y - 0.2, y + 0.1
    inside = (network(x) > lower) & (network(x) < upper)
    assert 0 < inside.sum() < WINDOWS
    assert_the_same(module, (x, y, lower, upper))


def test_the_gradients_are_those_of_finite_differences() -> None:
    torch.manual_seed(0)
    module, given = simulation(LAYERS["residual"](), loss=nn.HuberLoss()).double(), batch(dtype=torch.float64)
    quick = written_out(module, given, learning(module))
    assert quick is not None
    quick(given)
    with torch.no_grad():
        for parameter in learning(module):
            assert parameter.grad is not None
            weight, slope, step = parameter.flatten(), float(parameter.grad.flatten()[0]), 1e-6
            ahead, behind = (float(_moved(quick, given, weight, sign * step)) for sign in (1, -1))
            assert slope == pytest.approx((ahead - behind) / (2 * step), rel=1e-5, abs=1e-8)


def _moved(
    quick: Callable[[tuple[Tensor, ...]], Tensor], given: tuple[Tensor, ...], weight: Tensor, by: float
) -> Tensor:
    before = weight[0].clone()
    weight[0] += by
    loss = quick(given)
    weight[0] = before
    return loss


class Doubled(LightningSimulationTrainingModule):
    def compare(self, batch: Any) -> tuple[Tensor, Tensor]:
        prediction, target = super().compare(batch)
        return 2 * prediction, target


def watched() -> TrainingModule:
    module = simulation(LAYERS["linear"]())
    next(module.module.children()).register_forward_hook(lambda *_: None)
    return module


def awaited() -> TrainingModule:
    module = simulation(LAYERS["linear"]())
    learning(module)[0].register_hook(lambda gradient: gradient)  # type: ignore[no-untyped-call]
    return module


def shared() -> TrainingModule:
    twice = nn.Linear(16, 16)
    return simulation([twice, nn.Tanh(), twice, nn.Linear(16, OUTPUTS)])


def frozen() -> TrainingModule:
    module = simulation(LAYERS["wide"]())
    learning(module)[0].requires_grad_(False)
    return module


ASIDE: dict[str, Callable[[], TrainingModule]] = {
    "a subclass that compares otherwise": lambda: Doubled(nn.Sequential(Flatten(), *LAYERS["linear"]())),
    "a hook of a layer": watched,
    "a hook of a weight": awaited,
    "a weight used twice": shared,
    "a frozen weight": frozen,
    "another precision": lambda: simulation(LAYERS["linear"]()).double(),
    "another layer": lambda: simulation([nn.Linear(16, 16), nn.Dropout(0.5), nn.Linear(16, OUTPUTS)]),
    "a recurrence": lambda: LightningSimulationTrainingModule(nn.Sequential(GRU(CHANNELS, 4), nn.Linear(4, OUTPUTS))),
}


@pytest.mark.parametrize("name", ASIDE)
def test_it_steps_aside_for(name: str) -> None:
    module = ASIDE[name]()
    assert written_out(module, batch(), learning(module)) is None


def test_it_steps_aside_under_autocast() -> None:
    module = simulation(LAYERS["linear"]())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert written_out(module, batch(), learning(module)) is None


def test_shapes_that_do_not_fit_are_refused_as_in_any_step() -> None:
    module = simulation(LAYERS["linear"]())
    given = batch(outputs=1)
    quick = written_out(module, given, learning(module))
    assert quick is not None
    with pytest.raises(ValueError, match="equal shapes"):
        quick(given)
