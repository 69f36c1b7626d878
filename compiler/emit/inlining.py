"""Which definitions of the runtime a program needs, as text: those that are named, and all that they lean on."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TypeAlias

from sysidc.compiler.emit.equations import HOME, without_formulas
from sysidc.dsl.records import dataclass, field

HOUSE = "sysidc."
MARKS = re.compile(r"  # ((type: ignore|pyright: ?ignore)(\[[^]]*\])?|noqa.*$)")
"""Remarks to the checkers of this project, which mean nothing in somebody else's."""
ZIP = re.compile(r"zip\(([^()]*)\)")

LONGEST = 120
PROGRAM = (
    *(
        "SEED",
        "FOLDER",
        "COLUMNS",
        "DTYPES",
        "INPUTS",
        "OUTPUTS",
        "INPUT_SIGNALS",
        "OUTPUT_SIGNALS",
        "KNOWN",
        "MEASURED",
    ),
    *("Experiment", "read", "load_records", "build_model", "make_experiment", "load_experiment", "fit", "train"),
    *("training_batches", "validation_batches", "horizon_at", "predict", "score", "main"),
)
"""Names that a program defines itself."""


Key: TypeAlias = tuple[str, str]


@dataclass(frozen=True)
class Import:
    """`from module import name`, or `import module` where name is None; `alias` is what it is called here."""

    module: str
    name: str | None = None
    alias: str | None = None


@dataclass(frozen=True)
class Definition:
    """A top-level statement: the lines from `first` to `last` (from 0, last excluded), and the names it uses."""

    module: str
    name: str
    text: str
    uses: tuple[str, ...]
    late: tuple[str, ...] = ()


@dataclass
class Inlined:
    """Definitions by (module, name), each behind what it leans on; `leads` tells for each what its names stand for."""

    definitions: dict[Key, Definition] = field(default_factory=dict)
    leads: dict[Key, dict[str, Key]] = field(default_factory=dict)
    imports: set[Import] = field(default_factory=set)
    absent: Mapping[str, str] = field(default_factory=dict)
    waiting: list[tuple[dict[str, Key], str, str]] = field(default_factory=list)

    def texts(self) -> dict[Key, str]:
        """The definitions as text, those of one name from several files renamed after the later file."""
        names = self._names()
        return {
            key: _renamed(definition.text, {name: names[lead] for name, lead in self.leads[key].items()})
            for key, definition in self.definitions.items()
        }

    def _names(self) -> dict[Key, str]:
        taken = set(PROGRAM)
        names = {}
        for module, name in self.definitions:
            own = name if name not in taken else _own_name(module, name)
            assert own not in taken, f"two definitions are called {own}"
            taken.add(own)
            names[module, name] = own
        return names


def _own_name(module: str, name: str) -> str:
    stem = module.rpartition(".")[2]
    if name.isupper():
        return f"{stem.upper()}_{name}"
    if name[:1].isupper():
        return "".join(word.title() for word in stem.split("_")) + name
    return ("_" if name.startswith("_") else "") + f"{stem}_{name.lstrip('_')}"


def _renamed(text: str, names: dict[str, str]) -> str:
    for name, own in names.items():
        if name != own:
            text = re.sub(rf"(?<![\w.]){name}\b", own, text)
    return text


def inline(targets: Iterable[str], absent: Mapping[str, str] | None = None) -> Inlined:
    """The definitions behind dotted paths, and those that they lean on; `absent` gives other texts for what the program
    asks for and never meets, by the dotted path of its definition."""
    found = Inlined(absent=absent or {})
    for target in targets:
        module, _, name = target.rpartition(".")
        _take(module, name, found)
    while found.waiting:
        leads, module, name = found.waiting.pop(0)
        lead = _take(module, name, found)
        assert lead is not None, f"{name} of {module} leads out of the house"
        leads[name] = lead
    return found


def definition(target: str) -> Definition:
    """The definition behind a dotted path that leads straight to it."""
    module, _, name = target.rpartition(".")
    return _read(module)[0][name]


def _take(module: str, name: str, found: Inlined) -> Key | None:
    """Where the name leads in the house; None for a name of another package, of a function's own, of Python."""
    definitions, imports = _read(module)
    if name in definitions:
        key = module, name
        if f"{module}.{name}" in found.absent and key not in found.leads:
            found.leads[key] = {name: key}
            found.definitions[key] = Definition(module, name, found.absent[f"{module}.{name}"], ())
        if key not in found.leads:
            leads = found.leads[key] = {name: key}
            for used in definitions[name].uses:
                if used in definitions[name].late:  # a function asks for it when it is called: behind all others
                    found.waiting.append((leads, module, used))
                elif (lead := _take(module, used, found)) is not None:
                    leads[used] = lead
            found.definitions[key] = definitions[name]
        return key
    if name not in imports:
        return None
    source = imports[name]
    if not source.module.startswith(HOUSE):
        found.imports.add(source)
        return None
    assert source.name is not None, f"{module} imports {source.module} as a whole"
    return _take(source.module, source.name, found)


# --- reading -----------------------------------------------------------------------------------------------------


@cache
def _read(module: str) -> tuple[dict[str, Definition], dict[str, Import]]:
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
