"""`sysidc test`: scores a run on the test part of its data."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from sysidc.runtime.cli import CLEAN
from sysidc.runtime.cli.results import add_output, tell


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("run_folder", metavar="RUN", type=Path)
    add_output(parser)


def run(given: Namespace) -> int:
    from sysidc.runtime.api import open_run
    from sysidc.runtime.runs import mistakes
    from sysidc.runtime.runs.evaluate import score, scored_records
    from sysidc.runtime.runs.ran_away import ran_away

    opened = open_run(given.run_folder)
    records = scored_records(opened.plan)
    if not records:
        raise mistakes.no_test_part(opened.plan.model.name)
    for line in ran_away(opened.trained, records):
        print(line, file=sys.stderr)
    tell(given.run_folder, score(opened.trained, records), given.output)
    return CLEAN
