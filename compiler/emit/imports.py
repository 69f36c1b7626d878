"""What a program imports, in lines in the order in which isort has them."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from sysidc.dsl.records import dataclass


@dataclass(frozen=True)
class Import:
    """`from module import name`, or `import module` where name is None; `alias` is what it is called here."""

    module: str
    name: str | None = None
    alias: str | None = None


def import_lines(imports: Iterable[Import]) -> str:
    """The standard library, a blank line, all other packages."""
    found = set(imports)
    own = {item for item in found if item.module.partition(".")[0] in sys.stdlib_module_names}
    return "\n\n".join("\n".join(_section(part)) for part in (own, found - own) if part)


def _section(imports: set[Import]) -> list[str]:
    whole = sorted((item for item in imports if item.name is None), key=lambda item: item.module)
    parts: dict[str, list[Import]] = {}
    for item in imports:
        if item.name is not None:
            parts.setdefault(item.module, []).append(item)
    lines = [f"import {item.module}" + (f" as {item.alias}" if item.alias else "") for item in whole]
    return lines + [_from(module, items) for module, items in sorted(parts.items())]


def _from(module: str, items: list[Import]) -> str:
    names = [f"{item.name} as {item.alias}" if item.alias else str(item.name) for item in sorted(items, key=_rank)]
    line = f"from {module} import {', '.join(names)}"
    if len(line) <= 88:
        return line
    return "\n".join([f"from {module} import (", *(f"    {name}," for name in names), ")"])


def _rank(item: Import) -> tuple[int, str]:
    """Constants first, then classes, then the rest."""
    name = item.name or ""
    kind = 0 if name.isupper() and len(name) > 1 else 1 if name[:1].isupper() else 2
    return kind, name
