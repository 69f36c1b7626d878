"""A member of a family: a loss, an optimiser, a kernel by its name, with the arguments of what it calls."""

from __future__ import annotations

from typing import Any, TypeAlias

from sysidc.compiler.catalogue.arguments import REQUIRED, Argument
from sysidc.dsl.records import dataclass

Limits: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Member:
    """One row: the word of the language, the dotted path that is called, its arguments, a description.

    `interval` tells a scheduler that steps with every batch ("step") from one that steps with every epoch;
    `monitors` one that needs a metric.
    """

    name: str
    target: str
    arguments: tuple[Argument, ...]
    about: str
    interval: str = "epoch"
    monitors: bool = False


def real(name: str, default: Any = REQUIRED, **limits: Any) -> Argument:
    return Argument(name, "float", default, **limits)


def whole(name: str, default: Any = REQUIRED, **limits: Any) -> Argument:
    return Argument(name, "int", default, **limits)


def flag(name: str, default: bool) -> Argument:
    return Argument(name, "bool", default)


def table(*rows: Member) -> dict[str, Member]:
    return {row.name: row for row in rows}


POSITIVE: Limits = {"low": 0, "open_low": True}
SHARE: Limits = {"low": 0, "high": 1, "open_high": True}
PAIR = (2, 2)
