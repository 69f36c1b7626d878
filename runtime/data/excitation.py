"""Inputs that excite a system: each (samples,), drawn from the generator it is handed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sysidc.runtime.data.record import Array


def multisine(rng: np.random.Generator, samples: int, amplitude: float, band: float) -> Array:
    """All lines up to `band` (a share of the sampling rate) at equal height, random phases, rms `amplitude`.

    Source: Pintelon, Schoukens, System Identification: A Frequency Domain Approach, 2nd ed. (2012), ch. 2.
    """
    lines = max(1, int(band * samples))
    spectrum = np.zeros(samples // 2 + 1, dtype=complex)
    count = min(lines, len(spectrum) - 1)
    spectrum[1 : count + 1] = np.exp(2j * np.pi * rng.random(count))
    signal = np.fft.irfft(spectrum, samples)
    rms = float(np.sqrt(np.mean(signal**2)))
    return np.asarray(signal * (amplitude / rms if rms > 0 else 0.0))


def prbs(rng: np.random.Generator, samples: int, amplitude: float, band: float) -> Array:
    """Random binary signal of levels +-`amplitude`, each held so long that its power fills the band."""
    hold = max(1, round(1 / (2.5 * band)))
    return np.repeat(rng.choice([-amplitude, amplitude], -(-samples // hold)), hold)[:samples]


def noise(rng: np.random.Generator, samples: int, amplitude: float, band: float) -> Array:
    """White Gaussian noise of standard deviation `amplitude`."""
    return amplitude * rng.standard_normal(samples)


def steps(rng: np.random.Generator, samples: int, amplitude: float, band: float) -> Array:
    """Levels drawn evenly from -`amplitude` .. `amplitude`, each held for ten periods of the band's end."""
    hold = max(1, round(10 / band))
    return np.repeat(rng.uniform(-amplitude, amplitude, -(-samples // hold)), hold)[:samples]


EXCITATIONS: dict[str, Callable[[np.random.Generator, int, float, float], Array]] = {
    "multisine": multisine,
    "prbs": prbs,
    "noise": noise,
    "steps": steps,
}
