"""Layers one step at a time with their derivatives written out: what a closed loop is made of."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

from sysidc.runtime.nn.recurrent import GRU
from sysidc.runtime.nn.wrappers import ResidualConnectionWrapper

MOST_ELEMENTS = 1 << 22  # numbers gathered at once for the gradient of a weight
aten = torch.ops.aten


class StepLayer:
    """One layer of a closed loop: x (batch, features) -> y (batch, features), called step by step.

    `forward` remembers what `backward` needs where `remembers` is set. `backward` is called for the last step first
    and turns the gradient of y into that of x. `gradients` are those of `tensors`, summed over all steps. `states` of
    them, at the end of `tensors`, are start states.
    """

    tensors: tuple[Tensor, ...] = ()
    states = 0
    remembers = True

    def forward(self, x: Tensor) -> Tensor:
        return x

    def begin_forward(self) -> None:
        """Forget what an earlier pass remembered."""

    def begin_backward(self) -> None:
        """Forget the gradients of an earlier pass."""

    def backward(self, gradient: Tensor, step: int) -> Tensor:
        return gradient

    def gradients(self) -> list[Tensor]:
        return []


class Affine(StepLayer):
    """y = W x + b, torch.nn.Linear."""

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        self.tensors = (weight,) if bias is None else (weight, bias)
        self.weight, self.bias = weight.detach(), None if bias is None else bias.detach()
        self._transposed = self.weight.t()
        self.inputs: list[Tensor] = []
        self.outer: list[Tensor] = []

    def forward(self, x: Tensor) -> Tensor:
        if self.remembers:
            self.inputs.append(x)
        return x @ self._transposed if self.bias is None else torch.addmm(self.bias, x, self._transposed)

    def begin_forward(self) -> None:
        self.inputs = []

    def begin_backward(self) -> None:
        self.outer = []

    def backward(self, gradient: Tensor, step: int) -> Tensor:
        self.outer.append(gradient)
        return gradient @ self.weight

    def add_backward(self, gradient: Tensor, into: Tensor, first: int) -> None:
        """As `backward`, added to `into`, but only for the features from `first` on."""
        self.outer.append(gradient)
        if first == 0:
            into.addmm_(gradient, self.weight)
        elif first < into.shape[1]:
            into[:, first:].addmm_(gradient, self.weight[:, first:])

    def gradients(self) -> list[Tensor]:
        weight, bias = outer_sums(self.outer, self.inputs[::-1])
        return [weight] if self.bias is None else [weight, bias]


class Pointwise(StepLayer):
    """y = f(x) for each number; `derivative(gradient, x, y)` is that of x."""

    def __init__(self, function: Callable[[Tensor], Tensor], derivative: Callable[[Tensor, Tensor, Tensor], Tensor]):
        self.function, self.derivative = function, derivative
        self.seen: list[tuple[Tensor, Tensor]] = []

    def forward(self, x: Tensor) -> Tensor:
        y = self.function(x)
        if self.remembers:
            self.seen.append((x, y))
        return y

    def begin_forward(self) -> None:
        self.seen = []

    def backward(self, gradient: Tensor, step: int) -> Tensor:
        return self.derivative(gradient, *self.seen[step])


class Sum(StepLayer):
    """y = x + branch(x), ResidualConnectionWrapper."""

    def __init__(self, branch: list[StepLayer]) -> None:
        self.branch = branch
        self.tensors = tuple(tensor for layer in branch for tensor in layer.tensors)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.branch:
            layer.remembers = self.remembers
        return x + through(self.branch, x)

    def begin_forward(self) -> None:
        for layer in self.branch:
            layer.begin_forward()

    def begin_backward(self) -> None:
        for layer in self.branch:
            layer.begin_backward()

    def backward(self, gradient: Tensor, step: int) -> Tensor:
        inner = gradient
        for layer in reversed(self.branch):
            inner = layer.backward(inner, step)
        return gradient + inner

    def gradients(self) -> list[Tensor]:
        return [gradient for layer in self.branch for gradient in layer.gradients()]


class GatedRecurrent(StepLayer):
    """h = n + z (h' - n), n = tanh(A x + a + r (B h' + b)), r and z logistic: one layer of torch.nn.GRU."""

    states = 1

    def __init__(self, weights: tuple[Tensor, ...], state: Tensor) -> None:
        self.tensors = (*weights, state)
        self.inner, self.recurrent, *biases = (weight.detach() for weight in weights)
        zeros = self.inner.new_zeros(len(self.inner))
        self.inner_bias, self.recurrent_bias = biases or (zeros, zeros)
        self.state = state.detach()
        self.seen: list[tuple[Tensor, ...]] = []
        self.outer: list[tuple[Tensor, Tensor]] = []
        self.state_gradient = torch.zeros_like(self.state)

    def forward(self, x: Tensor) -> Tensor:
        h, width = self.state, self.state.shape[1]
        from_x = torch.addmm(self.inner_bias, x, self.inner.t())
        from_h = torch.addmm(self.recurrent_bias, h, self.recurrent.t())
        gates = (from_x[:, : 2 * width] + from_h[:, : 2 * width]).sigmoid_()
        r, z = gates[:, :width], gates[:, width:]
        n = torch.addcmul(from_x[:, 2 * width :], r, from_h[:, 2 * width :]).tanh_()
        if self.remembers:
            self.seen.append((x, h, gates, n, from_h[:, 2 * width :]))
        self.state = torch.lerp(n, h, z)
        return self.state

    def begin_backward(self) -> None:
        self.outer, self.state_gradient = [], torch.zeros_like(self.state)

    def backward(self, gradient: Tensor, step: int) -> Tensor:
        _, h, gates, n, from_h = self.seen[step]
        r, z = gates.chunk(2, dim=1)
        change = gradient + self.state_gradient
        kept = change * z
        to_n = aten.tanh_backward(change - kept, n)
        to_gates = aten.sigmoid_backward(torch.cat([to_n * from_h, change * (h - n)], dim=1), gates)
        to_x = torch.cat([to_gates, to_n], dim=1)
        to_h = torch.cat([to_gates, to_n * r], dim=1)
        self.outer.append((to_x, to_h))
        self.state_gradient = torch.addmm(kept, to_h, self.recurrent)
        return to_x @ self.inner

    def gradients(self) -> list[Tensor]:
        seen = self.seen[::-1]
        inner, inner_bias = outer_sums([to_x for to_x, _ in self.outer], [x for x, *_ in seen])
        recurrent, recurrent_bias = outer_sums([to_h for _, to_h in self.outer], [h for _, h, *_ in seen])
        biases = [inner_bias, recurrent_bias] if len(self.tensors) == 5 else []
        return [inner, recurrent, *biases, self.state_gradient]


def through(layers: list[StepLayer], x: Tensor) -> Tensor:
    for layer in layers:
        x = layer.forward(x)
    return x


def outer_sums(gradients: list[Tensor], inputs: list[Tensor]) -> tuple[Tensor, Tensor]:
    """sum over steps and batch of g x^T and of g: all steps in one product, or in a few where they are many."""
    if len(inputs) == 1:
        return gradients[0].t().mm(inputs[0]), gradients[0].sum(0)
    batch, features = inputs[0].shape
    at_once = max(1, MOST_ELEMENTS // max(1, batch * features))
    weight = gradients[0].new_zeros(gradients[0].shape[1], features)
    bias = gradients[0].new_zeros(gradients[0].shape[1])
    for first in range(0, len(inputs), at_once):
        outer = torch.cat(gradients[first : first + at_once])
        weight.addmm_(outer.t(), torch.cat(inputs[first : first + at_once]))
        bias += outer.sum(0)
    return weight, bias


# --- from torch's layers -----------------------------------------------------------------------------------------


def _gelu(layer: Any) -> Pointwise:
    return Pointwise(layer.forward, lambda g, x, y: aten.gelu_backward(g, x, approximate=layer.approximate))


POINTWISE: dict[type[nn.Module], Callable[[Any], Pointwise]] = {
    nn.Tanh: lambda layer: Pointwise(torch.tanh, lambda g, x, y: aten.tanh_backward(g, y)),
    nn.Sigmoid: lambda layer: Pointwise(torch.sigmoid, lambda g, x, y: aten.sigmoid_backward(g, y)),
    nn.ReLU: lambda layer: Pointwise(torch.relu, lambda g, x, y: aten.threshold_backward(g, y, 0)),
    nn.SiLU: lambda layer: Pointwise(nn.functional.silu, lambda g, x, y: aten.silu_backward(g, x)),
    nn.GELU: _gelu,
    nn.ELU: lambda layer: Pointwise(
        lambda x: nn.functional.elu(x, layer.alpha),
        lambda g, x, y: aten.elu_backward(g, layer.alpha, 1, 1, False, x),
    ),
    nn.LeakyReLU: lambda layer: Pointwise(
        lambda x: nn.functional.leaky_relu(x, layer.negative_slope),
        lambda g, x, y: aten.leaky_relu_backward(g, x, layer.negative_slope, False),
    ),
    nn.Softplus: lambda layer: Pointwise(
        lambda x: nn.functional.softplus(x, layer.beta, layer.threshold),
        lambda g, x, y: aten.softplus_backward(g, x, layer.beta, layer.threshold),
    ),
}
"""Exact types: a subclass may compute something else."""


def step_layers(module: nn.Module, state: Tensor | None = None) -> list[StepLayer] | None:
    """The layers of a per-step or recurrent module, None where one has no derivative here or is being watched.

    `state` (num_layers, batch, hidden) is where a recurrent layer starts.
    """
    if is_watched(module):
        return None
    kind = type(module)
    if kind is nn.Identity:
        return []
    if kind is nn.Linear:
        return [Affine(module.weight, module.bias)]  # type: ignore[arg-type]
    if kind in POINTWISE:
        return [POINTWISE[kind](module)]
    if kind is nn.Sequential:
        return chain(module.children())
    if kind is ResidualConnectionWrapper:
        branch = chain([module.module])  # type: ignore[list-item]
        return None if branch is None else [Sum(branch)]
    if isinstance(module, GRU) and state is not None and not is_watched(module.cell):
        return _recurrent(module.cell, state)
    return None


def chain(modules: Iterable[nn.Module]) -> list[StepLayer] | None:
    """The layers of per-step modules one after the other."""
    found: list[StepLayer] = []
    for module in modules:
        layers = step_layers(module)
        if layers is None:
            return None
        found += layers
    return found


def _recurrent(cell: nn.RNNBase, state: Tensor) -> list[StepLayer] | None:
    if cell.dropout and cell.training:
        return None
    return [GatedRecurrent(tuple(weights), state[i]) for i, weights in enumerate(cell.all_weights)]


def is_watched(module: nn.Module) -> bool:
    """Whether hooks wait for the module to be called."""
    return bool(
        module._forward_hooks or module._forward_pre_hooks or module._backward_hooks or module._backward_pre_hooks
    )
