"""Finds the comments of a file and how deep its braces nest, without parsing it."""

from __future__ import annotations

import re

from sysidc.dsl.source import Source, Span
from sysidc.dsl.syntax import Comment

LEXEME = re.compile(r'"[^"\r\n]*"|(?P<comment>#[^\r\n]*)|(?P<open>[\[({])|(?P<close>[\])}])')


def find_comments(source: Source) -> tuple[Comment, ...]:
    """Every comment in order; a # inside a string starts none."""
    found = (match for match in LEXEME.finditer(source.text) if match.lastgroup == "comment")
    return tuple(_comment(source, match.start(), match.end()) for match in found)


def _comment(source: Source, start: int, end: int) -> Comment:
    text = source.text[start:end].rstrip()
    line_start = source.text.rfind("\n", 0, start) + 1
    own_line = not source.text[line_start:start].strip(" \t\r\ufeff")
    return Comment(Span(source, start, start + len(text)), text, own_line)


def deepest_bracket(source: Source, limit: int) -> Span | None:
    """The first bracket that opens more than `limit` levels, None where there is none."""
    depth = 0
    for match in LEXEME.finditer(source.text):
        if match.lastgroup == "open":
            depth += 1
            if depth > limit:
                return Span(source, match.start(), match.end())
        elif match.lastgroup == "close":
            depth = max(depth - 1, 0)
    return None
