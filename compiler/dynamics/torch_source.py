"""Equations as readable torch source: functions of the states, the inputs and the learned numbers, each a tuple.

    def rates(states, inputs, numbers):
        x1, x2 = states
        u, = inputs
        k1, k2, k3 = numbers
        q = k2 * torch.sqrt(torch.clamp(x1, min=0.001))
        return k1 * u - q, q - k3 * torch.sqrt(torch.clamp(x2, min=0.001))

`rates` holds the derivatives of a block in continuous time, `following` the next states of one in discrete time,
`readings` the outputs, `slopes` the derivatives of the rates by the states. Numbers have no axes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sysidc.compiler.dynamics.derivatives import derivative, slopes_of_lets
from sysidc.compiler.dynamics.formulas import (
    Formula,
    as_tuples,
    channel_name,
    is_input,
    is_number,
    names,
    reads_of,
)
from sysidc.compiler.dynamics.identifiers import free_name, identifiers

HEADS = {"der": "rates", "next": "following"}
LOOSEST, SUM, PRODUCT, SIGN, POWER, ATOM = range(6)
STRENGTH = {"+": SUM, "-": SUM, "*": PRODUCT, "/": PRODUCT, "**": POWER}
PLAIN = {
    **{name: f"torch.{name}" for name in ("sqrt", "exp", "log", "sin", "cos", "tan", "tanh", "atan", "abs", "sign")},
    "relu": "torch.relu",
    "sigmoid": "torch.sigmoid",
}


def module_source(arguments: Mapping[str, Any], slopes: bool = False) -> str:
    """All functions of a block, as the text of a module that knows `torch` and `functional`."""
    writer = Writer(arguments)
    found = [writer.motion(), writer.readings()]
    return "\n\n".join([*found, writer.slopes()] if slopes else found) + "\n"


class Writer:
    """Writes the functions of one block; `arguments` are those of its node in the plan."""

    def __init__(self, arguments: Mapping[str, Any]):
        self.states = [row["name"] for row in arguments["states"]]
        self.numbers = [row["name"] for row in arguments["learn"]]
        self.channels = [
            channel_name(("input", row["name"], channel))
            for row in arguments["inputs"]
            for channel in range(row["channels"])
        ]
        self.lets: dict[str, Formula] = {row["name"]: as_tuples(row["formula"]) for row in arguments["lets"]}
        self.head = HEADS[arguments["kind"]]
        self.equations = [as_tuples(formula) for formula in arguments["equations"]]
        self.outputs = [as_tuples(formula) for formula in arguments["readings"]]
        self.python = identifiers(arguments)

    def motion(self) -> str:
        """`rates` or `following`: one value for each state."""
        return self._function(self.head, self.lets, self.equations)

    def readings(self) -> str:
        """`readings`: one value for each output channel."""
        return self._function("readings", self.lets, self.outputs)

    def slopes(self) -> str:
        """`slopes`: the derivatives of the motion, row after row, one column for each state."""
        lets, columns = dict(self.lets), []
        for state in self.states:
            found, slope = slopes_of_lets(self.lets, state)
            lets |= found
            columns.append([derivative(formula, slope) for formula in self.equations])
            for name in found:
                wanted = "d_" + "_d_".join(self.python[part] for part in name.split("'"))
                self.python[name] = free_name(wanted, self.python.values())
        flat = [column[row] for row in range(len(self.states)) for column in columns]
        return self._function("slopes", lets, flat)

    def _function(self, name: str, lets: Mapping[str, Formula], values: Sequence[Formula]) -> str:
        needed = _in_order(lets, values)
        read = set().union(*(reads_of(formula, lets) for formula in values))
        lines = [f"def {name}(states, inputs, numbers):"]
        for source, known in (("states", self.states), ("inputs", self.channels), ("numbers", self.numbers)):
            lines += self._unpacked(source, known, read)
        lines += [f"{self.python[let]} = {self.text(lets[let])}" for let in needed]
        written = [self._shaped(formula, lets) for formula in values]
        lines.append(f"return {', '.join(written)}{',' if len(written) == 1 else ''}")
        return "\n    ".join(lines)

    def _unpacked(self, source: str, known: Sequence[str], read: set[str]) -> list[str]:
        if not known or not read & set(known):
            return []
        targets = [self.python[name] if name in read else "_" for name in known]
        return [f"{', '.join(targets)}{',' if len(targets) == 1 else ''} = {source}"]

    def _shaped(self, formula: Formula, lets: Mapping[str, Formula]) -> str:
        """A value of the shape of a state; what depends on numbers alone has none of its own."""
        read = reads_of(formula, lets)
        if read & {*self.states, *self.channels}:
            return self.text(formula, SUM)
        shape = "torch.zeros_like(states[0])"
        return f"{shape} + {self.text(formula, PRODUCT)}" if formula != 0 else shape

    # --- formulas --------------------------------------------------------------------------------------------------

    def text(self, formula: Formula, least: int = LOOSEST) -> str:
        """A formula as an expression that binds at least as strongly as `least`."""
        strength, text = self._written(formula)
        return f"({text})" if strength < least else text

    def _written(self, formula: Formula) -> tuple[int, str]:
        if isinstance(formula, int | float):
            return (SIGN if formula < 0 else ATOM), number(formula)
        if isinstance(formula, str):
            return ATOM, self.python[formula]
        if is_input(formula):
            return ATOM, self.python[channel_name(formula)]
        name, *given = formula
        if name == "-" and len(given) == 1:
            return SIGN, f"-{self.text(given[0], SIGN)}"
        if name in STRENGTH:
            return STRENGTH[name], self._infix(name, *given)
        return ATOM, self._called(name, given)

    def _infix(self, name: str, left: Formula, right: Formula) -> str:
        own = STRENGTH[name]
        if name == "**":
            return f"{self.text(left, ATOM)} ** {self.text(right, SIGN)}"
        return f"{self.text(left, own)} {name} {self.text(right, own + 1)}"

    def _called(self, name: str, given: Sequence[Formula]) -> str:
        if name in PLAIN:
            return f"{PLAIN[name]}({self.text(given[0])})"
        match name:
            case "softplus":
                return f"functional.softplus({self.text(given[0])}, threshold=40)"
            case "//":
                return f"torch.floor({self.text(given[0], PRODUCT)} / {self.text(given[1], SIGN)})"
            case "clip":
                return self._clipped(*given)
            case "choose":
                return self._chosen(*given)
        return self._extreme(name, given)

    def _extreme(self, name: str, given: Sequence[Formula]) -> str:
        """min or max of several; torch.clamp takes a plain number, torch.minimum two tensors."""
        plain = [part for part in given if isinstance(part, int | float)]
        text = ""
        for part in given:
            if not is_number(part):
                other = self.text(part)
                text = f"torch.{name}imum({text}, {other})" if text else other
        if not plain:
            return text
        bound = number(min(plain) if name == "min" else max(plain))
        return f"torch.clamp({text}, {'max' if name == 'min' else 'min'}={bound})"

    def _clipped(self, x: Formula, low: Formula, high: Formula) -> str:
        if not is_number(x) and isinstance(low, int | float) and isinstance(high, int | float):
            return f"torch.clamp({self.text(x)}, {number(low)}, {number(high)})"
        inner: Formula = max(x, low) if isinstance(x, int | float) and isinstance(low, int | float) else ("max", x, low)
        return self._extreme("min", (inner, high))

    def _chosen(self, gap: Formula, first: Formula, second: Formula) -> str:
        condition = self.text(gap, SUM)
        if is_number(first) and is_number(second):
            like = self.text(gap)
            ends = (f"torch.full_like({like}, {self.text(end)})" for end in (first, second))
            return f"torch.where({condition} > 0, {', '.join(ends)})"
        return f"torch.where({condition} > 0, {self.text(first)}, {self.text(second)})"


def number(value: float) -> str:
    """A number as a person writes it, to the last bit: 2, 0.03, 1e-30."""
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(float(value))


def _in_order(lets: Mapping[str, Formula], values: Sequence[Formula]) -> list[str]:
    """The lets that values need, in the order of their computation."""
    needed: set[str] = set()
    waiting = list(values)
    while waiting:
        for name in names(waiting.pop()) - needed:
            if name in lets:
                needed.add(name)
                waiting.append(lets[name])
    return [name for name in lets if name in needed]
