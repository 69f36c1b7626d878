"""What the training modules share: how a prediction is compared with its target, logged and optimised."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar, TypedDict

import lightning.pytorch as pl
import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LRScheduler

from sysidc.runtime.training.captured import Replay
from sysidc.runtime.training.manual import epoch_schedulers, several_steps
from sysidc.runtime.training.metrics import ErrorSums, LossMean
from sysidc.runtime.training.second_order import Problem, by_windows, saved, second_order_step
from sysidc.runtime.training.written_out import slope_of

OptimizerFactory = Callable[[Iterable[nn.Parameter]], torch.optim.Optimizer]
SchedulerFactory = Callable[[torch.optim.Optimizer], LRScheduler]
Loss = Callable[[Tensor, Tensor], Tensor]


class Manner(TypedDict, total=False):
    """How a training module steps, logs and measures, whatever it compares: see `TrainingModule`."""

    scheduler_interval: str
    monitor: str
    output_scale: Tensor | None
    batch_size: int | None
    gradient_clip: float | None


class TrainingModule(pl.LightningModule):
    """A network, a loss(prediction, target) and a factory of the optimiser; a subclass says what is compared.

    `optimizer` is called with the parameters that require gradients, `lr_scheduler` with the optimiser, both in
    `configure_optimizers`: every fit starts from a fresh optimiser. `scheduler_interval` is "epoch" or "step",
    `monitor` the metric of schedulers that need one. `output_scale` (channels) converts normalised errors to the units
    of the data. Without `optimizer` the module can validate and predict, and load a checkpoint.

    With `batch_size` a batch holds the windows of several optimiser steps of that size: the module takes them one
    after the other by itself, clips the gradient's norm to `gradient_clip` and moves the scheduler, which spares the
    Trainer's and the loader's work for each step. Without, Lightning takes one step per batch and does the clipping.

    With `second_order` the optimiser is a LevenbergMarquardt, a batch the list of all batches of the training part and
    a step one iteration on them.

    Logged once per epoch: train_loss, val_loss, val_rmse, val_nrmse, val_fit (see `metrics.py`). Raises TypeError for
    an optimiser or a scheduler that is an object instead of a factory.
    """

    output_scale: Tensor | None
    knows_slope: ClassVar[bool] = False

    def __init__(
        self,
        module: nn.Module,
        optimizer: OptimizerFactory | None = None,
        lr_scheduler: SchedulerFactory | None = None,
        loss: Loss = nn.functional.mse_loss,
        *,
        scheduler_interval: str = "epoch",
        monitor: str = "val_loss",
        output_scale: Tensor | None = None,
        batch_size: int | None = None,
        gradient_clip: float | None = None,
        second_order: bool = False,
    ) -> None:
        super().__init__()
        _check_factory("optimizer", optimizer, torch.optim.Optimizer, "functools.partial(torch.optim.Adam, lr=1e-3)")
        example = "functools.partial(torch.optim.lr_scheduler.StepLR, step_size=10)"
        _check_factory("lr_scheduler", lr_scheduler, LRScheduler, example)
        if scheduler_interval not in ("epoch", "step"):
            raise ValueError(f"scheduler_interval is 'epoch' or 'step', not {scheduler_interval!r}")
        self.module = module
        self.optimizer = optimizer
        self.lr_scheduler = lr_scheduler
        self.loss = loss
        self.scheduler_interval = scheduler_interval
        self.monitor = monitor
        self.batch_size = batch_size
        self.gradient_clip = gradient_clip
        self.second_order = second_order
        self.automatic_optimization = batch_size is None and not second_order
        self.problem: Problem | None = None
        self.replay: Replay | None = None
        self.resumed_problem: dict[str, Any] | None = None
        self.stalled = 0
        self.error: float | None = None
        # the scale belongs to the data, not to the weights: a checkpoint holds the weights alone
        self.register_buffer("output_scale", output_scale, persistent=False)
        self._train_losses = LossMean()
        self._val_losses = LossMean()
        self._val_errors = ErrorSums()

    @abstractmethod
    def compare(self, batch: Any) -> tuple[Tensor, Tensor]:
        """(prediction, target), both (batch, time, channels); `self.training` tells training from validation."""

    def forward(self, x: Tensor) -> Tensor:
        """What the network itself makes of x (batch, time, channels)."""
        output: Tensor = self.module(x)
        return output

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        if self.second_order:
            error = second_order_step(self, batch)
            self._train_losses.add(error, 1)
            return error
        if self.batch_size is not None:
            return several_steps(self, batch, self.batch_size)
        return self.training_loss(batch)

    def pose(self, batches: Sequence[tuple[Tensor, ...]]) -> Problem:
        """The least-squares problem of second-order training."""
        return by_windows(self, batches)

    def on_fit_start(self) -> None:
        self.problem, self.stalled, self.error = None, 0, None
        self.replay = None

    def on_fit_end(self) -> None:
        self.replay = None  # a graph can be neither copied nor stored

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        if self.second_order:
            own = {"problem": saved(self.problem), "stalled": self.stalled, "error": self.error}
            checkpoint["least_squares"] = own

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        if self.second_order:
            self.resumed_problem = checkpoint["least_squares"]

    def training_loss(self, batch: Any) -> Tensor:
        """The loss of one batch, counted into train_loss."""
        loss, prediction, _ = self._step(batch)
        self.count(loss, len(prediction))
        return loss

    def loss_and_slope(self, prediction: Tensor, batch: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """What `training_loss` makes of the network's own prediction (batch, 1, outputs), and its derivative by that.

        Asked only of a class that sets `knows_slope` itself: what is derived from it may compare other things.
        """
        target = batch[1]
        check_shapes(prediction, target)
        return slope_of(self.loss, prediction, target.to(prediction.dtype))

    def loss_of(self, batch: Any) -> Tensor:
        """The loss of one training batch, counted nowhere."""
        return self._step(batch)[0]

    def count(self, loss: Tensor, samples: int) -> None:
        """Count the loss of a batch into train_loss."""
        self._train_losses.add(loss, samples)

    def validation_step(self, batch: Any, batch_idx: int) -> Tensor:
        loss, prediction, target = self._step(batch)
        self._val_losses.add(loss, len(prediction))
        self._val_errors.add(prediction, target, self.output_scale)
        return loss

    def test_step(self, batch: Any, batch_idx: int) -> Tensor:
        return self.validation_step(batch, batch_idx)

    def on_train_epoch_start(self) -> None:
        self._train_losses = LossMean()

    def on_train_epoch_end(self) -> None:
        self._log_all({"train_loss": self._train_losses.take()})
        if self.batch_size is not None:
            epoch_schedulers(self)

    def on_validation_epoch_start(self) -> None:
        self._val_losses, self._val_errors = LossMean(), ErrorSums()

    def on_validation_epoch_end(self) -> None:
        self._log_errors("val")

    def on_test_epoch_start(self) -> None:
        self.on_validation_epoch_start()

    def on_test_epoch_end(self) -> None:
        self._log_errors("test")

    def configure_optimizers(self) -> Any:
        if self.optimizer is None:
            raise ValueError("training needs an optimizer, such as functools.partial(torch.optim.Adam, lr=1e-3)")
        parameters = [parameter for parameter in self.parameters() if parameter.requires_grad]
        if not parameters:
            raise ValueError("the module has no parameter that requires a gradient: there is nothing to train")
        optimizer = self.optimizer(parameters)
        if self.lr_scheduler is None:
            return optimizer
        if self.batch_size is not None:  # the module moves the scheduler by itself
            return [optimizer], [self.lr_scheduler(optimizer)]
        schedule = {
            "scheduler": self.lr_scheduler(optimizer),
            "interval": self.scheduler_interval,
            "monitor": self.monitor,
        }
        return {"optimizer": optimizer, "lr_scheduler": schedule}

    def _step(self, batch: Any) -> tuple[Tensor, Tensor, Tensor]:
        prediction, target = self.compare(batch)
        check_shapes(prediction, target)
        if prediction.is_floating_point():
            target = target.to(prediction.dtype)
        return self.loss(prediction, target), prediction, target

    def _log_errors(self, stage: str) -> None:
        self._log_all({f"{stage}_loss": self._val_losses.take()})
        self._log_all({f"{stage}_{name}": value for name, value in self._val_errors.take().items()})

    def _log_all(self, metrics: dict[str, Tensor | None]) -> None:
        for name, value in metrics.items():
            if value is not None:
                self.log(name, value.float(), prog_bar=name.endswith("_loss"), sync_dist=True)


def last_steps(prediction: Tensor, steps: int) -> Tensor:
    """The last `steps` steps of a stack that still has all steps of its window."""
    return prediction[:, -steps:] if prediction.ndim == 3 and prediction.shape[1] > steps else prediction


def check_shapes(prediction: Tensor, target: Tensor) -> None:
    """Raise ValueError where torch would stretch one of the two to fit the other."""
    if prediction.shape != target.shape:
        raise ValueError(
            f"the network returns {tuple(prediction.shape)}, the measured outputs are {tuple(target.shape)}: "
            "a loss needs equal shapes (batch, time, channels)"
        )


def _check_factory(name: str, given: Any, object_type: type, example: str) -> None:
    if given is None:
        return
    if isinstance(given, object_type) or not callable(given):
        raise TypeError(f"{name} is a factory such as {example}, not a {type(given).__name__} object")
