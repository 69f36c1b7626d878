"""Makes the parser from grammar.lark, and keeps its table in the user's cache folder: reading it back is faster."""

from __future__ import annotations

import hashlib
import marshal
import os
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import lark
from lark.grammar import Rule
from lark.lexer import TerminalDef

GRAMMAR = Path(__file__).with_name("grammar.lark")
# Every keyword is a word of the grammar too, so tokens need no context: a plain lexer never cuts `integer` at `in`.
OPTIONS: dict[str, Any] = {
    "parser": "lalr",
    "lexer": "basic",
    "start": ["file", "value"],
    "propagate_positions": True,
    "maybe_placeholders": True,
}
DIGEST_BYTES = 32


@cache
def parser() -> lark.Lark:
    """The LALR parser of the language, with positions."""
    grammar = GRAMMAR.read_text(encoding="utf-8")
    path = cache_folder() / f"grammar-{_key(grammar)}.bin"
    table = _read(path)
    if table is not None:
        return lark.Lark.load(table)  # it also takes the mapping that a file would hold
    fresh = build(grammar)
    _write(path, fresh)
    return fresh


def build(grammar: str, strict: bool = False) -> lark.Lark:
    """The parser made from the grammar's text. `strict` refuses every ambiguity, of terminals too."""
    return lark.Lark(grammar, strict=strict, **OPTIONS)


def cache_folder() -> Path:
    """A folder that belongs to the user alone; never the shared temp folder."""
    if sys.platform == "win32":
        root = os.environ.get("LOCALAPPDATA")
        return Path(root or os.path.expanduser("~")) / "sysidc" / "cache"
    root = os.environ.get("XDG_CACHE_HOME")
    return Path(root or os.path.expanduser("~/.cache")) / "sysidc"


def _key(grammar: str) -> str:
    """All that the table depends on: the grammar, Lark and this Python."""
    parts = (grammar, repr(OPTIONS), lark.__version__, sys.version, str(marshal.version))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:24]


def _read(path: Path) -> dict[str, Any] | None:
    """The stored table, None where it is missing or damaged. The digest in front guards against half a file."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    digest, body = content[:DIGEST_BYTES], content[DIGEST_BYTES:]
    if hashlib.sha256(body).digest() != digest:
        return None
    table: dict[str, Any] = marshal.loads(body)
    return table


def _write(path: Path, fresh: lark.Lark) -> None:
    """Stores the table; a cache that cannot be written is not worth a word."""
    data, memo = fresh.memo_serialize([TerminalDef, Rule])
    body = marshal.dumps({"data": data, "memo": memo})
    scratch = path.with_suffix(f".{os.getpid()}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        scratch.write_bytes(hashlib.sha256(body).digest() + body)
        os.replace(scratch, path)
    except OSError:
        with suppress(OSError):
            scratch.unlink()
