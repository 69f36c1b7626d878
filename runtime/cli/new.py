"""`sysidc new`: a commented starter file that trains as it is, or a spec for a file of measurements."""

from __future__ import annotations

import re
import sys
from argparse import ArgumentParser, Namespace
from importlib.resources import files
from pathlib import Path

from sysidc.compiler.catalogue.settings import MODES
from sysidc.runtime.cli import CLEAN, COULD_NOT_RUN
from sysidc.runtime.cli.data_file import add_roles, findings_of
from sysidc.runtime.cli.files import ENDING, replace

STANDS_FOR_NAME = "starter"
STANDS_FOR_FILE = "FILE"

FOR_DATA = ("time", "input", "output", "test")
"""What is said about the columns of `--data`."""


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="of the model; the file is NAME.sysid, a path may stand before it")
    parser.add_argument("--mode", choices=MODES, help=f"how it is trained (default: {MODES[0]})")
    parser.add_argument("--data", metavar="FILE", help="measurements: they choose the model, and the comments say why")
    add_roles(parser)
    parser.add_argument("--force", action="store_true", help="overwrite a file that is there")


def run(given: Namespace) -> int:
    path = Path(given.name if given.name.endswith(ENDING) else given.name + ENDING)
    name = model_name(path)
    if name is None:
        print(f"error: `{given.name}` holds no letter that a model could be named by", file=sys.stderr)
        return COULD_NOT_RUN
    if path.exists() and not given.force:
        print(f"error: {path} is already there", file=sys.stderr)
        print("  = help: choose another name, or overwrite it with --force", file=sys.stderr)
        return COULD_NOT_RUN
    if given.data is None and (misplaced := [f"--{word}" for word in FOR_DATA if getattr(given, word)]):
        print(f"error: {misplaced[0]} says something about a file, and --data names none", file=sys.stderr)
        return COULD_NOT_RUN
    mode = given.mode or MODES[0]
    replace(path, starter(mode, name, path) if given.data is None else from_data(given, name, path))
    told = f"a starter for {mode}" if given.data is None else f"a model for {given.data}"
    print(f"{path}: {told}; sysidc train {path}", file=sys.stderr)
    return CLEAN


def from_data(given: Namespace, name: str, path: Path) -> str:
    """The spec that a file of measurements asks for. Raises DataError."""
    from sysidc.runtime.inspection import written

    return written(findings_of(given.data, given), name, path, given.mode)


def model_name(path: Path) -> str | None:
    """The name of the file as a name of the language, None where nothing is left of it."""
    name = re.sub(r"\W", "_", path.name.removesuffix(ENDING)).strip("_")
    name = re.sub(r"^\d+_*", "", name)
    return name or None


def starter(mode: str, name: str, path: Path) -> str:
    """The starter of a mode, with the names of the model and of the file in it."""
    text = files("sysidc.runtime.cli").joinpath("starters", f"{mode}{ENDING}").read_text(encoding="utf-8")
    lines = text.split("\n")
    comments = [index for index, line in enumerate(lines) if line.startswith("#   sysidc ")]
    for index in comments:
        lines[index] = lines[index].replace(STANDS_FOR_FILE, path.name)
    return re.sub(rf"\b{STANDS_FOR_NAME}\b", name, "\n".join(lines))
