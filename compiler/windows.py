"""Where the windows of a model's header lie in time: arithmetic of steps, shared by the checker and the runtime.

Steps are counted relative to k, the last step whose output is known. The output window covers k+1 .. k+M.
"""

from __future__ import annotations

from sysidc.dsl.records import dataclass


@dataclass(frozen=True)
class Window:
    """`steps` samples of a signal; None stands for the whole record."""

    signal: str
    steps: int | None


@dataclass(frozen=True)
class Placed:
    """The window of one signal inside the stack's time axis: its steps are first .. last, both relative to k."""

    signal: str
    role: str
    channels: int
    first: int
    last: int

    @property
    def steps(self) -> int:
        return self.last - self.first + 1


@dataclass(frozen=True)
class Layout:
    """The stack's time axis covers first .. last relative to k; the output covers 1 .. `horizon`.

    `inputs` are the windows of the header's left-hand side in its order, `outputs` those of the right-hand side.
    """

    inputs: tuple[Placed, ...]
    outputs: tuple[Placed, ...]

    @property
    def first(self) -> int:
        return min(window.first for window in self.inputs)

    @property
    def last(self) -> int:
        return max(window.last for window in self.inputs)

    @property
    def steps(self) -> int:
        """T, the length of the stack's time axis."""
        return self.last - self.first + 1

    @property
    def horizon(self) -> int:
        """M, the length of the output window."""
        return self.outputs[0].steps

    @property
    def known(self) -> int:
        """Samples of a record before the first one that can be predicted."""
        return max(0, 1 - self.first)

    @property
    def span(self) -> int:
        """Samples of a record that one window needs, inputs and outputs together."""
        return max(self.last, self.horizon) - min(self.first, 1) + 1


def place(
    inputs: tuple[tuple[str, str, int, int], ...],
    outputs: tuple[tuple[str, str, int, int], ...],
    mode: str,
) -> Layout:
    """Place windows given as (signal, role, channels, steps), all of known length, for a training mode.

    An output signal on the left ends at k. An input signal ends with the output window (k+M) in `simulation` and
    `bounded` mode, at k in `prediction` mode.
    """
    horizon = outputs[0][3]
    input_end = 0 if mode == "prediction" else horizon

    def left(window: tuple[str, str, int, int]) -> Placed:
        signal, role, channels, steps = window
        last = input_end if role == "input" else 0
        return Placed(signal, role, channels, last - steps + 1, last)

    return Layout(
        tuple(left(window) for window in inputs),
        tuple(Placed(signal, role, channels, 1, steps) for signal, role, channels, steps in outputs),
    )
