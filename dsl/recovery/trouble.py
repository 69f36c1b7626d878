"""Where reading a file stopped, what a repair is, and how far reading would go on after one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from lark import Token

from sysidc.dsl import sentences
from sysidc.dsl.diagnostics import Diagnostic
from sysidc.dsl.recovery.automaton import END, Automaton, Stack
from sysidc.dsl.recovery.expectations import expectations
from sysidc.dsl.recovery.lexing import terminal_of
from sysidc.dsl.source import Source, Span

CLOSING = {"(": ")", "[": "]", "{": "}"}
LOOKAHEAD = 6
FARTHEST_BACK = 40

Open: TypeAlias = "tuple[Token, Open] | None"


@dataclass(frozen=True)
class Repair:
    """Take `back` tokens back, leave out the next `drop`, read `insert` instead, and go on."""

    diagnostic: Diagnostic
    back: int = 0
    drop: int = 0
    insert: tuple[Token, ...] = ()


@dataclass(frozen=True)
class Place:
    """How far reading has come: the stack, and the brackets that are open, the innermost first."""

    stack: Stack
    open: Open = None

    def behind(self, token: Token, stack: Stack) -> Place:
        if token in CLOSING:
            return Place(stack, (token, self.open))
        return Place(stack, self.open[1] if token in CLOSING.values() and self.open else self.open)

    def brackets(self) -> list[Token]:
        """The open brackets, the innermost first."""
        found, rest = [], self.open
        while rest is not None:
            found.append(rest[0])
            rest = rest[1]
        return found


@dataclass(frozen=True)
class Kept:
    """A token that was read, and the place before it."""

    token: Token
    before: Place


@dataclass(frozen=True)
class Trouble:
    """Where reading stopped: behind `kept`, at the first of `pending`, which does not fit at `place`."""

    source: Source
    automaton: Automaton
    kept: list[Kept]
    place: Place
    pending: list[Token]

    @property
    def stack(self) -> Stack:
        return self.place.stack

    @property
    def token(self) -> Token:
        return self.pending[0]

    @property
    def last(self) -> Token | None:
        return self.kept[-1].token if self.kept else None

    @property
    def after(self) -> str:
        return str(self.last) if self.last is not None else ""

    def span(self, token: Token) -> Span:
        assert token.start_pos is not None and token.end_pos is not None
        return Span(self.source, token.start_pos, token.end_pos)

    def gap(self) -> Span:
        """The empty place right behind the last token that fitted."""
        end = self.span(self.last).end if self.last is not None else 0
        return Span(self.source, end, end)

    def on_one_line(self, left: Token, right: Token) -> bool:
        return "\n" not in self.source.text[left.start_pos : right.start_pos]

    def starts_line(self, token: Token) -> bool:
        """Whether nothing but blanks stands before the token on its line."""
        line_start = self.source.text.rfind("\n", 0, token.start_pos) + 1
        return not self.source.text[line_start : token.start_pos].strip()

    def at_margin(self, token: Token) -> bool:
        """Whether the token is the first character of its line."""
        start = token.start_pos or 0
        return start == 0 or self.source.text[start - 1] == "\n"

    def fits(self, terminal: str) -> bool:
        return self.automaton.step(self.stack, terminal) is not None

    def near(self) -> bool:
        """Whether the token stands on the line of the one before it."""
        return self.last is None or self.on_one_line(self.last, self.token)

    def may_end(self) -> bool:
        """Whether nothing is missing behind the last token that fitted: what is open, or the file, could end there."""
        return self.fits(END) or any(self.fits(terminal_of(closing)) for closing in CLOSING.values())

    def reach(self, repair: Repair) -> int:
        """How many tokens from the trouble on can be read after the repair, at most LOOKAHEAD; -1 if not so far."""
        taken = self.kept[len(self.kept) - repair.back :]
        stack = taken[0].before.stack if taken else self.stack
        again = [kept.token for kept in taken]
        inserted = [token.type for token in repair.insert]
        rest = [token.type for token in (again + self.pending[: LOOKAHEAD + repair.drop])[repair.drop :]]
        wanted = inserted + rest[: max(0, len(again) - repair.drop) + LOOKAHEAD]
        read = sum(1 for _ in self.automaton.steps(stack, wanted))
        before_trouble = len(inserted) + max(0, len(again) - repair.drop)
        return read - before_trouble if read >= before_trouble else -1


def complaint(trouble: Trouble) -> Diagnostic:
    """What would have fitted where the token does not."""
    options = expectations(trouble.automaton, trouble.stack)
    missing = trouble.token.type == END or not (trouble.near() or trouble.may_end())
    span = trouble.gap() if missing else trouble.span(trouble.token)
    return sentences.unexpected(span, options, trouble.after)


def new_token(text: str, start: int, end: int | None = None) -> Token:
    return Token(terminal_of(text), text, start_pos=start, end_pos=start if end is None else end)


def placeholder(terminal: str, place: int) -> Token:
    """A word that nobody wrote; the builder leaves out what holds it."""
    return Token(terminal, "", start_pos=place, end_pos=place)
