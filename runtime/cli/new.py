"""`sysidc new`: a commented starter file that trains as it is."""

from __future__ import annotations

import re
import sys
from argparse import ArgumentParser, Namespace
from importlib.resources import files
from pathlib import Path

from sysidc.compiler.catalogue.settings import MODES
from sysidc.runtime.cli import CLEAN, COULD_NOT_RUN
from sysidc.runtime.cli.files import ENDING, replace

STANDS_FOR_NAME = "starter"
STANDS_FOR_FILE = "FILE"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="of the model; the file is NAME.sysid, a path may stand before it")
    parser.add_argument("--mode", choices=MODES, default=MODES[0], help=f"how it is trained (default: {MODES[0]})")
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
    replace(path, starter(given.mode, name, path))
    print(f"{path}: a starter for {given.mode}; sysidc train {path}", file=sys.stderr)
    return CLEAN


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
