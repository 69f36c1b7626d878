"""Kernels of compact support: how much a sample at distance x says about the point in question.

Each kernel is a function (x, width = 1, offset = 0) -> k((x - offset) / width), elementwise on tensors of any shape, in
the dtype of x, and zero outside |u| <= 1. At width 1 it integrates to 1 over -1 .. 1; it is not divided by the width,
which cancels in a weighted mean. Source: Wand and Jones, Kernel Smoothing (1995), section 2.7.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor


class Kernel(Protocol):
    """Values of a kernel: x of any shape -> the same shape."""

    def __call__(self, x: Tensor, width: float = 1.0, offset: float = 0.0) -> Tensor: ...


def box(x: Tensor, width: float = 1.0, offset: float = 0.0) -> Tensor:
    """k(u) = 1/2 on |u| <= 1, the border included."""
    return _supported(x, width, offset, lambda u: torch.full_like(u, 0.5))


def epanechnikov(x: Tensor, width: float = 1.0, offset: float = 0.0) -> Tensor:
    """k(u) = 3/4 (1 - u^2)."""
    return _supported(x, width, offset, lambda u: 3 / 4 * (1 - u**2))


def triangular(x: Tensor, width: float = 1.0, offset: float = 0.0) -> Tensor:
    """k(u) = 1 - |u|."""
    return _supported(x, width, offset, lambda u: 1 - u.abs())


def quartic(x: Tensor, width: float = 1.0, offset: float = 0.0) -> Tensor:
    """k(u) = 15/16 (1 - u^2)^2, the biweight."""
    return _supported(x, width, offset, lambda u: 15 / 16 * (1 - u**2) ** 2)


def triweight(x: Tensor, width: float = 1.0, offset: float = 0.0) -> Tensor:
    """k(u) = 35/32 (1 - u^2)^3."""
    return _supported(x, width, offset, lambda u: 35 / 32 * (1 - u**2) ** 3)


def tricube(x: Tensor, width: float = 1.0, offset: float = 0.0) -> Tensor:
    """k(u) = 70/81 (1 - |u|^3)^3."""
    return _supported(x, width, offset, lambda u: 70 / 81 * (1 - u.abs() ** 3) ** 3)


def cosine(x: Tensor, width: float = 1.0, offset: float = 0.0) -> Tensor:
    """k(u) = pi/4 cos(pi u / 2)."""
    return _supported(x, width, offset, lambda u: math.pi / 4 * torch.cos(math.pi / 2 * u))


def at_zero(kernel: Kernel) -> Kernel:
    """The kernel scaled to 1 at u = 0, as the error band wants it: a sample in the very place counts as one sample."""

    def scaled(x: Tensor, width: float = 1.0, offset: float = 0.0) -> Tensor:
        return kernel(x, width, offset) / kernel(torch.zeros((), dtype=x.dtype, device=x.device))

    return scaled


def _supported(x: Tensor, width: float, offset: float, formula: Callable[[Tensor], Tensor]) -> Tensor:
    if width <= 0:
        raise ValueError(f"the width of a kernel is positive, not {width}")
    u = (x - offset) / width
    inside = u.abs() <= 1
    # the formula sees 0 outside: distances may be infinite, and 0 * inf would be NaN in the gradient
    return torch.where(inside, formula(torch.where(inside, u, 0.0)), 0.0)
