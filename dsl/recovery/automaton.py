"""The parser's table as a pure machine: which tokens fit where, and what a reader would call them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, TypeAlias

from lark.parsers.lalr_analysis import Shift

from sysidc.dsl.parse_table import parser

END = "$END"

# A stack of states as linked cells: a step shares all but its top, so that remembering one costs nothing.
Stack: TypeAlias = "tuple[int, Stack | None]"


class Automaton:
    """Steps through the table of one start rule without building anything."""

    def __init__(self, start: str):
        conf = parser().parse_interactive("", start=start).parser_state.parse_conf
        self.states: dict[int, dict[str, tuple[Any, Any]]] = conf.states
        self.start: Stack = (conf.start_state, None)
        self.end: int = conf.end_state

    def step(self, stack: Stack, terminal: str) -> Stack | None:
        """The stack behind `terminal`, None where it does not fit."""
        before = self.reduced(stack, terminal)
        if before is None or terminal == END:
            return before
        return (self.states[before[0]][terminal][1], before)

    def steps(self, stack: Stack, terminals: Iterable[str]) -> Iterator[Stack]:
        """The stacks behind one terminal after the other, as far as they fit."""
        for terminal in terminals:
            behind = self.step(stack, terminal)
            if behind is None:
                return
            stack = behind
            yield stack

    def reduced(self, stack: Stack, terminal: str) -> Stack | None:
        """The stack on which `terminal` is about to be shifted, None where it does not fit."""
        while True:
            entry = self.states[stack[0]].get(terminal)
            if entry is None:
                return None
            action, rule = entry
            if action is Shift:
                return stack
            for _ in rule.expansion:
                assert stack[1] is not None
                stack = stack[1]
            stack = (self.states[stack[0]][rule.origin.name][1], stack)
            if terminal == END and stack[0] == self.end:
                return stack

    def accepts(self, stack: Stack) -> tuple[str, ...]:
        """All terminals that fit next."""
        candidates = (name for name in self.states[stack[0]] if name.isupper() or name == END)
        return tuple(name for name in candidates if self.step(stack, name) is not None)

    def rules(self, stack: Stack, terminal: str) -> frozenset[str]:
        """The rules that may begin where `terminal` would be shifted."""
        before = self.reduced(stack, terminal)
        assert before is not None
        return frozenset(name for name in self.states[before[0]] if not name.isupper())


@cache
def automaton(start: str) -> Automaton:
    return Automaton(start)
