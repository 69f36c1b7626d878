"""Data without a file: simulated systems, seeded and therefore the same on every run."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from sysidc.compiler.catalogue.generators import GENERATORS
from sysidc.runtime.data import mistakes, systems
from sysidc.runtime.data.excitation import EXCITATIONS
from sysidc.runtime.data.record import Array

SYSTEMS: dict[str, Callable[[np.random.Generator, Array, float, systems.Constants], systems.Outputs]] = {
    "lorenz": systems.lorenz,
    "duffing": systems.duffing,
    "cascaded_tanks": systems.cascaded_tanks,
    "wiener_hammerstein": systems.wiener_hammerstein,
    "bouc_wen": systems.bouc_wen,
}

# The end of the excited band as a share of the sampling rate.
BANDS = {"duffing": 0.33, "cascaded_tanks": 0.015, "wiener_hammerstein": 0.2, "bouc_wen": 0.2}


def generate(
    name: str, arguments: Mapping[str, Any], sampling_time: float | None = None, clean: bool = False
) -> dict[str, Array]:
    """The columns of a generator, each (samples,) float64; `clean` leaves the noise out of the outputs.

    `arguments` are those of the catalogue's table, `sampling_time` in seconds. Excitation, start and noise have random
    streams of their own, so a noise level changes nothing else. Raises DataError for an unknown name and where the
    simulation diverges.
    """
    if name not in GENERATORS:
        raise mistakes.unknown_generator(name, tuple(GENERATORS))
    entry = GENERATORS[name]
    given = {**entry.defaults(), **{key: value for key, value in arguments.items() if value is not None}}
    unknown = set(given) - set(entry.defaults())
    assert not unknown, f"{name} knows no {unknown}"
    streams = np.random.SeedSequence(int(given["seed"])).spawn(3)
    excited, started, disturbed = (np.random.Generator(np.random.PCG64(stream)) for stream in streams)
    u = _input(name, given, excited)
    constants = {key: float(value) for key, value in given.items() if key not in ("samples", "seed", "excitation")}
    dt = entry.sampling_time if sampling_time is None else sampling_time
    outputs = _simulated(name, started, u, dt, constants)
    if not clean and given["noise"] > 0:
        outputs = {key: y + given["noise"] * disturbed.standard_normal(len(y)) for key, y in outputs.items()}
    return {**({"u": u} if entry.inputs else {}), **outputs}


def _input(name: str, given: Mapping[str, Any], rng: np.random.Generator) -> Array:
    samples = int(given["samples"])
    if "excitation" not in given:
        return np.zeros(samples)
    u = EXCITATIONS[given["excitation"]](rng, samples, float(given["amplitude"]), BANDS[name])
    # A pump fills and never drains.
    return np.maximum(u + given["offset"], 0.0) if "offset" in given else u


def _simulated(
    name: str, rng: np.random.Generator, u: Array, dt: float, constants: systems.Constants
) -> systems.Outputs:
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            outputs = SYSTEMS[name](rng, u, dt, constants)
    except OverflowError:
        raise mistakes.unstable_generator(name) from None
    if not all(math.isfinite(float(np.abs(y).max())) for y in outputs.values()):
        raise mistakes.unstable_generator(name)
    return outputs
