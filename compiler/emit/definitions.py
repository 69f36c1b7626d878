"""The top-level definitions of the house's modules as text, which is read and never run."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from sysidc.compiler.catalogue.installed import HOUSE
from sysidc.compiler.emit.equations import HOME, without_formulas
from sysidc.compiler.emit.imports import Import
from sysidc.dsl.records import dataclass

MARKS = re.compile(r"  # ((type: ignore|pyright: ?ignore)(\[[^]]*\])?|noqa.*$)")
"""Remarks to the checkers of this project, which mean nothing in somebody else's."""
ZIP = re.compile(r"zip\(([^()]*)\)")
LONGEST = 120


@dataclass(frozen=True)
class Definition:
    """A top-level statement as text, the names it uses, and those that a function imports when it is called."""

    module: str
    name: str
    text: str
    uses: tuple[str, ...]
    late: tuple[str, ...] = ()


def definition(target: str) -> Definition:
    """The definition behind a dotted path that leads straight to it."""
    module, _, name = target.rpartition(".")
    return read(module)[0][name]


@cache
def read(module: str) -> tuple[dict[str, Definition], dict[str, Import]]:
    """The top-level definitions and the imports of a module of the house, which is read and never run."""
    text = _file(module).read_text(encoding="utf-8")
    if module == HOME:
        text = without_formulas(text)
    lines = text.splitlines()
    definitions: dict[str, Definition] = {}
    imports: dict[str, Import] = {}
    for statement in _statements(ast.parse(text).body):
        if isinstance(statement, ast.Import | ast.ImportFrom):
            imports.update(_imported(statement))
            continue
        for own in _late_imports(statement):
            imports.update(_imported(own))
        for name in _defined(statement):
            late = tuple(found for item in _late_imports(statement) for found, _ in _imported(item))
            definitions[name] = Definition(module, name, _text(statement, lines), _used(statement), late)
    return definitions, imports


def _file(module: str) -> Path:
    room, *path = module.removeprefix(HOUSE).split(".")
    spec = find_spec(HOUSE + room)
    assert spec is not None and spec.submodule_search_locations, module
    place = Path(next(iter(spec.submodule_search_locations)), *path)
    return place / "__init__.py" if place.is_dir() else place.with_suffix(".py")


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Those of the module, the imports that only a type checker reads included."""
    for statement in body:
        if isinstance(statement, ast.If):
            yield from statement.body
        else:
            yield statement


def _late_imports(statement: ast.stmt) -> list[ast.ImportFrom]:
    """Those of the house inside a function, which two files that lean on each other need."""
    inside = (node for node in ast.walk(statement) if isinstance(node, ast.ImportFrom))
    return [node for node in inside if (node.module or "").startswith(HOUSE)]


def _defined(statement: ast.stmt) -> list[str]:
    match statement:
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case ast.Assign(targets=targets):
            return [target.id for target in targets if isinstance(target, ast.Name)]
        case ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
    return []


def _imported(statement: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, Import]]:
    for alias in statement.names:
        if isinstance(statement, ast.Import):
            yield alias.asname or alias.name.partition(".")[0], Import(alias.name, None, alias.asname)
        elif statement.module != "__future__":
            yield alias.asname or alias.name, Import(statement.module or "", alias.name, alias.asname)


def _used(statement: ast.stmt) -> tuple[str, ...]:
    """Names that a definition reads, in their order; attributes and strings are none."""
    names = (node.id for node in ast.walk(statement) if isinstance(node, ast.Name))
    return tuple(dict.fromkeys(names))


def _text(statement: ast.stmt, lines: list[str]) -> str:
    """The statement with its decorators and the comment above it, docstrings cut to what they begin with."""
    decorators = getattr(statement, "decorator_list", [])
    first = min([statement.lineno, *(decorator.lineno for decorator in decorators)]) - 1
    while first > 0 and lines[first - 1].startswith("#") and not lines[first - 1].startswith("# ---"):
        first -= 1
    own = {number: line for number, line in enumerate(lines) if first <= number < (statement.end_lineno or first)}
    for node in ast.walk(statement):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            _shorten(node, own)
    for late in _late_imports(statement):
        for number in range(late.lineno - 1, late.end_lineno or late.lineno):
            own.pop(number, None)
    return "\n".join(MARKS.sub("", _strict(line)) for line in own.values())


def _strict(line: str) -> str:
    """A zip that was excused from saying `strict` says it."""
    return ZIP.sub(r"zip(\1, strict=False)", line) if "# noqa: B905" in line else line


def _shorten(node: ast.FunctionDef | ast.ClassDef, lines: dict[int, str]) -> None:
    """Keep the first paragraph of a docstring, and the second where that tells shapes."""
    start = node.body[0]
    if ast.get_docstring(node) is None or start.end_lineno is None or start.end_lineno == start.lineno:
        return
    inside = range(start.lineno - 1, start.end_lineno)
    blank = [number for number in inside if not lines[number].strip()]
    if not blank:
        return
    second = [number for number in inside if number > blank[0]]
    end = next((number for number in second if not lines[number].strip()), inside[-1])
    shapes = any(" -> " in lines[number] for number in range(blank[0], end))
    cut = end if shapes and end != inside[-1] else blank[0] if not shapes else None
    if cut is None:
        return
    closing = lines[inside[-1]][: len(lines[inside[-1]]) - len(lines[inside[-1]].lstrip())] + '"""'
    only_one = cut == start.lineno
    for number in range(cut, inside[-1] + 1):
        del lines[number]
    first = lines[cut - 1]
    if only_one and len(first) > LONGEST - 3:  # a formatter would put the closing quotes behind it all the same
        middle = first.rindex(" ", 0, LONGEST - 20)
        first = first[:middle] + "\n" + closing[:-3] + first[middle + 1 :]
        only_one = False
    lines[cut - 1] = first + ('"""' if only_one else "\n" + closing)
