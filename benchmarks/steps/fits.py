"""A step through Trainer.fit, beside Lightning as it is mostly used and beside a loop of plain torch."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import lightning.pytorch as pl
import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss
from torch.utils.data import DataLoader, Dataset, TensorDataset

from steps.clock import Row, compared, microseconds, seconds
from sysidc.runtime.data.loaders import training_loader
from sysidc.runtime.nn import Flatten
from sysidc.runtime.training import LightningSimulationTrainingModule

BATCH, AT_ONCE, STEPS = 32, 32, 512


def linear(device: str, repetitions: int) -> list[Row]:
    return training_step("step of Linear(128, 1)", lambda: [nn.Linear(128, 1)], device, repetitions)


def perceptron(device: str, repetitions: int) -> list[Row]:
    return training_step("step of an MLP 128-64-1", mlp, device, repetitions)


def mlp() -> list[nn.Module]:
    return [nn.Linear(128, 64), nn.Tanh(), nn.Linear(64, 1)]


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
    trainer = pl.Trainer(
        max_epochs=epochs,
        accelerator=device,
        devices=1,
        callbacks=[watch],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(module, loader)
    return watch.seconds / steps * 1e6


def several(dataset: Dataset[Any], count: int) -> DataLoader[Any]:
    return training_loader(dataset, count, BATCH, seed=0, batches_at_once=AT_ONCE)


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
