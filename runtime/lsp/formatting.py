"""Formatting as edits of the lines that change, so that the cursor and the folds stay where they are."""

from __future__ import annotations

from difflib import SequenceMatcher

from lsprotocol import types

from sysidc.dsl.diagnostics import SpecError
from sysidc.dsl.formatter.canonical import format_source
from sysidc.runtime.lsp.documents import Text


def edits(text: Text) -> list[types.TextEdit]:
    """The edits that give a text its canonical layout; none where it has mistakes of form."""
    try:
        formatted = format_source(text.source)
    except SpecError:
        return []
    old, new = text.source.text.splitlines(keepends=True), formatted.splitlines(keepends=True)
    starts = [0]
    for line in old:
        starts.append(starts[-1] + len(line))
    blocks = SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    return [
        types.TextEdit(text.lines.range(starts[i], starts[j]), "".join(new[k:m]))
        for tag, i, j, k, m in blocks
        if tag != "equal"
    ]
