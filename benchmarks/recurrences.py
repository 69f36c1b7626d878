"""What recurrences cost: loops beside the own gradient, loops beside Newton's method in time, and a second-order step.

    python benchmarks/recurrences.py [NAME ...] [--repetitions N] [--samples N] [--json PATH]

NAME is one or more of iteration, simulation, gradient. One thread; times are the processor's (time.process_time), of
which other programs take no part, and repetitions are taken in turn. Rows of one piece of work are compared with the
first of them.

- gradient: forward and backward of a StateSpace of 4 states and 32 hidden units in float32. The naive loop takes a step
  of the layer at a time, in the hoisted one the terms of the inputs are made before it and matrices are stacked.
- simulation: without gradients, one record in float64, of the chain below.
- iteration: one of Levenberg-Marquardt on SAMPLES samples; a chain of two linear blocks of 3 states around a spline,
  corrected by a network of 8 units, after some iterations without the correction. Memory is the highest resident
  memory, above what it is at the start of the iteration and above what it is when torch is imported (Linux alone).
"""

from __future__ import annotations

import argparse
import functools
import json
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn


def memory(line: str) -> float:
    """VmHWM, the highest since `forget`, or VmRSS, as of now, in MB; no number where there is no /proc."""
    status = Path("/proc/self/status")
    if not status.exists():
        return float("nan")
    told = dict(row.split(":", 1) for row in status.read_text(encoding="utf-8").splitlines())
    return int(told[line].split()[0]) / 1024


AFTER_TORCH = memory("VmRSS")

from in_turn import in_turn, seconds_of  # noqa: E402
from sysidc.compiler.lower import build_stack  # noqa: E402
from sysidc.compiler.pipeline import compile_source  # noqa: E402
from sysidc.dsl.source import Source  # noqa: E402
from sysidc.runtime.data.modules import SpecDataModule  # noqa: E402
from sysidc.runtime.nn import Chain, StateSpace  # noqa: E402
from sysidc.runtime.nn.adjoint import simulated  # noqa: E402
from sysidc.runtime.nn.correction import Correction  # noqa: E402
from sysidc.runtime.nn.state import run  # noqa: E402
from sysidc.runtime.solvers import sensitivities  # noqa: E402
from sysidc.runtime.solvers.columns import Learned  # noqa: E402
from sysidc.runtime.solvers.derivatives import derivatives  # noqa: E402
from sysidc.runtime.solvers.levenberg_marquardt import LevenbergMarquardt  # noqa: E402
from sysidc.runtime.solvers.newton import simulate  # noqa: E402
from sysidc.runtime.solvers.simulation_problem import Records, SimulationProblem  # noqa: E402
from sysidc.runtime.training.preparation import prepare, records_of_part, settle  # noqa: E402
from sysidc.runtime.training.second_order import settled  # noqa: E402
from sysidc.runtime.training.starts import Starts  # noqa: E402

NAMES = ("iteration", "simulation", "gradient")
SHAPES = ((128, 64), (512, 64), (1024, 1), (128, 512))
"""Steps and records."""
SHORT, KNOWN, BEFORE = 6_000, 50, 20
SPEC = """sysid 1
signals {{ sampling_time = 1 s  input u : float64  output y : float64 }}
model wh: u[all], y[{known}] -> y[all] {{
  @correction(hidden = [8], penalty = 0.01) {{
    LinearDynamics(states = 3)  Curve(Spline(knots = 24))  LinearDynamics(states = 3)
  }}
}}
data {{ train = wiener_hammerstein(samples = {samples}, seed = 1)  validation = {short}  normalize = standard }}
train simulation {{ optimizer = LevenbergMarquardt  initial = estimate }}
"""

Row = dict[str, Any]
Variants = dict[str, Callable[[], object]]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", default=NAMES, metavar="NAME")
    parser.add_argument("--repetitions", type=int, default=7)
    parser.add_argument("--samples", type=int, default=50_000)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    rows: list[Row] = []
    if "iteration" in given.names or "simulation" in given.names:
        problem, learned = trained(given.samples)
        if "iteration" in given.names:
            rows += iteration(problem, given.repetitions)
        if "simulation" in given.names:
            rows += [row for steps in (1024, given.samples) for row in simulation(learned, problem.records[0], steps)]
    if "gradient" in given.names:
        rows += [row for steps, batch in SHAPES for row in gradient(steps, batch, given.repetitions)]
    print_table(rows)
    if given.json:
        given.json.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


def trained(samples: int) -> tuple[SimulationProblem, Chain]:
    """The problem of all samples, after some iterations on the first ones without the correction."""
    spec = SPEC.format(samples=samples + SHORT, short=SHORT, known=KNOWN)
    plan = compile_source(Source("recurrences.sysid", spec)).plan
    assert plan is not None, "the spec is sound"
    data = SpecDataModule(plan)
    data.prepare_data()
    data.setup("fit")
    torch.set_default_dtype(torch.float64)
    chain = build_stack(plan)
    torch.set_default_dtype(torch.float32)
    assert isinstance(chain, Chain)
    prepare(chain, data, data.normalizer, Starts(True, 30, 0), 0)
    settle(chain, data, prior=True)
    networks = [layer.network for layer in chain.modules() if isinstance(layer, Correction)]
    for network in networks:
        network.requires_grad_(False)
    (whole,) = records_of_part(data)
    descend(chain, Records(whole.u[:, :SHORT], whole.known, whole.y[:, : SHORT - KNOWN], 0))
    settle(chain, data, prior=True)
    for network in networks:
        network.requires_grad_(True)
    problem = SimulationProblem(chain, [whole], 1.0)
    settled(problem, chain)
    return problem, chain


