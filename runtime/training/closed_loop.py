"""A roll-out on own predictions as one operation of autograd, for stacks whose steps have a written-out derivative.

Autograd keeps a node, and for each window a copy, of every little operation of every step; here the windows are views
of one growing record, and the gradient of a weight is one product over all steps. The numbers are those of the plain
loop, up to the order in which a weight's gradient is summed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from sysidc.runtime.nn.reshaping import Flatten
from sysidc.runtime.training.feedback import Feedback
from sysidc.runtime.training.step_derivatives import Affine, StepLayer, chain, is_watched, through


@dataclass(frozen=True)
class ClosedLoop:
    """y[s] = layers(steps s .. s+time-1 of the record), fed back into step s+time, s = 0 .. horizon-1.

    The record (batch, time + horizon - 1, channels) holds what is measured; what is fed back may stand as anything.
    With `residual` the layers' output is a change: y[s] = layers(...) + the last step of the window.
    """

    layers: list[StepLayer]
    time: int
    horizon: int
    feedback: Feedback
    residual: bool = False

    def __call__(self, record: Tensor) -> Tensor:
        """(batch, horizon, outputs)."""
        tensors = [tensor for layer in self.layers for tensor in layer.tensors]
        output: Tensor = _Loop.apply(self, torch.is_grad_enabled(), record, *tensors)  # type: ignore[no-untyped-call]
        return output

    def roll_out(self, record: Tensor) -> Tensor:
        """The record's fed-back steps are written in place."""
        windows, last, fed_back = self._views(record)
        predictions = []
        for s, window in enumerate(windows):
            y = through(self.layers, window)
            if self.residual:
                y = y + _matching(last[s], y)
            predictions.append(y)
            if s < len(fed_back):
                fed_back[s].copy_(self._fed(y))
        return torch.stack(predictions, dim=1)

    def backward(self, gradient: Tensor, shape: tuple[int, ...], from_start: bool) -> Tensor:
        """From the gradient of the predictions to that of the record; the layers add up those of their tensors.

        Without `from_start` only fed-back steps get one: nobody asks for that of the measured steps before them.
        """
        back = gradient.new_zeros(shape)
        windows, last, fed_back = self._views(back)
        changes = gradient.transpose(0, 1).clone(memory_format=torch.contiguous_format).unbind(0)
        for layer in self.layers:
            layer.begin_backward()
        for s in range(self.horizon - 1, -1, -1):
            change = changes[s]
            if s < len(fed_back):
                self._fed(change).add_(fed_back[s])
            if self.residual:
                last[s].add_(change)
            for layer in self.layers[:0:-1]:
                change = layer.backward(change, s)
            measured = 0 if from_start else max(0, self.time - s) * shape[2]
            _into(self.layers[0], change, s, windows[s], measured)
        return back

    def _views(self, record: Tensor) -> tuple[tuple[Tensor, ...], ...]:
        """Of each step: its window (batch, time * channels), the last step of that, and where its output goes."""
        width = record.shape[2]
        windows = record.flatten(1).unfold(1, self.time * width, width).unbind(1)
        places = self.feedback.output_channels
        fed_back = record[:, self.time :, places[0] : places[-1] + 1]
        return windows, record[:, self.time - 1 :].unbind(1), fed_back.unbind(1)

    def _fed(self, y: Tensor) -> Tensor:
        """The channels of y (batch, outputs) that return, as a view in the order of the window's."""
        first, behind = self.feedback.fed_back[0], self.feedback.fed_back[-1] + 1
        return y if (first, behind) == (0, y.shape[1]) else y[:, first:behind]


def _matching(last: Tensor, change: Tensor) -> Tensor:
    if last.shape != change.shape:
        raise ValueError(f"the one-step model returns {tuple(change.shape)} for a step {tuple(last.shape)}")
    return last


def _into(layer: StepLayer, gradient: Tensor, step: int, window: Tensor, measured: int) -> None:
    """Add the gradient of a window's features from number `measured` on."""
    if isinstance(layer, Affine):
        layer.add_backward(gradient, window, measured)
    else:
        window.add_(layer.backward(gradient, step))


class _Loop(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, loop: ClosedLoop, remembers: bool, record: Tensor, *tensors: Tensor) -> Tensor:
        for layer in loop.layers:
            layer.remembers = remembers
        # kept so that torch refuses a backward pass after a weight was changed in place
        ctx.save_for_backward(*tensors)
        ctx.loop, ctx.shape = loop, tuple(record.shape)
        return loop.roll_out(record.clone(memory_format=torch.contiguous_format))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        assert ctx.saved_tensors is not None
        back = ctx.loop.backward(grad_outputs[0], ctx.shape, ctx.needs_input_grad[2])
        gradients = [gradient for layer in ctx.loop.layers for gradient in layer.gradients()]
        return None, None, back, *gradients


def window_loop(
    module: nn.Module, x: Tensor, inputs: Tensor | None, horizon: int, feedback: Feedback, residual: bool = False
) -> Tensor | None:
    """The roll-out of `unroll.unroll` for Flatten and per-step layers behind it; None for any other stack or state."""
    layers = behind_flatten(module)
    if not layers or not worth_it(x, layers, horizon, feedback):
        return None
    mask = feedback.mask(x)
    if mask is not None:
        # a window's zeros are zeros of the first weight
        if not isinstance(layers[0], Affine):
            return None
        weight, *bias = layers[0].tensors
        layers[0] = Affine(weight * mask.flatten(), bias[0] if bias else None)
    record = torch.cat([x, feedback.row(inputs, x.new_zeros(len(x), horizon - 1, outputs_of(feedback)))], dim=1)
    return ClosedLoop(layers, x.shape[1], horizon, feedback, residual)(record)


def worth_it(x: Tensor, layers: list[StepLayer], horizon: int, feedback: Feedback) -> bool:
    """Several steps whose fed-back channels are slices, and a plain stack."""
    slices = _consecutive(feedback.output_channels) and _consecutive(feedback.fed_back)
    return slices and horizon > 1 and is_plain(x, layers)


def is_plain(x: Tensor, layers: list[StepLayer]) -> bool:
    """One dtype throughout, and nobody who wants more of torch than a first derivative."""
    one_dtype = all(tensor.dtype == x.dtype for layer in layers for tensor in layer.tensors)
    watched = (
        torch.is_autocast_enabled(x.device.type)
        or torch._C._are_functorch_transforms_active()
        or torch.autograd.forward_ad._current_level >= 0
    )
    return one_dtype and x.is_floating_point() and not watched


def outputs_of(feedback: Feedback) -> int:
    """Channels of y as far as they are fed back."""
    return 1 + max(feedback.fed_back, default=-1)


def behind_flatten(module: nn.Module) -> list[StepLayer] | None:
    """The layers of a Sequential after its Flatten; None where it does not begin with one, or holds any other layer."""
    if type(module) is not nn.Sequential or is_watched(module) or not len(module):
        return None
    first, *rest = module
    whole = type(first) is Flatten or (type(first) is nn.Flatten and (first.start_dim, first.end_dim) == (1, -1))
    return chain(rest) if whole and not is_watched(first) else None


def _consecutive(channels: tuple[int, ...]) -> bool:
    """Whether they are a slice: indexing by a list costs more than a small layer."""
    return bool(channels) and channels == tuple(range(channels[0], channels[0] + len(channels)))
