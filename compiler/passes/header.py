"""The model's header: which windows of which signals go in and out, and the tensor that the stack receives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

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


def read_header(
    program: Program, measured: Measured, mode: str, precision: str | None, findings: Findings
) -> Header | None:
    """The header's windows, None where they are too wrong to go on with."""
    model = program.sections.get("model")
    if not isinstance(model, syntax.Model) or "signals" not in program.sections:
        return None
    sound = [_window(window, side, measured, program, findings) for side, window in _sides(model)]
    if any(window is None for window in sound):
        return None
    windows = [window for window in sound if window is not None]
    inputs, outputs = tuple(windows[: len(model.inputs)]), tuple(windows[len(model.inputs) :])
    if not _agree(model, inputs, outputs, measured, mode, findings):
        return None
    return _header(model, inputs, outputs, measured, mode, precision)


def _sides(model: syntax.Model) -> tuple[tuple[str, syntax.Window], ...]:
    return tuple(("left", window) for window in model.inputs) + tuple(("right", window) for window in model.outputs)


def _window(
    window: syntax.Window, side: str, measured: Measured, program: Program, findings: Findings
) -> WindowPlan | None:
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
    plain = value.plain
    if plain == Word("all"):
        if side == "left" and signal.role == "output":
            findings.add(sentences.whole_output_on_left(name, window.span))
            return None
        return WindowPlan(name, None)
    steps = (
        int(plain) if isinstance(plain, int | float) and not isinstance(plain, bool) and plain == int(plain) else None
    )
    if steps is None or not 1 <= steps <= LONGEST_WINDOW:
        findings.add(_bad_length(value, steps, program))
        return None
    return WindowPlan(name, steps)


def _bad_length(value: Value, steps: int | None, program: Program) -> Diagnostic:
    if isinstance(value.plain, Word):
        return sentences.unknown_value(
            value.plain.text, value.span, (*program.scope.names(), "all"), "a number of steps"
        )
    if steps is None:
        return sentences.wrong_kind("the window", "steps", describe(value.plain), value.span, "a whole number of steps")
    return sentences.out_of_range(
        "the window", "steps", describe(steps), value.span, f"at least 1 and at most {LONGEST_WINDOW}"
    )


def _agree(
    model: syntax.Model,
    inputs: tuple[WindowPlan, ...],
    outputs: tuple[WindowPlan, ...],
    measured: Measured,
    mode: str,
    findings: Findings,
) -> bool:
    before = findings.has_errors
    for windows, nodes in ((inputs, model.inputs), (outputs, model.outputs)):
        for index, window in enumerate(windows):
            names = [other.signal for other in windows[:index]]
            if window.signal in names:
                first = nodes[names.index(window.signal)]
                findings.add(sentences.duplicate_definition(window.signal, nodes[index].span, first.span))
                return False
    for window, node in zip(outputs, model.outputs, strict=True):
        if window.steps != outputs[0].steps:
            findings.add(sentences.unequal_outputs(node.span, model.outputs[0].span))
            return False
        if not is_floating(measured.signals[window.signal].dtype):
            dtype = measured.signals[window.signal].dtype
            findings.add(sentences.integer_output(window.signal, dtype, node.span, measured.spans[window.signal]))
            return False
    _agree_on_columns(model, inputs, outputs, measured, findings)
    _agree_on_all(model, inputs, outputs, measured, findings)
    _agree_with_mode(model, inputs, outputs, measured, mode, findings)
    return before or not findings.has_errors


def _agree_on_columns(
    model: syntax.Model,
    inputs: tuple[WindowPlan, ...],
    outputs: tuple[WindowPlan, ...],
    measured: Measured,
    findings: Findings,
) -> None:
    """A column that is both input and output: an input's window reaches over the steps to be computed."""
    computed = {
        column: node
        for window, node in zip(outputs, model.outputs, strict=True)
        for column in measured.signals[window.signal].columns
    }
    for window, node in zip(inputs, model.inputs, strict=True):
        for column in measured.signals[window.signal].columns:
            if measured.signals[window.signal].role == "input" and column in computed:
                findings.add(sentences.column_of_both(column, computed[column].span, node.span))


