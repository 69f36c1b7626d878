"""A chart as one SVG inside a figure: lines, steps, stems, bars and points on two axes, with legend and caption."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from typing import Any, Literal
from zlib import crc32

import numpy as np

from sysidc.runtime.data.record import Array
from sysidc.runtime.runs.report.drawing.scale import Scale, fitting
from sysidc.runtime.runs.report.drawing.thinning import envelope, packed

WIDE, HALF = 900, 440
LEFT, RIGHT, TOP, BOTTOM = 68, 14, 10, 40
"""Margins around the plot, in the units of the SVG's view box."""

NEAR = 80
"""Marks nearer than this to one another have their labels on different lines."""

Kind = Literal["line", "steps", "stems", "bars", "points"]


@dataclass(frozen=True)
class Line:
    """`y` over `x`, or over `start + step * index` of the chart where `x` is None; `ink` is a class of page.css.

    A line without a name is drawn and not told in the legend.
    """

    name: str
    y: Array
    ink: str
    x: Array | None = None
    kind: Kind = "line"


@dataclass(frozen=True)
class Band:
    """The area between two series over the chart's own steps."""

    name: str
    low: Array
    high: Array
    ink: str = "band"


@dataclass(frozen=True)
class Chart:
    """`marks` are vertical lines (x, label), `levels` horizontal ones. Charts of one `group` zoom together along x; no
    group, no zoom. A zoom shows `most` values of a series, which is what the page carries of it."""

    title: str
    x_label: str
    y_label: str
    lines: tuple[Line, ...]
    bands: tuple[Band, ...] = ()
    start: float = 0.0
    step: float = 1.0
    x_log: bool = False
    y_log: bool = False
    x_scale: Scale | None = None
    y_scale: Scale | None = None
    marks: tuple[tuple[float, str], ...] = ()
    levels: tuple[float, ...] = ()
    caption: str = ""
    group: str = ""
    width: int = WIDE
    height: int = 240
    most: int = 20_000

    def figure(self) -> str:
        """The chart as HTML. `caption` may hold tags; every other text is escaped."""
        x, y = self._scales()
        zoom = "" if not self.group else f' data-group="{escape(self.group)}" tabindex="0"'
        data = f'<script type="application/json">{self._data(x, y)}</script>' if self.group else ""
        caption = f"<figcaption>{self.caption}</figcaption>" if self.caption else ""
        size = "half" if self.width < WIDE else "wide"
        return (
            f'<figure class="chart {size}"{zoom}><h4>{escape(self.title)}</h4>{self._legend()}'
            f"{self._svg(x, y)}{data}{caption}</figure>"
        )

    def _scales(self) -> tuple[Scale, Scale]:
        xs = [self._x(line) for line in self.lines]
        ys = [line.y for line in self.lines] + [end for band in self.bands for end in (band.low, band.high)]
        grounded = [np.zeros(1)] if any(line.kind in ("bars", "stems") for line in self.lines) else []
        levels = [np.array(self.levels)] if self.levels else []
        x = self.x_scale or fitting(xs, self.x_log, margin=0.0)
        return x, self.y_scale or fitting(ys + grounded + levels, self.y_log)

    def _x(self, line: Line) -> Array:
        return self.start + self.step * np.arange(len(line.y)) if line.x is None else line.x

    # --- what the page shows without any script ------------------------------------------------------------------

    def _svg(self, x: Scale, y: Scale) -> str:
        clip = f"clip-{crc32(f'{self.group} {self.title} {self.y_label}'.encode()):x}"
        clipped = f' clip-path="url(#{clip})"' if self.group else ""
        inside = f'x="{LEFT}" y="{TOP}" width="{self._wide}" height="{self._high}"'
        parts = [
            f"<title>{escape(self._aloud())}</title>",
            f'<clipPath id="{clip}"><rect {inside}/></clipPath>' if self.group else "",
            f'<g class="axes">{"".join(self._axes(x, y))}</g>',
            f'<g class="shapes"{clipped}>{"".join(self._shapes(x, y))}</g>',
            f'<rect class="frame" {inside}/>',
            f'<text x="{LEFT + self._wide / 2:g}" y="{self.height - 4}" class="label">{escape(self.x_label)}</text>',
            f'<text transform="translate(13 {TOP + self._high / 2:g}) rotate(-90)" class="label">'
            f"{escape(self.y_label)}</text>",
        ]
        size = f'viewBox="0 0 {self.width} {self.height}"'
        return f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">{"".join(parts)}</svg>'

    @property
    def _wide(self) -> int:
        return self.width - LEFT - RIGHT

    @property
    def _high(self) -> int:
        return self.height - TOP - BOTTOM

    def _aloud(self) -> str:
        names = ", ".join(dict.fromkeys([line.name for line in self.lines] + [band.name for band in self.bands]))
        return f"{self.title}: {names} ({self.y_label}) over {self.x_label}"

    def _axes(self, x: Scale, y: Scale) -> Iterator[str]:
        bottom = TOP + self._high
        for value, label in x.ticks(9 if self.width == WIDE else 6):
            at = LEFT + self._wide * float(x.place(np.array(value)))
            yield f'<path d="M{at:.1f} {TOP}V{bottom}"/><text x="{at:.1f}" y="{bottom + 16}">{label}</text>'
        for value, label in y.ticks(max(4, self._high // 26)):
            at = bottom - self._high * float(y.place(np.array(value)))
            yield f'<path d="M{LEFT} {at:.1f}H{LEFT + self._wide}"/><text x="{LEFT - 7}" y="{at + 4:.1f}" class="y">'
            yield f"{label}</text>"

    def _shapes(self, x: Scale, y: Scale) -> Iterator[str]:
        for band in self.bands:
            ends = [self._points(x, y, None, values) for values in (band.low, band.high)]
            yield f'<path class="{band.ink}" d="{_area(*ends)}"/>'
        for level in self.levels:
            yield f'<path class="level" d="M{LEFT} {self._down(y, np.array(level)):.1f}h{self._wide}"/>'
        yield from self._marks(x)
        for line in self.lines:
            points = self._points(x, y, line.x, line.y)
            ground = min(max(float(self._down(y, np.zeros(1))[0]), TOP), TOP + self._high) if not y.log else 0.0
            yield f'<path class="{line.ink} {line.kind}" d="{_path(points, line.kind, ground)}"/>'

    def _marks(self, x: Scale) -> Iterator[str]:
        """Vertical lines; a label that would stand on another one stands below it."""
        before: list[float] = []
        for at, label in self.marks:
            across = LEFT + self._wide * float(x.place(np.array(at)))
            left = across > LEFT + 0.8 * self._wide
            down = TOP + 13 + 15 * sum(abs(across - other) < NEAR for other in before)
            before.append(across)
            yield f'<path class="mark" d="M{across:.1f} {TOP}v{self._high}"/>'
            yield f'<text x="{across + (-4 if left else 4):.1f}" y="{down}" class="{"y" if left else "mark"}">'
            yield f"{escape(label)}</text>"

    def _points(self, x: Scale, y: Scale, at: Array | None, values: Array) -> Array:
        """(points, 2) in the units of the view box; long series as their envelope."""
        if at is None:
            values, every = envelope(values, 2 * self._wide)
            at = self.start + self.step * every * np.arange(len(values))
        return np.stack([LEFT + self._wide * x.place(np.asarray(at, dtype=float)), self._down(y, values)], axis=1)

    def _down(self, y: Scale, values: Array) -> Array:
        return TOP + self._high * (1 - y.place(np.asarray(values, dtype=float)))

    def _legend(self) -> str:
        named = [(line.name, line.ink, str(line.kind)) for line in self.lines if line.name]
        named += [(band.name, band.ink, "area") for band in self.bands]
        items = [
            f'<span><svg viewBox="0 0 22 12" aria-hidden="true"><path class="{ink} {kind}" d="{KEYS[kind]}"/></svg>'
            f"{escape(name)}<output></output></span>"
            for name, ink, kind in named
        ]
        return f'<div class="legend">{"".join(items)}<output class="at"></output></div>'

    # --- what the script needs to draw a part of it --------------------------------------------------------------

    def _data(self, x: Scale, y: Scale) -> str:
        lines = [
            {"ink": f"{line.ink} {line.kind}", "told": bool(line.name), **self._series(line.x, line.y)}
            for line in self.lines
        ]
        bands = [
            {"ink": b.ink, "low": self._series(None, b.low), "high": self._series(None, b.high)} for b in self.bands
        ]
        frame = {"height": self.height, "left": LEFT, "right": RIGHT, "top": TOP, "bottom": BOTTOM}
        scales = {
            name: {"low": _short(scale.low), "high": _short(scale.high), "log": scale.log}
            for name, scale in {"x": x, "y": y}.items()
        }
        labels = {"x_label": self.x_label, "y_label": self.y_label, "marks": self.marks, "levels": self.levels}
        found = json.dumps({**frame, **scales, **labels, "lines": lines, "bands": bands}, separators=(",", ":"))
        return found.replace("<", "\\u003c")

    def _series(self, at: Array | None, values: Array) -> dict[str, Any]:
        if at is not None:
            return {"x": [_short(value) for value in at], "y": [_short(value) for value in values]}
        values, every = envelope(values, self.most)
        return {"start": _short(self.start), "every": _short(self.step * every), **packed(values)}


KEYS = {
    "line": "M1 6H21",
    "steps": "M1 9H11V3H21",
    "stems": "M4 11V2M11 11V5M18 11V8",
    "bars": "M3 11V4H10V11ZM11 11V1H18V11Z",
    "points": "M8 3l6 6m0 -6l-6 6",
    "area": "M1 1H21V11H1Z",
}
"""How each kind looks in a legend of 22 by 12."""


def _path(points: Array, kind: Kind, ground: float) -> str:
    match kind:
        case "line":
            return _polyline(points)
        case "steps":
            corners = np.stack([points[1:, 0], points[:-1, 1]], axis=1)
            return _polyline(np.insert(points, np.arange(1, len(points)), corners, axis=0))
        case "stems":
            return "".join(f"M{a:.1f} {ground:.1f}V{b:.1f}" for a, b in points.tolist() if math.isfinite(b))
        case "bars":
            wide = float(points[1, 0] - points[0, 0]) if len(points) > 1 else 10.0
            return "".join(
                f"M{a - wide / 2:.1f} {ground:.1f}V{b:.1f}h{wide:.1f}V{ground:.1f}" for a, b in points.tolist()
            )
        case "points":
            known = [point for point in points.tolist() if all(map(math.isfinite, point))]
            return "".join(f"M{a - 4:.1f} {b - 4:.1f}l8 8m0 -8l-8 8" for a, b in known)


def _polyline(points: Array) -> str:
    """A new stroke begins behind every gap."""
    words, pen = [], "M"
    for across, down in points.tolist():
        if math.isfinite(across) and math.isfinite(down):
            words.append(f"{pen}{across:.1f} {down:.1f}")
            pen = "L"
        else:
            pen = "M"
    return "".join(words)


def _area(low: Array, high: Array) -> str:
    known = np.isfinite(low).all(axis=1) & np.isfinite(high).all(axis=1)
    around = np.concatenate([low[known], high[known][::-1]])
    return _polyline(around) + "Z" if known.any() else ""


def _short(value: float) -> float | None:
    return float(f"{value:.7g}") if math.isfinite(value) else None
