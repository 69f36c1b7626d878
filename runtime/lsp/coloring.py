"""Semantic tokens: what every word is there for, so that a layer, a setting and a param differ in colour."""

from __future__ import annotations

from lsprotocol import types

from sysidc.runtime.lsp.documents import Documents, Text
from sysidc.runtime.lsp.names import STACKS, VALUES, defined
from sysidc.runtime.lsp.words.frames import Word

TYPES = (
    "keyword",
    "class",
    "function",
    "parameter",
    "variable",
    "property",
    "enumMember",
    "decorator",
    "type",
    "number",
    "string",
    "comment",
    "method",
)
MODIFIERS = ("declaration", "readonly", "defaultLibrary")
LEGEND = types.SemanticTokensLegend(list(TYPES), list(MODIFIERS))

ROLES: dict[str, tuple[str, tuple[str, ...]]] = {
    "keyword": ("keyword", ()),
    "domain": ("keyword", ()),
    "mode": ("keyword", ()),
    "number": ("number", ()),
    "string": ("string", ()),
    "comment": ("comment", ()),
    "annotation": ("decorator", ()),
    "layer": ("class", ("defaultLibrary",)),
    "callee": ("function", ("defaultLibrary",)),
    "function": ("method", ("defaultLibrary",)),
    "setting": ("property", ()),
    "argument": ("parameter", ()),
    "dtype": ("type", ()),
    "column": ("property", ()),
    "label": ("property", ("declaration",)),
    "value": ("enumMember", ()),
    "signal": ("variable", ("readonly",)),
    "target": ("variable", ()),
    "define signal": ("variable", ("declaration", "readonly")),
    "define param": ("variable", ("declaration",)),
    "define let": ("variable", ("declaration", "readonly")),
    "define argument": ("parameter", ("declaration",)),
    "define state": ("variable", ("declaration",)),
    "define learn": ("variable", ("declaration",)),
    "define block": ("function", ("declaration",)),
    "define dynamics": ("function", ("declaration",)),
    "define model": ("class", ("declaration",)),
}
"""The type and the modifiers of a word's role; words that mean nothing have none."""


def tokens(documents: Documents, text: Text) -> list[int]:
    """Five numbers per word: lines and columns from the word before, length, type, modifiers."""
    program = documents.closure(text)
    values = {place.word.text for place in defined(program, VALUES)}
    stacks = {place.word.text for place in defined(program, STACKS)}
    data: list[int] = []
    line = column = 0
    for word in text.words:
        kind = _kind(word, values, stacks)
        if kind is None:
            continue
        place, behind = text.lines.position(word.start), text.lines.position(word.end)
        moved = place.line - line
        data += [moved, place.character - (0 if moved else column), behind.character - place.character, *kind]
        line, column = place.line, place.character
    return data


def _kind(word: Word, values: set[str], stacks: set[str]) -> tuple[int, int] | None:
    """The numbers of a word's type and modifiers, None for a word without meaning."""
    found = ROLES.get(word.role)
    if word.role == "layer" and word.text in stacks:
        found = ("function", ())
    if word.role == "value" and (word.text in values or _is_local(word)):
        found = ("variable", ())
    if found is None:
        return None
    name, modifiers = found
    bits = [1 << MODIFIERS.index(modifier) for modifier in modifiers]
    return TYPES.index(name), sum(bits)


def _is_local(word: Word) -> bool:
    """In equations and in the body of a block, a bare word is a number that has a name."""
    home = word.frame.definition
    return home is not None and home.role in ("define block", "define dynamics")
