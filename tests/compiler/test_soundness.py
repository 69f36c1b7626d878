"""What the checker accepts builds and takes a first training step; what it refuses, torch refuses too.

The judge is free_build.py, which makes torch modules from the same text without the checker's rules. A refusal for
shape, dtype or time must be one of torch's, or a stack whose output is not what the header promises, (batch, M,
channels) in the dtype of the outputs. SYSIDC_CASES sets the number of specs.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from sysidc.compiler.catalogue.layers import PER_STEP
from sysidc.compiler.findings import Findings
from sysidc.compiler.lower import build_stack, training_module
from sysidc.compiler.passes.chain import arriving, find_chain
from sysidc.compiler.passes.header import Header, read_header
from sysidc.compiler.passes.signals import read_signals
from sysidc.compiler.passes.training import read_training
from sysidc.compiler.pipeline import Compiled, compile_source
from sysidc.compiler.plan import Plan
from sysidc.compiler.program import load_program
from sysidc.dsl.source import Source
from sysidc.runtime.data.layouts import at_horizon, future_inputs, known_outputs, spans_record, window_layout
from sysidc.runtime.data.prepare import header_signals
from sysidc.runtime.data.windows import Batch, windows_at
from sysidc.runtime.training.bounded import BoundedSimulationTrainingModule
from sysidc.runtime.training.step import TrainingModule
from tests.compiler.free_build import REFUSALS, FreeBuilder
from tests.compiler.random_specs import Item, Spec, random_spec

CASES = int(os.environ.get("SYSIDC_CASES", "400"))
GROUPS = 8
RECORD = 40
LARGEST = 300_000
VALUES_MATTER = "the table has rows"
"""Which integers an embedding meets is known from the data alone."""

FLOW = {
    "size-mismatch", "residual-shape", "residual-dtype", "dtype-mismatch", "header-shape", "header-dtype",
    "window-too-short", "fixed-length", "rollout-shape",
}  # fmt: skip
"""Refusals that torch can confirm; those of other ids are rules about the file."""


@pytest.mark.parametrize("group", range(GROUPS))
def test_the_verdict_is_torchs(group: int) -> None:
    for seed in range(group, CASES, GROUPS):
        disagreement = judge(random_spec(seed))
        assert disagreement is None, f"seed {seed}: {disagreement}\n{random_spec(seed).text}"


def judge(spec: Spec) -> str | None:
    """Why checker and torch disagree about a spec; None where they agree."""
    compiled = compile_source(source_of(spec))
    errors = [diagnostic for diagnostic in compiled.diagnostics if diagnostic.is_error]
    if compiled.plan is not None and compiled.plan.model.parameters > LARGEST:
        return None
    if compiled.plan is not None:
        found = unsound(compiled.plan)
        refused = found or freely_refused(spec, compiled)
        return None if refused and VALUES_MATTER in refused else refused
    if len({error.id for error in errors} & FLOW) == 0 or {error.id for error in errors} - FLOW:
        return None
    if freely_refused(spec, compiled) is None:
        return f"refused without need: {errors[0].id}, {errors[0].message}"
    return None


def source_of(spec: Spec) -> Source:
    return Source("random.sysid", spec.text, Path("random.sysid"))


# --- what is accepted --------------------------------------------------------------------------------------------


def unsound(plan: Plan) -> str | None:
    """What goes wrong when an accepted plan is built and trained for a step."""
    try:
        with quiet():
            return _unsound(plan)
    except (*REFUSALS, NotImplementedError, OverflowError, KeyError, AttributeError) as error:
        if VALUES_MATTER in str(error):
            return None  # which integers arrive is known from the data alone
        return f"accepted, but {type(error).__name__}: {error}"


def _unsound(plan: Plan) -> str | None:
    stack = build_stack(plan)
    count = sum(parameter.numel() for parameter in stack.parameters())
    if count != plan.model.parameters:
        return f"{count} parameters, {plan.model.parameters} were counted"
    batch = random_batch(plan, torch.arange(20, 24))
    out = stack.eval()(batch[0])
    promised = (4, batch[1].shape[1] if plan.train.prediction is None else 1, plan.model.type_out.channels)
    if tuple(out[:, -promised[1] :].shape) != promised or str(out.dtype) != f"torch.{plan.model.type_out.dtype}":
        return f"returns {tuple(out.shape)} {out.dtype}, promised are {promised} {plan.model.type_out.dtype}"
    if out.shape[1] not in (promised[1], batch[0].shape[1]):
        return f"returns {out.shape[1]} steps"
    first_step(plan, training_module(plan, stack.train(), steps_per_epoch=10), batch)
    return None


def first_step(plan: Plan, module: Any, batch: Batch) -> None:
    """One optimiser step, one scheduler step and one validation step, as Lightning would take them."""
    if isinstance(module, BoundedSimulationTrainingModule):
        module.prepare(*random_batch(plan, torch.arange(12, 36)))
        batch = random_batch(plan, torch.arange(20, 24))
    assert isinstance(module, TrainingModule)
    configured = module.configure_optimizers()
    schedule = configured["lr_scheduler"]["scheduler"] if isinstance(configured, dict) else None
    optimizer = configured["optimizer"] if isinstance(configured, dict) else configured

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = module.training_step(batch, 0)
        torch.autograd.backward(loss)
        return loss

    loss = optimizer.step(closure)
    if schedule is not None:
        schedule.step(loss) if plan.train.scheduler_monitor else schedule.step()
    with torch.no_grad():
        module.eval()
        module.validation_step(batch, 0)
        module.validation_step(tuple(tensor[:1] for tensor in batch), 0)


def random_batch(plan: Plan, anchors: Tensor) -> Batch:
    """A batch of windows out of random records, made by the engine of the data modules."""
    values = random_values(plan)
    if spans_record(plan):
        return windows_at(values, window_layout(plan, 30), torch.arange(len(anchors)) + known_outputs(plan))
    layout = window_layout(plan)
    if plan.train.prediction is None:
        return windows_at(values, layout, anchors)
    horizon = max(plan.train.prediction.horizon, 2)
    layout = at_horizon(layout, horizon)
    return windows_at(values, layout, anchors, future_inputs(layout, horizon))


def random_values(plan: Plan) -> Mapping[str, Tensor]:
    torch.manual_seed(0)
    values = {}
    for signal in header_signals(plan):
        dtype = getattr(torch, signal.dtype)
        numbers = torch.randn(RECORD, len(signal.columns))
        values[signal.name] = (numbers if dtype.is_floating_point else numbers > 0).to(dtype)
    return values


# --- what is refused ---------------------------------------------------------------------------------------------


def freely_refused(spec: Spec, compiled: Compiled) -> str | None:
    """Why torch refuses the stack, or which promise it breaks; None where it keeps it."""
    header, precision = header_of(compiled.source)
    assert header is not None
    dtype = getattr(torch, header.dtype)
    arrives = getattr(torch, header.arrives.dtype)
    builder = FreeBuilder(dtype, precision, header.promised.channels, last_layer(spec.items))
    steps = header.arrives.steps or 23
    channels = inputs_of(compiled.source)
    try:
        with quiet(), default_dtype(dtype), torch.no_grad():
            stack, out = builder.stack(spec.items, sample(steps, channels, arrives))
            broken = broken_promise(header, spec.mode, out, steps)
            stack.eval()(sample(steps, channels, arrives)[:1])  # as a last batch may be
            if broken is None and header.arrives.steps is None:
                out = stack(sample(31, channels, arrives))
                broken = broken_promise(header, spec.mode, out, 31)
            return broken
    except REFUSALS as error:
        return str(error)


def last_layer(items: Sequence[Item]) -> Item | None:
    """The last layer that changes the number of channels; None where a sum or a repeat stands around it."""
    changing = [item for item in items if item.annotations or item.name not in PER_STEP - {"Linear"}]
    if not changing:
        return None
    last = changing[-1]
    if "residual" in last.annotations or last.count > 1:
        return None
    return last_layer(last.children) if last.children else last


def inputs_of(source: Source) -> int:
    """Channels that the first layer receives: a chain's known outputs do not go in."""
    findings = Findings()
    program = load_program(source, findings, {})
    measured = read_signals(program, findings)
    training = read_training(program, findings)
    assert training is not None
    header = read_header(program, measured, training.mode, training.precision, findings)
    arrives = arriving(header, find_chain(program, measured, header, training.mode, training.initial))
    assert arrives is not None
    return arrives.channels


def header_of(source: Source) -> tuple[Header | None, str | None]:
    findings = Findings()
    program = load_program(source, findings, {})
    training = read_training(program, findings)
    assert training is not None
    return read_header(program, read_signals(program, findings), training.mode, training.precision, findings), (
        training.precision
    )


def sample(steps: int, channels: int, dtype: torch.dtype) -> Tensor:
    numbers = torch.randn(2, steps, channels, dtype=torch.float64)
    return (numbers if dtype.is_floating_point else numbers > 0).to(dtype)


def broken_promise(header: Header, mode: str, out: Tensor, steps: int) -> str | None:
    promised = header.promised.steps or steps - header.known
    if out.shape[2] != header.promised.channels or out.shape[1] not in (promised, steps) or out.shape[1] < promised:
        return f"returns {tuple(out.shape)}"
    if str(out.dtype) != f"torch.{header.promised.dtype}":
        return f"returns {out.dtype}"
    return None


@contextmanager
def default_dtype(dtype: torch.dtype) -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@contextmanager
def quiet() -> Iterator[None]:
    """torch's advice about small models is no finding here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
