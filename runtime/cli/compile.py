"""`sysidc compile`: a spec or a run goes in, one Python file of plain PyTorch and Lightning comes out."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
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

    plan = _plan(given)
    if plan is None:
        return FINDINGS
    write_program(plan, given.output)
    print(f"{plan.model.name} in {given.output}", file=sys.stderr)
    missing = left_out(plan)
    if missing is not None:
        print(
            f"{given.output} does not train: {missing} is not written out; weights of a run are read", file=sys.stderr
        )
    return CLEAN


def _plan(given: Namespace) -> Plan | None:
    """That of a spec, or of a run, whose sizes are known even where the spec left them to the training."""
    from sysidc.runtime.runs.folder import read_plan
    from sysidc.runtime.runs.mistakes import RunError

    folder = Path(given.file)
    if not folder.is_dir():
        compiled = sound(given.file, overrides(given.set))
        return None if compiled is None else compiled.plan
    if given.set:
        raise RunError("settings-of-a-run", "--set changes a spec; what a run was trained with is settled")
    return read_plan(folder)


def write_program(plan: Plan, path: Path) -> None:
    """The program of a plan at `path`, whole or not at all. Raises RunError for what cannot be written out yet."""
    from sysidc.compiler.emit.piece import NotEmitted
    from sysidc.compiler.emit.program import emit
    from sysidc.compiler.emit.tidy import tidied
    from sysidc.runtime.runs.folder import seen_from
    from sysidc.runtime.runs.mistakes import not_compiled

    if path.suffix != ".py":
        raise not_compiled(f"'{path}' is no name of a Python file", "end it in .py")
    try:
        text = emit(plan, seen_from(path.parent, Path(plan.data.folder)))
    except NotEmitted as refusal:
        raise not_compiled(refusal.message, refusal.help) from None
    replace(path, text)
    if (better := tidied(text, path)) != text:
        replace(path, better)
