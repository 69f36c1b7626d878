"""`sysidc report`: makes the report of a run anew from the files of its folder."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from sysidc.runtime.cli import CLEAN


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("run_folder", metavar="RUN", type=Path)
    parser.add_argument("--open", action="store_true", help="show it in the browser")


def run(given: Namespace) -> int:
    from sysidc.runtime.runs.report import write_report

    path = write_report(given.run_folder)
    print(path)
    if given.open:
        show(path)
    return CLEAN


def show(path: Path) -> None:
    import webbrowser

    webbrowser.open(path.resolve().as_uri())
