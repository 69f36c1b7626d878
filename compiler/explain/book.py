"""What `explain` knows: the page of every diagnostic, layer, setting, annotation and name that a setting may take."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache, partial
from importlib.resources import files
from typing import NamedTuple

from sysidc.compiler.catalogue import installed
from sysidc.compiler.catalogue.entry import Layer
from sysidc.compiler.catalogue.generators import GENERATORS
from sysidc.compiler.catalogue.initialisations import INITS
from sysidc.compiler.catalogue.settings import BENCHMARK, FAMILIES, FILE_READERS, MODES
from sysidc.compiler.explain.annotation_page import ANNOTATION_PAGES, annotation_page
from sysidc.compiler.explain.data_page import DATA_PAGES, data_page
from sysidc.compiler.explain.equations_page import equations_page
from sysidc.compiler.explain.layer_page import example, layer_page
from sysidc.compiler.explain.setting_page import (
    SECTIONS,
    generator_page,
    member_page,
    mode_page,
    reader_page,
    section_page,
    setting_page,
)

FENCE = re.compile(r"^```sysid (?P<kind>\S+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


class LayerRow(NamedTuple):
    """A line of `sysidc layers`."""

    name: str
    written: str
    about: str


def page(name: str) -> str | None:
    """Markdown about a name, None where nothing is known by it. A name of several things has a part for each."""
    table = _pages()
    makers = table.get(name) or table.get(name.removeprefix("@")) or table.get(_in_any_case(name), ())
    return "\n".join(make() for make in makers) or None


def names() -> tuple[str, ...]:
    """All names that have a page, diagnostics first."""
    return tuple(_pages())


@cache
def diagnostic_ids() -> tuple[str, ...]:
    """The ids that have a page of their own."""
    folder = files("sysidc.compiler.explain").joinpath("pages")
    return tuple(sorted(entry.name.removesuffix(".md") for entry in folder.iterdir() if entry.name.endswith(".md")))


def examples(text: str) -> dict[str, str]:
    """The specs in a diagnostic's page: "wrong" has that mistake alone, "right" has none; others by their file name."""
    return {match["kind"]: match["text"] for match in FENCE.finditer(text)}


def diagnostics_index() -> str:
    """Markdown tables of all diagnostics: id, and the first paragraph of its page."""
    spec = [
        f"| [{id}](../compiler/explain/pages/{id}.md) | {_summary(_diagnostic_page(id))} |" for id in diagnostic_ids()
    ]
    data = [f"| {id} | {_summary(data_page(id))} |" for id in DATA_PAGES]
    head = "# Diagnostics\n\n`sysidc explain ID` prints the page of a diagnostic, with a wrong and a right example."
    found = ("## In a spec", "", "| id | |", "| --- | --- |", *spec)
    later = ("## In data and runs", "", "| id | |", "| --- | --- |", *data)
    return "\n".join((head, "", *found, "", *later)) + "\n"


def layers_table(word: str | None = None) -> list[LayerRow]:
    """The layers whose name, description or torch class has the word in it; all of them without one."""
    wanted = (word or "").lower()
    return [
        LayerRow(layer.name, example(layer), _told(layer))
        for layer in installed.rows()
        if any(wanted in text.lower() for text in (layer.name, layer.about, layer.target))
    ]


def _told(layer: Layer) -> str:
    package = installed.package_of(layer.name)
    return layer.about if package is None else f"{layer.about} [{package}]"


def _summary(text: str) -> str:
    """The first paragraph behind the title, on one line."""
    return " ".join(text.split("\n\n")[1].split())


def _in_any_case(name: str) -> str:
    return next((known for known in _pages() if known.lower() == name.lower()), "")


def _diagnostic_page(id: str) -> str:
    return files("sysidc.compiler.explain").joinpath("pages", f"{id}.md").read_text(encoding="utf-8")


@cache
def _pages() -> dict[str, tuple[Callable[[], str], ...]]:
    """Name to what makes its pages, so that only the pages that are asked for are made."""
    found: dict[str, tuple[Callable[[], str], ...]] = {}

    def add(name: str, make: Callable[[], str]) -> None:
        found[name] = (*found.get(name, ()), make)

    for id in diagnostic_ids():
        add(id, partial(_diagnostic_page, id))
    for id in DATA_PAGES:
        add(id, partial(data_page, id))
    for layer in installed.rows():
        add(layer.name, partial(layer_page, layer))
    for name in ANNOTATION_PAGES:
        add(name, partial(annotation_page, name))
    add("dynamics", equations_page)
    for section in SECTIONS:
        add(section, partial(section_page, section))
    for mode in MODES:
        add(mode, partial(mode_page, mode))
    for section, table in SECTIONS.items():
        for name, setting in table.items():
            add(name, partial(setting_page, section, setting))
    for family, rows in {**FAMILIES, "initialisation": INITS}.items():
        for name, row in rows.items():
            add(name, partial(member_page, family, row))
    for name, generator in GENERATORS.items():
        add(name, partial(generator_page, generator))
    for name, options in {**FILE_READERS, "benchmark": BENCHMARK}.items():
        add(name, partial(reader_page, name, options))
    return found
