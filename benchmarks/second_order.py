"""The same model, data and start, three optimisers: how far each gets on one core, in error over time, and a picture.

    python benchmarks/second_order.py [NAME ...] [--data FOLDER] [--seconds 60] [--json PATH] [--picture PATH]

A state space of two states with a network of 16 units learns the Silverbox: 32 records of 500 samples of its training
part in FOLDER (`../shared/data` beside the repository where left out), validated on the 4,000 samples behind them,
scored on the multisine test record from step 50 on. Without these files a generated Duffing oscillator takes their
place, and the output says so. Everybody begins with the same linear model in the same layers, on the same seed, in one
thread; only the `optimizer` of the spec differs. "Adam, windows" also differs in what first-order training likes
better: windows of 150 steps in batches of 64, started by an encoder instead of an estimate. The error is the least
validation error so far, as a run keeps those weights; seconds are those of the learning curve, without the linear start
that all share.

NAME is one or more of levenberg_marquardt, lbfgs, adam, adam_windows, subnet; rows that the file of --json already has
are kept, so that a measurement can be made in parts. BENCHMARK_PYTHON names an interpreter that has deepSI, whose
SUBNET then gets all but the last 4,000 training samples and the same time; without it its rows are left out, and told
so.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

import sysidc

ROOT = Path(__file__).resolve().parents[1]
BESIDE = ROOT.parent / "shared" / "data"
RECORDS, LENGTH, VALIDATION = 32, 500, 4_000
WHOLE, WINDOWS = ("u[all], y[50] -> y[all]", "estimate"), ("u[200], y[50] -> y[150]", "encoder")
"""Header, and how the state at its beginning is found."""
RATES = ("1e-3", "3e-3")
Row = dict[str, Any]

SPEC = """sysid 1
signals {{ sampling_rate = 610.35 Hz  input u : float64 "V"  output y : float64 "V" }}
model oscillator: {header} {{ StateSpace(states = 2, hidden = [16], output_hidden = [], initial = {initial}) }}
data {{ {data} }}
train simulation {{
  precision = float64  seed = 0  init = Subspace(block = 20)  stop = none  time_limit = {seconds} s
  optimizer = {optimizer}  {more}
  stage {{ epochs = 1_000_000 }}
}}
test {{ initial_steps = 50  metrics = [rmse] }}
"""

SUBNET = """
import json, signal, sys, time
import numpy, torch, deepSI, nonlinear_benchmarks
folder, seconds, states, past, T = sys.argv[1], float(sys.argv[2]), *map(int, sys.argv[3:])
torch.set_num_threads(1); torch.manual_seed(0); numpy.random.seed(0)
def record(name):
    u, y = numpy.loadtxt(f"{folder}/{name}.csv", delimiter=",", skiprows=1).T
    return nonlinear_benchmarks.Input_output_data(u=u, y=y)
whole, test = record("silverbox_train"), record("silverbox_test_multisine")
train, val = whole[:-4000], whole[-4000:]
model = deepSI.SUBNET(*deepSI.get_nu_ny_and_auto_norm(train), nx=states, nb=past, na=past)
def stop(*_): raise KeyboardInterrupt
signal.signal(signal.SIGALRM, stop); signal.setitimer(signal.ITIMER_REAL, seconds)
deepSI.fit(model, train, val, n_its=10**9, T=T, batch_size=256, val_freq=100)
error = (model.simulate(test).y - test.y)[50:]
print("RMSE", float(numpy.sqrt((error ** 2).mean())), sum(p.numel() for p in model.parameters()))
"""
"""deepSI ends a fit at KeyboardInterrupt and returns the model with the least validation error."""

SUBNETS = {"README": (2, 20, 20), "SUBNET for the Silverbox": (4, 50, 150)}
"""States, past steps that the encoder sees, steps of a training window: those of deepSI's README, and larger ones."""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", default=list(BENCHMARKS), metavar="NAME")
    parser.add_argument("--data", type=Path, default=BESIDE)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--picture", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    if not (given.data / "silverbox_train.csv").is_file():
        print(f"{given.data} has no Silverbox: a generated Duffing oscillator takes its place", file=sys.stderr)
    rows: list[Row] = json.loads(given.json.read_text("utf-8")) if given.json and given.json.is_file() else []
    for name in given.names:
        fresh = BENCHMARKS[name](given.data, given.seconds)
        rows = [row for row in rows if row["name"] not in {new["name"] for new in fresh}] + fresh
        if given.json:
            given.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    print_table(rows)
    if given.picture:
        draw([row for row in rows if row.get("curve")], given.picture)


# --- sysidc ------------------------------------------------------------------------------------------------------


def measured(name: str, optimizer: str, header: tuple[str, str], more: str, folder: Path, seconds: float) -> Row:
    """One training through `sysidc.load(...).train()`: the curve of its run folder and the score of its test record."""
    window, initial = header
    train = {"optimizer": optimizer, "more": more, "seconds": seconds}
    text = SPEC.format(header=window, initial=initial, data=data_of(folder), **train)
    with tempfile.TemporaryDirectory() as place:
        spec = Path(place) / "oscillator.sysid"
        spec.write_text(text, encoding="utf-8")
        run = sysidc.load(spec).train(Path(place) / "runs")
        with open(run.path / "metrics.csv", encoding="utf-8", newline="") as file:
            epochs = list(csv.DictReader(file))
        test = 1e3 * run.metrics[0]["rmse"]
    print(f"{name}: {len(epochs)} epochs, test {test:.4g} mV", file=sys.stderr, flush=True)
    return {"name": name, "curve": least_so_far(epochs), "test_mV": test, "parameters": run.plan.model.parameters}