def descend(chain: Chain, record: Records) -> None:
    problem = settled(SimulationProblem(chain, [record], 1.0), chain)
    optimizer = LevenbergMarquardt(problem.parameters.values())
    for _ in range(BEFORE):
        optimizer.step(lambda: problem)


def iteration(problem: SimulationProblem, repetitions: int) -> list[Row]:
    """Iterations as a training makes them, their memory, and their parts along the states that they ended with."""
    optimizer = LevenbergMarquardt(problem.parameters.values())
    optimizer.step(lambda: problem)
    forget()
    before = memory("VmRSS")
    seconds = [seconds_of(lambda: optimizer.step(lambda: problem)) for _ in range(repetitions)]
    highest = memory("VmHWM")
    count, samples = len(problem.penalty.weight), problem.samples
    work = f"iteration, {count} parameters, {samples} samples"
    whole = row_of(work, "whole", seconds, statistics.median(seconds))
    whole |= {"adds_mb": round(highest - before), "above_torch_mb": round(highest - AFTER_TORCH)}
    return [whole, *compared(f"{work}, parts", parts(problem), repetitions)]


def parts(problem: SimulationProblem) -> Variants:
    (record,) = problem.records
    states, learned = record.states, Learned(problem.chain, problem.parameters)
    assert states is not None
    x, u, columns = states[0, :-1], record.u[0], learned.count + problem.chain.states
    at_once = sensitivities.AT_ONCE
    rows = torch.cat([J.reshape(-1, learned.count) for _, J in problem.slopes(record)])

    def local() -> None:
        for now, driven in zip(x.split(at_once), u.split(at_once), strict=True):
            derivatives(problem.chain, learned, now, driven, 1, columns)

    def trial() -> None:
        near = 1 + 1e-5 * torch.randn_like(states)
        simulate(problem.chain, states[:, 0], record.u, states * near)

    return {
        "local derivatives": without_gradients(local),
        "local derivatives and sensitivities": without_gradients(lambda: problem.slopes(record)),
        "J'J": lambda: rows.T @ rows,
        "simulation of a neighbour": without_gradients(trial),
    }


def simulation(chain: Chain, record: Records, steps: int) -> list[Row]:
    """From rest, and for Newton's method with the states of a neighbour as well."""
    u, first = record.u[:, :steps], chain.rest().detach()[None]
    states, _ = simulate(chain, first, u)
    near = states * (1 + 1e-3 * torch.randn_like(states))
    variants: Variants = {
        "loop": without_gradients(lambda: run(chain, first, u)),
        "Newton from rest": lambda: simulate(chain, first, u),
        "Newton from a neighbour's states": lambda: simulate(chain, first, u, near),
    }
    return compared(f"simulation, {steps} steps", variants, max(1, 5_000 // steps))


def gradient(steps: int, batch: int, repetitions: int) -> list[Row]:
    layer = StateSpace(1, 1, 4, (32,))
    nn.init.normal_(list(layer.parameters())[-1], std=0.02)
    u, y, first = torch.randn(batch, steps, 1), torch.randn(batch, steps, 1), torch.zeros(batch, 4)

    def learn(simulation: Callable[[], Tensor]) -> Callable[[], object]:
        def once() -> None:
            layer.zero_grad()
            (simulation() - y).square().mean().backward()  # type: ignore[no-untyped-call]

        return once

    variants = {
        "naive loop": learn(lambda: run(layer, first, u)[1]),
        "hoisted loop": learn(lambda: hoisted(layer, first, u)),
        "own gradient": learn(lambda: simulated(layer, first, u)),
    }
    return compared(f"gradient, T = {steps}, B = {batch}", variants, repetitions)


def hoisted(layer: StateSpace, x: Tensor, u: Tensor) -> Tensor:
    """The loop with the terms of the inputs made before it and the matrices of the state stacked, left to autograd."""
    assert layer.f is not None
    hidden, _, last = layer.f
    assert isinstance(hidden, nn.Linear) and isinstance(last, nn.Linear)
    n = layer.states
    M = torch.cat([layer.A, hidden.weight[:, :n]]).T
    forced = u @ torch.cat([layer.B, hidden.weight[:, n:]]).T + torch.cat([layer.b_x, hidden.bias])
    states = []
    for now in forced.unbind(1):
        states.append(x)
        z = torch.addmm(now, x, M)
        x = torch.addmm(z[:, :n], z[:, n:].tanh(), last.weight.T)
    return layer.output(torch.stack(states, dim=1), u)


def without_gradients(work: Callable[[], object]) -> Callable[[], object]:
    def once() -> None:
        with torch.no_grad():
            work()

    return once


def forget() -> None:
    """Count the highest memory anew."""
    if Path("/proc/self/clear_refs").exists():
        Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")


def compared(work: str, variants: Variants, repetitions: int) -> list[Row]:
    seconds = in_turn({name: functools.partial(seconds_of, once) for name, once in variants.items()}, repetitions)
    first = statistics.median(next(iter(seconds.values())))
    return [row_of(work, name, values, first) for name, values in seconds.items()]


def row_of(work: str, variant: str, seconds: list[float], first: float) -> Row:
    median = statistics.median(seconds)
    return {
        "work": work,
        "variant": variant,
        "median_ms": round(1e3 * median, 2),
        "lowest_ms": round(1e3 * min(seconds), 2),
        "speed": round(first / median, 2),
    }


def print_table(rows: list[Row]) -> None:
    table = Table("work", "variant", "median ms", "lowest", "times as fast", "adds MB", "above torch MB")
    for row in rows:
        numbers = (f"{row[key]:.1f}" for key in ("median_ms", "lowest_ms"))
        memories = (str(row.get(key, "")) for key in ("adds_mb", "above_torch_mb"))
        table.add_row(row["work"], row["variant"], *numbers, f"{row['speed']:.2f}", *memories)
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
