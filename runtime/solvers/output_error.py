"""B, D and start states of a linear model by least squares on the simulated outputs, its A and C given."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sysidc.runtime.solvers.hankel import Pair, upper_triangle
from sysidc.runtime.solvers.linear_model import LinearModel
from sysidc.runtime.solvers.recurrence import Floats, Recurrence

FORGOTTEN = 1e-16
"""The free response is followed until the powers of A are smaller than this."""


def fit_inputs(A: Floats, C: Floats, records: Sequence[Pair], feedthrough: bool = True) -> tuple[LinearModel, float]:
    """The B and D that simulate the outputs of all records best, and the root mean square of what they miss.

    A (states, states), made stable first, and C (outputs, states); each record u (time, inputs), y (time, outputs). The
    outputs are linear in B, D and the start states, which are eliminated record by record (`fit_start` finds them).
    Directions that the records do not determine stay zero. `feedthrough = False` holds D at zero. What is missed is
    counted over all outputs together, in the units of y.
    """
    outputs, states, inputs = len(C), len(A), records[0][0].shape[1]
    blank = LinearModel(A, np.zeros((states, inputs)), C, np.zeros((outputs, inputs))).stabilised()
    transposed = Recurrence(blank.A.T)
    triangle = np.zeros((0, inputs * (states + outputs * feedthrough) + 1))
    for u, y in records:
        regressors = np.concatenate([_regressors(blank, transposed, u, feedthrough), y.T[:, :, None]], axis=2)
        _without_start(regressors, _free_response(blank, transposed, len(u)))
        triangle = upper_triangle(triangle, regressors.reshape(-1, triangle.shape[1]))
    solution = np.linalg.lstsq(triangle[:, :-1], triangle[:, -1], rcond=1e-12)[0]
    B = solution[: states * inputs].reshape(inputs, states).T
    D = solution[states * inputs :].reshape(inputs, outputs).T if feedthrough else blank.D
    missed = float(np.linalg.norm(triangle[:, -1] - triangle[:, :-1] @ solution))
    samples = sum(y.size for _, y in records)
    return LinearModel(blank.A, B, C, D), missed / samples**0.5


def fit_start(model: LinearModel, u: Floats, y: Floats) -> Floats:
    """The start state (states,) from which the model simulates the record best; of several the smallest."""
    free = _free_response(model, Recurrence(model.A.T), len(u))
    missed = (y - model.simulate(u)).T[:, : free.shape[1]]
    return np.asarray(np.linalg.lstsq(free.reshape(-1, model.order), missed.reshape(-1), rcond=1e-10)[0])


def simulation_error(model: LinearModel, x0: Sequence[Floats], records: Sequence[Pair]) -> Floats:
    """The root mean square, over all records, of what the simulation from the start states misses: (outputs,)."""
    missed = [y - model.simulate(u, start) for (u, y), start in zip(records, x0, strict=True)]
    return np.asarray(np.sqrt(np.mean(np.concatenate(missed) ** 2, axis=0)))


def _regressors(model: LinearModel, transposed: Recurrence, u: Floats, feedthrough: bool) -> Floats:
    """What each entry of B, then of D, both column by column, adds to the outputs: (outputs, time, entries).

    The response to input j seen by output q is b_j' x, x being the states of (A', C_q') driven by input j.
    """
    rest = np.zeros(model.order)
    columns = [np.stack([transposed(np.outer(channel, row), rest) for row in model.C]) for channel in u.T]
    direct = [np.eye(len(model.C))[:, None, :] * channel[:, None] for channel in u.T] if feedthrough else []
    return np.concatenate([*columns, *direct], axis=2)


def _free_response(model: LinearModel, transposed: Recurrence, steps: int) -> Floats:
    """C A^k, to be multiplied with the start state, until it is forgotten: (outputs, time, states)."""
    length, power = 1, model.A
    while length < steps and np.linalg.norm(power) > FORGOTTEN:
        length, power = 2 * length, power @ power
    nothing = np.zeros((min(length, steps), model.order))
    return np.stack([transposed(nothing, row) for row in model.C])


def _without_start(regressors: Floats, free: Floats) -> None:
    """Takes off, in place, what a start state could explain."""
    U, sigma, _ = np.linalg.svd(free.reshape(-1, free.shape[2]), full_matrices=False)
    basis = U[:, sigma > 1e-10 * sigma.max(initial=0.0)].reshape(*free.shape[:2], -1)
    head = regressors[:, : free.shape[1]]
    head -= basis @ np.einsum("qts,qte->se", basis, head)
