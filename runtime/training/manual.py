"""Several optimiser steps in one training step: what Lightning does around each step, done here for all of them.

Lightning's Trainer and the DataLoader cost several times what a small network's step does (350 us against 100 us for a
linear model on one core). A batch of many windows, taken apart here, shares that cost among its steps; the steps
themselves are the same to the last bit.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.optim.lr_scheduler import ReduceLROnPlateau

from sysidc.runtime.training.captured import Replay, Step
from sysidc.runtime.training.written_out import written_out

if TYPE_CHECKING:
    from sysidc.runtime.training.step import TrainingModule


def several_steps(module: TrainingModule, batch: Sequence[Tensor], batch_size: int) -> Tensor:
    """One optimiser step for every `batch_size` windows of the batch, in their order; the last loss."""
    optimizer = module.trainer.optimizers[0]
    schedulers = _schedulers(module, "step")
    take = _step(module, optimizer, batch)
    if batch[0].is_cuda and not schedulers:
        take = _replayed(module, optimizer, take)
    loss = torch.zeros(())
    for part in parts(batch, batch_size):
        loss = take(part)
        module.count(loss, len(part[0]))
        for scheduler in schedulers:
            scheduler.step()
    return loss


def _step(module: TrainingModule, optimizer: torch.optim.Optimizer, batch: Sequence[Tensor]) -> Step:
    """Gradients, clipping and the optimiser's step for parts of the batch."""
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    quick = written_out(module, batch, parameters)

    def by_autograd(part: Sequence[Tensor]) -> Tensor:
        loss = module.loss_of(part)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss.detach()

    gradients = by_autograd if quick is None else quick

    def take(part: Sequence[Tensor]) -> Tensor:
        loss = gradients(part)
        if module.gradient_clip is not None:
            torch.nn.utils.clip_grad_norm_(parameters, module.gradient_clip)
        optimizer.step()
        return loss

    return take


def _replayed(module: TrainingModule, optimizer: torch.optim.Optimizer, take: Step) -> Step:
    """The step from a captured graph; what is captured is kept with the module until the next fit."""
    if module.replay is None or module.replay.optimizer is not optimizer:
        module.replay = Replay(optimizer)
    state = getattr(module, "teacher_forcing", None)
    return functools.partial(module.replay.step, take, state=state)


def parts(batch: Sequence[Tensor], batch_size: int) -> Iterator[tuple[Tensor, ...]]:
    """Slices of `batch_size` windows of every tensor of a batch; the last may be smaller."""
    yield from zip(*(torch.split(tensor, batch_size) for tensor in batch), strict=True)


def epoch_schedulers(module: TrainingModule) -> None:
    """Move the schedulers that step once per epoch; those that watch a metric get its newest value."""
    for scheduler in _schedulers(module, "epoch"):
        if isinstance(scheduler, ReduceLROnPlateau):
            scheduler.step(module.trainer.callback_metrics[module.monitor])
        else:
            scheduler.step()


def _schedulers(module: TrainingModule, interval: str) -> list[Any]:
    if module.scheduler_interval != interval:
        return []
    return [config.scheduler for config in module.trainer.lr_scheduler_configs]
