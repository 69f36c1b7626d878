"""Windows of states and what follows them from arrays, for prediction without a spec."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from lightning.pytorch import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader

from sysidc.compiler.windows import Placed
from sysidc.runtime.data.frames import column_names, listed, read_columns
from sysidc.runtime.data.loaders import EpochOrder, ordered_loader, shuffled_loader
from sysidc.runtime.data.series import as_series, own_seed, sizes
from sysidc.runtime.data.windows import Anchors, GatherDataset

if TYPE_CHECKING:
    import pandas as pd


class PredictionDataModule(LightningDataModule):
    """Batches are [x, y]: x (batch, n_backward_time_steps, channels), y (batch, n_forward_time_steps, channels), the
    steps that follow x.

    `n_forward_time_steps` may be set between epochs: the next training loader follows it. Validation stays at
    `validation_horizon`, the horizon at the start, so its losses are comparable. `states` is (time,) or (time,
    channels). `test_size` is a share or a number of samples taken from the end, `validation_size` likewise from the
    end of what remains. Raises ValueError where a part is shorter than one window.
    """

    def __init__(
        self,
        states: Any,
        *,
        test_size: float | int | None = 0.5,
        validation_size: float | int | None = None,
        batch_size: int = 32,
        n_workers: int = 0,
        n_backward_time_steps: int = 1,
        n_forward_time_steps: int = 1,
        train_shift: int = 1,
        dtype: torch.dtype = torch.float32,
    ):
        super().__init__()
        for name, value in (
            ("n_backward_time_steps", n_backward_time_steps),
            ("n_forward_time_steps", n_forward_time_steps),
            ("train_shift", train_shift),
        ):
            if value < 1:
                raise ValueError(f"{name} is at least 1, not {value}")
        series = as_series(states, dtype)
        self._sizes = sizes(len(series), test_size, validation_size)
        self._parts = self._sizes.cut(series)
        self.batch_size, self.n_workers, self.train_shift = batch_size, n_workers, train_shift
        self.n_backward_time_steps = n_backward_time_steps
        self.n_forward_time_steps = self.validation_horizon = n_forward_time_steps
        for part, states_of_part in self._parts.items():
            if part == "train" or len(states_of_part):
                self._sizes.require(part, n_backward_time_steps + n_forward_time_steps)
        self._order = EpochOrder(0, own_seed())

    @classmethod
    def from_pandas(
        cls, frame: pd.DataFrame, states: str | Sequence[str] | None = None, **settings: Any
    ) -> PredictionDataModule:
        """From columns of a frame, all of them by default; `settings` are those of the class."""
        names = list(frame.columns) if states is None else listed(states)
        return cls(frame[names].to_numpy(), **settings)

    @classmethod
    def from_csv(
        cls, path: str, states: str | Sequence[str] | None = None, *, separator: str = ",", **settings: Any
    ) -> PredictionDataModule:
        """From columns of a CSV file, all of them by default. Raises DataError for mistakes in the file."""
        names = column_names(path, separator) if states is None else listed(states)
        return cls(read_columns(path, names, separator), **settings)

    def train_dataloader(self) -> DataLoader[Any]:
        """Every window of the present horizon once, in a new order each epoch."""
        dataset = self._windows("train", self.n_forward_time_steps, self.train_shift)
        self._order.count = len(dataset)
        return shuffled_loader(dataset, self._order, self.batch_size, self.n_workers)

    def val_dataloader(self) -> DataLoader[Any] | list[Any]:
        """Windows at `validation_horizon`, a quarter of it apart."""
        return self._in_time("validation", self.validation_horizon, max(1, self.validation_horizon // 4))

    def test_dataloader(self, n_forward_time_steps: int | None = None) -> DataLoader[Any] | list[Any]:
        """Windows whose outputs are laid end to end, `n_forward_time_steps` long, by default the present horizon."""
        horizon = self.n_forward_time_steps if n_forward_time_steps is None else n_forward_time_steps
        return self._in_time("test", horizon, horizon)

    def _windows(self, part: str, horizon: int, stride: int) -> GatherDataset:
        behind = self.n_backward_time_steps
        self._sizes.require(part, behind + horizon)
        data: dict[str, Tensor] = {"states": self._parts[part]}
        count = (len(data["states"]) - behind - horizon) // stride + 1
        windows = (Placed("states", "", 0, 1 - behind, 0), Placed("states", "", 0, 1, horizon))
        return GatherDataset(data, windows, Anchors([behind], [count], stride))

    def _in_time(self, part: str, horizon: int, stride: int) -> DataLoader[Any] | list[Any]:
        if not len(self._parts[part]):
            return []
        dataset = self._windows(part, horizon, stride)
        return ordered_loader(dataset, len(dataset), self.batch_size, self.n_workers)
