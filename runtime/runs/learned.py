"""What a training tells of the numbers in equations: values, standard errors, and what the data leave open."""

from __future__ import annotations

from torch import nn

from sysidc.compiler.values import number
from sysidc.runtime.data.modules import SpecDataModule
from sysidc.runtime.nn.chain import Chain
from sysidc.runtime.nn.equations import Equations
from sysidc.runtime.solvers.simulation_problem import SimulationProblem
from sysidc.runtime.solvers.standard_errors import Knowledge, knowledge
from sysidc.runtime.training.preparation import records_of_part
from sysidc.runtime.training.second_order import settled


def learned_numbers(stack: nn.Module, part: SpecDataModule) -> Knowledge | None:
    """What the records of the training part tell of the numbers in a stack; None where it has no equations, or where
    the simulation leaves the finite numbers."""
    if not isinstance(stack, Chain) or not any(isinstance(layer, Equations) for layer in stack.modules()):
        return None
    problem = settled(SimulationProblem(stack, records_of_part(part), 1.0), stack)
    if not problem.squared_error() < float("inf"):
        return None
    assert isinstance(problem, SimulationProblem)
    return knowledge(problem)


def lines_of(told: Knowledge) -> list[str]:
    """One line for each number, and one for each group of numbers that the data do not tell apart."""
    width = max((len(estimate.name) for estimate in told.estimates), default=0)
    lines = [
        f"  {estimate.name:<{width}} = {number(estimate.value)} +- {estimate.error:.2g}" for estimate in told.estimates
    ]
    return lines + [f"  {sentence(group)}" for group in told.undetermined]


def sentence(group: tuple[str, ...]) -> str:
    """What is wrong with a group of numbers that the data do not determine."""
    if len(group) == 1:
        return f"{group[0]} has no effect on the outputs"
    return f"{', '.join(group[:-1])} and {group[-1]} only matter together: the data do not tell them apart"
