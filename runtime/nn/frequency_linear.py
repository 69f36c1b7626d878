"""FrequencyLinear: a learned linear map between the spectra of two windows."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class FrequencyLinear(nn.Module):
    """X = rfft(x),  Y[g, w] = sum over f, c of W[g, w, f, c] X[f, c],  y = irfft(Y), all transforms along time.

    x (batch, in_steps, in_channels) -> (batch, steps, width), in the dtype of the parameters. There are
    2 * (steps // 2 + 1) * width * (in_steps // 2 + 1) * in_channels of them: `weight` holds (real, imaginary) pairs
    in its last axis, because safetensors refuses complex tensors. The transforms are orthonormal and |W|^2 starts with
    the mean of torch.nn.Linear, 1 / (3 n) for n inputs of a row, so variances stay as they do there. The imaginary
    parts of Y at the frequency 0 and, for even `steps`, at the highest one reach no output. No bias: a zero window
    gives zeros. Looks at all of the window. Raises ValueError for sizes below 1 and for an x of another shape.
    """

    def __init__(self, in_steps: int, in_channels: int, steps: int, width: int) -> None:
        super().__init__()
        if min(in_steps, in_channels, steps, width) < 1:
            raise ValueError(f"sizes must be at least 1, not {(in_steps, in_channels, steps, width)}")
        self.in_steps, self.in_channels = in_steps, in_channels
        self.steps, self.width = steps, width
        rows, columns = (steps // 2 + 1) * width, (in_steps // 2 + 1) * in_channels
        self.weight = nn.Parameter(torch.empty(rows, columns, 2))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        bound = (2 * self.weight.shape[1]) ** -0.5
        nn.init.uniform_(self.weight, -bound, bound)

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[1:] != (self.in_steps, self.in_channels):
            raise ValueError(f"the window is {tuple(x.shape[1:])}, not {(self.in_steps, self.in_channels)}")
        X = torch.fft.rfft(x, dim=1, norm="ortho").flatten(1)
        Y = functional.linear(X, torch.view_as_complex(self.weight))
        Y = Y.view(x.shape[0], self.steps // 2 + 1, self.width)
        y: Tensor = torch.fft.irfft(Y, n=self.steps, dim=1, norm="ortho")
        return y

    def extra_repr(self) -> str:
        return f"{self.in_steps}, {self.in_channels}, {self.steps}, {self.width}"
