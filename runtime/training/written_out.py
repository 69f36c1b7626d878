"""Training steps whose derivatives are written out: for stacks of Flatten, Linear and activations no graph is built.

Building and walking autograd's graph costs more than half of a small network's step. The operations here are those that
autograd would take, in its order, so the weights are the same to the last bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from sysidc.runtime.training.closed_loop import behind_flatten, is_plain
from sysidc.runtime.training.step_derivatives import Affine, StepLayer, through

if TYPE_CHECKING:
    from sysidc.runtime.training.step import Loss, TrainingModule

aten: Any = torch.ops.aten


class WrittenOut:
    """The gradient of one batch, left in the `.grad` of the parameters of layers that stand behind a Flatten."""

    def __init__(self, module: TrainingModule, layers: list[StepLayer]) -> None:
        self.module, self.layers = module, layers
        self.parameters = [tensor for layer in layers for tensor in layer.tensors]

    @torch.no_grad()
    def __call__(self, batch: Sequence[Tensor]) -> Tensor:
        """The loss of (x, y, ...), x (batch, time, channels)."""
        for layer in self.layers:
            layer.begin_forward()
        prediction = through(self.layers, batch[0].flatten(1))
        loss, slope = self.module.loss_and_slope(prediction.unsqueeze(1), batch)
        self._backward(slope.squeeze(1))
        for parameter, gradient in zip(self.parameters, self._gradients(), strict=True):
            parameter.grad = gradient
        return loss

    def _backward(self, slope: Tensor) -> None:
        """From the last layer to the first, whose inputs need no gradient."""
        first, *rest = self.layers
        for layer in self.layers:
            layer.begin_backward()
        for layer in reversed(rest):
            slope = layer.backward(slope, 0)
        assert isinstance(first, Affine)
        first.outer.append(slope)

    def _gradients(self) -> list[Tensor]:
        return [gradient for layer in self.layers for gradient in layer.gradients()]


def written_out(module: TrainingModule, batch: Sequence[Tensor], learning: Sequence[Tensor]) -> WrittenOut | None:
    """None where a step is not the derivative of such a stack alone, or somebody waits for autograd to pass by.

    `learning` are the parameters of the optimiser.
    """
    if not vars(type(module)).get("knows_slope"):
        return None
    layers = behind_flatten(module.module)
    if not layers or not isinstance(layers[0], Affine) or not is_plain(batch[0], layers):
        return None
    parameters = [tensor for layer in layers for tensor in layer.tensors]
    once = {id(parameter) for parameter in parameters} == {id(parameter) for parameter in learning}
    if not once or len(parameters) != len(learning) or any(_is_awaited(parameter) for parameter in parameters):
        return None
    return WrittenOut(module, layers)


def slope_of(loss: Loss, prediction: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """The loss and its derivative by the prediction."""
    if loss is mse_loss or (isinstance(loss, nn.MSELoss) and type(loss) is nn.MSELoss and loss.reduction == "mean"):
        value = mse_loss(prediction, target)
        return value, aten.mse_loss_backward(torch.ones_like(value), prediction, target, 1)
    with torch.enable_grad():
        leaf = prediction.detach().requires_grad_()
        value = loss(leaf, target)
        (slope,) = torch.autograd.grad(value, leaf)
    return value.detach(), slope


def _is_awaited(parameter: Tensor) -> bool:
    return bool(parameter._backward_hooks) or bool(parameter._post_accumulate_grad_hooks)
