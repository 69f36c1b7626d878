"""The words of a text with what each is there for, found without parsing: a file that is being typed has them, too.

Braces and the word before them tell which section a word stands in; what stands around it there tells its role. On a
file without mistakes of form the roles are those of the syntax tree (tests/lsp/test_words.py compares the two).
"""

from __future__ import annotations

from dataclasses import dataclass

from sysidc.runtime.lsp.words.frames import Frame, Word, kind_behind
from sysidc.runtime.lsp.words.roles import ROLES, TOP_LEVEL
from sysidc.runtime.lsp.words.tokens import Token, tokens

OPENING = {"(": ")", "[": "]", "{": "}"}


@dataclass(frozen=True)
class Scan:
    """All words of a text, and the frame that is open at its end."""

    words: tuple[Word, ...]
    open: Frame


def scan(text: str) -> Scan:
    """The words of a text."""
    return _Scanner(text).run()


def open_at_end(text: str) -> Frame:
    """The frame that a word would stand in that is typed at the end of a text."""
    scanner = _Scanner(text)
    scanner.run()
    scanner.leave_unclosed(Token("word", "", len(text), len(text)), "")
    return scanner.frame


class _Scanner:
    def __init__(self, text: str):
        self.text = text
        self.tokens = tokens(text)
        self.code = [token for token in self.tokens if token.kind != "comment"]
        self.unclosed = _unclosed(self.code)
        self.frame = Frame("file", "")
        self.words: list[Word] = []

    def run(self) -> Scan:
        following = iter([*(token.text for token in self.code[1:]), ""])
        for token in self.tokens:
            if token.kind == "comment":
                self._put(token, "comment")
                continue
            after = next(following)
            if token.kind == "word":
                self._word(token, after)
            elif token.kind == "mark":
                self._mark(token)
            else:
                self._put(token, token.kind)
                self.frame.previous = token.text if token.kind == "number" else '"'
        return Scan(tuple(self.words), self.frame)

    def _put(self, token: Token, role: str) -> Word:
        word = Word(token.text, token.start, token.end, role, self.frame)
        self.words.append(word)
        return word

    def _word(self, token: Token, after: str) -> None:
        self.leave_unclosed(token, after)
        frame = self.frame
        role = ROLES[frame.kind](frame, token.text, after)
        word = self._put(token, role)
        if role == "keyword":
            frame.statement = token.text
        if role in ("setting", "argument", "target", "keyword"):
            frame.key = "" if role == "keyword" else token.text
        if role != "signal":  # a model's braces belong to its name
            frame.last = word
        frame.previous = token.text if role == "keyword" else "word"

    def leave_unclosed(self, token: Token, after: str) -> None:
        """A bracket that is never closed ends at the first line that is indented no more than its own."""
        if not self.frame.doomed:
            return
        indent = self._indent(token.start)
        if self.text[token.start - indent : token.start].strip() or token.start - indent != self._line(token.start):
            return
        begins_section = indent == 0 and token.text in TOP_LEVEL and after not in ("=", "(", "[")
        while self.frame.parent is not None:
            if not begins_section and not self._is_left(self.frame, indent):
                return
            self.frame = self.frame.parent
            self.frame.previous = ")" if self.frame.parent is not None else ""

    def _is_left(self, frame: Frame, indent: int) -> bool:
        return frame.unclosed and frame.opener in ("(", "[") and indent <= frame.indent

    def _line(self, offset: int) -> int:
        return max(self.text.rfind("\n", 0, offset), self.text.rfind("\r", 0, offset)) + 1

    def _indent(self, offset: int) -> int:
        """Blanks before the first word of the line that the character stands in."""
        line = self._line(offset)
        end = line
        while end < offset and self.text[end] in " \t":
            end += 1
        return end - line

    def _mark(self, token: Token) -> None:
        if token.text in OPENING:
            self._open(token)
        elif token.text in OPENING.values():
            self._close(token.text)
        else:
            if token.text in ",":
                self.frame.key = "" if self.frame.kind == "call" else self.frame.key
            self.frame.previous = token.text

    def _open(self, token: Token) -> None:
        opener = token.text
        if opener == "{":
            self._drop_parentheses()
        frame = self.frame
        kind = kind_behind(frame, opener)
        called = frame.last if frame.previous == "word" or opener == "{" else None
        owner = called or (frame.owner if kind == "stack" else None)
        unclosed = token.start in self.unclosed
        self.frame = Frame(kind, opener, owner, frame, opener, unclosed=unclosed, doomed=unclosed or frame.doomed)
        if unclosed:
            self.frame.indent = self._indent(token.start)

    def _close(self, closer: str) -> None:
        if closer == "}":
            self._drop_parentheses()
        if self.frame.parent is None or OPENING.get(self.frame.opener) != closer:
            return
        self.frame = self.frame.parent
        self.frame.previous = closer
        if closer == "}" and self.frame.kind == "file":
            self.frame.statement = ""

    def _drop_parentheses(self) -> None:
        """A brace never stands inside of parentheses: they were left open."""
        while self.frame.opener in ("(", "["):
            assert self.frame.parent is not None
            self.frame = self.frame.parent


def _unclosed(code: list[Token]) -> set[int]:
    """Where brackets stand that nothing closes; parentheses end before a brace."""
    opened: list[Token] = []
    found = set()
    for token in code:
        if token.kind != "mark":
            continue
        if token.text in "{}":
            while opened and opened[-1].text != "{":
                found.add(opened.pop().start)
        if token.text in OPENING:
            opened.append(token)
        elif opened and OPENING[opened[-1].text] == token.text:
            opened.pop()
    return found | {token.start for token in opened}
