"""Conv1d along time, time-major and causal by default."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn
from torch.nn import functional

Padding = Literal["causal", "same", "none"]


class Conv1d(nn.Module):
    """y[t, o] = b[o] + sum over i, c of W[o, c, i] x[t + i * dilation - left, c], i = 0 .. kernel_size - 1.

    x (batch, time, in_channels) -> (batch, time, out_channels), in the dtype of the parameters, which are
    torch.nn.Conv1d's. With R = dilation * (kernel_size - 1), the padding (of zeros) says what a step sees:

    - causal: left = R; looks back R steps, never ahead
    - same: left = R // 2; looks back R // 2 steps and ahead R - R // 2, the extra step at the end as in torch
    - none: the output is R steps shorter and, aligned at the end of the window, looks back R steps, never ahead

    Raises ValueError for another word, and with `none` for a window that holds no whole kernel.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        dilation: int = 1,
        padding: Padding = "causal",
        groups: int = 1,
        bias: bool = True,
    ) -> None:
        super().__init__()
        reach = dilation * (kernel_size - 1)
        left = {"causal": reach, "same": reach // 2, "none": 0}
        if padding not in left:
            raise ValueError(f"padding is causal, same or none, not {padding}")
        self.padding = padding
        self.reach = reach
        self.pad = (left[padding], 0 if padding == "none" else reach - left[padding])
        self.conv = nn.Conv1d(in_channels, out_channels, kernel_size, dilation=dilation, groups=groups, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        if self.padding == "none" and x.shape[1] <= self.reach:
            raise ValueError(f"a kernel over {self.reach + 1} steps does not fit into a window of {x.shape[1]}")
        y: Tensor = self.conv(functional.pad(x.transpose(1, 2), self.pad))
        return y.transpose(1, 2)

    def extra_repr(self) -> str:
        return f"padding={self.padding}"
