"""Linear prediction one step ahead: poles and error of the system that made the records."""

from __future__ import annotations

import numpy as np
import pytest

from sysidc.runtime.solvers.arx import arx
from sysidc.runtime.solvers.recurrence import Floats


def made(u: Floats, poles: tuple[float, float], noise: Floats) -> Floats:
    """y[k] = (p + q) y[k-1] - p q y[k-2] + u[k] - 0.5 u[k-1] + noise[k], outputs that drive each other."""
    p, q = poles
    y = np.zeros((len(u), 1))
    for k in range(2, len(u)):
        y[k] = (p + q) * y[k - 1] - p * q * y[k - 2] + u[k] - 0.5 * u[k - 1] + noise[k]
    return y


@pytest.mark.parametrize("poles", [(1.0, 0.8), (0.99, -0.4)])
def test_poles_and_error_are_those_of_the_system(poles: tuple[float, float]) -> None:
    rng = np.random.default_rng(0)
    records = []
    for size in (4_000, 3_000):
        u, e = rng.standard_normal((size, 1)), 0.1 * rng.standard_normal((size, 1))
        records.append((u, made(u, poles, e)))
    found = arx(records, 2)
    assert found is not None
    np.testing.assert_allclose(np.sort(found.poles().real), np.sort(poles), atol=6e-3)
    np.testing.assert_allclose(found.error, 0.1, rtol=0.03)


def test_two_outputs_have_the_poles_of_both() -> None:
    rng = np.random.default_rng(1)
    u = rng.standard_normal((2_000, 1))
    A = np.array([[0.9, 0.2], [0.0, 0.5]])
    y = np.zeros((2_000, 2))
    for k in range(len(u) - 1):
        y[k + 1] = A @ y[k] + u[k] + 0.05 * rng.standard_normal(2)
    found = arx([(u, y)], 1)
    assert found is not None
    np.testing.assert_allclose(np.sort(found.poles().real), [0.5, 0.9], atol=5e-3)


def test_a_record_with_fewer_than_two_samples_for_each_number_says_nothing() -> None:
    u = np.random.default_rng(0).standard_normal((26, 1))
    assert arx([(u, u)], 8) is None
    assert arx([(u[:5], u[:5])], 8) is None
