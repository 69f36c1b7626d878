"""The model's header: which windows of which signals go in and out, and the tensor that the stack receives."""

from __future__ import annotations

from sysidc.compiler import sentences
from sysidc.compiler.dtypes import is_floating, promote
from sysidc.compiler.findings import Findings
from sysidc.compiler.passes.signals import Measured
from sysidc.compiler.plan import SignalPlan, TensorType, WindowPlan
from sysidc.compiler.program import Program
from sysidc.compiler.scope import Unknown, evaluate
from sysidc.compiler.values import Value, Word, describe
from sysidc.compiler.windows import Layout, place
from sysidc.dsl import syntax
from sysidc.dsl.diagnostics import Diagnostic
from sysidc.dsl.records import dataclass, replace
from sysidc.dsl.source import Span

LONGEST_WINDOW = 10_000_000


@dataclass(frozen=True)
class Header:
    """Windows of both sides; the tensor that arrives and the promise; `layout` None for `[all]`.

    `known` is P, the known output steps of the left-hand side; `dtype` that of the parameters.
    """

    inputs: tuple[WindowPlan, ...]
    outputs: tuple[WindowPlan, ...]
    arrives: TensorType
    promised: TensorType
    known: int
    dtype: str
    layout: Layout | None
    span: Span
    promise_span: Span


@dataclass(frozen=True)
class Side:
    """A window of the header with its signal; `span` is its place, `declared` that of the signal."""

    signal: SignalPlan
    steps: int | None
    span: Span
    declared: Span

    @property
    def name(self) -> str:
        return self.signal.name

    @property
    def is_input(self) -> bool:
        return self.signal.role == "input"


Sides = tuple[Side, ...]


def read_header(
    program: Program, measured: Measured, mode: str, precision: str | None, findings: Findings
) -> Header | None:
    """The header's windows, None where they are too wrong to go on with."""
    model = program.sections.get("model")
    if not isinstance(model, syntax.Model) or "signals" not in program.sections:
        return None
    left = [_window(window, "left", measured, program, findings) for window in model.inputs]
    right = [_window(window, "right", measured, program, findings) for window in model.outputs]
    inputs, outputs = tuple(filter(None, left)), tuple(filter(None, right))
    if len(inputs) < len(left) or len(outputs) < len(right) or not _agree(inputs, outputs, mode, findings):
        return None
    return _header(model.header, inputs, outputs, mode, precision)


def _window(window: syntax.Window, side: str, measured: Measured, program: Program, findings: Findings) -> Side | None:
    name = window.signal.text
    signal = measured.signals.get(name)
    if signal is None:
        findings.add(sentences.unknown_signal(name, window.signal.span, tuple(measured.signals)))
        return None
    if side == "right" and signal.role == "input":
        findings.add(sentences.input_as_output(name, window.signal.span, measured.spans[name]))
        return None
    try:
        value = evaluate(window.steps, program.scope)
    except Unknown:
        return None
    if value.plain == Word("all"):
        if side == "left" and signal.role == "output":
            findings.add(sentences.whole_output_on_left(name, window.span))
            return None
        return Side(signal, None, window.span, measured.spans[name])
    steps = _whole(value)
    if steps is None or not 1 <= steps <= LONGEST_WINDOW:
        findings.add(_bad_length(value, steps, program))
        return None
    return Side(signal, steps, window.span, measured.spans[name])


def _whole(value: Value) -> int | None:
    plain = value.plain
    is_number = isinstance(plain, int | float) and not isinstance(plain, bool)
    return int(plain) if is_number and plain == int(plain) else None  # type: ignore[arg-type]


def _bad_length(value: Value, steps: int | None, program: Program) -> Diagnostic:
    if isinstance(value.plain, Word):
        known = (*program.scope.names(), "all")
        return sentences.unknown_value(value.plain.text, value.span, known, "a number of steps")
    if steps is None:
        return sentences.wrong_kind("the window", "steps", describe(value.plain), value.span, "a whole number of steps")
    allowed = f"at least 1 and at most {LONGEST_WINDOW}"
    return sentences.out_of_range("the window", "steps", describe(steps), value.span, allowed)


# --- do the windows fit each other and the mode? -------------------------------------------------------------------


def _agree(inputs: Sides, outputs: Sides, mode: str, findings: Findings) -> bool:
    found = _disagreements(inputs, outputs, mode)
    for diagnostic in found:
        findings.add(diagnostic)
    return not found


