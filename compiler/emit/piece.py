"""A part of an emitted program: its text, the definitions of the runtime that it names, and what it imports."""

from __future__ import annotations

from pathlib import PurePath

from sysidc.compiler.emit.imports import Import
from sysidc.compiler.plan import Place
from sysidc.dsl.records import dataclass

PLAIN = "sysidc.runtime.plain."


@dataclass(frozen=True)
class Piece:
    """`targets` are dotted paths of definitions that are written out; `imports` those of other packages."""

    text: str
    targets: tuple[str, ...] = ()
    imports: tuple[Import, ...] = ()


class NotEmitted(Exception):
    """What a spec asks for that cannot be written out as plain Python yet: a sentence, and what to do about it."""

    def __init__(self, message: str, help: str):
        super().__init__(message)
        self.message = message
        self.help = help


def plain(file: str, *names: str) -> tuple[str, ...]:
    """Dotted paths into one file of the plain versions."""
    return tuple(f"{PLAIN}{file}.{name}" for name in names)


def bare(target: str) -> str:
    """What a dotted path is called where it is defined or imported."""
    return target.rpartition(".")[2]


def where(place: Place) -> str:
    """Where in the spec something stands, as a comment says it."""
    return f"{PurePath(place.file).name}:{place.line}"
