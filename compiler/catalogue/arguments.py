"""The form of an argument table: what a name may be given, judged without importing torch."""

from __future__ import annotations

from typing import Any, Final

from sysidc.dsl.records import dataclass


class _Required:
    def __repr__(self) -> str:
        return "REQUIRED"


REQUIRED: Final = _Required()


@dataclass(frozen=True)
class Argument:
    """One argument of a layer, loss, optimiser, generator or setting.

    kind is one of "int", "float", "bool", "none", "string", "word", "column", "time" (seconds), "rate" (Hz), "share"
    (of 1), "call" (of the table `family`), "range" (two numbers), "file" (a string or call that names data), their
    lists "ints", "floats", "strings", "words", "files", or several of them joined by "|". `choices` are the words (or
    strings) that are allowed where kind has "word" or "string".
    Bounds are inclusive unless `open_low` or `open_high`; a list holds from `entries[0]` to `entries[1]` values.
    `flow` names what fills a size that was left out: "channels" or "steps" of the tensor that arrives. `aliases` are
    other names for the same argument.
    """

    name: str
    kind: str
    default: Any = REQUIRED
    low: float | None = None
    high: float | None = None
    open_low: bool = False
    open_high: bool = False
    entries: tuple[int, int | None] = (1, None)
    choices: tuple[str, ...] = ()
    flow: str | None = None
    aliases: tuple[str, ...] = ()
    family: str | None = None
    about: str = ""

    @property
    def required(self) -> bool:
        return self.default is REQUIRED
