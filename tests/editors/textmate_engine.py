"""What a TextMate engine does with a grammar of match and begin/end rules: the earliest match wins, then the first."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

Rule = dict[str, Any]
Scoped = tuple[str, str]


def scoped(grammar: Rule, text: str) -> list[Scoped]:
    """(text, innermost scope) of all pieces of a text, line by line."""
    stack: list[Rule] = [{"patterns": grammar["patterns"]}]
    found = [piece for line in text.split("\n") for piece in _line(grammar, stack, line)]
    assert len(stack) == 1, "a rule is left open at the end of the file"
    return found


def _line(grammar: Rule, stack: list[Rule], line: str) -> Iterator[Scoped]:
    at = 0
    while at <= len(line):
        end = _search(stack[-1].get("end"), line, at)
        best, rule = end, None
        for candidate in _patterns(grammar, stack[-1]["patterns"]):
            match = _search(candidate.get("match") or candidate.get("begin"), line, at)
            if match is not None and (best is None or match.start() < best.start()):
                best, rule = match, candidate
        if best is None:
            break
        yield line[at : best.start()], grammar["scopeName"]
        yield from _captured(best, rule or {"captures": stack[-1].get("endCaptures", {})}, grammar["scopeName"])
        if rule is None:
            stack.pop()
        elif "begin" in rule:
            stack.append(rule)
        elif best.end() == best.start():
            break
        at = best.end()
    yield line[at:], grammar["scopeName"]


def _patterns(grammar: Rule, patterns: list[Rule]) -> Iterator[Rule]:
    for pattern in patterns:
        if "include" not in pattern:
            yield pattern
            continue
        named = grammar["repository"][pattern["include"].removeprefix("#")]
        yield from [named] if "begin" in named else _patterns(grammar, named["patterns"])


def _search(expression: str | None, line: str, at: int) -> re.Match[str] | None:
    return re.compile(expression).search(line, at) if expression else None


def _captured(match: re.Match[str], rule: Rule, outer: str) -> Iterator[Scoped]:
    """The captures of a match; what no capture names has the rule's own scope."""
    captures = rule.get("captures") or rule.get("beginCaptures") or {}
    own, at = rule.get("name", outer), match.start()
    for number in sorted(int(key) for key in captures):
        start, end = match.span(number)
        if start < 0:
            continue
        yield match.string[at:start], own
        yield match.string[start:end], captures[str(number)]["name"]
        at = end
    yield match.string[at : match.end()], own
