"""What a training step costs in each mode, beside a plain PyTorch loop: medians of interleaved repetitions.

    python benchmarks/training.py [NAME ...] [--accelerator cpu|cuda] [--repetitions N] [--json PATH]

NAME is one or more of windows, linear, mlp, unroll, gru, bounded, reference, others. One thread; on the CPU the time of
this process, on a GPU that of the clock. The repetitions of all variants of a row are taken in turn, so that a busy
machine burdens them alike; read the ratios rather than the times.
SYSIDC_REFERENCE names the folder of the reference toolbox (pydentification); deepSI and nnodely take part where they
are installed beside sysidc. Rows without them are left out, and told so.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import importlib
import json
import logging
import os
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import numpy
import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn
from torch.nn.functional import mse_loss
from torch.utils.data import DataLoader, Dataset, TensorDataset

from sysidc.compiler.windows import place
from sysidc.runtime.bounded import estimate_lipschitz, estimate_noise
from sysidc.runtime.bounded.kernels import epanechnikov
from sysidc.runtime.data.loaders import training_loader
from sysidc.runtime.data.tape import Tape, TensorRecord
from sysidc.runtime.data.windows import WindowDataset
from sysidc.runtime.nn import GRU, Flatten, StateSpace
from sysidc.runtime.nn.chain import Chain
from sysidc.runtime.training import (
    BoundedSimulationTrainingModule,
    LightningPredictionTrainingModule,
    LightningSimulationTrainingModule,
)

BATCH, AT_ONCE, STEPS = 32, 32, 512
Row = dict[str, Any]
Variant = Callable[[], float]
"""Does its work once and returns the microseconds of one step."""


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


def fitted(
    module: pl.LightningModule, loader: DataLoader[Any], device: str, steps: int = STEPS, epochs: int = 1
) -> float:
    watch = Watch(device)
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    trainer = pl.Trainer(
        max_epochs=epochs,
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
    points, targets = x.flatten(1).double(), y.flatten().double()
    spent = {
        "band, computed once": precompute,
        "lipschitz = estimate, once": microseconds(lambda: estimate_lipschitz(points, targets)),
        "noise = estimate, once": microseconds(lambda: estimate_noise(points, targets, 1.0)),
    }
    once = [{"work": work, "variant": name, "note": f"{time / 1e6:.1f} s"} for name, time in spent.items()]
    return [*compared(work, repetitions, variants), *once]


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
    """The examples of deepSI's and nnodely's READMEs beside the nearest model of ours, on the CPU."""
    return subnet(repetitions) + fibonacci(repetitions)


def absent(work: str, package: str) -> list[Row]:
    return [{"work": work, "variant": "absent", "note": f"pip install {package}"}]


PAST, FUTURE, LARGE = 20, 20, 256


def subnet(repetitions: int, steps: int = 10) -> list[Row]:
    """deepSI's SUBNET(nx=2, nb=20, na=20), T=20, batches of 256, per optimiser step, on a generated record.

    Ours is the state space of two states whose networks have two layers of 64 units too, in float32, with Adam. Its
    encoder stands at the beginning of the 20 known steps instead of behind them, so that it simulates 40 steps where
    SUBNET simulates 20; it has one layer of 16 units instead of two of 64, and the output sees the input too.
    """
    work = f"deepSI's SUBNET, {FUTURE} steps after {PAST}, batch {LARGE}"
    try:
        deepSI, benchmarks = importlib.import_module("deepSI"), importlib.import_module("nonlinear_benchmarks")
    except ImportError:
        return absent(work, "deepSI")
    u = torch.randn(LARGE * steps + PAST + FUTURE - 1)
    y = torch.from_numpy(numpy.convolve(u.numpy(), 0.9 ** numpy.arange(20))[: len(u)]).float()
    x = torch.stack((u, y), dim=1).unfold(0, PAST + FUTURE, 1).transpose(1, 2)
    windows = Pairs(x, y[PAST:].unfold(0, FUTURE, 1)[:, :, None])
    record = benchmarks.Input_output_data(u=u.numpy(), y=y.numpy())

    def theirs() -> float:
        model, clock = deepSI.SUBNET(*deepSI.get_nu_ny_and_auto_norm(record), nx=2, nb=PAST, na=PAST), Laps()
        watched = clock.around(deepSI.fitting.compute_NMSE)
        with silence():
            length = {"n_its": steps + 1, "T": FUTURE, "batch_size": LARGE, "val_freq": 10**6}
            deepSI.fit(model, record, record[:100], loss_fun=watched, **length)
        return clock.microseconds_of_a_lap()

    def ours() -> float:
        layer = StateSpace(1, 1, 2, (64, 64), (64, 64), initial="encoder")
        stack = Chain({"0": layer}, (0,), (1,), PAST, "encoder")
        adam = functools.partial(torch.optim.Adam, lr=1e-3, fused=True)
        module = LightningSimulationTrainingModule(stack, adam, batch_size=LARGE)
        loader = training_loader(windows, len(windows), LARGE, seed=0, batches_at_once=AT_ONCE)
        return fitted(module, loader, "cpu", steps)

    return compared(work, repetitions, {"ours, StateSpace with encoder": ours, "deepSI": theirs})


def fibonacci(repetitions: int, epochs: int = 100) -> list[Row]:
    """nnodely's Fibonacci, x[k+1] = A x[k-1] + B x[k] of 100 samples, prediction_samples = 2, per epoch (one step).

    Ours has the two parameters too, a window of two samples, three steps on its own predictions, one batch of the same
    number of windows, float32 and Adam with lr = 0.5. nnodely's target is x[k-1] + x[k] of its own closed loop, ours
    the next samples of the record.
    """
    work = "nnodely's Fibonacci, 3 steps, an epoch"
    try:
        with silence():
            nnodely = importlib.import_module("nnodely")
    except ImportError:
        return absent(work, "nnodely")
    record = torch.arange(100.0)[:, None]
    count = len(record) - 4  # windows of two samples and the three after them
    windows = Pairs(record.unfold(0, 2, 1).transpose(1, 2)[:count], record[2:].unfold(0, 3, 1).transpose(1, 2))

    def theirs() -> float:
        with silence():
            nnodely.clearNames()
            x = nnodely.Input("x")
            last, before = x.last(), x.last().sw([-2, -1])
            step = nnodely.Parameter("A") * before + nnodely.Parameter("B") * last
            model = nnodely.nnodely(seed=0)
            f = nnodely.Output("fib", step.closedLoop(x))
            model.addModel("Fibonacci", f)
            model.addMinimize("target", before + last, f)
            model.neuralizeModel(1)
            model.loadData("data", {"x": list(range(len(record)))})
            train = functools.partial(model.trainModel, prediction_samples=2, lr=0.5, num_of_epochs=epochs)
            return microseconds(train, steps=epochs)

    def ours() -> float:
        network = nn.Sequential(Flatten(), nn.Linear(2, 1, bias=False))
        adam = functools.partial(torch.optim.Adam, lr=0.5, fused=True)
        module = LightningPredictionTrainingModule(network, adam, batch_size=count)
        return fitted(module, training_loader(windows, count, count, seed=0, batches_at_once=1), "cpu", epochs, epochs)

    return compared(work, repetitions, {"ours, Linear(2, 1)": ours, "nnodely": theirs})


class Laps:
    """The time between the first and the last call of a function: what a package does before a fit is no step."""

    def __init__(self) -> None:
        self.calls: list[float] = []

    def around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*given: Any) -> Any:
            if torch.is_grad_enabled():  # not in a validation
                self.calls.append(seconds("cpu"))
            return function(*given)

        return timed

    def microseconds_of_a_lap(self) -> float:
        return (self.calls[-1] - self.calls[0]) / (len(self.calls) - 1) * 1e6


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Without the progress that other packages print."""
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere), contextlib.redirect_stderr(nowhere):
        yield


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
