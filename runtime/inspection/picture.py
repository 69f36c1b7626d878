"""The charts of a recording as one file: an SVG that stands alone, or an HTML page that zooms."""

from __future__ import annotations

from html import escape
from importlib import resources
from pathlib import Path

from sysidc.runtime.inspection.charts import charts
from sysidc.runtime.inspection.findings import Findings
from sysidc.runtime.inspection.mistakes import unknown_picture
from sysidc.runtime.runs.report.drawing.chart import WIDE, Chart
from sysidc.runtime.runs.report.page import page

HEAD = 44
"""Height of a chart's title and legend."""

GAP = 20


def require_drawable(path: str) -> None:
    """Raises DataError for endings other than .svg and .html."""
    if Path(path).suffix.lower() not in (".svg", ".html"):
        raise unknown_picture(path)


def drawn(found: Findings, path: str) -> str:
    """The text of a file with that ending."""
    return _svg(found) if Path(path).suffix.lower() == ".svg" else _page(found)


def _page(found: Findings) -> str:
    name = Path(found.recording.path).name
    told = "".join(f"<li>{escape(symptom.message)}</li>" for symptom in found.told)
    all_charts = charts(found)
    wide = "".join(chart.figure() for chart in all_charts if chart.width == WIDE)
    rest = "".join(chart.figure() for chart in all_charts if chart.width < WIDE)
    sections = [
        ("findings", "Findings", f"<ul>{told}</ul>"),
        ("signals", "Signals", wide),
        ("dynamics", "Dynamics", f'<div class="grid">{rest}</div>'),
    ]
    return page(name, f"<h1>{escape(name)}</h1>", sections)


def _svg(found: Findings) -> str:
    """Wide charts below one another, narrow ones side by side, all in one view box."""
    parts: list[str] = []
    down, left = GAP, True
    row = 0
    for chart in charts(found):
        if chart.width == WIDE:
            parts.append(_placed(chart, GAP, down))
            down += chart.height + HEAD
            continue
        parts.append(_placed(chart, GAP if left else GAP + WIDE - chart.width, down))
        row = max(row, chart.height + HEAD)
        left = not left
        if left:
            down, row = down + row, 0
    width, height = WIDE + 2 * GAP, down + row + GAP
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">'
        f"<style>{_style()}</style><rect class='page' width='{width}' height='{height}'/>{''.join(parts)}</svg>\n"
    )


def _placed(chart: Chart, across: int, down: int) -> str:
    """A chart at a place, its title and the names of its lines above it."""
    figure = chart.figure()
    inside = figure[figure.index("<svg xmlns=") :]
    inside = inside[: inside.index("</svg>") + len("</svg>")]
    inside = inside.replace("<svg ", f'<svg y="{HEAD - 8}" width="{chart.width}" height="{chart.height}" ', 1)
    title = f'<text class="title" x="0" y="12">{escape(chart.title)}</text>'
    legend, at = "", 0
    for line in chart.lines:
        if line.name:
            name = f'<text class="name" x="{at + 25}" y="30">{escape(line.name)}</text>'
            legend += f'<path class="{line.ink}" d="M{at} 26h20"/>{name}'
            at += 40 + 7 * len(line.name)
    return f'<g class="chart" transform="translate({across} {down})">{title}{legend}{inside}</g>'


def _style() -> str:
    """The page's colours, and what only a picture has."""
    css = resources.files("sysidc.runtime.runs.report.drawing").joinpath("page.css").read_text(encoding="utf-8")
    kept = css.partition("* { box-sizing")[0] + "\n".join(
        line for line in css.splitlines() if line.startswith((".chart ", ".frame"))
    )
    return (
        f"{kept}\n.page {{ fill: var(--page); }} text {{ font-family: system-ui, sans-serif; }}\n"
        ".chart text.title { fill: var(--text); font-weight: 600; text-anchor: start; }\n"
        ".chart text.name { text-anchor: start; }\n"
    )
