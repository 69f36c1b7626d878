"""Prediction: a one-step model is rolled out over a horizon on its own predictions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import lightning.pytorch as pl
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from sysidc.runtime.nn.recurrent import Recurrent
from sysidc.runtime.nn.wrappers import AutoregressiveResidualWrapper
from sysidc.runtime.plain.series import Record
from sysidc.runtime.plain.training import Training
from sysidc.runtime.plain.windows import Window, Windows, in_order, shuffled


class Prediction(Training):
    """loss(y^, y) over a horizon: y^[k+s] comes from the window that ends at k+s-1, its outputs after k predicted ones.

    A batch is (x, y) or (x, y, u): x (batch, time, channels) ends at k, y (batch, horizon, outputs) holds k+1 ..
    k+horizon, u the measured inputs from k+1 on. `steps` gives each channel of x its own window, which ends at k;
    `fed_back` the place in y of each output channel of x, None for an input. With `teacher_forcing` all outputs in the
    windows of training are measured ones.
    """

    window: Tensor

    def __init__(
        self,
        model: nn.Module,
        loss: Callable[[Tensor, Tensor], Tensor],
        scale: Tensor,
        steps: Sequence[int],
        fed_back: Sequence[int | None],
        teacher_forcing: bool = False,
    ) -> None:
        super().__init__(model, loss, scale)
        self.fed_back = fed_back
        self.teacher_forcing = teacher_forcing
        time = torch.arange(max(steps))[:, None]
        self.register_buffer("window", time >= max(steps) - torch.tensor(steps), persistent=False)

    def compare(self, batch: Any) -> tuple[Tensor, Tensor]:
        x, y, *rest = batch
        inputs = rest[0] if rest else None
        if self.training and self.teacher_forcing:
            return self.on_measured_windows(x, y, inputs), y
        return self.roll_out(x, y.shape[1], inputs), y

    def one_step(self, window: Tensor) -> Tensor:
        """y^ at the step after the window, (batch, 1, outputs)."""
        y: Tensor = self.model(window)
        return y[:, None] if y.ndim == 2 else y[:, -1:]

    def roll_out(self, x: Tensor, horizon: int, inputs: Tensor | None = None) -> Tensor:
        """The steps k+1 .. k+horizon on the model's own predictions, (batch, horizon, outputs)."""
        predictions = [self.one_step(x)]
        for step in range(horizon - 1):
            measured = None if inputs is None else inputs[:, step : step + 1]
            x = torch.cat([x[:, 1:], self.row(measured, predictions[-1]).to(x.dtype)], dim=1)
            predictions.append(self.one_step(x * self.window))
        return torch.cat(predictions, dim=1)

    def on_measured_windows(self, x: Tensor, y: Tensor, inputs: Tensor | None) -> Tensor:
        """Teacher forcing: one step from each measured window, (batch, horizon, outputs)."""
        windows = self.measured(x, y, inputs).unfold(1, x.shape[1], 1).transpose(2, 3)
        return self.one_step(windows.reshape(-1, *x.shape[1:]) * self.window).reshape(y.shape)

    def measured(self, x: Tensor, y: Tensor, inputs: Tensor | None) -> Tensor:
        """x with the measured steps k+1 .. k+horizon-1 behind it."""
        if y.shape[1] == 1:
            return x
        return torch.cat([x, self.row(inputs, y[:, :-1]).to(x.dtype)], dim=1)

    def row(self, inputs: Tensor | None, y: Tensor) -> Tensor:
        """Steps of x, in the order of its channels, from the inputs and the outputs of the same steps."""
        channels, taken = [], 0
        for place in self.fed_back:
            if place is not None:
                channels.append(y[..., place])
            elif inputs is not None:
                channels.append(inputs[..., taken])
                taken += 1
        return torch.stack(channels, dim=-1)


class SelfRolling(Prediction):
    """Prediction with a stack that rolls itself out, by its AutoregressiveResidualWrapper."""

    def wrapper(self) -> AutoregressiveResidualWrapper:
        return next(module for module in self.model.modules() if isinstance(module, AutoregressiveResidualWrapper))

    def compare(self, batch: Any) -> tuple[Tensor, Tensor]:
        if self.training:
            self.wrapper().steps = batch[1].shape[1]
        return super().compare(batch)

    def one_step(self, window: Tensor) -> Tensor:
        return self.roll_out(window, 1)

    def roll_out(self, x: Tensor, horizon: int, inputs: Tensor | None = None) -> Tensor:
        wrapper = self.wrapper()
        before, wrapper.steps = wrapper.steps, horizon
        y: Tensor = self.model(x)
        wrapper.steps = before
        return y


