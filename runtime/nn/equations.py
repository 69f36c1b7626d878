"""Equations that are known, with numbers that are not: the layer that a `dynamics` block becomes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import torch
from torch import Tensor
from torch.nn import functional

from sysidc.compiler.dynamics.torch_source import HEADS, module_source
from sysidc.runtime.nn.learned_numbers import LearnedNumbers
from sysidc.runtime.nn.state import StateLayer
from sysidc.runtime.solvers.integration import State, euler, implicit, runge_kutta

Tensors: TypeAlias = tuple[Tensor, ...]
Formulas: TypeAlias = Callable[[State, Tensors, Tensors], Tensors]


class Equations(StateLayer):
    """dx/dt = f(x, u) integrated over the sampling time with u held, or x[k+1] = f(x[k], u[k]);  y[k] = g(x[k], u[k]).

    u (batch, time, inputs) -> y (batch, time, outputs), in the dtype of the parameters. The arguments are those of the
    node in the plan, formulas as in sysidc.compiler.dynamics.formulas. `numbers` are what is learned.

    Equations are in the units of the data: `in_units_of` tells how the inputs and outputs around them are scaled. The
    states that a chain sees are divided by `state_scale`, so that they are of the size of 1.
    """

    state_scale: Tensor
    state_start: Tensor
    input_shift: Tensor
    input_scale: Tensor
    output_shift: Tensor
    output_scale: Tensor

    def __init__(
        self,
        name: str,
        states: Sequence[Mapping[str, Any]],
        learn: Sequence[Mapping[str, Any]],
        inputs: Sequence[Mapping[str, Any]],
        outputs: Sequence[Mapping[str, Any]],
        lets: Sequence[Mapping[str, Any]],
        kind: str,
        equations: Sequence[Any],
        readings: Sequence[Any],
        sampling_time: float | None = None,
        solver: str | None = "rk4",
        substeps: int = 1,
        initial: str = "zero",
    ) -> None:
        super().__init__()
        self.name, self.initial, self.states = name, initial, len(states)
        self.solver, self.substeps = (solver, substeps) if kind == "der" else (None, 1)
        self.interval = self.shortest = (sampling_time or 1.0) / substeps
        self.state_names = tuple(row["name"] for row in states)
        self.numbers = LearnedNumbers(learn)
        parts: dict[str, Any] = {
            "states": states,
            "learn": learn,
            "inputs": inputs,
            "outputs": outputs,
            "lets": lets,
            "kind": kind,
        }
        parts |= {"equations": equations, "readings": readings}
        self.head, self.source = HEADS[kind], _known(module_source(parts, slopes=solver == "implicit"), HEADS[kind])
        start = torch.tensor([row["start"] for row in states])
        self.register_buffer("state_scale", start.abs().clamp(min=1.0))
        self.register_buffer("state_start", start)
        for side, rows in (("input", inputs), ("output", outputs)):
            channels = sum(row["channels"] for row in rows)
            self.register_buffer(f"{side}_shift", torch.zeros(channels))
            self.register_buffer(f"{side}_scale", torch.ones(channels))

    def in_units_of(self, input_shift: Tensor, input_scale: Tensor, output_shift: Tensor, output_scale: Tensor) -> None:
        """Tell what the numbers outside mean: data = shift + scale * number, for inputs and outputs (channels)."""
        for name, values in (
            ("input_shift", input_shift),
            ("input_scale", input_scale),
            ("output_shift", output_shift),
            ("output_scale", output_scale),
        ):
            getattr(self, name).copy_(values)

    def step_over(self, samples: int) -> None:
        """Integrate from a sample to the one so many behind it, in as many steps as before."""
        assert samples == 1 or self.solver is not None, "discrete equations move from sample to sample"
        self.interval = self.shortest * samples

    def values(self) -> dict[str, float]:
        """The learned numbers by name, in the units of the data."""
        return self.numbers.values()

    def draw(self, generator: torch.Generator) -> None:
        """New start values of the learned numbers."""
        self.numbers.draw(generator)

    def rest(self) -> Tensor:
        """The start values that the block declares, (states)."""
        return self.state_start / self.state_scale

    def step(self, x: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
        states = (x * self.state_scale).unbind(-1)
        inputs = (u * self.input_scale + self.input_shift).unbind(-1)
        numbers = self.numbers()
        after = torch.stack(self.advanced(states, inputs, numbers), dim=-1) / self.state_scale
        return after, self._scaled(torch.stack(self.read(states, inputs, numbers), dim=-1))

    def advanced(self, states: State, inputs: Tensors, numbers: Tensors) -> State:
        """The states one sample later, in the units of the data."""
        motion, _, slopes = _compiled(self.source, self.head)
        if self.solver is None:
            return motion(states, inputs, numbers)

        def rates(x: State) -> State:
            return motion(x, inputs, numbers)

        for _ in range(self.substeps):
            if self.solver == "rk4":
                states = runge_kutta(rates, states, self.interval)
            elif self.solver == "euler":
                states = euler(rates, states, self.interval)
            else:
                states = implicit(rates, lambda x: slopes(x, inputs, numbers), states, self.interval, self.state_scale)
        return states

    def rates(self, states: State, inputs: Tensors, numbers: Tensors) -> State:
        """The right-hand sides: derivatives by time, or the states one sample later in discrete time."""
        return _compiled(self.source, self.head)[0](states, inputs, numbers)

    def read(self, states: State, inputs: Tensors, numbers: Tensors) -> Tensors:
        """The outputs, one tensor for each channel, in the units of the data."""
        return _compiled(self.source, self.head)[1](states, inputs, numbers)

    def _scaled(self, y: Tensor) -> Tensor:
        return (y - self.output_shift) / self.output_scale

    def forward(self, u: Tensor) -> Tensor:
        """From the declared start. As `step` over and over, with the scaling done once."""
        numbers = self.numbers()
        channels = (u * self.input_scale + self.input_shift).unbind(-1)
        by_time = list(zip(*(channel.unbind(1) for channel in channels), strict=True)) or [()] * u.shape[1]
        states = tuple(start.expand(len(u)) for start in self.state_start.unbind())
        outputs = []
        for now in by_time:
            outputs.append(self.read(states, now, numbers))
            states = self.advanced(states, now, numbers)
        columns = [torch.stack(column, dim=1) for column in zip(*outputs, strict=True)]
        return self._scaled(torch.stack(columns, dim=2))

    def extra_repr(self) -> str:
        how = "discrete time" if self.solver is None else f"{self.solver}, {self.substeps} substeps"
        return f"{self.name}: states={self.states}, {how}, initial={self.initial}"


COMPILED: dict[tuple[str, str], tuple[Formulas, Formulas, Formulas]] = {}
"""A plain table: torch's tracing can look things up in it, and neither compile nor call what is cached otherwise."""


def _known(source: str, head: str) -> str:
    """The source, once its functions are in the table."""
    _compiled(source, head)
    return source


def _compiled(source: str, head: str) -> tuple[Formulas, Formulas, Formulas]:
    """The functions that the source defines, which was written from a checked plan: our names, numbers, operators."""
    if (source, head) not in COMPILED:
        COMPILED[source, head] = _defined(source, head)
    return COMPILED[source, head]


def _defined(source: str, head: str) -> tuple[Formulas, Formulas, Formulas]:
    defined: dict[str, Any] = {"torch": torch, "functional": functional}
    exec(compile(source, "<equations>", "exec"), defined)
    return defined[head], defined["readings"], defined.get("slopes", _no_slopes)


def _no_slopes(states: State, inputs: Tensors, numbers: Tensors) -> Tensors:
    raise AssertionError("slopes are written for the implicit solver")
