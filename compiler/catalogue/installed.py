"""Layers that other installed packages bring: each a row that an entry point of the group `sysidc.layers` names.

The metadata of the installed packages is read when a name is no layer of the language, and the row's module is imported
when that name is used: a spec that uses no such layer neither waits for them nor breaks with them.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import redirect_stdout
from functools import cache
from typing import TYPE_CHECKING, Any

from sysidc.compiler.catalogue.arguments import Argument
from sysidc.compiler.catalogue.entry import Effect, Layer, Misfit, Shape
from sysidc.compiler.catalogue.layers import LAYERS
from sysidc.dsl.records import dataclass

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "sysidc.layers"
HOUSE = "sysidc."
NODES = ("stack", "cast", "residual", "autoregressive_residual", "correction", "dynamics")
"""What nodes of a plan are called that are no layers."""
HEAVY = ("torch", "lightning")
KINDS = frozenset(["int", "float", "bool", "none", "string", "word", "column", "ints", "floats", "strings", "words"])


@dataclass(frozen=True)
class Broken:
    """A layer that a package offers and that cannot be used: a sentence says why."""

    name: str
    package: str
    reason: str


def layer(name: str) -> Layer | None:
    """The row of a layer of the language or of an installed package; None where there is none, or a broken one."""
    if name in LAYERS:
        return LAYERS[name]
    found = installed(name)
    return found if isinstance(found, Layer) else None


@cache
def installed(name: str) -> Layer | Broken | None:
    """What an installed package offers by this name."""
    points = offered().get(name)
    return None if points is None else _row(name, points)


@cache
def offered() -> dict[str, tuple[EntryPoint, ...]]:
    """The names that installed packages offer, sorted, with their entry points; nothing of them is imported."""
    from importlib.metadata import entry_points

    found: dict[str, tuple[EntryPoint, ...]] = {}
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        found[point.name] = (*found.get(point.name, ()), point)
    return found


def known() -> tuple[str, ...]:
    """The names of all layers, those of installed packages included, as they say themselves."""
    return (*LAYERS, *offered())


def rows() -> tuple[Layer, ...]:
    """All layers that may be written: those of the language, then those of installed packages."""
    return (*LAYERS.values(), *(row for row in map(installed, offered()) if isinstance(row, Layer)))


def broken() -> tuple[Broken, ...]:
    """What installed packages offer and cannot be used."""
    return tuple(row for row in map(installed, offered()) if isinstance(row, Broken))


def package_of(name: str) -> str | None:
    """The package, with its version, that an installed layer comes from; None for a layer of the language."""
    points = () if name in LAYERS else offered().get(name, ())
    return _package(points[0]) if points else None


def _row(name: str, points: tuple[EntryPoint, ...]) -> Layer | Broken:
    packages = sorted({_package(point) for point in points})
    if name in LAYERS or name in NODES or not name.isidentifier():
        return Broken(name, packages[0], "the name is no identifier, or the language has one of this name already")
    if len(packages) > 1:
        return Broken(name, " and ".join(packages), "both offer this name")
    light = {name for name in HEAVY if name not in sys.modules}
    try:
        with redirect_stdout(sys.stderr):  # stdout belongs to a language server or a machine format
            row = points[0].load()
    except (Exception, SystemExit) as error:  # another package's code may fail in any way, and must not break a check
        reason = f"`{points[0].value}` cannot be imported: {type(error).__name__}: {error}"
        return Broken(name, packages[0], reason)
    loaded = next((name for name in HEAVY if name in light and name in sys.modules), None)
    if loaded is not None:
        reason = f"importing `{points[0].module}` imports {loaded}; the row belongs into a module that does not"
        return Broken(name, packages[0], reason)
    wrong = _wrong(name, row)
    return row if wrong is None else Broken(name, packages[0], f"`{points[0].value}` {wrong}")


def is_foreign(name: str, target: str) -> bool:
    """Whether a node of a plan was described by the row of an installed package, which may be gone by now."""
    return name not in LAYERS and name not in NODES and not target.startswith(HOUSE)


def _package(point: EntryPoint) -> str:
    found = point.dist
    return f"{found.name} {found.version}" if found is not None else point.module.partition(".")[0]


def _wrong(name: str, row: object) -> str | None:
    """What is wrong with a row, None where nothing is."""
    if not isinstance(row, Layer):
        return f"is no `sysidc.catalogue.Layer`, but a {type(row).__name__}"
    if row.name != name:
        return f"describes the layer `{row.name}`, not `{name}`"
    if row.target.startswith(HOUSE) or not all(part.isidentifier() for part in row.target.split(".")[1:] or [""]):
        return f"builds `{row.target}`, which is no dotted path of a class of its own"
    if row.numbers not in ("parameters", "floating", "any", "integers"):
        return f"has `numbers = {row.numbers!r}`"
    if row.stateful:
        return "has `stateful = True`, which layers of the language alone can have"
    return _wrong_arguments(row.arguments)


def _wrong_arguments(arguments: object) -> str | None:
    if not isinstance(arguments, tuple) or not all(isinstance(argument, Argument) for argument in arguments):
        return "has `arguments` that are no tuple of `sysidc.catalogue.Argument`"
    for argument in arguments:
        if unknown := sorted(set(argument.kind.split("|")) - KINDS):
            return f"has the argument `{argument.name}` of the unknown kind `{unknown[0]}`"
        if argument.name in HOUSE_WORDS:
            return f"has an argument `{argument.name}`, a word that layers of the language alone can have"
    return None


HOUSE_WORDS = ("initial", "states", "hidden", "output_hidden", "in_dtype", "out_dtype")
"""Arguments that the compiler gives a meaning of its own."""


def effect(entry: Layer, arguments: Mapping[str, Any], shape: Shape) -> Effect | Misfit | Broken:
    """What a layer makes of a shape; Broken where the rule of an installed layer fails or breaks its form."""
    if entry.name in LAYERS:
        return entry.rule(arguments, shape)
    package = package_of(entry.name) or entry.target.partition(".")[0]
    try:
        found = entry.rule(arguments, shape)
        wrong = _wrong_effect(found)
    except Exception as error:  # another package's code may fail in any way, and must not break a check
        return Broken(entry.name, package, f"its rule fails: {type(error).__name__}: {error}")
    return found if wrong is None else Broken(entry.name, package, f"its rule {wrong}")


def _wrong_effect(found: object) -> str | None:
    if isinstance(found, Misfit):
        return None
    if not isinstance(found, Effect):
        return f"returns a {type(found).__name__}, not an Effect or a Misfit"
    shape, counts = found.shape, (found.shape.channels, found.shape.steps or 1)
    if not all(type(count) is int and count > 0 for count in counts) or shape.cut < 0:
        return f"returns {shape}"
    if not all(reach is None or reach >= 0 for reach in found.time) or found.parameters < 0:
        return f"returns a time {found.time} and {found.parameters} parameters"
    strange = next((name for name, value in found.arguments.items() if not _is_plain(value)), None)
    return None if strange is None else f"gives the argument `{strange}` a value that no file can hold"


def _is_plain(value: object) -> bool:
    if isinstance(value, tuple):
        return all(map(_is_plain, value))
    return value is None or type(value) in (bool, int, float, str)
