"""Reads a file without mistakes: Lark's table is walked without Lark, whose import alone takes longer than a check.

The trees are those that Lark builds, as far as building.py looks at them. A file with a mistake is left to recovery.py.
"""

from __future__ import annotations

import marshal
import os
import re
import sys
from binascii import crc32
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

FORMAT = "1"
GRAMMAR = Path(__file__).with_name("grammar.lark")
CHECKSUM_BYTES = 4
END = "$END"
SHIFT = 0


class Token(str):
    """The text of a token, with its terminal and its place."""

    __slots__ = ("end_pos", "start_pos", "type")

    type: str
    start_pos: int
    end_pos: int


class Tree:
    """A rule and its children: trees, tokens, None for an optional part that is left out.

    `start_pos` and `end_pos` span what the tree holds, `outer_start` and `outer_end` also the brackets around it that
    left no trace. `empty` tells a rule that matched no text.
    """

    __slots__ = ("children", "data", "empty", "end_pos", "outer_end", "outer_start", "start_pos")

    start_pos: int
    end_pos: int
    outer_start: int
    outer_end: int

    def __init__(self, data: str, children: list[Any]):
        self.data = data
        self.children = children
        self.empty = True

    @property
    def meta(self) -> Tree:
        """Where Lark keeps the places."""
        return self


def read(text: str, start: str) -> Tree | None:
    """The tree of a text, None where it has a mistake of form."""
    table = tables()
    states, rules, end_state = table["states"], table["rules"], table["ends"][start]
    stack: list[int] = [table["starts"][start]]
    values: list[Any] = []
    tokens = _tokens(text)
    if tokens is None:
        return None
    for token in tokens:
        while True:
            entry = states[stack[-1]].get(token.type)
            if entry is None:
                return None
            action, argument = entry
            if action == SHIFT:
                stack.append(argument)
                values.append(token)
                break
            origin, size = rules[argument][:2]
            matched = values[len(values) - size :]
            del stack[len(stack) - size :], values[len(values) - size :]
            values.append(_reduced(rules[argument], matched))
            stack.append(states[stack[-1]][origin][1])
            if token.type == END and stack[-1] == end_state:
                tree: Tree = values[-1]
                return tree
    return None


def _tokens(text: str) -> list[Token] | None:
    """All tokens and the end, None where a character belongs to none."""
    table = tables()
    match, keywords, ignored = scanner().match, table["keywords"], table["ignored"]
    tokens: list[Token] = []
    place = 0
    while place < len(text):
        found = match(text, place)
        if found is None or found.end() == place:
            return None
        kind: str = found.lastgroup or ""
        if kind not in ignored:
            token = Token(found.group())
            token.type = keywords.get(kind, {}).get(token, kind)
            token.start_pos, token.end_pos = place, found.end()
            tokens.append(token)
        place = found.end()
    end = Token("")
    end.type, end.start_pos, end.end_pos = END, place, place
    return [*tokens, end]


def _reduced(rule: tuple[Any, ...], matched: list[Any]) -> Any:
    """What a rule makes of its children, with its place."""
    _, _, name, expand, included, nones = rule
    children: list[Any] = []
    for index, inline, before in included:
        children += [None] * before
        if inline:
            children += matched[index].children
        else:
            children.append(matched[index])
    children += [None] * nones
    made = children[0] if expand and len(children) == 1 else Tree(name, children)
    if isinstance(made, Tree):
        _place(made, matched)
    return made


def _place(tree: Tree, matched: list[Any]) -> None:
    placed = [child for child in matched if isinstance(child, Token) or (isinstance(child, Tree) and not child.empty)]
    if not placed:
        return
    first, last = placed[0], placed[-1]
    start = first.outer_start if isinstance(first, Tree) else first.start_pos
    end = last.outer_end if isinstance(last, Tree) else last.end_pos
    if tree.empty:
        tree.start_pos, tree.end_pos, tree.empty = start, end, False
    tree.outer_start, tree.outer_end = start, end


# --- the table ---------------------------------------------------------------------------------------------------


@cache
def scanner() -> re.Pattern[str]:
    return re.compile(tables()["pattern"], tables()["flags"])


@cache
def tables() -> dict[str, Any]:
    """The grammar's table from the user's cache folder; made by Lark, and kept, where it is not there."""
    grammar = GRAMMAR.read_text(encoding="utf-8")
    key = "\0".join((FORMAT, grammar, sys.version, str(marshal.version)))
    path = cache_folder() / f"reader-{crc32(key.encode()):08x}.bin"
    kept = _kept(path, key)
    if kept is not None:
        return kept
    from sysidc.dsl.parse_table import plain_table

    table = {"key": key, **plain_table()}
    body = marshal.dumps(table)
    store(path, crc32(body).to_bytes(CHECKSUM_BYTES) + body)
    return table


def _kept(path: Path, key: str) -> dict[str, Any] | None:
    """The stored table, None where it is missing, damaged or of another grammar."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    body = content[CHECKSUM_BYTES:]
    if not body or crc32(body).to_bytes(CHECKSUM_BYTES) != content[:CHECKSUM_BYTES]:
        return None
    table: dict[str, Any] = marshal.loads(body)
    return table if table.get("key") == key else None


def cache_folder() -> Path:
    """A folder that belongs to the user alone; never the shared temp folder."""
    if sys.platform == "win32":
        root = os.environ.get("LOCALAPPDATA")
        return Path(root or os.path.expanduser("~")) / "sysidc" / "cache"
    root = os.environ.get("XDG_CACHE_HOME")
    return Path(root or os.path.expanduser("~/.cache")) / "sysidc"


def store(path: Path, content: bytes) -> None:
    """Keeps a table; a cache that cannot be written is not worth a word."""
    scratch = path.with_suffix(f".{os.getpid()}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        scratch.write_bytes(content)
        os.replace(scratch, path)
    except OSError:
        with suppress(OSError):
            scratch.unlink()
