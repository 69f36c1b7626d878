"""A trained model as a module that file formats hold: a window or a record goes in, in the units of the data."""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import Tensor, nn

from sysidc.compiler.plan import Plan
from sysidc.runtime.data.layouts import known_outputs, spans_record, window_layout
from sysidc.runtime.nn.wrappers import AutoregressiveResidualWrapper
from sysidc.runtime.runs.export.band_form import BandForm
from sysidc.runtime.runs.export.scanned import with_scans
from sysidc.runtime.runs.export.units import Units
from sysidc.runtime.runs.model import Trained
from sysidc.runtime.training.bounded import BoundedSimulationTrainingModule

FOREVER = 1 << 62


class Core(nn.Module):
    """What the network makes of normalised windows: z (batch, time, channels) -> (batch, M, outputs).

    In prediction mode it is one step ahead, in bounded mode it is held inside the band.
    """

    def __init__(self, trained: Trained):
        super().__init__()
        self.stack = with_scans(trained.stack).eval()
        self.last = _last_steps(trained.plan)
        self.skip = 0 if self.last else _skipped(trained.plan)
        self.band = None
        if isinstance(trained.module, BoundedSimulationTrainingModule):
            self.band = BandForm(trained.module.error_band)
        for module in self.stack.modules():
            if isinstance(module, AutoregressiveResidualWrapper) and trained.plan.train.prediction is not None:
                module.steps = 1

    def forward(self, z: Tensor) -> Tensor:
        y: Tensor = self.stack(z)
        if y.ndim == 2:
            y = y[:, None]
        y = y[:, -self.last :] if self.last else y[:, self.skip :]
        if self.band is None:
            return y
        lower, upper = self.band(z.flatten(1).double())
        held = torch.minimum(torch.maximum(y.double(), lower[:, None, None]), upper[:, None, None])
        return held.to(y.dtype)


class RecordForm(nn.Module):
    """y = decode(core(encode(x))): x (batch, time, channels) as the header orders it, of the window's length or, where
    the stack works at any length in simulation mode, of any record's; y (batch, M, outputs), from the first step that
    can be predicted. What lies outside a signal's own window is not looked at."""

    first: Tensor
    behind: Tensor

    def __init__(self, trained: Trained):
        super().__init__()
        self.units = Units(trained.plan, trained.normalizer)
        self.core = deepcopy(Core(trained))
        self.dtype = getattr(torch, trained.plan.model.type_in.dtype)
        first, behind = own_steps(trained.plan)
        self.register_buffer("first", first)
        self.register_buffer("behind", behind)
        self.eval().requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        time = torch.arange(x.shape[1], device=x.device)[:, None]
        inside = (time >= self.first) & (time < self.behind)
        z = torch.where(inside, self.units.encode(x), 0.0).to(self.dtype)
        y: Tensor = self.units.decode(self.core(z))
        return y


def runs_freely(plan: Plan) -> bool:
    """Whether records of any length can be put in."""
    return plan.train.mode == "simulation" and plan.model.any_length


def own_steps(plan: Plan) -> tuple[Tensor, Tensor]:
    """First step of each channel's own window, and the one behind it, counted from the start of the input."""
    firsts, behinds = [], []
    known = first_predicted(plan)
    layout = None if spans_record(plan) else window_layout(plan)
    for index, window in enumerate(plan.model.inputs):
        signal = plan.signal(window.signal)
        if runs_freely(plan):
            whole = signal.role == "input"
            first, behind = (0, FOREVER) if whole else (known - (window.steps or 0), known)
        else:
            assert layout is not None
            placed = layout.inputs[index]
            first, behind = placed.first - layout.first, placed.last - layout.first + 1
        firsts += [first] * len(signal.columns)
        behinds += [behind] * len(signal.columns)
    return torch.tensor(firsts), torch.tensor(behinds)


def first_predicted(plan: Plan) -> int:
    """The first step of a record that is predicted in free run."""
    return known_outputs(plan) if spans_record(plan) else window_layout(plan).known


def _last_steps(plan: Plan) -> int:
    """How many steps at the end are the output; 0 where that follows from the record's length."""
    return 0 if runs_freely(plan) else window_layout(plan).horizon


def _skipped(plan: Plan) -> int:
    """Steps at the start of what the stack returns that come before the first prediction."""
    arrives, leaves = plan.model.type_in, plan.model.nodes[-1].type_out
    fixed = arrives.steps is not None and leaves.steps is not None
    swallowed = arrives.steps - leaves.steps if fixed else leaves.cut  # type: ignore[operator]
    return max(0, first_predicted(plan) - swallowed)
