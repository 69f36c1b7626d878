"""A start of a raced training on its way: what it has reached, how it is named, kept and judged."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from sysidc.runtime.runs.epochs import Row
from sysidc.runtime.training.metrics import ErrorSums
from sysidc.runtime.training.step import TrainingModule


@dataclass
class Candidate:
    """A start on its way: its structure (see `structures.py`), the weights that it has reached, their root mean square
    errors on the training and the validation part in the units of the data, and what that took. It learned from every
    `every`-th sample, and had `every_error` on these samples of the training part.
    `ahead` is the error of a model with innovations one step ahead, as `error_ahead` has it. One that is `wild` runs
    away on inputs like those of the training part."""

    structure: str
    index: int
    weights: dict[str, Tensor]
    before: dict[str, Tensor]
    fit_error: float
    val_error: float
    epochs: int
    seconds: float
    rows: list[Row]
    every: int = 1
    every_error: float = 0.0
    ahead: float = 0.0
    wild: bool = False

    @property
    def score(self) -> float:
        """What chooses: a model has to fit what it saw and what it did not see."""
        worst = max(self.fit_error, self.val_error)
        return worst if worst == worst else math.inf

    @property
    def size(self) -> int:
        """The numbers of the model."""
        return sum(weight.numel() for weight in self.weights.values())


Entry: TypeAlias = tuple[str, int]
"""A candidate that has not begun: its structure and its index."""


def entry_of(candidate: Candidate | Entry) -> Entry:
    return candidate if isinstance(candidate, tuple) else (candidate.structure, candidate.index)


def file_name(label: str) -> str:
    return label.replace(",", "").replace(" ", "-")


def root_mean_square(module: TrainingModule, batches: Iterable[Any]) -> float:
    """inf where the model leaves the finite numbers, and where there is nothing to compare."""
    sums = ErrorSums()
    training = module.training
    module.eval()
    with torch.no_grad():
        for batch in batches:
            prediction, target = module.compare(batch)
            sums.add(prediction, target, module.output_scale)
    module.train(training)
    found = sums.take()
    error = float(found["rmse"]) if found else math.inf
    return error if error == error else math.inf


def weights_of(stack: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in stack.state_dict().items()}


def as_tree(candidate: Candidate) -> dict[str, Any]:
    """All of a candidate that a checkpoint can hold."""
    return {field.name: getattr(candidate, field.name) for field in fields(candidate)}
