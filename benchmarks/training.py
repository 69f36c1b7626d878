"""What a training step costs in each mode, beside a plain PyTorch loop: medians of interleaved repetitions.

    python benchmarks/training.py [NAME ...] [--accelerator cpu|cuda] [--repetitions N] [--json PATH]

NAME is one or more of windows, linear, mlp, unroll, gru, bounded, reference, others. One thread; on the CPU the time of
this process, on a GPU that of the clock. The repetitions of all variants of a row are taken in turn, so that a busy
machine burdens them alike; read the ratios rather than the times.
SYSIDC_REFERENCE names the folder of the reference toolbox (pydentification), BENCHMARK_PYTHON an interpreter that has
deepSI and nnodely; rows without them are left out, and told so.
"""

from __future__ import annotations

import argparse
import functools
import importlib
import json
import logging
import os
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn
from torch.nn.functional import mse_loss
from torch.utils.data import DataLoader, Dataset, TensorDataset

from sysidc.compiler.windows import place
from sysidc.runtime.bounded.kernels import epanechnikov
from sysidc.runtime.data.loaders import training_loader
from sysidc.runtime.data.tape import Tape, TensorRecord
from sysidc.runtime.data.windows import WindowDataset
from sysidc.runtime.nn import GRU, Flatten
from sysidc.runtime.training import (
    BoundedSimulationTrainingModule,
    LightningPredictionTrainingModule,
    LightningSimulationTrainingModule,
)

BATCH, AT_ONCE, STEPS = 32, 32, 512
Row = dict[str, Any]
Variant = Callable[[], float]
"""Does its work once and returns the microseconds of one step."""

