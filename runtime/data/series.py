"""What the public data modules share: arrays of any kind as (time, channels), and the cut into contiguous parts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Sizes:
    """Samples of the training, validation and test part, which lie in this order."""

    train: int
    validation: int
    test: int

    def cut(self, series: Tensor) -> dict[str, Tensor]:
        """The parts of (time, channels), as views."""
        train, validation, test = torch.split(series, [self.train, self.validation, self.test])
        return {"train": train, "validation": validation, "test": test}

    def require(self, part: str, needed: int) -> None:
        """Raises ValueError where the part is shorter than one window."""
        present = {"train": self.train, "validation": self.validation, "test": self.test}[part]
        if present < needed:
            told = "sample" if present == 1 else "samples"
            raise ValueError(f"the {part} part has {present} {told}; one window needs {needed}")


def sizes(length: int, test_size: float | int | None, validation_size: float | int | None) -> Sizes:
    """A float is a share, an int a number of samples. The test part is taken from the end, the validation part from
    the end of what remains. Raises ValueError where more is asked for than there is."""
    test = _samples(length, test_size, "test_size")
    validation = _samples(length - test, validation_size, "validation_size")
    return Sizes(length - test - validation, validation, test)


def as_series(values: Any, dtype: torch.dtype) -> Tensor:
    """(time,) or (time, channels) of numbers as a tensor (time, channels). Raises ValueError for other shapes."""
    tensor = values if isinstance(values, Tensor) else torch.from_numpy(np.array(values))
    if tensor.ndim not in (1, 2) or tensor.numel() == 0:
        raise ValueError(f"a time series is (time,) or (time, channels), not {tuple(tensor.shape)}")
    return (tensor[:, None] if tensor.ndim == 1 else tensor).detach().to("cpu", dtype)


def own_seed() -> int:
    """The seed that the user gave torch, without drawing from its generator."""
    return torch.initial_seed() % 2**32


def _samples(length: int, size: float | int | None, name: str) -> int:
    if size is None:
        return 0
    samples = round(size * length) if isinstance(size, float) else size
    shares = not isinstance(size, float) or 0 <= size < 1
    if not shares or not 0 <= samples < length:
        raise ValueError(f"{name} is a share below 1 or a number of samples below {length}, not {size}")
    return samples
