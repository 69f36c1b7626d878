"""What each column is: time, the name of a record, an input, an output. Told by its name, else by its place."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sysidc.runtime.inspection import mistakes

TIME = re.compile(
    r"^(t|time|times|timestamp|datetime|date|seconds?|sec|clock|zeit)([\W_]*\[?\(?(s|sec|seconds?)?\]?\)?)$", re.I
)
RECORD = re.compile(
    r"^(run|record|experiment|trial|episode|batch|segment|sequence)s?([\W_]?(id|no|nr|number|index))?$", re.I
)
INPUT = re.compile(r"^(u|in|input|inputs|control|command|cmd|excitation|drive|actuator|stimulus)([\W_\d].*)?$", re.I)
OUTPUT = re.compile(r"^(y|out|output|outputs|measured|measurement|response|sensor)([\W_\d].*|est|meas)?$", re.I)
STATES = ({"x", "y", "z"}, {"x", "y"}, {"x1", "x2"}, {"x1", "x2", "x3"}, {"x0", "x1", "x2"})
"""Columns that are, alone in a file, the states of a system without an input."""


@dataclass(frozen=True)
class Roles:
    """Columns by role; `guessed` says, a sentence each, what the file was not asked about but guessed from."""

    time: str | None
    record: str | None
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    guessed: tuple[str, ...]


@dataclass(frozen=True)
class Given:
    """What the user said; empty where nothing was."""

    time: str | None = None
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()


def find_roles(path: str, given: Given, moving: Sequence[str], rising: Sequence[str], named: Sequence[str]) -> Roles:
    """`moving` are the columns of numbers that are not constant, `rising` those, and dates, that only grow, `named`
    those that keep a value for long stretches. Raises DataError."""
    guessed: list[str] = []
    time = given.time
    if time is None and (found := [name for name in rising if TIME.match(name)]):
        time = found[0]
        guessed.append(f"'{time}' is taken for the time: its name says so, and it only grows")
    record = next((name for name in named if RECORD.match(name) and name not in (*given.inputs, *given.outputs)), None)
    if record is not None:
        guessed.append(f"'{record}' is taken for the name of a record: its changes separate recordings")
    _distinct(path, [name for name in (time, *given.inputs, *given.outputs) if name is not None])
    free = [name for name in moving if name not in (time, record)]
    inputs, outputs, why = _signals(given, free)
    guessed += why
    if not outputs:
        raise mistakes.no_output(path, inputs) if inputs else mistakes.no_numbers(path, moving)
    return Roles(time, record, tuple(inputs), tuple(outputs), tuple(guessed))


def _distinct(path: str, columns: list[str]) -> None:
    for index, column in enumerate(columns):
        if column in columns[:index]:
            raise mistakes.two_roles(path, column)


def _signals(given: Given, free: Sequence[str]) -> tuple[list[str], list[str], list[str]]:
    """Inputs, outputs, and how they were guessed."""
    if given.inputs and given.outputs:
        return list(given.inputs), list(given.outputs), []
    rest = [name for name in free if name not in (*given.inputs, *given.outputs)]
    if given.inputs:
        likely = [name for name in rest if OUTPUT.match(name)] or rest
        return list(given.inputs), likely, [f"{_list(likely)} taken for outputs: the inputs were given"]
    named = {"input": [n for n in rest if INPUT.match(n)], "output": [n for n in rest if OUTPUT.match(n)]}
    if given.outputs:
        likely = named["input"] or rest
        return likely, list(given.outputs), [f"{_list(likely)} taken for inputs: the outputs were given"] * bool(likely)
    return _by_names(rest, named)


def _by_names(free: list[str], named: Mapping[str, list[str]]) -> tuple[list[str], list[str], list[str]]:
    inputs, outputs = named["input"], named["output"]
    others = [name for name in free if name not in (*inputs, *outputs)]
    if set(map(str.lower, free)) in STATES or len(free) == 1:
        return [], free, [f"{_list(free)} taken for outputs of a system without an input"]
    if inputs and outputs:
        why = [f"{_list(inputs)} taken for inputs and {_list(outputs)} for outputs, by their names"]
        left = [f"{_list(others)} left out: the names say neither input nor output"] if others else []
        return inputs, outputs, why + left
    if inputs:
        return inputs, others, [f"{_list(inputs)} taken for inputs by name, {_list(others)} for outputs"] * bool(others)
    if outputs and others:
        return others, outputs, [f"{_list(outputs)} taken for outputs by name, {_list(others)} for inputs"]
    if outputs:
        return [], outputs, [f"{_list(outputs)} taken for outputs by name; no input is left"]
    if not free:
        return [], [], []
    last, before = _list(free[-1:]), _list(free[:-1])
    told = f"the names say nothing: {last}, the last column, taken for the output, {before} for inputs"
    return free[:-1], free[-1:], [told]


def _list(names: Sequence[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)