def _agree_on_all(
    model: syntax.Model,
    inputs: tuple[WindowPlan, ...],
    outputs: tuple[WindowPlan, ...],
    measured: Measured,
    findings: Findings,
) -> None:
    whole = outputs[0].steps is None
    for window, node in zip(inputs, model.inputs, strict=True):
        if measured.signals[window.signal].role == "input" and (window.steps is None) != whole:
            findings.add(sentences.half_whole(node.span, model.outputs[0].span))


def _agree_with_mode(
    model: syntax.Model,
    inputs: tuple[WindowPlan, ...],
    outputs: tuple[WindowPlan, ...],
    measured: Measured,
    mode: str,
    findings: Findings,
) -> None:
    if mode != "simulation" and outputs[0].steps != 1:
        findings.add(sentences.one_step_header(mode, model.outputs[0].span))
    predicted = {window.signal for window in outputs}
    for window, node in zip(inputs, model.inputs, strict=True):
        role = measured.signals[window.signal].role
        if role == "output" and mode != "bounded" and window.signal not in predicted:
            findings.add(sentences.not_predicted(window.signal, node.span, model.outputs[0].span))
    if mode == "bounded":
        _agree_with_bounded(model, inputs, outputs, measured, findings)


def _agree_with_bounded(
    model: syntax.Model,
    inputs: tuple[WindowPlan, ...],
    outputs: tuple[WindowPlan, ...],
    measured: Measured,
    findings: Findings,
) -> None:
    roles = [measured.signals[window.signal].role for window in inputs]
    if roles != ["input"]:
        index = next((i for i, role in enumerate(roles) if role == "output"), min(1, len(roles) - 1))
        findings.add(sentences.bounded_inputs(model.inputs[index].span))
    channels = sum(len(measured.signals[window.signal].columns) for window in outputs)
    if channels != 1:
        findings.add(sentences.bounded_outputs(channels, model.outputs[-1].span))


def _header(
    model: syntax.Model,
    inputs: tuple[WindowPlan, ...],
    outputs: tuple[WindowPlan, ...],
    measured: Measured,
    mode: str,
    precision: str | None,
) -> Header:
    def dtype_of(windows: tuple[WindowPlan, ...]) -> str:
        return promote(tuple(at_precision(measured.signals[window.signal].dtype, precision) for window in windows))

    def channels_of(windows: tuple[WindowPlan, ...]) -> int:
        return sum(len(measured.signals[window.signal].columns) for window in windows)

    roles = {window.signal: measured.signals[window.signal].role for window in inputs}
    known = max((window.steps or 0 for window in inputs if roles[window.signal] == "output"), default=0)
    layout = None if outputs[0].steps is None else place_windows(inputs, outputs, measured.signals, mode)
    dtype = dtype_of(outputs)
    return Header(
        inputs,
        outputs,
        TensorType(layout.steps if layout else None, channels_of(inputs), dtype_of(inputs)),
        TensorType(outputs[0].steps, channels_of(outputs), dtype),
        known,
        dtype,
        layout,
        model.header,
        model.outputs[0].span.to(model.outputs[-1].span),
    )


def place_windows(
    inputs: tuple[WindowPlan, ...], outputs: tuple[WindowPlan, ...], signals: Mapping[str, SignalPlan], mode: str
) -> Layout:
    """The layout of windows of known length."""

    def facts(window: WindowPlan) -> tuple[str, str, int, int]:
        signal = signals[window.signal]
        assert window.steps is not None
        return window.signal, signal.role, len(signal.columns), window.steps

    return place(tuple(facts(window) for window in inputs), tuple(facts(window) for window in outputs), mode)


def at_precision(dtype: str, precision: str | None) -> str:
    """`precision` replaces every floating dtype of the file; integer dtypes stay."""
    return precision if precision and is_floating(dtype) else dtype
