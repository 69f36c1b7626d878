"""`sysidc compile`: a spec goes in, one Python file of plain PyTorch and Lightning comes out."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from sysidc.compiler.plan import Plan
from sysidc.runtime.cli import CLEAN, FINDINGS
from sysidc.runtime.cli.files import add_set, overrides, replace
from sysidc.runtime.cli.sound import sound


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE")
    parser.add_argument("-o", "--output", required=True, metavar="PATH", type=Path, help="the Python file to write")
    add_set(parser)


def run(given: Namespace) -> int:
    compiled = sound(given.file, overrides(given.set))
    if compiled is None or compiled.plan is None:
        return FINDINGS
    write_program(compiled.plan, given.output)
    print(f"{compiled.plan.model.name} in {given.output}", file=sys.stderr)
    return CLEAN


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
