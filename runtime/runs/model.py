"""What a training leaves behind: the stack with its scale and its band, and one module made of them all."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor, nn

from sysidc.compiler.lower import build_stack, training_module
from sysidc.compiler.plan import Plan, SignalPlan, from_json, to_json
from sysidc.compiler.windows import Layout
from sysidc.runtime.data.layouts import free_run_layout, spans_record, window_layout
from sysidc.runtime.data.normalizer import Normalizer
from sysidc.runtime.nn.ensemble import Ensemble
from sysidc.runtime.runs import mistakes
from sysidc.runtime.runs.folder import MEMBERS, WEIGHTS, write_json, written
from sysidc.runtime.training import LightningPredictionTrainingModule
from sysidc.runtime.training.bounded import BoundedSimulationTrainingModule
from sysidc.runtime.training.step import TrainingModule, last_steps

ORIGIN = "origin"
"""The one entry of the weights' metadata: of several the order, and so the bytes of the file, is left to chance."""


@dataclass(frozen=True)
class Trained:
    """A plan with its trained parts; `module` is the mode's training module, which holds the stack and the band.

    Of an ensemble `members` are the plans of its stacks, which differ in their layers alone; `plan` is the first.
    `output_range` are the least and the largest outputs that a state-space model was trained on, in the units of the
    data: each (outputs), None where nobody asked.
    """

    plan: Plan
    module: TrainingModule
    normalizer: Normalizer
    members: tuple[Plan, ...] = ()
    output_range: Sequence[Sequence[float]] | None = None

    @classmethod
    def untrained(cls, plan: Plan, members: Sequence[Plan] = ()) -> Trained:
        """The parts of a plan as they are before any data were seen; with `members` an ensemble of their stacks."""
        stack: nn.Module = build_stack(plan)
        if members:
            count = sum(len(signal.columns) for signal in _outputs(plan))
            bounds = torch.zeros(count, dtype=getattr(torch, plan.model.dtype))
            stack = Ensemble([build_stack(member) for member in members], bounds, bounds)
        module = training_module(plan, stack)  # type: ignore[arg-type]
        assert isinstance(module, TrainingModule)
        normalizer = Normalizer({signal.name: len(signal.columns) for signal in plan.signals})
        return cls(plan, module.eval(), normalizer, tuple(members))

    @property
    def stack(self) -> nn.Module:
        return self.module.module

    def state(self) -> dict[str, Tensor]:
        """Every tensor under `stack.`, `normalizer.` and, in bounded mode, `band.`."""
        return {
            f"{prefix}.{name}": tensor.detach().cpu().contiguous().clone()
            for prefix, part in self._parts().items()
            for name, tensor in part.state_dict().items()
        }

    def save(self, folder: Path) -> None:
        with written(folder / WEIGHTS) as path:
            told = json.dumps({"plan": self.plan.hash, "output_range": self.output_range})
            path.write_bytes(save(self.state(), metadata={ORIGIN: told}))
        if any(member.model != self.plan.model for member in self.members):
            write_json(folder / MEMBERS, self.member_trees())

    def member_trees(self) -> list[dict[str, Any]]:
        """The plans of the members, as `members_of` reads them."""
        return [to_json(member) for member in self.members]

    @classmethod
    def load(cls, folder: Path, plan: Plan) -> Trained:
        """Raises RunError for weights that are missing, damaged or not those of the plan."""
        path = folder / WEIGHTS
        if not path.is_file():
            raise mistakes.no_run(folder, WEIGHTS)
        try:
            with safe_open(path, "pt") as file:
                told = json.loads((file.metadata() or {}).get(ORIGIN, "{}"))
            trained = cls.of_state(plan, load_file(path), _members(folder, plan))
            return replace(trained, output_range=told.get("output_range"))
        except (SafetensorError, OSError, RuntimeError, ValueError) as error:
            raise mistakes.broken_run(path, " ".join(str(error).split())) from None

    @classmethod
    def of_state(cls, plan: Plan, state: Mapping[str, Tensor], members: Sequence[Plan] = ()) -> Trained:
        """The model whose `state()` this was. Raises RuntimeError for that of another plan.

        The members of an ensemble have the plan's own layers where their plans are left out.
        """
        count = len({name.split(".")[2] for name in state if name.startswith("stack.members.")})
        trained = cls.untrained(plan, members or (plan,) * count)
        for prefix, part in trained._parts().items():
            start = f"{prefix}."
            part.load_state_dict(
                {name.removeprefix(start): value for name, value in state.items() if name.startswith(start)}
            )
        return trained

    def _parts(self) -> dict[str, nn.Module]:
        parts: dict[str, nn.Module] = {"stack": self.stack, "normalizer": self.normalizer}
        if isinstance(self.module, BoundedSimulationTrainingModule):
            parts["band"] = self.module.error_band
        return parts


