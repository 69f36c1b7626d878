"""Numbers that data were made from are found again, and their standard errors tell how well.

With SYSIDC_NIGHTLY set, forty seeds for every generator; else two of the quick ones.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from sysidc.runtime.nn import Chain, Equations
from sysidc.runtime.solvers.levenberg_marquardt import LevenbergMarquardt
from sysidc.runtime.solvers.simulation_problem import Records, SimulationProblem
from sysidc.runtime.solvers.standard_errors import Estimate, knowledge
from tests.dynamics.blocks import arguments_of
from tests.dynamics.test_systems_in_the_language import equations

NIGHTLY = "SYSIDC_NIGHTLY" in os.environ
SEEDS = 40 if NIGHTLY else 2
NOISE = 0.01
# Samples, and the size of the input; a chaotic record must be short.
RECORDS = {
    "lorenz": (150, 0.0),
    "duffing": (400, 0.05),
    "cascaded_tanks": (400, 0.0),
    "wiener_hammerstein": (400, 1.0),
    "bouc_wen": (300, 100.0),
}
QUICK = ("lorenz", "wiener_hammerstein")
# What a record hardly tells: of beta, gamma and delta only beta * gamma and beta * delta matter; both tanks have about
# the same time constant, so that which of them is the faster is told to second order only, unless the pump is known;
# and what a tank spills is seen where it overflows.
HELD = {"bouc_wen": ("beta",), "cascaded_tanks": ("k4", "spill")}
# A pump fills and never drains: steps between these levels, which keep the tanks wet and below the brim.
PUMP, HOLD = (2.0, 5.0), 20


@pytest.fixture(autouse=True)
def float64() -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


def fitted(layer: Equations, u: torch.Tensor, y: torch.Tensor, epochs: int = 25) -> SimulationProblem:
    """The layer fitted to y (time, outputs), from its declared start."""
    chain = Chain({"equations": layer}, range(u.shape[1]))
    records = Records(u[None], y[None, :0], y[None], 0)
    problem = SimulationProblem(chain, [records], NOISE**2)
    learned = [raw for raw in layer.parameters() if raw.requires_grad]
    optimizer = LevenbergMarquardt(learned, damping=1e-2)
    for _ in range(epochs):
        optimizer.step(lambda: problem)
        if optimizer.gain < 1e-9:
            break
    return problem


def excitation(name: str, inputs: int, generator: torch.Generator) -> Tensor:
    """u (samples, inputs)."""
    samples, amplitude = RECORDS[name]
    if name != "cascaded_tanks":
        return amplitude * torch.randn(samples, inputs, generator=generator)
    low, high = PUMP
    levels = low + (high - low) * torch.rand(samples // HOLD, inputs, generator=generator)
    return levels.repeat_interleave(HOLD, dim=0)


def found_again(name: str, seed: int) -> list[tuple[Estimate, float]]:
    """Estimates with the numbers that the data were made from, which the search begins 5 % beside."""
    generator = torch.Generator().manual_seed(seed)
    layer = equations(name)
    inputs = layer.input_shift.numel()
    u = excitation(name, inputs, generator)
    true = layer.values()
    with torch.no_grad():
        clean = layer(u[None])[0]
        noisy = clean + NOISE * clean.std(dim=0) * torch.randn(clean.shape, generator=generator)
        for number in layer.numbers.names:
            raw, moved = layer.numbers.get_parameter(f"raw_{number}"), 0.05 * torch.randn(1, generator=generator)
            if number in HELD.get(name, ()):
                raw.requires_grad_(False)
            else:
                raw.add_(moved)
    layer.in_units_of(u.new_zeros(inputs), u.new_ones(inputs), clean.mean(dim=0), clean.std(dim=0))
    problem = fitted(layer, u, (noisy - clean.mean(dim=0)) / clean.std(dim=0))
    return [(estimate, true[estimate.name]) for estimate in knowledge(problem).estimates]


@pytest.mark.parametrize("name", RECORDS if NIGHTLY else QUICK)
def test_numbers_are_found_again_within_three_standard_errors(name: str) -> None:
    found = 0
    for seed in range(SEEDS):
        rows = found_again(name, seed)
        assert all(estimate.error < torch.inf for estimate, _ in rows), "every number is determined"
        found += all(abs(estimate.value - true) <= 3 * estimate.error for estimate, true in rows)
    assert found >= 0.95 * SEEDS


def test_standard_errors_are_the_scatter_of_repeated_estimates() -> None:
    body = "state x = 1  learn a = 0.8 in 0 .. 1  learn b = 0.5  next(x) = a * x + b * u  y = x"
    generator = torch.Generator().manual_seed(1)
    u = torch.randn(80, 1, generator=generator)
    values, errors = [], []
    for _ in range(40):
        layer = Equations(**arguments_of(body))
        with torch.no_grad():
            y = layer(u[None])[0] + 0.1 * torch.randn(80, 1, generator=generator)
        estimates = knowledge(fitted(layer, u, y, epochs=6)).estimates
        values.append([estimate.value for estimate in estimates])
        errors.append([estimate.error for estimate in estimates])
    scatter, told = torch.tensor(values).std(dim=0), torch.tensor(errors).mean(dim=0)
    torch.testing.assert_close(told, scatter, rtol=0.3, atol=0)


COMBINED = {
    "product": ("learn b = 0.5  learn c = 2", "b * c * u", "b * c"),
    "ratio": ("learn b = 0.5 in 0 .. 4  learn c = 2", "b / c * u", "b / c"),
    "sum": ("learn b = 0.5  learn c = 2 in 0 .. 4", "(b + c) * u", "b + c"),
    "difference": ("learn b = 0.5  learn c = 2", "(b - c) * u", "b - c"),
    "three": ("learn b = 0.5  learn c = 2  learn d = -3", "b / c * d * u", "b / c * d"),
    "neither": ("learn b = 0.5  learn c = 2", "(b + c ** 2) * u", ""),
}


@pytest.mark.parametrize(("learn", "term", "form"), COMBINED.values(), ids=COMBINED)
def test_numbers_that_only_matter_together_are_named_with_what_they_make(learn: str, term: str, form: str) -> None:
    body = f"state x = 1  learn a = 0.8 in 0 .. 1  {learn}  next(x) = a * x + {term}  y = x"
    layer, u = Equations(**arguments_of(body)), torch.randn(60, 1, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        y = layer(u[None])[0] + 0.01 * torch.randn(60, 1, generator=torch.Generator().manual_seed(3))
    told = knowledge(fitted(layer, u, y, epochs=6))
    assert told.undetermined == (layer.numbers.names[1:],)
    assert told.forms == (form,)
    assert [estimate.error < 1 for estimate in told.estimates] == [True] + [False] * (len(told.estimates) - 1)
