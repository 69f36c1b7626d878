"""The words of the language by what they are: keywords from the grammar's literals, names from the catalogue."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

from sysidc.compiler.catalogue.generators import GENERATORS
from sysidc.compiler.catalogue.initialisations import INITS
from sysidc.compiler.catalogue.layers import LAYERS
from sysidc.compiler.catalogue.settings import DTYPES, FAMILIES, FILE_READERS, MODES
from sysidc.compiler.dynamics.formulas import FUNCTIONS
from sysidc.compiler.explain.setting_page import SECTIONS
from sysidc.compiler.program import RESERVED
from sysidc.compiler.values import UNITS

LITERAL = re.compile(r'"([a-z]+)"')
EQUATIONS = ("der", "next")


@cache
def keywords() -> tuple[str, ...]:
    """The words that the grammar writes as literals, sorted."""
    text = files("sysidc.dsl").joinpath("grammar.lark").read_text(encoding="utf-8")
    rules = "\n".join(line.partition("//")[0] for line in text.splitlines() if not re.match(r"[A-Z%]", line))
    return tuple(sorted(set(LITERAL.findall(rules))))


def functions() -> tuple[str, ...]:
    """The functions of equations."""
    return tuple(FUNCTIONS)


def layers() -> tuple[str, ...]:
    return tuple(LAYERS)


def settings() -> tuple[str, ...]:
    """The settings of all sections."""
    return tuple(sorted({name for table in SECTIONS.values() for name in table}))


def callables() -> tuple[str, ...]:
    """What a setting may call: losses, optimisers, kernels, generators, readers, initialisations."""
    families = (name for rows in FAMILIES.values() for name in rows)
    return tuple(sorted({*families, *GENERATORS, *FILE_READERS, *INITS, "benchmark"}))


def constants() -> tuple[str, ...]:
    return tuple(RESERVED)


def modes() -> tuple[str, ...]:
    return tuple(MODES)


def dtypes() -> tuple[str, ...]:
    return tuple(DTYPES)


def units() -> tuple[str, ...]:
    """The units of numbers, `%` left out."""
    return tuple(unit for unit in UNITS if unit.isalpha())
