"""Programs drawn from the grammar itself: all of them parse, and the formatter keeps what they say."""

from __future__ import annotations

import random

import pytest

from sysidc.dsl.formatter.canonical import comment_texts, format_source, meaning
from sysidc.dsl.parser import parse
from sysidc.dsl.recovery.automaton import END, automaton
from sysidc.dsl.recovery.lexing import literals, terminal_of
from sysidc.dsl.source import Source

WORDS = {
    "NAME": ["x", "yy", "Linear", "a_longer_name", "min", "s", "h"],
    "NUMBER": ["3", "1e-3", "20 %", "4 s", "32_000", "0.5"],
    "STRING": ['"a.csv"', '"b#c"', '"V"'],
}
CLOSERS = [END, "}", ")", "]"]
OPENERS = ["=", "{", "[", "(", ":", "->", ".."]
OPERATORS = ["+", "-", "*", "/", "//", "**", "(", "["]


def program(draw: random.Random) -> list[str]:
    """A walk through the parser's table that ends where the table lets a file end."""
    machine = automaton("file")
    words, length = ["sysid"], draw.choice([20, 60, 150])
    stack = machine.step(machine.start, terminal_of("sysid")) or machine.start
    while True:
        terminal = choice(draw, list(machine.accepts(stack)), closing=len(words) > length)
        if terminal == END:
            return words
        words.append(literals().get(terminal) or draw.choice(WORDS[terminal]))
        behind = machine.step(stack, terminal)
        assert behind is not None
        stack = behind


def choice(draw: random.Random, terminals: list[str], closing: bool) -> str:
    """Operators seldom, for they may follow every value; once the walk is long, what brings it to its end."""
    texts = {terminal: literals().get(terminal, terminal) for terminal in terminals}
    if closing:
        for wanted in (CLOSERS, list(WORDS), OPENERS):
            fitting = [terminal for terminal, text in texts.items() if text in wanted]
            if fitting:
                return draw.choice(fitting)
    plain = [terminal for terminal, text in texts.items() if text not in (*OPERATORS, END)]
    return draw.choice(plain) if plain and draw.random() < 0.8 else draw.choice(terminals)


def blank(draw: random.Random, comments: float) -> str:
    if draw.random() < comments:
        return f" # note {draw.randrange(100)}\n"
    return draw.choice([" ", " ", " ", "  ", "\n", "\n\n\n", "\n  "])


def text_of(seed: int) -> str:
    draw = random.Random(seed)
    comments = draw.choice([0, 0.03, 0.2])
    return "".join(word + blank(draw, comments) for word in program(draw))


@pytest.mark.parametrize("block", range(6), ids=lambda block: f"seeds-from-{100 * block}")
def test_programs_of_the_grammar_parse_and_format_to_what_they_say(block: int) -> None:
    for seed in range(100 * block, 100 * block + 100):
        before, found = parse(Source(f"seed {seed}", text_of(seed)))
        if found:
            assert {diagnostic.id for diagnostic in found} == {"too-deep"}, found
            continue
        once = format_source(before.span.source)
        after, _ = parse(Source(f"seed {seed}, formatted", once))
        assert meaning(after) == meaning(before)
        assert comment_texts(after) == comment_texts(before)
        assert format_source(Source(f"seed {seed}, formatted", once)) == once
