"""One input and one output: a record in a file and the plan of a simulation of it, which leaves all to the defaults."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sysidc.compiler.pipeline import compile_source
from sysidc.compiler.plan import Plan
from sysidc.dsl.source import Source
from sysidc.runtime.data.record import Array


def plan_of(folder: Path, data: str, settings: str = "", model: str = "StateSpace") -> Plan:
    text = (
        "sysid 1\nsignals { input u : float64  output y : float64 }\n"
        f"data {{ {data} }}\nmodel m: u[all], y[10] -> y[all] {{ {model} }}\ntrain simulation {{ {settings} }}\n"
    )
    path = folder / "test.sysid"
    path.write_text(text, encoding="utf-8")
    compiled = compile_source(Source(str(path), text, path))
    assert compiled.plan is not None, [finding.message for finding in compiled.diagnostics]
    return compiled.plan


def write(path: Path, u: Array, y: Array) -> None:
    np.savetxt(path, np.stack([u, y], axis=1), delimiter=",", header="u,y", comments="", fmt="%.17g")
