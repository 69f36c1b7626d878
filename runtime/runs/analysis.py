"""What a residual tells: whiteness, cross-correlation with an input, spectrum; and how often a band held."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sysidc.runtime.data.record import Array

QUANTILE = 2.5758293035489004
"""Of the standard normal distribution: 99 % lie within +- this."""


@dataclass(frozen=True)
class Correlation:
    """`values[i]` at `lags[i]`; without any true correlation 99 % of them lie within +- `band`."""

    lags: Array
    values: Array
    band: float

    @property
    def outside(self) -> int:
        return int((np.abs(self.values) > self.band).sum())


def autocorrelation(residual: Array, most: int) -> Correlation:
    """r(lag) / r(0) of (steps,) for the lags 1 .. most. White noise of n samples has values of standard deviation
    1 / sqrt(n). Source: Ljung, System Identification, 2nd ed. (1999), sec. 16.6."""
    covariance = _covariance(residual, residual, most)[most:]
    values = covariance[1:] / covariance[0] if covariance[0] > 0 else np.zeros(most)
    return Correlation(np.arange(1, most + 1), values, QUANTILE / math.sqrt(len(residual)))


def cross_correlation(residual: Array, signal: Array, most: int) -> Correlation:
    """r_eu(lag) = mean e[k + lag] u[k], scaled by both standard deviations, for the lags -most .. most.

    Lags >= 0 ask whether the residual still follows from the past of the input. For independent e and u the variance is
    sum over k of r_e[k] r_u[k] / n, each scaled to 1 at 0 (Ljung 1999, sec. 16.6); the sum is taken under a Bartlett
    window of 2 sqrt(n) lags, which keeps it positive.
    """
    steps = len(residual)
    spread = float(residual.std() * signal.std())
    values = _covariance(residual, signal, most) / spread if spread > 0 else np.zeros(2 * most + 1)
    wide = min(steps - 1, max(most, round(2 * math.sqrt(steps))))
    product = _covariance(residual, residual, wide) * _covariance(signal, signal, wide)
    window = 1 - np.abs(np.arange(-wide, wide + 1)) / (wide + 1)
    variance = float((window * product).sum()) / spread**2 if spread > 0 else 1.0
    return Correlation(np.arange(-most, most + 1), values, QUANTILE * math.sqrt(max(variance, 0.0) / steps))


def _covariance(one: Array, other: Array, most: int) -> Array:
    """mean of one[k + lag] other[k], means removed, divisor n, for the lags -most .. most."""
    steps = len(one)
    size = 1 << (steps + most).bit_length()
    spectrum = np.fft.rfft(one - one.mean(), size) * np.conj(np.fft.rfft(other - other.mean(), size))
    circular = np.fft.irfft(spectrum, size)
    return np.concatenate([circular[size - most :], circular[: most + 1]]) / steps


def ljung_box(residual: Array, lags: int) -> float:
    """The probability of at least this much autocorrelation over `lags` lags in white noise.

    Q = n (n + 2) sum r(lag)^2 / (n - lag), chi-square with `lags` degrees of freedom.
    Source: Ljung, Box, Biometrika 65 (1978) 297-303.
    """
    from scipy.special import gammaincc

    steps = len(residual)
    found = autocorrelation(residual, lags)
    q = steps * (steps + 2) * float((found.values**2 / (steps - found.lags)).sum())
    return float(gammaincc(lags / 2, q / 2))


def spectrum(values: Array, sampling_time: float, pieces: int = 8, longest: int = 4096) -> tuple[Array, Array]:
    """(frequencies, amplitude density) of (steps,) by Welch's method: halves overlap, Hann window, means removed.

    At least `pieces` pieces, none longer than `longest` steps.
    The density is one-sided; its square integrates to the variance. Frequency 0 is left out.
    Source: Welch, IEEE Trans. Audio Electroacoustics 15 (1967) 70-73.
    """
    length = min(longest, max(2, 2 * len(values) // (pieces + 1)))
    starts = range(0, len(values) - length + 1, max(1, length // 2))
    window = 0.5 - 0.5 * np.cos(2 * math.pi * np.arange(length) / length)
    power = np.zeros(length // 2 + 1)
    for start in starts:
        piece = values[start : start + length]
        power += np.abs(np.fft.rfft((piece - piece.mean()) * window)) ** 2
    power *= 2 * sampling_time / (len(starts) * float((window**2).sum()))
    if length % 2 == 0:
        power[-1] /= 2
    return np.fft.rfftfreq(length, sampling_time)[1:], np.sqrt(power[1:])


@dataclass(frozen=True)
class Coverage:
    """The share of measurements inside a band, and the band's mean and largest half-width in their unit."""

    steps: int
    inside: float
    half_width: float
    widest: float


def coverage(measured: Array, lower: Array, upper: Array) -> Coverage | None:
    """Over the steps that have a band; None where there is none."""
    known = np.isfinite(measured) & np.isfinite(lower) & np.isfinite(upper)
    if not known.any():
        return None
    measured, lower, upper = measured[known], lower[known], upper[known]
    half = (upper - lower) / 2
    inside = float(((lower <= measured) & (measured <= upper)).mean())
    return Coverage(len(measured), inside, float(half.mean()), float(half.max()))
