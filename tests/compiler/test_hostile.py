"""Texts that nobody writes on purpose: an error within a second, never a traceback, never a memory that runs full."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from sysidc.compiler.pipeline import compile_source
from sysidc.dsl.source import Source
from tests.compiler.programs import compiled, ids, spec

AUTONOMOUS = "signals { output y }"
DOUBLED = "\n".join(f"block b{i} {{ b{i - 1} b{i - 1} }}" for i in range(1, 41))

STACKS = {
    "a repeat without end": ("repeat 1_000_000_000 { Linear(1) }", "", "out-of-range"),
    "a power of a power": ("repeat 2 ** 10 ** 9 { Linear(1) }", "", "number-too-large"),
    "a name of a megabyte": ("A" * 1_000_000, "", "unknown-layer"),
    "a number of a megabyte": (f"Linear({'9' * 1_000_000})", "", "number-too-large"),
    "thousands of annotations": ("@freeze " * 3000 + "Linear(1)", "", "too-deep"),
    "blocks of two blocks of two blocks": ("b40", f"block b0 {{ Tanh }}\n{DOUBLED}", "too-many-layers"),
    "the same in a cast": (
        "@cast(int64 -> float32) b40 Linear(1)",
        f"block b0 {{ Identity }}\n{DOUBLED}",
        "too-many-layers",
    ),
    "a block in itself in a cast": ("@cast(int64 -> float32) b", "block b { b }", "recursive-block"),
    "a layer of a billion": ("Linear(1e9) Linear(1)", "", "too-large"),
    "a delay line of a billion": ("DelayLine(1_000_000_000) Linear(1)", "", "too-large"),
    "a filter over a billion steps": ("Conv1d(1, 2, dilation = 1_000_000_000)", "", "too-large"),
    "a bound beyond float32": ("Clip(-1e300, 1) Linear(1)", "", "out-of-range"),
    "an empty range of weights": ("@init(uniform, a = 1, b = 0) Linear(1)", "", "empty-range"),
    "a chain of definitions": (
        "Linear(1)",
        "\n".join(f"let a{i} = a{i + 1} + 1" for i in range(3000)) + "\nlet a3000 = 1",
        "too-deep",
    ),
    "nan is a name": ("Scale(nan) Linear(1)", "", "unknown-name"),
}


@pytest.mark.parametrize("case", STACKS)
def test_a_hostile_stack_is_refused_in_a_second(case: str) -> None:
    stack, more, id = STACKS[case]
    source, started = spec(stack, more=more), time.process_time()
    found = [diagnostic.id for diagnostic in compile_source(source).diagnostics if diagnostic.is_error]
    assert time.process_time() - started < 3  # a second on a machine that has nothing else to do
    assert found == [id]


SETTINGS = {
    "columns in and out": ("", {"signals": "signals { input u = a  output y = a }"}, "answer-in-window"),
    "a column without a name": ("", {"signals": 'signals { input u = ""  output y }'}, "wrong-kind"),
    "no rate at all": ("", {"signals": "signals { sampling_rate = 1e-320 Hz  input u  output y }"}, "out-of-range"),
    "no files": ("", {"data": "data { train = [] }"}, "wrong-kind"),
    "all of the data": ("", {"data": 'data { train = "a.csv"  test = 100 % }'}, "out-of-range"),
    "all of the data in two parts": (
        "",
        {"data": 'data { train = "a.csv"  test = 60 %  validation = 40 % }'},
        "out-of-range",
    ),
    "half a row": ("", {"data": 'data { train = csv("a.csv", rows = 0.5 .. 3) }'}, "wrong-kind"),
    "no rows": ("", {"data": 'data { train = csv("a.csv", rows = 5 .. 5) }'}, "wrong-kind"),
    "a separator of two": ("", {"data": 'data { train = csv("a.csv", separator = "ab") }'}, "wrong-kind"),
    "a record of a billion": ("", {"data": "data { train = duffing(samples = 1e12) }"}, "out-of-range"),
    "a negative seed": ("simulation { seed = -1 }", {}, "out-of-range"),
    "a limit beyond the calendar": ("simulation { time_limit = 1e300 s }", {}, "out-of-range"),
    "no metrics": ("", {"more": "test { metrics = [] }"}, "wrong-kind"),
}


@pytest.mark.parametrize("case", SETTINGS)
def test_a_value_at_the_edge_is_refused_once(case: str) -> None:
    train, parts, id = SETTINGS[case]
    assert ids(train=train or "simulation { }", **parts) == [id]


@pytest.mark.parametrize(
    ("settings", "id"),
    [
        ("test { horizons = [0] }", "out-of-range"),
        ("test { horizons = [] }", "wrong-kind"),
        ("test { horizons = [1_000_000_000] }", "out-of-range"),
    ],
    ids=["zero", "none", "a-billion"],
)
def test_horizons_at_the_edge(settings: str, id: str) -> None:
    assert ids("Flatten Linear(1)", "y[1] -> y[1]", "prediction { }", signals=AUTONOMOUS, more=settings) == [id]


def test_a_cycle_of_nothing_is_refused() -> None:
    train = "prediction { autoregression = Combined(cycles = []) }"
    assert ids("Flatten Linear(1)", "y[1] -> y[1]", train, signals=AUTONOMOUS) == ["wrong-kind"]


def test_a_misspelt_setting_is_not_missed_as_well() -> None:
    assert ids(data='data { tarin = "a.csv" }') == ["unknown-setting"]


def test_a_word_that_nothing_defines_is_told_once_and_where_it_stands() -> None:
    found = compiled("mlp(widht) mlp(widht)", more="block mlp(n) { Linear(2 * n)  Linear(n // 2)  Linear(1) }")
    assert [diagnostic.id for diagnostic in found.diagnostics] == ["unknown-name"]
    assert found.diagnostics[0].span.start_position[0] == 3


USES = {
    "itself": ("spec.sysid", "circular-use"),
    "itself by a detour": ("folder/../spec.sysid", "circular-use"),
    "itself by a link": ("link.sysid", "circular-use"),
    "a link to itself": ("loop.sysid", "unreadable-use"),
    "a folder": ("folder", "unreadable-use"),
    "nothing": ("", "unreadable-use"),
    "a missing file": ("missing.sysid", "unreadable-use"),
    "a pipe": ("pipe", "unreadable-use"),
    "a long chain": ("chain0.sysid", "too-deep"),
}


@pytest.mark.parametrize("case", USES)
def test_a_use_of_what_cannot_be_used(case: str, tmp_path: Path) -> None:
    path, id = USES[case]
    root = tmp_path / "spec.sysid"
    (tmp_path / "folder").mkdir()
    (tmp_path / "link.sysid").symlink_to(root)
    (tmp_path / "loop.sysid").symlink_to(tmp_path / "loop.sysid")
    os.mkfifo(tmp_path / "pipe")
    for index in range(40):
        (tmp_path / f"chain{index}.sysid").write_text(f'sysid 1\nuse "chain{index + 1}.sysid"\n', encoding="utf-8")
    root.write_text(spec(more=f'use "{path}"').text, encoding="utf-8")
    found = compile_source(Source("spec.sysid", root.read_text(encoding="utf-8"), root))
    assert [diagnostic.id for diagnostic in found.diagnostics] == [id]
