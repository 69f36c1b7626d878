"""`sysidc diff A B`: what two specs or runs differ in, in meaning; exit code 1 where they do."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from pathlib import Path

from sysidc.compiler.difference import Difference, differences, weights_fit
from sysidc.compiler.pipeline import compile_source
from sysidc.compiler.plan import Plan, from_json
from sysidc.compiler.program import UnreadableFile
from sysidc.runtime.cli import CLEAN, FINDINGS, findings
from sysidc.runtime.cli.files import read


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("first", metavar="A", help="a spec or a run folder")
    parser.add_argument("second", metavar="B", help="another one")
    parser.add_argument("--output", choices=("text", "json"), default="text")


def run(given: Namespace) -> int:
    plans = [_plan(name) for name in (given.first, given.second)]
    first, second = plans
    if first is None or second is None:
        return FINDINGS
    found, fit = differences(first, second), weights_fit(first, second)
    if given.output == "json":
        print(json.dumps({"differences": [asdict(difference) for difference in found], "weights_fit": fit}, indent=2))
    else:
        print(_table(found, fit))
    return FINDINGS if found else CLEAN


def _plan(name: str) -> Plan | None:
    """The Plan of a spec or of a run; None after telling what is wrong with the spec. Raises UnreadableFile."""
    if Path(name).is_dir():
        try:
            return from_json(json.loads((Path(name) / "plan.json").read_text(encoding="utf-8")))
        except (OSError, ValueError) as error:
            raise UnreadableFile(f"{name} is no run folder: {error}") from None
    compiled = compile_source(read(name))
    if compiled.plan is None:
        findings.note(compiled.diagnostics)
        if compiled.is_library:
            raise UnreadableFile(f"{name} is a library: it holds no experiment to compare")
    return compiled.plan


def _table(found: tuple[Difference, ...], fit: bool) -> str:
    if not found:
        return "no difference in meaning"
    lines: list[str] = []
    area = ""
    for difference in found:
        if difference.area != area:
            area = difference.area
            lines.append(area)
        lines.append(f"  {difference.path}: {difference.first} -> {difference.second}")
    lines.append("weights of one fit the other" if fit else "weights of one do not fit the other")
    return "\n".join(lines)
