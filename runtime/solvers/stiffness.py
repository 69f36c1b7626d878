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
            modes = [_modes(layer, *_seen(item, layer)) for item in records]
            poles, shares = torch.cat([poles for poles, _ in modes]), torch.cat([shares for _, shares in modes])
            if (worst := _unstable(layer.solver, poles * layer.interval)).any():
                fastest = torch.where(worst, poles.abs(), 0.0).argmax()
                state = layer.state_names[int(shares[fastest].argmax())]
                told.append(_sentence(layer, state, 1 / float(poles[fastest].abs()), poles))
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
    """Inputs (samples, inputs) and states (samples, states) at samples all over a record, and where states change their
    sign, which is where friction is steepest; equations come first."""
    time = item.u.shape[1]
    at = torch.linspace(0, time - 1, min(SAMPLES, time)).long()
    if item.states is None:
        return item.u[0, at], None
    x = item.states[0, :, : layer.states]
    crossed, through = _crossings(x[:time], x[1 : time + 1])
    return torch.cat([item.u[0, at], item.u[0, crossed]]), torch.cat([x[at], through])


def _crossings(before: Tensor, after: Tensor) -> tuple[Tensor, Tensor]:
    """Steps (crossings) between which a state changes its sign, some of each, and the states (crossings, states) there:
    those of the straight line, the state that changes being 0."""
    steps, states = [], []
    for state in range(before.shape[1]):
        (found,) = torch.nonzero(before[:, state] * after[:, state] < 0, as_tuple=True)
        found = found[torch.linspace(0, len(found) - 1, min(SAMPLES, len(found))).long()]
        way = before[found, state] / (before[found, state] - after[found, state])
        steps.append(found)
        states.append(torch.lerp(before[found], after[found], way[:, None]))
    return torch.cat(steps), torch.cat(states)


def _modes(layer: Equations, u: Tensor, states: Tensor | None) -> tuple[Tensor, Tensor]:
    """Eigenvalues [1/s] (modes) of the linearised equations at every sample, and the parts (modes, states) that states
    have in them.

    Source: Perez-Arriaga, Verghese, Schweppe, Selective modal analysis, IEEE Trans. Power App. Syst. 101 (1982).
    """
    inputs = (u * layer.input_scale + layer.input_shift).double()
    x = layer.state_start.expand(len(u), -1) if states is None else states * layer.state_scale
    x = torch.where(x.isfinite(), x, layer.state_start).double()
    numbers = tuple(value.detach().double() for value in layer.numbers())

    def rates(state: Tensor, now: Tensor) -> Tensor:
        moved: Sequence[Tensor] = layer.rates(state.unbind(-1), now.unbind(-1), numbers)
        return torch.stack(tuple(moved), dim=-1)

    jacobians = torch.func.vmap(torch.func.jacrev(rates))(x, inputs)
    poles, right = torch.linalg.eig(jacobians[jacobians.isfinite().flatten(1).all(dim=1)])
    left = torch.linalg.pinv(right)
    shares = (right.transpose(1, 2) * left).abs()
    return poles.flatten(), shares.flatten(0, 1)


def _sentence(layer: Equations, state: str, fastest: float, poles: Tensor) -> str:
    cures = ["`solver = implicit`"]
    enough = next((n for n in range(2, MOST_SUBSTEPS + 1) if _follows(layer, poles, n)), None)
    if enough is not None:
        cures.append(f"`substeps = {enough}`")
    return (
        f"{layer.name}: {layer.solver} cannot follow the state `{state}` in steps of {layer.interval:.3g} s, its time "
        f"constant falls to {fastest:.2g} s; write {' or '.join(cures)}"
    )


def _follows(layer: Equations, poles: Tensor, substeps: int) -> bool:
    """Whether so many steps in a sampling time are stable."""
    step = layer.interval * layer.substeps / substeps
    assert layer.solver is not None
    return substeps > layer.substeps and not bool(_unstable(layer.solver, poles * step).any())
