"""Diagnostics as a JUnit report: a suite per file, a failure per error; warnings are told and do not fail."""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.sax.saxutils import escape, quoteattr

from sysidc.dsl.diagnostics import Diagnostic
from sysidc.dsl.render import text
from sysidc.dsl.source import Source

FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(diagnostics: Sequence[Diagnostic], files: Sequence[Source]) -> str:
    """The report of all `files`; one without a diagnostic is a test that passed."""
    names = dict.fromkeys([*(file.name for file in files), *(found.span.source.name for found in diagnostics)])
    suites = "".join(_suite(name, [found for found in diagnostics if found.span.source.name == name]) for name in names)
    counts = _counts(sum(max(1, _told(name, diagnostics)) for name in names), diagnostics)
    return f'<?xml version="1.0" encoding="utf-8"?>\n<testsuites name="sysidc" {counts}>\n{suites}</testsuites>\n'


def _told(name: str, diagnostics: Sequence[Diagnostic]) -> int:
    return sum(found.span.source.name == name for found in diagnostics)


def _counts(tests: int, diagnostics: Sequence[Diagnostic]) -> str:
    return f'tests="{tests}" failures="{sum(found.is_error for found in diagnostics)}" errors="0"'


def _suite(name: str, diagnostics: Sequence[Diagnostic]) -> str:
    cases = (
        "".join(_case(found) for found in diagnostics) or f'    <testcase classname={_quoted(name)} name="check"/>\n'
    )
    counts = _counts(max(1, len(diagnostics)), diagnostics)
    return f"  <testsuite name={_quoted(name)} {counts}>\n{cases}  </testsuite>\n"


def _case(diagnostic: Diagnostic) -> str:
    line, column = diagnostic.span.start_position
    name = _quoted(f"{diagnostic.id} at {line}:{column}")
    drawing = escape(_legal(text.draw(diagnostic)))
    if diagnostic.is_error:
        told = f"<failure type={_quoted(diagnostic.id)} message={_quoted(diagnostic.message)}>{drawing}</failure>"
    else:
        told = f"<system-out>{drawing}</system-out>"
    return f"    <testcase classname={_quoted(diagnostic.span.source.name)} name={name}>{told}</testcase>\n"


def _quoted(value: str) -> str:
    return quoteattr(_legal(value))


def _legal(value: str) -> str:
    """XML forbids most control characters."""
    return FORBIDDEN.sub("\ufffd", value)
