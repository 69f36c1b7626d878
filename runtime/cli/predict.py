"""`sysidc predict`: a data file goes in, the same columns with the predictions come out."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path

from sysidc.runtime.cli import CLEAN


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("run_folder", metavar="RUN", type=Path)
    parser.add_argument("data", metavar="DATA", type=Path)
    parser.add_argument("-o", "--output", required=True, metavar="PATH", type=Path, help=".csv, .parquet or .npz")
    parser.add_argument("--horizon", type=_steps, metavar="N", help="steps ahead, in prediction mode")


def run(given: Namespace) -> int:
    from sysidc.runtime.api import open_run
    from sysidc.runtime.runs.predict import predict_file, require_ending

    require_ending(given.output)
    trained = open_run(given.run_folder).trained
    steps = predict_file(
        trained, given.data, given.output, given.horizon, say=lambda line: print(line, file=sys.stderr)
    )
    print(f"{steps} steps in {given.output}", file=sys.stderr)
    return CLEAN


def _steps(word: str) -> int:
    if not word.isdecimal() or int(word) < 1:
        raise ArgumentTypeError(f"{word!r} is no number of steps")
    return int(word)
