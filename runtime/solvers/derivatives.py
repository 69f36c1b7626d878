"""One step of a model for many samples at once, with its derivatives in state and parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, TypeAlias

import torch
from torch import Tensor, nn
from torch.func import functional_call, jacrev, vmap

from sysidc.runtime.nn.state import step

Parameters: TypeAlias = Mapping[str, Tensor]


class Local(NamedTuple):
    """Values and derivatives at N samples: x[k+1] (N, n) and y[k] (N, p), A = dx[k+1]/dx[k] (N, n, n), C = dy/dx
    (N, p, n), G = dx[k+1]/dtheta (N, n, P), H = dy/dtheta (N, p, P)."""

    after: Tensor
    output: Tensor
    A: Tensor
    C: Tensor
    G: Tensor
    H: Tensor


class _Step(nn.Module):
    """A module whose forward is its step, as functional_call wants it."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, x: Tensor, u: Tensor) -> Tensor:
        return torch.cat(step(self.module, x, u), dim=-1)


def in_parameters(module: nn.Module, parameters: Parameters, x: Tensor, u: Tensor) -> Local:
    """All derivatives by reverse differentiation, one pass per state and output, side by side over the samples.

    `parameters` are those of `module` that the columns of G and H belong to, in order, under its own names.
    """
    wrapped = _Step(module)
    named = {f"module.{name}": value for name, value in parameters.items()}
    n = x.shape[1]

    def both(values: dict[str, Tensor], state: Tensor, now: Tensor) -> tuple[Tensor, Tensor]:
        result = functional_call(wrapped, values, (state, now))
        return result, result

    jacobians = vmap(jacrev(both, argnums=(0, 1), has_aux=True), in_dims=(None, 0, 0))
    (slopes, in_state), values = jacobians(named, x, u)
    columns = torch.cat([slopes[name].flatten(2) for name in named], dim=2)
    return Local(values[:, :n], values[:, n:], in_state[:, :n], in_state[:, n:], columns[:, :n], columns[:, n:])
