"""Binds what was written in parentheses to an argument table: names, kinds, ranges; every mistake with its place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sysidc.compiler import sentences
from sysidc.compiler.catalogue.arguments import Argument
from sysidc.compiler.findings import Findings
from sysidc.compiler.scope import Scope, Unknown, evaluate
from sysidc.compiler.values import CallValue, Interval, Plain, Quantity, Value, Word, describe
from sysidc.dsl import syntax
from sysidc.dsl.diagnostics import Diagnostic
from sysidc.dsl.records import dataclass
from sysidc.dsl.source import Span

MISSING = object()
LARGEST_REAL = 1e30
"""Beyond it float32 ends; no quantity that is measured comes near."""


@dataclass(frozen=True)
class Bound:
    """Arguments by name with the places where they were written; `sound` is False where something was reported."""

    values: Mapping[str, Any]
    spans: Mapping[str, Span]
    sound: bool

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    def written(self, name: str) -> bool:
        return name in self.spans


def bind(
    owner: str,
    span: Span,
    arguments: Sequence[syntax.Argument],
    table: Sequence[Argument],
    scope: Scope,
    findings: Findings,
) -> Bound:
    """Bind `arguments`, written for `owner` at `span`, to `table`.

    A size that the flow decides (`flow` in the table) may be left out: positional values then start behind it.
    """
    by_name = {name: argument for argument in table for name in (argument.name, *argument.aliases)}
    taken: dict[str, syntax.Argument] = {}
    sound = True
    for argument in arguments:
        if argument.name is not None:
            sound = _take_named(owner, argument, by_name, taken, findings) and sound
    sound = _take_positional(owner, span, arguments, table, taken, findings) and sound
    return _judge_all(owner, span, table, taken, scope, findings, sound)


def _take_named(
    owner: str,
    argument: syntax.Argument,
    by_name: Mapping[str, Argument],
    taken: dict[str, syntax.Argument],
    findings: Findings,
) -> bool:
    assert argument.name is not None
    known = by_name.get(argument.name.text)
    if known is None:
        names = tuple(dict.fromkeys(entry.name for entry in by_name.values()))
        findings.add(sentences.unknown_argument(owner, argument.name.text, argument.name.span, names))
        return False
    if known.name in taken:
        findings.add(sentences.argument_twice(owner, known.name, argument.span, taken[known.name].span))
        return False
    taken[known.name] = argument
    return True


def _take_positional(
    owner: str,
    span: Span,
    arguments: Sequence[syntax.Argument],
    table: Sequence[Argument],
    taken: dict[str, syntax.Argument],
    findings: Findings,
) -> bool:
    positional = [argument for argument in arguments if argument.name is None]
    named = set(taken)
    required = [entry for entry in table if entry.required and not entry.flow and entry.name not in named]
    places = [entry for entry in table if not (entry.flow and len(positional) <= len(required))]
    for index, argument in enumerate(positional):
        if index >= len(places):
            findings.add(sentences.too_many_arguments(owner, len(table), argument.span, tuple(e.name for e in table)))
            return False
        name = places[index].name
        if name in taken:
            findings.add(sentences.argument_twice(owner, name, argument.span, taken[name].span))
            return False
        taken[name] = argument
    return True


def _judge_all(
    owner: str,
    span: Span,
    table: Sequence[Argument],
    taken: Mapping[str, syntax.Argument],
    scope: Scope,
    findings: Findings,
    sound: bool,
) -> Bound:
    values: dict[str, Any] = {}
    spans: dict[str, Span] = {}
    for entry in table:
        written = taken.get(entry.name)
        if written is None:
            if entry.required and not entry.flow and sound:
                findings.add(sentences.missing_argument(owner, entry.name, span, entry.about))
                sound = False
            values[entry.name] = None if entry.required else entry.default
            continue
        spans[entry.name] = written.span
        judged = judge(owner, entry, written.value, scope, findings)
        sound = sound and judged is not MISSING
        values[entry.name] = judged
    return Bound(values, spans, sound)


def judge(owner: str, entry: Argument, expression: syntax.Expression, scope: Scope, findings: Findings) -> Any:
    """The value of an expression in the form the entry asks for; MISSING where a mistake was reported."""
    try:
        value = evaluate(expression, scope)
    except Unknown:
        return MISSING
    for kind in entry.kind.split("|"):
        found = _as_kind(kind, entry, value)
        if found is not MISSING:
            return _within(owner, entry, found, value, findings)
    findings.add(_wrong_kind(owner, entry, value, scope))
    return MISSING


def _as_kind(kind: str, entry: Argument, value: Value) -> Any:
    plain = value.plain
    match kind:
        case "int":
            return _integer(plain)
        case "float":
            return _real(plain, entry)
        case "bool":
            return plain if isinstance(plain, bool) else MISSING
        case "none":
            return None if plain is None else MISSING
        case "string":
            fits = isinstance(plain, str) and (not entry.choices or plain in entry.choices)
            return plain if fits else MISSING
        case "word":
            return _choice(plain, entry.choices)
        case "column":
            return plain if isinstance(plain, str) else plain.text if isinstance(plain, Word) else MISSING
        case "time" | "rate" | "share":
            return plain.value if isinstance(plain, Quantity) and plain.dimension == kind else MISSING
        case "call":
            return _call(value)
        case "range":
            return (plain.low, plain.high) if isinstance(plain, Interval) else MISSING
        case "length":
            return None if plain == Word("all") else _integer(plain)
        case "ints" | "floats" | "strings" | "words" | "files" | "columns" | "lengths":
            return _many(kind, entry, value)
        case "file":
            return value if isinstance(plain, str | CallValue) else MISSING
    raise AssertionError(f"the table of {entry.name} names an unknown kind {kind}")


def _many(kind: str, entry: Argument, value: Value) -> Any:
    if not isinstance(value.plain, tuple):
        return MISSING
    found = [_as_kind(kind[:-1], entry, item) for item in value.plain]
    return MISSING if any(item is MISSING for item in found) else tuple(found)


def _real(plain: Plain, entry: Argument) -> Any:
    """A number; where it is one from 0 to 1, a share such as `20 %` says the same."""
    if isinstance(plain, Quantity) and plain.dimension == "share" and (entry.low, entry.high) == (0, 1):
        return plain.value
    return float(plain) if isinstance(plain, int | float) and not isinstance(plain, bool) else MISSING


def _choice(plain: Plain, choices: tuple[str, ...]) -> Any:
    """A word of the choices; `none` is one of them for some."""
    word = "none" if plain is None else plain.text if isinstance(plain, Word) else None
    return word if word in choices else MISSING


def _integer(plain: Plain) -> Any:
    if isinstance(plain, bool) or not isinstance(plain, int | float):
        return MISSING
    return int(plain) if plain == int(plain) else MISSING


def _call(value: Value) -> Any:
    """A call, or a bare word as a call without arguments."""
    return value if isinstance(value.plain, CallValue | Word) else MISSING


def _within(owner: str, entry: Argument, found: Any, value: Value, findings: Findings) -> Any:
    if isinstance(value.plain, tuple) and not _holds(entry, len(value.plain)):
        findings.add(sentences.wrong_entries(owner, entry.name, len(value.plain), value.span, entry.entries))
        return MISSING
    numbers = found if isinstance(found, tuple) and entry.kind != "files" else (found,)
    for item in numbers:
        if isinstance(item, int | float) and not isinstance(item, bool) and not _in_bounds(entry, item):
            findings.add(sentences.out_of_range(owner, entry.name, describe(item), value.span, _allowed(entry, item)))
            return MISSING
    return found


def _holds(entry: Argument, count: int) -> bool:
    least, most = entry.entries
    return least <= count and (most is None or count <= most)


def _in_bounds(entry: Argument, item: float) -> bool:
    if isinstance(item, float) and abs(item) > LARGEST_REAL:
        return False
    low, high = entry.low, entry.high
    above = low is None or (item > low if entry.open_low else item >= low)
    below = high is None or (item < high if entry.open_high else item <= high)
    return above and below


def _allowed(entry: Argument, item: float) -> str:
    return f"at most {LARGEST_REAL:g}" if abs(item) > LARGEST_REAL else bounds(entry)


def bounds(entry: Argument) -> str:
    """The allowed range in words: "at least 1", "above 0 and below 1"."""
    parts = []
    if entry.low is not None:
        parts.append(f"{'above' if entry.open_low else 'at least'} {entry.low:g}")
    if entry.high is not None:
        parts.append(f"{'below' if entry.open_high else 'at most'} {entry.high:g}")
    return " and ".join(parts)


def _wrong_kind(owner: str, entry: Argument, value: Value, scope: Scope) -> Diagnostic:
    plain = value.plain
    if isinstance(plain, Word) and entry.choices:
        return sentences.unknown_choice(owner, entry.name, plain.text, value.span, entry.choices)
    if isinstance(plain, str) and "string" in entry.kind.split("|") and entry.choices:
        return sentences.unknown_choice(owner, entry.name, plain, value.span, entry.choices)
    if isinstance(plain, Word):
        return sentences.unknown_value(plain.text, value.span, scope.names(), wanted(entry))
    return sentences.wrong_kind(owner, entry.name, describe(plain), value.span, wanted(entry))


KIND_WORDS = {
    "int": "a whole number",
    "float": "a number",
    "bool": "on or off",
    "none": "none",
    "string": "a string",
    "column": "a column's name",
    "time": "a time such as `20 ms`",
    "rate": "a rate such as `50 Hz`",
    "share": "a share such as `20 %`",
    "range": "a range such as `0 .. 100`",
    "ints": "a list of whole numbers",
    "floats": "a list of numbers",
    "strings": "a list of strings",
    "columns": "a list of names",
    "length": "a number of samples or `all`",
    "lengths": "a list such as `[6_000, all]`",
    "call": "a name such as `Name(...)`",
    "file": "a file's name",
    "files": "a list of files",
}


def wanted(entry: Argument) -> str:
    """What an argument takes, in words."""
    words = []
    for kind in entry.kind.split("|"):
        if kind in ("word", "words") or (kind == "string" and entry.choices):
            quote = '"' if kind == "string" else "`"
            choices = ", ".join(f"{quote}{choice}{quote}" for choice in entry.choices)
            words.append(f"a list of {choices}" if kind == "words" else choices)
        else:
            words.append(KIND_WORDS[kind])
    return " or ".join(words)
