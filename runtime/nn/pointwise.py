"""Layers that act on each sample by itself: Scale, Clip, BoundedLinearUnit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn


class Scale(nn.Module):
    """y = factor x + offset, with constants that are not learned.

    x (batch, time, channels) -> the same shape. `factor` and `offset` are numbers, or lists of one number per channel.
    A floating x keeps its dtype, an integer x becomes the dtype of the constants, which follow module.to(). The
    constants are no part of the state dict. Looks neither back nor ahead.
    """

    factor: Tensor
    offset: Tensor

    def __init__(self, factor: float | Sequence[float], offset: float | Sequence[float] = 0.0) -> None:
        super().__init__()
        dtype = torch.get_default_dtype()
        self.register_buffer("factor", torch.tensor(factor, dtype=dtype), persistent=False)
        self.register_buffer("offset", torch.tensor(offset, dtype=dtype), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        for constant in (self.factor, self.offset):
            if constant.ndim == 1 and len(constant) != x.shape[2]:
                raise ValueError(f"{len(constant)} constants were given for {x.shape[2]} channels")
        dtype = x.dtype if x.is_floating_point() else self.factor.dtype
        return self.factor.to(dtype) * x.to(dtype) + self.offset.to(dtype)


class Clip(nn.Module):
    """y = min(max(x, low), high).

    x (batch, time, channels) -> the same shape and dtype; integers stay between the integers inside the band. Looks
    neither back nor ahead. Raises ValueError for low > high.
    """

    passes_any_dtype: ClassVar[bool] = True

    def __init__(self, low: float | None, high: float | None) -> None:
        super().__init__()
        _check_order(low, high)
        self.low = low
        self.high = high

    def forward(self, x: Tensor) -> Tensor:
        return clamped(x, self.low, self.high)

    def extra_repr(self) -> str:
        return f"low={self.low}, high={self.high}"


class BoundedLinearUnit(nn.Module):
    """y = x inside the band low .. high, and the bound that was crossed outside.

    x (batch, time, channels) -> the same shape and dtype. The bounds of the constructor hold where the call gives none;
    those of a call are numbers or tensors that broadcast against x, one band per sample. The gradient is that of x
    inside and that of the bound outside. Where low > high the upper bound is returned. Looks neither back nor ahead.
    Raises ValueError where the constructor is given low > high.
    """

    def __init__(self, low: float | None = None, high: float | None = None) -> None:
        super().__init__()
        _check_order(low, high)
        self.low = low
        self.high = high

    def forward(self, x: Tensor, low: Tensor | float | None = None, high: Tensor | float | None = None) -> Tensor:
        return clamped(x, self.low if low is None else low, self.high if high is None else high)

    def extra_repr(self) -> str:
        return f"low={self.low}, high={self.high}"


def clamped(x: Tensor, low: Tensor | float | None, high: Tensor | float | None) -> Tensor:
    """min(max(x, low), high) in the dtype of x; None is no bound."""
    if not x.is_floating_point():
        # torch would promote an integer tensor that meets a bound with digits behind the point
        low = math.ceil(low) if isinstance(low, float) else low
        high = math.floor(high) if isinstance(high, float) else high
    y = x if low is None else x.clamp(min=low)
    y = y if high is None else y.clamp(max=high)
    return y.to(x.dtype)


def _check_order(low: float | None, high: float | None) -> None:
    if low is not None and high is not None and low > high:
        raise ValueError(f"low = {low} lies above high = {high}")
