"""The simulation error of a chain over whole records as a least-squares problem."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.func import functional_call, jacrev

from sysidc.runtime.nn.chain import Chain
from sysidc.runtime.solvers.levenberg_marquardt import NormalEquations
from sysidc.runtime.solvers.newton import simulate
from sysidc.runtime.solvers.penalty import Penalty
from sysidc.runtime.solvers.sensitivities import sensitivities
from sysidc.runtime.solvers.start import Prior
from sysidc.runtime.solvers.sum_of_squares import SumOfSquares


@dataclass
class Records:
    """Records of one length: u (batch, time, inputs), the known outputs (batch, known, p) and the outputs y
    (batch, M, p) of the last M steps, of which the error leaves the first `skipped` out. `states` are those of the last
    simulation, `errors` what it missed and `at` the numbers of the model that it was made with."""

    u: Tensor
    known: Tensor
    y: Tensor
    skipped: int
    states: Tensor | None = field(default=None, repr=False)
    errors: Tensor | None = field(default=None, repr=False)
    at: Tensor | None = field(default=None, repr=False)

    @property
    def first(self) -> int:
        """The first step that counts."""
        return self.u.shape[1] - self.y.shape[1] + self.skipped


class SimulationProblem(SumOfSquares):
    """sum(e^2) / variance + penalty, e being the simulation error of every record from its own start.

    A start that is estimated or encoded depends on the parameters, and the derivatives know it: for an estimate by the
    normal equations of the start itself. Parameters are those of `chain` that require gradients, in order. Simulations
    begin with the states found last, so that a small step of the parameters costs little.
    """

    def __init__(
        self, chain: Chain, records: Sequence[Records], variance: float, penalty: Penalty | None = None
    ) -> None:
        super().__init__(chain, variance, penalty)
        self.chain, self.records = chain, list(records)

    @property
    def samples(self) -> int:
        """Outputs that count."""
        return int(self._total(sum(item.y[:, item.skipped :].numel() for item in self.records)))

    def squared_error(self) -> float:
        """sum(e^2) at the present parameters, infinite where the simulation leaves the finite numbers."""
        with torch.no_grad():
            total = self._total(sum(float(self._errors(item).square().sum()) for item in self.records))
        return torch.inf if math.isnan(total) else total

    def normal_equations(self) -> NormalEquations:
        (H, g), squares = self._empty_equations(), 0.0
        with torch.no_grad():
            for item in self.records:
                errors = self._errors(item)
                for first, J in self._rows(item):
                    e = errors[:, first - item.first :][:, : J.shape[1]].reshape(-1)
                    self._add_rows(H, g, J.reshape(-1, len(g)), e)
                squares += float(errors.square().sum())
        return self._with_penalty(H, g, squares)

    def slopes(self, item: Records) -> list[tuple[int, Tensor]]:
        """dy/dtheta (batch, steps, p, P) of the steps that count, in parts with the step that each begins at, along the
        simulation; nothing where that leaves the finite numbers from the first step on."""
        with torch.no_grad():
            self._errors(item)
            return list(self._rows(item))

    def _errors(self, item: Records) -> Tensor:
        """(batch, steps that count, p), by a simulation, whose states are kept as the next one's first guess. It is
        made once for the same numbers of the model."""
        numbers = self._numbers()
        known = item.states is not None and item.at is not None and torch.equal(numbers, item.at)
        if item.errors is None or not known:
            near = None if item.states is None else item.states[:, 0]
            start = self.chain.start(item.u, item.known, near)
            states, output = simulate(self.chain, start, item.u, item.states)
            if states.isfinite().all():
                item.states = states
            item.errors, item.at = item.y[:, item.skipped :] - output[:, item.first :], numbers
        return item.errors

    def _numbers(self) -> Tensor:
        """All that a simulation depends on besides the records: parameters and buffers, laid end to end."""
        held = [*self.chain.parameters(), *self.chain.buffers()]
        return torch.cat([value.detach().reshape(-1).double() for value in held])

    def _rows(self, item: Records) -> Iterator[tuple[int, Tensor]]:
        """dy/dtheta (batch, steps, p, P) with the step that each part begins at, part by part."""
        states = item.states
        if states is None:
            return
        at, S = self._start_sensitivity(item, states)
        for slab in sensitivities(self.chain, self.parameters, states, item.u, S, at, item.u.shape[1]):
            if slab.last > item.first:
                yield max(slab.first, item.first), slab.J[:, max(0, item.first - slab.first) :]

    def _start_sensitivity(self, item: Records, states: Tensor) -> tuple[int, Tensor]:
        """A step and dx/dtheta (batch, n, P) there, the start's own dependence included."""
        parameters = {name: value.detach() for name, value in self.parameters.items()}
        count = sum(value.numel() for value in parameters.values())
        batch, n = len(item.u), self.chain.states
        if self.chain.initial == "encoder":
            return 0, self._encoded(item, parameters)
        if self.chain.initial != "estimate":
            return 0, states.new_zeros(batch, n, count)
        return self._estimated(item, states, parameters, count)

    def _encoded(self, item: Records, parameters: Mapping[str, Tensor]) -> Tensor:
        def start(values: Mapping[str, Tensor]) -> Tensor:
            started: Tensor = functional_call(
                _Start(self.chain), {f"chain.{k}": v for k, v in values.items()}, (item.u, item.known)
            )
            return started

        slopes = jacrev(start)(dict(parameters))
        return torch.cat([slopes[name].flatten(2) for name in parameters], dim=2)

    def _estimated(
        self, item: Records, states: Tensor, parameters: Mapping[str, Tensor], count: int
    ) -> tuple[int, Tensor]:
        """dx[0]/dtheta = -(J'J / noise + covariance^-1)^-1 J' H / noise over the known steps, J in the start and H in
        theta, carried on to the step behind them."""
        batch, n, known = len(item.u), self.chain.states, self.chain.known
        identity = torch.eye(n).to(states).expand(batch, n, n)
        S = torch.cat([states.new_zeros(batch, n, count), identity], dim=2)
        *_, slab = [None, *sensitivities(self.chain, parameters, states, item.u, S, 0, known)]
        assert slab is not None and slab.first == 0, "the known steps fit into one slab"
        rows = slab.J.reshape(batch, -1, count + n)
        in_theta, in_start = rows[..., :count], rows[..., count:]
        prior = Prior(self.chain.state_mean, self.chain.state_covariance)
        M = in_start.transpose(1, 2) @ in_start / self.chain.noise + prior.inverse
        right = in_start.transpose(1, 2) @ in_theta / self.chain.noise
        free = prior.free.to(states)
        M = M * free[:, None] * free + torch.diag(1 - free)
        moved, _ = torch.linalg.solve_ex(M, right * free[:, None])  # no way for a start that nothing determines
        return known, slab.S[..., :count] - slab.S[..., count:] @ moved.nan_to_num()


class _Start(nn.Module):
    """A chain whose forward is its start, as functional_call wants it."""

    def __init__(self, chain: Chain) -> None:
        super().__init__()
        self.chain = chain

    def forward(self, u: Tensor, known: Tensor) -> Tensor:
        return self.chain.start(u, known)
