"""What equations cost: a simulation beside a hand-written torch loop, and second-order training beside Adam.

    python benchmarks/grey_box.py [--steps N] [--repetitions N]

One thread. The simulation is a forced oscillator of two states, by Runge-Kutta; repetitions are taken in turn, and the
medians are told. The training fits the numbers of two tanks to a simulated record with noise; Adam is raced at three
rates and counts from the first moment that its validation error is within 1 % of what Levenberg-Marquardt ended at.
"""

from __future__ import annotations

import argparse
import copy
import math
import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from in_turn import in_turn, seconds_of
from sysidc.compiler.pipeline import compile_source
from sysidc.dsl.source import Source
from sysidc.runtime.nn import Chain, Equations
from sysidc.runtime.solvers.levenberg_marquardt import LevenbergMarquardt
from sysidc.runtime.solvers.simulation_problem import Records, SimulationProblem

OSCILLATOR = (
    "state p = 0, v = 0  learn k = 1  learn d = 0.2  learn c = 0.5  "
    "der(p) = v  der(v) = u - k * p - d * v - c * p ** 3  y = p"
)
TANKS = (
    "state x1 = 5, x2 = 5  learn k1 = {k1} in 0 .. 1  learn k2 = {k2} in 0 .. 1  learn k3 = {k3} in 0 .. 1  "
    "let q = k2 * sqrt(max(x1, 0.001))  "
    "der(x1) = k1 * u - q  der(x2) = q - k3 * sqrt(max(x2, 0.001))  y = x2"
)
TRUE, FIRST = {"k1": 0.05, "k2": 0.06, "k3": 0.055}, {"k1": 0.08, "k2": 0.03, "k3": 0.09}
SAMPLES, TRAINING, NOISE = 1024, 768, 0.05
RATES = (1e-2, 3e-2, 1e-1)
CLOSE = 1.01
PATIENCE = 40.0
"""Seconds that Adam gets at each rate."""

CLOCK = time.perf_counter

Curve = Iterator[tuple[float, float]]
"""Seconds of training and the validation error that they reached."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--repetitions", type=int, default=5)
    given = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    simulation(given.steps, given.repetitions)
    training()


def layer_of(body: str, sampling_time: str) -> Equations:
    text = (
        f"sysid 1\nsignals {{ sampling_time = {sampling_time}  input u  output y }}\ndynamics block {{ {body} }}\n"
        'model m: u[all] -> y[all] { block }\ndata { train = "a.csv" }\ntrain simulation { precision = float64 }\n'
    )
    plan = compile_source(Source("grey_box.sysid", text, Path("grey_box.sysid"))).plan
    assert plan is not None
    return Equations(**plan.model.nodes[0].arguments)


# --- simulation --------------------------------------------------------------------------------------------------


def simulation(steps: int, repetitions: int) -> None:
    layer = layer_of(OSCILLATOR, "50 ms")
    chain = Chain({"block": layer}, (0,))
    u = torch.randn(1, steps, 1, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        variants: dict[str, Callable[[], Tensor]] = {
            "hand-written loop": lambda: by_hand(u, layer),
            "layer, step by step": lambda: layer(u),
            "chain, as in a run": lambda: chain(u),
        }
        outputs = [variant() for variant in variants.values()]
        for output in outputs[1:]:
            torch.testing.assert_close(output, outputs[0])
        taken = in_turn({name: partial(seconds_of, variant, CLOCK) for name, variant in variants.items()}, repetitions)
    hand = statistics.median(taken["hand-written loop"])
    print(f"{steps:,} steps of a system of two states, by Runge-Kutta")
    for name, seconds in taken.items():
        median = statistics.median(seconds)
        print(f"  {name:<20} {median:8.3f} s   {median / hand:6.2f} times the hand-written loop")


def by_hand(u: Tensor, layer: Equations) -> Tensor:
    """As somebody writes it who wants one state vector and the textbook's four stages."""
    values, h = layer.values(), layer.interval
    k, d, c = (torch.tensor(values[name]) for name in ("k", "d", "c"))

    def f(x: Tensor, now: Tensor) -> Tensor:
        p, v = x[..., 0], x[..., 1]
        return torch.stack([v, now - k * p - d * v - c * p**3], dim=-1)

    x, outputs = torch.zeros(1, 2), []
    for now in u[:, :, 0].unbind(1):
        outputs.append(x[..., :1])
        k1 = f(x, now)
        k2 = f(x + h / 2 * k1, now)
        k3 = f(x + h / 2 * k2, now)
        k4 = f(x + h * k3, now)
        x = x + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return torch.stack(outputs, dim=1)


# --- training ----------------------------------------------------------------------------------------------------


def training() -> None:
    u, y = tanks_record()
    first = Chain({"block": layer_of(TANKS.format(**FIRST), "4 s")}, (0,))
    best = list(second_order(copy.deepcopy(first), u, y))
    goal = CLOSE * min(error for _, error in best)
    reached = next(seconds for seconds, error in best if error <= goal)
    print(f"three numbers of two tanks, {TRAINING} training samples, validation error {goal:.4g} (noise {NOISE:g})")
    print(f"  {'LevenbergMarquardt':<20} {reached:8.3f} s")
    for rate in RATES:
        seconds, error = until(first_order(copy.deepcopy(first), u, y, rate), goal)
        told = f"{seconds / reached:6.0f} times as long" if error <= goal else f"ended at {error:.4g}"
        print(f"  {f'Adam, lr = {rate:g}':<20} {seconds:8.3f} s   {told}")


def tanks_record() -> tuple[Tensor, Tensor]:
    """u and y (1, samples, 1): steps of the pump, and the lower level with noise."""
    generator = torch.Generator().manual_seed(1)
    u = (1 + 3 * torch.rand(1, SAMPLES // 16, 1, generator=generator)).repeat_interleave(16, dim=1)
    with torch.no_grad():
        y = layer_of(TANKS.format(**TRUE), "4 s")(u)
    return u, y + NOISE * torch.randn(y.shape, generator=generator)


def second_order(chain: Chain, u: Tensor, y: Tensor) -> Curve:
    records = [Records(u[:, :TRAINING], y[:, :0], y[:, :TRAINING], 0)]
    problem = SimulationProblem(chain, records, float(y.var()))
    optimizer = LevenbergMarquardt(chain.parameters(), damping=1e-2)
    spent = 0.0
    for _ in range(30):
        spent += seconds_of(lambda: optimizer.step(lambda: problem), CLOCK)
        yield spent, validation_error(chain, u, y)


def first_order(chain: Chain, u: Tensor, y: Tensor, rate: float) -> Curve:
    optimizer = torch.optim.Adam(chain.parameters(), lr=rate)

    def step() -> None:
        optimizer.zero_grad()
        (chain(u[:, :TRAINING]) - y[:, :TRAINING]).square().mean().backward()
        optimizer.step()

    spent = 0.0
    while spent < PATIENCE:
        spent += seconds_of(step, CLOCK)
        yield spent, validation_error(chain, u, y)


def validation_error(chain: Chain, u: Tensor, y: Tensor) -> float:
    """Root mean square error behind the training part; the simulation runs through from the declared start."""
    with torch.no_grad():
        return float((chain(u) - y)[:, TRAINING:].square().mean().sqrt())


def until(curve: Curve, goal: float) -> tuple[float, float]:
    """Where a curve first is at the goal, or where it ends."""
    last = (0.0, math.inf)
    for last in curve:
        if last[1] <= goal:
            break
    return last


if __name__ == "__main__":
    main()
