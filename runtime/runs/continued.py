"""Predictions of one long record piece by piece: what a piece needs of those before it is handed on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from sysidc.runtime.data.layouts import known_outputs, spans_record, window_layout
from sysidc.runtime.nn.chain import Chain
from sysidc.runtime.nn.recurrent import Recurrent
from sysidc.runtime.runs.model import Trained
from sysidc.runtime.runs.records import Predicted, decoded, predict_record
from sysidc.runtime.solvers.newton import simulate
from sysidc.runtime.training.carried import CarriedStack

Series: TypeAlias = dict[str, Tensor]
Piece: TypeAlias = tuple[Series, Predicted]


@dataclass(frozen=True)
class Way:
    """How pieces of a record are predicted one after the other; all but the last are as long as a multiple of
    `multiple` steps."""

    run: Callable[[Iterable[Series]], Iterator[Piece]]
    multiple: int = 1


def continued(trained: Trained, horizon: int | None) -> Way | None:
    """The way for a model, None for one that needs the record as a whole."""
    plan = trained.plan
    if plan.train.mode != "simulation":
        ahead = 1 if plan.train.prediction is None else horizon or plan.train.prediction.validation_horizon
        return Way(lambda pieces: _overlapping(trained, pieces, window_layout(plan).known + ahead - 1, horizon))
    if isinstance(trained.stack, Chain) or (plan.model.any_length and _carries(trained.stack)):
        return Way(lambda pieces: _carrying(trained, pieces))
    if known_outputs(plan) or spans_record(plan):
        return None
    layout = window_layout(plan)
    if not plan.model.any_length:
        # a piece that starts where a window may start lays its windows as the whole record would
        held = -layout.known % layout.horizon
        overlap = layout.horizon * -(-layout.span // layout.horizon) - held
        return Way(lambda pieces: _overlapping(trained, pieces, overlap, held=held), layout.horizon)
    if plan.model.look_back is None or plan.model.look_ahead != 0:
        return None
    overlap = layout.known + plan.model.look_back
    return Way(lambda pieces: _overlapping(trained, pieces, overlap))


def _carries(stack: nn.Module) -> bool:
    layers = list(stack) if isinstance(stack, nn.Sequential) else [stack]
    if not any(isinstance(layer, Recurrent) for layer in layers):
        return False
    try:
        CarriedStack(stack)
    except ValueError:
        return False
    return True


# --- models of windows -------------------------------------------------------------------------------------------


def _overlapping(
    trained: Trained, pieces: Iterable[Series], overlap: int, horizon: int | None = None, held: int = 0
) -> Iterator[Piece]:
    """Each piece is predicted together with the `overlap` steps before it, which are then left out.

    The last `held` steps of a piece, in which no window ends, are predicted with the next one.
    """
    before: Series | None = None
    done = 0
    for piece, is_last in _until_last(_joined(pieces, overlap + held + 1)):
        whole = piece if before is None else _behind(before, piece)
        end = _length(whole) - (0 if is_last else held)
        found = predict_record(trained, whole, horizon)
        yield _between(whole, done, end), _predicted_between(found, done, end)
        kept = min(end, overlap)
        before, done = _between(whole, end - kept, _length(whole)), kept


def _until_last(pieces: Iterable[Series]) -> Iterator[tuple[Series, bool]]:
    """Every piece, and whether it is the last."""
    waiting: Series | None = None
    for piece in pieces:
        if waiting is not None:
            yield waiting, False
        waiting = piece
    if waiting is not None:
        yield waiting, True


def _between(series: Series, first: int, end: int) -> Series:
    return {name: values[first:end] for name, values in series.items()}


def _predicted_between(found: Predicted, first: int, end: int) -> Predicted:
    parts = {name: getattr(found, name) for name in ("lower", "upper", "kernel")}
    cut = {name: None if series is None else _between(series, first, end) for name, series in parts.items()}
    outputs = _between(found.outputs, first, end)
    return Predicted(max(0, found.first - first), outputs, **cut)


def _behind(before: Series, piece: Series) -> Series:
    return {name: torch.cat([before[name], values]) for name, values in piece.items()}


def _joined(pieces: Iterable[Series], least: int) -> Iterator[Series]:
    """The pieces, each at least so long: short ones are joined, a short rest with the piece before it."""
    whole: Series | None = None
    growing: Series | None = None
    for piece in pieces:
        growing = piece if growing is None else _behind(growing, piece)
        if _length(growing) >= least:
            if whole is not None:
                yield whole
            whole, growing = growing, None
    if growing is not None:
        whole = growing if whole is None else _behind(whole, growing)
    if whole is not None:
        yield whole


def _length(series: Series) -> int:
    return len(next(iter(series.values())))


# --- models with state -------------------------------------------------------------------------------------------


@torch.no_grad()
def _carrying(trained: Trained, pieces: Iterable[Series]) -> Iterator[Piece]:
    """The state after one piece is that before the next; the first piece holds the known steps."""
    plan = trained.plan
    names = [window.signal for window in plan.model.inputs]
    windows = [window for window in plan.model.inputs if plan.signal(window.signal).role == "output"]
    known = {window.signal: window.steps or 0 for window in windows}
    first = known_outputs(plan)
    state: Any = None
    done = 0
    trained.stack.eval()
    for piece in _joined(pieces, first + 1):
        steps = _length(piece)
        shown = [_shown(trained, piece[name], name, known.get(name), first, done) for name in names]
        x = torch.cat(shown, dim=1)[None]
        y, state = _advance(trained.stack, x, state)
        empty = max(0, min(steps, first - done))
        y = torch.cat([y.new_full((empty, y.shape[2]), torch.nan), y[0, empty:]])
        yield piece, Predicted(empty, decoded(trained, y))
        done += steps


def _shown(trained: Trained, values: Tensor, name: str, known: int | None, first: int, done: int) -> Tensor:
    """A signal as the network sees it: outputs in their known steps alone."""
    z = trained.normalizer.encode(name, values)
    if known is None:
        return z
    step = torch.arange(done, done + len(z))[:, None]
    return torch.where((step >= first - known) & (step < first), z, torch.zeros_like(z))


def _advance(stack: nn.Module, x: Tensor, state: Any) -> tuple[Tensor, Any]:
    if not isinstance(stack, Chain):
        return CarriedStack(stack)(x, state)
    u, y = stack.parted(x)
    if state is None:
        state = stack.start(u, y)
    states, outputs = simulate(stack, state, u)
    return outputs, states[:, -1]
