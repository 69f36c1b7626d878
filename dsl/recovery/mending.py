"""Reads a file with mistakes to its end: mends each mistake in the row of tokens, tells it, and parses what results."""

from __future__ import annotations

from lark import Token

from sysidc.dsl.building import Tree
from sysidc.dsl.diagnostics import Diagnostic
from sysidc.dsl.parse_table import parser
from sysidc.dsl.recovery.automaton import END, Automaton, automaton
from sysidc.dsl.recovery.braces import mend_braces
from sysidc.dsl.recovery.lexing import read_tokens
from sysidc.dsl.recovery.repairs import best_repair, skip_line
from sysidc.dsl.recovery.trouble import Kept, Place, Repair, Trouble
from sysidc.dsl.source import Source

MOST_REPAIRS = 100


def recover(source: Source, start: str) -> tuple[Tree | None, tuple[Diagnostic, ...]]:
    """The tree of the mended file, None where it cannot be mended, and at most one report per line."""
    tokens, found = read_tokens(source)
    tokens, slips = mend_braces(source, tokens)
    found += slips
    mended = mend(source, start, tokens, found)
    reports = one_per_line(found)
    if mended is None:
        return None, reports
    interactive = parser().parse_interactive("", start=start)
    for token in mended:
        interactive.feed_token(token)
    tree: Tree = interactive.feed_token(Token(END, ""))
    return tree, reports


def mend(source: Source, start: str, tokens: list[Token], found: list[Diagnostic]) -> list[Token] | None:
    """Tokens that parse; what was wrong is appended to `found`. None where the file cannot be mended."""
    reader = Reader(source, automaton(start), tokens)
    for _ in range(MOST_REPAIRS):
        reader.read()
        if not reader.row:
            return [entry.token for entry in reader.kept[:-1]]
        trouble = reader.trouble()
        repair = best_repair(trouble) or skip_line(trouble)
        found.append(repair.diagnostic)
        if trouble.token.type == END and not repair.insert and not repair.back:
            return None
        reader.apply(repair)
    return None


class Reader:
    """A row of tokens on its way through the automaton. `row` is kept from its end, so that taking one is cheap."""

    def __init__(self, source: Source, machine: Automaton, tokens: list[Token]):
        end = Token(END, "", start_pos=len(source.text), end_pos=len(source.text))
        self.source = source
        self.machine = machine
        self.row = [end, *reversed(tokens)]
        self.kept: list[Kept] = []
        self.place = Place(machine.start)

    def read(self) -> None:
        """Reads as far as the tokens fit."""
        while self.row:
            token = self.row[-1]
            stack = self.machine.step(self.place.stack, token.type)
            if stack is None:
                return
            self.kept.append(Kept(token, self.place))
            self.place = self.place.behind(token, stack)
            self.row.pop()

    def trouble(self) -> Trouble:
        return Trouble(self.source, self.machine, self.kept, self.place, self.row[::-1])

    def apply(self, repair: Repair) -> None:
        for _ in range(repair.back):
            entry = self.kept.pop()
            self.row.append(entry.token)
            self.place = entry.before
        if repair.drop:
            del self.row[-repair.drop :]
        self.row.extend(reversed(repair.insert))


def one_per_line(found: list[Diagnostic]) -> tuple[Diagnostic, ...]:
    """The first report of every line: what follows on it is mostly the same mistake."""
    first: dict[int, Diagnostic] = {}
    for diagnostic in found:
        first.setdefault(diagnostic.span.start_position[0], diagnostic)
    return tuple(first.values())