def _disagreements(inputs: Sides, outputs: Sides, mode: str) -> list[Diagnostic]:
    """What is wrong with the windows; a mistake that would bring others with it stands alone."""
    alone = _named_twice(inputs) or _named_twice(outputs) or _wrong_output(outputs)
    if alone is not None:
        return [alone]
    found = [*_columns_of_both(inputs, outputs), *_half_whole(inputs, outputs)]
    if mode != "simulation" and outputs[0].steps != 1:
        found.append(sentences.one_step_header(mode, outputs[0].span))
    return found + (_unfit_for_bounded(inputs, outputs) if mode == "bounded" else _not_predicted(inputs, outputs))


def _named_twice(windows: Sides) -> Diagnostic | None:
    first: dict[str, Span] = {}
    for window in windows:
        if window.name in first:
            return sentences.duplicate_definition(window.name, window.span, first[window.name])
        first[window.name] = window.span
    return None


def _wrong_output(outputs: Sides) -> Diagnostic | None:
    for window in outputs:
        if window.steps != outputs[0].steps:
            return sentences.unequal_outputs(window.span, outputs[0].span)
        if not is_floating(window.signal.dtype):
            return sentences.integer_output(window.name, window.signal.dtype, window.span, window.declared)
    return None


def _columns_of_both(inputs: Sides, outputs: Sides) -> list[Diagnostic]:
    """A column that is both input and output: an input's window reaches over the steps to be computed."""
    computed = {column: window.span for window in outputs for column in window.signal.columns}
    return [
        sentences.column_of_both(column, computed[column], window.span)
        for window in inputs
        for column in window.signal.columns
        if window.is_input and column in computed
    ]


def _half_whole(inputs: Sides, outputs: Sides) -> list[Diagnostic]:
    whole = outputs[0].steps is None
    return [
        sentences.half_whole(window.span, outputs[0].span)
        for window in inputs
        if window.is_input and (window.steps is None) != whole
    ]


def _not_predicted(inputs: Sides, outputs: Sides) -> list[Diagnostic]:
    predicted = {window.name for window in outputs}
    return [
        sentences.not_predicted(window.name, window.span, outputs[0].span)
        for window in inputs
        if not window.is_input and window.name not in predicted
    ]


def _unfit_for_bounded(inputs: Sides, outputs: Sides) -> list[Diagnostic]:
    found = []
    if len(inputs) != 1 or not inputs[0].is_input:
        wrong = next((window for window in inputs if not window.is_input), inputs[-1])
        found.append(sentences.bounded_inputs(wrong.span))
    channels = sum(len(window.signal.columns) for window in outputs)
    if channels != 1:
        found.append(sentences.bounded_outputs(channels, outputs[-1].span))
    return found


# --- the tensors ---------------------------------------------------------------------------------------------------


def _header(span: Span, inputs: Sides, outputs: Sides, mode: str, precision: str | None) -> Header:
    layout = None if outputs[0].steps is None else place(_facts(inputs), _facts(outputs), mode)
    arriving, promised = _dtype(inputs, precision), _dtype(outputs, precision)
    return Header(
        tuple(WindowPlan(window.name, window.steps) for window in inputs),
        tuple(WindowPlan(window.name, window.steps) for window in outputs),
        TensorType(layout.steps if layout else None, _channels(inputs), arriving),
        TensorType(outputs[0].steps, _channels(outputs), promised),
        max((window.steps or 0 for window in inputs if not window.is_input), default=0),
        promised,
        layout,
        span,
        outputs[0].span.to(outputs[-1].span),
    )


def _facts(windows: Sides) -> tuple[tuple[str, str, int, int], ...]:
    return tuple((side.name, side.signal.role, len(side.signal.columns), side.steps or 0) for side in windows)


def _channels(windows: Sides) -> int:
    return sum(len(window.signal.columns) for window in windows)


def _dtype(windows: Sides, precision: str | None) -> str:
    return promote(tuple(at_precision(window.signal.dtype, precision) for window in windows))


def header_at(header: Header, precision: str) -> Header:
    """The header as `precision` would have read it."""
    dtypes = (at_precision(dtype, precision) for dtype in (header.arrives.dtype, header.promised.dtype, header.dtype))
    arriving, promised, parameters = dtypes
    return replace(
        header,
        arrives=replace(header.arrives, dtype=arriving),
        promised=replace(header.promised, dtype=promised),
        dtype=parameters,
    )


def at_precision(dtype: str, precision: str | None) -> str:
    """`precision` replaces every floating dtype of the file; integer dtypes stay."""
    return precision if precision and is_floating(dtype) else dtype
