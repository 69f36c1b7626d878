"""What can be put around a module: a cast, a residual connection, a roll-out on its own predictions."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from sysidc.runtime.nn.lifting import lifted_dtype


class CastWrapper(nn.Module):
    """y = (m(x as in_dtype)) as out_dtype.

    x (batch, time, channels) of any dtype -> what `module` returns, in `out_dtype`. A cast to an integer dtype cuts
    the digits behind the point off. A module that computes in floating point gets its own dtype in between: the cast
    values stay as they are, only their dtype is lifted (`lifting.py` holds the rule). Looks at the steps `module`
    looks at.
    """

    takes_integers: ClassVar[bool] = True

    def __init__(self, module: nn.Module, in_dtype: torch.dtype, out_dtype: torch.dtype) -> None:
        super().__init__()
        self.module = module
        self.in_dtype = in_dtype
        self.out_dtype = out_dtype

    def forward(self, x: Tensor) -> Tensor:
        # the parameters' dtype is asked for at every call, because module.to() may have changed it
        lifted = lifted_dtype(self.module, self.in_dtype, self.out_dtype)
        y: Tensor = self.module(x.to(self.in_dtype).to(lifted))
        return y.to(self.out_dtype)

    def extra_repr(self) -> str:
        return f"in_dtype={self.in_dtype}, out_dtype={self.out_dtype}"


class ResidualConnectionWrapper(nn.Module):
    """y = x + m(x).

    x (batch, time, channels) -> the same shape and dtype. Looks at the steps `module` looks at, and at the present one.
    Raises ValueError where m changes shape or dtype: nothing is stretched. Under autocast the branch may come in a
    narrower floating dtype; y keeps that of x.
    """

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, x: Tensor) -> Tensor:
        branch: Tensor = self.module(x)
        if branch.shape != x.shape or not _may_add(x, branch):
            raise ValueError(
                f"the residual branch returns {_type(branch)}, its input is {_type(x)}: "
                "a sum needs equal shapes and dtypes"
            )
        return x + branch.to(x.dtype)


class AutoregressiveResidualWrapper(nn.Module):
    """x[k+1] = x[k] + g(x[k-P+1 .. k]), N times, the window taking the model's own predictions in.

    x (batch, P, channels), the window that ends at step k -> (batch, N, channels), the steps k+1 .. k+N, in the dtype
    of x. g, the `step_ahead_model`, returns (batch, channels) or (batch, 1, channels) in that dtype; anything else
    raises ValueError. N is `n_predict_time_steps`, or the attribute `steps` where that is left out; it may exceed P.
    Looks back over the whole window, never ahead.
    """

    def __init__(self, step_ahead_model: nn.Module, steps: int = 1) -> None:
        super().__init__()
        self.step_ahead_model = step_ahead_model
        self.steps = steps

    def forward(self, x: Tensor, n_predict_time_steps: int | None = None) -> Tensor:
        steps = self.steps if n_predict_time_steps is None else n_predict_time_steps
        if steps < 1:
            raise ValueError(f"n_predict_time_steps must be at least 1, not {steps}")
        # each window is a tensor of its own: g's backward needs it as it was, so the window cannot move in place
        predictions = [self._next(x)]
        window = x
        while len(predictions) < steps:
            window = torch.cat([window[:, 1:], predictions[-1]], dim=1)
            predictions.append(self._next(window))
        return torch.cat(predictions, dim=1)

    def _next(self, window: Tensor) -> Tensor:
        """x[k+1], (batch, 1, channels)."""
        change: Tensor = self.step_ahead_model(window)
        batch, _, channels = window.shape
        if tuple(change.shape) not in ((batch, channels), (batch, 1, channels)) or not _may_add(window, change):
            raise ValueError(
                f"the one-step model returns {_type(change)} for a window {_type(window)}: "
                f"({batch}, {channels}) or ({batch}, 1, {channels}) in {window.dtype} is needed"
            )
        return window[:, -1:] + change.reshape(batch, 1, channels).to(window.dtype)

    def extra_repr(self) -> str:
        return f"steps={self.steps}"


def _may_add(x: Tensor, branch: Tensor) -> bool:
    """Equal dtypes; two floating ones suffice under autocast, which narrows what single layers return."""
    if x.dtype == branch.dtype:
        return True
    both_floating = x.is_floating_point() and branch.is_floating_point()
    return both_floating and x.device.type != "meta" and torch.is_autocast_enabled(x.device.type)


def _type(x: Tensor) -> str:
    return f"{tuple(x.shape)} {x.dtype}"
