"""Rolling out with the state carried from step to step: which stacks allow it, and how."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from sysidc.runtime.nn.pointwise import BoundedLinearUnit, Clip, Scale
from sysidc.runtime.nn.recurrent import Recurrent
from sysidc.runtime.nn.reshaping import Last
from sysidc.runtime.nn.wrappers import CastWrapper, ResidualConnectionWrapper
from sysidc.runtime.training.closed_loop import ClosedLoop, worth_it
from sysidc.runtime.training.feedback import Feedback
from sysidc.runtime.training.step_derivatives import StepLayer, step_layers
from sysidc.runtime.training.unroll import measured_steps

PER_STEP = (
    nn.Linear, nn.Identity, nn.Dropout, BoundedLinearUnit, Clip, Scale,
    nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.ELU, nn.SELU, nn.CELU, nn.GELU, nn.SiLU, nn.Mish, nn.Softplus, nn.Softsign,
    nn.Sigmoid, nn.LogSigmoid, nn.Tanh, nn.Tanhshrink, nn.Softshrink, nn.Hardshrink, nn.Hardtanh, nn.Hardsigmoid,
    nn.Hardswish, nn.Threshold,
)  # fmt: skip

States = dict[int, Any]


class CarriedStack:
    """A stack whose layers are per-step or recurrent, run with states that are handed in and out.

    Raises ValueError for a stack with any other layer: it would need the window again at every step.
    """

    def __init__(self, module: nn.Module) -> None:
        layers = list(module) if isinstance(module, nn.Sequential) else [module]
        recurrent = [place for place, layer in enumerate(layers) if isinstance(layer, Recurrent)]
        after = max(recurrent, default=-1)
        for place, layer in enumerate(layers):
            # the last step is what a step returns in any case, but a window cut before a recurrence loses its past
            is_end = isinstance(layer, Last) and place > after
            if not (isinstance(layer, Recurrent) or is_per_step(layer) or is_end):
                raise ValueError(
                    f"state = 'carried' needs per-step and recurrent layers; layer {place}, "
                    f"{type(layer).__name__}, needs a window"
                )
        self._layers = [layer for layer in layers if not isinstance(layer, Last)]

    def __call__(self, x: Tensor, states: States | None = None) -> tuple[Tensor, States]:
        """Every step of x (batch, time, channels) and the states after the last one."""
        before = states or {}
        after: States = {}
        for place, layer in enumerate(self._layers):
            if isinstance(layer, Recurrent):
                x, after[place] = layer(x, before.get(place), return_state=True)
            else:
                x = layer(x)
        return x, after

    def unroll(self, x: Tensor, inputs: Tensor | None, horizon: int, feedback: Feedback) -> Tensor:
        """Warm up on the window, then one step at a time on the own predictions; shapes as in `unroll.unroll`."""
        output, states = self(x)
        predictions = [output[:, -1:]]
        loop = self._loop(x, states, horizon - 1, feedback)
        if loop is not None:
            record = _fed_with(predictions[0], inputs, horizon - 1, feedback).to(x.dtype)
            return torch.cat([predictions[0], loop(record)], dim=1)
        while len(predictions) < horizon:
            s = len(predictions) - 1
            row = feedback.row(None if inputs is None else inputs[:, s : s + 1], predictions[-1]).to(x.dtype)
            output, states = self(row, states)
            predictions.append(output)
        return torch.cat(predictions, dim=1)

    def _loop(self, x: Tensor, states: States, steps: int, feedback: Feedback) -> ClosedLoop | None:
        """The steps after the window as one operation, where every layer's step has a written-out derivative."""
        found: list[StepLayer] = []
        for place, layer in enumerate(self._layers):
            layers = step_layers(layer, states.get(place))
            if layers is None:
                return None
            found += layers
        return ClosedLoop(found, 1, steps, feedback) if worth_it(x, found, steps, feedback) else None

    def on_measured_steps(self, x: Tensor, y: Tensor, inputs: Tensor | None, feedback: Feedback) -> Tensor:
        """Teacher forcing: one pass over the window and the measured steps after it."""
        output, _ = self(measured_steps(x, y, inputs, feedback))
        return output[:, -y.shape[1] :]


def _fed_with(first: Tensor, inputs: Tensor | None, steps: int, feedback: Feedback) -> Tensor:
    """The inputs of `steps` steps, with the first prediction in the first of them."""
    rest = first.new_zeros(len(first), steps - 1, first.shape[2])
    return feedback.row(inputs, torch.cat([first, rest], dim=1))


def is_per_step(layer: nn.Module) -> bool:
    """Whether each output step depends on its own input step alone."""
    if isinstance(layer, nn.Sequential):
        return all(is_per_step(child) for child in layer)
    if isinstance(layer, CastWrapper | ResidualConnectionWrapper):
        return is_per_step(layer.module)
    if isinstance(layer, nn.LayerNorm):
        return len(layer.normalized_shape) == 1
    return isinstance(layer, PER_STEP)
