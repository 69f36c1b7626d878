"""The page of `dynamics`: how equations are written, which functions they know, what a use of them may say."""

from __future__ import annotations

from sysidc.compiler.dynamics.formulas import FUNCTIONS
from sysidc.compiler.dynamics.layer import ARGUMENTS
from sysidc.compiler.dynamics.reading import arity
from sysidc.compiler.explain.argument_table import argument_table

EXAMPLE = """\
dynamics tank {
  state x = 5                            # start value, in the units of the data
  learn k1 = 0.03 in 0 .. 1              # learned, kept inside the range
  learn k2 = 0.05
  let   q = k2 * sqrt(max(x, 0.001))
  der(x) = k1 * u - q                    # or next(x) = ...: the value one sample later
  y = min(x, 10)
}
model m: u[all], y[5] -> y[all] { tank(solver = rk4, substeps = 2) }"""


def equations_page() -> str:
    """Markdown."""
    functions = "\n".join(f"| `{name}` | {arity(row)} | {row.about} |" for name, row in FUNCTIONS.items())
    return f"""# dynamics

Equations that are known, with numbers that are learned. A block of them is used like a layer: first in its stack, in
`train simulation`. Equations are in the units of the data and in seconds, whatever `normalize` says.

```
{EXAMPLE}
```

Every state has one equation, all of them `der` or all of them `next`; every channel of every output is assigned once
(`y[0] = ...` where there are several). A formula names states, learned numbers, lets, params of the file (a time
counts in seconds), and inputs (`u[0]` for a channel), with `+ - * / // **` and

| function | arguments | |
| --- | --- | --- |
{functions}

Arguments of a use:

{argument_table(ARGUMENTS)}
"""
