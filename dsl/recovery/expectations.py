"""What may stand at a place of a file, in the user's words; the automaton knows it as terminals."""

from __future__ import annotations

from functools import cache

from sysidc.dsl.recovery.automaton import END, Automaton, Stack
from sysidc.dsl.recovery.lexing import literals

# The first rule that may begin at a place names the place. Rules that hold others come before those they hold.
PHRASES = {
    "_item": "a section",
    "_element": "a layer",
    "layer_name": "a layer",
    "equation": "an equation",
    "_signal": "a signal's name",
    "input": "a signal",
    "setting": "a setting",
    "_argument": "an argument",
    "parameter": "an argument's name",
    "window": "a window such as `u[128]`",
    "state": "a state such as `x = 0`",
    "domain": "a list or a range",
    "column": "a column",
    "atom": "a value",
    "word": "a name",
}
OTHERS = {"NUMBER": "a number", "STRING": "a text in double quotes", END: "the end of the file"}
WORD_RULES = frozenset({"word", "target", "layer_name", "_item"})
OPERATORS = frozenset({"`+`", "`-`", "`*`", "`/`", "`//`", "`**`"})
CONTINUATIONS = OPERATORS | {"`..`", "`->`", "`(`", "`[`", "`:`"}


def expectations(automaton: Automaton, stack: Stack) -> tuple[str, ...]:
    """All that fits behind `stack`. What makes a value longer is only told where nothing else fits."""
    fits = {_phrase(terminal, automaton.rules(stack, terminal)) for terminal in automaton.accepts(stack)}
    chosen = fits - CONTINUATIONS or fits - OPERATORS or fits
    return tuple(sorted(chosen, key=_rank))


@cache
def _phrase(terminal: str, rules: frozenset[str]) -> str:
    literal = literals().get(terminal)
    is_word = terminal == "NAME" or (literal is not None and literal.isalpha())
    begins = (is_word and rules & WORD_RULES) or ("atom" in rules and literal not in ("]", ")"))
    if begins or literal == "@":
        phrase = next((text for rule, text in PHRASES.items() if rule in rules), None)
        if phrase is not None:
            return phrase
        return "a layer"
    return f"`{literal}`" if literal is not None else OTHERS[terminal]


def _rank(phrase: str) -> tuple[bool, str]:
    """Things before brackets and commas."""
    return (phrase.startswith("`"), phrase)