BESIDE = {
    "deepSI": """
import time, numpy, nonlinear_benchmarks, deepSI
random = numpy.random.default_rng(0); u = random.normal(size=10_000)
y = numpy.convolve(u, 0.9 ** numpy.arange(20))[:10_000]
data = nonlinear_benchmarks.Input_output_data(u=u, y=y)
train, val = data[:9000], data[9000:]
nu, ny, norm = deepSI.get_nu_ny_and_auto_norm(train)
model = deepSI.SUBNET(nu, ny, norm, nx=2, nb=20, na=20)
start = time.perf_counter()
deepSI.fit(model, train, val, n_its=20, T=20, batch_size=256, val_freq=20)
print("SECONDS", (time.perf_counter() - start) / 20)
""",
    "nnodely": """
import time
from nnodely import Input, Output, nnodely, Parameter
x = Input("x")
l = x.last()
f = Output("fib", (Parameter('A') * l.sw([-2, -1]) + Parameter('B') * l).closedLoop(x))
model = nnodely()
model.addModel("Fibonacci", f)
model.addMinimize("target", l.sw([-2, -1]) + l, f)
model.neuralizeModel(1)
model.loadData("data", {"x": list(range(100))})
start = time.perf_counter()
model.trainModel(prediction_samples=2, lr=0.5, num_of_epochs=100)
print("SECONDS", (time.perf_counter() - start) / 100)
""",
}
"""Their README's examples: deepSI's SUBNET (a generated record instead of a download), nnodely's Fibonacci."""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", default=list(BENCHMARKS), metavar="NAME")
    parser.add_argument("--accelerator", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    if given.accelerator == "cuda" and not torch.cuda.is_available():
        sys.exit("torch finds no GPU here")
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    rows: list[Row] = []
    for name in given.names:
        rows += BENCHMARKS[name](given.accelerator, given.repetitions)
    print_table(rows)
    if given.json:
        given.json.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


def compared(work: str, repetitions: int, variants: dict[str, Variant]) -> list[Row]:
    """A row per variant; `ratio` is how many times the first one's time it takes the others, median by median."""
    for variant in variants.values():
        variant()
    times: dict[str, list[float]] = {name: [] for name in variants}
    for _ in range(repetitions):
        for name, variant in variants.items():
            times[name].append(variant())
    medians = {name: statistics.median(values) for name, values in times.items()}
    ours = next(iter(medians.values()))
    return [
        {
            "work": work,
            "variant": name,
            "median_us": round(median, 2),
            "lowest_us": round(min(times[name]), 2),
            "highest_us": round(max(times[name]), 2),
            "ratio": round(median / ours, 3),
        }
        for name, median in medians.items()
    ]


def print_table(rows: list[Row]) -> None:
    table = Table("work", "variant", "median us", "lowest", "highest", "times ours")
    for row in rows:
        if "median_us" in row:
            numbers = (f"{row[key]:.1f}" for key in ("median_us", "lowest_us", "highest_us"))
            table.add_row(row["work"], row["variant"], *numbers, f"{row['ratio']:.2f}")
        else:
            table.add_row(row["work"], row["variant"], "", "", "", row["note"])
    Console().print(table)


def seconds(device: str) -> float:
    """A clock: on the CPU the time that this process had, so that other processes do not count."""
    if device == "cpu":
        return time.process_time()
    torch.cuda.synchronize()
    return time.perf_counter()


def microseconds(work: Callable[[], object], device: str = "cpu", steps: int = 1) -> float:
    started = seconds(device)
    work()
    return (seconds(device) - started) / steps * 1e6


# --- windows -----------------------------------------------------------------------------------------------------


def windows(device: str, repetitions: int) -> list[Row]:
    u, y = torch.randn(188_000, 1), torch.randn(188_000, 1)
    record = TensorRecord("record", {"u": u, "y": y})
    layout = place((("u", "input", 1, 128),), (("y", "output", 1, 1),), "simulation")

    def views() -> None:
        WindowDataset(Tape(record.values, (record,)), layout)

    def copies() -> None:
        u.unfold(0, 128, 1).transpose(1, 2).contiguous()

    rows = compared(
        "windows of 188k samples, 128 in / 1 out",
        repetitions,
        {"ours": lambda: microseconds(views), "copied windows": lambda: microseconds(copies)},
    )
    rows[0]["bytes"], rows[1]["bytes"] = 0, u.unfold(0, 128, 1).numel() * u.itemsize
    return rows


# --- a step through Trainer.fit ----------------------------------------------------------------------------------


class Pairs(Dataset[Any]):
    """Rows of several tensors, a whole batch at once."""

    def __init__(self, *tensors: Tensor) -> None:
        self.tensors = tensors

    def __len__(self) -> int:
        return len(self.tensors[0])

    def __getitems__(self, indices: Sequence[int]) -> tuple[Tensor, ...]:
        places = torch.as_tensor(indices)
        return tuple(tensor[places] for tensor in self.tensors)


class Watch(pl.Callback):
    """The time from the first batch to the last: what Lightning does before a fit is no step."""

    def __init__(self, device: str) -> None:
        self.device = device

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.started = seconds(self.device)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.seconds = seconds(self.device) - self.started


class LoggedStep(pl.LightningModule):
    """The step of the reference toolbox: one per batch, its loss logged at once."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        loss = mse_loss(self.network(batch[0]), batch[1])
        self.log("train_loss", loss)
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.network.parameters(), lr=1e-3)


def fitted(module: pl.LightningModule, loader: DataLoader[Any], device: str, steps: int = STEPS) -> float:
    watch = Watch(device)
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    trainer = pl.Trainer(
        max_epochs=1,
        accelerator=device,
        devices=1,
        callbacks=[watch],
        enable_model_summary=False,
        barebones=False,
        **quiet,
    )
    trainer.fit(module, loader)
    return watch.seconds / steps * 1e6


def several(dataset: Dataset[Any], count: int) -> DataLoader[Any]:
    return training_loader(dataset, count, BATCH, seed=0, batches_at_once=AT_ONCE)


def training_step(work: str, layers: Callable[[], list[nn.Module]], device: str, repetitions: int) -> list[Row]:
    record = torch.randn(STEPS * BATCH + 127, 1)
    x, y = record.unfold(0, 128, 1).transpose(1, 2), torch.randn(STEPS * BATCH, 1, 1)
    ours, plain = Pairs(x, y), TensorDataset(x, y)
    fused = functools.partial(torch.optim.Adam, lr=1e-3, fused=True)
    unfused = functools.partial(torch.optim.Adam, lr=1e-3)

    def several_at_once() -> float:
        module = LightningSimulationTrainingModule(nn.Sequential(Flatten(), *layers()), fused, batch_size=BATCH)
        return fitted(module, several(ours, len(ours)), device)

    def one_by_one() -> float:
        module = LightningSimulationTrainingModule(nn.Sequential(Flatten(), *layers()), unfused)
        return fitted(module, DataLoader(plain, BATCH, shuffle=True), device)

    def logged() -> float:
        return fitted(LoggedStep(nn.Sequential(Flatten(), *layers())), DataLoader(plain, BATCH, shuffle=True), device)

    def loop(optimizer: Callable[..., torch.optim.Optimizer]) -> float:
        network = nn.Sequential(Flatten(), *layers()).to(device)
        stepper, moved = optimizer(network.parameters()), (x.to(device), y.to(device))

        def epoch() -> None:
            for places in torch.randperm(len(y)).to(device).split(BATCH):
                loss = mse_loss(network(moved[0][places]), moved[1][places])
                stepper.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                stepper.step()

        return microseconds(epoch, device, STEPS)

    return compared(
        work,
        repetitions,
        {
            "ours, several steps at once": several_at_once,
            "Lightning, one by one, each loss logged": logged,
            "Lightning, one by one": one_by_one,
            "plain loop": lambda: loop(unfused),
            "plain loop, fused optimiser": lambda: loop(fused),
        },
    )


def linear(device: str, repetitions: int) -> list[Row]:
    return training_step("step of Linear(128, 1)", lambda: [nn.Linear(128, 1)], device, repetitions)


def perceptron(device: str, repetitions: int) -> list[Row]:
    return training_step("step of an MLP 128-64-1", mlp, device, repetitions)


def mlp() -> list[nn.Module]:
    return [nn.Linear(128, 64), nn.Tanh(), nn.Linear(64, 1)]


# --- roll-outs ---------------------------------------------------------------------------------------------------


def naive(network: nn.Module, x: Tensor, horizon: int) -> Tensor:
    predictions = []
    for _ in range(horizon):
        predictions.append(network(x)[:, -1:])
        x = torch.cat([x[:, 1:], predictions[-1]], dim=1)
    return torch.cat(predictions, dim=1)


def stepped(network: nn.Module, roll_out: Callable[[], Tensor], y: Tensor, device: str) -> Variant:
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-6)

    def step() -> None:
        optimizer.zero_grad()
        mse_loss(roll_out(), y).backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    return lambda: microseconds(step, device)


def unrolled(device: str, repetitions: int) -> list[Row]:
    rows = []
    for horizon in (64, 256):
        network = nn.Sequential(Flatten(), *mlp()).to(device)
        module = LightningPredictionTrainingModule(network)
        x, y = torch.randn(BATCH, 128, 1, device=device), torch.randn(BATCH, horizon, 1, device=device)
        ours = stepped(network, functools.partial(module.roll_out, x, horizon), y, device)
        loop = stepped(network, functools.partial(naive, network, x, horizon), y, device)
        variants = {"ours": ours, "concatenating loop": loop}
        rows += compared(f"roll-out of an MLP 128-64-1, horizon {horizon}", repetitions, variants)
    return rows


def recurrent(device: str, repetitions: int) -> list[Row]:
    network = nn.Sequential(GRU(1, 32), nn.Linear(32, 1)).to(device)
    x, y = torch.randn(BATCH, 64, 1, device=device), torch.randn(BATCH, 256, 1, device=device)
    variants = {
        f"ours, state = {state}": stepped(
            network,
            functools.partial(LightningPredictionTrainingModule(network, state=state).roll_out, x, 256),
            y,
            device,
        )
        for state in ("carried", "window")
    }
    return compared("roll-out of GRU(32), window 64, horizon 256", repetitions, variants)


# --- bounded -----------------------------------------------------------------------------------------------------


def bounded(device: str, repetitions: int) -> list[Row]:
    return [row for dim in (8, 64) for row in bounded_step(dim, device, repetitions)]


def bounded_step(dim: int, device: str, repetitions: int) -> list[Row]:
    x = torch.randn(50_000, dim, 1)
    y = torch.tanh(x.sum(1, keepdim=True)) + 0.05 * torch.randn(50_000, 1, 1)
    data, optimizer = Pairs(x, y), functools.partial(torch.optim.Adam, lr=1e-3, fused=True)
    steps = -(-len(data) // BATCH)

    def network() -> nn.Module:
        return nn.Sequential(Flatten(), nn.Linear(dim, 64), nn.Tanh(), nn.Linear(64, 1))

    held = BoundedSimulationTrainingModule(
        network(),
        optimizer,
        kernel=epanechnikov,
        bandwidth=1.0,
        lipschitz=1.0,
        delta=0.1,
        noise=0.05,
        neighbours=16,
        bound_during_training=True,
        batch_size=BATCH,
    )
    precompute = microseconds(lambda: held.prepare(x, y))

    def bare() -> float:
        module = LightningSimulationTrainingModule(network(), optimizer, batch_size=BATCH)
        return fitted(module, several(data, len(data)), device, steps)

    variants = {
        "ours, in the band": lambda: fitted(held, several(data, len(data)), device, steps),
        "bare network": bare,
    }
    work = f"bounded step, 50k samples, dim {dim}"
    once = {"work": work, "variant": "band, computed once", "note": f"{precompute / 1e6:.1f} s"}
    return [*compared(work, repetitions, variants), once]


# --- others ------------------------------------------------------------------------------------------------------


def reference(device: str, repetitions: int) -> list[Row]:
    """The reference toolbox's simulation module through Trainer.fit, where SYSIDC_REFERENCE says it is."""
    folder = os.environ.get("SYSIDC_REFERENCE")
    if folder is None:
        return [{"work": "reference toolbox", "variant": "absent", "note": "set SYSIDC_REFERENCE"}]
    sys.path.insert(0, folder)
    theirs = importlib.import_module("pydentification.training.lightning.simulation")
    record = torch.randn(STEPS * BATCH + 127, 1)
    x, y = record.unfold(0, 128, 1).transpose(1, 2).contiguous(), torch.randn(STEPS * BATCH, 1, 1)

    def through_the_toolbox() -> float:
        network = nn.Sequential(Flatten(), *mlp())
        module = theirs.LightningSimulationTrainingModule(network, torch.optim.Adam(network.parameters(), lr=1e-3))
        return fitted(module, DataLoader(TensorDataset(x, y), BATCH, shuffle=True), device)

    def ours() -> float:
        optimizer = functools.partial(torch.optim.Adam, lr=1e-3, fused=True)
        module = LightningSimulationTrainingModule(nn.Sequential(Flatten(), *mlp()), optimizer, batch_size=BATCH)
        return fitted(module, several(Pairs(x, y), len(x)), device)

    return compared("step of an MLP 128-64-1", repetitions, {"ours": ours, "reference": through_the_toolbox})


def others(device: str, repetitions: int) -> list[Row]:
    """Time per optimiser step (deepSI) and per epoch (nnodely) of their own examples, in an interpreter that has them.

    They train other models on other data than ours: a time, no ratio.
    """
    python = os.environ.get("BENCHMARK_PYTHON", sys.executable)
    rows = []
    for name, example in BESIDE.items():
        seconds = [found for _ in range(repetitions) if (found := timed_apart(python, example)) is not None]
        note = f"{statistics.median(seconds) * 1e3:.2f} ms" if seconds else "absent"
        rows.append({"work": f"README example of {name}", "variant": "as it stands", "note": note})
    return rows


def timed_apart(python: str, example: str) -> float | None:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run([python, "-c", example], capture_output=True, text=True, env=environment, check=False)
    lines = [line for line in done.stdout.splitlines() if line.startswith("SECONDS")]
    return float(lines[-1].split()[1]) if lines else None


BENCHMARKS: dict[str, Callable[[str, int], list[Row]]] = {
    "windows": windows,
    "linear": linear,
    "mlp": perceptron,
    "unroll": unrolled,
    "gru": recurrent,
    "bounded": bounded,
    "reference": reference,
    "others": others,
}


if __name__ == "__main__":
    main()
