"""What general parts of a program ask for and a model does not have: an empty class, or a function of one line.

Solvers ask every layer what it is. Written out for one model, they need no layer that it lacks.
"""

from __future__ import annotations

from collections.abc import Sequence

from sysidc.compiler.emit.stack import every
from sysidc.compiler.plan import Plan

NN = "sysidc.runtime.nn."
SOLVERS = "sysidc.runtime.solvers."
LAYERS = {
    "Correction": f"{NN}correction.Correction",
    "Curve": f"{NN}curve.Curve",
    "Spline": f"{NN}curve.Spline",
    "Equations": f"{NN}equations.Equations",
    "Clip": f"{NN}pointwise.Clip",
    "Scale": f"{NN}pointwise.Scale",
    "BoundedLinearUnit": f"{NN}pointwise.BoundedLinearUnit",
    "PolynomialStateSpace": f"{NN}polynomial_state_space.PolynomialStateSpace",
    "StateSpace": f"{NN}state_space.StateSpace",
    "CastWrapper": f"{NN}wrappers.CastWrapper",
    "ResidualConnectionWrapper": f"{NN}wrappers.ResidualConnectionWrapper",
    "LRU": f"{NN}lru.LRU",
    "Recurrent": f"{NN}recurrent.Recurrent",
}
CELLS = "sysidc.runtime.training.recurrent_start."
UNIT = "sysidc.runtime.training.lru_start."
ALONE = {
    "LRU": (f"{SOLVERS}lru_step.lru_step", f"{SOLVERS}modes.modes", f"{UNIT}write_lru", f"{UNIT}write_head"),
    "Recurrent": (f"{SOLVERS}recurrent_step.recurrent_step", f"{CELLS}write_cells"),
}
"""Functions that one kind of layer alone needs."""
RECURRENT = {"GRU", "LSTM", "RNN"}
EMPTY = 'class {}(nn.Module):\n    """A part that this model does not have."""'
UNUSED = 'def {}(*_: Any, **__: Any) -> Any:\n    """No part of this model."""\n    raise NotImplementedError'
NOTHING = 'def {}(*_: Any) -> Any:\n    """Nothing of this kind is part of this model."""\n    return {}'
CASCADE = (f"{SOLVERS}cascade_starts.cascade_starts", f"{SOLVERS}block_starts.block_from_poles")
LINEAR = ("sysidc.runtime.training.linear_start.fit_linear", *CASCADE)


def absent(plans: Sequence[Plan]) -> dict[str, str]:
    """Texts by the dotted paths of definitions that no stack of these plans meets."""
    nodes = [node for plan in plans for node in every(plan.model.nodes)]
    present = {node.target.rpartition(".")[2] for node in nodes}
    present |= {"Spline"} if "Curve" in present else set()
    present |= {"Recurrent"} if present & RECURRENT else set()
    found = {path: EMPTY.format(name) for name, path in LAYERS.items() if name not in present}
    if "Equations" not in present:
        found[f"{SOLVERS}stiffness.stiffness"] = NOTHING.format("stiffness", "[]")
    if not any(node.arguments.get("innovations") for node in nodes):
        found[f"{NN}one_step_ahead.has_innovations"] = NOTHING.format("has_innovations", "False")
        found[f"{NN}one_step_ahead.OneStepAhead"] = EMPTY.format("OneStepAhead")
    if "Recurrent" not in present:
        found[f"{CELLS}cells_and_head"] = NOTHING.format("cells_and_head", "None")
    if "LRU" not in present:
        found[f"{UNIT}lru_and_head"] = NOTHING.format("lru_and_head", "None")
    if plans[0].model.chain is not None:
        found[f"{SOLVERS}window_problem.WindowProblem"] = EMPTY.format("WindowProblem")
    linear = sum(node.layer in ("LinearDynamics", "StateSpace", "PolynomialStateSpace", "LRU") for node in nodes)
    simulation = plans[0].train.simulation
    unused: tuple[str, ...] = CASCADE if len(plans) == 1 and linear <= 1 else ()
    if not (linear or "Recurrent" in present) or simulation is None or not simulation.linear_start:
        unused = LINEAR
    unused = (*unused, *(path for name, paths in ALONE.items() if name not in present for path in paths))
    return found | {path: UNUSED.format(path.rpartition(".")[2]) for path in unused}
