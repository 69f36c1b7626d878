"""Whether an explicit solver can follow equations in the steps that it is given, and what to write where it cannot."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from sysidc.runtime.nn.equations import Equations
from sysidc.runtime.solvers.simulation_problem import Records

MOST_SUBSTEPS = 20
"""Beyond so many only the implicit solver is proposed."""
SAMPLES = 50
ORDERS = {"rk4": 4, "euler": 1}


def stiffness(stack: nn.Module, records: Sequence[Records]) -> list[str]:
    """A sentence with a cure for each block of equations whose explicit steps are unstable where the system is not.

    Equations are linearised at some samples of the records, around the states of the last simulation, and where there
    are none that are finite at the declared start.
    """
    told = []
    for layer in stack.modules():
        if isinstance(layer, Equations) and layer.solver in ORDERS:
            poles = torch.cat([_poles(layer, *_seen(item, layer)) for item in records])
            if (worst := _unstable(layer.solver, poles * layer.interval)).any():
                told.append(_sentence(layer, poles[worst], poles))
    return told


def amplification(solver: str, z: Tensor) -> Tensor:
    """|R(z)|, by which a step multiplies a mode with z = step * pole; R is the exponential series up to the order.

    Source: Hairer, Wanner, Solving Ordinary Differential Equations II, 2nd ed. (1996), section IV.2.
    """
    total, term = torch.ones_like(z), torch.ones_like(z)
    for power in range(1, ORDERS[solver] + 1):
        term = term * z / power
        total = total + term
    return total.abs()


def _unstable(solver: str, z: Tensor) -> Tensor:
    """Modes that decay and grow in the solver's steps. What hardly decays is left to the fit."""
    return (z.real < -0.1) & (amplification(solver, z) > 1)


def _seen(item: Records, layer: Equations) -> tuple[Tensor, Tensor | None]:
    """Inputs (samples, inputs) and states (samples, states) at samples all over a record; equations come first."""
    at = torch.linspace(0, item.u.shape[1] - 1, min(SAMPLES, item.u.shape[1])).long()
    return item.u[0, at], None if item.states is None else item.states[0, at, : layer.states]


def _poles(layer: Equations, u: Tensor, states: Tensor | None) -> Tensor:
    """Eigenvalues [1/s] of the linearised equations at every sample, (samples * states)."""
    inputs = (u * layer.input_scale + layer.input_shift).double()
    x = layer.state_start.expand(len(u), -1) if states is None else states * layer.state_scale
    x = torch.where(x.isfinite(), x, layer.state_start).double()
    numbers = tuple(value.detach().double() for value in layer.numbers())

    def rates(state: Tensor, now: Tensor) -> Tensor:
        moved: Sequence[Tensor] = layer.rates(state.unbind(-1), now.unbind(-1), numbers)
        return torch.stack(tuple(moved), dim=-1)

    jacobians = torch.func.vmap(torch.func.jacrev(rates))(x, inputs)
    poles: Tensor = torch.linalg.eigvals(jacobians[jacobians.isfinite().flatten(1).all(dim=1)])
    return poles.flatten()


def _sentence(layer: Equations, worst: Tensor, poles: Tensor) -> str:
    fastest = 1 / float(worst.abs().max())
    cures = ["`solver = implicit`"]
    enough = next((n for n in range(2, MOST_SUBSTEPS + 1) if _follows(layer, poles, n)), None)
    if enough is not None:
        cures.append(f"`substeps = {enough}`")
    return (
        f"{layer.name}: {layer.solver} is unstable in steps of {layer.interval:.3g} s, the fastest time constant is "
        f"{fastest:.2g} s; write {' or '.join(cures)}"
    )


def _follows(layer: Equations, poles: Tensor, substeps: int) -> bool:
    """Whether so many steps in a sampling time are stable."""
    step = layer.interval * layer.substeps / substeps
    assert layer.solver is not None
    return substeps > layer.substeps and not bool(_unstable(layer.solver, poles * step).any())
