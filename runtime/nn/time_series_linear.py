"""TimeSeriesLinear: one affine map of a whole window to another, in a causal form too."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class TimeSeriesLinear(nn.Module):
    """y[j, w] = sum over i, c of A[j, w, i, c] x[i, c] + b[j, w]: mixes time and channels.

    x (batch, in_steps, in_channels) -> (batch, steps, width), in the dtype of the parameters, of which there are
    steps * width * (in_steps * in_channels + 1). Looks at all of the window.

    With `causal` the output is aligned at the end of the window, and step j sees the input up to step
    in_steps - steps + j: it looks back in_steps - 1 steps, never ahead. The entries of A that would look ahead are
    zero and get no gradient; they stay in `weight` and in the count of parameters.

    Both parameters start uniform in +-1/sqrt(n), as torch.nn.Linear does, n being the number of inputs that the row
    really sees. Raises ValueError for sizes below 1, for `causal` with steps > in_steps, and for an x of another shape.
    """

    def __init__(
        self, in_steps: int, in_channels: int, steps: int, width: int, causal: bool = False, bias: bool = True
    ) -> None:
        super().__init__()
        if min(in_steps, in_channels, steps, width) < 1:
            raise ValueError(f"sizes must be at least 1, not {(in_steps, in_channels, steps, width)}")
        if causal and steps > in_steps:
            raise ValueError(f"a causal map cannot return {steps} steps from a window of {in_steps}")
        self.in_steps, self.in_channels = in_steps, in_channels
        self.steps, self.width = steps, width
        self.causal = causal
        self.weight = nn.Parameter(torch.empty(steps * width, in_steps * in_channels))
        self.bias = nn.Parameter(torch.empty(steps * width)) if bias else None
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        bound = self._visible_inputs().rsqrt()
        self.weight.copy_(self._masked(self.weight.uniform_(-1, 1)) * bound[:, None])
        if self.bias is not None:
            self.bias.copy_(self.bias.uniform_(-1, 1) * bound)

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[1:] != (self.in_steps, self.in_channels):
            raise ValueError(f"the window is {tuple(x.shape[1:])}, not {(self.in_steps, self.in_channels)}")
        y = functional.linear(x.flatten(1), self._masked(self.weight), self.bias)
        return y.view(x.shape[0], self.steps, self.width)

    def _masked(self, weight: Tensor) -> Tensor:
        if not self.causal:
            return weight
        # row j, column i is kept where i - j <= in_steps - steps: a lower triangle
        sees = torch.ones(self.steps, self.in_steps, dtype=weight.dtype, device=weight.device)
        sees = sees.tril(self.in_steps - self.steps)[:, None, :, None]
        shape = (self.steps, self.width, self.in_steps, self.in_channels)
        return (weight.view(shape) * sees).view(weight.shape)

    def _visible_inputs(self) -> Tensor:
        """How many inputs each row of the weight sees, (steps * width,)."""
        first = self.in_steps - self.steps + 1
        visible = torch.arange(first, first + self.steps) if self.causal else torch.full((self.steps,), self.in_steps)
        return (visible * self.in_channels).repeat_interleave(self.width).to(self.weight)

    def extra_repr(self) -> str:
        sizes = f"{self.in_steps}, {self.in_channels}, {self.steps}, {self.width}"
        return f"{sizes}, causal={self.causal}, bias={self.bias is not None}"
