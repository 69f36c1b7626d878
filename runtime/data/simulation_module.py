"""Windows of inputs and outputs from arrays, for simulation without a spec."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from lightning.pytorch import LightningDataModule
from torch.utils.data import DataLoader

from sysidc.compiler.windows import Placed
from sysidc.runtime.data.frames import listed, read_columns
from sysidc.runtime.data.loaders import EpochOrder, ordered_loader, shuffled_loader
from sysidc.runtime.data.series import as_series, own_seed, sizes
from sysidc.runtime.data.windows import Anchors, GatherDataset

if TYPE_CHECKING:
    import pandas as pd


class SimulationDataModule(LightningDataModule):
    """Batches are lists of the windows that are present, in the order backward inputs, backward outputs, forward
    inputs, forward outputs, each (batch, steps, channels).

    At index i a forward window is [i + mask, i + size), a backward window [i - size, i - mask); i runs from the longest
    backward window on in steps of `shift`, as long as the forward windows fit. N inputs to the last M outputs:
    `forward_input_window_size=N, forward_output_window_size=N, forward_output_mask=N - M`.

    `inputs` and `outputs` are (time,) or (time, channels). `test_size` is a share or a number of samples taken from the
    end, `validation_size` likewise from the end of what remains. Raises ValueError where a part is shorter than one
    window.
    """

    def __init__(
        self,
        inputs: Any,
        outputs: Any,
        *,
        test_size: float | int | None = 0.5,
        validation_size: float | int | None = None,
        batch_size: int = 32,
        n_workers: int = 0,
        forward_input_window_size: int = 0,
        backward_input_window_size: int = 0,
        forward_output_window_size: int = 0,
        backward_output_window_size: int = 0,
        shift: int = 1,
        forward_input_mask: int = 0,
        backward_input_mask: int = 0,
        forward_output_mask: int = 0,
        backward_output_mask: int = 0,
        dtype: torch.dtype = torch.float32,
    ):
        super().__init__()
        values = {"inputs": as_series(inputs, dtype), "outputs": as_series(outputs, dtype)}
        lengths = {signal: len(series) for signal, series in values.items()}
        if lengths["inputs"] != lengths["outputs"]:
            raise ValueError(f"inputs have {lengths['inputs']} samples, outputs {lengths['outputs']}")
        if shift < 1:
            raise ValueError(f"shift is at least 1, not {shift}")
        self.windows = tuple(
            window
            for window in (
                backward("inputs", backward_input_window_size, backward_input_mask),
                backward("outputs", backward_output_window_size, backward_output_mask),
                forward("inputs", forward_input_window_size, forward_input_mask),
                forward("outputs", forward_output_window_size, forward_output_mask),
            )
            if window is not None
        )
        if not self.windows:
            raise ValueError("at least one window has a size above 0")
        self.behind = max(backward_input_window_size, backward_output_window_size)
        self.ahead = max(forward_input_window_size, forward_output_window_size)
        self.batch_size, self.n_workers, self.shift = batch_size, n_workers, shift
        self._cut(values, test_size, validation_size)

    @classmethod
    def from_pandas(
        cls, frame: pd.DataFrame, inputs: str | Sequence[str], outputs: str | Sequence[str], **settings: Any
    ) -> SimulationDataModule:
        """From columns of a frame; `settings` are those of the class."""
        return cls(frame[listed(inputs)].to_numpy(), frame[listed(outputs)].to_numpy(), **settings)

    @classmethod
    def from_csv(
        cls,
        path: str,
        inputs: str | Sequence[str],
        outputs: str | Sequence[str],
        *,
        separator: str = ",",
        **settings: Any,
    ) -> SimulationDataModule:
        """From columns of a CSV file; `settings` are those of the class. Raises DataError for mistakes in the file."""
        read = (read_columns(path, listed(names), separator) for names in (inputs, outputs))
        return cls(*read, **settings)

    def train_dataloader(self) -> DataLoader[Any]:
        """Every window once, in a new order each epoch."""
        return shuffled_loader(self.datasets["train"], self._order, self.batch_size, self.n_workers)

    def val_dataloader(self) -> DataLoader[Any] | list[Any]:
        return self._in_time("validation")

    def test_dataloader(self) -> DataLoader[Any] | list[Any]:
        return self._in_time("test")

    def _cut(self, values: dict[str, torch.Tensor], test_size: Any, validation_size: Any) -> None:
        cut = sizes(len(values["inputs"]), test_size, validation_size)
        parts = {signal: cut.cut(series) for signal, series in values.items()}
        self.datasets: dict[str, GatherDataset] = {}
        for part, length in (("train", cut.train), ("validation", cut.validation), ("test", cut.test)):
            if length == 0 and part != "train":
                continue
            cut.require(part, self.behind + self.ahead)
            count = (length - self.behind - self.ahead) // self.shift + 1
            anchors = Anchors([self.behind], [count], self.shift)
            data = {signal: series[part] for signal, series in parts.items()}
            self.datasets[part] = GatherDataset(data, self.windows, anchors)
        self._order = EpochOrder(len(self.datasets["train"]), own_seed())

    def _in_time(self, part: str) -> DataLoader[Any] | list[Any]:
        if part not in self.datasets:
            return []
        dataset = self.datasets[part]
        return ordered_loader(dataset, len(dataset), self.batch_size, self.n_workers)


def forward(signal: str, size: int, mask: int) -> Placed | None:
    """[i + mask, i + size), or None where the size is 0."""
    return _checked(Placed(signal, "", 0, 1 + mask, size), size, mask)


def backward(signal: str, size: int, mask: int) -> Placed | None:
    """[i - size, i - mask), or None where the size is 0."""
    return _checked(Placed(signal, "", 0, 1 - size, -mask), size, mask)


def _checked(window: Placed, size: int, mask: int) -> Placed | None:
    if size == 0:
        return None
    if not 0 <= mask < size:
        raise ValueError(f"a mask of {mask} steps leaves nothing of a window of {size}")
    return window
