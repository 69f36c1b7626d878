"""The pages of the annotations that a stack knows."""

from __future__ import annotations

ANNOTATION_PAGES = {
    "cast": """`@cast(IN -> OUT)` casts the input of what follows to IN and its output to OUT.

    @cast(int64 -> float32)
    Linear(1, 20)

A layer that computes in floating point gets its own dtype in between: here the parameters stay float32.

- Builds: `sysidc.runtime.nn.CastWrapper`.
- Shape: that of what it wraps.""",
    "residual": """`@residual` adds the input to the output of what follows: y = x + branch(x).

    @residual { LayerNorm  Linear(40)  GELU  Linear(20) }

- Builds: `sysidc.runtime.nn.ResidualConnectionWrapper`.
- Shape and dtype: the branch returns what it receives; nothing is stretched.
- Time: an output step depends on its own input step and on what the branch looks at.""",
    "autoregressive_residual": """`@autoregressive_residual(steps = N)` rolls a one-step model g out on its own
predictions: x[k+1] = x[k] + g(x[k-P+1 .. k]), then the window moves on by one, N times.

    @autoregressive_residual { Flatten  Linear(64)  GELU  Linear(3) }

- Builds: `sysidc.runtime.nn.AutoregressiveResidualWrapper`.
- Shape: (batch, P, channels) becomes (batch, N, channels); g returns one step.
- Steps: left out, N follows the horizon of `prediction` mode, or is the header's M in `simulation` mode.
- Place: once, at the top level of the model, with the same signals on both sides of the header.""",
    "freeze": """`@freeze` keeps the parameters of what follows as they are at the start.

    @freeze  Linear(20)

Frozen parameters are counted, stored and exported like others; the optimiser never sees them.""",
    "init": """`@init(NAME, ...)` fills the parameters of what follows that have two or more axes, by an
initialisation of `torch.nn.init` under its name without the underscore.

    @init(xavier_uniform, gain = 2)  Linear(20)

Biases and the scales of normalisations keep torch's own start values.""",
    "name": """`@name("...")` names what follows in the `nn.Sequential` and in checkpoints, as `as NAME` does
behind a layer.

    @name("readout")  Linear(1)

Layers without a name are named by their position. A name that a repeat or a block brings again is counted on:
`readout`, `readout_2`.""",
    "correction": """`@correction(hidden = [8], penalty = 0.1)` adds to the state equation and the output of what it
wraps a network of the standardised states and inputs:

    x[k+1] = f(x[k], u[k]) + n_x(x[k], u[k])
    y[k]   = g(x[k], u[k]) + n_y(x[k], u[k])

    @correction(hidden = [8], penalty = 0.3) { LinearDynamics(3)  Curve(Spline(24))  LinearDynamics(3) }

- `hidden`: widths of the tanh network's hidden layers, `[8]` when left out.
- `penalty`: weight of sum((theta - theta at the start)^2) in the cost, `0.1` when left out.
- Start: zero, so a training stage with the correction begins at the error of the one without it.
- Wraps: layers with state and layers that act on each step alone; not another correction.
- Training: `correction = off` in `train` or a stage leaves it at zero.
- Builds: `sysidc.runtime.nn.Correction`.
- Shape: that of what it wraps.""",
}


def annotation_page(name: str) -> str:
    return f"# @{name}\n\n{ANNOTATION_PAGES[name]}\n"
