"""A trained model as one step for controllers: what is measured now and a state go in, y and the next state come out.

In every form u (batch, channels) and y (batch, outputs) are in the units of the data, the state x (batch, states) is
the network's own affair; `start` is the state at which a record begins of which nothing is known.
"""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import Tensor, nn

from sysidc.compiler.plan import Plan
from sysidc.runtime.data.layouts import window_layout
from sysidc.runtime.nn.chain import Chain
from sysidc.runtime.nn.ensemble import Ensemble
from sysidc.runtime.runs import mistakes
from sysidc.runtime.runs.export.record_form import Core, own_steps, runs_freely
from sysidc.runtime.runs.export.scanned import at_rest
from sysidc.runtime.runs.export.streaming import advance, memory
from sysidc.runtime.runs.export.units import Units, is_output
from sysidc.runtime.runs.model import Trained


class StepForm(nn.Module):
    """(u[k], x[k]) -> (y[k], x[k+1]). A channel of u that is an output may be NaN: it was not measured."""

    start: Tensor

    def __init__(self, trained: Trained, start: Tensor):
        super().__init__()
        self.units = Units(trained.plan, trained.normalizer)
        self.register_buffer("start", start)
        self.dtype = start.dtype

    def forward(self, u: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        raise NotImplementedError


class ChainStep(StepForm):
    """The states of a chain of layers. The known outputs of a header are not looked at: they only find a start."""

    def __init__(self, trained: Trained, chain: Chain):
        super().__init__(trained, at_rest(chain))
        self.chain = deepcopy(chain)

    def forward(self, u: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        z = self.units.encode(u)[:, list(self.chain.input_channels)].to(self.dtype)
        after, y = self.chain.step(x, z)
        return self.units.decode(y), after


class StreamStep(StepForm):
    """What each layer of a stack remembers, from zeros on: the record form, step by step."""

    def __init__(self, trained: Trained, stack: nn.Module):
        stack = deepcopy(stack)
        size = memory(stack, trained.plan.model.type_in.channels)
        super().__init__(trained, torch.zeros(size, dtype=getattr(torch, trained.plan.model.dtype)))
        self.stack = stack
        self.arrives = getattr(torch, trained.plan.model.type_in.dtype)

    def forward(self, u: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        z = torch.nan_to_num(self.units.encode(u)).to(self.arrives)
        after, y = advance(self.stack, x, z[:, None])
        return self.units.decode(y[:, 0]), after


class EnsembleStep(StepForm):
    """The states of all members, and behind them for each member in how many steps it has been out of range so far.

    y[k] is the last output of the ensemble over the record that ends at k: what the members make of later steps is not
    known yet, so a member that leaves the range is left out from that step on.
    """

    def __init__(self, trained: Trained, ensemble: Ensemble):
        forms = [_free_step(trained, member) for member in ensemble.members]
        super().__init__(trained, torch.cat([*(form.start for form in forms), forms[0].start.new_zeros(len(forms))]))
        self.forms = nn.ModuleList(forms)
        self.sizes = [*(len(form.start) for form in forms), len(forms)]
        self.range = Ensemble([], self.units.decode(ensemble.low), self.units.decode(ensemble.high))
        self.range.behind = ensemble.behind.clone()

    def forward(self, u: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        *states, before = torch.split(x, self.sizes, dim=1)
        moved = [form(u, state) for form, state in zip(self.forms, states, strict=True)]
        y = torch.stack([now for now, _ in moved])[:, :, None]
        steps = before.T + self.range.outside(y)[..., 0]
        return self.range.mean(y, steps)[:, 0], torch.cat([*(after for _, after in moved), steps.T], dim=1)


class WindowStep(StepForm):
    """The delay line of a model of windows: y is what the model says of the window that ends with u.

    In prediction mode that is y[k+1]. An output that was not measured is the model's own prediction of it.
    """

    inside: Tensor
    is_output: Tensor

    def __init__(self, trained: Trained):
        plan = trained.plan
        layout = window_layout(plan)
        _refuse_later_steps(plan)
        self.steps, self.channels = layout.steps, sum(item.channels for item in layout.inputs)
        outputs = sum(item.channels for item in layout.outputs)
        dtype = getattr(torch, plan.model.dtype)
        super().__init__(trained, torch.zeros((self.steps - 1) * self.channels + outputs, dtype=dtype))
        self.core = Core(trained)
        self.arrives = getattr(torch, plan.model.type_in.dtype)
        self.ahead = plan.train.mode == "prediction"
        self.places = _places(plan)
        first, behind = own_steps(plan)
        time = torch.arange(self.steps)[:, None]
        self.register_buffer("inside", (time >= first) & (time < behind))
        self.register_buffer("is_output", is_output(plan))

    def forward(self, u: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        lines = (self.steps - 1) * self.channels
        z, before = self.units.encode(u).to(self.dtype), x[:, lines:]
        if self.ahead:  # the step before said what y would be now
            z = torch.where(torch.isnan(z), before[:, self.places], z)
        window = torch.cat([x[:, :lines].view(-1, self.steps - 1, self.channels), torch.nan_to_num(z)[:, None]], dim=1)
        y = self.core((window * self.inside).to(self.arrives))[:, -1]
        if not self.ahead:
            z = torch.where(torch.isnan(z), y[:, self.places].to(z.dtype), z)
        kept = torch.cat([window[:, 1:-1], z[:, None]], dim=1) if self.steps > 1 else window[:, :0]
        after = torch.cat([kept.flatten(1), y.to(self.dtype)], dim=1)
        return self.units.decode(y), after


def step_form(trained: Trained) -> StepForm:
    """The form that fits the model. Raises RunError for one that cannot run step by step."""
    stack = trained.stack
    if isinstance(stack, Ensemble) and _is_free(trained.plan, stack.members[0]):
        form: StepForm = EnsembleStep(trained, stack)
    else:
        form = _free_step(trained, stack) if _is_free(trained.plan, stack) else WindowStep(trained)
    return form.eval().requires_grad_(False)


def _is_free(plan: Plan, stack: nn.Module) -> bool:
    return isinstance(stack, Chain) or runs_freely(plan)


def _free_step(trained: Trained, stack: nn.Module) -> StepForm:
    """One step of a stack that runs on without end."""
    return ChainStep(trained, stack) if isinstance(stack, Chain) else StreamStep(trained, stack)


def _refuse_later_steps(plan: Plan) -> None:
    fed = any(plan.signal(window.signal).role == "output" for window in plan.model.inputs)
    horizon = window_layout(plan).horizon
    if plan.train.mode == "simulation" and fed and horizon > 1:
        raise mistakes.not_exported(
            f"a model that simulates {horizon} steps from known outputs does not run step by step",
            "promise one step in the header, or train in prediction mode",
        )


def _places(plan: Plan) -> list[int]:
    """For each channel of u its place among the outputs, 0 for an input, whose value is always measured."""
    found: dict[str, range] = {}
    first = 0
    for window in plan.model.outputs:
        count = len(plan.signal(window.signal).columns)
        found[window.signal] = range(first, first + count)
        first += count
    places: list[int] = []
    for window in plan.model.inputs:
        count = len(plan.signal(window.signal).columns)
        places += list(found.get(window.signal, [0] * count))
    return places
