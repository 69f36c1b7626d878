"""`sysidc train`: a spec goes in, a run folder comes out; an interrupted run is gone on with."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from sysidc.compiler.pipeline import Compiled
from sysidc.compiler.plan import Plan
from sysidc.runtime.cli import CLEAN, COULD_NOT_RUN, FINDINGS
from sysidc.runtime.cli.counts import cores, positive
from sysidc.runtime.cli.files import ENDING, add_set, overrides
from sysidc.runtime.cli.results import add_output, tell
from sysidc.runtime.cli.sound import sound


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", nargs="?", help="may be left out where --resume names a run")
    parser.add_argument("--runs", default="runs", metavar="DIR", help="where run folders go (default: runs)")
    parser.add_argument("--quiet", action="store_true", help="say nothing before the score")
    parser.add_argument(
        "--resume", nargs="?", const="", metavar="RUN", help="go on with an interrupted run (default: that of FILE)"
    )
    parser.add_argument(
        "--jobs",
        type=positive,
        default=cores(),
        metavar="N",
        help="candidates fitted side by side (default: as many as there are cores)",
    )
    add_set(parser)
    add_output(parser)


def run(given: Namespace) -> int:
    if given.file is None and (given.resume or "").endswith(ENDING):  # --resume FILE
        given.file, given.resume = given.resume, ""
    if given.file is None:
        return _resumed(given, None) if given.resume else _unnamed()
    words = overrides(given.set)
    compiled = sound(given.file, words)
    if compiled is None or compiled.plan is None:
        return FINDINGS
    if given.resume is not None:
        return _resumed(given, compiled.plan)
    return _trained(given, compiled, words)


def _unnamed() -> int:
    print("error: train wants a FILE, or --resume with a run", file=sys.stderr)
    return COULD_NOT_RUN


def _trained(given: Namespace, compiled: Compiled, words: dict[str, str]) -> int:
    from sysidc.runtime.runs.folder import folder_name, read_metrics
    from sysidc.runtime.runs.processes import rank
    from sysidc.runtime.runs.staging import is_interrupted
    from sysidc.runtime.runs.train import train

    assert compiled.plan is not None
    run = Path(given.runs) / folder_name(compiled.plan)
    if is_interrupted(run):
        print(f"the interrupted run {run} is begun anew; with --resume it is gone on with", file=sys.stderr)
    path = train(compiled, words, Path(given.runs), given.quiet, jobs=given.jobs)
    if rank(compiled.plan):  # the first process tells
        return CLEAN
    tell(path, read_metrics(path), given.output)
    return CLEAN


def _resumed(given: Namespace, plan: Plan | None) -> int:
    from sysidc.runtime.runs.folder import read_metrics
    from sysidc.runtime.runs.waiting import begun, to_resume

    run = to_resume(plan, Path(given.runs), given.resume)
    if begun(run) == run:
        print(f"{run} is finished", file=sys.stderr)
    else:
        from sysidc.runtime.runs.train import go_on

        go_on(run, given.quiet, given.jobs)
    tell(run, read_metrics(run), given.output)
    return CLEAN
