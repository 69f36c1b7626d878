"""What a command line says about a file of measurements: the roles of its columns, and a second file for the test."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sysidc.runtime.inspection import Findings


def add_roles(parser: ArgumentParser) -> None:
    parser.add_argument("--time", metavar="COLUMN", help="the column that holds the time (default: told by its name)")
    for role in ("input", "output"):
        parser.add_argument(
            f"--{role}",
            nargs="+",
            action="extend",
            default=[],
            metavar="COLUMN",
            help=f"{role} columns (default: guessed)",
        )
    parser.add_argument("--test", metavar="FILE", help="a second file of the same columns that is kept for the test")


def findings_of(path: str, given: Namespace) -> Findings:
    """Raises DataError."""
    from sysidc.runtime.inspection import Given, inspect, read_recording

    recording = read_recording(path, Given(given.time, tuple(given.input), tuple(given.output)))
    if given.test is None:
        return inspect(recording)
    roles = recording.roles
    return inspect(recording, read_recording(given.test, Given(roles.time, roles.inputs, roles.outputs)))
