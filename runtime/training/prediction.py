"""Prediction training: a one-step model is rolled out over a horizon and compared with what was measured."""

from __future__ import annotations

from typing import Any, Unpack

from torch import Tensor, nn

from sysidc.runtime.training.carried import CarriedStack
from sysidc.runtime.training.feedback import Feedback, autonomous
from sysidc.runtime.training.step import Loss, Manner, OptimizerFactory, SchedulerFactory, TrainingModule
from sysidc.runtime.training.unroll import on_measured_windows, own_roll_out, roll_out_itself, unroll


class LightningPredictionTrainingModule(TrainingModule):
    """loss(y^, y) over the horizon H, y^[k+s] coming from the window that ends at k+s-1.

    A batch is (x, y) or (x, y, u): x (batch, time, channels) the window that ends at step k, y (batch, H, outputs) the
    next H steps, u (batch, H-1, inputs) the measured inputs k+1 .. k+H-1. H may differ from batch to batch. The outputs
    in the window are measured up to k and the model's own predictions after; with `teacher_forcing`, in training only,
    they are measured throughout. The module is any one-step model, returning (batch, 1, outputs), (batch, time,
    outputs), whose last step counts, or (batch, outputs). A stack with an AutoregressiveResidualWrapper at its top
    rolls itself out.

    `feedback` tells inputs from outputs; without it the system is autonomous. `state` is "window" (a recurrent layer
    starts anew on every window) or "carried" (it keeps its state from step to step): two different functions. Further
    arguments and metrics as in `TrainingModule`. Raises ValueError for shapes that do not fit each other.
    """

    def __init__(
        self,
        module: nn.Module,
        optimizer: OptimizerFactory | None = None,
        lr_scheduler: SchedulerFactory | None = None,
        loss: Loss = nn.functional.mse_loss,
        teacher_forcing: bool = False,
        feedback: Feedback | None = None,
        state: str = "window",
        *,
        second_order: bool = False,
        **manner: Unpack[Manner],
    ) -> None:
        super().__init__(module, optimizer, lr_scheduler, loss, second_order=second_order, **manner)
        if state not in ("window", "carried"):
            raise ValueError(f"state is 'window' or 'carried', not {state!r}")
        self.teacher_forcing = teacher_forcing
        self.feedback = feedback
        self.state = state
        self._carried = CarriedStack(module) if state == "carried" else None

    def compare(self, batch: Any) -> tuple[Tensor, Tensor]:
        x, y, *rest = batch
        inputs = rest[0] if rest else None
        if self.training and self.teacher_forcing:
            return self._forced(x, y, inputs), y
        prediction = self.roll_out(x, y.shape[1], inputs)
        wrapper = own_roll_out(self.module)
        if self.training and wrapper is not None:
            # the stack's own number follows the training horizon, so that it can be used by itself afterwards
            wrapper.steps = y.shape[1]
        return prediction, y

    def predict_step(self, batch: Any, batch_idx: int = 0) -> Tensor:
        """All H steps for a batch (x, y) or (x, y, u), one step for x alone."""
        if isinstance(batch, Tensor):
            return self.roll_out(batch, 1)
        x, *rest = batch
        return self.roll_out(x, rest[0].shape[1], *rest[1:]) if rest else self.roll_out(x, 1)

    def roll_out(self, x: Tensor, horizon: int, inputs: Tensor | None = None) -> Tensor:
        """The steps k+1 .. k+horizon on the model's own predictions, (batch, horizon, outputs)."""
        feedback = self._feedback_of(x, inputs, horizon)
        wrapper = own_roll_out(self.module)
        if wrapper is not None:
            return roll_out_itself(self.module, wrapper, x, horizon)
        if self._carried is not None:
            return self._carried.unroll(x, inputs, horizon, feedback)
        return unroll(self.module, x, inputs, horizon, feedback)

    def _forced(self, x: Tensor, y: Tensor, inputs: Tensor | None) -> Tensor:
        feedback = self._feedback_of(x, inputs, y.shape[1])
        wrapper = own_roll_out(self.module)
        if wrapper is not None:
            return on_measured_windows(
                lambda window: roll_out_itself(self.module, wrapper, window, 1), x, y, inputs, feedback
            )
        if self._carried is not None:
            return self._carried.on_measured_steps(x, y, inputs, feedback)
        return on_measured_windows(self.module, x, y, inputs, feedback)

    def _feedback_of(self, x: Tensor, inputs: Tensor | None, horizon: int) -> Feedback:
        feedback = self.feedback or autonomous(x.shape[2])
        n_inputs = len(feedback.input_channels)
        if n_inputs + len(feedback.output_channels) != x.shape[2]:
            raise ValueError(f"the feedback describes other channels than the {x.shape[2]} of x")
        wanted = (x.shape[0], horizon - 1, n_inputs)
        if n_inputs and horizon > 1 and (inputs is None or tuple(inputs.shape) != wanted):
            given = "none" if inputs is None else str(tuple(inputs.shape))
            raise ValueError(f"a roll-out of {horizon} steps needs measured inputs {wanted} after k, given: {given}")
        return feedback
