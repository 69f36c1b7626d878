"""Residual analysis agrees with scipy and with what is known of white and coloured noise."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import signal, stats
from torch.testing import assert_close

from sysidc.runtime.data.record import Array
from sysidc.runtime.runs.analysis import autocorrelation, coverage, cross_correlation, ljung_box, spectrum
from sysidc.runtime.runs.linear_part import linear_parts

LAGS = 25


def equal(one: object, other: object, **tolerances: float) -> None:
    assert_close(torch.as_tensor(np.asarray(one)), torch.as_tensor(np.asarray(other)), **tolerances)  # type: ignore[arg-type]


def noise(seed: int, steps: int = 2000) -> Array:
    return np.random.default_rng(seed).normal(size=steps)


def coloured(values: Array, pole: float = 0.9) -> Array:
    """x[k+1] = pole x[k] + e[k]"""
    return np.asarray(signal.lfilter([1.0], [1.0, -pole], values))


def by_definition(one: Array, other: Array, lag: int) -> float:
    one, other = one - one.mean(), other - other.mean()
    shifted = one[lag:] @ other[: len(other) - lag] if lag >= 0 else one[:lag] @ other[-lag:]
    return float(shifted / len(one) / np.sqrt((one @ one / len(one)) * (other @ other / len(other))))


def test_autocorrelation_is_the_sum_of_its_definition() -> None:
    values = coloured(noise(0, 301))
    found = autocorrelation(values, LAGS)
    equal(found.values, [by_definition(values, values, lag) for lag in range(1, LAGS + 1)])


def test_cross_correlation_is_the_sum_of_its_definition_at_both_signs() -> None:
    one, other = coloured(noise(1, 300)), noise(2, 300)
    found = cross_correlation(one, other, LAGS)
    equal(found.values, [by_definition(one, other, int(lag)) for lag in found.lags])


def test_a_late_response_shows_at_a_positive_lag() -> None:
    u = noise(3)
    error = np.concatenate([np.zeros(7), u[:-7]])
    found = cross_correlation(error, u, LAGS)
    assert found.lags[np.abs(found.values).argmax()] == 7


def test_white_noise_stays_in_its_band_at_99_of_100_lags() -> None:
    outside = sum(autocorrelation(noise(seed), LAGS).outside for seed in range(400))
    assert 0.006 < outside / (400 * LAGS) < 0.014


@pytest.mark.parametrize(("pole_e", "pole_u"), [(0.0, 0.0), (0.9, 0.0), (0.9, 0.9)], ids=["white", "one", "both"])
def test_independent_signals_stay_in_their_band_whatever_their_colour(pole_e: float, pole_u: float) -> None:
    outside = [
        cross_correlation(coloured(noise(seed), pole_e), coloured(noise(1000 + seed), pole_u), LAGS).outside
        for seed in range(400)
    ]
    assert 0.003 < np.mean(outside) / (2 * LAGS + 1) < 0.025


def test_a_coloured_residual_is_told_from_white_noise() -> None:
    assert autocorrelation(coloured(noise(4), 0.5), LAGS).outside >= 3
    assert ljung_box(coloured(noise(4), 0.5), LAGS) < 1e-6


def test_ljung_box_is_uniform_for_white_noise_and_agrees_with_the_chi_square_of_scipy() -> None:
    values = noise(5, 500)
    steps = len(values)
    r = np.array([by_definition(values, values, lag) for lag in range(1, LAGS + 1)])
    q = steps * (steps + 2) * np.sum(r**2 / (steps - np.arange(1, LAGS + 1)))
    equal(ljung_box(values, LAGS), stats.chi2.sf(q, LAGS))
    assert stats.kstest([ljung_box(noise(seed), LAGS) for seed in range(300)], "uniform").pvalue > 1e-3


@pytest.mark.parametrize("steps", [999, 1000])
def test_the_spectrum_is_that_of_scipy(steps: int) -> None:
    values = coloured(noise(6, steps))
    frequencies, density = spectrum(values, 0.02)
    length = 2 * steps // 9
    expected = signal.welch(values, 50.0, "hann", length, noverlap=length - length // 2)
    equal(frequencies, expected[0][1:])
    equal(density, np.sqrt(expected[1][1:]), rtol=1e-9, atol=1e-12)


def test_a_residual_that_never_moves_has_no_correlation() -> None:
    assert (
        autocorrelation(np.zeros(200), LAGS).outside
        == cross_correlation(np.zeros(200), noise(7, 200), LAGS).outside
        == 0
    )


def test_coverage_counts_the_measurements_between_the_bounds() -> None:
    measured = np.array([0.0, 1.0, 2.0, 3.0, np.nan])
    lower, upper = np.array([-1.0, 1.0, 2.5, np.nan, 0.0]), np.array([1.0, 3.0, 3.5, 9.0, 1.0])
    found = coverage(measured, lower, upper)
    assert found is not None and found.steps == 3 and found.inside == pytest.approx(2 / 3)
    assert found.half_width == pytest.approx(2.5 / 3) and found.widest == 1.0
    assert coverage(measured, np.full(5, np.nan), upper) is None


def test_response_and_poles_of_the_linear_part_are_those_of_scipy() -> None:
    random = np.random.default_rng(8)
    A = np.diag([0.9, -0.5, 0.3]) + 0.05 * random.normal(size=(3, 3))
    B, C, D = random.normal(size=(3, 1)), random.normal(size=(1, 3)), random.normal(size=(1, 1))
    (part,) = linear_parts({"stack.0.A": A, "stack.0.B": B, "stack.0.C": C, "stack.0.D": D, "stack.1.weight": A})
    cycles = np.array([0.001, 0.1, 0.4])
    numerator, denominator = signal.ss2tf(A, B, C, D)
    z = np.exp(2j * np.pi * cycles)
    equal(part.response(cycles)[:, 0, 0], np.polyval(numerator[0], z) / np.polyval(denominator, z))
    equal(np.sort_complex(part.poles.astype(complex)), np.sort_complex(np.roots(denominator).astype(complex)))


@pytest.mark.parametrize("B", [np.zeros(3), np.zeros((2, 1))], ids=["one-axis", "wrong-size"])
def test_matrices_that_do_not_fit_together_are_no_linear_part(B: Array) -> None:
    assert linear_parts({"a.A": np.eye(3), "a.B": B, "a.C": np.ones((1, 3))}) == []
