"""Layers that move samples and compute nothing: Flatten, Last, DelayLine."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional


class Flatten(nn.Module):
    """y[0, t C + c] = x[t, c]: the whole window side by side, time-major (all channels of step 0 first).

    x (batch, time, channels) -> (batch, 1, time * channels), any dtype. Looks at all of the window.
    """

    passes_any_dtype: ClassVar[bool] = True

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1).unsqueeze(1)


class Last(nn.Module):
    """y[j] = x[T - steps + j]: the last `steps` steps.

    x (batch, T, channels) -> (batch, steps, channels), any dtype. Aligned at the end of the window, it looks neither
    back nor ahead. Raises ValueError for steps < 1 and for a window that is shorter than `steps`.
    """

    passes_any_dtype: ClassVar[bool] = True

    def __init__(self, steps: int = 1) -> None:
        super().__init__()
        if steps < 1:
            raise ValueError(f"steps must be at least 1, not {steps}")
        self.steps = steps

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[1] < self.steps:
            raise ValueError(f"the last {self.steps} steps were asked of a window of {x.shape[1]}")
        return x[:, x.shape[1] - self.steps :]

    def extra_repr(self) -> str:
        return f"steps={self.steps}"


class DelayLine(nn.Module):
    """y[t] = [x[t], x[t-1], ..., x[t-taps+1]], zeros before the start.

    x (batch, time, channels) -> (batch, time, taps * channels), any dtype. The newest sample comes first: channel c
    delayed by i steps is channel i * channels + c of y. Looks back taps - 1 steps, never ahead. Raises ValueError for
    taps < 1.
    """

    passes_any_dtype: ClassVar[bool] = True

    def __init__(self, taps: int) -> None:
        super().__init__()
        if taps < 1:
            raise ValueError(f"taps must be at least 1, not {taps}")
        self.taps = taps

    def forward(self, x: Tensor) -> Tensor:
        oldest = self.taps - 1
        padded = functional.pad(x, (0, 0, oldest, 0))
        delayed = [padded[:, oldest - delay : padded.shape[1] - delay] for delay in range(self.taps)]
        return torch.cat(delayed, dim=2)

    def extra_repr(self) -> str:
        return f"taps={self.taps}"