def members_of(plan: Plan, trees: Sequence[dict[str, Any]]) -> tuple[Plan, ...]:
    """The plans of an ensemble's members: that of the run with the layers of each."""
    return tuple(replace(plan, model=from_json(tree).model) for tree in trees)


def _members(folder: Path, plan: Plan) -> tuple[Plan, ...]:
    """Raises RunError for a damaged file."""
    path = folder / MEMBERS
    if not path.is_file():
        return ()
    try:
        return members_of(plan, json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise mistakes.broken_run(path, " ".join(str(error).split())) from None


def _outputs(plan: Plan) -> list[SignalPlan]:
    named = [window.signal for window in plan.model.outputs]
    return [signal for signal in plan.signals if signal.name in named]


class RunModel(nn.Module):
    """y = decode(stack(encode(x))): the trained model in the units of the data.

    x (batch, time, channels) is the stack's input as the header orders it, 0 outside a signal's own window, of the
    window's length or, where the stack works at any length, of a record's; y (batch, M, outputs). In prediction mode y
    is the next step, in bounded mode held inside the band.
    """

    shift: Tensor
    scale: Tensor
    output_shift: Tensor
    output_scale: Tensor

    def __init__(self, trained: Trained):
        super().__init__()
        self.plan = trained.plan
        self.module = trained.module
        left, right = ([window.signal for window in side] for side in (self.plan.model.inputs, self.plan.model.outputs))
        for prefix, signals in (("", left), ("output_", right)):
            shift, scale = trained.normalizer.join(signals)
            self.register_buffer(f"{prefix}shift", shift.clone())
            self.register_buffer(f"{prefix}scale", scale.clone())
        self.eval()

    def forward(self, x: Tensor) -> Tensor:
        layout = self.layout(x.shape[1])
        encoded = ((x - self.shift) / self.scale * own_windows(layout).to(x.device)).to(x.dtype)
        y = self._run(encoded, layout)
        return (y * self.output_scale + self.output_shift).to(y.dtype) if y.is_floating_point() else y

    def layout(self, steps: int) -> Layout:
        """Where the windows lie in an input of so many steps. Raises ValueError for a length that it cannot take."""
        if spans_record(self.plan):
            return window_layout(self.plan, steps)
        layout = window_layout(self.plan)
        if steps == layout.steps:
            return layout
        if self.plan.train.mode != "simulation" or not self.plan.model.any_length:
            raise ValueError(f"the model takes {layout.steps} steps, not {steps}")
        return free_run_layout(self.plan, steps)

    def _run(self, x: Tensor, layout: Layout) -> Tensor:
        if isinstance(self.module, LightningPredictionTrainingModule):
            return self.module.roll_out(x, 1)
        output: Tensor = self.module(x)
        return last_steps(output, layout.horizon)


def own_windows(layout: Layout) -> Tensor:
    """1 inside each channel's own window, 0 outside, (steps, channels)."""
    mask = torch.zeros(layout.steps, sum(window.channels for window in layout.inputs))
    channel = 0
    for window in layout.inputs:
        steps = slice(window.first - layout.first, window.last - layout.first + 1)
        mask[steps, channel : channel + window.channels] = 1
        channel += window.channels
    return mask
