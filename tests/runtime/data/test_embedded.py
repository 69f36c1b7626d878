"""Integers that an embedding does not know are told before training, with column and row."""

from __future__ import annotations

from pathlib import Path

import pytest

from sysidc.compiler.pipeline import compile_source
from sysidc.compiler.plan import Plan
from sysidc.dsl.source import Source
from sysidc.runtime.data.errors import DataError
from sysidc.runtime.data.prepare import prepare


def plan_of(stack: str, folder: Path) -> Plan:
    text = (
        "sysid 1\nsignals { input u : int64  output y }\n"
        f"model m: u[2] -> y[1] {{ {stack} }}\n"
        'data { train = "a.csv" }\ntrain simulation { }\n'
    )
    (folder / "a.csv").write_text("u,y\n" + "".join(f"{step % 4},{step}\n" for step in range(40)), encoding="utf-8")
    plan = compile_source(Source("test.sysid", text, folder / "test.sysid")).plan
    assert plan is not None
    return plan


def test_a_value_beyond_the_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"'u' .* holds 3 in row 3, an Embedding of 3 knows 0 to 2"):
        prepare(plan_of("DelayLine(2)  Embedding(3, 4)  Flatten  Linear(1)", tmp_path))


@pytest.mark.parametrize(
    "stack", ["Embedding(4, 2)  Flatten  Linear(1)", "Flatten  @cast(int64 -> float32) Linear(1)"], ids=["fits", "none"]
)
def test_values_that_fit_pass(stack: str, tmp_path: Path) -> None:
    assert prepare(plan_of(stack, tmp_path)).train
