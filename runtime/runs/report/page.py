"""The report of a run: one HTML file with everything inside, nothing fetched from anywhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from html import escape
from importlib import resources
from pathlib import Path

from sysidc.runtime.runs.folder import REPORT, folder_name, write_text
from sysidc.runtime.runs.report.bounds import bounds
from sysidc.runtime.runs.report.drawing.highlight import highlighted
from sysidc.runtime.runs.report.equations import equations
from sysidc.runtime.runs.report.evidence import Evidence, read_evidence
from sysidc.runtime.runs.report.learning import learning
from sysidc.runtime.runs.report.linear import linear
from sysidc.runtime.runs.report.network import network
from sysidc.runtime.runs.report.numbers import numbers
from sysidc.runtime.runs.report.provenance import provenance
from sysidc.runtime.runs.report.records import records
from sysidc.runtime.runs.report.residuals import residuals
from sysidc.runtime.runs.report.scores import horizons, key_figures, scores

SECTIONS: dict[str, tuple[str, Callable[[Evidence], str]]] = {
    "score": ("Score", scores),
    "horizons": ("Error over the horizon", horizons),
    "records": ("Measured against model", records),
    "bounds": ("Bounds", bounds),
    "residuals": ("Residuals", residuals),
    "learning": ("Learning", learning),
    "equations": ("Equations", equations),
    "numbers": ("Learned parameters", numbers),
    "linear": ("Linear dynamics", linear),
    "network": ("Model", network),
    "spec": ("Spec", lambda evidence: highlighted(evidence.spec)),
    "environment": ("Environment", provenance),
}
"""In the order of the page; a section that has nothing to say is left out."""


def report(folder: Path) -> str:
    """The page of a finished run, made from the files of its folder alone. Raises RunError."""
    evidence = read_evidence(folder)
    plan = evidence.plan
    sections = {name: (title, section(evidence)) for name, (title, section) in SECTIONS.items()}
    windows = " → ".join(
        ", ".join(f"{window.signal}[{window.steps or 'all'}]" for window in side)
        for side in (plan.model.inputs, plan.model.outputs)
    )
    head = (
        f"<h1>{escape(plan.model.name)}</h1>"
        f'<p class="quiet">{escape(windows)}, trained by {plan.train.mode}; run {escape(folder_name(plan))}</p>'
    )
    return page(plan.model.name, head + key_figures(evidence), [(name, *told) for name, told in sections.items()])


def write_report(folder: Path) -> Path:
    """Make the report of a run anew. Raises RunError."""
    write_text(folder / REPORT, report(folder))
    return folder / REPORT


def page(title: str, head: str, sections: Sequence[tuple[str, str, str]]) -> str:
    """`sections` are (id, title, content); those without content are left out."""
    told = [(name, words, content) for name, words, content in sections if content]
    links = "".join(f'<a href="#{name}">{escape(words)}</a>' for name, words, _ in told)
    body = "\n".join(
        f'<section id="{name}"><h2>{escape(words)}</h2>{content}</section>' for name, words, content in told
    )
    meta = '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
    meta += '<meta name="color-scheme" content="light dark">'
    script = f"<script>\n{_drawing('zoom.js')}</script>" if "data-group" in body else ""
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head>{meta}<title>{escape(title)}</title>'
        f"<style>\n{_drawing('page.css')}</style></head>\n"
        f"<body><main><header>{head}<nav>{links}</nav></header>\n{body}\n</main>{script}</body></html>\n"
    )


@cache
def _drawing(name: str) -> str:
    return resources.files("sysidc.runtime.runs.report.drawing").joinpath(name).read_text(encoding="utf-8")
