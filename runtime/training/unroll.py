"""How a one-step model is rolled out: on its own predictions, on measured windows, or by the stack itself."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from sysidc.runtime.nn.wrappers import AutoregressiveResidualWrapper
from sysidc.runtime.training.closed_loop import window_loop
from sysidc.runtime.training.feedback import Feedback, autonomous
from sysidc.runtime.training.step_derivatives import is_watched

OneStep = Callable[[Tensor], Tensor]


def unroll(step: OneStep, x: Tensor, inputs: Tensor | None, horizon: int, feedback: Feedback) -> Tensor:
    """y^[k+s] = step(window that ends at k+s-1), s = 1 .. horizon, outputs after k being predictions.

    x (batch, time, channels) ends at k; `inputs` (batch, horizon-1, inputs) are measured at k+1 .. k+horizon-1.
    Returns (batch, horizon, outputs). Each step moves the window on by one, so the work is horizon * time. Stacks of
    Flatten and layers with a written-out derivative do it faster (`closed_loop.py`).
    """
    loop = window_loop(step, x, inputs, horizon, feedback) if isinstance(step, nn.Module) else None
    if loop is not None:
        return loop
    mask = feedback.mask(x)
    window, predictions = x, [last_step(step(x))]
    while len(predictions) < horizon:
        s = len(predictions) - 1
        row = feedback.row(None if inputs is None else inputs[:, s : s + 1], predictions[-1]).to(x.dtype)
        window = torch.cat([window[:, 1:], row], dim=1)
        predictions.append(last_step(step(window if mask is None else window * mask)))
    return torch.cat(predictions, dim=1)


def on_measured_windows(step: OneStep, x: Tensor, y: Tensor, inputs: Tensor | None, feedback: Feedback) -> Tensor:
    """Teacher forcing: y^[k+s] = step(measured window that ends at k+s-1), all windows as one batch.

    y (batch, horizon, outputs) is measured at k+1 .. k+horizon. Returns the shape of y.
    """
    batch, time, channels = x.shape
    windows = measured_steps(x, y, inputs, feedback).unfold(1, time, 1).transpose(2, 3)
    folded = windows.reshape(-1, time, channels)
    mask = feedback.mask(x)
    prediction = last_step(step(folded if mask is None else folded * mask))
    return prediction.reshape(batch, y.shape[1], -1)


def measured_steps(x: Tensor, y: Tensor, inputs: Tensor | None, feedback: Feedback) -> Tensor:
    """x and the measured steps k+1 .. k+horizon-1 behind it, (batch, time + horizon - 1, channels)."""
    if y.shape[1] == 1:
        return x
    return torch.cat([x, feedback.row(inputs, y[:, :-1]).to(x.dtype)], dim=1)


def last_step(output: Tensor) -> Tensor:
    """(batch, 1, outputs) of a one-step model that returned (batch, outputs) or (batch, time, outputs)."""
    return output[:, None] if output.ndim == 2 else output[:, -1:]


def own_roll_out(module: nn.Module) -> AutoregressiveResidualWrapper | None:
    """The wrapper by which a stack rolls itself out: the stack itself, or the only such child of a Sequential."""
    if isinstance(module, AutoregressiveResidualWrapper):
        return module
    children = list(module) if isinstance(module, nn.Sequential) else []
    wrappers = [child for child in children if isinstance(child, AutoregressiveResidualWrapper)]
    return wrappers[0] if len(wrappers) == 1 else None


def roll_out_itself(module: nn.Module, wrapper: AutoregressiveResidualWrapper, x: Tensor, steps: int) -> Tensor:
    """module(x) with the wrapper rolling out `steps` steps; its own number is put back afterwards."""
    if not is_watched(wrapper) and (module is wrapper or (type(module) is nn.Sequential and len(module) == 1)):
        loop = window_loop(wrapper.step_ahead_model, x, None, steps, autonomous(x.shape[2]), residual=True)
        if loop is not None:
            return loop
    before = wrapper.steps
    wrapper.steps = steps
    try:
        output: Tensor = module(x)
    finally:
        wrapper.steps = before
    return output
