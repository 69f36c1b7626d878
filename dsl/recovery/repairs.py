"""Chooses how to go on after a mistake: a known one first, else the general repair that lets reading go furthest."""

from __future__ import annotations

from collections.abc import Iterator

from lark import Token

from sysidc.dsl import sentences
from sysidc.dsl.diagnostics import Edit
from sysidc.dsl.recovery.automaton import END
from sysidc.dsl.recovery.mistakes import KNOWN_MISTAKES
from sysidc.dsl.recovery.trouble import CLOSING, FARTHEST_BACK, Repair, Trouble, complaint, new_token, placeholder
from sysidc.dsl.source import Span

INSERTIONS = ("=", ":", ",", "(", "->", "{")


def best_repair(trouble: Trouble) -> Repair | None:
    """The first known mistake that lets reading go on, else the general repair that lets it go furthest."""
    for mistake in KNOWN_MISTAKES:
        repair = mistake(trouble)
        if repair is not None and trouble.reach(repair) > 0:
            return repair
    return max((repair for repair in _general(trouble) if trouble.reach(repair) > 0), key=trouble.reach, default=None)


def skip_line(trouble: Trouble) -> Repair:
    """Gives up this line: goes on with the first later one that fits."""
    for count, token in enumerate(trouble.pending):
        ends = token.type == END
        if ends or (count and (trouble.starts_line(token) or token == "}") and trouble.fits(token.type)):
            return Repair(complaint(trouble), drop=count)
    raise AssertionError("a row of tokens ends with END")


def _general(trouble: Trouble) -> Iterator[Repair]:
    yield from _colon_before_last(trouble)
    yield from _insertions(trouble)
    yield from _abandonments(trouble)
    yield _removal(trouble)
    yield from _placeholders(trouble)


def _insertions(trouble: Trouble) -> Iterator[Repair]:
    gap, token = trouble.gap(), trouble.span(trouble.token)
    near = trouble.near()
    for text in INSERTIONS:
        space = "" if text in (",", ":", "(") else " "
        edit = Edit(gap, space + text)
        found = sentences.expected(f"`{text}`", trouble.after, sentences.short(token) if near else gap, edit)
        yield Repair(found, insert=(new_token(text, gap.end),))


def _colon_before_last(trouble: Trouble) -> Iterator[Repair]:
    """`output y float32`: the last word was read as the next statement."""
    if len(trouble.kept) > 1:
        before, last = (trouble.span(entry.token) for entry in trouble.kept[-2:])
        found = sentences.expected("`:`", before.text, last, Edit(Span(trouble.source, before.end, before.end), " :"))
        yield Repair(found, back=1, insert=(new_token(":", last.start),))


def _removal(trouble: Trouble) -> Repair:
    """Leaves out the token, with all that it brackets."""
    drop = _length_of_brackets(trouble.pending) if trouble.token in CLOSING else 1
    return Repair(complaint(trouble), drop=drop)


def _abandonments(trouble: Trouble) -> Iterator[Repair]:
    """Leaves out the unfinished statement before a line that reads well without it."""
    if not trouble.starts_line(trouble.token) and trouble.token != "}":
        return
    for back in range(1, min(FARTHEST_BACK, len(trouble.kept)) + 1):
        if trouble.starts_line(trouble.kept[-back].token):
            yield Repair(complaint(trouble), back=back, drop=back)


def _placeholders(trouble: Trouble) -> Iterator[Repair]:
    for terminal in ("NAME", "NUMBER", "STRING"):
        yield Repair(complaint(trouble), insert=(placeholder(terminal, trouble.gap().end),))


def _length_of_brackets(tokens: list[Token]) -> int:
    """How many tokens the bracket that comes first holds, both ends included."""
    depth = 0
    for count, token in enumerate(tokens, start=1):
        depth += (token in CLOSING) - (token in CLOSING.values())
        if depth == 0:
            return count
    return len(tokens) - 1
