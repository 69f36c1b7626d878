"""The scale on which the network sees the signals: fitted on the training part, travelling with the model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import torch
from torch import Tensor, nn

from sysidc.runtime.data.mapped import MappedSignal

# A standard deviation below this share of the mean is rounding noise: the channel is constant.
CONSTANT = 1e-12


class Normalizer(nn.Module):
    """z = (x - shift) / scale, per channel of each signal.

    encode and decode take (..., channels) and keep the dtype. Integer signals pass unchanged. The buffers
    `shift_<signal>` and `scale_<signal>` are float64, (channels,).
    """

    def __init__(self, channels: Mapping[str, int]):
        super().__init__()
        self.channels = dict(channels)
        for signal, count in channels.items():
            self.register_buffer(f"shift_{signal}", torch.zeros(count, dtype=torch.float64))
            self.register_buffer(f"scale_{signal}", torch.ones(count, dtype=torch.float64))

    @classmethod
    def fit(cls, values: Mapping[str, Any], kind: str) -> Normalizer:
        """Fitted to `values`, each (time, channels). kind: "standard" (mean 0, standard deviation 1), "minmax" (to
        [-1, 1]) or "none". A constant channel keeps the scale 1."""
        normalizer = cls({signal: data.shape[-1] for signal, data in values.items()})
        for signal, data in values.items():
            if kind == "none" or not data.is_floating_point():
                continue
            fitted = _standard if kind == "standard" else _minmax
            shift, scale = fitted(_moments(data.pieces()) if isinstance(data, MappedSignal) else _moments([data]))
            normalizer.shift(signal).copy_(shift)
            normalizer.scale(signal).copy_(scale)
        return normalizer

    def shift(self, signal: str) -> Tensor:
        """(channels,) float64, in the units of the data."""
        return self.get_buffer(f"shift_{signal}")

    def scale(self, signal: str) -> Tensor:
        """(channels,) float64, in the units of the data: errors of the network times this are errors of the data."""
        return self.get_buffer(f"scale_{signal}")

    def encode(self, signal: str, values: Tensor) -> Tensor:
        """From the units of the data to those of the network."""
        if not values.is_floating_point():
            return values
        return ((values - self.shift(signal)) / self.scale(signal)).to(values.dtype)

    def decode(self, signal: str, values: Tensor) -> Tensor:
        """From the units of the network to those of the data."""
        if not values.is_floating_point():
            return values
        return (values * self.scale(signal) + self.shift(signal)).to(values.dtype)

    def join(self, signals: Sequence[str]) -> tuple[Tensor, Tensor]:
        """(shift, scale) of several signals side by side, as the channels of a header stand."""
        return torch.cat([self.shift(name) for name in signals]), torch.cat([self.scale(name) for name in signals])


@dataclass(frozen=True)
class Moments:
    """Of the steps seen so far, per channel in float64: how many, their mean, standard deviation, least and largest."""

    steps: int
    mean: Tensor
    std: Tensor
    low: Tensor
    high: Tensor

    def with_more(self, more: Moments) -> Moments:
        """Merged by their means, so that no digits are lost in sums of squares.

        Source: Chan, Golub, LeVeque, Updating formulae and a pairwise algorithm for computing sample variances (1979).
        """
        steps = self.steps + more.steps
        share, apart = more.steps / steps, more.mean - self.mean
        variance = (1 - share) * self.std**2 + share * more.std**2 + share * (1 - share) * apart**2
        low, high = torch.minimum(self.low, more.low), torch.maximum(self.high, more.high)
        return Moments(steps, self.mean + share * apart, variance.sqrt(), low, high)


def _moments(pieces: Iterable[Tensor]) -> Moments:
    return reduce(Moments.with_more, map(_moments_of, pieces))


def _moments_of(piece: Tensor) -> Moments:
    data = piece.double()
    return Moments(len(data), data.mean(dim=0), data.std(dim=0, correction=0), data.amin(dim=0), data.amax(dim=0))


def _standard(data: Moments) -> tuple[Tensor, Tensor]:
    constant = (data.high == data.low) | (data.std <= CONSTANT * data.mean.abs())
    return data.mean, torch.where(constant, 1.0, data.std)


def _minmax(data: Moments) -> tuple[Tensor, Tensor]:
    return (data.low + data.high) / 2, torch.where(data.high > data.low, (data.high - data.low) / 2, 1.0)
