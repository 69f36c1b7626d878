"""The catalogue as one JSON tree, for editors and other programs: what may be written, without importing torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sysidc.compiler.catalogue.arguments import Argument
from sysidc.compiler.catalogue.entry import Layer
from sysidc.compiler.catalogue.generators import GENERATORS
from sysidc.compiler.catalogue.initialisations import INITS
from sysidc.compiler.catalogue.installed import package_of, rows
from sysidc.compiler.catalogue.member import Member
from sysidc.compiler.catalogue.settings import BENCHMARK, FAMILIES, FILE_READERS, Setting
from sysidc.compiler.explain.setting_page import SECTIONS

LANGUAGE = 1


def schema() -> dict[str, Any]:
    """{"language", "layers", "settings": {section: ...}, "families": {"loss": ...}, "generators", "readers"}.

    An argument is {"name", "kinds", "required"} and, where they say something, default, low, high, open_low, open_high,
    choices, flow, aliases, family, about.
    """
    families = {**FAMILIES, "initialisation": INITS}
    readers = {**FILE_READERS, "benchmark": BENCHMARK}
    return {
        "language": LANGUAGE,
        "layers": {layer.name: _layer(layer) for layer in rows()},
        "settings": {section: _settings(table) for section, table in SECTIONS.items()},
        "families": {family: {name: _member(row) for name, row in rows.items()} for family, rows in families.items()},
        "generators": {
            name: {"about": generator.about, "columns": list(generator.columns), **_arguments(generator.arguments)}
            for name, generator in GENERATORS.items()
        },
        "readers": {name: _arguments(options) for name, options in readers.items()},
    }


def _layer(layer: Layer) -> dict[str, Any]:
    package = package_of(layer.name)
    return {
        **({} if package is None else {"package": package}),
        "about": layer.about,
        "target": layer.target,
        "numbers": layer.numbers,
        "stateful": layer.stateful,
        **_arguments(layer.arguments),
    }


def _member(row: Member) -> dict[str, Any]:
    facts = {"about": row.about, "target": row.target, "interval": row.interval, "monitors": row.monitors}
    return {**facts, **_arguments(row.arguments)}


def _settings(table: Mapping[str, Setting]) -> dict[str, Any]:
    return {name: {**_argument(setting.argument), "modes": list(setting.modes)} for name, setting in table.items()}


def _arguments(arguments: Iterable[Argument]) -> dict[str, Any]:
    return {"arguments": [_argument(argument) for argument in arguments]}


def _argument(argument: Argument) -> dict[str, Any]:
    tree: dict[str, Any] = {
        "name": argument.name,
        "kinds": argument.kind.split("|"),
        "required": argument.required and argument.flow is None,
    }
    if not argument.required:
        tree["default"] = list(argument.default) if isinstance(argument.default, tuple) else argument.default
    for fact in ("low", "high", "open_low", "open_high", "choices", "flow", "aliases", "family", "about"):
        value = getattr(argument, fact)
        if value not in (None, False, (), ""):
            tree[fact] = list(value) if isinstance(value, tuple) else value
    return tree
