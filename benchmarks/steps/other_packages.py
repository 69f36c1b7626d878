"""The same steps in other packages: the reference toolbox, deepSI and nnodely, each where it is installed."""

from __future__ import annotations

import contextlib
import functools
import importlib
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from steps.clock import Row, compared, microseconds, seconds
from steps.fits import AT_ONCE, BATCH, STEPS, Pairs, fitted, mlp, several
from sysidc.runtime.data.loaders import training_loader
from sysidc.runtime.nn import Flatten, StateSpace
from sysidc.runtime.nn.chain import Chain
from sysidc.runtime.training import LightningPredictionTrainingModule, LightningSimulationTrainingModule


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
