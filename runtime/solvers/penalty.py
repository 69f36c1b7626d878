"""A prior that pulls parameters to where a training started."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Penalty:
    """sum(weight (theta - reference)^2) over all parameters laid end to end, weight and reference (P)."""

    weight: Tensor
    reference: Tensor

    @classmethod
    def none(cls, parameters: Mapping[str, Tensor]) -> Penalty:
        reference = flat(parameters)
        return cls(torch.zeros_like(reference), reference)

    def cost(self, parameters: Mapping[str, Tensor]) -> float:
        return float((self.weight * (flat(parameters) - self.reference).square()).sum())

    def add(self, H: Tensor, g: Tensor, parameters: Mapping[str, Tensor]) -> None:
        """Its part of the normal equations, in place."""
        H.diagonal().add_(self.weight)
        g.sub_(self.weight * (flat(parameters) - self.reference))


def flat(parameters: Mapping[str, Tensor]) -> Tensor:
    """All parameters laid end to end, (P)."""
    return torch.cat([value.detach().reshape(-1) for value in parameters.values()])
