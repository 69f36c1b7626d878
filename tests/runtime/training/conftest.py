"""Small records, a data module with a roll-out length, and a trainer that writes nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import lightning.pytorch as pl
import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset


class RollOutData(pl.LightningDataModule):
    """Windows of one state record (time, channels), cut anew whenever loaders are asked for; as validation its end."""

    def __init__(self, states: Tensor, n_forward_time_steps: int, window: int = 1, batch_size: int = 64) -> None:
        super().__init__()
        self.states, self.window, self.batch_size = states, window, batch_size
        self.n_forward_time_steps = n_forward_time_steps
        self.validation_horizon = n_forward_time_steps

    def train_dataloader(self) -> Any:
        return self._loader(self.states[:-50], self.n_forward_time_steps)

    def val_dataloader(self) -> Any:
        return self._loader(self.states[-50:], self.validation_horizon)

    def _loader(self, states: Tensor, horizon: int) -> Any:
        windows = states.unfold(0, self.window + horizon, 1).transpose(1, 2)
        return DataLoader(TensorDataset(windows[:, : self.window], windows[:, self.window :]), self.batch_size)


@pytest.fixture
def rotation() -> Tensor:
    """x[k+1] = A x[k], a slowly decaying rotation."""
    return torch.tensor([[0.95, 0.20], [-0.20, 0.95]], dtype=torch.float64)


@pytest.fixture
def roll_out_data(rotation: Tensor) -> Callable[..., RollOutData]:
    states = [torch.tensor([1.0, 0.0], dtype=torch.float64)]
    while len(states) < 150:
        states.append(rotation @ states[-1])

    def make(n_forward_time_steps: int = 1, **settings: Any) -> RollOutData:
        return RollOutData(torch.stack(states), n_forward_time_steps, **settings)

    return make


@pytest.fixture
def quiet_trainer() -> Callable[..., pl.Trainer]:
    def make(**settings: Any) -> pl.Trainer:
        quiet = {"enable_checkpointing": False, "logger": False, "enable_progress_bar": False}
        return pl.Trainer(**{**quiet, "enable_model_summary": False, "accelerator": "cpu", **settings})

    return make


@pytest.fixture
def record_lengths() -> Callable[[], pl.Callback]:
    class Lengths(pl.Callback):
        """The epoch and the length of each training batch."""

        def __init__(self) -> None:
            self.seen: dict[int, set[int]] = {}
            self.forced: list[bool] = []

        def on_train_epoch_start(self, trainer: Any, pl_module: Any) -> None:
            self.forced.append(pl_module.teacher_forcing)

        def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
            self.seen.setdefault(trainer.current_epoch, set()).add(batch[1].shape[1])

        @property
        def lengths(self) -> list[int]:
            return [length for _, (length,) in sorted(self.seen.items())]

    return Lengths
