"""The section on linear dynamics: frequency response and poles of every layer that has matrices A, B, C, D."""

from __future__ import annotations

import math
from collections.abc import Mapping
from html import escape

import numpy as np

from sysidc.runtime.runs.linear_part import LinearPart
from sysidc.runtime.runs.report.axes import counted, frequency_label
from sysidc.runtime.runs.report.drawing.chart import HALF, Chart, Line
from sysidc.runtime.runs.report.drawing.scale import Scale
from sysidc.runtime.runs.report.drawing.table import table
from sysidc.runtime.runs.report.evidence import Evidence

MOST_PATHS = 6
FREQUENCIES = 400

GAIN = (
    "In the units that the network sees (normalised ones, where <code>normalize</code> is set). Peaks are resonances."
)
POLES = "Poles inside the unit circle are stable; close to it they are slow (at the right) or weakly damped."


def linear(evidence: Evidence) -> str:
    """Nothing where no layer has a linear part."""
    layers = {node.name: node.layer for node in evidence.plan.model.nodes}
    return "".join(_part(part, _name(part, layers), evidence.plan.sampling_time) for part in evidence.linear)


def _name(part: LinearPart, layers: Mapping[str, str]) -> str:
    """The path in the stack behind the word of the language."""
    path = part.name.removeprefix("stack.")
    return " ".join(filter(None, (layers.get(path.partition(".")[0]), path)))


def _part(part: LinearPart, name: str, sampling_time: float | None) -> str:
    charts = (_gain(part, name, sampling_time), _phase(part, name, sampling_time), _poles(part, name))
    stable = float(np.abs(part.poles).max(initial=0.0))
    told = f"{counted(len(part.A), 'state')}, largest pole {stable:.4g}: {'stable' if stable < 1 else 'not stable'}."
    figures = "".join(chart.figure() for chart in charts)
    content = f'<div class="grid">{figures}<div>{_table(part, sampling_time)}</div></div>'
    return f"<h3>{escape(name)}</h3><p>{told}</p>{content}"


def _frequencies(sampling_time: float | None) -> tuple[np.ndarray, np.ndarray]:
    cycles = np.geomspace(1e-4, 0.5, FREQUENCIES)
    return cycles, cycles / (sampling_time or 1.0)


def _gain(part: LinearPart, name: str, sampling_time: float | None) -> Chart:
    cycles, shown = _frequencies(sampling_time)
    response = np.abs(part.response(cycles))
    lines = tuple(
        Line(_path_name(part, output, given), response[:, output, given], f"ink{index}", shown)
        for index, (output, given) in enumerate(_paths(part))
    )
    title, label = f"Gain of {name}", frequency_label(sampling_time)
    group = f"response {name}"
    return Chart(title, label, "gain", lines, x_log=True, y_log=True, caption=GAIN, group=group, width=HALF)


def _phase(part: LinearPart, name: str, sampling_time: float | None) -> Chart:
    cycles, shown = _frequencies(sampling_time)
    phase = np.degrees(np.unwrap(np.angle(part.response(cycles)), axis=0))
    lines = tuple(
        Line(_path_name(part, output, given), phase[:, output, given], f"ink{index}", shown)
        for index, (output, given) in enumerate(_paths(part))
    )
    label = frequency_label(sampling_time)
    return Chart(f"Phase of {name}", label, "phase [°]", lines, x_log=True, group=f"response {name}", width=HALF)


def _poles(part: LinearPart, name: str) -> Chart:
    around = np.linspace(0, 2 * math.pi, 181)
    reach = 1.1 * max(1.0, float(np.abs(part.poles).max(initial=0.0)))
    lines = (
        Line("unit circle", np.sin(around), "circle", np.cos(around)),
        Line("poles", np.imag(part.poles), "ink1", np.real(part.poles), "points"),
    )
    square = Scale(-reach, reach)
    size = HALF - 32  # what the margins leave is a square
    return Chart(
        f"Poles of {name}",
        "real",
        "imaginary",
        lines,
        x_scale=square,
        y_scale=square,
        caption=POLES,
        width=HALF,
        height=size,
    )


def _table(part: LinearPart, sampling_time: float | None) -> str:
    """One row per pole with a positive imaginary part or none."""
    rows = []
    for pole in sorted(part.poles, key=lambda pole: (-abs(pole), pole.real)):
        if pole.imag < -1e-12:
            continue
        row: dict[str, object] = {"pole": _complex(pole)}
        logarithm = np.log(pole + 0j) if abs(pole) > 0 else complex(-math.inf)
        time = sampling_time or 1.0
        row["frequency" + (" [Hz]" if sampling_time else " [1/step]")] = float(
            abs(logarithm.imag) / (2 * math.pi * time)
        )
        row["time constant" + (" [s]" if sampling_time else " [steps]")] = _time_constant(logarithm.real, time)
        row["damping"] = float(-logarithm.real / abs(logarithm)) if np.isfinite(logarithm) and logarithm else 1.0
        rows.append(row)
    return table(rows) if rows else ""


def _time_constant(decay: float, time: float) -> float | str:
    return float(-time / decay) if decay < 0 else "grows"


def _complex(pole: complex) -> str:
    sign = "\u2212" if pole.real < 0 else ""
    return f"{sign}{abs(pole.real):.4f}" + (
        f"\u00a0±\u00a0{abs(pole.imag):.4f}\u00a0i" if abs(pole.imag) > 1e-12 else ""
    )


def _paths(part: LinearPart) -> list[tuple[int, int]]:
    outputs, inputs = part.D.shape
    return [(output, given) for output in range(outputs) for given in range(inputs)][:MOST_PATHS]


def _path_name(part: LinearPart, output: int, given: int) -> str:
    return "" if part.D.size == 1 else f"channel {given} to {output}"
