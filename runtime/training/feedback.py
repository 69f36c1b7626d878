"""How a one-step model's predictions return to its window: which channels are fed back and which are measured."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from sysidc.compiler.windows import Layout, Placed

Steps = int | tuple[int, ...]


@dataclass(frozen=True)
class Feedback:
    """The channels of a window x (batch, time, channels) whose last step is k.

    `input_channels` and `output_channels` are positions in x, together all of them. `fed_back` gives for each output
    channel its place in the predicted y. The inputs are seen over their last `input_steps` steps, the outputs over
    their last `output_steps`, zeros before: one number each, or one per channel. None stands for the whole window.
    """

    input_channels: tuple[int, ...]
    output_channels: tuple[int, ...]
    fed_back: tuple[int, ...]
    input_steps: Steps | None = None
    output_steps: Steps | None = None

    def __post_init__(self) -> None:
        channels = sorted(self.input_channels + self.output_channels)
        if channels != list(range(len(channels))):
            raise ValueError(f"inputs {self.input_channels} and outputs {self.output_channels} must be all channels")
        if len(self.fed_back) != len(self.output_channels):
            raise ValueError(f"{len(self.output_channels)} output channels need as many places in y: {self.fed_back}")

    def row(self, inputs: Tensor | None, outputs: Tensor) -> Tensor:
        """Steps of x (batch, time, channels) from the inputs (header order) and y of the same steps."""
        if max(self.fed_back, default=-1) >= outputs.shape[-1]:
            raise ValueError(f"the model returns {outputs.shape[-1]} channels, fed back are {self.fed_back}")
        fed = outputs[..., list(self.fed_back)]
        if not self.input_channels:
            return fed if self._sorted else fed[..., self._order]
        assert inputs is not None
        both = torch.cat([inputs.to(fed.dtype), fed], dim=-1)
        return both if self._sorted else both[..., self._order]

    def mask(self, x: Tensor) -> Tensor | None:
        """1 inside each channel's own window, 0 before, (time, channels); None where every window is whole."""
        steps = [0] * x.shape[2]
        for channels, given in ((self.input_channels, self.input_steps), (self.output_channels, self.output_steps)):
            for place, channel in enumerate(channels):
                steps[channel] = _steps_of(given, place, x.shape[1])
        if min(steps) >= x.shape[1]:
            return None
        time = torch.arange(x.shape[1], device=x.device)[:, None]
        return (time >= x.shape[1] - torch.tensor(steps, device=x.device)).to(x.dtype)

    @property
    def _order(self) -> list[int]:
        channels = self.input_channels + self.output_channels
        return [channels.index(channel) for channel in range(len(channels))]

    @property
    def _sorted(self) -> bool:
        return self._order == sorted(self._order)


def autonomous(channels: int) -> Feedback:
    """Every channel is an output and fed back as it stands."""
    return Feedback((), tuple(range(channels)), tuple(range(channels)))


def feedback_of(layout: Layout) -> Feedback:
    """The feedback of a header in prediction mode.

    Raises ValueError where an output signal on the left is not predicted on the right.
    """
    places = _channel_ranges(layout.outputs)
    inputs: list[tuple[int, int]] = []
    outputs: list[tuple[int, int, int]] = []
    for signal, channels in _channel_ranges(layout.inputs).items():
        window = next(window for window in layout.inputs if window.signal == signal)
        if window.role == "input":
            inputs += [(channel, window.steps) for channel in channels]
        elif signal in places:
            outputs += [(channel, window.steps, place) for channel, place in zip(channels, places[signal], strict=True)]
        else:
            raise ValueError(f"the output {signal} is on the left and not predicted on the right: nothing to feed back")
    return Feedback(
        tuple(channel for channel, _ in inputs),
        tuple(channel for channel, _, _ in outputs),
        tuple(place for _, _, place in outputs),
        tuple(steps for _, steps in inputs),
        tuple(steps for _, steps, _ in outputs),
    )


def _channel_ranges(windows: tuple[Placed, ...]) -> dict[str, range]:
    ranges, first = {}, 0
    for window in windows:
        ranges[window.signal] = range(first, first + window.channels)
        first += window.channels
    return ranges


def _steps_of(given: Steps | None, place: int, whole: int) -> int:
    if given is None:
        return whole
    return given if isinstance(given, int) else given[place]
