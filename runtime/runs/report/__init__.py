"""`report.html`: what a run learned and how well, one file per section; `drawing` knows charts and tables alone."""

from sysidc.runtime.runs.report.page import report, write_report

__all__ = ["report", "write_report"]
