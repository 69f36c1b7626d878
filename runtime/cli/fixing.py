"""`check --fix`: applies the safe fixes of specs, those that overlap one after the other, until none is left."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from sysidc.compiler.pipeline import compile_source
from sysidc.dsl.diagnostics import Diagnostic, Edit, Fix
from sysidc.dsl.source import Source
from sysidc.runtime.cli.files import replace

MOST_ROUNDS = 100
Key: TypeAlias = Path | str


def fix_all(
    sources: Sequence[Source], overrides: Mapping[str, object], selected: frozenset[str]
) -> tuple[list[Source], int]:
    """The sources as they are after their safe fixes, written where they came from, and how many were applied.

    `selected` holds the ids whose fixes are wanted, none for all. A fix in a file that was not named is left alone.
    Raises UnreadableFile where a file cannot be written.
    """
    files = {key(source): source for source in sources}
    seen, applied = {_texts(files)}, 0
    for _ in range(MOST_ROUNDS):
        compiled = [compile_source(source, overrides) for source in files.values()]
        told = (diagnostic for result in compiled for diagnostic in result.diagnostics)
        chosen = _chosen((found for found in told if not selected or found.id in selected), files)
        changed = {name: Source(files[name].name, apply(chosen, name, files[name]), files[name].path) for name in files}
        if not chosen or _texts(changed) in seen:
            break
        seen.add(_texts(changed))
        _write(files, changed)
        files, applied = changed, applied + len(chosen)
    return list(files.values()), applied


def key(source: Source) -> Key:
    """What makes two sources the same file."""
    return source.path.resolve() if source.path else source.name


def apply(fixes: Iterable[Fix], name: Key, source: Source) -> str:
    """The text after the edits of fixes that do not overlap, those in other files left out."""
    text, place = "", 0
    edits = [edit for fix in fixes for edit in fix.edits if key(edit.span.source) == name]
    for edit in sorted(edits, key=lambda edit: edit.span.start):
        text += source.text[place : edit.span.start] + edit.text
        place = edit.span.end
    return text + source.text[place:]


def _chosen(found: Iterable[Diagnostic], files: Mapping[Key, Source]) -> list[Fix]:
    """Safe fixes inside of `files` that do not meet one another; the others wait for the next round."""
    chosen: list[Fix] = []
    for diagnostic in found:
        fix = diagnostic.fix
        if fix is None or not fix.safe or not all(_inside(edit, files) for edit in fix.edits):
            continue
        if not any(_meet(edit, other) for edit in fix.edits for taken in chosen for other in taken.edits):
            chosen.append(fix)
    return chosen


def _inside(edit: Edit, files: Mapping[Key, Source]) -> bool:
    source = files.get(key(edit.span.source))
    return source is not None and source.text == edit.span.source.text


def _meet(edit: Edit, other: Edit) -> bool:
    """Whether two edits overlap or touch: what two insertions at one place would give depends on their order."""
    a, b = edit.span, other.span
    return a.start <= b.end and b.start <= a.end and key(a.source) == key(b.source)


def _texts(files: Mapping[Key, Source]) -> tuple[str, ...]:
    return tuple(source.text for source in files.values())


def _write(before: Mapping[Key, Source], after: Mapping[Key, Source]) -> None:
    for name, source in after.items():
        if source.path is not None and source.text != before[name].text:
            replace(source.path, source.text)
