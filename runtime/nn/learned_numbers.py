"""Learned numbers of equations: physical values made of raw parameters, so that ranges hold and steps fit."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

EDGE = 1e-3
"""Share of a range by which a start value on its bound is moved inside: on the bound itself nothing can be learned."""
SPREAD = 0.5
SPREAD_INSIDE = 1.0
"""Standard deviations of new starts: of the logarithm of a number, and of its place in a range as a logit."""
SMALL_START = 0.05
"""Standard deviation of new starts of a number that starts at 0."""


class LearnedNumbers(nn.Module):
    """value = start + |start| raw, or low + (high - low) sigmoid(logit + gain raw) where there is a range.

    Every `raw` (1,) starts at 0, and a step of 1 there is about the size of the start value (of its distance from the
    bounds, where that is smaller), so that numbers of all units learn alike.
    """

    low: Tensor
    width: Tensor
    logit: Tensor
    gain: Tensor
    start: Tensor
    unit: Tensor
    inside: Tensor

    def __init__(self, rows: Sequence[Mapping[str, Any]]) -> None:
        super().__init__()
        self.names = tuple(row["name"] for row in rows)
        self.bounded = tuple(row["low"] is not None for row in rows)
        for name in self.names:
            self.register_parameter(f"raw_{name}", nn.Parameter(torch.zeros(1)))
        table = torch.tensor([_constants(row) for row in rows], dtype=torch.float64).reshape(-1, 6)
        columns = ("low", "width", "logit", "gain", "start", "unit")
        for name, column in zip(columns, table.unbind(1), strict=True):
            self.register_buffer(name, column.to(torch.get_default_dtype()))
        self.register_buffer("inside", torch.tensor(self.bounded, dtype=torch.bool), persistent=False)

    def raw(self) -> Tensor:
        """All raw parameters, (numbers)."""
        return torch.cat([getattr(self, f"raw_{name}") for name in self.names])

    def forward(self) -> tuple[Tensor, ...]:
        """The values in the units of the data, one tensor without axes for each number."""
        if not self.names:
            return ()
        return self.values_at(self.raw()).unbind(0)

    def values_at(self, raw: Tensor) -> Tensor:
        """Values (numbers) of raw parameters (numbers)."""
        within = self.low + self.width * torch.sigmoid(self.logit + self.gain * raw)
        return torch.where(self.inside, within, self.start + self.unit * raw)

    def slopes(self) -> dict[str, float]:
        """d value / d raw of each number, which turns errors of raw parameters into errors of values."""
        if not self.names:
            return {}
        raw = self.raw().detach()
        share = torch.sigmoid(self.logit + self.gain * raw)
        found = torch.where(self.inside, self.width * self.gain * share * (1 - share), self.unit)
        return dict(zip(self.names, found.tolist(), strict=True))

    def values(self) -> dict[str, float]:
        """The numbers in the units of the data."""
        return {name: value.item() for name, value in zip(self.names, self(), strict=True)}

    def draw(self, generator: torch.Generator) -> None:
        """New start values: inside the range, or near the written start where there is none."""
        noise = torch.randn(len(self.names), generator=generator, dtype=torch.float64)
        with torch.no_grad():
            for name, inside, gain, unit, start, step in zip(
                self.names, self.bounded, self.gain, self.unit, self.start, noise.tolist(), strict=True
            ):
                if inside:
                    raw = SPREAD_INSIDE * step / gain.item()
                elif start == 0:
                    raw = SMALL_START * step / unit.item()
                else:
                    raw = math.copysign(math.expm1(SPREAD * step), start.item())
                getattr(self, f"raw_{name}").fill_(raw)


def _constants(row: Mapping[str, Any]) -> tuple[float, ...]:
    """low, width, logit, gain, start, unit."""
    start, low, high = row["start"], row["low"], row["high"]
    if low is None:
        return 0.0, 0.0, 0.0, 1.0, start, abs(start) or 1.0
    width = high - low
    share = min(max((start - low) / width, EDGE), 1 - EDGE)
    slope = width * share * (1 - share)
    gain = min(1.0, abs(start) / slope) if start else 1.0
    return low, width, math.log(share / (1 - share)), gain, start, 1.0
