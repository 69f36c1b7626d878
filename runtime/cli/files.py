"""Which files a command line names, and which params it overrides."""

from __future__ import annotations

import glob
import os
import sys
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from sysidc.compiler.program import OverrideError, UnreadableFile, read_source
from sysidc.dsl.source import Source

ENDING = ".sysid"


def add_set(parser: ArgumentParser) -> None:
    parser.add_argument("--set", action="append", default=[], metavar="k=v", help="override a param")


def overrides(given: Sequence[str]) -> dict[str, str]:
    """`k=v` words as a mapping. Raises OverrideError."""
    found = {}
    for word in given:
        name, equals, value = word.partition("=")
        if not equals or not name.strip() or not value.strip():
            raise OverrideError(f"--set wants name=value, not `{word}`")
        found[name.strip()] = value.strip()
    return found


def sources(names: Sequence[str]) -> list[Source]:
    """Files, the .sysid files of folders and globs, and `-` for stdin, each once. Raises UnreadableFile."""
    paths = dict.fromkeys(path for name in names for path in _paths(name))
    return [read(path) for path in paths]


def read(name: str) -> Source:
    """One file, or stdin for `-`. Raises UnreadableFile."""
    if name != "-":
        return read_source(Path(name), name)
    try:
        return Source("<stdin>", sys.stdin.buffer.read().decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise UnreadableFile(f"<stdin> is not UTF-8 text: byte {error.start} does not fit") from None


def replace(path: Path, text: str) -> None:
    """Give a file a new text: the whole of it or, where that fails, the old one. Raises UnreadableFile."""
    target = path.resolve()  # what a link leads to is written, and the link stays
    temporary = target.with_name(f".{target.name}.{os.getpid()}.new")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(text, encoding="utf-8", newline="")
        if target.exists():
            temporary.chmod(target.stat().st_mode)
        temporary.replace(target)
    except OSError as error:
        raise UnreadableFile(f"{path} cannot be written: {error.strerror}") from None
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _paths(name: str) -> Iterator[str]:
    if not name:
        raise UnreadableFile("the name of a file is empty")
    is_folder = name != "-" and os.path.isdir(name)  # these never raise, whatever the name is
    if is_folder:
        path = Path(name)
        found = sorted(str(file) for file in path.rglob(f"*{ENDING}") if not _hidden(file, path))
    elif name != "-" and not os.path.exists(name) and glob.has_magic(name):
        found = sorted(glob.glob(name, recursive=True))
    else:
        found = [name]
    if not found:
        raise UnreadableFile(f"{name} holds no {ENDING} file" if is_folder else f"no file matches {name}")
    yield from found


def _hidden(file: Path, folder: Path) -> bool:
    """In a hidden folder, or in a run: a run's spec is the copy of one that is checked itself."""
    inside = file.relative_to(folder).parts[:-1]
    return any(part.startswith(".") for part in inside) or os.path.exists(file.parent / "plan.json")