def data_of(folder: Path) -> str:
    file = folder.resolve() / "silverbox_train.csv"
    last = RECORDS * LENGTH
    if not file.is_file():
        records = [f"duffing(samples = {LENGTH}, seed = {seed})" for seed in range(RECORDS)]
        validation, test = f"duffing(samples = {VALIDATION}, seed = 98)", "duffing(samples = 20_000, seed = 99)"
        return f"train = [{', '.join(records)}]  validation = {validation}  test = {test}"
    records = [f'csv("{file}", rows = {first} .. {first + LENGTH})' for first in range(0, last, LENGTH)]
    validation = f'csv("{file}", rows = {last} .. {last + VALIDATION})'
    test = file.with_name("silverbox_test_multisine.csv")
    return f'train = [{", ".join(records)}]  validation = {validation}  test = "{test}"'


def least_so_far(epochs: list[dict[str, str]]) -> list[tuple[float, float]]:
    """Seconds and the least validation error in mV, where it falls and at the end."""
    curve: list[tuple[float, float]] = []
    for row in epochs:
        at, error = float(row["seconds"]), 1e3 * float(row["val_rmse"])
        if not curve or error < curve[-1][1]:
            curve.append((at, error))
    return [*curve, (float(epochs[-1]["seconds"]), curve[-1][1])] if curve else []


def levenberg_marquardt(folder: Path, seconds: float) -> list[Row]:
    return [measured("LevenbergMarquardt", "LevenbergMarquardt(damping = 1e-2)", WHOLE, "", folder, seconds)]


def lbfgs(folder: Path, seconds: float) -> list[Row]:
    text = "LBFGS(max_iter = 5, line_search_fn = strong_wolfe)"
    return [measured("LBFGS", text, WHOLE, f"batch_size = {RECORDS}", folder, seconds)]


def adam(folder: Path, seconds: float) -> list[Row]:
    more = f"batch_size = {RECORDS}"
    return [measured(f"Adam, lr = {rate}", f"Adam(lr = {rate})", WHOLE, more, folder, seconds) for rate in RATES]


def adam_windows(folder: Path, seconds: float) -> list[Row]:
    return [
        measured(f"Adam, windows, lr = {rate}", f"Adam(lr = {rate})", WINDOWS, "batch_size = 64", folder, seconds)
        for rate in RATES
    ]


# --- deepSI ------------------------------------------------------------------------------------------------------


def subnet(folder: Path, seconds: float) -> list[Row]:
    """Test errors after the same time, in an interpreter that has deepSI."""
    python = os.environ.get("BENCHMARK_PYTHON", sys.executable)
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    rows = []
    for name, settings in SUBNETS.items():
        command = [python, "-c", SUBNET, str(folder), str(seconds), *map(str, settings)]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        lines = [line.split() for line in done.stdout.splitlines() if line.startswith("RMSE")]
        if lines:
            rows.append({"name": name, "test_mV": 1e3 * float(lines[0][1]), "parameters": int(lines[0][2])})
        else:
            print(f"{name}: absent ({(done.stderr.splitlines() or ['no output'])[-1]})", file=sys.stderr)
    return rows


# --- what is shown -----------------------------------------------------------------------------------------------


def print_table(rows: list[Row]) -> None:
    """`times` is the validation error over that which Levenberg-Marquardt had at the same time."""
    best = next((row.get("curve") for row in rows if row["name"] == "LevenbergMarquardt"), None)
    table = Table("optimiser", "parameters", "validation mV", "times", "test mV")
    for row in rows:
        last = row["curve"][-1] if row.get("curve") else None
        times = f"{last[1] / at(best, last[0]):.2f}" if last and best else ""
        validation = f"{last[1]:.3g}" if last else ""
        table.add_row(row["name"], str(row["parameters"]), validation, times, f"{row['test_mV']:.3g}")
    Console().print(table)


def at(curve: list[tuple[float, float]], seconds: float) -> float:
    """What a curve has reached by then."""
    return min(error for moment, error in curve if moment <= max(seconds, curve[0][0]))


INKS = {"LevenbergMarquardt": "#c8553d", "LBFGS": "#3d7ec8", "Adam": "#8a8a8a"}


def draw(rows: list[Row], path: Path) -> None:
    """On no ground of its own and in greys in the middle, so that it reads on light and on dark pages."""
    import matplotlib

    matplotlib.use("svg")
    grey = "#808080"
    colours = {key: grey for key in ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color")}
    matplotlib.rcParams |= {"svg.hashsalt": "sysidc", "svg.fonttype": "none", "font.size": 9, **colours}
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7.2, 3.2), layout="constrained")
    for row in rows:
        ink = next(colour for name, colour in INKS.items() if row["name"].startswith(name))
        seconds, errors = zip(*row["curve"], strict=True)
        style = "--" if "windows" in row["name"] else "-"
        axes.step(seconds, errors, where="post", color=ink, linestyle=style, linewidth=1.6)
        name, end = row["name"], (seconds[-1], errors[-1])
        axes.annotate(name, end, (4, 0), textcoords="offset points", color=ink, va="center")
    axes.set(xlabel="seconds on one core", ylabel="validation error in mV", yscale="log")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, transparent=True, metadata={"Date": None})


BENCHMARKS: dict[str, Callable[[Path, float], list[Row]]] = {
    "levenberg_marquardt": levenberg_marquardt,
    "lbfgs": lbfgs,
    "adam": adam,
    "adam_windows": adam_windows,
    "subnet": subnet,
}


if __name__ == "__main__":
    main()
