"""Finds by indentation which brace of a file lacks its partner, and where that partner should stand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lark import Token

from sysidc.dsl import sentences
from sysidc.dsl.diagnostics import Diagnostic
from sysidc.dsl.recovery.lexing import terminal_of
from sysidc.dsl.source import Source, Span

MOST_SLIPS = 20
LONGEST_LINE = 100
ROUND_AND_SQUARE = {"(": 1, "[": 1, ")": -1, "]": -1}


@dataclass(frozen=True)
class Slip:
    """A brace to be read before token `index`, or, where `text` is empty, token `index` is to be left out."""

    index: int
    text: str
    diagnostic: Diagnostic


@dataclass(frozen=True)
class Word:
    """A token with the line it stands on, that line's indentation, and whether it comes first there."""

    token: Token
    line: int
    indent: int
    first: bool


def mend_braces(source: Source, tokens: list[Token]) -> tuple[list[Token], list[Diagnostic]]:
    """The tokens with as many `{` as `}`, and what was wrong; as they were where the layout does not tell."""
    surplus = sum((token == "{") - (token == "}") for token in tokens)
    slips = Layout(source, tokens).slips() if surplus else []
    if not slips or len(slips) != abs(surplus) or surplus != sum(_too_open(slip, tokens) for slip in slips):
        return tokens, []
    mended = list(tokens)
    for slip in sorted(slips, key=lambda slip: slip.index, reverse=True):
        if slip.text:
            place = slip.diagnostic.span.start
            mended.insert(slip.index, Token(terminal_of(slip.text), slip.text, start_pos=place, end_pos=place))
        else:
            del mended[slip.index]
    return mended, [slip.diagnostic for slip in slips]


def _too_open(slip: Slip, tokens: list[Token]) -> int:
    """1 where the slip left a `{` too many, -1 where it left a `}` too many."""
    if slip.text:
        return 1 if slip.text == "}" else -1
    return 1 if tokens[slip.index] == "{" else -1


def closing_place(source: Source, last: Span, opened: Span) -> Span:
    """Where the `}` behind `last` should stand: on the empty line below it, else right behind it."""
    line, _ = last.end_position
    below = source.line_starts[line : line + 2]
    in_one_line = opened.start_position[0] == line
    if in_one_line or len(below) < 2 or source.line(line + 1).strip():
        return Span(source, last.end, last.end)
    place = below[0] + min(_indent(source, opened.start), len(source.line(line + 1)))
    return Span(source, place, place)


def _indent(source: Source, offset: int) -> int:
    """How far the line of `offset` is indented."""
    line = source.line(source.position(offset)[0])
    return len(line) - len(line.lstrip())


class Layout:
    """One walk over the tokens. Lines inside a block are indented deeper than the line that opens it."""

    def __init__(self, source: Source, tokens: list[Token]):
        self.source = source
        self.words = list(_words(source, tokens))
        self.open: list[Word] = []
        self.found: list[Slip] = []

    def slips(self) -> list[Slip]:
        """What lacks or is too many; none where the layout tells of too much to be trusted."""
        depth = 0
        for index, word in enumerate(self.words):
            if len(self.found) > MOST_SLIPS:
                return []
            if word.first and self.open and word.indent <= self.open[-1].indent:
                depth = 0
            if depth <= 0:
                self._take(index, word)
            depth = max(0, depth + ROUND_AND_SQUARE.get(word.token, 0))
        self._close(len(self.words), -1)
        return self.found

    def _take(self, index: int, word: Word) -> None:
        if word.first:
            self._close(index, word.indent + (word.token == "}"))
        if word.token == "}":
            self._take_closing(index, word)
        elif word.token == "{":
            self._take_opening(index, word)

    def _take_opening(self, index: int, word: Word) -> None:
        before = self.words[index - 1] if index else None
        if before is not None and before.token == "{" and before.line == word.line:
            self.found.append(Slip(index, "", sentences.doubled(self._span(word))))
        else:
            self.open.append(word)

    def _take_closing(self, index: int, word: Word) -> None:
        fits = self.open and (word.indent == self.open[-1].indent if word.first else not self._goes_on(index, word))
        if fits:
            self.open.pop()
            return
        header = self._header(index, word.indent) if word.first else None
        if header is None:
            self.found.append(Slip(index, "", sentences.unopened(self._span(word))))
        else:
            self.found.append(Slip(header + 1, "{", sentences.missing_brace(self._behind(header), self._span(word))))

    def _goes_on(self, index: int, word: Word) -> bool:
        """Whether the lines below still belong to the block that this brace, in the middle of its line, closes."""
        opened = self.open[-1]
        ahead = range(index, min(index + LONGEST_LINE, len(self.words)))
        below = next((self.words[place] for place in ahead if self.words[place].line > word.line), None)
        if below is None or opened.line == word.line:
            return False
        return below.indent > opened.indent or (below.token == "}" and below.indent == opened.indent)

    def _close(self, index: int, indent: int) -> None:
        """Closes the blocks that a line with this indentation ends without a brace."""
        while self.open and self.open[-1].indent >= max(indent, 0):
            opened = self._span(self.open.pop())
            place = closing_place(self.source, self._span(self.words[index - 1]), opened)
            self.found.append(Slip(index, "}", sentences.unclosed(opened, place, "}")))

    def _header(self, index: int, indent: int) -> int | None:
        """The last token of the line above that begins the block which the `}` at `index` ends."""
        for number in range(index - 1, -1, -1):
            word = self.words[number]
            if word.first and word.indent <= indent:
                last = next(place for place in range(number, index) if self.words[place + 1].line > word.line)
                return last if word.indent == indent and self.words[last + 1].indent > indent else None
        return None

    def _span(self, word: Word) -> Span:
        assert word.token.start_pos is not None and word.token.end_pos is not None
        return Span(self.source, word.token.start_pos, word.token.end_pos)

    def _behind(self, index: int) -> Span:
        end = self._span(self.words[index]).end
        return Span(self.source, end, end)


def _words(source: Source, tokens: list[Token]) -> Iterator[Word]:
    last = 0
    indent = 0
    for token in tokens:
        line, column = source.position(token.start_pos or 0)
        first = line > last
        if first:
            indent = column - 1
        yield Word(token, line, indent, first)
        last = line
