"""From the windows of a Plan's header to their places in a record, of known length where the header says `all`."""

from __future__ import annotations

from dataclasses import replace

from sysidc.compiler.plan import Plan
from sysidc.compiler.windows import Layout, Placed, place


def spans_record(plan: Plan) -> bool:
    """Whether a window of the header is the whole record."""
    return any(window.steps is None for window in plan.model.inputs + plan.model.outputs)


def known_outputs(plan: Plan) -> int:
    """P: the longest window of an output signal on the left, in steps."""
    windows = (window for window in plan.model.inputs if plan.signal(window.signal).role == "output")
    return max((window.steps or 0 for window in windows), default=0)


def window_layout(plan: Plan, length: int | None = None) -> Layout:
    """Where the header's windows lie; `length` is the record's, needed where the header says `all`.

    An output of `all` covers everything after the known steps.
    """
    assert length is not None or not spans_record(plan), "a window of `all` has the length of a record"

    def window(signal: str, steps: int | None, every: int | None) -> tuple[str, str, int, int]:
        measured = plan.signal(signal)
        filled = every if steps is None else steps
        assert filled is not None
        return signal, measured.role, len(measured.columns), filled

    ahead = None if length is None else length - known_outputs(plan)
    return place(
        tuple(window(item.signal, item.steps, length) for item in plan.model.inputs),
        tuple(window(item.signal, item.steps, ahead) for item in plan.model.outputs),
        plan.train.mode,
    )


def free_run_layout(plan: Plan, length: int) -> Layout:
    """A whole record as one window: inputs at every step, known outputs before the first step that is predicted."""
    if spans_record(plan):
        return window_layout(plan, length)
    return stretched(window_layout(plan), length)


def stretched(layout: Layout, length: int) -> Layout:
    """The same start in a window as long as a record."""
    known, ahead = layout.known, length - layout.known
    return Layout(
        tuple(replace(item, first=1 - known, last=ahead) if item.role == "input" else item for item in layout.inputs),
        tuple(replace(item, last=ahead) for item in layout.outputs),
    )


def at_horizon(layout: Layout, horizon: int) -> Layout:
    """The same windows with an output of `horizon` steps."""
    return Layout(layout.inputs, tuple(replace(item, last=horizon) for item in layout.outputs))


def future_inputs(layout: Layout, horizon: int) -> tuple[Placed, ...]:
    """The measured inputs that a prediction over `horizon` steps takes in after step k: k+1 .. k+horizon-1."""
    return tuple(replace(item, first=1, last=horizon - 1) for item in layout.inputs if item.role == "input")
