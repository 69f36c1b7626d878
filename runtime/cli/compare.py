"""`sysidc compare`: several runs on one page."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from sysidc.runtime.cli import CLEAN
from sysidc.runtime.cli.report import show


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("run_folders", metavar="RUN", type=Path, nargs="+")
    parser.add_argument(
        "-o", "--output", default="compare.html", metavar="PATH", type=Path, help="default: compare.html"
    )
    parser.add_argument("--open", action="store_true", help="show it in the browser")


def run(given: Namespace) -> int:
    from sysidc.runtime.runs.folder import write_text
    from sysidc.runtime.runs.report.comparison import comparison

    write_text(given.output, comparison(given.run_folders))
    print(given.output)
    if given.open:
        show(given.output)
    return CLEAN
