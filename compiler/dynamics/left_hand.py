"""The left-hand sides of equations: which state is moved, which channel of an output is assigned."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from sysidc.compiler.dynamics import sentences
from sysidc.compiler.dynamics.declarations import Declared
from sysidc.compiler.dynamics.formulas import Formula
from sysidc.compiler.dynamics.reading import KINDS, LEFT_HAND, Channels, Reader
from sysidc.dsl import syntax
from sysidc.dsl.records import dataclass, field
from sysidc.dsl.source import Span

Channel: TypeAlias = tuple[str, int]

CURES = {
    syntax.State: "write `der({0}) = ...` or `next({0}) = ...`",
    syntax.Let: "a let has one value, written where it is defined",
    syntax.Learn: "a learned number is found by the training",
}


@dataclass
class Equations:
    """Formulas of the states and of the output channels; `timed` is the first `der` or `next`."""

    states: dict[str, Formula] = field(default_factory=dict)
    outputs: dict[Channel, Formula] = field(default_factory=dict)
    timed: syntax.Name | None = None


class LeftHandReader:
    """Reads the equations of a block; `inputs` and `outputs` are None in a library, where any name may be either."""

    def __init__(
        self,
        declared: Mapping[str, Declared],
        inputs: Mapping[str, Channels] | None,
        outputs: Mapping[str, Channels] | None,
        reader: Reader,
    ):
        self.declared = declared
        self.inputs = inputs
        self.outputs = outputs
        self.reader = reader
        self.first: dict[Channel, Span] = {}
        self.moved: set[str] = set()
        self.found = Equations()

    def read(self, block: syntax.Dynamics) -> Equations:
        equations = [item for item in block.items if isinstance(item, syntax.Equation)]
        self.moved = {item.target.text for item in equations if item.function is not None}
        for item in equations:
            self._read(item)
        return self.found

    def _read(self, item: syntax.Equation) -> None:
        key = self._assigned(item) if item.function is None else self._moved(item, item.function)
        formula = self.reader.read(item.value)
        if key is None:
            return
        left = _left(item)
        if key in self.first:
            self.reader.report(sentences.equation_twice(left.text, left, self.first[key]))
            return
        self.first[key] = left
        known = 0.0 if formula is None else formula  # what is wrong with it has been reported
        if item.function is None:
            self.found.outputs[key] = known
        else:
            self.found.states[key[0]] = known

    def _moved(self, item: syntax.Equation, function: syntax.Name) -> Channel | None:
        """The state that `der(x) = ...` or `next(x) = ...` moves."""
        target = item.target
        if function.text not in LEFT_HAND:
            self.reader.report(sentences.unknown_side(function.text, function.span))
            return None
        self._keep_time(function)
        declared = self.declared.get(target.text)
        if isinstance(declared, syntax.State):
            return target.text, -1
        if declared is not None:
            kind, help = f"a {KINDS[type(declared)]}", f"declare a state: `state {target.text} = 0`"
            self.reader.report(sentences.wrong_target(target.text, kind, target.span, declared.name.span, help))
        elif self.inputs is not None and target.text in self.inputs:
            self._input_on_left(target, self.inputs[target.text])
        else:
            states = tuple(name for name, item in self.declared.items() if isinstance(item, syntax.State))
            self.reader.report(sentences.unknown_target(target.text, "state", target.span, states))
        return None

    def _keep_time(self, function: syntax.Name) -> None:
        timed = self.found.timed
        if timed is None:
            self.found.timed = function
        elif timed.text != function.text and "mixed-time" not in self.reader.told:
            self.reader.report(sentences.mixed_time(function.text, function.span, timed.text, timed.span))

    def _assigned(self, item: syntax.Equation) -> Channel | None:
        """The channel of an output that `y = ...` or `y[0] = ...` assigns."""
        target = item.target
        text = target.text
        if self.inputs is not None and text in self.inputs:
            self._input_on_left(target, self.inputs[text])
            return None
        signal = self.outputs.get(text) if self.outputs is not None else None
        named_like_a_state = self.outputs is None and text in self.moved
        if signal is None and text in self.declared and not named_like_a_state:
            self._local_on_left(target, self.declared[text])
            return None
        if signal is None and self.outputs is not None:
            self.reader.report(sentences.unknown_target(text, "output", target.span, tuple(self.outputs)))
            return None
        return self._channel(item, signal)

    def _channel(self, item: syntax.Equation, signal: Channels | None) -> Channel | None:
        text = item.target.text
        if item.index is not None:
            channel = self.reader.channel(text, signal, item.index)
            return None if channel is None else (text, channel)
        if signal is not None and signal.count > 1:
            self.reader.report(sentences.whole_signal(text, signal.count, item.target.span))
            return None
        return text, 0

    def _input_on_left(self, target: syntax.Name, signal: Channels) -> None:
        help = "an input is measured; write what it causes"
        self.reader.report(sentences.wrong_target(target.text, "an input", target.span, signal.declared, help))

    def _local_on_left(self, target: syntax.Name, declared: Declared) -> None:
        help = CURES[type(declared)].format(target.text)
        kind = f"a {KINDS[type(declared)]}"
        self.reader.report(sentences.wrong_target(target.text, kind, target.span, declared.name.span, help))


def _left(item: syntax.Equation) -> Span:
    """The text before the `=`."""
    span = item.span
    written = span.source.text[span.start : item.value.span.start]
    return Span(span.source, span.start, span.start + len(written[: written.rindex("=")].rstrip()))
