"""Which definitions of the runtime a program needs, as text: those that are named, and all that they lean on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TypeAlias

from sysidc.compiler.catalogue.installed import HOUSE
from sysidc.compiler.emit.definitions import Definition, read
from sysidc.compiler.emit.imports import Import
from sysidc.dsl.records import dataclass, field

PROGRAM = (
    *("SEED", "FOLDER", "COLUMNS", "DTYPES", "INPUTS", "OUTPUTS"),
    *("INPUT_SIGNALS", "OUTPUT_SIGNALS", "KNOWN", "MEASURED"),
    *("Experiment", "read", "load_records", "build_model", "make_experiment", "load_experiment", "fit", "train"),
    *("training_batches", "validation_batches", "horizon_at", "predict", "score", "main"),
)
"""Names that a program defines itself."""
Key: TypeAlias = tuple[str, str]


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


def _take(module: str, name: str, found: Inlined) -> Key | None:
    """Where the name leads in the house; None for a name of another package, of a function's own, of Python."""
    definitions, imports = read(module)
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
