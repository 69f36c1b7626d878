"""One token of a sound spec is deleted, doubled, swapped or misspelt: few reports, at the right place, no traceback.

The mutated lines are those on which a changed token stands: one, or two where a token is swapped with the first one of
a later line. Nothing else about the layout changes, so that a line whose only token was deleted stays as an empty line.
A report is on a mutated line where its primary place begins there; the first of the file's errors counts, by place.
"""

from __future__ import annotations

import os
import random
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from sysidc.compiler.pipeline import compile_source
from sysidc.dsl.diagnostics import Diagnostic
from sysidc.dsl.source import Source

ROOT = Path(__file__).resolve().parents[2]
SPECS = sorted((ROOT / "examples").glob("*.sysid"))
CASES = int(os.environ.get("SYSIDC_CASES", "400"))
TOKEN = re.compile(r'"[^"\n]*"|[^\W\d]\w*|[0-9][0-9_.eE]*|->|\.\.|\*\*|//|[^\s\w]')
KINDS = ("delete", "double", "swap", "misspell")


@dataclass(frozen=True)
class Mutation:
    text: str
    lines: frozenset[int]
    old: str
    new: str


def mutate(text: str, kind: str, rng: random.Random) -> Mutation:
    """One token changed, comments left alone."""
    tokens = [found for found in TOKEN.finditer(text) if not in_comment(text, found.start())]
    if kind == "misspell":
        tokens = [found for found in tokens if len(found.group()) >= 4 and found.group().isidentifier()]
    index = rng.randrange(len(tokens) - 1)
    token, after = tokens[index], tokens[index + 1]
    old, end = token.group(), token.end()
    if kind == "swap":
        between = text[token.end() : after.start()] or " "
        new, end = after.group() + between + old, after.end()
    elif kind == "double":
        new = f"{old} {old}"
    else:
        new = misspelt(old, rng) if kind == "misspell" else ""
    last = after if kind == "swap" else token
    lines = frozenset({line_of(text, token.start()), line_of(text, last.start())})
    return Mutation(text[: token.start()] + new + text[end:], lines, old, new)


def line_of(text: str, offset: int) -> int:
    return text.count("\n", 0, offset) + 1


def in_comment(text: str, offset: int) -> bool:
    return "#" in text[text.rfind("\n", 0, offset) + 1 : offset]


def misspelt(name: str, rng: random.Random) -> str:
    """Two letters swapped, one dropped or one doubled."""
    place = rng.randrange(1, len(name) - 1)
    kind = rng.randrange(3)
    if kind == 0 and name[place] != name[place + 1]:
        return name[:place] + name[place + 1] + name[place] + name[place + 2 :]
    if kind == 1:
        return name[:place] + name[place + 1 :]
    return name[: place + 1] + name[place:]


def findings(text: str) -> list[Diagnostic]:
    found = compile_source(Source("mutated.sysid", text, ROOT / "examples" / "mutated.sysid")).diagnostics
    return [diagnostic for diagnostic in found if diagnostic.is_error]


@cache
def outcomes(kind: str) -> list[tuple[int, bool]]:
    """For every mutation that is a mistake: how many errors it gives, and whether the first is on a mutated line."""
    found = []
    for case in range(CASES // 4):
        rng = random.Random(f"{kind} {case}")
        mutation = mutate(rng.choice(SPECS).read_text(encoding="utf-8"), kind, rng)
        errors = findings(mutation.text)
        if errors:
            found.append((len(errors), errors[0].span.start_position[0] in mutation.lines))
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_a_planted_mistake_is_told_about_once_and_where_it_is(kind: str) -> None:
    counts, on_line = zip(*outcomes(kind), strict=True)
    assert sum(counts) / len(counts) <= 1.3
    assert sum(on_line) / len(on_line) >= 0.95


def test_planted_mistakes_of_all_kinds_are_told_where_they_are() -> None:
    on_line = [right for kind in KINDS for _, right in outcomes(kind)]
    assert sum(on_line) / len(on_line) >= 0.97


def test_the_meant_name_is_suggested_first() -> None:
    right = []
    for case in range(CASES):
        rng = random.Random(f"name {case}")
        mutation = mutate(rng.choice(SPECS).read_text(encoding="utf-8"), "misspell", rng)
        errors = findings(mutation.text)
        if errors and errors[0].span.text == mutation.new:
            right.append(mutation.old in (errors[0].help or ""))
    assert sum(right) / len(right) >= 0.9
