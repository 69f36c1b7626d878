"""The windows of a model's header as constants of the emitted program."""

from __future__ import annotations

from sysidc.compiler.emit.piece import Piece
from sysidc.compiler.emit.values import call, literal
from sysidc.compiler.plan import Plan, WindowPlan
from sysidc.compiler.windows import Layout, Placed, place


def spans_record(plan: Plan) -> bool:
    """Whether a window of the header is the whole record."""
    return any(window.steps is None for window in plan.model.inputs + plan.model.outputs)


def runs_freely(plan: Plan) -> bool:
    """Whether whole records are simulated in one run."""
    return plan.train.mode == "simulation" and plan.model.any_length


def layout(plan: Plan) -> Layout:
    """Where windows of known length lie."""

    def sized(window: WindowPlan) -> tuple[str, str, int, int]:
        signal = plan.signal(window.signal)
        assert window.steps is not None
        return window.signal, signal.role, len(signal.columns), window.steps

    inputs, outputs = (tuple(sized(window) for window in side) for side in (plan.model.inputs, plan.model.outputs))
    return place(inputs, outputs, plan.train.mode)


def measured_inputs(plan: Plan) -> list[str]:
    """The input signals on the header's left."""
    return [window.signal for window in plan.model.inputs if plan.signal(window.signal).role == "input"]


def signals(plan: Plan) -> Piece:
    """Columns and dtypes of the signals, and the windows of the header."""
    columns = [f"{literal(signal.name)}: {literal(list(signal.columns))}" for signal in plan.signals]
    dtypes = [f"{literal(signal.name)}: torch.{signal.dtype}" for signal in plan.signals]
    lines = [*_mapping("COLUMNS", columns), *_mapping("DTYPES", dtypes)]
    outputs = [window.signal for window in plan.model.outputs]
    inputs = [window.signal for window in plan.model.inputs]
    if not spans_record(plan):
        placed = layout(plan)
        lines += ["# (signal, first, last): steps counted from k, the last one whose output is known"]
        lines += [f"INPUTS = {_windows(placed.inputs)}", f"OUTPUTS = {_windows(placed.outputs)}"]
    if runs_freely(plan):
        lines += [f"INPUT_SIGNALS = {literal(inputs)}", f"KNOWN: dict[str, int] = {literal(_known(plan))}"]
    lines += [f"OUTPUT_SIGNALS = {literal(outputs)}"]
    if plan.train.mode == "prediction":
        lines += [f"MEASURED: list[str] = {literal(measured_inputs(plan))}"]
    return Piece("\n".join(lines))


def _mapping(name: str, entries: list[str]) -> list[str]:
    one = f"{name} = {{{', '.join(entries)}}}"
    return [one] if len(one) <= 88 else [f"{name} = {{", *(f"    {entry}," for entry in entries), "}"]


def _windows(placed: tuple[Placed, ...]) -> str:
    windows = [literal((item.signal, item.first, item.last)) for item in placed]
    return "\n".join(call("", windows)) if len(windows) > 3 else "[" + ", ".join(windows) + "]"


def _known(plan: Plan) -> dict[str, int]:
    return {
        window.signal: window.steps or 0 for window in plan.model.inputs if plan.signal(window.signal).role == "output"
    }
