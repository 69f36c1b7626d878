from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.integrate import solve_ivp
from scipy.signal import cheby1, cheby2, lfilter

from sysidc.compiler.catalogue.generators import EXCITATIONS, GENERATORS
from sysidc.runtime.data.errors import DataError
from sysidc.runtime.data.generators import generate

Vector = np.ndarray[Any, np.dtype[Any]]


def held(rhs: Callable[[Vector, float], list[float]], start: list[float], u: Vector, dt: float) -> Vector:
    """The solution at each sample by scipy, one integration per held input."""
    states = [np.array(start)]
    for value in u[:-1]:
        step = solve_ivp(lambda _, x, value=value: rhs(x, value), (0, dt), states[-1], rtol=1e-10, atol=1e-13)
        states.append(step.y[:, -1])
    return np.array(states)


def filtered(coefficients: Any, u: Vector) -> Vector:
    numerator, denominator = coefficients
    return np.asarray(lfilter(numerator, denominator, u))


def test_lorenz_follows_its_equations() -> None:
    made = generate("lorenz", {"samples": 200}, 0.01)
    x = np.stack([made[column] for column in "xyz"], axis=1)

    def rhs(s: Vector, _: float) -> list[float]:
        return [10 * (s[1] - s[0]), s[0] * (28 - s[2]) - s[1], s[0] * s[1] - 8 / 3 * s[2]]

    assert_allclose(x, held(rhs, x[0].tolist(), np.zeros(200), 0.01), atol=2e-3)


def test_duffing_follows_its_equation() -> None:
    dt = 1 / 610.35
    made = generate("duffing", {"samples": 300, "amplitude": 0.05}, dt)

    def rhs(s: Vector, u: float) -> list[float]:
        return [s[1], (u - 2.3e-4 * s[1] - s[0] - 4.2 * s[0] ** 3) / 5.3e-6]

    expected = held(rhs, [0.0, 0.0], made["u"], dt)[:, 0]
    assert_allclose(made["y"], expected, atol=1e-5 * np.abs(expected).max())


def test_bouc_wen_follows_its_equations() -> None:
    made = generate("bouc_wen", {"samples": 300}, 1 / 750)

    def rhs(s: Vector, u: float) -> list[float]:
        y, v, z = s
        return [v, (u - 10 * v - 5e4 * y - z) / 2, 5e4 * v - 1e3 * (0.8 * abs(v) * z - 1.1 * v * abs(z))]

    expected = held(rhs, [0.0, 0.0, 0.0], made["u"], 1 / 750)[:, 0]
    assert_allclose(made["y"], expected, atol=1e-4 * np.abs(expected).max())


def test_tanks_follow_their_equations_below_the_rim() -> None:
    made = generate("cascaded_tanks", {"samples": 150, "amplitude": 0.3, "offset": 2.5}, 4.0)
    start = np.random.Generator(np.random.PCG64(np.random.SeedSequence(0).spawn(3)[1])).uniform(3, 7, 2)

    def rhs(s: Vector, u: float) -> list[float]:
        return [0.03 * u - 0.05 * math.sqrt(s[0]), 0.05 * math.sqrt(s[0]) - 0.05 * math.sqrt(s[1])]

    expected = held(rhs, start.tolist(), made["u"], 4.0)[:, 1]
    assert expected.max() < 10
    assert_allclose(made["y"], expected, atol=1e-6)


def test_tanks_overflow_at_ten_volt() -> None:
    made = generate("cascaded_tanks", {"samples": 4000})
    assert made["y"].max() == 10 and made["y"].min() >= 0 and made["u"].min() >= 0


def test_wiener_hammerstein_is_two_filters_around_a_curve() -> None:
    made = generate("wiener_hammerstein", {"samples": 4000})
    between = filtered(cheby1(3, 0.5, 4400 / 25600), made["u"])
    bend = 0.05 * np.log1p(np.exp((between - 0.4) / 0.05)) - 0.05 * np.log1p(np.exp(-0.4 / 0.05))
    assert_allclose(made["y"], filtered(cheby2(3, 40, 5000 / 25600), between - 0.85 * bend), atol=1e-12)


@pytest.mark.parametrize("name", GENERATORS)
def test_seed_alone_decides_the_data(name: str) -> None:
    made = [generate(name, {"samples": 64, "seed": seed, "noise": 0.1}) for seed in (1, 1, 2)]
    assert tuple(made[0]) == GENERATORS[name].columns
    for column in made[0]:
        assert np.array_equal(made[0][column], made[1][column])
        assert not np.array_equal(made[0][column], made[2][column])
        assert made[0][column].shape == (64,)


@pytest.mark.parametrize("name", GENERATORS)
def test_noise_is_white_and_lies_on_the_outputs_alone(name: str) -> None:
    noisy = generate(name, {"samples": 2000, "noise": 0.5})
    clean = generate(name, {"samples": 2000, "noise": 0.5}, clean=True)
    quiet = generate(name, {"samples": 2000})
    for column in GENERATORS[name].columns:
        assert np.array_equal(clean[column], quiet[column])
    for column in GENERATORS[name].inputs:
        assert np.array_equal(noisy[column], quiet[column])
    for column in GENERATORS[name].outputs:
        assert 0.46 < (noisy[column] - quiet[column]).std() < 0.54


@pytest.mark.parametrize("excitation", EXCITATIONS)
def test_excitation_has_the_amplitude_asked_for(excitation: str) -> None:
    u = generate("duffing", {"samples": 4000, "excitation": excitation, "amplitude": 0.02})["u"]
    size = np.abs(u).max() if excitation == "steps" else np.sqrt(np.mean(u**2))
    assert 0.018 < size < 0.0205
    assert (len(np.unique(u)) == 2) == (excitation == "prbs")


def test_a_long_lorenz_record_takes_no_time() -> None:
    begin = time.perf_counter()
    made = generate("lorenz", {"samples": 20_000})
    assert time.perf_counter() - begin < 2
    assert np.abs(made["x"]).max() < 25 and made["z"].min() > 0


def test_a_simulation_that_diverges_is_told() -> None:
    with pytest.raises(DataError, match="leaves every bound"):
        generate("duffing", {"samples": 2000, "k3": -50.0, "amplitude": 1.0})
