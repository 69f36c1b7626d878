"""Learned numbers of equations: physical values made of raw parameters, so that ranges hold and steps fit."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

EDGE = 1e-3
"""Share of a range by which a start value on its bound is moved inside: on the bound itself nothing can be learned."""
SPREAD = 0.2
SPREAD_INSIDE = 0.3
"""Standard deviations of new starts: of the logarithm of a number, and of the raw parameter of one with a range."""
SMALL_START = 0.01
"""Standard deviation of new starts of a number that starts at 0."""


class LearnedNumbers(nn.Module):
    """value = start + |start| raw, or middle + reach sin(angle + gain raw) in a range middle - reach .. middle + reach.

    A sine comes back from a bound; a sigmoid that a long step has driven there stays.

    Every `raw` (1,) starts at 0, and a step of 1 there is about the size of the start value (of its distance from the
    bounds, where that is smaller), so that numbers of all units learn alike.
    Source: James, Roos, Minuit, Computer Physics Communications 10 (1975), 343-367.
    """

    middle: Tensor
    reach: Tensor
    angle: Tensor
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
        columns = ("middle", "reach", "angle", "gain", "start", "unit")
        for name, column in zip(columns, table.unbind(1), strict=True):
            self.register_buffer(name, column.clone().to(torch.get_default_dtype()))
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
        within = self.middle + self.reach * torch.sin(self.angle + self.gain * raw)
        return torch.where(self.inside, within, self.start + self.unit * raw)

    def slopes(self) -> dict[str, float]:
        """d value / d raw of each number, which turns errors of raw parameters into errors of values."""
        if not self.names:
            return {}
        raw = self.raw().detach()
        found = torch.where(self.inside, self.reach * self.gain * torch.cos(self.angle + self.gain * raw), self.unit)
        return dict(zip(self.names, found.tolist(), strict=True))

    def values(self) -> dict[str, float]:
        """The numbers in the units of the data."""
        return {name: value.item() for name, value in zip(self.names, self(), strict=True)}

    def draw(self, generator: torch.Generator) -> None:
        """New start values: inside the range, or near the written start where there is none."""
        noise = torch.randn(len(self.names), generator=generator, dtype=torch.float64)
        with torch.no_grad():
            for name, inside, unit, start, step in zip(
                self.names, self.bounded, self.unit, self.start, noise.tolist(), strict=True
            ):
                if inside:
                    raw = SPREAD_INSIDE * step
                elif start == 0:
                    raw = SMALL_START * step / unit.item()
                else:
                    raw = math.copysign(math.expm1(SPREAD * step), start.item())
                getattr(self, f"raw_{name}").fill_(raw)


def _constants(row: Mapping[str, Any]) -> tuple[float, ...]:
    """middle, reach, angle, gain, start, unit."""
    start, low, high = row["start"], row["low"], row["high"]
    if low is None:
        return 0.0, 0.0, 0.0, 1.0, start, abs(start) or 1.0
    share = min(max((start - low) / (high - low), EDGE), 1 - EDGE)
    reach, angle = (high - low) / 2, math.asin(2 * share - 1)
    slope = reach * math.cos(angle)
    gain = min(1.0, abs(start) / slope) if start else 1.0
    return (low + high) / 2, reach, angle, gain, start, 1.0
