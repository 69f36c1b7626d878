"""`sysidc export`: a run goes in, a model for other programs comes out, in the units of the data."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from sysidc.runtime.cli import CLEAN

FORMATS = ("onnx", "torch", "safetensors")


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("run_folder", metavar="RUN", type=Path)
    parser.add_argument("--format", required=True, choices=FORMATS, help="torch is torch.export's .pt2")
    parser.add_argument("-o", "--output", required=True, metavar="PATH", type=Path)
    parser.add_argument("--step", action="store_true", help="one step with its state, for controllers")


def run(given: Namespace) -> int:
    from sysidc.runtime.api import open_run
    from sysidc.runtime.runs.export.files import export

    export(open_run(given.run_folder).trained, given.format, given.output, given.step)
    print(f"{given.run_folder} in {given.output}", file=sys.stderr)
    return CLEAN
