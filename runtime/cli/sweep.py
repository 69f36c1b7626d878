"""`sysidc sweep`: searches the domains of a spec's params; every trial is a run, the best one is told."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sysidc.runtime.cli import CLEAN, COULD_NOT_RUN, FINDINGS
from sysidc.runtime.cli.counts import positive, share
from sysidc.runtime.cli.files import add_set, overrides
from sysidc.runtime.cli.results import add_output, tell
from sysidc.runtime.cli.sound import sound

if TYPE_CHECKING:
    from sysidc.runtime.sweep.search import Engine, Found


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE")
    parser.add_argument("--trials", type=positive, metavar="N", help="how many runs (default: that of the spec)")
    parser.add_argument("--jobs", type=positive, metavar="N", help="trials side by side (default: that of the spec)")
    parser.add_argument("--runs", default="runs", metavar="DIR", help="where the sweep's folder goes (default: runs)")
    parser.add_argument("--quiet", action="store_true", help="say nothing before the result")
    parser.add_argument(
        "--ray", nargs="?", const="", metavar="ADDRESS", help="run the trials on Ray, a local one without address"
    )
    parser.add_argument("--cpus", type=share, metavar="X", help="processors per trial on Ray (default: 1)")
    parser.add_argument("--gpus", type=share, metavar="X", help="GPUs per trial on Ray, fractions too (default: 0)")
    add_set(parser)
    add_output(parser)


def run(given: Namespace) -> int:
    if given.ray is None and (given.cpus is not None or given.gpus is not None):
        print("error: --cpus and --gpus are what a trial gets on Ray: they go with --ray", file=sys.stderr)
        return COULD_NOT_RUN
    words = overrides(given.set)
    compiled = sound(given.file, words)
    if compiled is None or compiled.plan is None:
        return FINDINGS
    from sysidc.runtime.sweep.search import search, with_limits

    compiled = with_limits(compiled, given.trials, given.jobs)
    found = search(compiled, words, Path(given.runs), _engine(given), given.quiet)
    _tell(found, given.output)
    return CLEAN


def _engine(given: Namespace) -> Engine:
    if given.ray is None:
        from sysidc.runtime.sweep.pool import run_pool

        return run_pool
    from sysidc.runtime.sweep import mistakes

    try:
        from sysidc.runtime.sweep.on_ray import run_on_ray
    except ModuleNotFoundError:
        raise mistakes.no_ray() from None

    cpus = 1.0 if given.cpus is None else given.cpus
    return partial(run_on_ray, address=given.ray, cpus=cpus, gpus=given.gpus or 0.0)


def _tell(found: Found, output: str) -> None:
    from sysidc.runtime.runs.folder import finite, read_metrics
    from sysidc.runtime.sweep.table import drawn

    metrics = read_metrics(found.best)
    if output == "json":
        tree = {"run": str(found.best), "metrics": metrics, "sweep": str(found.folder), "trials": found.rows}
        print(json.dumps(finite(tree), allow_nan=False))
        return
    from rich.console import Console

    Console(width=None if sys.stdout.isatty() else 120).print(drawn([{**row, "run": None} for row in found.rows]))
    print("best: " + ", ".join(f"{name} = {value}" for name, value in found.values.items()), file=sys.stderr)
    tell(found.best, metrics, output)
