"""Priors of parameters: some are pulled to where a training started, curves stay smooth where no data bend them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor


@dataclass(frozen=True)
class Penalty:
    """sum(weight (theta - reference)^2) + smoothing theta' roughness theta over all parameters laid end to end.

    weight and reference (P,); roughness (P, P), symmetric, or None.
    """

    weight: Tensor
    reference: Tensor
    roughness: Tensor | None = None
    smoothing: float = 1.0

    @classmethod
    def none(cls, parameters: Mapping[str, Tensor]) -> Penalty:
        reference = flat(parameters)
        return cls(torch.zeros_like(reference), reference)

    def smoothed(self, weight: float) -> Penalty:
        """The same with this weight of the roughness."""
        return replace(self, smoothing=weight)

    def cost(self, parameters: Mapping[str, Tensor]) -> float:
        theta = flat(parameters)
        pulled = (self.weight * (theta - self.reference).square()).sum()
        return float(pulled if self.roughness is None else pulled + self.smoothing * (theta @ self.roughness @ theta))

    def add(self, H: Tensor, g: Tensor, parameters: Mapping[str, Tensor]) -> None:
        """Its part of the normal equations, in place."""
        theta = flat(parameters)
        H.diagonal().add_(self.weight)
        g.sub_(self.weight * (theta - self.reference))
        if self.roughness is not None:
            H.add_(self.roughness, alpha=self.smoothing)
            g.sub_(self.smoothing * (self.roughness @ theta))


def flat(parameters: Mapping[str, Tensor]) -> Tensor:
    """All parameters laid end to end, (P)."""
    return torch.cat([value.detach().reshape(-1) for value in parameters.values()])
