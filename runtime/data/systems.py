"""The equations behind the generators: from an input and the constants to the outputs without noise.

Every system is called as system(rng, u, dt, constants): u (samples,), dt in seconds; it returns outputs by column.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TypeAlias

import numpy as np

from sysidc.runtime.data.integrate import State, runge_kutta
from sysidc.runtime.data.record import Array

Constants: TypeAlias = Mapping[str, float]
Outputs: TypeAlias = dict[str, Array]

FULL = 10.0
LORENZ_BURN_IN = 20.0


def lorenz(rng: np.random.Generator, u: Array, dt: float, c: Constants) -> Outputs:
    """dx/dt = sigma (y - x),  dy/dt = x (rho - z) - y,  dz/dt = x y - beta z, after 20 s of burn-in.

    Source: Lorenz, Deterministic Nonperiodic Flow, J. Atmos. Sci. 20 (1963).
    """
    sigma, rho, beta = c["sigma"], c["rho"], c["beta"]

    def derivative(state: State, _: float) -> State:
        x, y, z = state
        return sigma * (y - x), x * (rho - z) - y, x * y - beta * z

    x, y, z = (float(value) for value in rng.standard_normal(3))
    burnt = runge_kutta(derivative, (x, y, z + rho), [0.0] * round(LORENZ_BURN_IN / 0.005), 0.005, 1)
    states = runge_kutta(derivative, tuple(burnt[-1].tolist()), u.tolist(), dt, substeps(dt, 0.004))
    return dict(zip("xyz", states.T, strict=True))


def duffing(rng: np.random.Generator, u: Array, dt: float, c: Constants) -> Outputs:
    """m y'' + d y' + k1 y + k3 y^3 = u, from rest.

    The default constants are near those of the Silverbox. Source: Wigren, Schoukens, Three free data sets for
    development and benchmarking in nonlinear system identification, ECC 2013.
    """
    m, d, k1, k3 = c["m"], c["d"], c["k1"], c["k3"]

    def derivative(state: State, force: float) -> State:
        y, v = state
        return v, (force - d * v - (k1 + k3 * y * y) * y) / m

    count = substeps(dt, 0.05 / math.sqrt(max(abs(k1), 1e-12) / m))
    return {"y": runge_kutta(derivative, (0.0, 0.0), u.tolist(), dt, count)[:, 0]}


def cascaded_tanks(rng: np.random.Generator, u: Array, dt: float, c: Constants) -> Outputs:
    """x1' = k4 u - k1 sqrt(x1),  x2' = k2 sqrt(x1) - k3 sqrt(x2) + spill * overflow of x1,  y = x2, both 0 .. 10 V.

    The start levels are drawn from 3 .. 7 V. Source: Schoukens, Noel, Three benchmarks addressing open challenges in
    nonlinear system identification, IFAC World Congress 2017.
    """
    k1, k2, k3, k4, spill = c["k1"], c["k2"], c["k3"], c["k4"], c["spill"]

    def derivative(state: State, pump: float) -> State:
        upper, lower = state
        root = math.sqrt(max(upper, 0.0))
        rise = k4 * pump - k1 * root
        overflow = max(rise, 0.0) if upper >= FULL else 0.0
        return rise - overflow, k2 * root - k3 * math.sqrt(max(lower, 0.0)) + spill * overflow

    def limit(state: State) -> State:
        return min(max(state[0], 0.0), FULL), min(max(state[1], 0.0), FULL)

    upper, lower = (float(level) for level in rng.uniform(3, 7, 2))
    return {"y": runge_kutta(derivative, (upper, lower), u.tolist(), dt, substeps(dt, 0.5), limit)[:, 1]}


def bouc_wen(rng: np.random.Generator, u: Array, dt: float, c: Constants) -> Outputs:
    """m y'' + c y' + k y + z = u,  z' = alpha y' - beta (gamma |y'| |z|^(n-1) z + delta y' |z|^n), from rest.

    Source: Noel, Schoukens, Hysteretic benchmark with a dynamic nonlinearity, Workshop on Nonlinear System
    Identification Benchmarks 2016.
    """
    m, damping, k, n = c["m"], c["c"], c["k"], c["n"]
    alpha, beta, gamma, delta = c["alpha"], c["beta"], c["gamma"], c["delta"]

    def derivative(state: State, force: float) -> State:
        y, v, z = state
        shrink = abs(z) ** (n - 1) * (gamma * abs(v) * z + delta * v * abs(z))
        return v, (force - damping * v - k * y - z) / m, alpha * v - beta * shrink

    count = substeps(dt, 0.03 / math.sqrt((abs(k) + abs(alpha)) / m))
    return {"y": runge_kutta(derivative, (0.0, 0.0, 0.0), u.tolist(), dt, count)[:, 0]}


# Chebyshev of order 3 with 0.5 dB ripple up to 4.4 kHz, and inverse Chebyshev of order 3 with 40 dB from 5 kHz on, both
# at 51.2 kHz; numerator and denominator in powers of the delay.
FIRST_FILTER = (
    (0.010252548452323, 0.030757645356968, 0.030757645356968, 0.010252548452323),
    (1.0, -2.151941512375069, 1.744729579695555, -0.510767679701904),
)
SECOND_FILTER = (
    (0.00870616370901, -0.004596089748037, -0.004596089748037, 0.00870616370901),
    (1.0, -2.574867171399076, 2.235716546700072, -0.65262922737905),
)


def wiener_hammerstein(rng: np.random.Generator, u: Array, dt: float, c: Constants) -> Outputs:
    """y = G2(f(G1(u))),  f(x) = x - (1 - slope) knee log(1 + exp((x - threshold) / knee)), both filters from rest.

    The filters are fixed in samples. Source: Schoukens, Suykens, Ljung, Wiener-Hammerstein benchmark, SYSID 2009.
    """
    between = filtered(FIRST_FILTER, u)
    bend = np.logaddexp(0.0, (between - c["threshold"]) / c["knee"])
    curved = between - (1 - c["slope"]) * c["knee"] * (bend - np.logaddexp(0.0, -c["threshold"] / c["knee"]))
    return {"y": filtered(SECOND_FILTER, curved)}


def filtered(polynomials: tuple[tuple[float, ...], tuple[float, ...]], u: Array) -> Array:
    """a[0] y[t] + a[1] y[t-1] + ... = b[0] u[t] + b[1] u[t-1] + ..., a[0] = 1, from rest; b and a of order 3."""
    b, (_, a1, a2, a3) = polynomials
    driven = np.convolve(u, b)[: len(u)].tolist()
    result = [0.0] * len(u)
    y1 = y2 = y3 = 0.0
    for index, value in enumerate(driven):
        y1, y2, y3 = value - a1 * y1 - a2 * y2 - a3 * y3, y1, y2
        result[index] = y1
    return np.array(result)


def substeps(dt: float, longest: float) -> int:
    """How many steps of at most `longest` seconds fill a sampling time."""
    return max(1, math.ceil(dt / longest - 1e-9))
