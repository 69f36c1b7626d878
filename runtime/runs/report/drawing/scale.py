"""The scale of an axis: where a value lies on it, where its ticks stand and what they say."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sysidc.runtime.data.record import Array

SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Scale:
    """From `low` to `high`, both in the units of the data, positive where `log`."""

    low: float
    high: float
    log: bool = False

    def place(self, values: Array) -> Array:
        """0 at the low end, 1 at the high one, NaN for what a logarithm has not."""
        if not self.log:
            return (values - self.low) / (self.high - self.low)
        positive = np.where(values > 0, values, np.nan)
        return (np.log10(positive) - math.log10(self.low)) / (math.log10(self.high) - math.log10(self.low))

    def ticks(self, most: int = 6) -> list[tuple[float, str]]:
        """About `most` round values with their labels."""
        decades = math.log10(self.high / self.low) if self.log else 0.0
        if decades >= 2:
            return _decades(self.low, self.high, most)
        if decades >= 0.8:
            return _fractions_of_decades(self.low, self.high)
        step = _round_step((self.high - self.low) / most)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        values = [step * index for index in range(first, last + 1)]
        return list(zip(values, labels(values, step), strict=True))


def fitting(arrays: Sequence[Array], log: bool = False, margin: float = 0.04) -> Scale:
    """A scale that holds all finite values with a little room around them; linear where a logarithm has nothing."""
    together = np.concatenate([*(array[np.isfinite(array)] for array in arrays), np.empty(0)])
    if log and (together > 0).any():
        low, high = (math.log10(float(end)) for end in (together[together > 0].min(), together.max()))
        room = margin * (high - low) if high > low else 0.5
        return Scale(10 ** (low - room), 10 ** (high + room), log=True)
    low, high = (float(together.min()), float(together.max())) if together.size else (0.0, 1.0)
    room = margin * (high - low) if high > low else 0.5 * abs(high) or 1.0
    return Scale(low - room, high + room)


def labels(values: Sequence[float], step: float) -> list[str]:
    """As many digits as tell two ticks apart, one power of ten for all where the numbers are very large or small."""
    largest = max((abs(value) for value in values), default=0.0)
    power = math.floor(math.log10(largest)) if largest else 0
    if -3 <= power < 5:
        power = 0
    digits = max(0, power - math.floor(math.log10(step) + 1e-9))
    return [
        _label(value / 10**power, digits) + (f"·{power_of_ten(power)}" if power and value else "") for value in values
    ]


def _label(value: float, digits: int) -> str:
    text = f"{value + 0.0:,.{digits}f}".replace(",", "\u202f").replace("-", "\u2212")
    return "0" if not text.strip("\u22120.") else text


def power_of_ten(power: int) -> str:
    """10 with the power as a superscript."""
    return "10" + str(power).translate(SUPERSCRIPTS)


def _decades(low: float, high: float, most: int) -> list[tuple[float, str]]:
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    every = max(1, math.ceil((last - first + 1) / most))
    plain = first >= -3 and last <= 4
    powers = [power for power in range(first, last + 1) if power % every == 0]
    return [(10.0**power, f"{10.0**power:g}" if plain else power_of_ten(power)) for power in powers]


def _fractions_of_decades(low: float, high: float) -> list[tuple[float, str]]:
    """1, 2 and 5 times the powers of ten."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    values = [factor * 10.0**power for power in powers for factor in (1, 2, 5)]
    plain = low >= 1e-4 and high <= 1e5
    return [
        (value, f"{value:g}" if plain else f"{value / 10.0**power:.0f}·{power_of_ten(power)}")
        for value in values
        if low * (1 - 1e-9) <= value <= high * (1 + 1e-9)
        for power in (math.floor(math.log10(value) + 1e-9),)
    ]


def _round_step(least: float) -> float:
    """1, 2 or 5 times a power of ten, not below `least`."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least * (1 - 1e-9))
