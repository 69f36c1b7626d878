"""Makes the parser from grammar.lark, and keeps its table in the user's cache folder: reading it back is faster."""

from __future__ import annotations

import hashlib
import marshal
import sys
from functools import cache
from pathlib import Path
from typing import Any

import lark
from lark.grammar import Rule
from lark.lexer import TerminalDef
from lark.parsers.lalr_analysis import Shift

from sysidc.dsl.reader import GRAMMAR, cache_folder, store

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


def plain_table() -> dict[str, Any]:
    """What reader.py needs of the parser, as plain values.

    A rule is (origin, length, name of its tree, whether a single child stands for it, what is kept of its children, how
    many None follow); a child that is kept is (index, whether its own children take its place, how many None precede).
    """
    lexer: Any = parser().parser.lexer  # the front end keeps its lexer and its table there
    machine: Any = parser().parser.parser._parse_table
    keywords = {name: {t.pattern.value: t.name for t in unless.scanner.terminals} for name, unless in _unless(lexer)}
    numbers = {rule: number for number, rule in enumerate(parser().rules)}
    states = {
        state: {
            name: (0 if action is Shift else 1, to if action is Shift else numbers[to])
            for name, (action, to) in row.items()
        }
        for state, row in machine.states.items()
    }
    return {
        "pattern": "|".join(f"(?P<{t.name}>{t.pattern.to_regexp()})" for t in lexer.scanner.terminals),
        "flags": int(lexer.g_regex_flags),
        "keywords": keywords,
        "ignored": tuple(lexer.ignore_types),
        "states": states,
        "starts": dict(machine.start_states),
        "ends": dict(machine.end_states),
        "rules": [_plain_rule(rule) for rule in parser().rules],
    }


def _unless(lexer: Any) -> list[tuple[str, Any]]:
    """The terminals whose text may be that of a keyword."""
    assert lexer.scanner
    return list(lexer.callback.items())


def _plain_rule(rule: Rule) -> tuple[Any, ...]:
    options: Any = rule.options
    gaps = "".join(str(int(empty)) for empty in options.empty_indices or [False] * len(rule.expansion)).split("0")
    nones = [len(gap) for gap in gaps]
    included, before = [], 0
    for index, symbol in enumerate(rule.expansion):
        before += nones[index]
        dropped = symbol.is_term and getattr(symbol, "filter_out", False)
        if options.keep_all_tokens or not dropped:
            included.append((index, not symbol.is_term and symbol.name.startswith("_"), before))
            before = 0
    name = rule.alias or options.template_source or rule.origin.name
    expand = bool(options.expand1 and not rule.alias)
    return str(rule.origin.name), len(rule.expansion), str(name), expand, tuple(included), before + nones[-1]


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
    data, memo = fresh.memo_serialize([TerminalDef, Rule])
    body = marshal.dumps({"data": data, "memo": memo})
    store(path, hashlib.sha256(body).digest() + body)
