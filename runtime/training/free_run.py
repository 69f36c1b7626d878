"""How a trained stack runs over whole records: in free run, by windows laid end to end, or h steps ahead.

A record is a dict from signal to (steps, channels), normalised. Every function returns (steps, outputs) on the device
of the stack, NaN where nothing is predicted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain

import torch
from torch import Tensor, nn

from sysidc.compiler.windows import Layout
from sysidc.runtime.data.windows import end_to_end
from sysidc.runtime.training.feedback import Feedback
from sysidc.runtime.training.prediction import LightningPredictionTrainingModule
from sysidc.runtime.training.step import last_steps

Record = Mapping[str, Tensor]

CHUNK_ELEMENTS = 1 << 22  # numbers in the windows of one batch, about 32 MB in float64


def simulate(stack: nn.Module, record: Record, layout: Layout, any_length: bool) -> Tensor:
    """Every step that can be simulated exactly once, reading no measured output besides the initial steps.

    A stack that works at `any_length` makes one free run, another one runs by windows laid end to end.
    """
    if not any_length:
        return simulate_by_windows(stack, record, layout)
    known = {window.signal: window.steps for window in layout.inputs if window.role == "output"}
    return simulate_freely(stack, record, [window.signal for window in layout.inputs], known)


def simulate_freely(stack: nn.Module, record: Record, inputs: Sequence[str], known: Mapping[str, int]) -> Tensor:
    """One run over the whole record, for stacks that work at any length and for `[all]` headers.

    `inputs` are the signals on the header's left, in order; `known` gives for each output signal among them its number
    P of known steps, which are the last before the first prediction. Elsewhere its channels are 0.
    """
    first = max(known.values(), default=0)
    series = _on_device(stack, record, inputs)
    steps = len(next(iter(series.values())))
    x = torch.cat([_shown(values, first, known.get(name)) for name, values in series.items()], dim=1)
    with _evaluating(stack):
        output: Tensor = stack(x[None])[0]
    predicted = output[-min(len(output), steps - first) :] if steps > first else output[:0]
    result = predicted.new_full((steps, output.shape[1]), torch.nan)
    result[steps - len(predicted) :] = predicted
    return result


def simulate_by_windows(stack: nn.Module, record: Record, layout: Layout) -> Tensor:
    """Windows laid end to end from the first predictable step; the last is shifted back and fills only what is missing.

    With outputs on the header's left the windows follow one another, each fed with the model's own predictions; else
    they are batched. Raises ValueError for a record shorter than one window, and for an output signal on the left that
    is not predicted.
    """
    series = _on_device(stack, record, [window.signal for window in layout.inputs])
    steps = len(next(iter(series.values())))
    ends = _window_ends(steps, layout)
    sequential = any(window.role == "output" for window in layout.inputs)
    with _evaluating(stack):
        if sequential:
            return _one_by_one(stack, series, layout, ends, steps)
        y = torch.cat([_outputs(stack, series, layout, chunk) for chunk in _chunks(ends, layout)])
    result = y.new_full((steps, y.shape[2]), torch.nan)
    whole = y[:-1].flatten(0, 1)
    result[layout.known : layout.known + len(whole)] = whole
    behind = _behind(ends[-1], layout)
    missing = behind - layout.known - len(whole)
    result[behind - missing : behind] = y[-1, layout.horizon - missing :]
    return result


def predict_ahead(
    module: nn.Module, record: Record, layout: Layout, feedback: Feedback, horizon: int, state: str = "window"
) -> Tensor:
    """y^(t | t-h) for h = `horizon`: each step predicted from outputs measured up to h steps before it.

    Inputs are measured up to t-1. The first prediction is h-1 steps after the first predictable step; a record without
    one gives NaN throughout. `module` is the one-step stack or its training module.
    """
    training = module if isinstance(module, LightningPredictionTrainingModule) else None
    roller = training or LightningPredictionTrainingModule(module, feedback=feedback, state=state)
    series = _on_device(module, record, [window.signal for window in layout.inputs])
    steps = len(next(iter(series.values())))
    inputs = [series[window.signal] for window in layout.inputs if window.role == "input"]
    device = next(iter(series.values())).device
    results: list[Tensor] = []
    ends = list(range(layout.known - 1, steps - horizon))
    with _evaluating(roller):
        for chunk in _chunks(ends, layout, horizon):
            k = torch.tensor(chunk, device=device)
            future = None
            if inputs and horizon > 1:
                future = torch.cat(inputs, dim=1)[k[:, None] + torch.arange(1, horizon, device=device)]
            results.append(roller.roll_out(windows_at(series, layout, k), horizon, future)[:, -1])
    channels = sum(window.channels for window in layout.outputs)
    if not results:
        return torch.full((steps, channels), torch.nan, device=device)
    predicted = torch.cat(results)
    result = predicted.new_full((steps, channels), torch.nan)
    result[steps - len(predicted) :] = predicted
    return result


def windows_at(series: Record, layout: Layout, k: Tensor) -> Tensor:
    """The stack's input (batch, time, channels) for windows whose last known step is k (batch)."""
    parts = []
    for window in layout.inputs:
        values = series[window.signal]
        part = values.new_zeros(len(k), layout.steps, values.shape[1])
        own = torch.arange(window.first, window.last + 1, device=k.device)
        part[:, own - layout.first] = values[k[:, None] + own]
        parts.append(part)
    return torch.cat(parts, dim=2)


