"""A form of a model as a graph of torch, with every length free that may be free."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from sysidc.compiler.plan import Plan
from sysidc.runtime.runs import mistakes
from sysidc.runtime.runs.export.record_form import RecordForm, first_predicted, runs_freely
from sysidc.runtime.runs.export.step_form import StepForm

TOLERANCE = {torch.float64: 1e-9, torch.float32: 1e-5}
"""Difference of what a file says to what the model says, relative to the largest output, that passes as rounding."""


@dataclass(frozen=True)
class Graph:
    """A traced form with what it was traced on; `names` are those of its inputs and outputs."""

    program: ExportedProgram
    form: nn.Module
    examples: tuple[Tensor, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    @torch.no_grad()
    def expected(self) -> tuple[Tensor, ...]:
        y = self.form(*self.examples)
        return y if isinstance(y, tuple) else (y,)

    def check(self, found: Sequence[Tensor], what: str) -> None:
        """Raises RunError where a file does not say what the model says."""
        for expected, value in zip(self.expected(), found, strict=True):
            if not expected.numel():  # the state of a model without any
                continue
            scale = float(expected.abs().max()) or 1.0
            error = float((expected.double() - value.double()).abs().max()) / scale
            if not error <= TOLERANCE.get(expected.dtype, 1e-2):
                raise mistakes.not_exported(f"{what} differs from the model by {error:.2g} of its largest output")


def trace(form: RecordForm | StepForm, plan: Plan) -> Graph:
    """The graph of a form. Raises RunError for a stack that torch cannot trace."""
    batch = Dim("batch", min=1, max=1 << 30)
    examples: tuple[Tensor, ...]
    names: tuple[tuple[str, ...], tuple[str, ...]]
    if isinstance(form, StepForm):
        examples = step_example(form, plan)
        shapes: dict[str, Any] = {"u": {0: batch}, "x": {0: batch}}
        names = ("u", "x"), ("y", "x_next")
    else:
        examples = (form.units.typical(record_example(plan)),)
        shapes = {"x": {0: batch}}
        if runs_freely(plan):
            shapes["x"][1] = Dim("time", min=first_predicted(plan) + 2, max=1 << 30)
        names = ("x",), ("y",)
    try:
        program = torch.export.export(form, examples, dynamic_shapes=shapes)
    except mistakes.RunError:
        raise
    except Exception as error:  # torch raises of its own whatever met it on the way
        raise untraceable(form, error) from None
    return Graph(program, form, examples, *names)


def record_example(plan: Plan) -> Tensor:
    """Two windows, or two records of a length that no window has, of numbers or of small integers."""
    arrives = plan.model.type_in
    steps = arrives.steps if arrives.steps is not None else first_predicted(plan) + 7
    return _numbers((2, steps + (3 if runs_freely(plan) else 0), arrives.channels), arrives.dtype)


def step_example(form: StepForm, plan: Plan) -> tuple[Tensor, Tensor]:
    u = form.units.typical(_numbers((2, plan.model.type_in.channels), plan.model.type_in.dtype))
    return u, form.start.expand(2, -1).clone()


def _numbers(shape: tuple[int, ...], dtype: str) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    kind = getattr(torch, dtype)
    if not kind.is_floating_point:
        return torch.randint(0, 2, shape, generator=generator).to(kind)
    return torch.randn(shape, generator=generator).to(kind)


def untraceable(form: nn.Module, error: Exception) -> mistakes.RunError:
    """The mistake that names the layer, as far as torch's message does."""
    told = str(error)
    layers = [type(module).__name__ for module in form.modules() if type(module).__module__.startswith("sysidc")]
    named = next((name for name in layers if name in told and name not in ("RecordForm", "Core")), None)
    first_line = " ".join(told.split())[:200]
    where = f"the layer {named}" if named else "this stack"
    return mistakes.not_exported(f"{where} cannot be written as a graph: {first_line}")
