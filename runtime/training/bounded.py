"""Bounded training: a network that is held inside the error band of a kernel regression."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, Unpack

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss
from torch.utils.data import DataLoader

from sysidc.runtime.bounded.band import Band, Bounds
from sysidc.runtime.bounded.kernels import Kernel
from sysidc.runtime.bounded.row_table import RowTable
from sysidc.runtime.training.redraw import keep_best_draw, redraw_parameters
from sysidc.runtime.training.step import Loss, Manner, OptimizerFactory, SchedulerFactory, TrainingModule, last_steps

ROWS_AT_ONCE = 1024


class BoundedSimulationTrainingModule(TrainingModule):
    """y = clamp(network(x), estimate(x) - half_width(x), estimate(x) + half_width(x)), the band being `Band`'s.

    x (batch, T, C), looked up as a point of T * C numbers -> y (batch, 1, 1). What is compared with the measured y is
    the clamped output in validation, test and prediction, and with `bound_during_training` in training too. There the
    band of a training window is made without that window (leave one out): its own noise would vouch for itself.

    Where the clamp acts its derivative is 0, and a network that starts outside the band would never learn. So in
    training the value is the clamp's and the gradient passes straight through: the error at the border of the band
    moves the network towards the measured value, which on average lies inside. `bound_crossing_penalty` adds that
    factor times the mean square by which the network's own output, before the clamp, leaves the band.

    The band is fitted on the training windows when training begins, in the order of the training set, from the
    trainer's datamodule, or by `prepare`. It is part of the state dict. Batches are (x, y), or (x, y, index) with the
    row's index in the training set. `max_reinit` redraws the weights by `redraw` before training, at most so often,
    while more than the share `reinit_tolerance` of the validation windows leaves the band, and keeps the best draw.

    kernel, bandwidth, lipschitz, delta, noise, neighbours, radius: see `Band` (everything in units the network sees).
    The other arguments, and the metrics, as in `TrainingModule`; train_loss holds the penalty, val_loss needs none.
    """

    knows_slope = True

    def __init__(
        self,
        module: nn.Module,
        optimizer: OptimizerFactory | None = None,
        lr_scheduler: SchedulerFactory | None = None,
        loss: Loss = mse_loss,
        *,
        kernel: Kernel,
        bandwidth: float,
        lipschitz: float | Literal["estimate"],
        delta: float,
        noise: float | Literal["estimate"] = "estimate",
        neighbours: int | None = None,
        radius: float | None = None,
        bound_during_training: bool = False,
        bound_crossing_penalty: float = 0.0,
        max_reinit: int = 0,
        reinit_tolerance: float = 0.0,
        redraw: Callable[[nn.Module], None] = redraw_parameters,
        **manner: Unpack[Manner],
    ) -> None:
        super().__init__(module, optimizer, lr_scheduler, loss, **manner)
        self.error_band = Band(kernel, bandwidth, delta, neighbours, radius)
        self.lipschitz: float | Literal["estimate"] = lipschitz
        self.noise: float | Literal["estimate"] = noise
        self.bound_during_training = bound_during_training
        self.bound_crossing_penalty = bound_crossing_penalty
        self.max_reinit, self.reinit_tolerance, self.redraw = max_reinit, reinit_tolerance, redraw
        self._training_rows: RowTable | None = None
        self._validation_rows: RowTable | None = None
        self._prepared_by_hand = False
        self._drawn = False
        self._crossing: Tensor | None = None

    # --- the model ---------------------------------------------------------------------------------------------

    def forward(self, x: Tensor) -> Tensor:
        prediction = self.raw(x)
        if self.training and not self.bound_during_training:
            return prediction
        _, lower, upper = self.band(x)
        return self._hold(prediction, lower.to(prediction), upper.to(prediction))

    def raw(self, x: Tensor) -> Tensor:
        """What the network says before the clamp, (batch, 1, 1): the last step, where the stack returns more."""
        return last_steps(self.module(x), 1)

    def band(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Estimate, lower and upper border at windows x (batch, T, C), (batch, 1, 1) each, float64 on the CPU.

        The estimate is the centre of the band: the kernel regression, or the nearest sample where that band is tighter.
        """
        points = x.flatten(1)
        known = self._validation_rows
        if known is not None:
            values, found = known.find(points)
            if bool(found.all()):
                return _borders(values)
        return _borders(_columns(self.error_band(points)))

    def _training_band(self, x: Tensor, y: Tensor, index: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        table = self._training_rows
        if table is None:
            raise RuntimeError("the band has no training windows yet: call prepare(points, targets)")
        if index is not None:
            return _borders(table.values[index.to("cpu")])
        values, found = table.find(_keys(x, y))
        if not bool(found.all()):  # a window that was not prepared, such as an augmented one, has no own sample
            values = torch.where(found.unsqueeze(1), values, _columns(self.error_band(x.flatten(1))))
        return _borders(values)

    def _hold(self, prediction: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
        if not self.training:
            return prediction.clamp(lower, upper)
        # the value is the clamp's to the last bit, the derivative that of the prediction
        value = prediction.detach()
        return value.clamp(lower, upper) + (prediction - value)

    # --- training ----------------------------------------------------------------------------------------------

    def compare(self, batch: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        x, y = batch[0], batch[1]
        if not self.training:
            return self(x), y
        prediction = self.raw(x)
        if not self._trains_with_band:
            return prediction, y
        lower, upper = batch[2:] if len(batch) == 4 else self._training_borders(batch)
        lower, upper = lower.to(prediction), upper.to(prediction)
        if self.bound_crossing_penalty:
            self._crossing = (prediction - prediction.clamp(lower, upper)).square().mean()
        return (self._hold(prediction, lower, upper) if self.bound_during_training else prediction), y

    def training_step(self, batch: Sequence[Tensor], batch_idx: int) -> Tensor:
        """The band of all windows that are handed out together is looked up once: they become (x, y, lower, upper)."""
        if self._trains_with_band:
            batch = (*batch[:2], *self._training_borders(batch))
        return super().training_step(batch, batch_idx)

    def loss_and_slope(self, prediction: Tensor, batch: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """The slope of the held output passes straight through to the prediction, that of the penalty is added."""
        if not self._trains_with_band:
            return super().loss_and_slope(prediction, batch)
        lower, upper = batch[2:]
        held = prediction.clamp(lower.to(prediction), upper.to(prediction))
        loss, slope = super().loss_and_slope(held if self.bound_during_training else prediction, batch)
        if self.bound_crossing_penalty:
            excess = prediction - held
            loss = loss + self.bound_crossing_penalty * excess.square().mean()
            slope = slope + 2 * self.bound_crossing_penalty / excess.numel() * excess
        return loss, slope

    @property
    def _trains_with_band(self) -> bool:
        """Whether the training loss knows the band; without, a step is that of the bare network."""
        return self.bound_during_training or self.bound_crossing_penalty > 0

    def _training_borders(self, batch: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        x, y, *index = batch
        _, lower, upper = self._training_band(x, y, index[0] if index else None)
        return lower.to(y), upper.to(y)

    def predict_step(self, batch: Tensor | Sequence[Tensor], batch_idx: int = 0) -> dict[str, Tensor]:
        """The columns of a prediction for (x, y) or x alone, (batch, 1, 1) each, in the units that the network sees."""
        x = batch if isinstance(batch, Tensor) else batch[0]
        estimate, lower, upper = self.band(x)
        return {"y_predicted": self(x), "y_lower": lower, "y_upper": upper, "y_kernel": estimate}

    def _step(self, batch: Sequence[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        loss, prediction, target = super()._step(batch)
        crossing, self._crossing = self._crossing, None
        if crossing is not None:
            loss = loss + self.bound_crossing_penalty * crossing
        return loss, prediction, target

    # --- before training ---------------------------------------------------------------------------------------

    def setup(self, stage: str) -> None:
        """Fit the band and draw the weights; here, because a checkpoint that is resumed is loaded right after."""
        if stage != "fit":
            return
        datamodule = getattr(self.trainer, "datamodule", None)
        if datamodule is None and not self._prepared_by_hand:
            raise RuntimeError("give the trainer a datamodule, or call prepare(points, targets) first")
        if datamodule is None:
            return
        if not self._prepared_by_hand:
            self._fit_band(*_rows(datamodule.train_dataloader()))
        validation = datamodule.val_dataloader()
        if not validation:  # no validation part, nothing to judge a draw by
            return
        x, _ = _rows(validation)
        self._validation_rows = RowTable(x.flatten(1), _columns(self.error_band(x.flatten(1))))
        if not self._drawn and self.trainer.ckpt_path is None:
            self.draw(x)
        self._drawn = True

    def prepare(self, points: Tensor, targets: Tensor) -> None:
        """Fit the band on windows (samples, T, C), or points (samples, dim), and their outputs, in training-set order.

        Points prepared by hand are kept: `setup` does not take those of the datamodule instead.
        """
        self._fit_band(points, targets)
        self._prepared_by_hand = True

    def prepare_from(self, data: Any) -> None:
        """Fit the band on the windows of a datamodule's training part, as `setup` would."""
        self.prepare(*_rows(data.train_dataloader()))

    def _fit_band(self, points: Tensor, targets: Tensor) -> None:
        self.error_band.fit(points.flatten(1), targets.flatten(), self.lipschitz, self.noise)
        self._validation_rows = None
        self._training_rows = RowTable(_keys(points, targets), _columns(self.error_band.leave_one_out()))

    def draw(self, x: Tensor) -> float:
        """Redraw the weights until few enough of the windows x leave the band; returns the share that still does."""
        return keep_best_draw(
            self.module, self.redraw, lambda: self._share_outside(x), self.max_reinit, self.reinit_tolerance
        )

    @torch.no_grad()
    def _share_outside(self, x: Tensor) -> float:
        was_training = self.module.training
        self.module.eval()
        prediction = torch.cat([self.raw(part) for part in torch.split(x, ROWS_AT_ONCE)]).to("cpu", torch.float64)
        self.module.train(was_training)
        _, lower, upper = self.band(x)
        return float(((prediction < lower) | (prediction > upper)).double().mean())


def _columns(bounds: Bounds) -> Tensor:
    return torch.stack(bounds, dim=1)


def _borders(values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(batch, [estimate, half-width]) -> estimate, lower, upper, (batch, 1, 1) each."""
    estimate, half = values[:, 0, None, None], values[:, 1, None, None]
    return estimate, estimate - half, estimate + half


def _keys(x: Tensor, y: Tensor) -> Tensor:
    """A training window is known by its inputs and its output: equal inputs may have several measured outputs."""
    return torch.cat((x.flatten(1).double(), y.reshape(len(x), -1).double()), dim=1)


def _rows(loader: Any) -> tuple[Tensor, Tensor]:
    """All windows and outputs of a loader's data set, in its own order."""
    first = loader[0] if isinstance(loader, Sequence) else loader
    # a generator of its own: drawing from the global one would change the run
    ordered = DataLoader(
        first.dataset, batch_size=ROWS_AT_ONCE, collate_fn=first.collate_fn, generator=torch.Generator()
    )
    batches = [(batch[0], batch[1]) for batch in ordered]
    return torch.cat([x for x, _ in batches]), torch.cat([y for _, y in batches])
