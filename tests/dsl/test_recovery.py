"""Mistakes of form: one report per mistake, at its place, and the rest of the file is still read."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sysidc.dsl.diagnostics import Diagnostic, Fix
from sysidc.dsl.parser import parse, parse_expression
from sysidc.dsl.recovery.automaton import END, Stack, automaton
from sysidc.dsl.recovery.expectations import expectations
from sysidc.dsl.recovery.lexing import literals
from sysidc.dsl.source import Source

SOUND = """sysid 1
param width = 32 in [16, 32]
signals {
  sampling_time = 4 s
  input  u : float32 "V"
  output y : float32 "V"
}
dynamics tank {
  state x = 5
  learn k = 0.1 in 0 .. 1
  der(x) = u - k * x
  y = x
}
model m: u[128] -> y[1] {
  Linear(1, width)
  @residual { GELU  Linear(width) }
  Linear(1)
}
data {
  train = "a.csv"
  rows  = [1, 2]
}
train simulation {
  optimizer = AdamW(lr = 1e-3)
  epochs    = 20
}
"""


def reports(text: str) -> list[tuple[int, str]]:
    """The line and the id of every report."""
    _, found = parse(Source("test.sysid", text))
    return [(diagnostic.span.start_position[0], diagnostic.id) for diagnostic in found]


def only(text: str) -> Diagnostic:
    _, (diagnostic,) = parse(Source("test.sysid", text))
    return diagnostic


def fixed(text: str, fix: Fix) -> str:
    for edit in sorted(fix.edits, key=lambda edit: -edit.span.start):
        text = text[: edit.span.start] + edit.text + text[edit.span.end :]
    return text


SINGLE = [
    pytest.param("sysid 1\n", "", 1, "missing-version", id="no-version"),
    pytest.param("width = 32", "width 32", 2, "syntax", id="equals-missing-in-param"),
    pytest.param("[16, 32]", "[16 32]", 2, "syntax", id="comma-missing"),
    pytest.param("[16, 32]", "[16, 32", 2, "unclosed-bracket", id="square-bracket-open"),
    pytest.param("param", "parm", 2, "unknown-section", id="section-misspelled"),
    pytest.param("4 s", "4 sec", 4, "unknown-unit", id="unit-unknown"),
    pytest.param("input  u", "inptu  u", 5, "unknown-keyword", id="keyword-misspelled"),
    pytest.param("sysid 1", "sysd 1", 1, "unknown-section", id="version-misspelled"),
    pytest.param("signals {", "sginals {", 3, "unknown-section", id="signals-misspelled"),
    pytest.param("output y", "outtput y", 6, "unknown-keyword", id="output-misspelled"),
    pytest.param("state x", "stat x", 9, "unknown-keyword", id="state-misspelled"),
    pytest.param("model m", "modle m", 14, "unknown-section", id="model-misspelled"),
    pytest.param("@residual {", "repaet 2 {", 16, "unknown-keyword", id="repeat-misspelled"),
    pytest.param("@residual {", "repaet (2) {", 16, "unknown-keyword", id="repeat-with-parentheses-misspelled"),
    pytest.param("train simulation", "tran simulation", 23, "unknown-section", id="train-misspelled"),
    pytest.param("0 .. 1", "0 ..", 10, "missing-value", id="range-without-end"),
    pytest.param("@residual", "@", 16, "syntax", id="annotation-without-name"),
    pytest.param("AdamW(lr", "(lr", 24, "syntax", id="call-without-name"),
    pytest.param("AdamW(lr", "AdamW((lr", 24, "syntax", id="parenthesis-doubled"),
    pytest.param("= AdamW", "AdamW =", 24, "syntax", id="equals-and-name-swapped"),
    pytest.param("  optimizer =", "  =", 24, "syntax", id="key-missing"),
    pytest.param("model m: u[128] -> y[1] {", "model m: u[128] -> y[1]", 14, "unopened-bracket", id="brace-not-opened"),
    pytest.param("@residual {", "@residual { {", 16, "syntax", id="brace-doubled"),
    pytest.param("Linear(width) }", "Linear(width) } }", 16, "unopened-bracket", id="closing-brace-doubled"),
    pytest.param("Linear(width) }", "Linear(width)", 16, "unclosed-brace", id="group-open"),
    pytest.param('y : float32 "V"', "y float32", 6, "syntax", id="colon-missing-before-dtype"),
    pytest.param("learn k", "lern k", 10, "unknown-keyword", id="learn-misspelled"),
    pytest.param("der(x) = u - k * x", "der(x) =", 11, "missing-value", id="equation-without-value"),
    pytest.param("der(x) = u", "der(x) = 'u'", 11, "wrong-quotes", id="single-quotes"),
    pytest.param("k * x", "k ^ x", 11, "bad-character", id="hat-for-power"),
    pytest.param("  y = x\n}", "  y = x\n", 13, "unclosed-brace", id="brace-open-before-model"),
    pytest.param("m: u", "m u", 14, "syntax", id="colon-missing-in-header"),
    pytest.param("->", "", 14, "syntax", id="arrow-missing"),
    pytest.param("Linear(1, width)", "Linear(1, width", 15, "unclosed-bracket", id="layer-open"),
    pytest.param("Linear(1, width)", "Linear(1, width]", 15, "unclosed-bracket", id="layer-closed-wrongly"),
    pytest.param("Linear(1, width)", "Linear 20", 15, "syntax", id="argument-without-parentheses"),
    pytest.param("Linear(1, width)", "Linear(1, width))", 15, "unopened-bracket", id="a-parenthesis-too-many"),
    pytest.param("@residual", "residual", 16, "bare-group", id="annotation-without-at"),
    pytest.param('"a.csv"', '"a.csv', 20, "unclosed-string", id="text-open"),
    pytest.param('train = "a.csv"', 'train "a.csv"', 20, "syntax", id="equals-missing-in-data"),
    pytest.param('train = "a.csv"', 'train = "a.csv";', 20, "bad-character", id="semicolon"),
    pytest.param('train = "a.csv"', "train =", 20, "missing-value", id="setting-without-value"),
    pytest.param('train = "a.csv"', "// a comment of another language", 20, "foreign-comment", id="slashes"),
    pytest.param("rows  = [1, 2]\n}", "rows  = [1, 2]", 21, "unclosed-brace", id="brace-open-before-train"),
    pytest.param("train simulation", "train", 23, "missing-mode", id="train-without-mode"),
    pytest.param("1e-3)", "1e-3", 24, "unclosed-bracket", id="call-open"),
    pytest.param("epochs    = 20", "epochs    : 20", 25, "syntax", id="colon-for-equals"),
    pytest.param("epochs    = 20", "epochs", 25, "syntax", id="key-alone"),
    pytest.param("epochs    = 20\n}", "epochs    = 20", 25, "unclosed-brace", id="brace-open-at-the-end"),
    pytest.param("epochs    = 20\n}", "epochs    = 20\n}\n}", 27, "unopened-bracket", id="brace-too-many"),
    pytest.param("epochs    = 20\n}", "}\nepochs = 20", 26, "stray-setting", id="setting-outside"),
    pytest.param("epochs    = 20\n}", "}\nnetwork { a = 3 }", 26, "unknown-section", id="section-unknown"),
    pytest.param("epochs    = 20\n}", "}\nsysid 1", 26, "misplaced-version", id="version-twice"),
]


@pytest.mark.parametrize(("old", "new", "line", "id"), SINGLE)
def test_one_mistake_gives_one_report_at_its_place(old: str, new: str, line: int, id: str) -> None:
    assert old in SOUND
    assert reports(SOUND.replace(old, new, 1)) == [(line, id)]


def test_a_sound_file_gives_no_report() -> None:
    assert reports(SOUND) == []


def test_seven_mistakes_give_seven_reports() -> None:
    planted = [
        ("width = 32", "width 32"),
        ("4 s", "4 sec"),
        ("learn k", "lern k"),
        ("Linear(1, width)", "Linear(1, width"),
        ("@residual", "residual"),
        ('train = "a.csv"', 'train = "a.csv'),
        ("epochs    = 20\n}", "epochs    = 20"),
    ]
    text = SOUND
    for old, new in planted:
        text = text.replace(old, new, 1)
    assert [line for line, _ in reports(text)] == [2, 4, 10, 15, 16, 20, 25]


def test_the_sections_around_a_mistake_are_still_read() -> None:
    file, _ = parse(Source("test.sysid", SOUND.replace("Linear(1, width)", "Linear(1, width").replace("4 s", "4 sec")))
    kinds = [type(item).__name__ for item in file.items]
    assert kinds == ["Param", "Signals", "Dynamics", "Model", "Section", "Section"]


def test_a_missing_brace_is_told_on_the_empty_line_where_it_stood() -> None:
    text = SOUND.replace('"a.csv"\n  rows  = [1, 2]\n}', '"a.csv"\n  rows  = [1, 2]\n')
    found = only(text)
    assert found.span.start_position == (22, 1)
    assert [label.span.start_position for label in found.labels] == [(19, 6)]
    assert found.fix is not None
    assert reports(fixed(text, found.fix)) == []


@pytest.mark.parametrize(
    ("meant", "slip"),
    [
        pytest.param("  input", "  iput", id="input"),
        pytest.param("  output", "  outtput", id="output"),
        pytest.param("  state", "  stat", id="state"),
        pytest.param("model", "modle", id="model"),
        pytest.param("train simulation", "tran simulation", id="train"),
        pytest.param("@residual {", "repaet 2 {", id="repeat"),
    ],
)
def test_a_misspelt_keyword_is_told_with_the_meant_one(meant: str, slip: str) -> None:
    word = "repeat" if "repaet" in slip else meant.split()[0]
    assert only(SOUND.replace(meant, slip, 1)).message.endswith(f"did you mean `{word}`?")


def test_what_recovery_put_in_for_a_missing_word_never_reaches_the_tree() -> None:
    file, _ = parse(Source("test.sysid", SOUND.replace("train simulation", "train")))
    assert [type(item).__name__ for item in file.items] == ["Param", "Signals", "Dynamics", "Model", "Section"]


@pytest.mark.parametrize(("old", "new", "line", "id"), SINGLE)
def test_a_safe_fix_leaves_a_sound_file(old: str, new: str, line: int, id: str) -> None:
    text = SOUND.replace(old, new, 1)
    fix = only(text).fix
    if fix is not None and fix.safe:
        assert reports(fixed(text, fix)) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("let a =", "expected a value after `=`", id="value"),
        pytest.param("param", "expected a name after `param`", id="name"),
        pytest.param("data { a = 3 4 }", "expected a setting or `}` after `3`", id="setting"),
        pytest.param("signals { input = 3 : }", "expected a signal or `}` after `3`", id="signal"),
        pytest.param("model m: -> y[1] { }", "expected a window such as `u[128]` after `:`", id="window"),
        pytest.param("block b( { }", "a `(` is never closed", id="bracket"),
        pytest.param("model m: u[1] -> y[1] { @ }", "expected a name after `@`", id="annotation"),
        pytest.param("model m: u[1] -> y[1] { @residual }", "expected a layer or `{` after `residual`", id="layer"),
        pytest.param("use blocks", "expected a text in double quotes after `use`", id="path"),
        pytest.param("param a = 1 in 3", "expected `..` after `3`", id="range"),
    ],
)
def test_sentences_speak_of_what_the_reader_sees(text: str, message: str) -> None:
    assert only(f"sysid 1\n{text}").message == message


def reachable_stacks() -> Iterator[Stack]:
    """One stack for every three states that can lie on top of each other."""
    machine = automaton("file")
    seen: set[tuple[int, ...]] = set()
    pending = [machine.start]
    while pending:
        stack = pending.pop()
        top = tuple(cell[0] for cell in cells(stack, 3))
        if top in seen:
            continue
        seen.add(top)
        yield stack
        behind = (machine.step(stack, terminal) for terminal in machine.accepts(stack) if terminal != END)
        pending.extend(cell for cell in behind if cell is not None)


def cells(stack: Stack | None, count: int) -> Iterator[Stack]:
    while stack is not None and count:
        yield stack
        stack, count = stack[1], count - 1


def test_every_state_of_the_parser_has_words_for_what_it_expects() -> None:
    terminal_names = {name for name in literals() if name.isupper()} | {"NAME", "NUMBER", "STRING", END}
    for stack in reachable_stacks():
        words = expectations(automaton("file"), stack)
        assert words
        for phrase in words:
            assert not terminal_names & set(re.findall(r"[A-Z_$0-9]{2,}", phrase)), phrase


HOSTILE = [
    pytest.param("sysid 1\nparam x = " + "(" * 100_000, id="parentheses"),
    pytest.param("sysid 1\nparam x = " + "[" * 100_000 + "]" * 100_000, id="lists"),
    pytest.param("sysid 1\nmodel m: u[1] -> y[1] " + "{ @a " * 100_000, id="groups"),
    pytest.param("sysid 1\nparam x = " + "-" * 30_000 + "1", id="signs"),
    pytest.param("sysid 1\nparam x = " + "1 + " * 30_000 + "1", id="sums"),
    pytest.param("sysid 1\nparam x = " + "2 ** " * 30_000 + "1", id="powers"),
    pytest.param("sysid 1\nparam x = " + "-" * 30_000, id="signs-of-nothing"),
    pytest.param("sysid 1\n" + "a" * 1_000_000, id="endless-name"),
    pytest.param("sysid 1\nparam x = " + "9" * 1_000_000, id="endless-number"),
    pytest.param("sysid 1\nparam x = 1e999", id="infinite-number"),
    pytest.param('sysid 1\nparam x = "' + "a" * 1_000_000, id="endless-text"),
    pytest.param("\x00;" * 100_000, id="zeros"),
    pytest.param("param x = 3 4\n" * 20_000, id="a-mistake-per-line"),
    pytest.param("}" * 100_000, id="closing-braces"),
    pytest.param("= " * 100_000, id="equals-signs"),
    pytest.param("".join(random.Random(0).choices([chr(code) for code in range(256)], k=200_000)), id="random-bytes"),
]


@pytest.mark.timeout(20)
@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_files_give_short_reports_and_nothing_else(text: str) -> None:
    _, found = parse(Source("test.sysid", text))
    assert found
    assert all(len(diagnostic.message) < 300 for diagnostic in found)


PIECES = st.sampled_from([*sorted(set(literals().values())), "x", "3", "4 s", '"t"', "#c\n", "\n", "'", '"', ";", "%"])


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, max_size=40))
def test_any_row_of_tokens_is_read_to_its_end(pieces: list[str]) -> None:
    text = " ".join(pieces)
    file, found = parse(Source("test.sysid", text))
    assert found or file.version is not None
    lines = [diagnostic.span.start_position[0] for diagnostic in found if diagnostic.id != "missing-version"]
    assert len(lines) == len(set(lines))
    parse_expression(Source("--set", text))


@settings(max_examples=200, deadline=None)
@given(st.integers(0, len(SOUND) - 1), st.integers(1, 4))
def test_a_hole_in_a_sound_file_gives_few_reports(start: int, length: int) -> None:
    assert len(reports(SOUND[:start] + SOUND[start + length :])) <= 5
