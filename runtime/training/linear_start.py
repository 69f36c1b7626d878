"""The linear model that a chain starts from: by a subspace method, refined on its output error, put into the layers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain as joined
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor, nn

from sysidc.runtime.nn.chain import Chain
from sysidc.runtime.nn.correction import Correction
from sysidc.runtime.nn.curve import Curve, Spline
from sysidc.runtime.nn.linear_dynamics import LinearDynamics
from sysidc.runtime.nn.lru import LRU
from sysidc.runtime.nn.pointwise import BoundedLinearUnit, Clip
from sysidc.runtime.nn.polynomial_state_space import PolynomialStateSpace
from sysidc.runtime.nn.state_space import StateSpace
from sysidc.runtime.solvers.excited import moving_inputs
from sysidc.runtime.solvers.hankel import Pair
from sysidc.runtime.solvers.levenberg_marquardt import LevenbergMarquardt
from sysidc.runtime.solvers.linear_model import LinearModel
from sysidc.runtime.solvers.simulation_problem import Records, SimulationProblem
from sysidc.runtime.solvers.subspace import subspace

RealLayer: TypeAlias = LinearDynamics | StateSpace | PolynomialStateSpace
LinearLayer: TypeAlias = RealLayer | LRU
LINEAR = (LinearDynamics, StateSpace, PolynomialStateSpace, LRU)
PASSING = (Curve, Clip, BoundedLinearUnit, nn.Identity)
"""Layers that a linear model may ignore: they start as the identity, or only cut extremes."""

ITERATIONS = 25
RUNAWAY = 1.001
"""The size of a pole that is not that of an integrator any more."""
CALM = 2.0
"""A stable model may miss so many times what an unstable one does."""
LONGEST = 20_000
"""Samples that the refinement looks at: a linear model needs no more."""


@dataclass(frozen=True)
class LinearStart:
    """A linear model of normalised signals less their means, and what it misses: the root mean square of its simulation
    error over that of the outputs."""

    model: LinearModel
    input_mean: np.ndarray
    output_mean: np.ndarray
    missed: float

    @property
    def told(self) -> str:
        return f"linear model of {self.model.order} states, which misses {100 * self.missed:.3g} % of the output"

    def centred(self, records: Sequence[Records]) -> list[Pair]:
        """u and y (time, channels) of each record less the means, the steps with outputs."""
        return [(u - self.input_mean, y - self.output_mean) for item in records for u, y in _pairs(item)]


def elements(module: nn.Module) -> Iterator[nn.Module]:
    """The layers of a chain one after another, corrections and sequences opened."""
    if isinstance(module, Correction):
        yield from elements(module.module)
    elif isinstance(module, nn.Sequential):
        yield from joined.from_iterable(elements(child) for child in module)
    else:
        yield module


def linear_layers(chain: nn.Module) -> list[LinearLayer]:
    """The layers with linear dynamics, where nothing but them and curves stands in the chain; else none."""
    found = list(elements(chain))
    if not all(isinstance(layer, (*LINEAR, *PASSING)) for layer in found):
        return []
    return [layer for layer in found if isinstance(layer, LINEAR)]


def fit_linear(chain: Chain, records: Sequence[Records], block: int, states: int | None) -> LinearStart:
    """The linear model of `states` states with the least simulation error on the first `LONGEST` samples of records;
    None leaves the order to their singular values.

    Raises ValueError, with a sentence, for records that no linear model can be estimated from.
    """
    shorter = [_first(item) for item in records]
    pairs = [(u, y) for item in shorter for u, y in _pairs(item)]
    input_mean, output_mean = (np.mean(np.concatenate([pair[side] for pair in pairs]), axis=0) for side in (0, 1))
    centred = [(u - input_mean, y - output_mean) for u, y in pairs]
    model = _estimated(centred, block, states).scaled([u for u, _ in centred])
    model, missed = refine(model, chain, shorter, input_mean, output_mean)
    if np.abs(model.poles()).max(initial=0.0) > RUNAWAY:
        # on short records an unstable state fits noise, and runs away on longer ones
        calm = refine(model.stabilised(), chain, shorter, input_mean, output_mean, iterations=0)
        model, missed = calm if calm[1] <= CALM * missed else (model, missed)
    return LinearStart(model.scaled([u for u, _ in centred]), input_mean, output_mean, missed)


def _estimated(pairs: Sequence[Pair], block: int, states: int | None) -> LinearModel:
    """By the subspace method, from the inputs that move each on its own; the others do nothing in it."""
    inputs = pairs[0][0].shape[1]
    moving = moving_inputs(np.concatenate([u for u, _ in pairs])) or list(range(inputs))
    model = subspace([(u[:, moving], y) for u, y in pairs], block, states).model
    B, D = np.zeros((model.order, inputs)), np.zeros((len(model.D), inputs))
    B[:, moving], D[:, moving] = model.B, model.D
    return LinearModel(model.A, B, model.C, D)


def refine(
    model: LinearModel,
    chain: Chain,
    records: Sequence[Records],
    input_mean: np.ndarray,
    output_mean: np.ndarray,
    iterations: int = ITERATIONS,
) -> tuple[LinearModel, float]:
    """The same model after Levenberg-Marquardt on its simulation error, and the share that it misses."""
    like = next(chain.parameters())
    outputs, states = model.C.shape
    layer = LinearDynamics(model.B.shape[1], outputs, states, "estimate" if chain.known else "zero").to(like)
    write(layer, LinearStart(model, input_mean, output_mean, 0.0))
    known = range(len(chain.input_channels), len(chain.input_channels) + len(chain.known_channels))
    linear = Chain({"linear": layer}, range(len(chain.input_channels)), known, chain.known, layer.initial).to(like)
    shift_u, shift_y = (torch.as_tensor(mean).to(like) for mean in (input_mean, output_mean))
    moved = [Records(item.u - shift_u, item.known - shift_y, item.y - shift_y, item.skipped) for item in records]
    remember(linear, moved)
    problem = SimulationProblem(linear, moved, 1.0)
    problem.variance = max(problem.squared_error() / problem.samples, 1e-30)
    optimizer = LevenbergMarquardt(linear.parameters())
    for _ in range(iterations):
        optimizer.step(lambda: problem)
        if optimizer.gain < 1e-6:
            break
    size = float(torch.cat([item.y.flatten() for item in moved]).square().mean())
    matrices = [matrix.detach().double().cpu().numpy() for matrix in (layer.A, layer.B, layer.C, layer.D)]
    return LinearModel(*matrices), (problem.squared_error() / problem.samples / max(size, 1e-30)) ** 0.5


def remember(chain: Chain, records: Sequence[Records]) -> None:
    """Set the prior of the chain's start from the states along the records as the chain simulates them now.

    Done twice: the first simulation starts from states that were found with the prior before.
    """
    if not chain.states:
        return
    for _ in range(2):
        problem = SimulationProblem(chain, records, 1.0)
        squares = problem.squared_error()
        seen = [item.states.reshape(-1, chain.states) for item in records if item.states is not None]
        if not seen or not squares < torch.inf:
            return
        chain.remember(torch.cat(seen), squares / problem.samples)
        for item in records:
            item.states = None


def write(layer: RealLayer, start: LinearStart) -> None:
    """The linear part of a layer; what bends it stays as it is, which is zero at the start."""
    integrates = isinstance(layer, StateSpace) and layer.integrators
    model = start.model.integrators_first() if integrates else start.model
    with torch.no_grad():
        for parameter, matrix in ((layer.A, model.A), (layer.B, model.B), (layer.C, model.C), (layer.D, model.D)):
            parameter.copy_(torch.as_tensor(matrix))
        if not isinstance(layer, LinearDynamics):
            layer.b_x.copy_(torch.as_tensor(-model.B @ start.input_mean))
            layer.b_y.copy_(torch.as_tensor(start.output_mean - model.D @ start.input_mean))


def cover(curve: Curve, values: Tensor, margin: float = 0.2) -> None:
    """Let a spline span the values (..., channels) that reach it, and a margin; it is the identity there again."""
    if isinstance(curve.curve, Spline):
        flat = values.reshape(-1, values.shape[-1])
        low, high = flat.amin(dim=0), flat.amax(dim=0)
        reach = (high - low).clamp_min(1e-6) * margin / 2
        curve.curve.cover(low - reach, high + reach)


def _first(item: Records) -> Records:
    """The beginning of long records."""
    steps = max(item.u.shape[1] - item.y.shape[1] + 2, LONGEST // len(item.u))
    behind = item.u.shape[1] - item.y.shape[1]
    return Records(item.u[:, :steps], item.known, item.y[:, : max(1, steps - behind)], item.skipped)


def _pairs(item: Records) -> Iterator[Pair]:
    """u and y (time, channels) of each record, the steps with outputs."""
    measured = torch.cat([item.known, item.y], dim=1) if item.known.shape[1] else item.y
    u = item.u[:, item.u.shape[1] - measured.shape[1] :]
    yield from zip(u.double().cpu().numpy(), measured.double().cpu().numpy(), strict=True)
