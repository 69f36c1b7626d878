"""Text to tokens for a file with mistakes: characters that no token starts with are reported and passed over."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from lark import Token
from lark.exceptions import UnexpectedCharacters
from lark.lexer import LexerThread, PatternStr

from sysidc.dsl import sentences
from sysidc.dsl.diagnostics import Diagnostic
from sysidc.dsl.parse_table import parser
from sysidc.dsl.source import Source, Span

MOST_MISTAKES = 10_000
# Single quotes, and the curly and angled ones that word processors make.
FOREIGN_QUOTES = "\u2018\u2019\u201c\u201d\u201e\u00ab\u00bb"
QUOTED = re.compile(rf"""'[^'\r\n]*'|[{FOREIGN_QUOTES}][^{FOREIGN_QUOTES}"\r\n]*[{FOREIGN_QUOTES}"]""")
REST_OF_LINE = re.compile(r"[^\r\n]*")


@cache
def literals() -> dict[str, str]:
    """Terminal name to the text that it stands for: {"EQUAL": "="}; keywords too."""
    patterns = ((terminal.name, terminal.pattern) for terminal in parser().terminals)
    return {name: pattern.value for name, pattern in patterns if isinstance(pattern, PatternStr)}


@cache
def terminal_of(literal: str) -> str:
    """The terminal that a literal text is: "=" to "EQUAL"."""
    return next(name for name, text in literals().items() if text == literal)


def read_tokens(source: Source) -> tuple[list[Token], list[Diagnostic]]:
    """Every token of the text and one report per run of characters that belong to none."""
    found: list[Diagnostic] = []
    tokens = list(_tokens(source, found))
    return tokens, found


def _tokens(source: Source, found: list[Diagnostic]) -> Iterator[Token]:
    lexer: Any = parser().parser.lexer  # the front end keeps its lexer there
    state: Any = LexerThread.from_text(lexer, source.text).state
    end_of_last = -1
    mistakes = 0
    while mistakes < MOST_MISTAKES:
        try:
            yield lexer.next_token(state)
        except EOFError:
            return
        except UnexpectedCharacters as error:
            mistakes += 1
            start = error.pos_in_stream or 0
            diagnostic, end, token = _mistake(source, start)
            state.line_ctr.feed(source.text[start:end])
            if start != end_of_last:
                found.append(diagnostic)
            end_of_last = end
            if token is not None:
                yield token


def _mistake(source: Source, start: int) -> tuple[Diagnostic, int, Token | None]:
    """What is wrong at `start`, where reading goes on, and the token that was evidently meant."""
    quoted = QUOTED.match(source.text, start)
    if quoted:
        span = Span(source, start, quoted.end())
        return sentences.wrong_quotes(span), span.end, _token("STRING", f'"{span.text[1:-1]}"', span)
    if source.text[start] == '"':
        rest = REST_OF_LINE.match(source.text, start)
        assert rest is not None
        span = Span(source, start, rest.end())
        return sentences.unclosed_string(span), span.end, _token("STRING", span.text + '"', span)
    span = Span(source, start, start + 1)
    power = _token(terminal_of("**"), "**", span) if span.text == "^" else None
    return sentences.bad_character(span), span.end, power


def _token(type: str, text: str, span: Span) -> Token:
    return Token(type, text, start_pos=span.start, end_pos=span.end)