def _one_by_one(stack: nn.Module, series: Record, layout: Layout, ends: list[int], steps: int) -> Tensor:
    """Window after window, the known outputs being measured before the first prediction and predicted after it."""
    own = _initial_steps(series, layout)
    results: list[Tensor] = []
    done = layout.known
    for end in ends:
        after = _behind(end, layout)
        fresh = _outputs(stack, own, layout, [end])[0, done - after :]
        for output, part in zip(layout.outputs, _by_signal(fresh, layout), strict=True):
            if output.signal in own:
                own[output.signal][done:after] = part.to(own[output.signal])
        results.append(fresh)
        done = after
    predicted = torch.cat(results)
    result = predicted.new_full((steps, predicted.shape[1]), torch.nan)
    result[layout.known : done] = predicted
    return result


def _initial_steps(series: Record, layout: Layout) -> dict[str, Tensor]:
    """The record with its known outputs erased after the initial steps, so that nothing measured can be read."""
    own = dict(series)
    predicted = {output.signal for output in layout.outputs}
    for window in layout.inputs:
        if window.role != "output":
            continue
        if window.signal not in predicted:
            raise ValueError(f"the output {window.signal} is known on the left but not predicted on the right")
        own[window.signal] = own[window.signal].clone()
        own[window.signal][layout.known :] = 0
    return own


def _by_signal(y: Tensor, layout: Layout) -> Sequence[Tensor]:
    return torch.split_with_sizes(y, [output.channels for output in layout.outputs], dim=1)


def _outputs(stack: nn.Module, series: Record, layout: Layout, ends: list[int]) -> Tensor:
    """(batch, horizon, outputs) of the windows whose last known steps are `ends`."""
    k = torch.tensor(ends, device=next(iter(series.values())).device)
    y = last_steps(stack(windows_at(series, layout, k)), layout.horizon)
    wanted = (len(ends), layout.horizon, sum(output.channels for output in layout.outputs))
    if tuple(y.shape) != wanted:
        raise ValueError(f"the stack returns {tuple(y.shape)} where the header promises {wanted}")
    return y


def _behind(end: int, layout: Layout) -> int:
    """The first step behind the output window of the window whose last known step is `end`."""
    return end + 1 + layout.horizon


def _window_ends(steps: int, layout: Layout) -> list[int]:
    """k of each window, the last one ending with the record."""
    ends = [anchor - 1 for anchor, _ in end_to_end(steps, layout)]
    if not ends:
        raise ValueError(f"a record of {steps} steps is shorter than the {layout.span} of one window")
    return ends


def _shown(values: Tensor, first: int, known: int | None) -> Tensor:
    """An input as it is, an output only in its `known` steps before `first`."""
    if known is None:
        return values
    shown = torch.zeros_like(values)
    shown[first - known : first] = values[first - known : first]
    return shown


def _on_device(stack: nn.Module, record: Record, names: Sequence[str]) -> dict[str, Tensor]:
    first = next(chain(stack.parameters(), stack.buffers()), None)
    return {name: record[name] if first is None else record[name].to(first.device) for name in names}


def _chunks(ends: list[int], layout: Layout, further_steps: int = 0) -> Iterator[list[int]]:
    width = sum(window.channels for window in layout.inputs)
    size = max(1, CHUNK_ELEMENTS // ((layout.steps + further_steps) * width))
    return (ends[start : start + size] for start in range(0, len(ends), size))


@contextmanager
def _evaluating(module: nn.Module) -> Iterator[None]:
    """Without gradients and in evaluation mode, every child's own mode being put back afterwards."""
    training = {child: child.training for child in module.modules()}
    module.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for child, mode in training.items():
            child.training = mode
