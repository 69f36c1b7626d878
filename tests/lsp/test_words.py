"""Words found without parsing have the roles that the syntax tree gives them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from sysidc.dsl import syntax
from sysidc.dsl.formatter.canonical import format_source
from sysidc.dsl.parser import parse
from sysidc.dsl.source import Source
from sysidc.runtime.lsp.words.scan import open_at_end, scan

ROOT = Path(__file__).resolve().parents[2]
UNNAMED = ("keyword", "domain", "number", "string", "comment")
EQUATIONS = """sysid 1
use "more.sysid"
param k = 3 in 1 .. 10 log
dynamics tank {
  state x1 = 5, x2 = k
  learn k1 = 0.03 in 0 .. k
  learn k2 = 1
  let   q = k1 * sqrt(max(x1, 0.001))
  der(x1) = k1 * u[0] - q
  next(x2) = x2 + q
  y[0] = min(x2, 10)
  y = (x1 + q) ** k
}
block mlp(width, depth = 2 * k) { repeat depth + 1 { Linear(width) as first } @freeze GELU }
model m: u[k], y[all] -> y[1] { tank(correction = [8, k], solver = rk4) @cast(int64 -> float32) mlp(k, depth = 1) }
signals { sampling_time = 20 ms input = 3 input input : bool input w = ["a", b] : float32 "V" output y = c }
train simulation { init = Subspace(block = k) stage { freeze = [mlp, k] } train = off stage = 2 }
data { train = ["a.csv", csv("b.csv", rows = 0 .. k)] model = param in = as }
"""


def specs() -> list[Any]:
    files = [*ROOT.glob("examples/*.sysid"), *ROOT.glob("tests/golden/*/*.sysid")]
    found = [Source(file.name, file.read_text(encoding="utf-8")) for file in sorted(files)]
    sound = [source for source in found if not any(diagnostic.is_error for diagnostic in parse(source)[1])]
    return [pytest.param(source, id=source.name) for source in (*sound, Source("equations", EQUATIONS))]


def of_tree(node: Any) -> Iterator[tuple[int, str]]:
    """(start, role) of every name below a node."""
    if isinstance(node, tuple):
        for entry in node:
            yield from of_tree(entry)
    elif isinstance(node, syntax.Name):
        yield node.span.start, "value"
    elif isinstance(node, syntax.Node):
        yield from of_fields(node)


def of_fields(node: Any) -> Iterator[tuple[int, str]]:
    names = NAMED.get(type(node), {})
    for field in (field.name for field in fields(node)):
        value = getattr(node, field)
        if isinstance(value, syntax.Name):
            yield value.span.start, names.get(field, "value")
        elif field == "columns" and value is not None:
            yield from ((entry.span.start, "column") for entry in value if isinstance(entry, syntax.Name))
        else:
            yield from of_tree(value)


NAMED: dict[type, dict[str, str]] = {
    syntax.Param: {"name": "define param"},
    syntax.Let: {"name": "define let"},
    syntax.Setting: {"key": "setting"},
    syntax.Signal: {"name": "define signal", "dtype": "dtype"},
    syntax.Block: {"name": "define block"},
    syntax.Parameter: {"name": "define argument"},
    syntax.Dynamics: {"name": "define dynamics"},
    syntax.State: {"name": "define state"},
    syntax.Learn: {"name": "define learn"},
    syntax.Equation: {"function": "function", "target": "target"},
    syntax.Model: {"name": "define model"},
    syntax.Window: {"signal": "signal"},
    syntax.Layer: {"name": "layer", "label": "label"},
    syntax.Group: {"label": "label"},
    syntax.Repeat: {"label": "label"},
    syntax.Annotation: {"name": "annotation"},
    syntax.Call: {"name": "callee"},
    syntax.Argument: {"name": "argument"},
    syntax.Section: {"mode": "mode"},
}


@pytest.mark.parametrize("source", specs())
def test_a_word_has_the_role_of_its_place_in_the_tree(source: Source) -> None:
    for text in (source.text, format_source(source)):
        file, _ = parse(Source(source.name, text))
        expected = dict(of_tree(file.items))
        found = {word.start: word.role for word in scan(text).words if word.role not in UNNAMED}
        assert {text[at : at + 12]: role for at, role in expected.items() if found.get(at) != role} == {}
        assert sorted(found) == sorted(expected)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("", "file"),
        ("data { train = csv(", "call"),
        ("data {\n  train = csv(\n  ", "data"),
        ("data {\n  train = csv(\n    ", "call"),
        ("model m: u[4] -> y[4] {\n  Linear(\n  ", "stack"),
        ("train simulation {\n  stage {\n    freeze = [", "list"),
        ("model m: u[", "window"),
        ("block b(", "parameters"),
        ("dynamics d { der(", "call"),
        ("signals { input u = [", "columns"),
        ("data { train = (1 + ", "group"),
        ("@residual {", "stack"),
        ("data { }\ntrain prediction {", "train"),
    ],
)
def test_the_end_of_a_text_stands_in_the_bracket_that_is_open(text: str, kind: str) -> None:
    assert open_at_end(text).kind == kind


def test_a_section_at_the_left_ends_what_was_left_open() -> None:
    text = "signals {\n  input u\n\ndata {\n  train = csv(\n  test = 5 %\n\ntrain simulation {\n  epochs = 3\n}\n"
    roles = {word.text: (word.role, word.frame.kind) for word in scan(text).words}
    assert roles["data"] == ("keyword", "file")
    assert roles["test"] == ("setting", "data")
    assert roles["epochs"] == ("setting", "train")
