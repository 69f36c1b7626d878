"""`sysidc compile`: a spec or a run goes in, one Python file of plain PyTorch and Lightning comes out."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path

from sysidc.compiler.plan import Plan
from sysidc.runtime.cli import CLEAN, FINDINGS
from sysidc.runtime.cli.files import add_set, overrides, replace
from sysidc.runtime.cli.sound import sound


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="a spec, or the folder of a run")
    parser.add_argument("-o", "--output", required=True, metavar="PATH", type=Path, help="the Python file to write")
    add_set(parser)


def run(given: Namespace) -> int:
    from sysidc.compiler.emit.stages import left_out

    folder = Path(given.file)
    if folder.is_dir():
        return _of_run(folder, given)
    compiled = sound(given.file, overrides(given.set))
    if compiled is None or compiled.plan is None:
        return FINDINGS
    write_program(compiled.plan, given.output)
    _tell(compiled.plan, given.output, left_out(compiled.plan))
    return CLEAN


def _of_run(folder: Path, given: Namespace) -> int:
    """The program of a run has the sizes that its training found, and reads its weights. Raises RunError."""
    from sysidc.compiler.emit.stack import leaves_sizes_open
    from sysidc.compiler.emit.stages import left_out
    from sysidc.runtime import api
    from sysidc.runtime.runs.folder import SPEC, read_plan
    from sysidc.runtime.runs.mistakes import RunError
    from sysidc.runtime.runs.model import Trained

    if given.set:
        raise RunError("settings-of-a-run", "--set changes a spec; what a run was trained with is settled")
    plan = read_plan(folder)
    write_program(plan, given.output, Trained.load(folder, plan).members)
    open_race = leaves_sizes_open(api.load(folder / SPEC).plan)
    _tell(plan, given.output, left_out(plan) or ("the race that found its sizes" if open_race else None))
    return CLEAN


def _tell(plan: Plan, path: Path, missing: str | None) -> None:
    print(f"{plan.model.name} in {path}", file=sys.stderr)
    if missing is not None:
        print(f"not written out: {missing}; --weights reads those of a run", file=sys.stderr)


def write_program(plan: Plan, path: Path, members: Sequence[Plan] = ()) -> None:
    """The program of a plan at `path`, whole or not at all. Raises RunError for what cannot be written out yet."""
    from sysidc.compiler.emit.piece import NotEmitted
    from sysidc.compiler.emit.program import emit
    from sysidc.compiler.emit.tidy import tidied
    from sysidc.runtime.runs.folder import seen_from
    from sysidc.runtime.runs.mistakes import not_compiled

    if path.suffix != ".py":
        raise not_compiled(f"'{path}' is no name of a Python file", "end it in .py")
    try:
        text = emit(plan, seen_from(path.parent, Path(plan.data.folder)), members)
    except NotEmitted as refusal:
        raise not_compiled(refusal.message, refusal.help) from None
    replace(path, text)
    if (better := tidied(text, path)) != text:
        replace(path, better)
