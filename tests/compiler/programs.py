"""Short specs for the tests of the compiler: a valid one around the part that a test is about."""

from __future__ import annotations

from pathlib import Path

from sysidc.compiler.pipeline import Compiled, compile_source
from sysidc.dsl.source import Source

SIGNALS = "signals { input u  output y }"
DATA = 'data { train = "a.csv" }'


def spec(
    stack: str = "Linear(1)",
    header: str = "u[4] -> y[4]",
    train: str = "simulation { }",
    *,
    signals: str = SIGNALS,
    data: str = DATA,
    more: str = "",
) -> Source:
    """A spec with one part replaced, each section on a line of its own."""
    text = f"sysid 1\n{signals}\nmodel m: {header} {{ {stack} }}\n{data}\ntrain {train}\n{more}"
    return Source("test.sysid", text, Path("test.sysid"))


def compiled(*args: str, **kwargs: str) -> Compiled:
    return compile_source(spec(*args, **kwargs))


def ids(*args: str, **kwargs: str) -> list[str]:
    """The ids of everything that is found in such a spec."""
    return [diagnostic.id for diagnostic in compiled(*args, **kwargs).diagnostics]