class Carried(Prediction):
    """Prediction whose recurrent layers carry their state from step to step instead of reading each window anew."""

    def run(self, x: Tensor, states: list[Any] | None = None) -> tuple[Tensor, list[Any]]:
        """Every step of x and the states after the last one."""
        layers = list(self.model.children())
        before = states or [None] * len(layers)
        after: list[Any] = []
        for layer, state in zip(layers, before, strict=True):
            if isinstance(layer, Recurrent):
                x, state = layer(x, state, return_state=True)
            else:
                x = layer(x)
            after.append(state)
        return x, after

    def roll_out(self, x: Tensor, horizon: int, inputs: Tensor | None = None) -> Tensor:
        y, states = self.run(x)
        predictions = [y[:, -1:]]
        for step in range(horizon - 1):
            measured = None if inputs is None else inputs[:, step : step + 1]
            y, states = self.run(self.row(measured, predictions[-1]).to(x.dtype), states)
            predictions.append(y)
        return torch.cat(predictions, dim=1)

    def on_measured_windows(self, x: Tensor, y: Tensor, inputs: Tensor | None) -> Tensor:
        return self.run(self.measured(x, y, inputs))[0][:, -y.shape[1] :]


class PredictionData(pl.LightningDataModule):
    """Loaders over `n_forward_time_steps` steps in training, which callbacks may change from epoch to epoch, and over
    `validation_horizon` steps in validation."""

    def __init__(
        self,
        train: Sequence[Record],
        validation: Sequence[Record],
        inputs: Sequence[Window],
        outputs: Sequence[Window],
        measured: Sequence[str],
        horizon: int,
        validation_horizon: int,
        batch_size: int,
        seed: int,
    ) -> None:
        super().__init__()
        self.train, self.validation = train, validation
        self.inputs, self.outputs, self.measured = inputs, outputs, measured
        self.n_forward_time_steps = horizon
        self.validation_horizon = validation_horizon
        self.batch_size, self.seed, self.epoch = batch_size, seed, 0

    def windows(self, records: Sequence[Record], horizon: int, stride: int) -> Windows:
        outputs = [(name, 1, horizon) for name, _, _ in self.outputs]
        future = [(name, 1, horizon - 1) for name in self.measured]
        return Windows(records, self.inputs, outputs, stride, future)

    def train_dataloader(self) -> DataLoader[Any]:
        loader = shuffled(
            self.windows(self.train, self.n_forward_time_steps, 1), self.batch_size, self.seed, self.epoch
        )
        self.epoch += 1
        return loader

    def val_dataloader(self) -> DataLoader[Any]:
        stride = max(1, self.validation_horizon // 4)
        return in_order(self.windows(self.validation, self.validation_horizon, stride), self.batch_size)


class GrowingHorizon(pl.Callback):
    """Sets the horizon of the next epoch's training loader, `horizon_at(epoch)`, epochs counted from 0."""

    def __init__(self, horizon_at: Callable[[int], int]) -> None:
        self.horizon_at = horizon_at

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.current_epoch + 1 < (trainer.max_epochs or 0):
            data: Any = trainer.datamodule  # type: ignore[attr-defined]
            data.n_forward_time_steps = self.horizon_at(trainer.current_epoch + 1)


@torch.no_grad()
def ahead(
    module: Prediction,
    record: Record,
    inputs: Sequence[Window],
    outputs: Sequence[Window],
    measured: Sequence[str],
    horizon: int,
) -> Tensor:
    """(steps, outputs) of a normalised record, each step from outputs measured up to `horizon` steps before it."""
    module.eval()
    future = [(name, 1, horizon - 1) for name in measured]
    dataset = Windows([record], inputs, [(name, 1, horizon) for name, _, _ in outputs], 1, future)
    found = []
    for part in torch.split(torch.arange(len(dataset)), 1024):
        x, _, *rest = dataset.__getitems__(part.tolist())
        found.append(module.roll_out(x, horizon, *rest)[:, -1])
    y = torch.cat(found)
    steps = len(next(iter(record.values())))
    return torch.cat([y.new_full((steps - len(y), y.shape[1]), torch.nan), y])
