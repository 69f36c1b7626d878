"""Second-order training: the whole training part is one least-squares problem, one iteration on it is one step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from sysidc.runtime.nn.chain import Chain
from sysidc.runtime.nn.correction import Correction
from sysidc.runtime.nn.curve import Spline
from sysidc.runtime.nn.one_step_ahead import OneStepAhead, has_innovations
from sysidc.runtime.solvers.levenberg_marquardt import LevenbergMarquardt
from sysidc.runtime.solvers.penalty import Penalty, flat
from sysidc.runtime.solvers.processes import joined_over_processes
from sysidc.runtime.solvers.simulation_problem import Records, SimulationProblem
from sysidc.runtime.solvers.window_problem import WindowProblem

if TYPE_CHECKING:
    from sysidc.runtime.training.step import TrainingModule

Problem = SimulationProblem | WindowProblem

WASHOUT = 50
"""Steps of a record that a training with `initial = washout` leaves out where the header knows no outputs."""

SMOOTHNESS = 1e4
"""Weight of a spline's squared second differences beside squared errors over their variance: where no data bend it, a
curve of unit slope bends by 1 % from knot to knot."""

FOUND = ("states", "errors", "at")
"""What the last simulation of a record left: the next one begins with it."""

SMALL_GAIN = 1e-7
STALLED = 6
"""So many iterations in a row of a smaller relative gain end a training."""


def by_simulation(stack: nn.Module, batches: Sequence[tuple[Tensor, ...]]) -> SimulationProblem:
    """The simulation error of a stack with states over the windows of all batches, each from its own start; with
    innovations that of predictions one step ahead."""
    chain = stack if isinstance(stack, Chain) else _unstarted(stack, batches[0][0].shape[2])
    if has_innovations(chain):
        return _one_step_ahead(OneStepAhead(chain), [records_of(chain, batch) for batch in batches])
    return SimulationProblem(chain, [records_of(chain, batch) for batch in batches], 1.0)


def _one_step_ahead(ahead: OneStepAhead, records: Sequence[Records]) -> SimulationProblem:
    """The measured outputs are further inputs of the model whose simulation these predictions are."""
    seen = [replace(item, u=ahead.seen(item.u, item.known, item.y)) for item in records]
    return SimulationProblem(ahead, seen, 1.0)  # type: ignore[arg-type]


def by_windows(module: TrainingModule, batches: Sequence[tuple[Tensor, ...]]) -> WindowProblem:
    """The error of a training module, as it compares, over the windows of all batches."""
    return WindowProblem(_Compared(module), batches, 1.0)


class _Compared(nn.Module):
    """A training module whose forward compares; the stack alone belongs to it."""

    def __init__(self, training: TrainingModule) -> None:
        super().__init__()
        self.module = training.module
        self._training = [training]  # no child: its stack is

    def forward(self, batch: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        return self._training[0].compare(batch)


def settled(problem: Problem, stack: nn.Module) -> Problem:
    """The problem with the cost of a training: sum(e^2) / r + the penalties of corrections.

    r is the mean square of e at the parameters as they are now, which are also where the penalties pull to.
    """
    squares = problem.squared_error()
    if squares < torch.inf:
        problem.variance = max(squares / problem.samples, torch.finfo(torch.float64).tiny)
    problem.penalty = penalties(stack, problem.parameters)
    return problem


def records_of(chain: Chain, batch: tuple[Tensor, ...]) -> Records:
    """A batch (x, y) as records of one length."""
    x, y = batch[:2]
    u, known = chain.parted(x)
    return Records(u, known, y, washed_out(chain, y.shape[1]))


def washed_out(stack: nn.Module, steps: int) -> int:
    """How many of the first steps of a window's output count for no error; the known steps are none of these."""
    waits = isinstance(stack, Chain) and stack.initial == "washout" and not stack.known
    return min(WASHOUT, steps // 4) if waits else 0


def penalties(stack: nn.Module, parameters: Mapping[str, Tensor]) -> Penalty:
    """What `penalty` of each correction asks for, around the parameters as they are, and the smoothness of splines."""
    weights = {name: torch.zeros_like(value) for name, value in parameters.items()}
    own = {id(value): name for name, value in parameters.items()}
    theta = flat(parameters)
    roughness = theta.new_zeros(len(theta), len(theta))
    for module in stack.modules():
        if isinstance(module, Correction):
            for value in module.network.parameters():
                if id(value) in own:
                    weights[own[id(value)]].fill_(module.penalty)
        if isinstance(module, Spline) and id(module.c) in own:
            first = _first(parameters, own[id(module.c)])
            last = first + module.c.numel()
            roughness[first:last, first:last] = module.roughness()
    return Penalty(flat(weights), theta, roughness if roughness.any() else None)


def _first(parameters: Mapping[str, Tensor], wanted: str) -> int:
    """Where a parameter begins among all laid end to end."""
    first = 0
    for name, value in parameters.items():
        if name == wanted:
            return first
        first += value.numel()
    raise KeyError(wanted)


def second_order_step(module: TrainingModule, batches: Sequence[tuple[Tensor, ...]]) -> Tensor:
    """One iteration of Levenberg-Marquardt; the mean square error behind it. Asks for the end where nothing moves."""
    if module.problem is None:
        problem = module.pose(batches)
        problem.shared = module.trainer.world_size > 1
        module.problem = settled(problem, module.module)
        if module.resumed_problem is not None:
            restore(module.problem, module.resumed_problem["problem"])
            module.stalled, module.error = module.resumed_problem["stalled"], module.resumed_problem["error"]
            module.resumed_problem = None
    problem = module.problem
    problem.smooth(SMOOTHNESS * (1.0 if module.error is None else module.error / problem.variance))
    optimizer: Any = module.optimizers()
    cost = optimizer.step(lambda: problem)
    inner: LevenbergMarquardt = module.trainer.optimizers[0]  # type: ignore[assignment]
    module.stalled = module.stalled + 1 if inner.gain < SMALL_GAIN else 0
    if module.stalled >= STALLED or inner.gain == 0.0:
        module.trainer.should_stop = True
    module.error = problem.mean_square(float(cost))
    remember_states(problem, module.error, module.current_epoch + 1)
    return torch.tensor(module.error)


def remember_states(problem: Problem, error: float, iteration: int) -> None:
    """After 1, 2, 4, 8 .. iterations the prior of an estimated start is taken from the states as they are by then: that
    of the first model, which may be far off, would hold the starts of all later ones."""
    if not isinstance(problem, SimulationProblem) or problem.chain.initial != "estimate" or iteration & (iteration - 1):
        return
    seen = [item.states.reshape(-1, problem.chain.states) for item in problem.records if item.states is not None]
    if not seen or not error < torch.inf:
        return
    states = torch.cat(seen)
    problem.chain.remember(joined_over_processes(states) if problem.shared else states, error)


def saved(problem: Problem | None) -> dict[str, Any] | None:
    """What a checkpoint needs to go on with a problem to the same bits."""
    if problem is None:
        return None
    records = problem.records if isinstance(problem, SimulationProblem) else []
    found = [{name: getattr(item, name) for name in FOUND} for item in records]
    return {"variance": problem.variance, "reference": problem.penalty.reference, "found": found}


def restore(problem: Problem, kept: dict[str, Any]) -> None:
    problem.variance = kept["variance"]
    problem.penalty = replace(problem.penalty, reference=kept["reference"].to(problem.penalty.reference))
    if isinstance(problem, SimulationProblem):
        for item, found in zip(problem.records, kept["found"], strict=True):
            for name in FOUND:
                setattr(item, name, None if found[name] is None else found[name].to(item.u.device))


def _unstarted(stack: nn.Module, channels: int) -> Chain:
    """A stack with states that is no chain, as one whose states start at rest and whose input is all of x."""
    return Chain(dict(stack.named_children()), range(channels))
