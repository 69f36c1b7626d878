"""A static curve for each channel: a cubic B-spline, a polynomial or a small network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn

REACH = 3.5
"""Standard deviations to both sides that a spline spans before it has seen data."""


class Curve(nn.Module):
    """y = s(x), channel by channel; it starts as the identity.

    x (..., channels) -> the same shape, in the dtype of the parameters. `shape` is "Spline" (a cubic B-spline with
    `knots` coefficients, straight outside of its range), "Polynomial" (of `degree`) or "Network" (one hidden layer for
    each width in `hidden`, and a straight line).
    """

    def __init__(
        self, channels: int, shape: str = "Spline", knots: int = 24, degree: int = 3, hidden: Sequence[int] = (8,)
    ) -> None:
        super().__init__()
        self.channels, self.shape = channels, shape
        if shape == "Spline":
            self.curve: nn.Module = Spline(channels, knots)
        elif shape == "Polynomial":
            self.curve = Polynomial(channels, degree)
        elif shape == "Network":
            self.curve = CurveNetwork(channels, hidden)
        else:
            raise ValueError(f"a curve is a Spline, a Polynomial or a Network, not a {shape}")

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.curve(x)
        return y

    def with_slope(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """y and dy/dx, both (..., channels)."""
        y, slope = self.curve.with_slope(x)  # type: ignore[operator]
        return y, slope


class Spline(nn.Module):
    """y = sum_i c_i B((x - t_i) / h), B the cubic B-spline on uniform knots, continued straight outside of the range.

    Linear in its coefficients c (channels, knots). Source: de Boor, A Practical Guide to Splines (1978), ch. IX.
    """

    low: Tensor
    high: Tensor
    centres: Tensor

    def __init__(self, channels: int, knots: int) -> None:
        super().__init__()
        if knots < 4:
            raise ValueError(f"a cubic spline has 4 coefficients at least, not {knots}")
        self.register_buffer("low", torch.full((channels,), -REACH))
        self.register_buffer("high", torch.full((channels,), REACH))
        self.register_buffer("centres", torch.arange(knots, dtype=torch.get_default_dtype()) - 1)
        self.c = nn.Parameter(self._greville())

    def _greville(self) -> Tensor:
        return self.low[:, None] + self.centres * self._pitch()[:, None]

    def _pitch(self) -> Tensor:
        return (self.high - self.low) / (len(self.centres) - 3)

    def cover(self, low: Tensor, high: Tensor) -> None:
        """Span the range from `low` to `high` (channels) and be the identity there again."""
        with torch.no_grad():
            self.low.copy_(low)
            self.high.copy_(high)
            self.c.copy_(self._greville())

    def follow(self, function: Callable[[Tensor], Tensor]) -> None:
        """Be on the range the least-squares spline of y = function(x), x and y (points, channels)."""
        share = torch.linspace(0, 1, 8 * len(self.centres)).to(self.c)
        with torch.no_grad():
            x = self.low + (self.high - self.low) * share[:, None]
            found = torch.linalg.lstsq(self.basis(x).transpose(0, 1), function(x).T[..., None])
            self.c.copy_(found.solution[..., 0])

    def roughness(self) -> Tensor:
        """R with c' R c the sum of squared second differences of all channels, c laid end to end."""
        channels, knots = self.c.shape
        differences = torch.diff(torch.eye(knots).to(self.c), n=2, dim=0)
        return torch.kron(torch.eye(channels).to(self.c), differences.T @ differences)

    def forward(self, x: Tensor) -> Tensor:
        return self.with_slope(x)[0]

    def with_slope(self, x: Tensor) -> tuple[Tensor, Tensor]:
        inside = torch.minimum(torch.maximum(x, self.low), self.high)
        t = ((inside - self.low) / self._pitch())[..., None] - self.centres
        slope = (cubic_slope(t) * self.c).sum(-1) / self._pitch()
        return (cubic(t) * self.c).sum(-1) + slope * (x - inside), slope

    def basis(self, x: Tensor) -> Tensor:
        """dy/dc (..., channels, knots), row by row of c."""
        inside = torch.minimum(torch.maximum(x, self.low), self.high)
        t = ((inside - self.low) / self._pitch())[..., None] - self.centres
        return cubic(t) + cubic_slope(t) * ((x - inside) / self._pitch())[..., None]


def cubic(t: Tensor) -> Tensor:
    """The cubic B-spline on -2 .. 2."""
    return ((2 - t.abs()).relu() ** 3 - 4 * (1 - t.abs()).relu() ** 3) / 6


def cubic_slope(t: Tensor) -> Tensor:
    return t.sign() * (4 * (1 - t.abs()).relu() ** 2 - (2 - t.abs()).relu() ** 2) / 2


class Polynomial(nn.Module):
    """y = sum_i c_i x^i, i = 0 .. degree, by Horner's rule; c (channels, degree + 1)."""

    def __init__(self, channels: int, degree: int) -> None:
        super().__init__()
        coefficients = torch.zeros(channels, degree + 1)
        coefficients[:, 1] = 1
        self.c = nn.Parameter(coefficients)

    def forward(self, x: Tensor) -> Tensor:
        return self.with_slope(x)[0]

    def with_slope(self, x: Tensor) -> tuple[Tensor, Tensor]:
        powers = self.c.unbind(-1)
        y, slope = powers[-1] + torch.zeros_like(x), torch.zeros_like(x)
        for coefficient in reversed(powers[:-1]):
            y, slope = y * x + coefficient, slope * x + y
        return y, slope

    def basis(self, x: Tensor) -> Tensor:
        """dy/dc (..., channels, degree + 1), row by row of c."""
        return x[..., None] ** torch.arange(self.c.shape[1]).to(x)


class CurveNetwork(nn.Module):
    """y = s x + n(x), n a tanh network of its own for each channel that starts at zero."""

    def __init__(self, channels: int, hidden: Sequence[int]) -> None:
        super().__init__()
        self.slope = nn.Parameter(torch.ones(channels))
        widths = [1, *hidden, 1]
        self.weights = nn.ParameterList(
            torch.randn(channels, after, before) * before**-0.5 for before, after in pairwise(widths)
        )
        self.biases = nn.ParameterList(torch.empty(channels, after).uniform_(-1, 1) for after in widths[1:-1])
        self.biases.append(nn.Parameter(torch.zeros(channels, 1)))
        nn.init.zeros_(cast(Tensor, self.weights[-1]))

    def forward(self, x: Tensor) -> Tensor:
        return self.with_slope(x)[0]

    def with_slope(self, x: Tensor) -> tuple[Tensor, Tensor]:
        z, moved = x[..., None], torch.ones_like(x)[..., None]
        last = len(self.weights) - 1
        for index, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            z = (weight * z[..., None, :]).sum(-1) + bias
            moved = (weight * moved[..., None, :]).sum(-1)
            if index < last:
                z = z.tanh()
                moved = moved * (1 - z.square())
        return self.slope * x + z[..., 0], self.slope + moved[..., 0]
