"""Damped Gauss-Newton on a sum of squares, as a torch optimiser."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor, nn

LEAST_DAMPING = 1e-12
MOST_DAMPING = 1e12
LEAST_INFLUENCE = 1e-6
"""Below this share of its largest curvature a parameter is damped as if it still had so much."""
TRIES = 12
"""Steps of one iteration that may be rejected, each more damped than the one before."""


class NormalEquations(NamedTuple):
    """Around the present parameters theta (P): cost(theta + d) is about cost - 2 g'd + d'H d, H (P, P), g (P)."""

    H: Tensor
    g: Tensor
    cost: float


class LeastSquares(Protocol):
    """What is made small. Both are taken at the parameters as they are; a cost that is no number is infinite."""

    def cost(self) -> float: ...

    def normal_equations(self) -> NormalEquations: ...


class LevenbergMarquardt(torch.optim.Optimizer):
    """theta + d with (H + damping D) d = g, the damping following how well the linear model foretold the cost.

    D is diag(H), and at least `LEAST_INFLUENCE` of the largest diag(H) until now: the influence of a parameter may
    vanish, as where a gate saturates, and a step scaled by what is left of it would throw the parameter away.

    One call of `step(closure)` is one iteration; the closure returns the `LeastSquares` problem. A step that does not
    lower the cost, or leads to no number, is taken back and tried with more damping; after `TRIES` of them the
    parameters stay as they are. `gain` is the relative decrease of the last iteration.
    Source: Marquardt, An Algorithm for Least-Squares Estimation of Nonlinear Parameters (1963); the rule for the
    damping: Nielsen, Damping Parameter in Marquardt's Method (1999).
    """

    def __init__(self, params: Iterable[nn.Parameter], damping: float = 1e-2) -> None:
        if not damping > 0:
            raise ValueError(f"damping must be above 0, not {damping}")
        super().__init__(params, {"damping": damping, "growth": 2.0})
        if len(self.param_groups) != 1:
            raise ValueError("LevenbergMarquardt takes one group of parameters")
        self.gain = math.inf

    @torch.no_grad()
    def step(self, closure: Callable[[], LeastSquares]) -> float:  # type: ignore[override]
        """One iteration; returns the cost behind it."""
        problem = closure()
        H, g, cost = problem.normal_equations()
        before, D = self._vector(), self._scaling(H.diagonal())
        for _ in range(TRIES):
            move = damped_step(H, g, self._group["damping"], D)
            if move is not None:
                self._write(before + move)
                reached = problem.cost()
                if reached < cost:
                    self._trust(cost - reached, float(move @ (2 * g - H @ move)))
                    self.gain = (cost - reached) / cost
                    return reached
            self._distrust()
            if self._group["damping"] >= MOST_DAMPING:
                break
        self._write(before)
        self.gain = 0.0
        return problem.cost()

    def _scaling(self, curvature: Tensor) -> Tensor:
        """D; the largest curvatures are kept where a state of torch's optimisers is."""
        kept = self.state[self._group["params"][0]]
        if not curvature.isfinite().all():
            return curvature
        kept["curvature"] = torch.maximum(curvature, kept.get("curvature", curvature))
        return torch.maximum(curvature, LEAST_INFLUENCE * kept["curvature"])

    def _trust(self, decrease: float, foretold: float) -> None:
        ratio = decrease / foretold if foretold > 0 else 1.0
        factor = max(1 / 10, 1 - (2 * min(ratio, 1.0) - 1) ** 3)
        self._group["damping"] = max(LEAST_DAMPING, self._group["damping"] * factor)
        self._group["growth"] = 2.0

    def _distrust(self) -> None:
        self._group["damping"] = min(MOST_DAMPING, self._group["damping"] * self._group["growth"])
        self._group["growth"] = min(64.0, self._group["growth"] * 2)

    @property
    def _group(self) -> dict[str, Any]:
        return self.param_groups[0]

    def _vector(self) -> Tensor:
        return torch.cat([parameter.detach().reshape(-1) for parameter in self._group["params"]])

    def _write(self, vector: Tensor) -> None:
        first = 0
        for parameter in self._group["params"]:
            parameter.copy_(vector[first : first + parameter.numel()].reshape(parameter.shape))
            first += parameter.numel()


def damped_step(H: Tensor, g: Tensor, damping: float, D: Tensor | None = None) -> Tensor | None:
    """d of (H + damping D) d = g, D (P) being the diagonal of H where it is left out; None where H is no number or too
    far from positive definite.

    Directions that nothing depends on get no step; parameters are scaled by D before the equations are solved.
    """
    D = H.diagonal() if D is None else D
    if not (H.isfinite().all() and g.isfinite().all()):
        return None
    alive = torch.gt(D, D.max() * torch.finfo(H.dtype).eps ** 2)
    scale = torch.where(alive, D.clamp_min(torch.finfo(H.dtype).tiny).rsqrt(), torch.zeros_like(D))
    scaled = H * scale[:, None] * scale
    scaled.diagonal().add_(torch.where(alive, damping, 1.0))
    factor, info = torch.linalg.cholesky_ex(scaled)
    if info != 0:
        return None
    return torch.cholesky_solve((g * scale)[:, None], factor)[:, 0] * scale
