"""The formatter keeps the tree and the comments, formats to itself, and lays specs out in one way."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from sysidc.dsl.diagnostics import SpecError
from sysidc.dsl.formatter.canonical import comment_texts, format_source, meaning
from sysidc.dsl.parser import parse
from sysidc.dsl.source import Source

ROOT = Path(__file__).parents[2]
FILES = sorted([*(ROOT / "examples").glob("*.sysid"), *(ROOT.parent / "shared" / "examples").glob("*.sysid")])


def formatted(text: str) -> str:
    return format_source(Source("test.sysid", text))


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.parent.name}-{path.stem}")
def test_formatting_twice_is_formatting_once(path: Path) -> None:
    once = formatted(path.read_text())
    assert formatted(once) == once


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.parent.name}-{path.stem}")
@pytest.mark.parametrize("seed", range(4))
def test_any_layout_of_a_file_keeps_tree_and_comments(path: Path, seed: int) -> None:
    """Blanks, line breaks and comments are thrown between the words; what the file says stays."""
    scattered = scatter(path.read_text(), random.Random(seed))
    before, diagnostics = parse(Source("before", scattered))
    assert not diagnostics
    once = formatted(scattered)
    after, _ = parse(Source("after", once))
    assert meaning(after) == meaning(before)
    assert comment_texts(after) == comment_texts(before)
    assert formatted(once) == once


def scatter(text: str, draw: random.Random) -> str:
    """The same words with other white space between them, and some comments more.

    A number and its unit stay on one line, for they are one word.
    """
    pieces = re.split(r"(#[^\n]*\n|\"[^\"\n]*\"|\d[\w.]*[ ]+(?:us|ms|s|min|h|Hz|kHz|MHz|%)(?!\w)|\s+)", text)
    return "".join(_blank(draw) if piece.isspace() else piece for piece in pieces if piece)


def _blank(draw: random.Random) -> str:
    if draw.random() < 0.05:
        return f" # note {draw.randrange(100)}\n"
    return draw.choice([" ", " ", "   ", "\n", "\n\n\n", "\t"])


LAYOUTS = {
    "blanks and parentheses": (
        "sysid 1\nlet  b=( 1+2 )*3**-1\n",
        "sysid 1\n\nlet b = (1 + 2) * 3 ** -1\n",
    ),
    "aligned settings": (
        'sysid 1\ndata { train = "a.csv"\ntest=30%\n}\n',
        'sysid 1\n\ndata {\n  train = "a.csv"\n  test  = 30 %\n}\n',
    ),
    "sections in order": (
        'sysid 1\ntrain simulation { }\nuse "a.sysid"\n',
        'sysid 1\n\nuse "a.sysid"\n\ntrain simulation { }\n',
    ),
    "comments stay with their statement": (
        "sysid 1\n# why\nlet a = 1 # one\n# end",
        "sysid 1\n# why\n\nlet a = 1  # one\n\n# end\n",
    ),
    "layers of one line": (
        "sysid 1\nblock b { Linear(1),  Tanh }".replace(",", ""),
        "sysid 1\n\nblock b { Linear(1)  Tanh }\n",
    ),
    "a column's name may hold brackets and colons": (
        'sysid 1\nsignals { input u="valve: [%]"\ninput w = ["w [V]"]\noutput y = # [m]\n"level [m]" }\n',
        'sysid 1\n\nsignals {\n  input  u = "valve: [%]"\n  input  w = ["w [V]"]\n'
        '  # [m]\n  output y = "level [m]"\n}\n',
    ),
    "a unit behind one blank": ("sysid 1\nlet a = 20ms\n", "sysid 1\n\nlet a = 20 ms\n"),
}


@pytest.mark.parametrize("case", LAYOUTS)
def test_layout(case: str) -> None:
    before, after = LAYOUTS[case]
    assert formatted(before) == after


def test_a_line_that_does_not_fit_is_broken() -> None:
    text = formatted("sysid 1\nblock b { " + "Linear(1000, bias = off)  " * 5 + "}\n")
    assert max(len(line) for line in text.splitlines()) <= 100
    assert formatted(text) == text


def test_a_file_with_mistakes_is_not_formatted() -> None:
    with pytest.raises(SpecError):
        formatted("sysid 1\nlet a = = 1\n")


def test_a_comment_behind_a_short_section_stays_behind_it() -> None:
    once = formatted(
        "sysid 1\ntrain simulation {\n  stage { epochs = 3 }  # short\n}\nmodel m: u[1] -> y[1] { GELU } # one\n"
    )
    assert "  stage { epochs = 3 }  # short\n" in once
    assert "model m: u[1] -> y[1] { GELU }  # one\n" in once


def test_parentheses_around_a_single_word_are_left_out() -> None:
    assert "param a = 4 s + b\n" in formatted("sysid 1\nparam a = (4 s) + (b)\n")


def test_an_empty_section_is_one_line() -> None:
    assert "data { }  # nothing yet\n" in formatted("sysid 1\ndata\n{\n} # nothing yet\n")
