"""One token of a sound spec is deleted, doubled, swapped or misspelt: few reports, at the right place, no traceback."""

from __future__ import annotations

import os
import random
import re
from dataclasses import dataclass
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
    line: int
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
        new, end = f"{after.group()} {old}", after.end()
    elif kind == "double":
        new = f"{old} {old}"
    else:
        new = misspelt(old, rng) if kind == "misspell" else ""
    line = text.count("\n", 0, token.start()) + 1
    return Mutation(text[: token.start()] + new + text[end:], line, old, new)


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


@pytest.mark.parametrize("kind", KINDS)
def test_a_planted_mistake_is_told_about_once_and_where_it_is(kind: str) -> None:
    counts, on_line = [], []
    for case in range(CASES // 4):
        rng = random.Random(f"{kind} {case}")
        mutation = mutate(rng.choice(SPECS).read_text(encoding="utf-8"), kind, rng)
        errors = findings(mutation.text)
        if errors:
            counts.append(len(errors))
            on_line.append(mutation.line in lines_of(errors[0]))
    assert sum(counts) / len(counts) <= 1.3
    assert sum(on_line) / len(on_line) >= ON_LINE[kind]


ON_LINE = {"delete": 0.7, "double": 0.85, "swap": 0.75, "misspell": 0.95}
"""A lost brace or value shows where the text goes on: at the brace that stays open, or behind the line before."""


def lines_of(diagnostic: Diagnostic) -> range:
    return range(diagnostic.span.start_position[0], diagnostic.span.end_position[0] + 1)


def test_the_meant_name_is_suggested_first() -> None:
    right = []
    for case in range(CASES):
        rng = random.Random(f"name {case}")
        mutation = mutate(rng.choice(SPECS).read_text(encoding="utf-8"), "misspell", rng)
        errors = findings(mutation.text)
        if errors and errors[0].span.text == mutation.new:
            right.append(mutation.old in (errors[0].help or ""))
    assert sum(right) / len(right) >= 0.9
