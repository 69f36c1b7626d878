"""On a GPU: an optimiser step captured once as a CUDA graph and replayed, for its launches cost more than its work."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import torch
from torch import Tensor

Step: TypeAlias = Callable[[Sequence[Tensor]], Tensor]
"""Takes one optimiser step on a batch and returns its loss."""

CAPTURABLE = (torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW)
WARM_UP = 3
"""Steps taken before the capture, on a stream of their own as torch asks for; they are steps like any other."""


class Replay:
    """Steps of one optimiser, captured for each shape of a batch.

    Numbers such as the learning rate are part of what is captured, so a scheduler that moves once per epoch costs one
    capture per epoch. Where torch refuses a capture the steps go on one launch at a time.
    """

    def __init__(self, optimizer: torch.optim.Optimizer) -> None:
        self.optimizer = optimizer
        self.refused = type(optimizer) not in CAPTURABLE
        self.taken: dict[Any, int] = {}
        self.captured: dict[Any, Captured] = {}
        self.numbers = ""
        for group in [] if self.refused else optimizer.param_groups:
            if "capturable" in group:
                group["capturable"] = True
        # torch warns of every step outside a graph, such as those before the capture
        optimizer._warned_capturable_if_run_uncaptured = True

    def step(self, take: Step, batch: Sequence[Tensor], state: object) -> Tensor:
        """take(batch), from the graph where there is one. `state` is what else the step depends on."""
        if self.refused:
            return take(batch)
        self._forget_other_numbers()
        key = (state, *(tensor.shape for tensor in batch))
        if key not in self.captured:
            self.taken[key] = self.taken.get(key, 0) + 1
            if self.taken[key] <= WARM_UP:
                return on_own_stream(take, batch)
            try:
                self.captured[key] = Captured(take, batch, self.optimizer)
            except RuntimeError:
                self.refused = True
                return take(batch)
        return self.captured[key](batch)

    def _forget_other_numbers(self) -> None:
        groups = self.optimizer.param_groups
        numbers = str([{name: group[name] for name in group if name != "params"} for group in groups])
        if numbers != self.numbers:
            self.captured.clear()
            self.numbers = numbers


class Captured:
    """A step as a graph: new numbers are copied to where it reads them, and it is launched as a whole."""

    def __init__(self, take: Step, batch: Sequence[Tensor], optimizer: torch.optim.Optimizer) -> None:
        self.batch = tuple(tensor.clone() for tensor in batch)
        self.graph = torch.cuda.CUDAGraph()
        optimizer.zero_grad()  # gradients live in the memory of the graph
        with torch.cuda.graph(self.graph):
            self.loss = take(self.batch)

    def __call__(self, batch: Sequence[Tensor]) -> Tensor:
        for own, given in zip(self.batch, batch, strict=True):
            own.copy_(given)
        self.graph.replay()
        return self.loss.clone()


def on_own_stream(take: Step, batch: Sequence[Tensor]) -> Tensor:
    stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        loss = take(batch)
    torch.cuda.current_stream().wait_stream(stream)
    return loss
