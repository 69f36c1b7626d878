"""A simulated system as a frame: excitation, start and noise each have a random stream of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd


def generated(
    system: Callable[..., Mapping[str, Any]],
    sampling_time: float,
    constants: Mapping[str, float],
    samples: int,
    seed: int,
    noise: float = 0.0,
) -> pd.DataFrame:
    """The outputs of a system without an input."""
    streams = np.random.SeedSequence(seed).spawn(3)
    _, started, disturbed = (np.random.Generator(np.random.PCG64(stream)) for stream in streams)
    outputs = dict(system(started, np.zeros(samples), sampling_time, constants))
    if noise > 0:
        outputs = {name: y + noise * disturbed.standard_normal(len(y)) for name, y in outputs.items()}
    return pd.DataFrame(outputs)


def driven(
    system: Callable[..., Mapping[str, Any]],
    excitation: Callable[..., Any],
    sampling_time: float,
    constants: Mapping[str, float],
    samples: int,
    seed: int,
    amplitude: float,
    band: float,
    noise: float = 0.0,
    offset: float | None = None,
) -> pd.DataFrame:
    """The input u and the outputs of a system; with an offset the input never falls below zero."""
    streams = np.random.SeedSequence(seed).spawn(3)
    excited, started, disturbed = (np.random.Generator(np.random.PCG64(stream)) for stream in streams)
    u = excitation(excited, samples, amplitude, band)
    if offset is not None:
        u = np.maximum(u + offset, 0.0)
    outputs = dict(system(started, u, sampling_time, constants))
    if noise > 0:
        outputs = {name: y + noise * disturbed.standard_normal(len(y)) for name, y in outputs.items()}
    return pd.DataFrame({"u": u, **outputs})
