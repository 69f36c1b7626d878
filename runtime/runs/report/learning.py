"""The section on learning: losses of every epoch, the horizon that was trained, the learning rate, stage by stage."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sysidc.runtime.data.record import Array
from sysidc.runtime.runs.report.drawing.chart import Chart, Line
from sysidc.runtime.runs.report.evidence import Evidence

Epochs = Sequence[dict[str, float]]

CAPTION = (
    "A good curve falls and flattens, the two lines together. Validation rising while training falls is overfitting; "
    "both still falling at the end want more epochs; teeth want a smaller learning rate. The kept weights are those of "
    "the marked epoch."
)
REFIT = "A refit learns from the validation part as well, so nothing judges it: its last weights are kept."
HORIZON = "Validation is always taken at one horizon; the training loss jumps where the trained horizon grows."


def learning(evidence: Evidence) -> str:
    epochs = evidence.epochs
    if not epochs:
        return "<p>No epoch is recorded.</p>"
    charts = [losses(epochs, bool(evidence.plan.train.prediction))]
    for name, title, log in (("horizon", "Trained horizon", False), ("lr", "Learning rate", True)):
        values = column(epochs, name)
        if np.isfinite(values).any() and (name == "horizon" or len(set(values[np.isfinite(values)])) > 1):
            charts.append(_schedule(epochs, values, title, log))
    return "".join(chart.figure() for chart in charts)


def losses(epochs: Epochs, horizons: bool) -> Chart:
    """Both losses of every start on a logarithmic axis, over the epochs of all stages one behind the other."""
    lines = []
    for index, start in enumerate(starts(epochs)):
        at = positions(epochs)[start]
        for name, words, ink in (("train_loss", "training loss", "train"), ("val_loss", "validation loss", "val")):
            values = column(epochs, name)[start]
            if np.isfinite(values).any():
                lines.append(Line("" if index else words, values, ink, at))
    caption = " ".join([CAPTION, *([HORIZON] if horizons else []), *([REFIT] if refitted(epochs) else [])])
    return Chart(
        "Loss",
        "epoch",
        "loss (normalised)",
        tuple(lines),
        y_log=True,
        marks=(*_stages(epochs), *_best(epochs)),
        caption=caption,
        group="learning",
        height=300,
    )


def positions(epochs: Epochs) -> Array:
    """Where each row stands on the axis of epochs: every stage begins where the one before it ended."""
    stage, epoch = _numbered(epochs, "stage"), column(epochs, "epoch")
    at, ended = epoch.copy(), 0.0
    for name in dict.fromkeys(stage.tolist()):
        inside = stage == name
        at[inside] = epoch[inside] - epoch[inside].min() + 1 + ended
        ended = float(at[inside].max())
    return at


def starts(epochs: Epochs) -> list[Array]:
    """Which rows belong to each candidate of each stage."""
    keys = np.stack([_numbered(epochs, "stage"), _numbered(epochs, "start")], axis=1)
    return [(keys == key).all(axis=1) for key in np.array(list(dict.fromkeys(map(tuple, keys.tolist()))))]


def column(epochs: Epochs, name: str) -> Array:
    return np.array([row.get(name, np.nan) for row in epochs], dtype=np.float64)


def _numbered(epochs: Epochs, name: str) -> Array:
    """0 for rows that belong to no stage or start."""
    return np.nan_to_num(column(epochs, name))


def _schedule(epochs: Epochs, values: Array, title: str, log: bool) -> Chart:
    unit = "steps" if title.endswith("horizon") else "learning rate"
    first = starts(epochs)
    lines = tuple(
        Line(title if mask is first[0] else "", values[mask], "ink0", positions(epochs)[mask], "steps")
        for mask in first
    )
    return Chart(title, "epoch", unit, lines, y_log=log, marks=_stages(epochs), group="learning", height=150)


def _stages(epochs: Epochs) -> tuple[tuple[float, str], ...]:
    stage, at = _numbered(epochs, "stage"), positions(epochs)
    names = list(dict.fromkeys(stage.tolist()))
    words = {name: f"stage {name:g}" for name in names} | ({names[-1]: "refit"} if refitted(epochs) else {})
    return tuple((float(at[stage == name].min()), words[name]) for name in names) if len(names) > 1 else ()


def refitted(epochs: Epochs) -> bool:
    """Whether the last of several stages has no validation part: it learned from all data."""
    stage, judged = _numbered(epochs, "stage"), np.isfinite(column(epochs, "val_loss"))
    return bool(stage[-1] != stage[0] and judged.any() and not judged[stage == stage[-1]].any())


def _best(epochs: Epochs) -> tuple[tuple[float, str], ...]:
    """The lowest validation loss of the last stage, whose weights are kept."""
    stage, values = _numbered(epochs, "stage"), column(epochs, "val_loss")
    values = np.where(stage == stage[-1], values, np.nan)
    if not np.isfinite(values).any():
        return ()
    best = int(np.nanargmin(values))
    return ((float(positions(epochs)[best]), f"kept: {values[best]:.4g}"),)
